"""Writes down what goes into the core and what it decides, for `procman replay`.

The file begins with the state of the whole fleet, as does each part after an upgrade, a reload, a rotation or a pause:
so each part can be replayed by itself. A line is made on the loop, as decisions are, and written by the thread of the
disk. `core.recording` has the form.
"""

import json
import time
from collections.abc import Callable

from procman import __version__
from procman.core.actions import Action
from procman.core.attribution import Actor
from procman.core.described_decisions import describe
from procman.core.events import Event
from procman.core.fleet import Fleet
from procman.core.recording import VERSION, Definitions, write_event, write_policy
from procman.core.replay import as_entry, described_bug
from procman.core.spec import MasterPolicy
from procman.logs.line_file import LineFile

# How long a pause lasts at least, in seconds.
RETRY_AFTER = 5.0

_to_json = json.JSONEncoder(separators=(",", ":")).encode


class Recorder:
    """Records one fleet; `observe` is the engine's observer."""

    def __init__(
        self,
        fleet: Fleet,
        policy: MasterPolicy,
        file: LineFile,
        warn: Callable[[str], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`warn` is told if the file is too small; `clock` is in seconds since the epoch."""
        self._fleet = fleet
        self._policy = policy
        self._file = file
        self._warn = warn
        self._clock = clock
        self._definitions = Definitions()
        self._retry_at: float | None = None  # while the file cannot be written
        self._is_over = False

    def begin(self, why: str, now: float) -> None:
        """Write the state of the fleet; `now` is the core's clock."""
        self._definitions = Definitions()
        self._retry_at = None
        head = {
            "recording": VERSION,
            "procman": __version__,
            "why": why,
            "time": self._clock(),
            "now": now,
            "policy": write_policy(self._policy),
            "fleet": self._fleet.snapshot(self._definitions.write),
        }
        line = f"{_to_json(head)}\n".encode()
        if not self._file.begin(line):
            self._is_over = True
            self._warn(
                f"cannot record to {self._file.path}: the state of {len(self._fleet.processes)} processes takes "
                f"{len(line)} bytes; set record_maxbytes to {10 * len(line)} or more"
            )

    def observe(
        self, event: Event, now: float, actions: list[Action], bug: Exception | None, actor: Actor | None = None
    ) -> None:
        """The fleet has taken in the event, and has decided that; or this fault has kept it from that.

        `actor` has asked for it, if anybody has.
        """
        if self._is_over:
            return
        if self._file.failure is not None:
            if self._retry_at is None:
                self._retry_at = now + RETRY_AFTER
            elif now >= self._retry_at and not self._file.is_behind:
                self.begin("resumed", now)
            return
        decided = describe(actions) if bug is None else [described_bug(bug)]
        entry = as_entry(write_event(event, self._definitions), now, decided, actor)
        self._file.append(f"{_to_json(entry)}\n".encode())
        if self._file.is_full:
            self.begin("rotation", now)
