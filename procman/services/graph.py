"""The processes and what they depend on, as they are now: for whoever draws it. No I/O here."""

from dataclasses import dataclass

from procman.core.dependencies import Need, holds
from procman.core.fleet import Fleet
from procman.core.process import Process
from procman.core.spec import EdgeCondition


@dataclass(frozen=True, slots=True)
class GraphEdge:
    """One dependency of a process."""

    target: str  # as it was written: a program, a group, or group:process
    condition: EdgeCondition
    optional: bool
    processes: tuple[str, ...]  # the namespecs of the target
    holds: bool


@dataclass(frozen=True, slots=True)
class GraphNode:
    """A process with its edges; `level` is 0 where it depends on nothing."""

    process: Process
    level: int
    edges: tuple[GraphEdge, ...]
    needed_by: tuple[str, ...]  # the namespecs of those that depend on it directly


def graph_of(fleet: Fleet) -> list[GraphNode]:
    """All processes in the order in which they start."""
    return [
        GraphNode(
            process, fleet.dependencies.depth(process.name), _edges(fleet, process), tuple(sorted(process.needed_by))
        )
        for process in fleet.in_start_order()
    ]


def _edges(fleet: Fleet, process: Process) -> tuple[GraphEdge, ...]:
    return tuple(
        GraphEdge(
            edge[0],
            edge[1] or "ready",
            edge[2],
            edge[3],
            all(holds(need, fleet.processes.get(need.target)) for need in Need.of((edge,))),
        )
        for edge in process.program.depends_on
    )
