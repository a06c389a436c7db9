"""The order in which the processes of a configuration start and stop, and which of them start with the master."""

from collections.abc import Iterable

from procman.config.schema.groups import Group
from procman.core.levels import Place, arrange


def arrange_groups(groups: Iterable[Group]) -> dict[str, Place]:
    """The place of each process, by its namespec."""
    groups = tuple(groups)
    return arrange(
        [(group.priority, [program.namespec for program in group.start_order]) for group in groups],
        {
            program.namespec: [name for edge in program.depends_on for name in edge[3]]
            for group in groups
            for program in group.programs
            if program.depends_on
        },
    )


def started_at_boot(groups: Iterable[Group], *, for_runs: bool = True) -> dict[str, str | None]:
    """The namespecs of what starts with the master, by autostart (None) or because that process needs it.

    `for_runs`: also what starts later, when something that needs it runs by its schedule.
    """
    programs = {program.namespec: program for group in groups for program in group.programs}
    found: dict[str, str | None] = {name: None for name, program in programs.items() if program.autostart}
    todo = list(found)
    while todo:
        dependent = todo.pop()
        if programs[dependent].schedule is not None and not (for_runs or programs[dependent].run_on_start):
            continue
        for edge in programs[dependent].depends_on:
            for name in () if edge.optional else edge.processes:
                if name not in found and name in programs:
                    found[name] = dependent
                    todo.append(name)
    return found
