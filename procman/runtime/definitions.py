"""Finds the full definition of a process or a group from the part that the core knows.

The core returns definitions unchanged, and all of them come from a configuration.
"""

from procman.config.schema.groups import Group
from procman.config.schema.programs import Program
from procman.core.fleet import Fleet
from procman.core.spec import GroupSpec, ProcessSpec

# By this the program, and whoever looks at it, can tell; and its definition is never that of the file.
DEBUG_MARK = "PROCMAN_DEBUG"


def program_of(spec: ProcessSpec) -> Program:
    """The program, as the core returned it; raises TypeError if it is not from a configuration."""
    if not isinstance(spec, Program):
        raise TypeError(f"{spec.namespec} has no program of a configuration")
    return spec


def group_of(spec: GroupSpec) -> Group:
    """The group, as the core returned it; raises TypeError if it is not from a configuration."""
    if not isinstance(spec, Group):
        raise TypeError(f"{spec.name} is no group of a configuration")
    return spec


def definition_in(fleet: Fleet, name: str) -> Program | None:
    """The program of the process of that namespec, as it is defined now; None: there is none."""
    process = fleet.processes.get(name)
    return None if process is None else program_of(process.definition)
