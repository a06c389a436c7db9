"""What processes and all that they have started use of the machine, read from /proc in one look for all of them.

It takes about 30 us for each process of the machine, a tenth of what psutil takes: so many are for a thread, or for
steps with pauses. https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
"""

import os
from collections.abc import Iterator, Mapping, Sequence
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

# One process: the fields of its stat file, and its open descriptors (None where they may not be seen).
Member = tuple[list[bytes], int | None]


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
        members = list(tree_members(pid, look))
        if members:
            found[name] = tree_usage(members)
    return found


def tree_members(pid: int, look: ProcSnapshot) -> Iterator[Member]:
    """A process and its descendants, each read when it is asked for; none where the process itself has gone."""
    own = _stat(pid)
    if own is None:
        return
    yield own, open_descriptors(pid)
    for process in look.descendants(pid):
        stat = None if process.pid == pid else _stat(process.pid)
        if stat is not None:
            yield stat, open_descriptors(process.pid)


def tree_usage(members: Sequence[Member]) -> TreeUsage:
    """What these use together; the first one is the process itself."""
    stats = [stat for stat, _ in members]
    fds = [count for _, count in members]
    return TreeUsage(
        start=int(stats[0][_START]),
        processes=len(stats),
        threads=sum(int(stat[_THREADS]) for stat in stats),
        rss=sum(int(stat[_RSS]) for stat in stats) * _PAGE,
        cpu=sum(int(ticks) for stat in stats for ticks in stat[_CPU]) / TICKS,
        fds=None if None in fds else sum(count or 0 for count in fds),
    )


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
