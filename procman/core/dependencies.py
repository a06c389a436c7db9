"""What waits for what: edges between processes, and what becomes of a process when another one changes.

No I/O and no clock here. The rules:

- A process with edges waits in STARTING until all of them hold at the same moment, and is spawned in the same step.
- An edge holds or does not by what its targets are now, in their present run: no earlier readiness counts. An optional
  one also holds when its target is not on its way.
- A start that was asked for starts what it needs, whatever state that is in. One by policy starts only what was never
  started, or has ended by itself: not what an operator has stopped, and not what was given up.
- When an edge cannot come to hold by itself any more, the process is blocked: FATAL, and still wanted. It starts by
  itself when the target is on its way again; if it was depends_timeout that was over, when all its edges hold.
- With on_dependency_stop=stop, a process that is up is bound to its targets: it stops before them and starts with them.
- The stop of a target waits for those that depend on it and are being stopped. What stops together is to be asked to in
  the order of `stop_order`.
- Only the dependents of what has changed are looked at after an event, so a thousand of them cost a thousand looks.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from procman.core.actions import Action, Announce, AnnounceInPlace
from procman.core.events import (
    Event,
    GroupAdded,
    GroupChanged,
    RestartRequested,
    Spawned,
    StartRequested,
    StopRequested,
)
from procman.core.groups import ActiveGroup
from procman.core.levels import Place, arrange
from procman.core.process import Process
from procman.core.spec import Edge, EdgeCondition, ProcessSpec
from procman.core.states import UP, Phase, State

_DOWN = frozenset({State.STOPPED, State.EXITED, State.FATAL})
_TIED = frozenset({Phase.WAITING, Phase.BLOCKED, Phase.BOUND})
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
    if _is_true(need.condition, target):
        return True
    return need.optional and not _is_on_its_way(target)


def is_hopeless(need: Need, target: Process | None) -> bool:
    """Can it not come by itself any more? What is not there may still be added."""
    if target is None or need.optional or _is_true(need.condition, target):
        return False
    return target.state in _DOWN or target.state is State.UNKNOWN


def _binds(need: Need) -> bool:
    return not need.optional and need.condition in ("ready", "started")


def _is_true(condition: EdgeCondition, target: Process | None) -> bool:
    if target is None or target.ties.deferred or target.leaving:
        return False
    match condition:
        case "ready":
            return target.state is State.RUNNING
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


def _may_come(need: Need, target: Process | None) -> bool:
    """Does it hold, or will it if all goes well?"""
    if target is None:
        return need.optional
    if target.goes_down:
        return need.optional or _is_on_its_way(target)
    return holds(need, target) or target.state in UP


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
        self._touched: list[str] = []  # what has changed without an announcement

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
            self._touched.append(need.target)
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

    # ---- what follows from a change

    def stop_bound(self, name: str, now: float) -> list[Action]:
        """The process is going to be taken down: those first that are bound to it."""
        self._touched.append(name)
        actions: list[Action] = []
        for other in self.stop_order(self.bound_to(name)):
            if other.state in UP and not other.ties.bound and not other.leaving:
                actions += _because(other.bind(now), name)
        return actions

    def bound_to(self, name: str) -> list[Process]:
        """Those that go down with it, or with one of those."""
        found: dict[str, Process] = {}
        todo = deque([name])
        while todo:
            target = todo.popleft()
            for other, process in self._needed_by.get(target, {}).items():
                binds = process.definition.on_dependency_stop == "stop" and other not in found and other != name
                if binds and any(need.target == target and _binds(need) for need in self._needs[other]):
                    found[other] = process
                    todo.append(other)
        return list(found.values())

    def follow(self, event: Event, actions: list[Action], now: float) -> list[Action]:
        """What becomes of others when that has been decided."""
        followed: list[Action] = []
        changed = deque([*_changed(event, actions), *((name, False) for name in self._touched)])
        self._touched.clear()
        while changed:
            name, enters = changed.popleft()
            for action in self._changed(name, now, enters=enters):
                followed.append(action)
                if isinstance(action, Announce):
                    changed.append((action.name, action.after is State.STARTING))
            changed.extend((touched, False) for touched in self._touched)
            self._touched.clear()
        return followed

    def _changed(self, name: str, now: float, *, enters: bool) -> Iterator[Action]:
        process = self._processes.get(name)
        # Its last edge may have been taken out.
        if process is not None and (name in self._needs or process.phase in _TIED):
            if enters and process.ties.waiting:
                yield from self._pull(process, now)
            yield from self._look(process, None, now)
        dependents = self._needed_by.get(name, {}).values()
        is_down = process is not None and process.settled
        for dependent in self.stop_order(dependents) if is_down else list(dependents):
            yield from self._look(dependent, name, now)
        # Those may stop now that have waited for it to do so.
        yield from self._go_down(process, now)
        if process is None or not process.goes_down:
            for need in self._needs.get(name, ()):
                yield from self._go_down(self._processes.get(need.target), now)

    @staticmethod
    def _go_down(process: Process | None, now: float) -> list[Action]:
        if process is None or not process.ties.deferred:
            return []
        return [] if any(other.goes_down for other in process.needed_by.values()) else process.go_down(now)

    def _look(self, process: Process, changed: str | None, now: float) -> list[Action]:
        """What becomes of a process when it has changed itself (None), or that target of it."""
        ties = process.ties
        if process.leaving or process.successor is not None:
            return []
        match process.state:
            case State.STARTING if ties.waiting:
                return self._wait(process, changed, now)
            case State.STARTING if process.pid is None and not ties.alone:
                if self._first_unmet(process) is None:
                    return []
                process.hold(now)
                return self._wait(process, None, now)
            case State.FATAL | State.STOPPED if process.wanted and (ties.blocked or ties.bound):
                return self._come_back(process, changed, now)
            case State.STARTING | State.RUNNING | State.BACKOFF if process.wanted and not ties.deferred:
                return self._mind(process, changed, now)
            case _:
                return []

    def _pull(self, process: Process, now: float) -> list[Action]:
        """Start what it needs, as it is to start itself."""
        asked, process.ties.pulls = process.ties.pulls, False
        actions: list[Action] = []
        for need in self.needs(process.name):
            target = self._processes.get(need.target)
            if target is None or target.leaving or need.optional or _is_true(need.condition, target):
                continue
            ended = target.state is State.EXITED and not target.failed
            untouched = ended or (target.state is State.STOPPED and not target.attempt)
            if untouched or (asked and (target.state in _DOWN or (target.goes_down and not target.wanted))):
                target.ties.pulls = asked
                self._touched.append(target.name)
                actions += _because(target.start(now), process.name)
        return actions

    def _wait(self, process: Process, changed: str | None, now: float) -> list[Action]:
        for need in self._that_may_be_hopeless(process, changed):
            target = self._processes.get(need.target)
            if target is not None and is_hopeless(need, target):
                return _because(process.block(_why_blocked(target)), target.name)
        unmet = self._first_unmet(process)
        if unmet is None:
            return process.release(now)
        process.ties.waits_for = unmet.written
        return []

    def _that_may_be_hopeless(self, process: Process, changed: str | None) -> tuple[Need, ...]:
        needs = self._needs.get(process.name, ())
        if changed is None:
            return needs
        target = self._processes.get(changed)
        if target is None or (target.state not in _DOWN and target.state is not State.UNKNOWN):
            return ()
        return tuple(need for need in needs if need.target == changed)

    def _first_unmet(self, process: Process, is_met: Callable[[Need, Process | None], bool] = holds) -> Need | None:
        """One of its needs that does not hold. It is sought from the last one on, so all in all it takes one round."""
        needs = self._needs.get(process.name, ())
        at = self._at.get(process.name, 0)
        for step in range(len(needs)):
            here = (at + step) % len(needs)
            if not is_met(needs[here], self._processes.get(needs[here].target)):
                self._at[process.name] = here
                return needs[here]
        return None

    def _come_back(self, process: Process, changed: str | None, now: float) -> list[Action]:
        if self._first_unmet(process, holds if process.ties.timed_out else _may_come) is not None:
            return []
        return _because(process.come_back(now), changed or "")

    def _mind(self, process: Process, changed: str | None, now: float) -> list[Action]:
        """It is up, or between two tries."""
        program, ties = process.program, process.ties
        if program.on_dependency_stop == "stop" and changed is not None:
            for need in self._that_may_be_hopeless(process, changed):
                if _binds(need) and is_hopeless(need, self._processes.get(need.target)):
                    return [*self.stop_bound(process.name, now), *_because(process.bind(now), need.target)]
        what, number = program.on_dependency_restart
        if what == "ignore" or process.pid is None:
            return []
        for need in self.needs(process.name):
            if changed not in (None, need.target):
                continue
            target = self._processes.get(need.target)
            if target is not None and need.condition != "exited" and _is_true(need.condition, target):
                if ties.seen.get(need.target, target.attempt) != target.attempt:
                    ties.stale = need.target
                ties.seen[need.target] = target.attempt
        if not ties.stale or self._first_unmet(process) is not None:
            return []
        renewed, ties.stale = ties.stale, ""
        if what == "signal":
            return process.signal(number)
        return _because(process.renew(now, f"restart of {renewed}"), renewed)


def _changed(event: Event, actions: list[Action]) -> list[tuple[str, bool]]:
    """The processes that have changed, and whether they have begun to start."""
    names = []
    for action in actions:
        if isinstance(action, Announce):
            names.append((action.name, action.after is State.STARTING))
        elif isinstance(action, AnnounceInPlace):
            names.append((action.name, False))
    match event:
        case Spawned(name) | StartRequested(name) | StopRequested(name) | RestartRequested(name):
            names.append((name, False))
        case GroupAdded(group) | GroupChanged(group):
            names += [(program.namespec, False) for program in group.programs]
        case _:
            pass
    return names


def _because(actions: list[Action], name: str) -> list[Action]:
    return [replace(action, because=name) if isinstance(action, Announce) else action for action in actions]


def _why_blocked(target: Process) -> str:
    if target.ties.blocked:
        return f"blocked: {target.name} is {target.reason}"
    if target.leaving:
        return f"blocked: {target.name} is being removed"
    return f"blocked: {target.name} is {target.state.name}{f': {target.reason}' if target.reason else ''}"
