"""A master that is not there: drives a fleet in virtual time, with programs that do what is assumed of them.

The protocol is that of `runtime.engine`: events are handled one after the other, orders to spawn wait in a queue, and
one timer rings at `next_deadline()`. What is decided is published on a real bus with its actor and its cause, and
written down as the journal does it, so that the words are the same.

Nothing here is left to chance: the same fleet, assumptions and events give the same records.
"""

import heapq
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from signal import SIGINT, SIGKILL, SIGQUIT, SIGTERM, Signals

from procman.core.actions import (
    Action,
    AnnounceMaster,
    AwaitConnection,
    CheckHealth,
    CloseSocket,
    EndHook,
    KeepDescendants,
    Kill,
    LookAtSockets,
    Measure,
    OpenSocket,
    Probe,
    Quit,
    RunHook,
    RunUnhealthyCommand,
    RunWatchCommand,
    ScheduleAt,
    Spawn,
)
from procman.core.attribution import NOBODY, Attribution, Origin
from procman.core.coming_up import look_again
from procman.core.events import (
    DeadlineReached,
    DescendantsGone,
    Event,
    Exited,
    ExitStatus,
    HealthSeen,
    HookEnded,
    MemoryMeasured,
    Notified,
    ProbeResult,
    SocketsSeen,
    Spawned,
)
from procman.core.fleet import Fleet
from procman.core.health_checks import check_again
from procman.core.process import Process
from procman.core.spec import Hook, ProcessSpec, ReadyKind
from procman.core.states import State
from procman.runtime.bus import Bus, HookRan, Notification, Sequence
from procman.runtime.journal.record import Record
from procman.runtime.journal.translation import Translator
from procman.runtime.published_news import PublishedNews
from procman.simulator.notation import HOOK_TAKES, NEVER, ONESHOT_TAKES, READY_AFTER, Behaviour
from procman.simulator.wall_clock import WallClock

FIRST_PID = 1001
# More events than a simulation of a year needs, unless something goes round and round.
MOST_STEPS = 300_000

# A look of these kinds needs an answer of the program itself; the kernel answers the others for one that hangs.
_ASKS_IT = frozenset({ReadyKind.HTTP, ReadyKind.HTTP_UNIX, ReadyKind.EXEC})
_ENDS_IT = frozenset({SIGTERM, SIGINT, SIGQUIT})
_WELL, _NOT_WELL = "well (simulated)", "not ready (simulated)"


class TooManyEvents(Exception):
    """The simulation does not come to an end in a reasonable time."""


@dataclass(eq=False, slots=True)
class Child:
    """One run of a program."""

    pid: int
    name: str
    program: ProcessSpec
    run: int
    born: float
    ready: float  # seconds from then until it is ready
    stop: float
    unready: bool = False  # until its end
    hangs: float = 0.0  # until then it does nothing
    ended: bool = False


