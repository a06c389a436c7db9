"""How a snapshot gets to the code that goes on in the same process: as JSON in a file that exists only in memory."""

import json
import os
from collections.abc import Mapping
from typing import Any

from procman.errors import ProcmanError

# Holds the number of the file, and "check" behind it where nothing is to be taken over yet.
VARIABLE = "PROCMAN_RESUME"


class CannotTakeOver(ProcmanError):
    """What was handed over cannot be understood."""


def to_file(snapshot: Mapping[str, Any]) -> int:
    """Write it; returns the descriptor, which the caller closes."""
    fd = os.memfd_create("procman")
    with open(fd, "wb", closefd=False) as file:
        file.write(json.dumps(snapshot).encode())
    return fd


def from_file(fd: int) -> Any:
    """What was written; raises CannotTakeOver."""
    try:
        return json.loads(os.pread(fd, os.fstat(fd).st_size, 0))
    except (OSError, ValueError) as error:
        raise CannotTakeOver(f"cannot read what was handed over: {error}") from None
