"""Notes on what `depends_on` does to other options: nothing is wrong, but it may not be what a reader expects."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from procman.config.levels import started_at_boot
from procman.config.problems import Problem
from procman.config.resolve.dependencies import OPTION, Targets
from procman.config.resolve.option_reader import OptionReader
from procman.config.schema.configuration import Config
from procman.config.schema.groups import Group
from procman.config.schema.programs import Program
from procman.config.stop_plan import show_duration, stop_plan
from procman.core.levels import in_levels

SLUG = "dependency-note"

# The priority of the group, and that of the process in it.
Rank = tuple[int, int]


def note_dependencies(reading: OptionReader, config: Config) -> None:
    """Add them, once for each section."""
    if not any(program.depends_on for group in config.groups for program in group.programs):
        return
    _note_pulled_in(reading, config)
    _note_names(reading, config)
    _note_priorities(reading, config)
    _note_stop_plan(reading, config)


def _note(reading: OptionReader, program: Program, option: str, message: str) -> None:
    reading.complain(reading.sections.sections[program.section], option, message, SLUG, "note")


def _note_pulled_in(reading: OptionReader, config: Config) -> None:
    started = started_at_boot(config.groups)
    at_boot = started_at_boot(config.groups, for_runs=False)
    seen: set[str] = set()
    for program in _programs(config.groups):
        dependent = started.get(program.namespec)
        if dependent is not None and program.section not in seen:
            seen.add(program.section)
            when = "with the master" if program.namespec in at_boot else "before a run by a schedule"
            dependent = at_boot.get(program.namespec, dependent)
            message = f"it starts {when} all the same, because {dependent} depends on it"
            _note(reading, program, "autostart", message)


def _note_names(reading: OptionReader, config: Config) -> None:
    targets = Targets(config.groups)
    seen: set[tuple[str, str]] = set()
    for program in _programs(config.groups):
        for edge in program.depends_on:
            name = edge.target
            group = targets.groups.get(name)
            if name in targets.programs and group is not None and (program.section, name) not in seen:
                seen.add((program.section, name))
                if sorted(group) != sorted(targets.programs[name]):
                    message = f"{name} is the program of that name, and not the group: write {name}:* for the group"
                    _note(reading, program, OPTION, message)


def _note_priorities(reading: OptionReader, config: Config) -> None:
    own = {
        program.namespec: (group.priority, program.priority) for group in config.groups for program in group.programs
    }
    lowered = _lowered(config.groups, own)
    seen: set[str] = set()
    for program in _programs(config.groups):
        if program.namespec in lowered and program.section not in seen:
            seen.add(program.section)
            (group, process), because = lowered[program.namespec]
            counts = group if group != own[program.namespec][0] else process
            message = f"it counts with {counts}, because {because} has that and depends on it"
            _note(reading, program, "priority", message)


def _lowered(groups: Iterable[Group], own: Mapping[str, Rank]) -> dict[str, tuple[Rank, str]]:
    """The ranks of those that others need earlier, and the one of these that decides."""
    edges = {
        program.namespec: [name for edge in program.depends_on for name in edge.processes if name in own]
        for program in _programs(groups)
    }
    ranks = dict(own)
    because = {name: name for name in own}
    for name in reversed(in_levels(edges)[0]):
        for target in edges[name]:
            if ranks[name] < ranks[target]:
                ranks[target], because[target] = ranks[name], because[name]
    return {name: (ranks[name], because[name]) for name in own if ranks[name] < own[name]}


def _note_stop_plan(reading: OptionReader, config: Config) -> None:
    untied = tuple(
        replace(group, programs=tuple(replace(program, depends_on=()) for program in group.programs))
        for group in config.groups
    )
    now, without = stop_plan(config), stop_plan(replace(config, groups=untied))
    if now.seconds > without.seconds:
        message = (
            f"depends_on makes a shutdown take up to {show_duration(now.seconds)} instead of "
            f"{show_duration(without.seconds)}, because what others depend on stops after them"
        )
        reading.add(Problem(config.file, None, None, None, message, "note", SLUG))


def _programs(groups: Iterable[Group]) -> list[Program]:
    return [program for group in groups for program in group.programs]
