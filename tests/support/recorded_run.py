"""A recording of a real master in the simulator: the same events, with the invariants checked after each of them.

So a bug of the field becomes a test: put the file under tests/simulation/records, and it is replayed by
tests/simulation/test_records.py.
"""

from collections import deque
from pathlib import Path

from procman.cli.procman_commands.replay import read_entries
from procman.core.actions import Action, Kill, ProcessRemoved, Quit, Spawn
from procman.core.described_decisions import describe
from procman.core.events import Adopted, DescendantsGone, Event, Exited, ExitStatus, KillFailed, Spawned
from procman.core.fleet import Fleet
from procman.core.recording import READERS, read_event, read_policy
from procman.core.states import MasterState, State
from tests.simulation.fake_kernel import Behaviour, Child, Scenario, _short
from tests.simulation.invariants import Invariants, Violation


class RecordedWorld:
    """What `Invariants` sees of a world, where kernel and engine are those of a recording.

    `differs` is the first event about which this procman decides otherwise: its line, what it decides, what was
    recorded.
    """

    def __init__(self, head: dict) -> None:
        """A part of a recording begins; its master has to be RUNNING then."""
        policy = read_policy(head["policy"])
        self.fleet = Fleet(policy=policy)
        self.fleet.restore(head["fleet"], READERS)
        assert self.fleet.state is MasterState.RUNNING, "the invariants begin with a master that does not shut down"
        self.now: float = head["now"]
        self.quit: Quit | None = None
        self.children: dict[int, Child] = {}
        self.descendants: dict[str, list[Child]] = {}
        self.spawns: deque[Spawn] = deque()
        self.history: list[tuple[float, object]] = []
        self.differs: tuple[int, list[str], list[str]] | None = None
        self.scenario = Scenario(
            # Definitions of a recording have what the core decides by, and so what the invariants look at.
            groups=tuple(m.spec for m in self.fleet.groups.values() if not m.leaving),  # type: ignore[misc]
            master=policy,  # type: ignore[arg-type]
            # A timer rings, and an end is noticed, when the machine has time for it.
            late=1e9,
        )
        for process in self.fleet.processes.values():
            if process.pid is not None:
                self._is_there(process.pid, process.name)
            if process.pending_end is not None or process.left_behind:
                self.descendants[process.name] = [self._child(0, process.name)]
            if process.state is State.STARTING and process.pid is None:
                self.spawns.append(Spawn(process.name, process.program, process.attempt))
        self._watcher = RecordedInvariants(self)

    def take(self, number: int, entry: dict) -> None:
        """One event happens; raises Violation."""
        event = read_event(entry)
        self.now = entry["at"]
        self._comes(event)
        self.history.append((self.now, event))
        self._watcher.event_comes(event)
        actions = self.fleet.handle(event, self.now)
        self.history += ((self.now, action) for action in actions)
        decided = describe(actions)
        if self.differs is None and decided != entry["out"]:
            self.differs = number, decided, entry["out"]
        self._watcher.decided(event, actions)
        for action in actions:
            self._carry_out(action)
        self._watcher.carried_out()

    def recent(self, last: int = 40) -> str:
        """The end of the history, to find out what went wrong."""
        return "\n".join(f"{when:12.6f}  {_short(what)}" for when, what in self.history[-last:])

    def _comes(self, event: Event) -> None:
        """What the kernel and the engine did before the fleet heard of it."""
        match event:
            case Spawned(name, pid):
                awaited = (order for order in self.spawns if order.name == name and self.fleet.awaits(order))
                order = next(awaited, None)
                if order is None:
                    raise Violation(f"at {self.now:.6f}: {name} is spawned without an order\n{self.recent()}")
                self._watcher.spawning(order)
                self.spawns.remove(order)
                # What was given up had ended before its pid was used again.
                self._watcher.abandoned.discard(pid)
                self._is_there(pid, name)
            case Adopted(name, pid):
                self._is_there(pid, name)
            case Exited(pid, _, descendants):
                child = self.children.pop(pid, None)
                if child is not None:
                    self._watcher.reaped(child)
                    if descendants:
                        self.descendants.setdefault(child.name, []).append(child)
            case DescendantsGone(name) | KillFailed(name):
                self.descendants.pop(name, None)

    def _is_there(self, pid: int, name: str) -> None:
        self.children[pid] = self._child(pid, name)

    def _child(self, pid: int, name: str) -> Child:
        program = self.fleet.processes[name].program
        return Child(pid, name, program, Behaviour(), self.now)  # type: ignore[arg-type] # see above

    def _carry_out(self, action: Action) -> None:
        match action:
            case Spawn():
                self.spawns.append(action)
            case Kill():
                self._watcher.killing(action)
            case Quit():
                self.quit = action
            case ProcessRemoved(name):
                self.descendants.pop(name, None)


class RecordedInvariants(Invariants):
    """Those that do not depend on what a kernel knows and a recording does not; they may begin in the middle."""

    def __init__(self, world: RecordedWorld) -> None:
        super().__init__(world)  # type: ignore[arg-type]
        for name, p in self.fleet.processes.items():
            self.wanted[name] = p.wanted
            self.announced[name] = p.state
            # The fleet forgets the failures of a stopped one only when it is started again.
            self.failures[name] = 0 if p.state is State.STOPPED else p.failures
            self.restarts.go_on(p)
            self.oneshots.go_on(p)
            self.readiness.go_on(p, world.now)
            self.left[name] = p.left_behind
            if p.exit_code is not None:
                self.codes[name] = p.exit_code
            if p.deadlines.stop is not None:
                self.stop_due[name] = p.deadlines.stop
            if p.deadlines.start is not None:
                self.up_at[name] = p.deadlines.start
            if p.pending_end is not None and p.pending_end.status is None:
                self.stopping_left.add(name)
            elif p.pending_end is not None:
                ended = p.pending_end
                self.waited[name] = Exited(ended.pid, ended.status or ExitStatus(0), (0,))
                if ended.before is State.STOPPING and not (p.timed_out or p.unready):
                    self.asked_meanwhile.add(name)
        self.announced_groups = set(self.fleet.groups)
        self.oneshots.ends = self.fleet.state is not MasterState.RUNNING
        self.failed = dict(self.fleet.snapshot()["failed"])

    def _what_is_left_is_asked_once(self) -> None:
        """Which signals descendants got, a recording does not say."""

    def at_rest(self) -> None:
        """A recording may end at any moment."""


def check_recording(path: Path) -> list[RecordedWorld]:
    """Replay a file with all invariants; raises Violation. Returns one world for each part that begins RUNNING."""
    worlds: list[RecordedWorld] = []
    world: RecordedWorld | None = None
    for number, entry in read_entries(str(path)).numbered:
        if "recording" in entry:
            world = None if entry["fleet"].get("ending") else RecordedWorld(entry)
            worlds += [world] if world is not None else []
        elif world is not None:
            world.take(number, entry)
    return worlds
