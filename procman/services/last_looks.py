"""The latest look at what each process uses of the machine."""

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from procman.system.glance import Doing, Glance


class Used(Protocol):
    """What a process and all that it has started use."""

    @property
    def processes(self) -> int:
        """How many they are."""

    @property
    def threads(self) -> int:
        """Of all of them."""

    @property
    def rss(self) -> int:
        """In bytes."""

    @property
    def cpu(self) -> float:
        """In seconds."""

    @property
    def fds(self) -> int | None:
        """Open descriptors; None where they may not be seen."""


class Look(NamedTuple):
    """The figures of a process as they were at a time of the steady clock."""

    at: float
    pid: int
    used: Used
    state: str = ""  # what the process did, in words; "": nobody has looked at that
    tree: "tuple[Doing, ...]" = ()  # the same of it and what it had started, likewise


class LastLooks:
    """The latest figures of each process: those that somebody has asked for, and a glance before a SIGKILL.

    Nothing wakes up for them.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._looks: dict[str, Look] = {}

    def note(self, found: Iterable[tuple[str, int, Used]]) -> None:
        """These are the figures of all processes now: namespec, pid, and what is used."""
        now = self._clock()
        self._looks = {name: Look(now, pid, used) for name, pid, used in found}

    def note_one(self, namespec: str, pid: int, seen: "Glance") -> None:
        """This is one of them now."""
        self._looks[namespec] = Look(self._clock(), pid, seen, seen.state, seen.tree)

    def of(self, namespec: str, pid: int) -> Look | None:
        """The latest of that run; None: there was none while it ran."""
        look = self._looks.get(namespec)
        return look if look is not None and look.pid == pid else None