class World:
    """A fleet, what it has started, and a clock."""

    def __init__(
        self,
        fleet: Fleet,
        assumed: Mapping[str, Behaviour],
        hear: Callable[[float, Record], None],
        now: float = 0.0,
        *,
        most_steps: int | None = None,
        clock: float | None = None,
        only_looks: bool = False,
    ) -> None:
        """Take what it needs.

        Args:
            fleet: is driven.
            assumed: by namespec, those that differ from the defaults.
            hear: is called with each record, at its time.
            now: the time of the fleet.
            most_steps: how many events it may take.
            clock: what the clock on the wall shows at that time, in seconds since the epoch; None: there is none, and
                schedules that go by it never come.
            only_looks: looks at what is unready fail, but what it says by itself (READY=1, WATCHDOG=1) comes.
        """
        self.fleet = fleet
        self.now = now
        self.children: dict[str, Child] = {}  # those that live, by namespec
        self.awaiting: set[str] = set()  # lazy processes that a connection starts
        self.quit: Quit | None = None
        self.steps = 0
        self._most_steps = most_steps or MOST_STEPS
        self._assumed = assumed
        self._hear = hear
        self._attribution = Attribution()
        self._bus = Bus(Sequence(), _raise)
        self._news = PublishedNews(self._bus, self._attribution)
        self._translator = Translator(fleet, clock=lambda: self.now)
        self._bus.subscribe(self._heard)
        self._events: deque[tuple[Event, Origin]] = deque()
        self._spawns: deque[Spawn] = deque()
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0
        self._pid = FIRST_PID
        self._unready: dict[str, float] = {}  # until when, by namespec
        self._ended_hooks: set[tuple[str, int]] = set()
        self._working = False
        self._only_looks = only_looks
        self._wall = None if clock is None else WallClock(clock - now, self.at, self.post)

    # ---- from outside

    def at(self, when: float, happen: Callable[[], None]) -> None:
        """Have it happen then; of several at one moment, the first that was asked for comes first."""
        self._count += 1
        heapq.heappush(self._agenda, (when, self._count, happen))

    def post(self, event: Event, origin: Origin = NOBODY) -> None:
        """As `Engine.post`."""
        self._events.append((event, origin))
        if not self._working:
            self._work()

    def next(self) -> float | None:
        """When something happens next; None: never."""
        due = self.fleet.next_deadline()
        times = [when for when in (self._agenda[0][0] if self._agenda else None, due) if when is not None]
        return min(times, default=None)

    def step(self) -> None:
        """Go to that moment, and let one thing happen."""
        when = self.next()
        assert when is not None
        self.now = max(self.now, when)
        if self._agenda and self._agenda[0][0] <= self.now:
            # What happens comes before a timer of the same moment, as the loop looks at its descriptors first.
            heapq.heappop(self._agenda)[2]()
        else:
            self.post(DeadlineReached())

    def take_over(self) -> None:
        """The fleet comes from elsewhere, and some of its processes run: they go on here."""
        for process in self.fleet.processes.values():
            if process.pid is not None:
                child = self._child(process, process.pid)
                if process.state is State.RUNNING:
                    child.ready = 0.0
                self._lives(child)
            if (order := look_again(process) or check_again(process)) is not None:
                self._carry_out(order)
        self._pid = max([self._pid, *(child.pid + 1 for child in self.children.values())])
        for action in self.fleet.pending_orders(self.now):
            self._carry_out(action)
        self._work()

    def end(self, name: str, status: ExitStatus) -> bool:
        """The process ends now; False: it does not run."""
        child = self.children.get(name)
        if child is None:
            return False
        self._end(child, status)
        return True

    def hang(self, name: str, lasts: float) -> None:
        """The process does nothing for so long: it answers nobody, and does not obey."""
        if (child := self.children.get(name)) is not None:
            child.hangs = self.now + lasts

    def unready(self, name: str, lasts: float | None) -> None:
        """From now on it is not ready: for so long, or (None) until its end."""
        if lasts is not None:
            self._unready[name] = max(self._unready.get(name, 0.0), self.now + lasts)
        elif name in self.children:
            self.children[name].unready = True

    def is_unready(self, name: str) -> bool:
        """Whether that is so now."""
        child = self.children.get(name)
        return self.now < self._unready.get(name, 0.0) or (child is not None and child.unready)

    # ---- the engine

    def _heard(self, notification: Notification) -> None:
        seen = self._translator.seen(notification, self.now)
        if seen is not None:
            self._hear(self.now, self._translator.record_of(seen))

    def _work(self) -> None:
        self._working = True
        while (self._events or self._spawns) and self.quit is None:
            if self._events:
                self._decide(*self._events.popleft())
            else:
                self._spawn(self._spawns.popleft())
        self._working = False

    def _decide(self, event: Event, origin: Origin) -> None:
        self.steps += 1
        if self.steps > self._most_steps:
            raise TooManyEvents
        subject: str | None = getattr(event, "name", None)
        if isinstance(event, Exited):
            process = self.fleet.owner(event.pid)
            subject = process.name if process is not None else None
            if subject is not None:
                origin = self._news.end(subject, event, None)
        self._attribution.begin(event, origin, subject)
        for action in self.fleet.handle(event, self.now):
            self._carry_out(action)

    def _carry_out(self, action: Action) -> None:
        match action:
            case Spawn():
                self._spawns.append(action)
            case Kill():
                self._news.action(action)
                self._kill(action)
            case Probe():
                self._look(action)
            case CheckHealth():
                self._check(action)
            case Measure(name=name, run=run):
                self._tell(MemoryMeasured(name, run, 0))
            case LookAtSockets(name=name, run=run):
                self._tell(SocketsSeen(name, run, busy=False))
            case AwaitConnection(name=name, addresses=addresses):
                (self.awaiting.add if addresses else self.awaiting.discard)(name)
            case RunHook():
                self._news.action(action)
                self.at(self.now + HOOK_TAKES, lambda: self._hook_ends(action))
            case EndHook(name=name, number=number):
                self._news.action(action)
                self._ended_hooks.add((name, number))
            case ScheduleAt():
                if self._wall is not None:
                    self._wall.order(action, self.now)
            case RunUnhealthyCommand() | RunWatchCommand() | OpenSocket() | CloseSocket():
                pass  # nothing comes of them here
            case KeepDescendants():
                pass  # no program leaves anything behind
            case _:
                self._news.action(action)
                if isinstance(action, Quit):
                    self.quit = action
                elif isinstance(action, AnnounceMaster):
                    self.awaiting.clear()

    def _spawn(self, order: Spawn) -> None:
        if not self.fleet.awaits(order):
            return
        process = self.fleet.processes[order.name]
        child = self._child(process, self._pid)
        self._pid += 1
        self._lives(child)
        answer = Spawned(order.name, child.pid)
        self._events.appendleft((answer, NOBODY))
        self._news.happened(answer)

    # ---- the programs

    def _child(self, process: Process, pid: int) -> Child:
        behaviour = self._assumed.get(process.name, Behaviour())
        child = Child(
            pid,
            process.name,
            process.program,
            process.attempt,
            self.now,
            READY_AFTER if behaviour.ready is None else behaviour.ready,
            behaviour.stop or 0.0,
        )
        self.children[process.name] = child
        return child

    def _lives(self, child: Child) -> None:
        behaviour = self._assumed.get(child.name, Behaviour())
        lives = behaviour.ends
        if lives is None:
            lives = ONESHOT_TAKES if child.program.is_oneshot else NEVER
        if lives < NEVER:
            self.at(child.born + lives, lambda: self._end(child, ExitStatus(behaviour.code)))
        if child.ready < NEVER and child.program.ready:
            self.at(child.born + child.ready, lambda: self._says_ready(child))
        health = child.program.health
        if child.program.watchdog is not None or (health is not None and health.kind is ReadyKind.WATCHDOG):
            self._beats(child, (child.program.watchdog or child.program.health_interval) / 2)

    def _says_ready(self, child: Child) -> None:
        """What it says by itself when it is ready."""
        if child.ended or (child.unready and not self._only_looks):
            return
        if self.is_unready(child.name) and not self._only_looks:
            self.at(self._unready[child.name], lambda: self._says_ready(child))
            return
        for number, condition in enumerate(child.program.ready):
            if condition.kind is ReadyKind.NOTIFY:
                self.post(Notified(child.name, child.run, (("READY", "1"),)))
            elif condition.kind in (ReadyKind.FD, ReadyKind.LOG, ReadyKind.LISTENER):
                self.post(ProbeResult(child.name, child.run, number, ok=True))

    def _beats(self, child: Child, interval: float) -> None:
        if child.ended or self.quit is not None:
            return
        if (self._only_looks or not self.is_unready(child.name)) and self.now >= child.hangs:
            self.post(Notified(child.name, child.run, (("WATCHDOG", "1"),)))
        self.at(self.now + interval, lambda: self._beats(child, interval))

    def _look(self, order: Probe) -> None:
        child = self.children.get(order.name)
        ok = child is not None and self.now >= child.born + child.ready and not self.is_unready(order.name)
        words = "" if ok else f"{order.condition.text or order.condition.kind.value}: {_NOT_WELL}"
        self._tell(ProbeResult(order.name, order.run, order.number, ok, words))

    def _check(self, order: CheckHealth) -> None:
        name, run, look = order.name, order.run, order.look
        child = self.children.get(name)
        if child is not None and self.now < child.hangs and order.condition.kind in _ASKS_IT:
            words = f"no answer within {order.timeout:g} s (simulated)"
            news = HealthSeen(name, run, look, False, words, timed_out=True)
            self.at(self.now + order.timeout, lambda: self.post(news))
            return
        ok = not self.is_unready(name)
        self._tell(HealthSeen(name, run, look, ok, _WELL if ok else _NOT_WELL))

    def _tell(self, news: Event) -> None:
        self._events.append((news, NOBODY))

    def _kill(self, order: Kill) -> None:
        if not order.pid:
            self._tell(DescendantsGone(order.name))
            return
        child = self.children.get(order.name)
        if child is None or child.pid != order.pid:
            return
        number = int(order.signal)
        if number == SIGKILL:
            self.at(self.now, lambda: self._end(child, ExitStatus(-1, SIGKILL)))
        elif (number in _ENDS_IT or number == child.program.stopsignal) and child.stop < NEVER:
            when = max(self.now, child.hangs) + child.stop
            self.at(when, lambda: self._end(child, ExitStatus(-1, Signals(number))))

    def _end(self, child: Child, status: ExitStatus) -> None:
        if not child.ended and self.quit is None:
            child.ended = True
            del self.children[child.name]
            self.post(Exited(child.pid, status))

    def _hook_ends(self, order: RunHook) -> None:
        key = order.name, order.number
        if key in self._ended_hooks or self.quit is not None:
            return
        command = order.command.text.split(" ", 1)[0]
        ran = HookRan(order.name, order.hook, command, True, False, "", 0, HOOK_TAKES, ())
        self._news.happened(ran)
        child = self.children.get(order.name)
        if order.hook is Hook.STOP_COMMAND and child is not None and child.stop < NEVER:
            last = order.place + 1 == len(child.program.stop_command)
            if last:
                self.at(self.now + child.stop, lambda: self._end(child, ExitStatus(0)))
        self.post(HookEnded(order.name, order.number, ok=True))


def _raise(text: str) -> None:
    raise AssertionError(text)
