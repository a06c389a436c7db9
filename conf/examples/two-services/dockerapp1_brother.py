#!/usr/bin/env python3
"""Leaves on SIGQUIT, which some servers take for "finish, and go"; SIGTERM would end it at once."""

import signal
import sys


def handle(number: int, _: object) -> None:
    """Finish, and go."""
    print(f"brother: handle signal: {signal.Signals(number).name}", flush=True)
    print("brother: signal quit received, app exit normally", flush=True)
    sys.exit(0)


signal.signal(signal.SIGQUIT, handle)
print("dockerapp1-brother is ready", flush=True)
while True:
    signal.pause()
