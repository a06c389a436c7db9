"""The operations on the configuration: reread, add, remove, avail. A file with problems changes nothing.

Updates are in `services.update_service`.
"""

import dataclasses
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from procman.config import settings
from procman.config.diff import Changes as Difference
from procman.config.diff import diff, diff_access, diff_notify
from procman.config.problems import ConfigError
from procman.config.schema.configuration import Config
from procman.config.schema.groups import Group
from procman.config.schema.programs import Program
from procman.config.secrets import masked
from procman.core.attribution import Actor
from procman.core.events import GroupAdded, GroupRemoved
from procman.core.spec import ProgramTemplate
from procman.errors import OperationError, Reason, UnknownProcess, UnusableConfig, WrongState
from procman.runtime.definitions import group_of, program_of
from procman.runtime.engine import Engine
from procman.services.access import AccessRules
from procman.services.master import MasterService
from procman.services.notifying import Notifying
from procman.services.operations import Kind, Operation
from procman.services.process_table import ProcessTable


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
        scales: dict[str, list[int]] | None = None,
    ) -> None:
        """`config` is the one whose groups the fleet began with; `load` reads it with these `scales`.

        `notifying` gets the notify sections, `access` the access sections.
        """
        self.notifying = notifying
        self.access = access
        self.config = config
        self.started_with = config  # the master's own options are read once
        self.fleet = engine.fleet
        self._engine = engine
        self._operations = master.operations
        self._master = master
        self._processes = processes
        self._load = load
        self.after_reading: Callable[[], None] = lambda: None  # certificates and the like are read again, too
        self.refuse_while_unconfirmed: Callable[[], None] = lambda: None
        self.scales: dict[str, list[int]] = {} if scales is None else scales  # by section, as in `ConfigSource`
        self.on_scaled: Callable[[], None] = lambda: None

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
            + settings.of_notify(self.config, self.notifying.rules)
            + settings.of_access(self.config, self.access.sections)
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
        difference = self.difference_from(config)
        return GroupDifferences(
            tuple(group.name for group in difference.added),
            tuple(change.name for change in difference.changed),
            tuple(difference.removed),
            tuple(diff_notify(self.notifying.rules, config.notify)),
            tuple(diff_access(self.access.sections, config.access)),
        )

    def add(self, name: str, actor: Actor | None = None) -> Operation:
        """Activate a group of the file as it was last read."""
        self._master.refuse_while_ending()
        self.refuse_while_unconfirmed()
        if name in self.fleet.groups:
            raise WrongState(name, Reason.ALREADY_ADDED)
        for group in self.config.groups:
            if group.name == name:
                return self._post_at_once("add", name, actor, GroupAdded(group))
        raise UnknownProcess(name)

    def remove(self, name: str, actor: Actor | None = None, may: Callable[[str], bool] = lambda _: True) -> Operation:
        """Forget a group whose processes have all ended; `may` takes the processes that the client may know of."""
        self._master.refuse_while_ending()
        self.refuse_while_unconfirmed()
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
            verb, whose = ("depends", "its") if len(needing) == 1 else ("depend", "their")
            message = f"{', '.join(known + others)} {verb} on it: take {name} out of {whose} depends_on first"
            raise WrongState(f"cannot remove {name}: {message}", Reason.FAILED)
        return self._post_at_once("remove", name, actor, GroupRemoved(name))

    # ---- the pieces of the above

    def _post_at_once(self, kind: Kind, name: str, actor: Actor | None, event: GroupAdded | GroupRemoved) -> Operation:
        operation = self._operations.begin(kind, (name,), actor)
        self._engine.post(event, operation.origin)
        operation.end()
        return operation

    def active_groups(self) -> tuple[Group, ...]:
        """The groups that are active, but for those that leave."""
        return tuple(group_of(members.spec) for members in self.fleet.groups.values() if not members.leaving)

    def difference_from(self, config: Config) -> Difference:
        """What has to happen for what is active to become that."""
        return diff(dataclasses.replace(config, groups=self.active_groups()), config)

    async def take_over(self) -> Config:
        """Read the file for an update: what it has is known as last read from then on."""
        self.config = await self._read()
        return self.config

    async def scale(self, template: ProgramTemplate, number: int) -> Config:
        """Read the file with that number of processes of a program; what it has is known as last read then."""
        before = dict(self.scales)
        self.scales[template.section] = [number, template.file_numprocs]
        try:
            self.config = await self._read()
        except OperationError:
            self.scales.clear()
            self.scales.update(before)
            raise
        self.on_scaled()
        return self.config

    def scaled(self) -> list[ProgramTemplate]:
        """The programs that have another number of processes than the file said when it was last read."""
        return [one for one in self.config.templates if one.section in self.scales] if self.scales else []

    def drop_scales(self) -> None:
        """Forget those that are what the file says, or that this does not know of any more."""
        kept = {
            template.section: [template.numprocs, template.file_numprocs]
            for template in self.config.templates
            if template.section in self.scales and template.numprocs != template.file_numprocs
        }
        if kept != self.scales:
            self.scales.clear()
            self.scales.update(kept)
            self.on_scaled()

    async def look(self) -> Config:
        """Read the file, and take nothing over."""
        return await self._read()

    async def _read(self) -> Config:
        self._master.refuse_while_ending()
        try:
            config = await self._load()
        except ConfigError as error:
            raise UnusableConfig(str(error)) from None
        self._master.refuse_while_ending()
        return config
