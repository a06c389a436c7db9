#!/usr/bin/env python3
"""Serves until it gets SIGTERM; other signals it only speaks of."""

import signal
import sys


def handle(number: int, _: object) -> None:
    """What a real service does here: finish the request in hand, write down what it knows, close what is open."""
    print(f"handle signal: {signal.Signals(number).name}", flush=True)
    if number == signal.SIGTERM:
        print("signal terminate received, app exit normally", flush=True)
        sys.exit(0)


for signum in (signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM):
    signal.signal(signum, handle)
print("dockerapp1 is ready", flush=True)
while True:
    signal.pause()
