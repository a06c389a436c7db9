"""Programs and groups for tests, in as few words as a test needs: whatever is not said is the option's default."""

from typing import Any

from procman.config.schema.model import Group, Program


def program(name: str = "web", group: str | None = None, **options: Any) -> Program:
    """One process slot; its group has its name unless another is given."""
    options.setdefault("command", f"/bin/{name}")
    return Program(name=name, group=group or name, **options)


def group(name: str = "web", *programs: Program, priority: int = 999, **options: Any) -> Group:
    """A group; without programs it has the one that is named like it, which gets the options."""
    return Group(name=name, priority=priority, programs=programs or (program(name, **options),))
