"""Refused clients in the journal: the first at once, those like it together, so that a flood of them costs little."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from procman.core.attribution import Actor, Origin
from procman.runtime.journal.journal import Journal

# For so many seconds equal ones are counted, and so many different ones are told apart meanwhile.
TOGETHER = 10.0
MOST = 50
LONGEST = 120  # of what was asked for

_Key = tuple[str, str, int]
OTHERS: _Key = ("", "", 0)


class Denials:
    """Takes them down; call `flush` at the end."""

    def __init__(self, journal: Journal) -> None:
        self.on_refused: Callable[[], None] = lambda: None  # for each of them
        self._journal = journal
        self._loop = asyncio.get_running_loop()
        self._counts: dict[_Key, int] = {}  # since the last record of each
        self._about: dict[_Key, tuple[str, Actor, Mapping[str, Any]]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def note(self, actor: Actor, reason: str, status: int, asked: str = "") -> None:
        """A client was refused: by its door and address, its uid or its login, for that reason.

        `asked` is what for, such as "POST /v1/master/shutdown"; of those that are counted together, the last has it.
        """
        self.on_refused()
        # Each connection of a flood has another pid, and each request another path.
        actor = actor._replace(pid=None, command="", user=actor.user[:64])
        key = (f"{actor.via} {actor.uid} {actor.user}", reason, status)
        if key not in self._counts and len(self._counts) >= MOST:
            key, reason, actor, asked = OTHERS, "many clients were refused", Actor("client"), ""
        data: dict[str, Any] = {"status": status, **({"asked": asked[:LONGEST]} if asked else {})}
        if key in self._counts:
            self._counts[key] += 1
            self._about[key] = reason, actor, data
            return
        self._counts[key] = 0
        self._write(reason, actor, data, 1)
        if self._timer is None:
            self._timer = self._loop.call_later(TOGETHER, self._tell)

    def flush(self) -> None:
        """Take down what was counted until now: this master, or its code, ends."""
        if self._timer is not None:
            self._timer.cancel()
            self._tell()

    def _tell(self) -> None:
        self._timer = None
        counts, self._counts = self._counts, {}
        about, self._about = self._about, {}
        for key, count in counts.items():
            if count:
                self._write(*about[key], count)

    def _write(self, reason: str, actor: Actor, data: Mapping[str, Any], times: int) -> None:
        self._journal.note("access-denied", reason, data=data, origin=Origin(actor), times=times)
