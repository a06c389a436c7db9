#!/usr/bin/env python3
"""dockerapp2.go of the article: as dockerapp1, but SIGTERM is only spoken of, never obeyed."""

import signal

import dockerapp1

dockerapp1.serve(
    {signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM},
    lambda number: dockerapp1.handle(number, None, ""),
)
