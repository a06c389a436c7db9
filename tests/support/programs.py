"""Programs and groups for tests, with defaults for every option that a test does not mention."""

from typing import Any

from procman.config.schema.groups import Group
from procman.config.schema.programs import Program


def program(name: str = "web", group: str | None = None, **options: Any) -> Program:
    """One process slot; its group is named after it unless another is given."""
    options.setdefault("command", f"/bin/{name}")
    return Program(name=name, group=group or name, **options)


def group(name: str = "web", *programs: Program, priority: int = 999, **options: Any) -> Group:
    """A group; without programs, it gets one of the same name with these options."""
    return Group(name=name, priority=priority, programs=programs or (program(name, **options),))
