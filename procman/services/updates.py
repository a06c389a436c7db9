"""An update: what differs between a configuration and what is active becomes the same.

What can be changed in a running process is changed in place; the rest is stopped and replaced, one process at a time.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable

from procman.config.diff import Changes as Difference
from procman.config.diff import GroupChange, ProgramChange
from procman.config.levels import arrange_groups
from procman.config.schema.configuration import Config
from procman.config.schema.options import Effect
from procman.core.actions import Announce, AnnounceGroup, AnnounceRolling
from procman.core.attribution import Origin
from procman.core.events import GroupAdded, GroupChanged, GroupRemoved
from procman.core.states import SETTLED, UP, State
from procman.runtime.bus import Notification, UpdateStep
from procman.runtime.engine import Engine
from procman.services.operations import Step, StepAction
from procman.services.rolling import until_over

_HOW: dict[Effect, StepAction] = {
    Effect.NONE: "changed in place",
    Effect.REOPEN: "logs re-opened",
    Effect.RESTART: "replaced",
}


class Update:
    """One update to `config`; without `tell`, `run` only says what would be done."""

    def __init__(
        self,
        engine: Engine,
        config: Config,
        difference: Difference,
        tell: Callable[[list[Step]], None] | None,
        origin: Origin,
    ) -> None:
        """`tell` gets the steps of a group as soon as they are done; None: nothing is done."""
        self._engine = engine
        self._fleet = engine.fleet
        self._config = config
        self._difference = difference
        self._tell = tell
        self._origin = origin
        self.rolling: list[asyncio.Future[AnnounceRolling]] = []  # the ends of the rolling restarts that it began

    async def run(self, names: Collection[str] | None) -> list[Step]:
        """Do it for all groups, or for those named; it ends when all has stopped that must."""
        difference = self._difference
        changed = [change for change in difference.changed if names is None or change.name in names]
        added = [group for group in difference.added if names is None or group.name in names]
        # What is replaced stops before what it depends on; what is new comes after it.
        depths = self._depths()
        changed.sort(key=lambda change: -depths.get(change.name, 0))
        added.sort(key=lambda group: depths.get(group.name, 0))
        removed = [name for name in difference.removed if names is None or name in names]
        ended = await asyncio.gather(
            *(self._reported(self._remove(name)) for name in removed),
            *(self._reported(self._change(change)) for change in changed),
        )
        for group in added:
            step = Step(group.name, "added")
            if self._tell is not None:
                self._engine.post(GroupAdded(group), self._origin)
                self._publish([step])
            ended.append([step])
        return [step for steps in ended for step in steps]

    async def _reported(self, work: Awaitable[list[Step]]) -> list[Step]:
        steps = await work
        if self._tell is not None:
            self._tell(steps)
            self._publish(steps)
        return steps

    def _publish(self, steps: Iterable[Step]) -> None:
        for step in steps:
            name = step.name or ""
            namespec = name if name in ("", step.group) else f"{step.group}:{name}"
            self._engine.bus.publish(UpdateStep(step.group, namespec, step.action, step.options), self._origin)

    def _depths(self) -> dict[str, int]:
        """The level of each group of the file above what its processes depend on; empty without dependencies."""
        if not any(program.depends_on for group in self._config.groups for program in group.programs):
            return {}
        places = arrange_groups(self._config.groups)
        return {
            group.name: max((places[program.namespec].depth for program in group.programs), default=0)
            for group in self._config.groups
        }

    async def _remove(self, name: str) -> list[Step]:
        members = self._fleet.groups[name]
        stopping = any(self._is_stopped_first(name) for name in members.processes)
        if self._tell is not None:
            gone = self._engine.bus.wait_for(_has_gone, name=name)
            self._engine.post(GroupRemoved(name), self._origin)
            await gone
        stopped = [Step(name, "stopped")] if stopping else []
        return [*stopped, Step(name, "removed")]

    async def _change(self, change: GroupChange) -> list[Step]:
        name = change.name
        replaced = {c.new.namespec for c in change.programs_changed if c.effect is Effect.RESTART}
        rolling = {c.new.program for c in change.programs_changed if c.new.restart_strategy == "rolling"}
        leaving = {program.namespec for program in change.programs_removed}
        if change.old.listener != change.new.listener or change.old.socket != change.new.socket:
            # What the processes of a group share cannot be changed under them.
            replaced = {program.namespec for program in change.new.programs}
        processes = self._fleet.groups[name].processes
        in_turn = {p.namespec for p in change.new.programs if p.restart_strategy == "rolling"}
        now = [*(replaced - in_turn), *leaving]
        stopping = [n for n in now if n in processes and self._is_stopped_first(n)]
        steps = [Step(name, "stopped")] if stopping else []
        steps += [Step(name, _how(c), c.new.name, tuple(c.options)) for c in change.programs_changed]
        steps += [Step(name, "removed", p.name) for p in change.programs_removed]
        steps += [Step(name, "added", p.name) for p in change.programs_added]
        steps.append(Step(name, "updated"))
        if self._tell is not None:
            settled = [self._engine.bus.wait_for(_has_stopped, name=n) for n in stopping]
            self._begin(GroupChanged(change.new, frozenset(replaced), self._origin.operation or 0), rolling)
            await asyncio.gather(*settled)
        return steps

    def _begin(self, event: GroupChanged, programs: Collection[str]) -> None:
        """The processes of these programs may be restarted one batch after the other."""
        ends = {program: until_over(self._engine.bus, program) for program in programs}
        self._engine.post(event, self._origin)
        for program, end in ends.items():
            if end.done() or self._fleet.rollings.is_going(program):
                self.rolling.append(end)
            else:
                end.cancel()

    def _is_stopped_first(self, name: str) -> bool:
        return self._fleet.processes[name].state in (*UP, State.STOPPING) or self._engine.has_left(name)


def _how(change: ProgramChange) -> StepAction:
    is_rolled = change.effect is Effect.RESTART and change.new.restart_strategy == "rolling"
    return "replaced in turn" if is_rolled else _HOW[change.effect]


def _has_gone(news: Notification) -> bool | None:
    return True if isinstance(news.event, AnnounceGroup) and not news.event.added else None


def _has_stopped(news: Notification) -> bool | None:
    return True if isinstance(news.event, Announce) and news.event.after in SETTLED else None
