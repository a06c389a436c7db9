"""The processes as the master's stream has told, and what they use. No I/O and no clock here."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from functools import lru_cache

from procman.api.shapes.access import Role
from procman.api.shapes.master import Change, MasterInfo, Snapshot
from procman.api.shapes.processes import FiguresInfo, ProcessInfo

_ROLES: tuple[Role, ...] = ("none", "metrics", "read", "operate", "configure", "admin")
_DIGITS = re.compile(r"(\d+)")


class Standing(IntEnum):
    """How a process stands; the first ones need somebody to look at them."""

    FAILED = 0
    MOVING = 1
    UP = 2
    DONE = 3
    DOWN = 4


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process and all that it has started use."""

    cpu: float | None  # percent of one processor; None: not known yet
    rss: int  # bytes


@dataclass(slots=True)
class Fleet:
    """All processes that this client sees, by namespec."""

    processes: dict[str, ProcessInfo] = field(default_factory=dict)
    received: dict[str, float] = field(default_factory=dict)  # when each was heard of, by the steady clock
    standings: dict[str, Standing] = field(default_factory=dict)
    usage: dict[str, Usage] = field(default_factory=dict)
    master: MasterInfo | None = None
    _figures: dict[str, FiguresInfo] = field(default_factory=dict)
    _measured: float = 0

    def begin(self, snapshot: Snapshot, now: float) -> None:
        """Take the first message of the stream: what it does not name does not exist."""
        self.master = snapshot["master"]
        for name in self.processes.keys() - set(snapshot["names"]):
            self._forget(name)
        self._take(snapshot["processes"], now)

    def change(self, change: Change, now: float) -> None:
        """Take a later message."""
        self.master = change.get("master", self.master)
        for name in change.get("gone", ()):
            self._forget(name)
        self._take(change["processes"], now)

    def measure(self, figures: Iterable[FiguresInfo], now: float) -> None:
        """Take figures; the share of a processor is that since the ones before."""
        known = {info["namespec"]: info for info in figures}
        seconds = now - self._measured
        self.usage = {
            name: Usage(_percent(self._figures.get(name), info, seconds), info["rss"]) for name, info in known.items()
        }
        self._figures, self._measured = known, now

    def counts(self) -> Mapping[Standing, int]:
        """How many stand how; those that none stands are left out."""
        found: dict[Standing, int] = {}
        for standing in self.standings.values():
            found[standing] = found.get(standing, 0) + 1
        return found

    def may_change(self, name: str) -> bool:
        """Whether this client may start and stop that process."""
        info = self.processes.get(name)
        if self.master is not None and not self.master["may_control"]:
            return False
        return info is not None and _may_operate(info.get("role"))

    @property
    def read_only(self) -> bool:
        """Whether this client may change nothing at all."""
        master = self.master
        return master is not None and not (master["may_control"] and _may_operate(master.get("role")))

    def _take(self, processes: Iterable[ProcessInfo], now: float) -> None:
        for info in processes:
            name = info["namespec"]
            self.standings[name] = _standing(info, self.processes.get(name), self.standings.get(name))
            self.processes[name] = info
            self.received[name] = now

    def _forget(self, name: str) -> None:
        self.processes.pop(name, None)
        self.received.pop(name, None)
        self.standings.pop(name, None)
        self.usage.pop(name, None)


def age_of(info: ProcessInfo, received: float, now: float) -> float | None:
    """For how many seconds it runs, or is down; None if that is not known."""
    if info["pid"]:
        return info.get("uptime", info["now"] - info["start"]) + now - received
    return info["now"] - info["stop"] + now - received if info["stop"] else None


@lru_cache(maxsize=10_000)
def natural(name: str) -> tuple[str | int, ...]:
    """A key that sorts web_2 before web_10."""
    return tuple(int(part) if number % 2 else part for number, part in enumerate(_DIGITS.split(name)))


def _standing(info: ProcessInfo, before: ProcessInfo | None, stood: Standing | None) -> Standing:
    match info["statename"]:
        case "RUNNING" | "STARTING" if info["now"] < info.get("flapping_until", 0):
            return Standing.FAILED
        case "RUNNING":
            return Standing.FAILED if info.get("phase") == "unhealthy" else Standing.UP
        case "STARTING" if before is not None and before["statename"] in ("STARTING", "BACKOFF"):
            # Between two tries it has not recovered yet, and must not jump in the table.
            return Standing.FAILED if stood is Standing.FAILED else Standing.MOVING
        case "STARTING" | "STOPPING":
            return Standing.MOVING
        case "STOPPED" | "EXITED" if info.get("done"):
            return Standing.DONE
        case "STOPPED":
            return Standing.DOWN
        case "EXITED":
            return Standing.FAILED if info["spawnerr"] else Standing.DOWN
        case _:
            return Standing.FAILED


def _may_operate(role: Role | None) -> bool:
    return role is None or _ROLES.index(role) >= _ROLES.index("operate")


def _percent(before: FiguresInfo | None, after: FiguresInfo, seconds: float) -> float | None:
    if before is None or before["pid"] != after["pid"] or seconds <= 0:
        return None
    # The time of a descendant that has ended may be missing from the sum.
    return max(after["cpu"] - before["cpu"], 0) / seconds * 100
