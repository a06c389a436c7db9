"""The processes and what they depend on, as they are now: for whoever draws it. No I/O here."""

from collections.abc import Callable
from dataclasses import dataclass

from procman.core.dependencies import Need, holds
from procman.core.fleet import Fleet
from procman.core.process import Process
from procman.core.spec import EdgeCondition
from procman.core.states import State
from procman.services.status import Times


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
    uptime: int  # seconds; 0: no process
    took: float | None  # seconds from its start until it was ready, or done; None: it is not, or that was not seen


def graph_of(fleet: Fleet, times_of: Callable[[str], Times], now: float) -> list[GraphNode]:
    """All processes in the order in which they start; `now` is a time of the steady clock."""
    return [_node(fleet, process, times_of(process.name), now) for process in fleet.in_start_order()]


def _node(fleet: Fleet, process: Process, times: Times, now: float) -> GraphNode:
    return GraphNode(
        process,
        fleet.dependencies.depth(process.name),
        _edges(fleet, process),
        tuple(sorted(process.needed_by)),
        int(now - times.started) if process.pid else 0,
        _took(process, times),
    )


def _took(process: Process, times: Times) -> float | None:
    if process.done:
        return times.ran_for
    # A one-shot is RUNNING at once, which says nothing.
    is_ready = process.state is State.RUNNING and not process.program.is_oneshot
    return process.ready_after if is_ready else None


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
