#!/usr/bin/env python3
"""A parent and a child; each leaves when it gets SIGTERM itself, and neither tells the other."""

import os
import signal
import sys


def say(text: str) -> None:
    """In one write, so that the lines of the two stay whole."""
    os.write(1, f"{who}: {text}\n".encode())


def handle(number: int) -> None:
    """Say which of the two has got it, and leave."""
    say(f"handle signal: {signal.Signals(number).name}")
    say("signal terminate received, app exit normally")
    sys.exit(0)


who = "parent"
# Held back and waited for, so that it is not missed, whenever it comes; before the fork, for the child too.
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
if os.fork() == 0:
    who = "child"
say("ready")
handle(signal.sigwait({signal.SIGTERM}))
