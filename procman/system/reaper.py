"""Collects ended processes: our children, and the orphans that PID 1 inherits.

A pid cannot be reused before the process is reaped, so until then it can be signalled safely.
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
    known: bool = True  # False: how it ended is unknown (then `code` is -1, too)


def reap(limit: int | None = None) -> Iterator[Reaped]:
    """All that have ended by now, at most `limit` of them.

    Not to be called during a spawn, since `subprocess` itself waits for a child whose exec fails.
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
    """Decodes a status of wait(2)."""
    if os.WIFSIGNALED(status):
        return Reaped(pid, -1, os.WTERMSIG(status), os.WCOREDUMP(status))
    return Reaped(pid, os.WEXITSTATUS(status))
