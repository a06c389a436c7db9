"""What an update would do, as plain data: which process, by which option, old and new value, and for how long.

No I/O and no clock here. Secrets in values are masked, as in `settings`. How long something is down follows the stop
plan: stopwaitsecs and the hooks of its stop, then the time that its start may take.
"""

from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, NamedTuple

from procman.config import settings
from procman.config.diff import (
    ACCESS,
    GROUP,
    LISTENER,
    NOTIFY,
    PROGRAM,
    Changes,
    GroupChange,
    ProgramChange,
    effect_on_process,
)
from procman.config.schema.configuration import Config
from procman.config.schema.groups import FcgiOptions, Group
from procman.config.schema.master import Master
from procman.config.schema.options import Effect, Option, options_of
from procman.config.schema.programs import Program
from procman.config.schema.sockets import Socket, sockets_of
from procman.config.secrets import masked_variables
from procman.config.settings import Json, origin_of, shown_value

Action = Literal["added", "removed", "restarted", "reopened", "changed in place"]

_ACTIONS: dict[Effect, Action] = {
    Effect.NONE: "changed in place",
    Effect.REOPEN: "reopened",
    Effect.RESTART: "restarted",
}
_SOCKET = options_of(FcgiOptions)
_SOCKET_SECTION = options_of(Socket)
_FOLLOWS: dict[str, str] = {"restart": "restarted", "reload": "reloaded", "signal": "signalled"}


@dataclass(frozen=True, slots=True)
class OptionChange:
    """One option, or one variable of it, that has another value. None: it has none."""

    option: str  # of a socket that it uses: "[socket:NAME] OPTION"
    variable: str | None
    old: str | None  # as a file would have it; of a secret only that there is one
    new: str | None
    effect: str  # what a change of it costs: "none", "reopen" or "restart"
    source: str  # where the new value was set: "file", "default" or "command line"
    file: str | None
    line: int | None


@dataclass(frozen=True, slots=True)
class Affected:
    """A process that is not changed itself, and depends on one that is."""

    name: str  # a namespec
    effect: str  # "restarted", "stopped and started", "reloaded", "signalled" or "goes on"


@dataclass(frozen=True, slots=True)
class PlannedChange:
    """What becomes of one process, or of a section that is no program."""

    group: str  # or "notify:NAME" or "access:NAME"
    name: str  # a namespec; "" for such a section
    action: Action
    running: bool  # it is up now, so an action that needs a stop stops it
    starts: bool  # it is started by the update
    in_turn: bool  # it is restarted in its turn, and not together with the others of its program
    options: tuple[OptionChange, ...]
    dependents: tuple[Affected, ...]
    stop: float  # how long its stop may take, in seconds; 0: it is not stopped
    start: float | None  # how long it may take until it is up; None: no limit, or it is not started

    @property
    def down(self) -> float | None:
        """For how long it may be down, in seconds; None: for ever, or there is no limit."""
        if not (self.running and self.starts):
            return None
        return None if self.start is None else self.stop + self.start


def planned_changes(
    old: Config,
    new: Config,
    changes: Changes,
    *,
    groups: Collection[str] | None,
    is_up: Callable[[str], bool],
    starts_replaced: Callable[[str], bool],
) -> tuple[PlannedChange, ...]:
    """What is done for `old` to become `new`: first what is removed, then what is changed, then what is added.

    Args:
        old: what is active.
        new: the file.
        changes: the difference of both.
        groups: only these; None: all.
        is_up: whether the process of that namespec runs, or is on its way.
        starts_replaced: whether one that is replaced comes up with its new definition.
    """
    planner = _Planner(old, new, is_up, starts_replaced)
    planned: list[PlannedChange] = []
    before = {group.name: group for group in old.groups}
    for name in changes.removed:
        if groups is None or name in groups:
            planned += [planner.removed(program) for program in before[name].programs]
    for change in changes.changed:
        if groups is None or change.name in groups:
            planned += planner.changed(change)
    for group in changes.added:
        if groups is None or group.name in groups:
            planned += [planner.added(program) for program in group.programs]
    return planner.with_dependents(planned)


