"""In which order processes start and stop: by their priorities and by what they depend on. No I/O and no clock here.

- What others depend on starts before the first of them, and stops after the last: it has their priority at most.
- Where there is no edge, the order is that of the configuration: by priority of the group, then within the group.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """Where a process comes in the order of starts and stops."""

    start: tuple[int, int, int]  # the place of the first that depends on it, its depth, and its own place
    wave: tuple[int, int]  # the group priority, lowered to that of what depends on it, and the depth
    depth: int  # the longest way down to something that depends on nothing


def arrange(groups: Iterable[tuple[int, Iterable[str]]], edges: Mapping[str, Sequence[str]]) -> dict[str, Place]:
    """The places of all processes.

    Args:
        groups: the priority of each, and the namespecs of its processes, in the order of the configuration.
        edges: the namespecs that each process depends on; one that is not in a group is left out.
    """
    own: dict[str, int] = {}
    priorities: dict[str, int] = {}
    for priority, names in sorted(groups, key=lambda group: group[0]):
        for name in names:
            own[name] = len(own)
            priorities[name] = priority
    present = {name: [target for target in edges.get(name, ()) if target in own] for name in own}
    order, depths = in_levels(present)
    first = dict(own)
    for name in reversed(order):
        for target in present[name]:
            first[target] = min(first[target], first[name])
            priorities[target] = min(priorities[target], priorities[name])
    return {
        name: Place((first[name], depths[name], at), (priorities[name], depths[name]), depths[name])
        for name, at in own.items()
    }


def in_levels(edges: Mapping[str, Sequence[str]]) -> tuple[list[str], dict[str, int]]:
    """The names so that targets come first, and their depths; what is in a circle, or above one, is not in the list."""
    waits = {name: len(targets) for name, targets in edges.items()}
    above: dict[str, list[str]] = {}
    for name, targets in edges.items():
        for target in targets:
            above.setdefault(target, []).append(name)
    depths = dict.fromkeys(edges, 0)
    order = [name for name, count in waits.items() if not count]
    for name in order:
        for other in above.get(name, ()):
            depths[other] = max(depths[other], depths[name] + 1)
            waits[other] -= 1
            if not waits[other]:
                order.append(other)
    return order, depths


def circle(edges: Mapping[str, Sequence[str]]) -> list[str]:
    """Names that depend on each other, each on the next one and the last on the first; empty if there are none."""
    done = set(in_levels(edges)[0])
    left = [name for name in edges if name not in done]
    if not left:
        return []
    way: dict[str, None] = {}
    name = left[0]
    while name not in way:
        way[name] = None
        name = next(target for target in edges[name] if target not in done)
    names = list(way)
    return names[names.index(name) :]
