"""Collects ended processes: our children, and the orphans that PID 1 inherits.

A pid cannot be reused before the process is reaped, so until then it can be signalled safely.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any, NamedTuple


class Rusage(NamedTuple):
    """What a process has used until its end, with those of its children that it has waited for (getrusage(2))."""

    max_rss: int  # bytes; of the largest of them
    user: float  # seconds
    system: float
    major_faults: int  # pages that had to be read from a disk
    voluntary_switches: int  # it waited for something
    involuntary_switches: int  # its time on the processor was over


@dataclass(frozen=True, slots=True)
class Reaped:
    """A process that has ended: by a code, or by a signal (then `code` is -1)."""

    pid: int
    code: int
    signal: int | None = None
    core_dumped: bool = False
    known: bool = True  # False: how it ended is unknown (then `code` is -1, too)
    usage: Rusage | None = field(default=None, compare=False)  # None: another process has reaped it


def reap(limit: int | None = None) -> Iterator[Reaped]:
    """All that have ended by now, at most `limit` of them.

    Not to be called during a spawn, since `subprocess` itself waits for a child whose exec fails.
    """
    for _ in count() if limit is None else range(limit):
        try:
            pid, status, usage = os.wait4(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        yield decode(pid, status, _rusage(usage))


def has_children() -> bool:
    """Whether there is a child, alive or not reaped yet."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def decode(pid: int, status: int, usage: Rusage | None = None) -> Reaped:
    """Decodes a status of wait(2)."""
    if os.WIFSIGNALED(status):
        return Reaped(pid, -1, os.WTERMSIG(status), os.WCOREDUMP(status), usage=usage)
    return Reaped(pid, os.WEXITSTATUS(status), usage=usage)


def _rusage(found: Any) -> Rusage:
    # Linux counts ru_maxrss in KiB.
    return Rusage(
        found.ru_maxrss * 1024, found.ru_utime, found.ru_stime, found.ru_majflt, found.ru_nvcsw, found.ru_nivcsw
    )
