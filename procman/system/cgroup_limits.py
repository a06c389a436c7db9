"""What a cgroup of version 2 lets its processes use together, and what they use.

https://docs.kernel.org/admin-guide/cgroup-v2.html#controllers
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from procman.system.cgroup_controllers import read, write

UNLIMITED = -1
_PERIOD = 100_000  # of cpu.max, in microseconds
_USUAL_WEIGHT = 100

Limit = tuple[int, bool]
"""A number, UNLIMITED: none; and whether it is a best effort."""


class Setting(NamedTuple):
    """One file of a leaf."""

    option: str
    controller: str
    file: str
    text: str
    optional: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CgroupLimits:
    """The limits of one leaf; None: not set. `cpu_max` is in per cent of one processor."""

    memory_max: Limit | None = None
    memory_high: Limit | None = None
    cpu_max: Limit | None = None
    cpu_weight: Limit | None = None
    pids_max: Limit | None = None
    oom_group: bool | None = None  # None: where memory is limited

    def __bool__(self) -> bool:
        """Whether there is anything to write."""
        if self is NO_CGROUP_LIMITS:  # most programs have that very object, and each start asks
            return False
        limits = (self.memory_max, self.memory_high, self.cpu_max, self.cpu_weight, self.pids_max)
        return bool(self.oom_group) or limits.count(None) < len(limits)

    def settings(self) -> list[Setting]:
        """What is written where."""
        found = [
            Setting(option, controller, file, text, limit[1])
            for option, controller, file, limit, text in (
                ("memory_max", "memory", "memory.max", self.memory_max, _plain(self.memory_max)),
                ("memory_high", "memory", "memory.high", self.memory_high, _plain(self.memory_high)),
                ("cpu_max", "cpu", "cpu.max", self.cpu_max, _quota(self.cpu_max)),
                ("cpu_weight", "cpu", "cpu.weight", self.cpu_weight, _plain(self.cpu_weight)),
                ("pids_max", "pids", "pids.max", self.pids_max, _plain(self.pids_max)),
            )
            if limit is not None
        ]
        memory = [limit for limit in (self.memory_max, self.memory_high) if limit is not None]
        if self.oom_group or (self.oom_group is None and memory):
            optional = bool(memory) and all(limit[1] for limit in memory)
            found.append(Setting("oom_group", "memory", "memory.oom.group", "1", optional))
        return found


NO_CGROUP_LIMITS = CgroupLimits()

_UNSET = {
    "memory.max": "max",
    "memory.high": "max",
    "cpu.max": f"max {_PERIOD}",
    "cpu.weight": str(_USUAL_WEIGHT),
    "pids.max": "max",
    "memory.oom.group": "0",
}


def put(folder: str, settings: Iterable[Setting]) -> tuple[list[str], list[str]]:
    """Write them to a leaf; returns what could not be set, with the reason, and the same of what was a best effort."""
    failed: list[str] = []
    left_out: list[str] = []
    for one in settings:
        try:
            write(f"{folder}/{one.file}", one.text)
        except FileNotFoundError:
            reason = f"the cgroup {folder} does not have the controller {one.controller}"
        except OSError as error:
            reason = f"{folder}/{one.file}: {error.strerror}"
        else:
            continue
        (left_out if one.optional else failed).append(f"cannot set {one.option}: {reason}")
    return failed, left_out


def changes(before: CgroupLimits, after: CgroupLimits) -> list[Setting]:
    """What makes one of the other; what is not set any more is as it is in a new cgroup."""
    old, new = before.settings(), after.settings()
    now_set = {one.file for one in new}
    unset = [one._replace(text=_UNSET[one.file]) for one in old if one.file not in now_set]
    texts = {one.file: one.text for one in old}
    return [*unset, *(one for one in new if texts.get(one.file) != one.text)]


@dataclass(frozen=True, slots=True)
class CgroupUse:
    """What the processes of a leaf use, and may use; None: not known, or no limit. Memory is in bytes."""

    memory: int | None
    memory_peak: int | None
    memory_max: int | None
    memory_high: int | None
    pids: int | None
    pids_max: int | None
    throttled: int | None  # how often their processor time was used up


def use_of(folder: str) -> CgroupUse:
    """Never raises."""
    return CgroupUse(
        memory=_number(f"{folder}/memory.current"),
        memory_peak=_number(f"{folder}/memory.peak"),
        memory_max=_number(f"{folder}/memory.max"),
        memory_high=_number(f"{folder}/memory.high"),
        pids=_number(f"{folder}/pids.current"),
        pids_max=_number(f"{folder}/pids.max"),
        throttled=_throttled(folder),
    )


def _plain(limit: Limit | None) -> str:
    return "" if limit is None else "max" if limit[0] == UNLIMITED else str(limit[0])


def _quota(limit: Limit | None) -> str:
    if limit is None:
        return ""
    return f"max {_PERIOD}" if limit[0] == UNLIMITED else f"{limit[0] * _PERIOD // 100} {_PERIOD}"


def _number(path: str) -> int | None:
    try:
        return int(read(path))
    except (OSError, ValueError):
        return None  # "max", too


def _throttled(folder: str) -> int | None:
    try:
        for line in read(f"{folder}/cpu.stat").splitlines():
            name, _, value = line.partition(" ")
            if name == "nr_throttled":
                return int(value)
    except (OSError, ValueError):
        pass
    return None
