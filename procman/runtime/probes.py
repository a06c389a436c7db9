"""Carries out the core's looks whether a process is ready: one at a time for each process, `LONGEST` seconds at most.

A look ends with its process's STARTING: its answer would be void.
"""

import asyncio
from collections.abc import Callable

from procman.core.actions import Announce, Probe, ProcessRemoved
from procman.core.events import ProbeResult
from procman.core.fleet import Fleet
from procman.core.states import TRANSITIONS, State
from procman.runtime.bus import Interest, Notification
from procman.runtime.definitions import program_of
from procman.runtime.looks import Looks

# Shorter than what the core waits for an answer.
LONGEST = 3.0


class Probes:
    """Subscribe `hear` to the bus."""

    hears: tuple[Interest, ...] = (*TRANSITIONS[State.STARTING], ProcessRemoved)

    def __init__(self, fleet: Fleet, looks: Looks, post: Callable[[ProbeResult], None]) -> None:
        """`fleet` is only read; `looks` makes the looks; `post` takes the answers."""
        self._fleet = fleet
        self._looks = looks
        self._post = post
        self._under_way: dict[str, tuple[Probe, asyncio.Task[None]]] = {}

    def look(self, order: Probe) -> None:
        """Look, and post what comes of it; the same look that is under way goes on."""
        known = self._under_way.get(order.name)
        if known is not None and known[0] == order:
            return
        self.forget(order.name)
        task = asyncio.get_running_loop().create_task(self._look(order))
        self._under_way[order.name] = order, task

    def forget(self, name: str) -> None:
        """Nobody waits for the answer any more."""
        known = self._under_way.pop(name, None)
        if known is not None:
            known[1].cancel()

    def hear(self, notification: Notification) -> None:
        """End the look of a process that is not STARTING any more."""
        if not self._under_way:
            return  # as it is in most masters, at all times
        match notification.event:
            case Announce(name=name, before=State.STARTING) | ProcessRemoved(name=name):
                self.forget(name)
            case _:
                pass

    def close(self) -> None:
        """End all looks."""
        for name in list(self._under_way):
            self.forget(name)

    async def _look(self, order: Probe) -> None:
        program = program_of(self._fleet.processes[order.name].program)
        seen = await self._looks.look(program, order.condition, within=LONGEST)
        known = self._under_way.get(order.name)
        if known is not None and known[0] == order:
            del self._under_way[order.name]
            self._post(ProbeResult(order.name, order.run, order.number, seen.ok, seen.words))
