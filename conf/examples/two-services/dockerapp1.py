#!/usr/bin/env python3
"""Runs until SIGTERM; reports other signals."""

import signal
import sys


def handle(number: int) -> None:
    """Report the signal. A real service would finish its request, save its state and close its files here."""
    print(f"handle signal: {signal.Signals(number).name}", flush=True)
    if number == signal.SIGTERM:
        print("signal terminate received, app exit normally", flush=True)
        sys.exit(0)


SIGNALS = {signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM}
# Blocked and waited for, so that none is missed.
signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
print("dockerapp1 is ready", flush=True)
while True:
    handle(signal.sigwait(SIGNALS))
