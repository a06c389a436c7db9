"""How often the kernel has run out of memory here, and ended processes for it: it counts both for each cgroup.

A container, and a unit of systemd, is a cgroup. A look reads one or two small files of a pseudo file system (20 us) and
never waits for a disk. Who compares a look before with one after knows what happened between the two.
https://docs.kernel.org/admin-guide/cgroup-v2.html#memory-interface-files
"""

import os
from dataclasses import dataclass
from enum import Enum

from procman.system.cgroup import locate, read_own

_VMSTAT = "/proc/vmstat"
# What version 1 shows where there is no limit: the largest number of pages, in bytes. No machine has half of it.
_NO_LIMIT = 1 << 62


class Whose(Enum):
    """Whose memory is counted; the word is for sentences."""

    PROGRAM = "program"  # the cgroup of one program
    CONTAINER = "container"
    UNIT = "unit"  # systemd's
    SESSION = "session"  # of a user who has logged in
    MACHINE = "machine"  # no cgroup counts here
    NOBODY = ""  # not even the machine does


@dataclass(frozen=True, slots=True)
class MemoryCounters:
    """One look; None: that is not counted here."""

    kills: int | None = None  # oom_kill: processes that the kernel has ended for want of memory
    limit_hits: int | None = None  # oom: how often the limit was reached, and nothing could be given back
    limit: int | None = None  # bytes; None: there is none, or it may not be seen


@dataclass(frozen=True, slots=True)
class MemoryChange:
    """What has happened between two looks."""

    whose: Whose
    before: MemoryCounters
    after: MemoryCounters

    @property
    def known(self) -> bool:
        """Whether anything is counted."""
        return self.after.kills is not None

    @property
    def kills(self) -> int:
        """How many processes the kernel has ended between them."""
        return max(0, (self.after.kills or 0) - (self.before.kills or 0))

    @property
    def limit_was_hit(self) -> bool:
        """Whether it was the limit of this cgroup; otherwise memory was short further out."""
        if self.after.limit_hits is None:
            return self.after.limit is not None
        return self.after.limit_hits > (self.before.limit_hits or 0)


class MemoryEvents:
    """The counters of one cgroup, or of the machine."""

    def __init__(self, folder: str | None, whose: Whose) -> None:
        """`folder` is a cgroup of version 1 or 2; None: the machine's own counters."""
        self.folder = folder
        self.whose = whose
        old = folder is not None and os.path.exists(f"{folder}/memory.oom_control")
        self._events = _VMSTAT if folder is None else f"{folder}/{'memory.oom_control' if old else 'memory.events'}"
        self._limit = None if folder is None else f"{folder}/{'memory.limit_in_bytes' if old else 'memory.max'}"

    def look(self) -> MemoryCounters:
        """As they are now; never raises."""
        counted = _numbers(self._events)
        limit = _read(self._limit).strip() if self._limit else ""
        limited = limit.isdecimal() and int(limit) < _NO_LIMIT
        return MemoryCounters(counted.get("oom_kill"), counted.get("oom"), int(limit) if limited else None)


def own_memory_events() -> MemoryEvents:
    """Those of this process's cgroup, or else the nearest above that counts; without any, the machine's."""
    try:
        cgroups, mounts = read_own()
    except OSError:
        cgroups = mounts = ""
    folder = _counting(cgroups, mounts)
    if folder is not None:
        return MemoryEvents(folder, _whose(cgroups))
    machine = MemoryEvents(None, Whose.MACHINE)
    return machine if machine.look().kills is not None else MemoryEvents(None, Whose.NOBODY)


def memory_events_of(pid: int, ours: MemoryEvents) -> MemoryEvents | None:
    """Those of the cgroup that this process is in; None where that is `ours`, or is not known."""
    cgroups, own = (_read(f"/proc/{who}/cgroup") for who in (pid, "self"))
    if cgroups in ("", own):
        return None  # as almost always: mountinfo, which can be long, is not read
    try:
        _, mounts = read_own()
    except OSError:
        return None
    folder = _counting(cgroups, mounts)
    return None if folder is None or folder == ours.folder else MemoryEvents(folder, Whose.PROGRAM)


def _counting(cgroups: str, mounts: str) -> str | None:
    """The folder that counts for a process, by its /proc/PID/cgroup and a mountinfo."""
    for controller, name in (("memory", "memory.oom_control"), (None, "memory.events")):
        folder = locate(cgroups, mounts, controller)
        # Of version 2, what is in a cgroup without the controller counts for the next one above.
        while folder is not None and folder != "/":
            if os.path.exists(f"{folder}/{name}"):
                return folder
            folder = os.path.dirname(folder) if controller is None else None
    return None


def _whose(cgroups: str) -> Whose:
    path = next((line.split(":", 2)[2] for line in reversed(cgroups.splitlines()) if line.count(":") > 1), "")
    last = path.rstrip("/").rpartition("/")[2]
    if last.endswith(".service"):
        return Whose.UNIT
    return Whose.SESSION if "user.slice" in path and last.endswith(".scope") else Whose.CONTAINER


def _numbers(path: str) -> dict[str, int]:
    pairs = (line.partition(" ") for line in _read(path).splitlines())
    return {name: int(value) for name, _, value in pairs if name in ("oom", "oom_kill") and value.isdecimal()}


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except OSError:
        return ""