class _Planner:
    """Knows both configurations."""

    def __init__(
        self, old: Config, new: Config, is_up: Callable[[str], bool], starts_replaced: Callable[[str], bool]
    ) -> None:
        self._new = new
        self._is_up = is_up
        self._starts_replaced = starts_replaced
        active = {program.namespec: program for group in old.groups for program in group.programs}
        said = {program.namespec: program for group in new.groups for program in group.programs}
        # A dependent goes by its new definition, where it has one.
        self._programs = {name: said.get(name, program) for name, program in active.items()}

    def removed(self, program: Program) -> PlannedChange:
        return self._planned(program, "removed", stops=True, starts=False)

    def added(self, program: Program) -> PlannedChange:
        return self._planned(program, "added", stops=False, starts=program.autostart)

    def changed(self, change: GroupChange) -> list[PlannedChange]:
        shared = group_changes(self._new, change)
        whole = change.old.listener != change.new.listener or change.old.socket != change.new.socket
        by_name = {changed.new.namespec: changed for changed in change.programs_changed}
        planned = [self.removed(program) for program in change.programs_removed]
        added = {program.namespec for program in change.programs_added}
        for program in change.new.programs:
            if program.namespec in added:
                planned.append(self.added(program))
                continue
            own = by_name.get(program.namespec)
            if own is None and not shared:
                continue
            its_own = () if own is None else program_changes(self._new, own)
            # A group that has a program's name has its priority.
            options = (*(one for one in shared if one not in its_own), *its_own)
            effect = Effect.RESTART if whole else Effect.NONE if own is None else own.effect
            planned.append(self._replaced(program, own, effect, options))
        return planned

    def _replaced(
        self, program: Program, own: ProgramChange | None, effect: Effect, options: tuple[OptionChange, ...]
    ) -> PlannedChange:
        restarts = effect is Effect.RESTART
        stops = program if own is None else own.old  # it stops by the definition that it runs with
        starts = restarts and self._starts_replaced(program.namespec)
        return self._planned(program, _ACTIONS[effect], stops=restarts, starts=starts, options=options, old=stops)

    def _planned(
        self,
        program: Program,
        action: Action,
        *,
        stops: bool,
        starts: bool,
        options: tuple[OptionChange, ...] = (),
        old: Program | None = None,
    ) -> PlannedChange:
        name = program.namespec
        running = action != "added" and self._is_up(name)
        stop = longest_stop(old or program) if stops and running else 0
        start = longest_start(program) if starts else None
        in_turn = action == "restarted" and program.restart_strategy == "rolling"
        return PlannedChange(program.group, name, action, running, starts, in_turn, options, (), stop, start)

    def with_dependents(self, planned: list[PlannedChange]) -> tuple[PlannedChange, ...]:
        stopped = {change.name for change in planned if change.stop or change.action in ("removed", "restarted")}
        needing: dict[str, list[Program]] = {}
        for program in self._programs.values():
            for edge in program.depends_on:
                for target in edge.processes:
                    needing.setdefault(target, []).append(program)
        found = []
        for change in planned:
            known: dict[str, Affected] = {}
            if change.running and change.action in ("removed", "restarted"):
                queue = deque([change.name])
                while queue:
                    for program in needing.get(queue.popleft(), ()):
                        name = program.namespec
                        if name in known or name in stopped or not self._is_up(name):
                            continue
                        known[name] = Affected(name, _effect_on(program, removed=change.action == "removed"))
                        if known[name].effect in ("restarted", "stopped", "stopped and started"):
                            queue.append(name)
            found.append(replace(change, dependents=tuple(known.values())))
        return tuple(found)


def _effect_on(program: Program, *, removed: bool) -> str:
    if program.on_dependency_stop == "stop":
        return "stopped" if removed else "stopped and started"
    if removed:
        return "goes on"
    return _FOLLOWS.get(program.on_dependency_restart[0], "goes on")


def longest_stop(program: Program) -> float:
    """How long its stop may take, in seconds."""
    return max(program.stopwaitsecs, 0) + program.hooks_of_stop


def longest_start(program: Program) -> float | None:
    """How long it may take until it is up, in seconds; None: there is no limit. Waiting for others is not in it."""
    if program.ready:
        return program.start_timeout
    return max(program.startsecs, 0)


# ---- options


class _Place(NamedTuple):
    """A section of a configuration, as it is called there."""

    config: Config
    section: str

    def origin(self, option: str) -> Json:
        """Where an option of it was set."""
        return origin_of(self.config, self.section, option)


def program_changes(config: Config, change: ProgramChange) -> tuple[OptionChange, ...]:
    """The options of a process that differ."""
    names = [name for name in change.options if not PROGRAM[name].inert]
    place = _Place(config, change.new.section)
    found = _differences(place, PROGRAM, names, _getter(change.old), _getter(change.new))
    effects = {name: effect_on_process(name, change.old, change.new).name.lower() for name in names}
    sockets = _socket_changes(config, change) if "sockets" in names else []
    return tuple(
        option
        for one in found
        for option in (sockets if one.option == "sockets" and sockets else [replace(one, effect=effects[one.option])])
    )


def _socket_changes(config: Config, change: ProgramChange) -> list[OptionChange]:
    """The options of its sockets' sections that differ, if it uses the same sections as before."""
    before, after = sockets_of(change.old.sockets), sockets_of(change.new.sockets)
    if [one.name for one in before] != [one.name for one in after]:
        return []
    found = []
    for old, new in zip(before, after, strict=True):
        place = _Place(config, new.section)
        names = [name for name in _SOCKET_SECTION if getattr(old, name) != getattr(new, name)]
        differences = _differences(place, _SOCKET_SECTION, names, _getter(old), _getter(new))
        found += [replace(one, option=f"[{new.section}] {one.option}") for one in differences]
    return found


