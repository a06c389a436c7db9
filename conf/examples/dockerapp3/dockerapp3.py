#!/usr/bin/env python3
"""A parent and a child; each ends when it gets SIGTERM itself, and neither forwards it."""

import os
import signal
import sys


def say(text: str) -> None:
    """Print in one write, so that lines of the two are never mixed."""
    os.write(1, f"{who}: {text}\n".encode())


def handle(number: int) -> None:
    """Report which of the two got the signal, and end."""
    say(f"handle signal: {signal.Signals(number).name}")
    say("signal terminate received, app exit normally")
    sys.exit(0)


who = "parent"
# Blocked and waited for, so that it is not missed; before the fork, so also in the child.
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
if os.fork() == 0:
    who = "child"
say("ready")
handle(signal.sigwait({signal.SIGTERM}))
