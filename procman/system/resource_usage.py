"""What a process and all that it has started use of the machine, as psutil tells it.

psutil is imported at the first call, so that most masters do without it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from procman.system.tree import ProcSnapshot


@dataclass(frozen=True, slots=True)
class ResourceUsage:
    """Of a process and its descendants together; `rss` counts shared pages once for each of them."""

    processes: int
    threads: int
    rss: int  # bytes
    cpu: float  # seconds of user and system time, ever; of those that have ended, what their parent has collected
    fds: int | None  # open descriptors; None where they may not be seen


def figures(pid: int, look: ProcSnapshot) -> Iterator[ResourceUsage]:
    """What a process uses with its descendants, summed up to one more of them each time: the last is the answer.

    Each step takes about 0.2 ms, so that others can have their turn in between; nothing comes of one that has gone.
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
            # It ended between the look at the tree and this one.
            continue
        try:
            fds += process.num_fds()
        except psutil.Error:
            fds_seen = False
        yield ResourceUsage(count, threads, rss, round(cpu, 2), fds if fds_seen else None)
