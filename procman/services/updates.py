"""An update: what differs between a configuration and what is active becomes the same.

What can be changed in a running process is changed in place; the rest is stopped and replaced, one process at a time.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import replace

from procman.config.diff import Changes as Difference
from procman.config.diff import GroupChange, ProgramChange, diff, diff_access, diff_notify
from procman.config.levels import arrange_groups
from procman.config.schema.access import AccessSection
from procman.config.schema.configuration import Config
from procman.config.schema.groups import Group
from procman.config.schema.notify import Notify
from procman.config.schema.options import Effect
from procman.core.actions import Announce, AnnounceGroup, AnnounceRolling
from procman.core.attribution import Origin
from procman.core.events import GroupAdded, GroupChanged, GroupRemoved, WatchesRenewed
from procman.core.states import SETTLED, UP, State
from procman.runtime.bus import Notification, UpdateStep
from procman.runtime.engine import Engine
from procman.services.configuration import ConfigService
from procman.services.operations import Step, StepAction
from procman.services.rolling import until_over
from procman.services.rolling_words import why_stopped

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


class Updates:
    """Carries updates out, with the sections that are no programs; one at a time is for the caller to see to."""

    def __init__(self, engine: Engine, configuration: ConfigService) -> None:
        """`configuration` knows what is active, and who goes by the sections that are no programs."""
        self._engine = engine
        self._configuration = configuration
        self._notifying = configuration.notifying
        self._access = configuration.access

    @property
    def sections(self) -> tuple[tuple[Notify, ...], tuple[AccessSection, ...]]:
        """The notify and the access sections that are in effect."""
        return self._notifying.rules, self._access.sections

    async def carry_out(
        self,
        config: Config,
        wanted: Collection[str] | None,
        tell: Callable[[list[Step]], None] | None,
        origin: Origin,
        *,
        hidden: Collection[str] = (),
        rolling: "list[asyncio.Future[AnnounceRolling]] | None" = None,
    ) -> list[Step]:
        """Make all groups, or the wanted ones, what the configuration says.

        Of the wanted ones, those that are `hidden` are as if there were no such group. Steps are reported by `tell` as
        they are done; without it, they are what would be done. The ends of rolling restarts that it has begun are added
        to `rolling`.
        """
        difference = self._configuration.difference_from(config)
        known = {group.name for group in config.groups} | set(self._engine.fleet.groups) | set(difference.removed)
        known -= set(hidden)
        steps = [Step(name, "error") for name in sorted(set(wanted or ()) - known)]
        update = Update(self._engine, config, difference, tell, origin)
        steps += await update.run(None if wanted is None else set(wanted) - set(hidden))
        if rolling is not None:
            rolling += update.rolling
        if tell is not None:
            self._configuration.after_reading()
            self._configuration.drop_scales()
            if self._engine.fleet.watches.any_suspended:
                self._engine.post(WatchesRenewed(), origin)
        if wanted is None:
            steps += self._apply_sections(config, dry_run=tell is None)
        return steps

    async def put_back(
        self,
        previous: Mapping[str, Group | None],
        sections: tuple[tuple[Notify, ...], tuple[AccessSection, ...]] | None,
        origin: Origin,
    ) -> list[str]:
        """Make these groups what they were (None: not there), and the sections, where they are given.

        Returns why rolling restarts that this needs have stopped.
        """
        current = {group.name: group for group in self._configuration.active_groups()}
        groups = tuple(group for group in {**current, **previous}.values() if group is not None)
        config = replace(self._configuration.config, groups=groups)
        difference = diff(replace(config, groups=tuple(current.values())), config)
        update = Update(self._engine, config, difference, lambda _: None, origin)
        await update.run(set(previous))
        if sections is not None:
            self._apply_sections(replace(config, notify=sections[0], access=sections[1]))
        return [text for end in await asyncio.gather(*update.rolling) if (text := why_stopped(end))]

    def _apply_sections(self, config: Config, *, dry_run: bool = False) -> list[Step]:
        notify = diff_notify(self._notifying.rules, config.notify)
        access = diff_access(self._access.sections, config.access)
        if notify and not dry_run:
            self._notifying.apply(config.notify)
        if access and not dry_run:
            self._access.apply(config.access)
        return _section_steps("notify", notify) + _section_steps("access", access)


def _section_steps(kind: str, changes: Mapping[str, tuple[str, tuple[str, ...]]]) -> list[Step]:
    """What an update does, or would do, about sections that are no programs."""
    how: dict[str, StepAction] = {"added": "added", "removed": "removed", "changed": "changed in place"}
    return [Step(f"{kind}:{name}", how[what], options=options) for name, (what, options) in changes.items()]
