"""Collects the processes that have ended: our children, and the strangers that PID 1 inherits.

A pid cannot be given to another process before it is reaped, so until then it may be signalled safely.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count


@dataclass(frozen=True, slots=True)
class Reaped:
    """A process that has ended: by a code, or by a signal (then `code` is -1)."""

    pid: int
    code: int
    signal: int | None = None
    core_dumped: bool = False
    known: bool = True  # False: how it ended could not be found out (then `code` is -1, too)


def reap(limit: int | None = None) -> Iterator[Reaped]:
    """All that have ended by now, or `limit` of them at most.

    To be called where no spawn is under way: `subprocess` waits by itself for a child whose exec fails.
    """
    for _ in count() if limit is None else range(limit):
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        yield decode(pid, status)


def decode(pid: int, status: int) -> Reaped:
    """From the status that wait gives."""
    if os.WIFSIGNALED(status):
        return Reaped(pid, -1, os.WTERMSIG(status), os.WCOREDUMP(status))
    return Reaped(pid, os.WEXITSTATUS(status))
