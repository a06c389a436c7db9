#!/usr/bin/env python3
"""Hears SIGTERM, says so, and stays."""

import signal


def handle(number: int, _: object) -> None:
    """Speak of it, and do nothing else."""
    print(f"handle signal: {signal.Signals(number).name}", flush=True)


for signum in (signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM):
    signal.signal(signum, handle)
print("dockerapp2 is ready", flush=True)
while True:
    signal.pause()
