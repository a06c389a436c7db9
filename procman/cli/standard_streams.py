"""Replaces stdin, stdout and stderr if a command was started without them, as by `procman >&-` or some schedulers."""

import os
import sys


def open_missing() -> None:
    """Open /dev/null in place of closed streams; otherwise the next opened file would take their number."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            stream = open(os.devnull, mode)  # noqa: SIM115 - for as long as the process lives
            os.set_inheritable(stream.fileno(), True)
            setattr(sys, name, stream)
