#!/usr/bin/env python3
"""Hears SIGTERM, says so, and stays."""

import signal


def handle(number: int) -> None:
    """Speak of it, and do nothing else."""
    print(f"handle signal: {signal.Signals(number).name}", flush=True)


SIGNALS = {signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM}
# Held back and waited for, so that none is missed, whenever it comes.
signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
print("dockerapp2 is ready", flush=True)
while True:
    handle(signal.sigwait(SIGNALS))
