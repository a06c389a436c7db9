"""The order in which the processes of a configuration start and stop."""

from collections.abc import Iterable

from procman.config.schema.groups import Group
from procman.core.levels import Place, arrange


def arrange_groups(groups: Iterable[Group]) -> dict[str, Place]:
    """The place of each process, by its namespec."""
    groups = tuple(groups)
    return arrange(
        [(group.priority, [program.namespec for program in group.programs]) for group in groups],
        {
            program.namespec: [name for edge in program.depends_on for name in edge[3]]
            for group in groups
            for program in group.programs
            if program.depends_on
        },
    )
