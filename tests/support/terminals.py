"""procmanctl on a real terminal of the test."""

import contextlib
import os
import sys
from collections.abc import Iterator

import pexpect

from tests.support.log_lines import PATIENCE
from tests.support.masters_in_turn import MastersInTurn
from tests.support.running_master import RunningMaster


@contextlib.contextmanager
def on_terminal(
    master: RunningMaster | MastersInTurn, *words: str, rows: int = 30, columns: int = 100
) -> Iterator[pexpect.spawn]:
    """A procmanctl on a terminal of its own, which ends with the block."""
    call = ["-m", "procman.cli.procmanctl", "-s", f"unix://{master.socket}", *words]
    child = pexpect.spawn(
        sys.executable,
        call,
        dimensions=(rows, columns),
        encoding="utf-8",
        timeout=PATIENCE,
        env={**os.environ, "TERM": "xterm"},
    )
    try:
        yield child
    finally:
        child.close(force=True)
