"""An update that is under way, and the same as plain data for another process image to go on with."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from procman.config.schema.access import AccessSection
from procman.config.schema.groups import Group
from procman.config.schema.notify import Notify
from procman.core.attribution import Actor
from procman.core.snapshot import definition
from procman.services.confirmation import Confirmation
from procman.services.operations import Operation, Operations, Step

# What is done: it is carried out; it waits for its confirmation; what was in effect before is made so again.
Stage = Literal["applying", "waiting", "rolling back"]
Data = dict[str, Any]


class Readers(NamedTuple):
    """What reads definitions that were written as plain data."""

    group: Callable[[Any], Group]
    notify: Callable[[Any], tuple[Notify, ...]]
    access: Callable[[Any], tuple[AccessSection, ...]]


@dataclass(eq=False, slots=True)
class UnderWay:
    """One update."""

    operation: Operation
    names: frozenset[str] | None  # of the groups; None: all
    confirm: float | None = None  # how long it waits for its confirmation, in seconds; None: it does not
    stage: Stage = "applying"
    confirmation: Confirmation | None = None
    previous: dict[str, Group | None] = field(default_factory=dict)  # the groups that it may change; None: not there
    sections: tuple[tuple[Notify, ...], tuple[AccessSection, ...]] | None = None  # None: it does not change them
    reason: str = ""  # why it is rolled back


def write_under_way(under: UnderWay, now: float) -> Data:
    """All of it; durations are what is left of them."""
    operation, confirmation = under.operation, under.confirmation
    return {
        "operation": {
            "id": operation.id,
            "targets": list(operation.targets),
            "actor": None if operation.actor is None else list(operation.actor),
            "began": operation.began,
            "steps": [[step.group, step.action, step.name, list(step.options)] for step in operation.steps],
        },
        "names": None if under.names is None else sorted(under.names),
        "confirm": under.confirm,
        "stage": under.stage,
        "confirmation": None if confirmation is None else confirmation.snapshot(now),
        "previous": {name: None if group is None else definition(group) for name, group in under.previous.items()},
        "sections": None if under.sections is None else [list(map(definition, rules)) for rules in under.sections],
        "reason": under.reason,
    }


def read_under_way(data: Mapping[str, Any], readers: Readers, operations: Operations, now: float) -> UnderWay:
    """Go on from what `write_under_way` returned."""
    known = data["operation"]
    actor = None if known["actor"] is None else Actor(*known["actor"])
    operation = operations.resume(known["id"], "update", known["targets"], actor, known["began"])
    operation.steps = [Step(group, action, name, tuple(options)) for group, action, name, options in known["steps"]]
    names, confirmation, sections = data["names"], data["confirmation"], data["sections"]
    return UnderWay(
        operation,
        None if names is None else frozenset(names),
        data["confirm"],
        data["stage"],
        None if confirmation is None else Confirmation.restored(confirmation, now),
        {name: None if group is None else readers.group(group) for name, group in data["previous"].items()},
        None if sections is None else (readers.notify(sections[0]), readers.access(sections[1])),
        data["reason"],
    )