def group_changes(config: Config, change: GroupChange) -> tuple[OptionChange, ...]:
    """Those that its processes share."""
    place, found = _Place(config, f"{change.new.kind}:{change.name}"), list[OptionChange]()
    for name in change.options:
        if name == "kind":
            found.append(_changed(place, "kind", change.old.kind, change.new.kind, Effect.RESTART))
        elif name == "socket":
            old, new = (_socket_of(group) for group in (change.old, change.new))
            found += _differences(place, _SOCKET, [n for n in new if old[n] != new[n]], old.get, new.get)
        elif name in LISTENER and name not in GROUP:
            old_of, new_of = _getter(change.old.listener), _getter(change.new.listener)
            found += _differences(place, LISTENER, [name], old_of, new_of)
        else:
            found += _differences(place, GROUP, [name], _getter(change.old), _getter(change.new))
    return tuple(found)


def _socket_of(group: Group) -> dict[str, Any]:
    socket = group.socket
    if socket is None:
        return dict.fromkeys(("socket", "socket_mode", "socket_owner", "socket_backlog"))
    return {
        "socket": socket.url,
        "socket_mode": socket.mode,
        "socket_owner": socket.owner,
        "socket_backlog": socket.backlog,
    }


def section_changes(
    kind: Literal["notify", "access"],
    config: Config,
    old: Iterable[Any],
    new: Iterable[Any],
    changes: Mapping[str, tuple[str, tuple[str, ...]]],
) -> tuple[PlannedChange, ...]:
    """The notify or the access sections that differ, as `diff` has found them."""
    table = NOTIFY if kind == "notify" else ACCESS
    before, after = {rule.name: rule for rule in old}, {rule.name: rule for rule in new}
    planned = []
    for name, (what, names) in changes.items():
        section = f"{kind}:{name}"
        options: tuple[OptionChange, ...] = ()
        if what == "changed":
            place = _Place(config, section)
            options = _differences(place, table, names, _getter(before[name]), _getter(after[name]))
        action: Action = "added" if what == "added" else "removed" if what == "removed" else "changed in place"
        planned.append(PlannedChange(section, "", action, False, False, False, options, (), 0, None))
    return tuple(planned)


def left_for_reload(started: Config, new: Config) -> tuple[OptionChange, ...]:
    """The options of the master and its servers that differ: an update leaves them, a reload takes them."""
    table = options_of(Master)
    names = [n for n in table if not table[n].inert and getattr(started.master, n) != getattr(new.master, n)]
    # Variables of the master are in the environment of each program, where they are shown.
    names = [name for name in names if name != "environment"]
    place = _Place(new, settings.MASTER)
    own = _differences(place, table, names, _getter(started.master), _getter(new.master))
    if started.servers == new.servers:
        return own
    ports = [", ".join(server.section for server in config.servers) or None for config in (started, new)]
    return (*own, _changed(place, "servers", ports[0], ports[1], Effect.RESTART))


def _getter(holder: object) -> Callable[[str], Any]:
    return lambda name: getattr(holder, name, None)


def _differences(
    place: _Place,
    table: Mapping[str, Option],
    names: Iterable[str],
    old: Callable[[str], Any],
    new: Callable[[str], Any],
) -> tuple[OptionChange, ...]:
    found: list[OptionChange] = []
    for name in names:
        before, after, effect = old(name), new(name), table[name].effect
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            found += _variables(place, name, before, after, effect)
            continue
        kind = table[name].kind
        texts = [None if value is None else shown_value(name, kind, value)[1] for value in (before, after)]
        found.append(_changed(place, name, texts[0], texts[1], effect))
    return tuple(found)


def _variables(
    place: _Place, option: str, old: Mapping[str, str], new: Mapping[str, str], effect: Effect
) -> list[OptionChange]:
    shown_old, shown_new = masked_variables(old), masked_variables(new)
    own = place.origin(option)
    where = own if own["source"] != "default" else _Place(place.config, settings.MASTER).origin(option)
    return [
        OptionChange(option, name, shown_old.get(name), shown_new.get(name), effect.name.lower(), **where)
        for name in dict.fromkeys([*old, *new])
        if old.get(name) != new.get(name)
    ]


def _changed(place: _Place, name: str, old: str | None, new: str | None, effect: Effect) -> OptionChange:
    return OptionChange(name, None, old, new, effect.name.lower(), **place.origin(name))


def to_json(change: PlannedChange) -> Json:
    """One of them; see `PlannedChangeInfo` in api.shapes."""
    data = asdict(change)
    data["options"] = [option_to_json(option) for option in change.options]
    data["dependents"] = [asdict(affected) for affected in change.dependents]
    return {**data, "down": change.down}


def option_to_json(option: OptionChange) -> Json:
    """An option without what does not apply."""
    data = asdict(option)
    if option.variable is None:
        del data["variable"]
    return data
