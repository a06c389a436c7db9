"""The end of PID 1: the kernel kills with it whatever is left, so that is asked to leave first, and waited for.

Whoever has had the stop signal in this stop gets no second one. What a program has left behind has what remains of that
program's stopwaitsecs, counted from its stop; a stranger (`docker exec`) has two seconds; and nobody has more than the
shutdown_timeout allows, or waits when the end is asked for a second time.
"""

import asyncio
import math
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from procman.core.actions import Announce, AnnounceMaster, Kill
from procman.core.fleet import Fleet
from procman.core.spec import Scope
from procman.core.states import MasterState, State
from procman.runtime.bus import Notification
from procman.runtime.engine import Engine
from procman.runtime.process_trees import Left, Trees
from procman.system.pidfd import send_to
from procman.system.reaper import Reaped

# The least that whoever is asked to leave has from SIGTERM to SIGKILL, in seconds.
AT_LEAST = 2.0
# How long those that got SIGKILL are waited for, in seconds.
AFTER_SIGKILL = 0.5
# How many are named in a line.
MOST_NAMED = 5


class Log(Protocol):
    """The part of the master's log that is needed here."""

    def warn(self, text: str) -> None:
        """Something the operator may want to look at."""

    def info(self, text: str) -> None:
        """The course of things."""


@dataclass(slots=True)
class _Stop:
    """The stop of one process: since when, and which process group has had its stop signal (0: none)."""

    since: float
    group: int = 0


class Farewell:
    """Subscribe `tell` to the engine, and await `part` when all programs have been stopped."""

    def __init__(self, engine: Engine, fleet: Fleet, trees: Trees, log: Log) -> None:
        """The fleet is only read."""
        self._engine = engine
        self._fleet = fleet
        self._trees = trees
        self._log = log
        self._loop = asyncio.get_running_loop()
        self._began: float | None = None  # when the shutdown did
        self._stops: dict[str, _Stop] = {}  # those of the shutdown, and before it those that are under way
        self._looks_again = False  # at who is left
        self._asked = 0.0  # when whoever is left was
        self._latest = math.inf  # nobody is waited for longer than until then

    def tell(self, notification: Notification) -> None:
        """Remember who is being stopped, and who has been told."""
        match notification.event:
            case AnnounceMaster():
                self._began = self._began or self._loop.time()
            case Announce(name=name, after=State.STOPPING):
                self._stops[name] = _Stop(self._loop.time())
            case Announce(name=name, before=State.STOPPING) if self._fleet.state is MasterState.RUNNING:
                self._stops.pop(name, None)
            case Kill(name=name, pid=pid, scope=scope) if pid and scope is not Scope.PROCESS and name in self._stops:
                self._stops[name].group = pid
            case Reaped():
                self._looks_again = True
            case _:
                pass

    def hurry(self) -> None:
        """The end was asked for again: nobody is to be waited for any longer."""
        self._latest = self._loop.time()
        self._looks_again = True
        self._engine.bus.nudge()

    async def part(self) -> None:
        """Return when nobody is left, or all have had their time; where this is not PID 1, only say who stays."""
        left = self._trees.everybody()
        if not left:
            return
        if os.getpid() != 1:
            self._log.warn(f"leaving {_named(left)} behind")
            return
        told = {stop.group for stop in self._stops.values() if stop.group}
        aware = [one for one in left if one.process.group in told]
        unaware = [one for one in left if one.process.group not in told]
        self._asked = self._loop.time()
        if self._latest < self._asked:
            # It was, before anybody here had been asked.
            self._latest = self._asked + AT_LEAST
        if aware:
            self._log.info(f"waiting for {_named(aware)} to leave, too")
        if unaware:
            self._log.info(f"asking {_named(unaware)} to leave, too")
            self._trees.ask_everybody(signal.SIGTERM, told)
        await self._see_off()

    async def _see_off(self) -> None:
        killed = set()
        give_up = math.inf
        while left := self._trees.everybody():
            now = self._loop.time()
            overdue = [one for one in left if self._deadline(one) <= now]
            if new := [one for one in overdue if one.process.identity not in killed]:
                self._log.warn(f"killing {_named(new)} with SIGKILL: still there after {now - self._asked:.1f} s")
                killed |= {one.process.identity for one in new}
                give_up = now + AFTER_SIGKILL
            for one in overdue:
                send_to(one.process.identity, signal.SIGKILL)
            if len(overdue) == len(left) and now >= give_up:
                return
            until = [self._deadline(one) for one in left if one not in overdue]
            await self._wait(min([*until, now + AFTER_SIGKILL] if overdue else until) - now)

    def _deadline(self, one: Left) -> float:
        """When it gets SIGKILL."""
        if one.of is None:
            due = 0.0
        elif (program := self._program(one)) is not None:
            due = self._end_of_stop(program)
        else:
            # It has hidden whose it is.
            due = max(map(self._end_of_stop, self._fleet.processes), default=0.0)
        return min(max(due, self._asked + AT_LEAST), self._latest, self._asked + self._fleet.time_left(self._asked))

    def _program(self, one: Left) -> str | None:
        """The namespec of the program whose it is; None where that cannot be told, or it has gone."""
        by_group = (name for name, stop in self._stops.items() if stop.group == one.process.group)
        name = next(by_group, one.of)
        return name if name in self._fleet.processes else None

    def _end_of_stop(self, name: str) -> float:
        """One that was down has its time from the beginning of the shutdown."""
        since = self._stops[name].since if name in self._stops else self._began or self._asked
        return since + self._fleet.processes[name].program.stopwaitsecs

    async def _wait(self, seconds: float) -> None:
        """Until somebody was reaped, or so long."""
        self._looks_again = False
        await self._engine.bus.until(lambda: self._looks_again, seconds)


def _named(left: Sequence[Left]) -> str:
    """Some of them, and how many more there are."""
    shown = ", ".join(f"{one.process.name} (pid {one.process.pid})" for one in left[:MOST_NAMED])
    more = len(left) - MOST_NAMED
    return f"{shown} and {more} more" if more > 0 else shown
