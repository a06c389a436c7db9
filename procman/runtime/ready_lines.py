"""Watches the output of processes for the lines of `ready = log:TEXT`, until they are up."""

import asyncio
from collections.abc import Callable

from procman.config.schema.kinds.readiness import target_of
from procman.core.actions import Announce
from procman.core.events import ProbeResult
from procman.core.fleet import Fleet
from procman.core.spec import ReadyKind
from procman.core.states import TRANSITIONS, State
from procman.runtime.bus import Notification


class ReadyLines:
    """Subscribe `hear` to the bus."""

    hears = tuple(TRANSITIONS[State.STARTING])

    def __init__(self, fleet: Fleet, post: Callable[[ProbeResult], None], refilter: Callable[[str], None]) -> None:
        """`post` takes what was found; `refilter` has the streams of a process ask `wanted` again."""
        self._fleet = fleet
        self._post = post
        self._refilter = refilter

    def wanted(self, name: str, pid: int) -> list[tuple[int, str]]:
        """The positions and texts of the lines that are waited for in the output of that run."""
        process = self._fleet.processes.get(name)
        if process is None or process.state is not State.STARTING or process.pid not in (None, pid):
            return []
        # Its output may come before it is known that it was spawned.
        conditions = process.program.ready if process.pid is None else process.readiness.conditions
        return [
            (number, target_of(condition).text)
            for number, condition in enumerate(conditions)
            if condition.kind is ReadyKind.LOG and number not in process.readiness.held
        ]

    def found(self, name: str, pid: int, number: int) -> None:
        """A line was written. Its stream is being read just now, so what follows comes after that."""
        asyncio.get_running_loop().call_soon(self._tell, name, pid, number)

    def hear(self, notification: Notification) -> None:
        """Leave the output of a process alone that is not STARTING any more."""
        event = notification.event
        if isinstance(event, Announce) and event.before is State.STARTING:
            process = self._fleet.processes.get(event.name)
            conditions = () if process is None else process.readiness.conditions
            # Most programs have none, and no generator is made for these.
            if conditions and any(condition.kind is ReadyKind.LOG for condition in conditions):
                asyncio.get_running_loop().call_soon(self._refilter, event.name)

    def _tell(self, name: str, pid: int, number: int) -> None:
        process = self._fleet.processes.get(name)
        if process is not None and process.pid == pid:
            self._post(ProbeResult(name, process.attempt, number, ok=True))
