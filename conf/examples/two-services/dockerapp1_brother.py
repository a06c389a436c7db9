#!/usr/bin/env python3
"""Leaves on SIGQUIT, which some servers take for "finish, and go"; SIGTERM would end it at once."""

import signal
import sys


def handle(number: int) -> None:
    """Finish, and go."""
    print(f"brother: handle signal: {signal.Signals(number).name}", flush=True)
    print("brother: signal quit received, app exit normally", flush=True)
    sys.exit(0)


# Held back and waited for, so that it is not missed, whenever it comes.
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGQUIT})
print("dockerapp1-brother is ready", flush=True)
handle(signal.sigwait({signal.SIGQUIT}))
