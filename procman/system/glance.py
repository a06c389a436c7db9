"""A glance at one process that is about to be killed: what it uses, and whether it runs, waits or stands still.

It takes about 0.1 ms, reads /proc alone and takes no lock that the process could hold. So it has where in the kernel a
process waits, and not its kernel stack: for that one, Linux waits until an exec of the process is over.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from procman.system.proc import STAT_MAX, TICKS

# So many descriptors are counted.
MOST_FDS = 10_000
# So many processes of a tree, and threads of each, are looked at.
MOST_OF_TREE = 20
_MOST_THREADS = 64

_PAGE = os.sysconf("SC_PAGE_SIZE")
_STATES = {
    "R": "running",
    "S": "sleeping",
    "D": "in an uninterruptible sleep, waiting for a disk or the like",
    "T": "stopped by a signal (SIGSTOP, SIGTSTP)",
    "t": "stopped by a debugger",
    "Z": "ended already",
}


class Doing(NamedTuple):
    """What a process of a tree does."""

    pid: int
    command: str  # the kernel's name for it
    state: str  # in words
    waits_in: str  # the function of the kernel, such as do_sys_poll; "": it does not wait, or that may not be seen


@dataclass(frozen=True, slots=True)
class Glance:
    """Of the process alone, without what it has started."""

    state: str  # in words
    threads: int
    rss: int  # bytes
    cpu: float  # seconds of user and system time
    fds: int | None  # open descriptors, MOST_FDS at most; None where they may not be seen
    processes: int = 1
    tree: tuple[Doing, ...] = ()  # it and what it has started, MOST_OF_TREE at most


def glance(pid: int) -> Glance | None:
    """Look at it; None where it has gone, or may not be seen."""
    fields = _read(f"/proc/{pid}/stat").rpartition(b")")[2].split()
    try:
        # Counted from the state, see proc_pid_stat(5).
        letter, user, system, threads, rss = (fields[place] for place in (0, 11, 12, 17, 21))
    except IndexError:
        return None
    return Glance(
        state=_STATES.get(letter.decode(), letter.decode()),
        threads=int(threads),
        rss=int(rss) * _PAGE,
        cpu=(int(user) + int(system)) / TICKS,
        fds=_count_fds(pid),
        tree=tuple(_tree(pid)),
    )


def _tree(pid: int) -> Iterator[Doing]:
    pids = [pid]
    for one in pids:
        words = _read(f"/proc/{one}/stat")
        name, _, rest = words.partition(b"(")[2].rpartition(b")")
        if rest:
            letter = rest[1:2].decode()
            waits_in = _read(f"/proc/{one}/wchan").decode(errors="replace")
            yield Doing(one, os.fsdecode(name), _STATES.get(letter, letter), "" if waits_in == "0" else waits_in)
        pids += _children(one)[: MOST_OF_TREE - len(pids)]


def _children(pid: int) -> list[int]:
    try:
        threads = os.listdir(f"/proc/{pid}/task")[:_MOST_THREADS]
    except OSError:
        return []
    return [int(child) for thread in threads for child in _read(f"/proc/{pid}/task/{thread}/children").split()]


def _read(path: str) -> bytes:
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return os.read(file, STAT_MAX)
    except OSError:
        return b""
    finally:
        os.close(file)


def _count_fds(pid: int) -> int | None:
    try:
        with os.scandir(f"/proc/{pid}/fd") as entries:
            return sum(1 for _ in islice(entries, MOST_FDS))
    except OSError:
        return None
