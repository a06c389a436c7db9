"""The resources that a process and its descendants use, from psutil.

The first call imports psutil, so that most masters do without it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from procman.system.tree import ProcSnapshot


@dataclass(frozen=True, slots=True)
class ResourceUsage:
    """The sum for a process and its descendants; `rss` counts shared pages once for each of them."""

    processes: int
    threads: int
    rss: int  # bytes
    cpu: float  # seconds of user and system time since the start, with those of reaped children
    fds: int | None  # open descriptors; None if they may not be read


def figures(pid: int, look: ProcSnapshot) -> Iterator[ResourceUsage]:
    """Running totals for a process and its descendants, each with one process more; the last one is the result.

    Each step takes about 0.2 ms, so others can have their turn in between. Ended processes are skipped.
    """
    import psutil  # noqa: PLC0415 - see above

    count = threads = rss = fds = 0
    cpu = 0.0
    fds_seen = True
    for member in (pid, *(process.pid for process in look.descendants(pid))):
        try:
            process = psutil.Process(member)
            with process.oneshot():
                times = process.cpu_times()
                rss += process.memory_info().rss
                threads += process.num_threads()
                cpu += times.user + times.system + times.children_user + times.children_system
                count += 1
        except psutil.Error:
            # It has ended since the snapshot.
            continue
        try:
            fds += process.num_fds()
        except psutil.Error:
            fds_seen = False
        yield ResourceUsage(count, threads, rss, round(cpu, 2), fds if fds_seen else None)
