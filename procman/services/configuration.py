"""The operations on the configuration: reread, update, add, remove, avail.

A file with problems changes nothing. `update` touches only what differs: what can be changed in a running process is
changed in place, the rest is stopped and replaced, one process at a time and not by whole groups as supervisord does.
"""

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from procman.config import settings
from procman.config.diff import Changes as Difference
from procman.config.diff import diff, diff_access, diff_notify
from procman.config.problems import ConfigError
from procman.config.schema.configuration import Config
from procman.config.schema.programs import Program
from procman.config.secrets import masked
from procman.core.actions import AnnounceRolling
from procman.core.attribution import NOBODY, Actor, Origin
from procman.core.events import GroupAdded, GroupRemoved, WatchesRenewed
from procman.errors import Reason, UnknownProcess, UnusableConfig, WrongState
from procman.runtime.definitions import group_of, program_of
from procman.runtime.engine import Engine
from procman.services.access import AccessRules
from procman.services.master import MasterService
from procman.services.notifying import Notifying
from procman.services.operations import Kind, Operation, Step, StepAction
from procman.services.process_table import ProcessTable
from procman.services.rolling import why_stopped
from procman.services.updates import Update


@dataclass(frozen=True, slots=True)
class ConfiguredProcess:
    """One process of the file as it was last read."""

    program: Program
    group: str
    group_priority: int
    is_active: bool  # whether its group is
    command: str  # without what looks like a secret in it


