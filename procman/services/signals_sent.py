"""Remembers which signals procman has sent to each process, and what for, so that an end by one can be told.

Bounded: one entry for each signal number and process of the fleet, of its present or last run.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from procman.core.actions import Announce, Kill, ProcessRemoved
from procman.core.events import Adopted, Spawned
from procman.core.fleet import Fleet
from procman.core.states import State
from procman.runtime.bus import Notification
from procman.services.endings import Sent, Why

# A timer rings a little early or late.
_ROUNDING = 0.1


@dataclass(slots=True)
class _Run:
    pid: int
    all_is_known: bool = True
    stopping_since: float | None = None
    sent: dict[int, Sent] = field(default_factory=dict)  # by signal


class SignalsSent:
    """Subscribe `hear` before those who ask."""

    def __init__(self, fleet: Fleet, clock: Callable[[], float] = time.monotonic) -> None:
        """The fleet is only read. What another process image of this master has sent is not known here."""
        self._fleet = fleet
        self._clock = clock
        self._runs: dict[str, _Run] = {
            process.name: _Run(process.pid, all_is_known=process.state is not State.STOPPING)
            for process in fleet.processes.values()
            if process.pid is not None
        }

    def hear(self, notification: Notification) -> None:
        """Take note."""
        event = notification.event
        # By type first: hundreds of these come in a second where programs end at once.
        if isinstance(event, Announce):
            if event.after is State.STOPPING and event.pid and event.name in self._runs:
                self._runs[event.name].stopping_since = self._clock()
        elif isinstance(event, (Spawned, Adopted)):
            self._runs[event.name] = _Run(event.pid)
        elif isinstance(event, Kill):
            run = self._runs.get(event.name)
            if run is not None and event.pid and run.pid == event.pid:
                # Of several the first is what ended it.
                run.sent.setdefault(int(event.signal), self._sent(run, event))
        elif isinstance(event, ProcessRemoved):
            self._runs.pop(event.name, None)

    def sent_to(self, name: str, pid: int, number: int) -> Sent | None:
        """That signal, if it was sent to this run of the process of that namespec."""
        run = self._runs.get(name)
        return run.sent.get(number) if run is not None and run.pid == pid else None

    def knows_all(self, name: str, pid: int) -> bool:
        """Whether every signal that procman has sent to this run is known here."""
        run = self._runs.get(name)
        return run is not None and run.pid == pid and run.all_is_known

    def _sent(self, run: _Run, kill: Kill) -> Sent:
        waited = None if run.stopping_since is None else self._clock() - run.stopping_since
        return Sent(int(kill.signal), self._why(kill, waited), waited)

    def _why(self, kill: Kill, waited: float | None) -> Why:
        process = self._fleet.processes.get(kill.name)
        if not kill.overdue:
            stops = process is not None and kill.signal == process.program.stopsignal and waited is not None
            if stops and process is not None and process.timed_out:
                return Why.RUN_TIMEOUT
            return Why.STOP if stops else Why.REQUEST
        if kill.hurried:
            # The clock is that of the loop, and so of the core.
            return Why.SECOND_REQUEST if self._fleet.time_left(self._clock()) else Why.SHUTDOWN_TIMEOUT
        in_time = process is not None and waited is not None and waited < process.program.stopwaitsecs - _ROUNDING
        return Why.SHUTDOWN_SHARE if in_time else Why.STOPWAITSECS
