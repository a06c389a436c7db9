"""A kernel, an engine and a clock that are not there: the real fleet is driven in virtual time.

The protocol is the engine's, to the letter:

- Events are handled one after the other, each to its end; what is posted meanwhile is handled after it.
- Spawn orders wait in a queue of their own that is served in slices when no event waits. Right before one is carried
  out the fleet is asked whether it is still wanted; its answer is the very next event.
- One timer is armed at `next_deadline()`. It may ring late, and, as asyncio's does, a hair early.
- A child that has ended keeps its pid until it is reaped; a pid that is free is used again as soon as possible.

`World` is better whole than within the limits: engine, kernel and clock act on the same children.
"""

import heapq
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from signal import SIGINT, SIGKILL, SIGQUIT, SIGTERM
from typing import Any, Protocol

from procman.config.schema.groups import Group
from procman.config.schema.master import Master
from procman.config.schema.programs import Program
from procman.core.actions import (
    Action,
    Announce,
    AnnounceHealth,
    CheckHealth,
    Kill,
    Measure,
    Probe,
    ProcessRemoved,
    Quit,
    Spawn,
)
from procman.core.events import (
    Adopted,
    BootRequested,
    DeadlineReached,
    DescendantsGone,
    Event,
    Exited,
    ExitStatus,
    GroupAdded,
    GroupChanged,
    HealthSeen,
    KillFailed,
    MemoryMeasured,
    Notified,
    ProbeResult,
    RunRemembered,
    Spawned,
    SpawnFailed,
)
from procman.core.fleet import Fleet
from procman.core.process import Process
from procman.core.spec import ReadyKind, Scope
from procman.core.states import Phase, State

FIRST_PID = 100
CLOCK_RESOLUTION = 1e-9
# More events than any scenario needs; beyond it the fleet runs in a circle.
MOST_STEPS = 5000

FATAL_SIGNALS = frozenset({SIGTERM, SIGINT, SIGQUIT})


@dataclass(frozen=True, kw_only=True)
class Descendant:
    """A descendant that goes on when its process has ended."""

    lives: float | None = None  # seconds after that, unless it is signalled
    obeys_after: float | None = 0.0  # seconds from a stop signal to its end; None: ignores it
    refuses: bool = False  # it has become another user's
    in_group: bool = False  # it has stayed in the process group of its process


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """What one run of a program does."""

    fails: str | None = None  # it cannot be spawned, for this reason
    lives: float | None = None  # seconds until it ends by itself; None: for ever
    code: int = 0  # how it ends then
    signal: int | None = None  # or of which signal
    obeys_after: float | None = 0.0  # seconds from a stop signal to its end; None: ignores it
    sigkills: int = 1  # how many it takes: uninterruptible sleep outlives the first
    refuses: bool = False  # the kernel refuses to signal it
    descendant: Descendant | None = None  # what it leaves behind
    ready_after: float | None = 0.0  # seconds until all of its conditions hold; None: they never do
    answers_after: float | None = 0.0  # how long a look takes; None: it is never answered
    memory: tuple[int | None, ...] = ()  # what each look at it finds, the last again and again; (): it is not answered
    well: tuple[float, float | None] = (0.0, None)  # from and until which age it is well; None: to its end
    flaky: float = 0.0  # the part of the looks that it fails even then
    hangs: bool = False  # when it is not well, it does not answer at all
    beats: float | None = None  # how often it says WATCHDOG=1, as long as it is well
    lies: bool = False  # answers of other runs come as well, and of conditions that there are not


FOREVER = Behaviour()

# A descendant's pid, from that of the process that has started it: the kernel's table has them side by side.
DESCENDANT_PID = 10_000


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """All that is going to happen, but for what the fleet decides."""

    groups: tuple[Group, ...]
    master: Master = field(default_factory=Master)
    behaviours: dict[str, tuple[Behaviour, ...]] = field(default_factory=dict)  # by namespec, run by run
    adopted: tuple[tuple[str, float], ...] = ()  # processes of an earlier master, and how long they have run
    remembered: tuple[str, ...] = ()  # one-shots that were done before a kill of this master
    requests: tuple[tuple[float, Event], ...] = ()  # seconds after the one before
    reactions: tuple[tuple[str, State, Event], ...] = ()  # what a subscriber asks for when it hears of that, once
    late: float = 0.0  # how much timers and reaping may be late at most, in seconds
    slice: int = 1000  # how many spawns are carried out in one turn of the loop
    drowsy: float = 0.0  # the part of its looks at a health that the master sleeps over
    turn: float = 0.0  # seconds until the rest of them gets the next turn
    seed: int = 0  # for the lateness


