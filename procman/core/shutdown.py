"""The order and the time in which everything is stopped. No I/O and no clock here.

- Groups stop in waves: all groups of the highest priority number at once, within a group in reverse order without
  waiting; the next wave when this one has settled. (supervisord stops one group after the other.)
- What others depend on stops after them: its wave has their priority at most, and is a later one of it.
- With a `shutdown_timeout` each wave has its share of what remains of it, in proportion to the waits that are still to
  come, so that SIGKILL reaches all of them in time; when it is over the master leaves, whatever still runs.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

from procman.core.actions import Action
from procman.core.due import serve_deadlines
from procman.core.groups import ActiveGroup
from procman.core.hooks import longest_stop, shorten_stop
from procman.core.process import Process
from procman.core.requests import kill, stop

# The group priority of a process, as far as what depends on it lets it have that, and its level above what it needs.
Wave = tuple[int, int]

# What the master needs for itself at the end of a shutdown_timeout, in seconds, and the most of it that this may be.
RESERVE = 0.5
RESERVE_SHARE = 0.1


class Shutdown:
    """Stops the groups of a fleet wave by wave; `over` when all have settled, or had their time."""

    def __init__(
        self,
        timeout: float | None,
        groups: Mapping[str, ActiveGroup],
        processes: Mapping[str, Process],
        wave_of: Callable[[Process], Wave],
        waits: Callable[[], bool] = lambda: False,
    ) -> None:
        """Groups and processes are those of the fleet at any time; `timeout` is the shutdown_timeout.

        `wave_of` gives the wave of a process before the shutdown begins; `waits` says whether something else than
        processes is still to end.
        """
        self.over = False
        self._timeout = timeout
        self._groups = groups
        self._processes = processes
        self._wave_of = wave_of
        self._waits = waits
        self._waves: list[Wave] = []  # those still to be stopped, the next one last
        self._members: dict[Wave, list[Process]] = {}  # in the order in which they stop
        self._stopping: list[Process] = []  # the wave that is being stopped now
        self._end_at: float | None = None  # when the master leaves, whatever still runs
        self._wave_until: float | None = None  # when the next wave begins, whatever still runs of this one

    def snapshot(self) -> dict[str, Any]:
        """Plain data for `restore`."""
        return {
            "over": self.over,
            "waves": [list(wave) for wave in self._waves],
            "members": [[process.name for process in self._members[wave]] for wave in self._waves],
            "stopping": [process.name for process in self._stopping],
            "end_at": self._end_at,
            "wave_until": self._wave_until,
        }

    def restore(self, data: Mapping[str, Any]) -> None:
        """Go on from what `snapshot` returned."""
        self.over = data["over"]
        if "members" in data:
            self._waves = [(priority, level) for priority, level in data["waves"]]
            names = zip(self._waves, data["members"], strict=True)
            self._members = {
                wave: [self._processes[name] for name in members if name in self._processes] for wave, members in names
            }
        else:  # procman before 0.3 had a wave for each priority, and no dependencies
            self._waves = [(priority, 0) for priority in data["waves"]]
            self._members = self._by_wave()
        # What has settled and left since is of no account.
        self._stopping = [self._processes[name] for name in data["stopping"] if name in self._processes]
        self._end_at, self._wave_until = data["end_at"], data["wave_until"]

    def begin(self) -> None:
        """Plan the waves; `advance` stops one after the other."""
        self._members = self._by_wave()
        self._waves = sorted(self._members)

    def _by_wave(self) -> dict[Wave, list[Process]]:
        waves: dict[Wave, list[Process]] = {}
        for group in self._groups.values():
            for process in reversed(group.processes.values()):
                waves.setdefault(self._wave_of(process), []).append(process)
        return waves

    def limit(self, now: float) -> None:
        """The shutdown_timeout begins, unless it has begun before."""
        if self._timeout is not None and self._end_at is None:
            self._end_at = now + self._timeout

    def time_left(self, now: float) -> float:
        """The seconds of the shutdown_timeout that remain; infinite without one."""
        return math.inf if self._end_at is None else max(0.0, self._end_at - now)

    def deadlines(self) -> list[float]:
        """When it goes on by itself."""
        if self.over:
            return []
        times = (self._wave_until if self._waves else None, self._end_at)
        return [when for when in times if when is not None]

    def advance(self, now: float, killed: set[str]) -> list[Action]:
        """The next steps, given what has happened; `killed` have just got SIGKILL."""
        actions: list[Action] = []
        others = (process for process in self._processes.values() if process.name not in killed)
        if self._end_at is not None and now >= self._end_at:
            # Nothing is left running for lack of time, not even a process whose wave has not come.
            self.over = True
            for process in others:
                if not process.settled or process.left_behind:
                    actions += kill(process, now)
            return actions
        if self._wave_until is not None and now >= self._wave_until:
            # Something else may have happened before the timer rang. Nothing is given up without SIGKILL.
            actions += serve_deadlines(others, now)
        while True:
            # Popping what has settled, instead of counting, keeps the stop of a thousand programs linear.
            while self._stopping and self._stopping[-1].settled:
                self._stopping.pop()
            if self._stopping and (self._wave_until is None or now < self._wave_until):
                return actions
            if not self._waves:
                # What does not even end on SIGKILL is waited for as long as there is time.
                lives_on = self._end_at and any(not process.settled for process in self._processes.values())
                self.over = not (lives_on or self._waits())
                return actions
            actions += self._stop_wave(self._waves.pop(), now)

    def share(self, now: float) -> None:
        """Cut the waits of the present wave to its share of what remains of the shutdown_timeout."""
        if self._end_at is None or self._timeout is None:
            return
        reserve = min(RESERVE, RESERVE_SHARE * self._timeout)
        remains = max(0.0, self._end_at - reserve - now)
        present = max((longest_stop(process, now) for process in self._stopping), default=0.0)
        later = sum(self._longest_stop(wave, now) for wave in self._waves)
        if present + later > remains:
            present = remains * present / (present + later)
            for process in self._stopping:
                shorten_stop(process, now + present, now)
        # Half of the reserve is for processes that take a moment to end on SIGKILL.
        self._wave_until = now + max(present, remains - later) + reserve / 2

    def _stop_wave(self, wave: Wave, now: float) -> list[Action]:
        actions: list[Action] = []
        # What has left since is settled, and nothing happens to it any more.
        self._stopping = list(self._members[wave])
        for process in self._stopping:
            actions += stop(process, now)
        self.share(now)
        return actions

    def _longest_stop(self, wave: Wave, now: float) -> float:
        return max((longest_stop(process, now) for process in self._members[wave]), default=0.0)
