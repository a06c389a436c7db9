#!/usr/bin/env python3
"""dockerapp1.go of the article, in Python: says which signal it got; SIGTERM makes it leave by itself.

As in Go with `signal.Notify(c)`, every signal arrives here, and one that nobody has registered ends the program
with status 1.
"""

import os
import signal
import sys
from collections.abc import Callable

# What Go calls them.
NAMES: dict[int, str] = {
    signal.SIGHUP: "hangup",
    signal.SIGINT: "interrupt",
    signal.SIGQUIT: "quit",
    signal.SIGUSR1: "user defined signal 1",
    signal.SIGUSR2: "user defined signal 2",
    signal.SIGTERM: "terminated",
    signal.SIGCHLD: "child exited",
}


def say(text: str) -> None:
    # In one write, as Go has it: two processes may share the pipe.
    os.write(1, f"{text}\n".encode())


def handle(number: int, leave_on: signal.Signals | None, farewell: str) -> None:
    say(f"handle signal: {NAMES[number]}")
    if number == leave_on:
        say(f"signal {farewell} received, app exit normally")
        sys.exit(0)


def serve(registered: set[signal.Signals], handler: Callable[[int], None], prefix: str = "") -> None:
    """Wait for signals for ever."""
    signals = signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    while True:
        number = signal.sigwait(signals)
        if number in registered:
            handler(number)
        else:
            name = NAMES.get(number, f"signal {number}")
            say(f"{prefix}unknown signal received: {name}, app exit unexpectedly")
            # At once and with everything: a thread of Go leaves with os.Exit.
            os._exit(1)


if __name__ == "__main__":
    serve(
        {signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM},
        # The article's own spelling.
        lambda number: handle(number, signal.SIGTERM, "termiate"),
    )
