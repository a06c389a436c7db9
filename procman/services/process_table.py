"""What front ends may know of the processes, as they are now."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from operator import attrgetter
from typing import TYPE_CHECKING

from procman.core.fleet import Fleet
from procman.core.process import Process
from procman.core.spec import HealthLevel
from procman.core.states import UP, Phase, State
from procman.runtime.definitions import program_of
from procman.services.figures import ProcessFigures, figures_of
from procman.services.last_looks import LastLooks
from procman.services.selectors import ALL, Narrowable, Selectors
from procman.services.status import ProcessStatus, StatusBoard

if TYPE_CHECKING:
    from procman.services.graph import GraphNode

_by_name = attrgetter("program.group", "program.name")


class ProcessTable(Narrowable):
    """Looks into the fleet; it changes nothing."""

    def __init__(
        self, fleet: Fleet, status: StatusBoard, lost: Callable[[str], int], looks: LastLooks | None = None
    ) -> None:
        """`lost`: gives the bytes of a process's output that could not be written; `looks` gets the figures."""
        self._fleet = fleet
        self._board = status
        self._selectors = Selectors(fleet)
        self._may: Callable[[str], bool] | None = None
        self.looks = looks or LastLooks()
        self.lost = lost

    def statuses(self, spec: str = ALL) -> list[ProcessStatus]:
        """What is known of each process that `spec` names; raises UnknownProcess."""
        if spec == ALL:
            # As supervisor shows them: by name, whatever the order in which they start.
            found = sorted(self._there(self._fleet.processes.values()), key=_by_name)
        else:
            found = self._selectors.matching(spec)
            if not found:
                raise self._selectors.unknown(spec)
        return [self._board.of(process) for process in found]

    def namespecs(self, spec: str) -> list[str]:
        """The namespecs of all that `spec` names; none where there is no such process or group."""
        return [process.name for process in self._selectors.matching(spec)]

    def status(self, name: str) -> ProcessStatus | None:
        """What is known of the process of that namespec; None where there is none (any more)."""
        process = self._fleet.processes.get(name)
        return self._board.of(process) if process and (self._may is None or self._may(name)) else None

    def one(self, spec: str) -> ProcessStatus:
        """What is known of the one process of that name; raises UnknownProcess."""
        return self._board.of(self._selectors.one(spec))

    def names(self, group: str) -> list[str]:
        """The namespecs of a group's processes; none where there is no such group."""
        return [process.name for process in self._selectors.matching(f"{group}:*")]

    def is_active(self, group: str) -> bool:
        """Is there such a group?"""
        if self._may is not None:
            return bool(self.names(group))
        return group in self._fleet.groups

    def missing(self) -> list[ProcessStatus]:
        """Those that are wanted up and are not RUNNING, in the order in which they start."""
        return [
            self._board.of(process)
            for process in self._there(self._fleet.in_start_order())
            if process.wanted and process.state is not State.RUNNING and not _may_have_failed(process)
        ]

    def unhealthy(self) -> list[tuple[ProcessStatus, HealthLevel]]:
        """Those that are up and unhealthy, and what the master's own health makes of it."""
        return [
            (self._board.of(process), program_of(process.program).health_level)
            for process in self._there(self._fleet.in_start_order())
            if process.wanted and process.healthy is False
        ]

    def paused(self, steady: float) -> list[ProcessStatus]:
        """Those that are up, and whose health is not looked at for a while."""
        statuses = [
            self._board.of(process)
            for process in self._there(self._fleet.in_start_order())
            if process.health is not None
        ]
        return [one for one in statuses if one.pid and one.paused_until is not None and one.paused_until > steady]

    def graph(self) -> "list[GraphNode]":
        """All processes and what they depend on, in the order in which they start."""
        from procman.services.graph import graph_of  # noqa: PLC0415 - few ask for it

        nodes = graph_of(self._fleet, self._board.times, time.monotonic())
        may = self._may
        if may is None:
            return nodes
        return [replace(node, needed_by=tuple(filter(may, node.needed_by))) for node in nodes if may(node.process.name)]

    def still_needing(self, specs: Iterable[str]) -> list[str]:
        """The namespecs of what is up and depends on one of those that `specs` name, but is none of them."""
        meant = {process.name for spec in specs for process in self._selectors.matching(spec)}
        return sorted(process.name for process in self.dependents_up(meant))

    async def figures(self) -> list[ProcessFigures]:
        """What each process that is there uses of the machine."""
        found = await figures_of(self._fleet)
        self.looks.note((one.namespec, one.pid, one) for one in found)
        return [one for one in found if self._may is None or self._may(one.namespec)]

    def dependents_up(self, names: Iterable[str]) -> list[Process]:
        """What is up, or about to be, and depends on one of these but is none of them."""
        meant = set(names)
        found = {process.name: process for name in meant for process in self._fleet.dependencies.dependents(name)}
        return [process for process in self._there(found.values()) if process.name not in meant and process.state in UP]

    def _there(self, processes: Iterable[Process]) -> Iterator[Process]:
        return iter(processes) if self._may is None else (one for one in processes if self._may(one.name))

    def _narrow(self, may: Callable[[str], bool]) -> None:
        super()._narrow(may)
        self._may = may


def _may_have_failed(process: Process) -> bool:
    """It runs by its schedule, and nothing depends on the last run; or it waits for a connection."""
    return process.listens or (process.phase is Phase.SCHEDULED and not process.program.critical)
