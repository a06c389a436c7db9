"""What processes and all that they have started use of the machine, read from /proc in one look for all of them.

It blocks for about 30 us for each process of the machine, so it is for a thread. psutil, which tells the same of one
process for people (`resource_usage`), takes ten times as long, and memory. https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from procman.system.cgroup import Leaf
from procman.system.proc import STAT_MAX, TICKS
from procman.system.tree import ProcSnapshot

_PAGE = os.sysconf("SC_PAGE_SIZE")
# Fields of /proc/PID/stat, counted from the state.
_CPU = slice(11, 15)  # user and system time of its own, and of children that it has waited for; in ticks
_THREADS = 17
_START = 19
_RSS = 21


@dataclass(frozen=True, slots=True)
class TreeUsage:
    """Of a process and its descendants together; `rss` counts shared pages once for each of them."""

    start: int  # of the process itself, in ticks since boot: it tells one run from the next
    processes: int
    threads: int
    rss: int  # bytes
    cpu: float  # seconds of user and system time; of those that have ended, what their parent has collected
    fds: int | None  # open descriptors; None where they may not be seen


def usages(pids: Mapping[str, int]) -> dict[str, TreeUsage]:
    """By the names that are given to the processes, without those that have gone. Raises CannotLook."""
    look = ProcSnapshot()
    while not look.read():
        pass
    found = {}
    for name, pid in pids.items():
        used = _usage(pid, look)
        if used is not None:
            found[name] = used
    return found


@dataclass(frozen=True, slots=True)
class Members:
    """Whose memory is summed up."""

    pid: int
    cgroup: Leaf | None = None  # what is in there belongs to it, too
    shared_once: bool = False  # pss: of a page that processes share each has its part; else rss


def memories(wanted: Mapping[str, Members]) -> dict[str, int | None]:
    """The memory of each of these and its descendants, in bytes; None where that may not be seen. Raises CannotLook."""
    look = ProcSnapshot()
    while not look.read():
        pass
    return {name: _memory(members, look) for name, members in wanted.items()}


def _memory(members: Members, look: ProcSnapshot) -> int | None:
    of = _pss if members.shared_once else _rss
    own = of(members.pid)
    if own is None:
        return None
    others = {process.pid for process in look.descendants(members.pid)}
    if members.cgroup is not None:
        others.update(members.cgroup.pids())
    # One that has ended meanwhile uses nothing.
    return own + sum(of(pid) or 0 for pid in others - {members.pid})


def _rss(pid: int) -> int | None:
    found = _stat(pid)
    return None if found is None else int(found[_RSS]) * _PAGE


def _pss(pid: int) -> int | None:
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii", errors="replace") as file:
            return next((int(line.split()[1]) * 1024 for line in file if line.startswith("Pss:")), None)
    except (OSError, ValueError, IndexError):
        return None


def open_descriptors(pid: int | str) -> int | None:
    """How many a process has ("self": this one), 0 if it has gone; None where they may not be seen."""
    folder = f"/proc/{pid}/fd"
    try:
        # From Linux 6.2 on the size of the folder is their number, and may be seen for every process.
        return os.stat(folder).st_size or len(os.listdir(folder))
    except (FileNotFoundError, ProcessLookupError):
        return 0
    except OSError:
        return None


def _usage(pid: int, look: ProcSnapshot) -> TreeUsage | None:
    own = _stat(pid)
    if own is None:
        return None
    others = [process.pid for process in look.descendants(pid) if process.pid != pid]
    members = [own, *(stat for other in others if (stat := _stat(other)) is not None)]
    fds = [open_descriptors(member) for member in (pid, *others)]
    return TreeUsage(
        start=int(own[_START]),
        processes=len(members),
        threads=sum(int(stat[_THREADS]) for stat in members),
        rss=sum(int(stat[_RSS]) for stat in members) * _PAGE,
        cpu=sum(int(ticks) for stat in members for ticks in stat[_CPU]) / TICKS,
        fds=None if None in fds else sum(count or 0 for count in fds),
    )


def _stat(pid: int) -> list[bytes] | None:
    """The fields from the state on; None of a process that has gone."""
    try:
        fd = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        line = os.read(fd, STAT_MAX)
    except OSError:
        return None
    finally:
        os.close(fd)
    # The name may hold blanks and brackets: the fields begin behind the last bracket.
    fields = line[line.rfind(b")") + 2 :].split(b" ")
    return fields if len(fields) > _RSS else None