@dataclass(frozen=True, slots=True)
class GroupDifferences:
    """The names of the groups in which the file differs from what is active."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    notify: tuple[str, ...] = ()  # the notify sections
    access: tuple[str, ...] = ()  # the access sections


class ConfigService:
    """Holds the configuration as it was last read; `load` reads it again and raises ConfigError."""

    def __init__(
        self,
        engine: Engine,
        master: MasterService,
        processes: ProcessTable,
        config: Config,
        load: Callable[[], Awaitable[Config]],
        *,
        notifying: Notifying,
        access: AccessRules,
    ) -> None:
        """`config` is the one whose groups the fleet began with.

        `notifying` gets the notify sections, `access` the access sections.
        """
        self._notifying = notifying
        self._access = access
        self.config = config
        self.started_with = config  # the master's own options are read once
        self.fleet = engine.fleet
        self._engine = engine
        self._operations = master.operations
        self._master = master
        self._processes = processes
        self._load = load
        self.after_reading: Callable[[], None] = lambda: None  # certificates and the like are read again, too
        # Two updates at once would each stop what the other starts.
        self._one_at_a_time = asyncio.Lock()

    def restore(self, config: Config) -> None:
        """Go on from an upgrade; `config` is as it was last read, which may be newer than what the fleet runs."""
        self.config = config

    def available(self) -> list[ConfiguredProcess]:
        """Every process in the file as it was last read, by name."""
        found = [
            ConfiguredProcess(
                program, group.name, group.priority, group.name in self.fleet.groups, masked(program.command)
            )
            for group in self.config.groups
            for program in group.programs
        ]
        return sorted(found, key=lambda process: process.program.name)

    def namespecs(self, group: str) -> list[str]:
        """The processes of a group, as it is active and as the file has it; none where there is no such group."""
        members = self.fleet.groups.get(group)
        active = list(members.processes) if members is not None else []
        read = [program.namespec for one in self.config.groups if one.name == group for program in one.programs]
        return list(dict.fromkeys([*active, *read]))

    def stop_plan(self, budget: str | None = None) -> settings.Json:
        """How long a shutdown takes at worst, with what is active now; BadRequest for a budget that is no duration."""
        # A whole feature: 0.1 MiB for the few who ask.
        from procman.config import stop_plan  # noqa: PLC0415

        seconds = None if budget is None else stop_plan.read_duration(budget)
        plan = stop_plan.stop_plan(self._active())
        return stop_plan.to_json(plan, stop_plan.compare(plan, seconds))

    def longest_stop(self) -> float:
        """How long a shutdown takes at worst, in seconds."""
        from procman.config import stop_plan  # noqa: PLC0415 - see above

        return stop_plan.stop_plan(self._active()).seconds

    def _active(self) -> Config:
        """What is in effect: the groups that are active now, under the options that the master began with."""
        active = tuple(
            dataclasses.replace(
                group_of(members.spec),
                programs=tuple(program_of(process.program) for process in members.processes.values()),
            )
            for members in self.fleet.groups.values()
        )
        return dataclasses.replace(self.config, groups=active, master=self.started_with.master)

    def settings_of_master(self) -> list[settings.Json]:
        """What the master and its servers go by, which they have read once; and the notify and access sections."""
        return (
            settings.of_master(self.started_with)
            + settings.of_notify(self.config, self._notifying.rules)
            + settings.of_access(self.config, self._access.sections)
        )

    def settings(self, spec: str, processes: ProcessTable | None = None) -> list[settings.Json]:
        """What each process that `spec` names goes by, its group first; raises UnknownProcess.

        `processes` is the table of a client that does not see all of them.
        """
        found: list[settings.Json] = []
        shown: set[str] = set()
        for status in (processes or self._processes).statuses(spec):
            if status.group not in shown:
                shown.add(status.group)
                shared = settings.of_group(self.config, group_of(self.fleet.groups[status.group].spec))
                found += [shared] if shared else []
            program = program_of(self.fleet.processes[status.namespec].program)
            found += [settings.of_process(self.config, program), *settings.of_sockets(self.config, program)]
        return found

    async def check(self) -> None:
        """Raises UnusableConfig where a reload would find a file that cannot be used."""
        await self._read()

    async def reread(self) -> GroupDifferences:
        """Read the file again, and say which groups differ from what is active."""
        self.config = await self._read()
        self.after_reading()
        return self.compare(self.config)

    def compare(self, config: Config) -> GroupDifferences:
        """In which groups a configuration differs from what is active."""
        difference = self._difference_from(config)
        return GroupDifferences(
            tuple(group.name for group in difference.added),
            tuple(change.name for change in difference.changed),
            tuple(difference.removed),
            tuple(diff_notify(self._notifying.rules, config.notify)),
            tuple(diff_access(self._access.sections, config.access)),
        )

    def update(
        self, names: Iterable[str] | None = None, actor: Actor | None = None, hidden: Collection[str] = ()
    ) -> Operation:
        """Read the file again and make it so, for all groups or those named; it ends when all has stopped that must.

        Of the names, those that are `hidden` from the client are as if there were no such group.
        """
        self._master.refuse_while_ending()
        targets = None if names is None else tuple(names)
        operation = self._operations.begin("update", targets or ("all",), actor)

        async def work() -> None:
            rolling: list[asyncio.Future[AnnounceRolling]] = []
            tell = operation.steps.extend
            operation.steps = await self._update(targets, tell, operation.origin, hidden, rolling)
            for end in await asyncio.gather(*rolling):
                if text := why_stopped(end):
                    operation.steps.append(Step(end.program.partition(":")[0], "rolling stopped", message=text))
            operation.accept()

        self._operations.do(operation, work())
        return operation

    async def plan_update(self, names: Iterable[str] | None = None, hidden: Collection[str] = ()) -> list[Step]:
        """What `update` would do."""
        return await self._update(names, None, NOBODY, hidden)

    def add(self, name: str, actor: Actor | None = None) -> Operation:
        """Activate a group of the file as it was last read."""
        self._master.refuse_while_ending()
        if name in self.fleet.groups:
            raise WrongState(name, Reason.ALREADY_ADDED)
        for group in self.config.groups:
            if group.name == name:
                return self._post_at_once("add", name, actor, GroupAdded(group))
        raise UnknownProcess(name)

    def remove(self, name: str, actor: Actor | None = None, may: Callable[[str], bool] = lambda _: True) -> Operation:
        """Forget a group whose processes have all ended; `may` takes the processes that the client may know of."""
        self._master.refuse_while_ending()
        members = self.fleet.groups.get(name)
        if members is None:
            raise UnknownProcess(name)
        if any(not process.settled for process in members.processes.values()):
            raise WrongState(name, Reason.STILL_RUNNING)
        inside = set(members.processes)
        needing = {other for process in members.processes.values() for other in process.needed_by} - inside
        if needing:
            known = [other for other in sorted(needing) if may(other)]
            others = ["others"] if len(known) < len(needing) else []
            message = f"{', '.join(known + others)} depend on it: take {name} out of their depends_on first"
            raise WrongState(f"cannot remove {name}: {message}", Reason.FAILED)
        return self._post_at_once("remove", name, actor, GroupRemoved(name))

    # ---- the pieces of the above

    def _post_at_once(self, kind: Kind, name: str, actor: Actor | None, event: GroupAdded | GroupRemoved) -> Operation:
        operation = self._operations.begin(kind, (name,), actor)
        self._engine.post(event, operation.origin)
        operation.end()
        return operation

    async def _update(
        self,
        names: Iterable[str] | None,
        tell: Callable[[list[Step]], None] | None,
        origin: Origin = NOBODY,
        hidden: Collection[str] = (),
        rolling: list[asyncio.Future[AnnounceRolling]] | None = None,
    ) -> list[Step]:
        """Report the steps by `tell` as they are done; without it, only say what would be done.

        The ends of rolling restarts that it has begun are added to `rolling`.
        """
        async with self._one_at_a_time:
            self.config = await self._read()
            difference = self._difference_from(self.config)
            wanted = None if names is None else set(names) - {"all"} or None
            known = {group.name for group in self.config.groups} | set(self.fleet.groups) | set(difference.removed)
            known -= set(hidden)
            steps = [Step(name, "error") for name in sorted((wanted or set()) - known)]
            update = Update(self._engine, self.config, difference, tell, origin)
            steps += await update.run(None if wanted is None else wanted - set(hidden))
            if rolling is not None:
                rolling += update.rolling
            if tell is not None:
                self.after_reading()
            if tell is not None and self.fleet.watches.any_suspended:
                self._engine.post(WatchesRenewed(), origin)
            if wanted is None:
                steps += self._notify_steps(dry_run=tell is None) + self._access_steps(dry_run=tell is None)
            return steps

    def _notify_steps(self, *, dry_run: bool) -> list[Step]:
        changes = diff_notify(self._notifying.rules, self.config.notify)
        if changes and not dry_run:
            self._notifying.apply(self.config.notify)
        return _section_steps("notify", changes)

    def _access_steps(self, *, dry_run: bool) -> list[Step]:
        changes = diff_access(self._access.sections, self.config.access)
        if changes and not dry_run:
            self._access.apply(self.config.access)
        return _section_steps("access", changes)

    def _difference_from(self, config: Config) -> Difference:
        active = tuple(group_of(members.spec) for members in self.fleet.groups.values() if not members.leaving)
        return diff(dataclasses.replace(config, groups=active), config)

    async def _read(self) -> Config:
        self._master.refuse_while_ending()
        try:
            config = await self._load()
        except ConfigError as error:
            raise UnusableConfig(str(error)) from None
        self._master.refuse_while_ending()
        return config


def _section_steps(kind: str, changes: Mapping[str, tuple[str, tuple[str, ...]]]) -> list[Step]:
    """What an update does, or would do, about sections that are no programs."""
    how: dict[str, StepAction] = {"added": "added", "removed": "removed", "changed": "changed in place"}
    return [Step(f"{kind}:{name}", how[what], options=options) for name, (what, options) in changes.items()]
