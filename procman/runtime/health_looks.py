"""Carries out what the core orders about the health of processes: looks, and commands for those that are unhealthy.

A look ends with its process's RUNNING, and with a pause: its answer would be void. There is one look at a time for each
process; who asks for one meanwhile gets the answer of that one.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from procman.core.actions import Announce, AnnounceHealthPause, CheckHealth, ProcessRemoved, RunUnhealthyCommand
from procman.core.events import HealthSeen
from procman.core.fleet import Fleet
from procman.core.spec import Condition
from procman.core.states import TRANSITIONS, State
from procman.runtime.bus import Interest, Notification
from procman.runtime.definitions import program_of
from procman.runtime.looks import Looks, Seen
from procman.runtime.wakefulness import Wakefulness

# How long a command of on_unhealthy may take, in seconds.
LONGEST_COMMAND = 60.0
# So much of an answer is kept, in characters.
MOST_WORDS = 200


class HealthLooks:
    """Subscribe `hear` to the bus."""

    hears: tuple[Interest, ...] = (*TRANSITIONS[State.RUNNING], AnnounceHealthPause, ProcessRemoved)

    def __init__(
        self,
        fleet: Fleet,
        looks: Looks,
        *,
        post: Callable[[HealthSeen], None],
        remark: Callable[[str], object],
        count: Callable[[HealthSeen, float], object] = lambda *_: None,
        on_quiet: Callable[[], object] = lambda: None,
    ) -> None:
        """`fleet` is only read.

        `post` takes the answers, `count`, too, with the time-out of each; `remark` takes a line about a command that
        has not succeeded. `on_quiet` is called when a command of on_unhealthy has ended.
        """
        self._fleet = fleet
        self.looks = looks
        self._post = post
        self._remark = remark
        self._count = count
        self._on_quiet = on_quiet
        self._wakefulness = Wakefulness()
        self._under_way: dict[str, tuple[CheckHealth, asyncio.Task[Seen]]] = {}
        self._by_hand: dict[str, asyncio.Task[Seen]] = {}
        self._commands: dict[str, asyncio.Task[None]] = {}

    def carry_out(self, order: CheckHealth | RunUnhealthyCommand) -> None:
        """Look, and post what comes of it, unless that look is under way; or run the command."""
        if isinstance(order, RunUnhealthyCommand):
            self._run(order)
            return
        known = self._under_way.get(order.name)
        if known is not None and known[0] == order:
            return
        self._give_up(order.name)
        task = asyncio.get_running_loop().create_task(self._check(order))
        self._under_way[order.name] = order, task

    async def look_now(self, name: str, condition: Condition, within: float) -> Seen:
        """Look beside the schedule, and without counting it; an answer that is on its way is taken."""
        task = self._looking(name)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._seen(name, condition, within))
            self._by_hand[name] = task
            task.add_done_callback(partial(_forget, self._by_hand, name))
        while task is not None and not task.cancelled():
            try:
                return await asyncio.shield(task)
            except asyncio.CancelledError:
                if not task.cancelled():
                    raise
            task = self._looking(name)  # one of the schedule may have taken its place
        return Seen(ok=False, words="it has ended, or was stopped, meanwhile")

    def _looking(self, name: str) -> asyncio.Task[Seen] | None:
        known = self._under_way.get(name)
        return self._by_hand.get(name) if known is None else known[1]

    def hear(self, notification: Notification) -> None:
        """End the look of a process that is not RUNNING any more, or is not to be looked at."""
        if not (self._under_way or self._by_hand):
            return  # as it is in most masters, at all times
        match notification.event:
            case Announce(name=name, before=State.RUNNING) | ProcessRemoved(name=name):
                self._give_up(name)
            case AnnounceHealthPause(name=name, seconds=seconds) if seconds:
                self._give_up(name)
            case _:
                pass

    def hold(self) -> None:
        """Let no command run until `go_on`: those of looks begin again then, one of on_unhealthy is given up."""
        self.looks.hold()
        for command in self._commands.values():
            command.cancel()

    def go_on(self) -> None:
        """Look again."""
        self.looks.go_on()

    @property
    def obstacle(self) -> str | None:
        """Why an upgrade cannot happen at this moment: commands are held, and have to end first."""
        if self.looks.is_held and self._commands:
            return "a command of on_unhealthy is being ended"
        return self.looks.obstacle

    def close(self) -> None:
        """End all of it."""
        for name in [*self._under_way, *self._by_hand]:
            self._give_up(name)
        for command in self._commands.values():
            command.cancel()
        self._commands.clear()

    def _give_up(self, name: str) -> None:
        known, by_hand = self._under_way.pop(name, None), self._by_hand.pop(name, None)
        for task in (known and known[1], by_hand):
            if task is not None:
                task.cancel()

    async def _check(self, order: CheckHealth) -> Seen:
        with self._wakefulness.watch(order.timeout) as longest_sleep:
            seen = await self._seen(order.name, order.condition, order.timeout)
            asleep = longest_sleep() if seen.timed_out else 0.0
        known = self._under_way.get(order.name)
        if known is not None and known[0] == order:
            del self._under_way[order.name]
            answer = HealthSeen(order.name, order.run, order.look, seen.ok, seen.words, seen.timed_out, asleep)
            self._count(answer, order.timeout)
            self._post(answer)
        return seen

    async def _seen(self, name: str, condition: Condition, within: float) -> Seen:
        program = program_of(self._fleet.processes[name].program)
        seen = await self.looks.look(program, condition, within=within)
        return seen._replace(words=seen.words[:MOST_WORDS])

    def _run(self, order: RunUnhealthyCommand) -> None:
        if order.name in self._commands:
            return  # the one before has not ended yet
        task = asyncio.get_running_loop().create_task(self._command(order))
        self._commands[order.name] = task
        task.add_done_callback(partial(_forget, self._commands, order.name))
        task.add_done_callback(lambda _: self._on_quiet())

    async def _command(self, order: RunUnhealthyCommand) -> None:
        program = program_of(self._fleet.processes[order.name].program)
        told = {"PROCMAN_HEALTH": order.words, "PROCMAN_PID": str(order.pid)}
        program = replace(program, environment={**program.environment, **told})
        try:
            ok, words = await self.looks.run(program, program.on_unhealthy.command, within=LONGEST_COMMAND)
        except TimeoutError:
            ok, words = False, f"did not end within {LONGEST_COMMAND:g} s and was killed"
        if not ok:
            self._remark(f"{order.name}: the command of on_unhealthy has failed: {words}")


def _forget(tasks: dict[str, asyncio.Task[Any]], name: str, task: asyncio.Task[Any]) -> None:
    """It has ended; another one may have its place already."""
    if tasks.get(name) is task:
        del tasks[name]