@dataclass(eq=False)
class Child:
    """A process in the kernel's table: alive, or ended and not yet reaped."""

    pid: int
    name: str
    program: Program
    behaviour: Behaviour
    born: float
    end: ExitStatus | None = None
    sigkills: int = 0
    descendants_gone: bool = False
    stop_signals_below: int = 0  # how often they were sent a stop signal


class Watcher(Protocol):
    """Looks on, and raises when something is not as it must be."""

    def event_comes(self, event: Event) -> None: ...
    def decided(self, event: Event, actions: list[Action]) -> None: ...
    def carried_out(self) -> None: ...
    def spawning(self, order: Spawn) -> None: ...
    def killing(self, order: Kill) -> None: ...
    def reaped(self, child: Child) -> None: ...
    def at_rest(self) -> None: ...


class World:
    """One run of one scenario. `fleet`, `children`, `now` and `history` may be read at any time."""

    def __init__(
        self,
        scenario: Scenario,
        watch: Callable[["World"], Watcher] | None = None,
        fleet_class: Callable[[tuple[Group, ...], Master], Any] = Fleet,
    ) -> None:
        """`fleet_class` is another one where a fault has been seeded."""
        self.scenario = scenario
        self.fleet: Fleet = fleet_class(scenario.groups, scenario.master)
        self.now = 0.0
        self.children: dict[int, Child] = {}  # unreaped, by pid
        self.descendants: dict[str, list[Child]] = {}  # reaped, and what they left behind is still there
        self.spawns: deque[Spawn] = deque()
        self.history: list[tuple[float, object]] = []
        self.quit: Quit | None = None
        self.steps = 0
        self._random = Random(scenario.seed)
        self._events: deque[Event] = deque()
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0  # breaks ties on the agenda: first come, first served
        self._runs: dict[str, int] = {}
        self._measured: dict[int, int] = {}  # how often, by pid
        self._reactions = list(scenario.reactions)
        self._booted = False  # until then there are no reactions: all are adopted in one turn
        self._working = False
        self._more = False
        self._armed: tuple[float, int] | None = None  # the deadline, and the timer's number on the agenda
        self._cancelled: set[int] = set()
        self._rung_early = False
        self._watcher = watch(self) if watch else None

    def run(self) -> "World":
        """Boot, let everything happen that was going to, and go on until nothing would ever happen again."""
        for name, age in self.scenario.adopted:
            self._at(0.0, lambda name=name, age=age: self._adopt(name, age))
        for name in self.scenario.remembered:
            self._at(0.0, lambda name=name: self.post(RunRemembered(name, 0, 10.0, 13.0)))
        self._at(0.0, lambda: self.post(BootRequested()))
        when = 0.0
        for delay, event in self.scenario.requests:
            when += delay
            self._at(when, lambda event=event: self.post(event))
        while self._agenda and self.quit is None:
            when, number, happen = heapq.heappop(self._agenda)
            if number not in self._cancelled:
                self.now = when
                happen()
        if self._watcher:
            self._watcher.at_rest()
        return self

    def post(self, event: Event) -> None:
        """As `Engine.post`."""
        self._events.append(event)
        if not self._working:
            self._work()

    def recent(self, last: int = 40) -> str:
        """The end of the history, to find out what went wrong."""
        return "\n".join(f"{when:12.6f}  {_short(what)}" for when, what in self.history[-last:])

    def state(self, name: str) -> State:
        """Where a process stands."""
        return self.fleet.processes[name].state

    # ---- the engine

    def _work(self) -> None:
        self._working = True
        room = self.scenario.slice
        while (self._events or self.spawns) and self.quit is None:
            if self._events:
                self._handle(self._events.popleft())
            elif room:
                room -= 1
                self._spawn(self.spawns.popleft())
            else:
                break
        self._working = False
        if self.spawns and not self._more:
            self._more = True
            self._at(self.now + self.scenario.turn, self._continue)
        self._arm()

    def _continue(self) -> None:
        self._more = False
        self._work()

    def _handle(self, event: Event) -> None:
        self.steps += 1
        assert self.steps < MOST_STEPS, "the fleet does not come to rest"
        self._note(event)
        self._booted = self._booted or isinstance(event, BootRequested)
        if self._watcher:
            self._watcher.event_comes(event)
        actions = self.fleet.handle(event, self.now)
        if self._watcher:
            self._watcher.decided(event, actions)
        for action in actions:
            self._note(action)
            self._carry_out(action)
        if self._watcher:
            self._watcher.carried_out()

    def _carry_out(self, action: Action) -> None:
        match action:
            case Spawn():
                self.spawns.append(action)
            case Kill():
                self._kill(action)
            case Probe():
                self._look(action)
            case Measure():
                self._measure(action)
            case CheckHealth():
                self._check(action)
            case Quit():
                self.quit = action
            case ProcessRemoved(name=name):
                self.descendants.pop(name, None)
            case Announce(name=name, after=after):
                for reaction in self._reactions if self._booted else ():
                    if reaction[:2] == (name, after):
                        self._reactions.remove(reaction)
                        self._events.append(reaction[2])
                        break

    def _spawn(self, order: Spawn) -> None:
        if not self.fleet.awaits(order):
            return
        if self._watcher:
            self._watcher.spawning(order)
        behaviour = self._next_behaviour(order.name)
        if behaviour.fails is not None:
            self._events.appendleft(SpawnFailed(order.name, behaviour.fails))
            return
        child = self._child(order.name, order.program, behaviour, self.now)
        self._events.appendleft(Spawned(order.name, child.pid))
        self._tells(child, order.attempt)
        self._beats(child, order.attempt)

    def _adopt(self, name: str, age: float) -> None:
        process = self.fleet.processes.get(name)
        behaviour = self._next_behaviour(name)
        if process is not None and process.state is State.STOPPED and behaviour.fails is None:
            child = self._child(name, process.program, behaviour, self.now - age)
            self.post(Adopted(name, child.pid, age, ready=age > 1 and not behaviour.lies))

    def _next_behaviour(self, name: str) -> Behaviour:
        run = self._runs.get(name, 0)
        self._runs[name] = run + 1
        behaviours = self.scenario.behaviours.get(name) or (FOREVER,)
        return behaviours[min(run, len(behaviours) - 1)]

    def _child(self, name: str, program: Program, behaviour: Behaviour, born: float) -> Child:
        # The kernel does not give away the number of a process group that still has members either.
        groups = {one.pid for left in self.descendants.values() for one in left}
        pid = next(n for n in range(FIRST_PID, FIRST_PID + 1000) if n not in self.children and n not in groups)
        child = self.children[pid] = Child(pid, name, program, behaviour, born)
        if behaviour.lives is not None:
            self._ends(child, behaviour.lives, _status(behaviour))
        return child

    def _arm(self) -> None:
        deadline = self.fleet.next_deadline()
        if self._armed is not None and self._armed[0] == deadline:
            return
        if self._armed is not None:
            self._cancelled.add(self._armed[1])
            self._armed = None
        if deadline is None or self.quit is not None:
            return
        when = deadline + self._lateness()
        early = self.now < deadline - CLOCK_RESOLUTION and not self._rung_early and self._random.random() < 0.1
        if early:
            when = deadline - CLOCK_RESOLUTION
        self._rung_early = early
        self._armed = (deadline, self._at(max(when, self.now), self._ring))

    def _ring(self) -> None:
        self._armed = None
        self.post(DeadlineReached())

    # ---- the kernel

    def _kill(self, order: Kill) -> None:
        if self._watcher:
            self._watcher.killing(order)
        if order.scope is not Scope.PROCESS:
            elders = self.descendants.get(order.name, []) if order.scope is Scope.TREE else []
            for child in [*elders, *([self.children[order.pid]] if order.pid else [])]:
                self._kill_descendants(order, child)
        if not order.pid:
            self._no_descendant_is_reached(order.name)
            return
        child = self.children[order.pid]
        behaviour = child.behaviour
        if behaviour.refuses:
            self._events.append(KillFailed(order.name, "Operation not permitted"))
        elif order.signal == SIGKILL:
            child.sigkills += 1
            if child.sigkills >= behaviour.sigkills:
                self._end(child, ExitStatus(-1, SIGKILL))
        elif order.signal in FATAL_SIGNALS and behaviour.obeys_after is not None:
            self._ends(child, behaviour.obeys_after, _status(behaviour))

    def _kill_descendants(self, order: Kill, child: Child) -> None:
        """What a process has started does not wait for its end to obey."""
        descendant = child.behaviour.descendant
        if descendant is None or child.descendants_gone:
            return
        if descendant.in_group and order.spared_group == child.pid:
            return
        if order.scope is Scope.GROUP and not descendant.in_group:
            return
        child.stop_signals_below += order.signal != SIGKILL
        if descendant.refuses:
            return
        if order.signal == SIGKILL:
            self._descendants_end(child, 0.0)
        elif order.signal in FATAL_SIGNALS and descendant.obeys_after is not None:
            self._descendants_end(child, descendant.obeys_after)

    def _no_descendant_is_reached(self, name: str) -> None:
        """No descendant is left to signal, or none that may be signalled."""
        left = self.descendants.get(name, [])
        if not left:
            self._events.append(DescendantsGone(name))
        elif all(child.behaviour.descendant and child.behaviour.descendant.refuses for child in left):
            del self.descendants[name]
            self._events.append(KillFailed(name, "Operation not permitted"))

    def _descendants_end(self, child: Child, after: float) -> None:
        self._at(self.now + after, lambda: self._gone(child))

    def _gone(self, child: Child) -> None:
        child.descendants_gone = True
        left = self.descendants.get(child.name, [])
        if child in left:
            left.remove(child)
            if not left:
                del self.descendants[child.name]
                # The engine looks only while the fleet waits for them.
                process = self.fleet.processes.get(child.name)
                if self.quit is None and process is not None and process.phase is Phase.LEFTOVERS:
                    self.post(DescendantsGone(child.name))

    def _ends(self, child: Child, after: float, status: ExitStatus) -> None:
        self._at(self.now + after, lambda: self._end(child, status))

    def _end(self, child: Child, status: ExitStatus) -> None:
        if child.end is None:
            child.end = status
            self._at(self.now + self._lateness(), self._reap)

    def _reap(self) -> None:
        for child in [child for child in self.children.values() if child.end is not None]:
            if self.quit is not None:
                return  # the master is gone
            del self.children[child.pid]
            self._note(f"reaped {child.pid}")
            if self._watcher:
                self._watcher.reaped(child)
            process = self.fleet.owner(child.pid)
            if process is not None:
                self.post(Exited(child.pid, child.end, self._look_for_descendants(child, process)))

    def _look_for_descendants(self, child: Child, process: Process) -> tuple[int, ...]:
        """As the engine does where the process minds: those of this run, not of runs before it."""
        if not process.minds_descendants:
            self.descendants.pop(child.name, None)
            return ()
        descendant = child.behaviour.descendant
        if descendant is not None and not child.descendants_gone:
            self.descendants.setdefault(child.name, []).append(child)
            if descendant.lives is not None:
                self._descendants_end(child, descendant.lives)
        return tuple(one.pid + DESCENDANT_PID for one in self.descendants.get(child.name, []))

    # ---- what is looked at

    def _tells(self, child: Child, run: int) -> None:
        """What it says by itself when it is ready, and says again."""
        behaviour = child.behaviour
        for number, condition in enumerate(child.program.ready):
            if behaviour.ready_after is None:
                continue
            news: Event
            if condition.kind is ReadyKind.NOTIFY:
                news = Notified(child.name, run, (("STATUS", "up"), ("READY", "1")))
            elif condition.kind in {ReadyKind.FD, ReadyKind.LOG, ReadyKind.LISTENER}:
                news = ProbeResult(child.name, run, number, ok=True)
            else:
                continue
            for after in (behaviour.ready_after, behaviour.ready_after + 0.5):
                self._hear(child, after, news)

    def _look(self, order: Probe) -> None:
        """The answer comes after a while, even if the process has ended meanwhile."""
        child = self.children[order.pid]
        behaviour, run, number = child.behaviour, order.run, order.number
        if behaviour.answers_after is None:
            return
        ok = behaviour.ready_after is not None and self.now >= child.born + behaviour.ready_after
        if behaviour.lies:
            self._hear(child, 0.0, ProbeResult(child.name, run - 1, number, ok=True))
            self._hear(child, 0.0, ProbeResult(child.name, run + 1, number, ok=True))
            self._hear(child, 0.0, ProbeResult(child.name, run, 99, ok=True))
            self._hear(child, 0.0, Notified(child.name, run - 1, (("READY", "1"),)))
        self._hear(child, behaviour.answers_after, ProbeResult(child.name, run, number, ok, "nobody is there"))

    def _measure(self, order: Measure) -> None:
        child = self.children[order.pid]
        found, after = child.behaviour.memory, child.behaviour.answers_after
        if not found or after is None:
            return
        at = self._measured[order.pid] = self._measured.get(order.pid, -1) + 1
        if child.behaviour.lies:
            self._hear(child, 0.0, MemoryMeasured(child.name, order.run - 1, 1 << 60))
        self._hear(child, after, MemoryMeasured(child.name, order.run, found[min(at, len(found) - 1)]))

    def _check(self, order: CheckHealth) -> None:
        """A look at its health; now and then the master sleeps meanwhile, and sees nothing in time."""
        child = self.children[order.pid]
        behaviour = child.behaviour
        if behaviour.answers_after is None:
            return
        asleep = self._random.random() < self.scenario.drowsy
        ill = not self._is_well(child, self.now) or self._random.random() < behaviour.flaky
        missed = asleep or (ill and behaviour.hangs) or behaviour.answers_after > order.timeout
        after = order.timeout if missed else behaviour.answers_after
        answer = HealthSeen(order.name, order.run, order.look, not (missed or ill), "seen", missed, 9.0 * asleep)
        if behaviour.lies:
            for lie in ((order.run - 1, order.look), (order.run, order.look + 1), (order.run + 1, order.look)):
                self._hear(child, 0.0, HealthSeen(child.name, *lie, not answer.ok, "a lie"))
        self._hear(child, after, answer)

    def _beats(self, child: Child, run: int) -> None:
        beats = child.behaviour.beats
        if beats is None or child.end is not None or self.quit is not None:
            return
        if self._is_well(child, self.now):
            self._hear(child, 0.0, Notified(child.name, run, (("WATCHDOG", "1"),)))
        self._at(self.now + beats, lambda: self._beats(child, run))

    @staticmethod
    def _is_well(child: Child, now: float) -> bool:
        first, last = child.behaviour.well
        return child.born + first <= now and (last is None or now < child.born + last)

    def _hear(self, child: Child, after: float, news: Event) -> None:
        process = self.fleet.processes.get(child.name)

        def come() -> None:
            # When a process has gone, nothing is heard of it any more: another one may have its name.
            if self.quit is None and self.fleet.processes.get(child.name) is process:
                self.post(news)

        self._at(self.now + after, come)

    # ---- time

    def _at(self, when: float, happen: Callable[[], None]) -> int:
        self._count += 1
        heapq.heappush(self._agenda, (when, self._count, happen))
        return self._count

    def _lateness(self) -> float:
        # Mostly in time: a delay everywhere would hide what happens at one and the same moment.
        return self._random.random() * self.scenario.late if self._random.random() < 0.3 else 0.0

    def _note(self, what: object) -> None:
        self.history.append((self.now, what))


def _short(what: object) -> str:
    match what:
        case Announce(name=name, before=before, after=after, pid=pid):
            return f"        {name}: {before.name} -> {after.name}" + (f" (pid {pid})" if pid else "")
        case Spawn(name=name, attempt=attempt):
            return f"        {name}: order to spawn, number {attempt}"
        case GroupAdded(group) | GroupChanged(group):
            return f"{type(what).__name__} {group.name}: {[program.namespec for program in group.programs]}"
        case AnnounceHealth(name=name, healthy=healthy, words=words):
            return f"        {name}: {'healthy' if healthy else 'unhealthy'}: {words}"
        case CheckHealth(name=name, run=run, look=look):
            return f"        {name}: look {look} of run {run}"
        case Kill():
            return f"        {what}"
        case _:
            return f"{what}"


def _status(behaviour: Behaviour) -> ExitStatus:
    return ExitStatus(behaviour.code) if behaviour.signal is None else ExitStatus(-1, behaviour.signal)
