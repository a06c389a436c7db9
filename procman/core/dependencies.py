"""What waits for what: the edges between processes, the order that follows from them, and whether they hold.

No I/O and no clock here. The rules:

- An edge holds or does not by what its targets are now, in their present run: no earlier readiness counts. An optional
  one also holds when its target is not on its way.
- What stops together is to be asked to in the order of `stop_order`; what starts together in that of `in_start_order`.
- What becomes of a process when another one changes is in `core.dependents`.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from procman.core.groups import ActiveGroup
from procman.core.levels import Place, arrange
from procman.core.process import Process
from procman.core.spec import Edge, EdgeCondition, ProcessSpec
from procman.core.states import UP, Phase, State

DOWN = frozenset({State.STOPPED, State.EXITED, State.FATAL})
_ON_ITS_WAY = frozenset({State.STARTING, State.BACKOFF})


@dataclass(frozen=True, slots=True)
class Need:
    """What one process needs of another one."""

    target: str  # a namespec
    condition: EdgeCondition
    optional: bool
    written: str  # the edge, as a user wrote it

    @classmethod
    def of(cls, edges: Iterable[Edge]) -> "tuple[Need, ...]":
        """One for each target of each edge."""
        return tuple(
            cls(target, condition or "ready", optional, f"{written}@{condition}")
            for written, condition, optional, targets in edges
            for target in targets
        )


def holds(need: Need, target: Process | None) -> bool:
    """Is it as it has to be?"""
    if is_true(need.condition, target):
        return True
    return need.optional and not _is_on_its_way(target)


def is_hopeless(need: Need, target: Process | None) -> bool:
    """Can it not come by itself any more? What is not there may still be added."""
    if target is None or need.optional or is_true(need.condition, target):
        return False
    if target.phase in (Phase.SCHEDULED, Phase.LISTENING):
        return False  # its next run may do what is waited for
    return target.state in DOWN or target.state is State.UNKNOWN


def binds(need: Need) -> bool:
    """Is the process bound to that target, if it is bound to any?"""
    return not need.optional and need.condition in ("ready", "healthy", "started")


def is_true(condition: EdgeCondition, target: Process | None) -> bool:
    """Is the target as the condition says, now?"""
    if target is None or target.ties.deferred or target.leaving:
        return False
    match condition:
        case "ready":
            return target.state is State.RUNNING
        case "healthy":
            return target.state is State.RUNNING and target.healthy is True
        case "started":
            return target.pid is not None and target.state in (State.STARTING, State.RUNNING)
        case "done":
            return target.done
        case "exited":
            if target.state is State.EXITED:
                return True
            tried = target.state in (State.BACKOFF, State.FATAL) and not target.ties.blocked
            return tried and target.last_end is not None


def _is_on_its_way(target: Process | None) -> bool:
    if target is None:
        return False
    return target.state in _ON_ITS_WAY or (target.goes_down and target.wanted and not target.ties.bound)


def may_come(need: Need, target: Process | None) -> bool:
    """Does it hold, or will it if all goes well?"""
    if target is None:
        return need.optional
    if target.goes_down:
        return need.optional or _is_on_its_way(target)
    return holds(need, target) or target.state in UP or target.phase in (Phase.SCHEDULED, Phase.LISTENING)


class Dependencies:
    """The edges of a fleet, and their index from targets to dependents."""

    def __init__(self, groups: Mapping[str, ActiveGroup], processes: Mapping[str, Process]) -> None:
        """Groups and processes are those of the fleet at any time."""
        self._groups = groups
        self._processes = processes
        self._needs: dict[str, tuple[Need, ...]] = {}  # of each process that has any
        self._needed_by: dict[str, dict[str, Process]] = {}  # by target, which need not be there
        self._at: dict[str, int] = {}  # the need of each process that was last found not to hold
        self._places: dict[str, Place] | None = None
        self.touched: list[str] = []  # what has changed without an announcement

    def __bool__(self) -> bool:
        return bool(self._needs)

    # ---- the graph

    def define(self, process: Process, program: ProcessSpec) -> None:
        """The process is there, and this is its definition, or is going to be."""
        self._places = None
        name = process.name
        needs = Need.of(program.depends_on)
        if needs == self._needs.get(name, ()) and not needs and name not in self._needed_by:
            return
        for need in self._needs.pop(name, ()):
            self._needed_by[need.target].pop(name, None)
            self.touched.append(need.target)
        self._at.pop(name, None)
        if needs:
            self._needs[name] = needs
        for need in needs:
            dependents = self._needed_by.setdefault(need.target, {})
            dependents[name] = process
            target = self._processes.get(need.target)
            if target is not None:
                target.needed_by = dependents
        if name in self._needed_by:
            process.needed_by = self._needed_by[name]

    def forget(self, name: str) -> None:
        """The process has left."""
        self._places = None
        for dependent in self._needed_by.get(name, {}).values():
            if name in dependent.ties.seen:
                dependent.ties.seen[name] = 0  # another one of that name counts its runs anew
        self._at.pop(name, None)
        for need in self._needs.pop(name, ()):
            dependents = self._needed_by[need.target]
            dependents.pop(name, None)
            if not dependents:
                del self._needed_by[need.target]
                target = self._processes.get(need.target)
                if target is not None:
                    target.needed_by = {}

    def dissolve(self) -> None:
        """Everything is to stop, and `core.shutdown` has the order."""
        for process in self._processes.values():
            process.ties.deferred = process.ties.bound = False
            process.needed_by = {}

    def needs(self, name: str) -> tuple[Need, ...]:
        """What the process needs."""
        return self._needs.get(name, ())

    def needed_by(self, name: str) -> Mapping[str, Process]:
        """Those that depend on it directly, by their names; it need not be there."""
        return self._needed_by.get(name, {})

    def unmet(self, process: Process) -> list[Need]:
        """Those of its needs that do not hold now."""
        return [need for need in self.needs(process.name) if not holds(need, self._processes.get(need.target))]

    def dependents(self, name: str) -> list[Process]:
        """All that depend on it, directly or not, the nearest first."""
        found: dict[str, Process] = {}
        todo = deque([name])
        while todo:
            for other, process in self._needed_by.get(todo.popleft(), {}).items():
                if other not in found and other != name:
                    found[other] = process
                    todo.append(other)
        return list(found.values())

    # ---- the order

    def in_start_order(self, processes: Iterable[Process]) -> list[Process]:
        """What others depend on comes before them."""
        places = self._all_places()
        return sorted(processes, key=lambda process: places[process.name].start)

    def stop_order(self, processes: Iterable[Process]) -> list[Process]:
        """Dependents come before what they depend on; where there is no edge, the order stays."""
        if not self._needs:
            return list(processes)
        places = self._all_places()
        return sorted(processes, key=lambda process: -places[process.name].depth if process.name in places else 0)

    def depth(self, name: str) -> int:
        """How many levels of dependencies are below it."""
        return self._all_places()[name].depth if self._needs else 0

    def wave(self, process: Process) -> tuple[int, int]:
        """The stop wave that it belongs to; the highest comes first."""
        if not self._needs:
            return self._groups[process.program.group].spec.priority, 0
        return self._all_places()[process.name].wave

    def _all_places(self) -> dict[str, Place]:
        if self._places is None:
            self._places = self._arrange()
        return self._places

    def _arrange(self) -> dict[str, Place]:
        return arrange(
            [(members.spec.priority, members.processes) for members in self._groups.values()],
            {name: [need.target for need in needs] for name, needs in self._needs.items()},
        )

    def bound_to(self, name: str) -> list[Process]:
        """Those that go down with it, or with one of those."""
        found: dict[str, Process] = {}
        todo = deque([name])
        while todo:
            target = todo.popleft()
            for other, process in self._needed_by.get(target, {}).items():
                may = process.definition.on_dependency_stop == "stop" and other not in found and other != name
                if may and any(need.target == target and binds(need) for need in self._needs[other]):
                    found[other] = process
                    todo.append(other)
        return list(found.values())

    def first_unmet(self, process: Process, is_met: Callable[[Need, Process | None], bool] = holds) -> Need | None:
        """One of its needs that does not hold. It is sought from the last one on, so all in all it takes one round."""
        needs = self._needs.get(process.name, ())
        at = self._at.get(process.name, 0)
        for step in range(len(needs)):
            here = (at + step) % len(needs)
            if not is_met(needs[here], self._processes.get(needs[here].target)):
                self._at[process.name] = here
                return needs[here]
        return None
