#!/usr/bin/env python3
"""Serves until it gets SIGTERM; other signals it only speaks of."""

import signal
import sys


def handle(number: int) -> None:
    """What a real service does here: finish the request in hand, write down what it knows, close what is open."""
    print(f"handle signal: {signal.Signals(number).name}", flush=True)
    if number == signal.SIGTERM:
        print("signal terminate received, app exit normally", flush=True)
        sys.exit(0)


SIGNALS = {signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM}
# Held back and waited for, so that none is missed, whenever it comes.
signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
print("dockerapp1 is ready", flush=True)
while True:
    handle(signal.sigwait(SIGNALS))
