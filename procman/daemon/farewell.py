"""The end of a master that is PID 1: stops the processes that still run after all programs have stopped.

A process that already got the stop signal in this stop gets no second one. Leftovers of a program get the rest of its
stopwaitsecs, counted from its stop; foreign processes (`docker exec`) get two seconds. shutdown_timeout limits all of
this, and a second stop signal to the master ends all waiting.
"""

import asyncio
import math
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass

from procman.core.actions import Announce, AnnounceMaster, Kill
from procman.core.fleet import Fleet
from procman.core.spec import Scope
from procman.core.states import TRANSITIONS, MasterState, State
from procman.logs.protocol import Log
from procman.runtime.bus import Interest, Notification
from procman.runtime.engine import Engine
from procman.runtime.process_trees import Trees
from procman.system.kill_remaining import AT_LEAST, FinalKill, Left, signal_all_others
from procman.system.reaper import Reaped

# Processes that a log line names.
MOST_NAMED = 5


@dataclass(slots=True)
class _Stop:
    """The stop of one process: when it began, and the process group that got its stop signal (0: none)."""

    since: float
    group: int = 0


class MasterFarewell:
    """Subscribe `tell` to the engine, and await `part` when all programs have been stopped."""

    hears: tuple[Interest, ...] = (AnnounceMaster, State.STOPPING, *TRANSITIONS[State.STOPPING], Kill, Reaped)

    def __init__(self, engine: Engine, fleet: Fleet, trees: Trees, log: Log) -> None:
        """The fleet is only read."""
        self._engine = engine
        self._fleet = fleet
        self._trees = trees
        self._log = log
        self._loop = asyncio.get_running_loop()
        self._began: float | None = None  # when the shutdown began
        self._stops: dict[str, _Stop] = {}  # those of the shutdown, and those in progress before it
        self._look_again = False  # something may have ended
        self._asked = 0.0  # when the remaining processes were asked to end
        self._latest = math.inf  # no wait lasts longer than until then

    def tell(self, notification: Notification) -> None:
        """Remember which processes are being stopped, and which process groups got the signal."""
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
                self._look_again = True
            case _:
                pass

    def hurry(self) -> None:
        """End all waiting."""
        self._latest = self._loop.time()
        self._look_again = True
        self._engine.bus.nudge()

    async def part(self) -> None:
        """Return when nothing is left, or when all have had their time; if this is not PID 1, only log what remains."""
        left = self._trees.remaining()
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
            # `hurry` was called before these were asked.
            self._latest = self._asked + AT_LEAST
        if aware:
            self._log.info(f"waiting for {_named(aware)} to leave, too")
        if unaware:
            self._log.info(f"asking {_named(unaware)} to leave, too")
            signal_all_others(signal.SIGTERM, told)
        farewell = FinalKill(self._deadline, self._log_kill)
        while (until := farewell.see_off(self._trees.remaining(), self._loop.time())) is not None:
            self._look_again = False
            await self._engine.bus.until(lambda: self._look_again, until - self._loop.time())

    def _log_kill(self, left: Sequence[Left], now: float) -> None:
        self._log.warn(f"killing {_named(left)} with SIGKILL: still there after {now - self._asked:.1f} s")

    def _deadline(self, one: Left) -> float:
        """When it gets SIGKILL."""
        if one.of is None:
            due = 0.0
        elif (program := self._program(one)) is not None:
            due = self._end_of_stop(program)
        else:
            # It has lost the tag of its program.
            due = max(map(self._end_of_stop, self._fleet.processes), default=0.0)
        return min(max(due, self._asked + AT_LEAST), self._latest, self._asked + self._fleet.time_left(self._asked))

    def _program(self, one: Left) -> str | None:
        """The namespec of its program; None if that is unknown, or if the program was removed."""
        by_group = (name for name, stop in self._stops.items() if stop.group == one.process.group)
        name = next(by_group, one.of)
        return name if name in self._fleet.processes else None

    def _end_of_stop(self, name: str) -> float:
        """When the stop of a program is overdue; without a stop, its time counts from the beginning of the shutdown."""
        since = self._stops[name].since if name in self._stops else self._began or self._asked
        return since + self._fleet.processes[name].program.stopwaitsecs


def _named(left: Sequence[Left]) -> str:
    """The first few, and how many more there are."""
    shown = ", ".join(f"{one.process.name} (pid {one.process.pid})" for one in left[:MOST_NAMED])
    more = len(left) - MOST_NAMED
    return f"{shown} and {more} more" if more > 0 else shown
