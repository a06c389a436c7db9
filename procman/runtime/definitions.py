"""The whole definition of a process or a group, where the core knows the part that it decides on.

The core hands a definition back as it got it, and all that it gets come from a configuration.
"""

from procman.config.schema.groups import Group
from procman.config.schema.programs import Program
from procman.core.spec import GroupSpec, ProcessSpec


def program_of(spec: ProcessSpec) -> Program:
    """The program that the core has passed on; TypeError where it did not come from a configuration."""
    if not isinstance(spec, Program):
        raise TypeError(f"{spec.namespec} has no program of a configuration")
    return spec


def group_of(spec: GroupSpec) -> Group:
    """The group that the core has passed on; TypeError where it did not come from a configuration."""
    if not isinstance(spec, Group):
        raise TypeError(f"{spec.name} is no group of a configuration")
    return spec
