"""What must hold of processes that depend on each other, judged from announcements, orders and the kernel's table.

Of the fleet only public fields are read, and whether an edge holds is worked out here once more.
"""

from collections import defaultdict

from procman.core.actions import Action, Announce, Kill, Spawn
from procman.core.events import (
    Adopted,
    BootRequested,
    Event,
    GroupAdded,
    GroupChanged,
    GroupRemoved,
    ShutdownRequested,
    StartRequested,
    StopRequested,
)
from procman.core.process import Process
from procman.core.states import SETTLED, MasterState, Phase, State
from tests.simulation.fake_kernel import Child, World
from tests.simulation.invariants import Violation

UP_WITHOUT_PID = (State.STARTING, State.BACKOFF)
DOWN = (State.STOPPED, State.EXITED, State.FATAL, State.UNKNOWN)


class DependencyRules:
    """Watches one world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.alone: set[str] = set()  # asked to start whatever they depend on
        self.excused: set[str] = set()  # their edges were changed while they were up, or they are another master's
        self.new_edges: set[tuple[str, str]] = set()  # to what it depends on since this event, and did not before
        self.spawned: dict[str, int] = defaultdict(int)  # the number of the latest spawn
        self.spawns = 0
        self.states: dict[str, State] = {}
        self.counts: dict[str, int] = defaultdict(int)

    def must(self, truth: object, claim: str) -> None:
        if not truth:
            raise Violation(f"at {self.world.now:.6f}: {claim}\n{self.world.recent()}")

    @property
    def processes(self) -> dict[str, Process]:
        return self.world.fleet.processes

    @property
    def running(self) -> bool:
        return self.world.fleet.state is MasterState.RUNNING

    # ---- when each is looked at

    def event_comes(self, event: Event) -> None:
        self.states = {name: process.state for name, process in self.processes.items()}
        self.ends = not self.running
        self.pids = {name: process.pid for name, process in self.processes.items()}
        self.new_edges.clear()
        match event:
            case StartRequested(name, alone):
                if alone:
                    self.alone.add(name)
                    self.excused.add(name)
            case Adopted(name):
                self.excused.add(name)
            case GroupChanged(group) | GroupAdded(group):
                self.excused |= {program.namespec for program in group.programs}
                self.new_edges = {
                    (program.namespec, name)
                    for program in group.programs
                    if (process := self.processes.get(program.namespec)) is not None
                    for _, _, _, names in program.depends_on
                    for name in names
                    if not self._depends(process, name)
                }
            case _:
                pass

    def decided(self, event: Event, actions: list[Action]) -> None:
        news = [action for action in actions if isinstance(action, Announce)]
        if self.running:
            for action in news:
                if action.after is State.STOPPING:
                    self._stops_after_its_dependents(action)
            self._a_request_is_not_blocked(event)
            self._only_a_dependency_blocks(news)
            if isinstance(event, BootRequested):
                self._adopted_have_what_they_need()
        elif (
            self.ends
            and self.world.scenario.master.shutdown_timeout is None
            and not isinstance(event, (ShutdownRequested, StopRequested, GroupRemoved))
        ):
            self._waves_follow_the_edges(actions)
        self.states |= {action.name: action.after for action in news}
        for action in news:
            if action.because:
                self.counts[action.after.name] += 1

    def carried_out(self) -> None:
        if not self.running:
            for process in self.processes.values():
                self.must(not process.ties.waiting, f"{process.name} waits, and nothing is started any more")
            return
        for process in self.processes.values():
            self._waits_for_something(process)
            self._comes_back(process)
            bound = process.ties.bound and not process.leaving
            self.must(process.wanted or not bound, f"{process.name} is bound, and is not to come back")
            if process.ties.deferred:
                dependents = [other for other in self.processes.values() if self._depends(other, process.name)]
                going = any(other.goes_down for other in dependents)
                self.must(going, f"{process.name} is to stop later, and nothing is stopped that depends on it")
                self.must(process.pid is not None, f"{process.name} is to stop, and has no process")
        limit = self.world.scenario.master.start_concurrency
        starting = [p.name for p in self.processes.values() if p.state is State.STARTING and p.pid is not None]
        adopted = self.excused.intersection(starting)
        self.must(limit is None or len(starting) - len(adopted) <= limit, f"{starting} are starting at once")

    def spawning(self, order: Spawn) -> None:
        alive = [child for child in self.world.children.values() if child.name == order.name]
        self.must(not alive or self._given_up(order.name), f"{order.name} is spawned and has a process")
        process = self.processes[order.name]
        self.must(self.running, f"{order.name} is spawned in a shutdown")
        self.spawns += 1
        self.spawned[order.name] = self.spawns
        self.excused.discard(order.name)
        if process.ties.alone:
            self.must(order.name in self.alone, f"{order.name} starts alone, and was not asked to")
            self.excused.add(order.name)
            return
        unmet = self._unmet(process)
        self.must(not unmet, f"{order.name} is spawned, and does not have {unmet}")

    def killing(self, order: Kill) -> None:
        pass  # `invariants` has the rules of signals

    def reaped(self, child: Child) -> None:
        pass

    def at_rest(self) -> None:
        if not self.running:
            self.must(self.world.quit is not None, "it never quits")
            return
        for process in self.processes.values():
            waits = process.state is State.STARTING and process.phase is Phase.WAITING
            name, shown = process.name, f"{process.name} is {process.state.name} in the end"
            self.must(process.state in SETTLED or process.state is State.RUNNING or waits, shown)
            self.must(not process.ties.deferred, f"{name} never stops")
            if waits:
                self.must(self._unmet(process), f"{shown}, and waits for nothing")
            if process.state is State.RUNNING and name not in self.excused:
                self._is_as_its_targets_want(process)

    # ---- the rules

    def _stops_after_its_dependents(self, action: Announce) -> None:
        process = self.processes.get(action.name)
        if process is None or process.pid is None or process.timed_out or process.unready:
            return  # it has ended by itself, and left something behind; or its run has failed, which waits for nothing
        for other in self.processes.values():
            # An update may replace a target, and have another process need it, and something that is down, from now on.
            # Both stop then in that event. The run that ends has never needed the target, so their order tells nothing.
            if self._depends(other, action.name) and (other.name, action.name) not in self.new_edges:
                stops = other.state is State.STOPPING and other.pid is not None
                self.must(not stops, f"{action.name} is stopped before {other.name} has stopped")

    def _waves_follow_the_edges(self, actions: list[Action]) -> None:
        for action in actions:
            stopped = isinstance(action, Announce) and action.after is State.STOPPING
            if stopped and self.pids.get(action.name) == action.pid and self._is_stopped(action.name):
                for other in self.processes.values():
                    depends = self._depends(other, action.name)
                    self.must(not depends or other.settled, f"{action.name} is stopped before {other.name} has ended")

    def _is_stopped(self, name: str) -> bool:
        """By the wave, and neither by its own end nor by its run_timeout."""
        process = self.processes[name]
        return process.pid is not None and not process.timed_out

    def _a_request_is_not_blocked(self, event: Event) -> None:
        if not isinstance(event, (StartRequested, BootRequested)):
            return
        names = [event.name] if isinstance(event, StartRequested) else list(self.processes)
        for name in names:
            process = self.processes.get(name)
            asked = (
                process is not None and not process.leaving and self.states.get(name) in (State.STOPPED, State.EXITED)
            )
            if process is not None and asked and process.ties.blocked:
                hopeless = any(
                    other is not None and (other.state is State.UNKNOWN or other.leaving)
                    for other in self._all_below(process)
                )
                self.must(hopeless, f"{name} was asked to start, and is blocked: {process.reason}")

    def _adopted_have_what_they_need(self) -> None:
        for process in self.processes.values():
            for name, condition, optional in self._edges(process) if process.pid is not None and process.wanted else ():
                target = self.processes.get(name)
                left = target is not None and not optional and target.state is State.STOPPED and not target.leaving
                self.must(not left or condition == "exited", f"{process.name} is adopted, and {name} is not started")

    def _only_a_dependency_blocks(self, news: list[Announce]) -> None:
        for action in news:
            if action.before is State.STARTING and action.after is State.FATAL:
                self.must(action.program.depends_on, f"{action.name} is blocked, and depends on nothing")
                self.must(action.reason.startswith("blocked: "), f"{action.name} is blocked: {action.reason}")
                self.must(self.processes[action.name].wanted, f"{action.name} is blocked, and not wanted any more")

    def _waits_for_something(self, process: Process) -> None:
        if process.state is not State.STARTING or not process.ties.waiting:
            return
        self.must(process.pid is None, f"{process.name} waits, and has pid {process.pid}")
        self.must(self._unmet(process), f"{process.name} waits, and everything is there")
        for name, condition, optional in self._edges(process):
            target = self.processes.get(name)
            gone = target is not None and target.state in DOWN and not self._is_true(condition, target)
            self.must(optional or not gone, f"{process.name} waits for {name}, which does not come")

    def _comes_back(self, process: Process) -> None:
        blocked_for_good = process.phase is Phase.BLOCKED and not process.wanted and not process.leaving
        self.must(not blocked_for_good, f"{process.name} is blocked, and not wanted any more")
        if process.phase not in (Phase.BLOCKED, Phase.BOUND) or not process.wanted or process.leaving:
            return
        self.must(self._unmet(process), f"{process.name} is {process.phase.value}, and everything is there")
        self.counts[process.phase.value] += 1

    def _is_as_its_targets_want(self, process: Process) -> None:
        program = process.program
        for name, condition, optional in self._edges(process):
            target = self.processes.get(name)
            if target is None or condition == "exited" or target.leaving:
                continue
            true = self._is_true(condition, target)
            if program.on_dependency_stop == "stop" and not optional:
                self.must(true or target.state not in DOWN, f"{process.name} is up, and {name} is {target.state.name}")
            if program.on_dependency_restart[0] == "restart" and not optional and not self._unmet(process):
                younger = self.spawned[process.name] > self.spawned[name]
                self.must(younger, f"{process.name} has not been restarted after {name}")

    # ---- edges

    def _edges(self, process: Process) -> list[tuple[str, str, bool]]:
        return [
            (name, condition, optional)
            for _, condition, optional, names in process.program.depends_on
            for name in names
        ]

    def _depends(self, process: Process, target: str) -> bool:
        return any(target in edge[3] for edge in process.definition.depends_on)

    def _all_below(self, process: Process) -> list[Process | None]:
        found: dict[str, Process | None] = {}
        todo = [process]
        while todo:
            for name, *_ in self._edges(todo.pop()):
                if name not in found:
                    found[name] = self.processes.get(name)
                    todo += [found[name]] if found[name] is not None else []
        return list(found.values())

    def _unmet(self, process: Process) -> list[str]:
        return [
            name for name, condition, optional in self._edges(process) if not self._holds(name, condition, optional)
        ]

    def _holds(self, name: str, condition: str, optional: bool) -> bool:
        target = self.processes.get(name)
        if target is not None and self._is_true(condition, target):
            return True
        if not optional:
            return False
        if target is None:
            return True
        restarts = target.goes_down and target.wanted and not target.ties.bound
        return target.state not in UP_WITHOUT_PID and not restarts

    @staticmethod
    def _is_true(condition: str, target: Process) -> bool:
        if target.ties.deferred or target.leaving:
            return False
        match condition:
            case "ready":
                return target.state is State.RUNNING
            case "started":
                return target.pid is not None and target.state in (State.STARTING, State.RUNNING)
            case _:
                ended = target.state in (State.BACKOFF, State.FATAL) and target.last_end is not None
                return target.state is State.EXITED or (ended and not target.ties.blocked)

    def _given_up(self, name: str) -> bool:
        """Its group has gone while it could not be signalled; another one may have the name."""
        return any(
            child.name == name and self.world.fleet.owner(child.pid) is None for child in self.world.children.values()
        )
