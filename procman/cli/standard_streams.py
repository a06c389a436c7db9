"""stdin, stdout and stderr of a command that was started without them, as by `procman >&-` or by some schedulers."""

from __future__ import annotations

import os
import sys


def open_missing() -> None:
    """Have what leads nowhere in the place of those that are closed: else the next file that is opened would be it."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            stream = open(os.devnull, mode)  # noqa: SIM115 - for as long as the process lives
            os.set_inheritable(stream.fileno(), True)
            setattr(sys, name, stream)
