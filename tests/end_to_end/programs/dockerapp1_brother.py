#!/usr/bin/env python3
"""dockerapp1's brother: the same program, but the signal it leaves on is SIGQUIT, and SIGTERM means nothing to it."""

import signal

import dockerapp1

dockerapp1.serve(
    {signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGQUIT},
    lambda number: dockerapp1.handle(number, signal.SIGQUIT, "quit"),
)
