#!/usr/bin/env python3
"""A parent and a child; each leaves when it gets SIGTERM itself, and neither tells the other."""

import os
import signal
import sys


def say(text: str) -> None:
    """In one write, so that the lines of the two stay whole."""
    os.write(1, f"{who}: {text}\n".encode())


def handle(number: int, _: object) -> None:
    """Say which of the two has got it, and leave."""
    say(f"handle signal: {signal.Signals(number).name}")
    say("signal terminate received, app exit normally")
    sys.exit(0)


who = "parent"
# Before the fork, so that the child is never without it.
signal.signal(signal.SIGTERM, handle)
if os.fork() == 0:
    who = "child"
say("ready")
while True:
    signal.pause()
