"""The kernel's data about processes: CPU time, wake-ups, memory, descendants."""

import os
import re
import signal
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Used:
    """What some processes used in some time."""

    cpu: float  # seconds
    wakeups: int


@dataclass(frozen=True, slots=True)
class Memory:
    rss: float  # MiB
    uss: float


class Meter:
    """What some processes use from now on; only those that exist both now and at the reading count.

    The descendants of a master that forks include copies of itself, until they become programs.
    """

    def __init__(self, pids: Iterable[int]) -> None:
        self._before = {pid: used for pid in pids if (used := _used(pid)) is not None}

    def read(self) -> Used:
        cpu, wakeups = 0.0, 0
        for pid, before in self._before.items():
            now = _used(pid)
            if now is not None:
                cpu += now.cpu - before.cpu
                wakeups += now.wakeups - before.wakeups
        return Used(cpu, wakeups)


def _used(pid: int) -> Used | None:
    """Sum of all threads, from the scheduler's nanoseconds; /proc/PID/stat has ticks of 10 ms."""
    cpu = wakeups = 0
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            cpu += int(_text(f"/proc/{pid}/task/{task}/schedstat").split()[0])
            status = _text(f"/proc/{pid}/task/{task}/status")
            wakeups += int(status.partition("\nvoluntary_ctxt_switches:")[2].split()[0])
    except (FileNotFoundError, ProcessLookupError):
        return None
    return Used(cpu / 1e9, wakeups)


def memory(pids: Iterable[int]) -> Memory:
    """RSS and unshared memory (USS) of all of them together."""
    kib = dict.fromkeys(("Rss", "Private_Clean", "Private_Dirty"), 0)
    for pid in pids:
        for name, number in re.findall(r"^(\w+): +(\d+) kB$", _text(f"/proc/{pid}/smaps_rollup"), re.MULTILINE):
            if name in kib:
                kib[name] += int(number)
    return Memory(kib["Rss"] / 1024, (kib["Private_Clean"] + kib["Private_Dirty"]) / 1024)


def family(pid: int) -> list[int]:
    """The process and all its descendants."""
    found = [pid]
    for one in found:
        for task in _listed(f"/proc/{one}/task"):
            try:
                found += map(int, _text(f"/proc/{one}/task/{task}/children").split())
            except OSError:
                pass
    return found


def overseers(pid: int, subject: str) -> list[int]:
    """The processes of a master's family that are not programs under test."""
    return [one for one in family(pid) if executable(one) != subject]


def end(pid: int, subject: str) -> None:
    """Kill a whole family, without letting any member start another process."""
    for one in overseers(pid, subject):
        _signal(one, signal.SIGSTOP)
    for one in family(pid):
        _signal(one, signal.SIGKILL)


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def executable(pid: int) -> str | None:
    try:
        return os.readlink(f"/proc/{pid}/exe")
    except OSError:
        return None


def _listed(path: str) -> list[str]:
    try:
        return os.listdir(path)
    except OSError:
        return []


def _text(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read()
