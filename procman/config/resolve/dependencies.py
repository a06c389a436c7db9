"""Finds out which processes each `depends_on` means, and refuses what could never start.

An event listener that a program needs ready has a condition for that: it is RUNNING when it has said READY. One that
nobody waits for is RUNNING after startsecs, as in supervisor.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from procman.config.formats.raw import RawSection
from procman.config.resolve.option_reader import OptionReader
from procman.config.resolve.readiness import DEFAULT_TIMEOUT, refuse_never_ready
from procman.config.schema.groups import Group
from procman.config.schema.kinds.dependencies import CONDITIONS
from procman.config.schema.notation import show_text
from procman.config.schema.programs import Program
from procman.core.levels import circle
from procman.core.spec import Condition, Edge, ReadyKind

OPTION = "depends_on"
SAYS_READY = (Condition(ReadyKind.LISTENER, "listener"),)
# Of more circles than that the others are found when these are gone.
MOST_CIRCLES = 20


class Targets:
    """All that a `depends_on` may name."""

    def __init__(self, groups: Iterable[Group]) -> None:
        self.programs: dict[str, list[str]] = {}  # the namespecs of each section's processes, by its name
        self.groups: dict[str, list[str]] = {}
        self.processes: set[str] = set()
        self.oneshots: set[str] = set()  # the namespecs of those processes that are one-shots
        self.scheduled: set[str] = set()  # of those that run by a schedule
        self.unchecked: set[str] = set()  # of those that have no health check
        for group in groups:
            names = [program.namespec for program in group.programs]
            self.groups[group.name] = names
            self.processes.update(names)
            self.oneshots.update(program.namespec for program in group.programs if program.is_oneshot)
            self.scheduled.update(program.namespec for program in group.programs if program.schedule is not None)
            self.unchecked.update(
                program.namespec for program in group.programs if program.health is None and program.watchdog is None
            )
            for program in group.programs:
                self.programs.setdefault(program.section.partition(":")[2], []).append(program.namespec)

    def find(self, target: str) -> list[str] | None:
        """The namespecs of a program, a group, group:* or group:process; None if there is nothing of that name."""
        if target.endswith((":*", ":")):
            return self.groups.get(target.removesuffix("*").removesuffix(":"))
        if target in self.programs:
            return self.programs[target]
        group, _, process = target.partition(":")
        if process == group and group in self.processes:
            return [group]
        return [target] if target in self.processes else self.groups.get(target)

    @property
    def names(self) -> list[str]:
        """What may be meant by a misspelt name."""
        return [*self.programs, *self.groups, *self.processes]


def resolve_dependencies(reading: OptionReader, groups: tuple[Group, ...]) -> tuple[Group, ...]:
    """The same groups, with the processes of each edge; an edge that cannot be is left out, with a complaint."""
    if not any(program.depends_on for group in groups for program in group.programs):
        return groups
    targets = Targets(groups)
    found: dict[tuple[str, str], tuple[Edge, ...]] = {}  # by section and group: its processes share them

    def resolved(group: Group, program: Program) -> Program:
        if not program.depends_on:
            return program
        key = (program.section, group.name)
        if key not in found:
            found[key] = _edges(reading, group, program, targets)
        return replace(program, depends_on=found[key])

    groups = tuple(
        replace(group, programs=tuple(resolved(group, program) for program in group.programs)) for group in groups
    )
    _refuse_circles(reading, {program.namespec: program for group in groups for program in group.programs})
    return _with_ready_listeners(reading, groups)


def _with_ready_listeners(reading: OptionReader, groups: tuple[Group, ...]) -> tuple[Group, ...]:
    awaited = {
        name
        for group in groups
        for program in group.programs
        for edge in program.depends_on
        if edge.condition == "ready"
        for name in edge.processes
    }
    checked: set[str] = set()

    def listening(program: Program) -> Program:
        if program.namespec not in awaited:
            return program
        section = reading.sections.sections[program.section]
        is_default = reading.raw(section, "start_timeout") is None
        timeout = DEFAULT_TIMEOUT if is_default else program.start_timeout
        if section.name not in checked:
            checked.add(section.name)
            refuse_never_ready(reading, section, timeout, {"startsecs": program.startsecs})
        return replace(program, ready=SAYS_READY, start_timeout=timeout)

    return tuple(
        group
        if group.listener is None or awaited.isdisjoint(program.namespec for program in group.programs)
        else replace(group, programs=tuple(map(listening, group.programs)))
        for group in groups
    )


def _edges(reading: OptionReader, group: Group, program: Program, targets: Targets) -> tuple[Edge, ...]:
    section = reading.sections.sections[program.section]
    if group.listener is not None:
        message = "an event listener cannot depend on a program: it is to hear of its start: take it out"
        reading.complain(section, OPTION, message, "listener-dependency")
        return ()
    edges: list[Edge] = []
    for edge in program.depends_on:
        names = targets.find(edge.target)
        if names is None:
            _unknown(reading, section, edge, targets)
        elif own := [member.namespec for member in group.programs if member.section == program.section]:
            _refuse_own(reading, section, edge, names, own)
            edges += _by_condition(reading, section, edge, [name for name in names if name not in own], targets)
    return tuple(edges)


def _by_condition(
    reading: OptionReader, section: RawSection, edge: Edge, names: list[str], targets: Targets
) -> Iterator[Edge]:
    """The edge with its processes; without a condition it is two edges where a target has one-shots and others."""
    done = tuple(name for name in names if name in targets.oneshots)
    others = tuple(name for name in names if name not in targets.oneshots)
    if edge.condition == "done" and others:
        message = f"{edge.target}@done: {others[0]} is no one-shot: say ready or exited, or set type = oneshot there"
        reading.complain(section, OPTION, message, "bad-dependency")
    elif edge.condition in ("ready", "started") and (timed := targets.scheduled.intersection(names)):
        message = f"{edge.target}@{edge.condition}: {min(timed)} runs by a schedule and ends: say done or exited"
        reading.complain(section, OPTION, message, "bad-dependency")
    elif edge.condition == "healthy" and (without := [name for name in names if name in targets.unchecked]):
        message = f"{edge.target}@healthy: {without[0]} has no health check: set health there, or say ready"
        reading.complain(section, OPTION, message, "bad-dependency")
    elif edge.condition is not None:
        yield edge._replace(processes=tuple(names))
    else:
        if others:
            yield edge._replace(condition="ready", processes=others)
        if done:
            yield edge._replace(condition="done", processes=done)


def _unknown(reading: OptionReader, section: RawSection, edge: Edge, targets: Targets) -> None:
    name, _, condition = edge.target.rpartition(":")
    if edge.condition is None and condition in CONDITIONS and targets.find(name) is not None:
        hint: str | None = f": write {name}@{condition}"  # as other engines have it
    else:
        hint = reading.did_you_mean(edge.target, lambda: targets.names)
    message = f"there is no program or group {show_text(edge.target)}{hint or ': add it, or take it out'}"
    if edge.optional:
        reading.complain(section, OPTION, f"{message}; it is ignored", "unknown-dependency", "warning")
    else:
        reading.complain(section, OPTION, message, "unknown-dependency")


def _refuse_own(reading: OptionReader, section: RawSection, edge: Edge, names: list[str], own: list[str]) -> None:
    """No process can wait for itself, and those of one section all wait for the same."""
    if not set(names).intersection(own):
        return
    name = section.name.partition(":")[2]
    if set(names) <= set(own):
        message = f"{edge.target}: {name} cannot depend on itself: take it out"
    else:
        way_out = "name the others of it one by one" if ":" in edge.target or len(names) > 1 else "take it out"
        group = edge.target.partition(":")[0]
        message = f"{edge.target}: {name} is itself in the group {group}: {way_out}"
    reading.complain(section, OPTION, message, "own-dependency")


def _refuse_circles(reading: OptionReader, programs: Mapping[str, Program]) -> None:
    """Complain of each circle once, at its first place in the file, with all its places."""
    edges = {
        name: [target for edge in program.depends_on for target in edge.processes] for name, program in programs.items()
    }
    for _ in range(MOST_CIRCLES):
        names = circle(edges)
        if not names:
            return
        sections = [reading.sections.sections[programs[name].section] for name in names]
        # It begins where the file has it first.
        at = min(range(len(names)), key=lambda number: _place(reading, sections[number])[1])
        sections = [*sections[at:], *sections[:at]]
        way = " → ".join(section.name.partition(":")[2] for section in (*sections, sections[0]))
        places = list(dict.fromkeys(_place(reading, section) for section in sections))
        message = f"{way} depend on each other ({_places(places)}): take one of them out"
        reading.complain(sections[0], OPTION, message, "dependency-circle")
        gone = {section.name for section in sections}
        edges = {name: [] if programs[name].section in gone else targets for name, targets in edges.items()}


def _place(reading: OptionReader, section: RawSection) -> tuple[str, int]:
    where = reading.raw(section, OPTION) or section
    return where.file, where.line or 0


def _places(places: list[tuple[str, int]]) -> str:
    if len({file for file, _ in places}) == 1:
        return f"lines {', '.join(str(line) for _, line in places)}"
    return ", ".join(f"{file}:{line}" for file, line in places)
