#!/usr/bin/env python3
"""dockerapp3.go of the article: two processes, each of which leaves on SIGTERM, if it gets one."""

import os
import signal
import sys

import dockerapp1
from dockerapp1 import NAMES, say


def handle(number: int) -> None:
    say(f"{os.getpid()}: handle signal: {NAMES[number]}")
    if number == signal.SIGTERM:
        say(f"{os.getpid()}: signal termiate received, app exit normally")
        sys.exit(0)


# Before the fork, so that neither of the two can miss a signal.
signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP})
child = os.fork()
if child == 0:
    say(f"i am in child process, pid = {os.getpid()}")
else:
    say(f"i am parent process, pid = {os.getpid()}")
    say(f"fork ok, childpid = {child}")
dockerapp1.serve(
    {signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM},
    handle,
    prefix=f"{os.getpid()}: ",
)
