"""The one place where the core meets the system: events in, orders carried out, one timer armed.

It decides nothing: what an event means, the core says, and what is to follow from news, its subscribers. Events are
handled in the order in which they come, each to its end; an event that a subscriber posts meanwhile is handled after
it. Starts wait in a queue of their own, and the core is asked again before each (`Fleet.awaits`).
"""

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from procman.core.actions import (
    Action,
    Announce,
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
    RunHook,
    RunUnhealthyCommand,
    RunWatchCommand,
    ScheduleAt,
    Spawn,
)
from procman.core.attribution import BOOT, NOBODY, Actor, Attribution, Origin
from procman.core.coming_up import look_again
from procman.core.events import (
    Adopted,
    DeadlineReached,
    DescendantsGone,
    Event,
    Exited,
    ExitStatus,
    GroupRemoved,
    HookEnded,
    KillFailed,
    RunRemembered,
    StartRequested,
)
from procman.core.fleet import Fleet
from procman.core.health_checks import check_again
from procman.core.idling import look_at_use_again
from procman.core.spec import Scope
from procman.runtime.bus import Bus, HookRan
from procman.runtime.children import Children
from procman.runtime.definitions import program_of
from procman.runtime.launcher import Launcher, RunExtras, Streams
from procman.runtime.ledger import Ledger
from procman.runtime.process_ends import REAP_AT_ONCE, ProcessEnds
from procman.runtime.process_trees import Trees
from procman.runtime.published_news import PublishedNews
from procman.runtime.spawn_queue import Gate, SpawnQueue
from procman.system.foreign_process import WatchedProcess
from procman.system.reaper import Reaped
from procman.system.spawn import Child

# What is carried out beside the life of the processes.
Look = Probe | Measure | CheckHealth | RunUnhealthyCommand | RunWatchCommand

# Sees each event with its time, what was decided, the fault that has kept the core from deciding, and who asked.
Observer = Callable[[Event, float, list[Action], Exception | None, Actor | None], None]


class Engine:
    """Drives a fleet. Everything happens on the running loop's thread."""

    def __init__(
        self,
        fleet: Fleet,
        bus: Bus,
        streams: Streams,
        trees: Trees,
        *,
        children: Children,
        launcher: Launcher,
        ledger: Ledger,
        on_bug: Callable[[str], None],
        gate: Gate | None = None,
        observer: Observer | None = None,
        look: Callable[[Look], None] = lambda _: None,
        run_hook: Callable[[RunHook | EndHook, Origin], None] = lambda _order, _origin: None,
        schedule: Callable[[ScheduleAt], None] = lambda _: None,
    ) -> None:
        """Take what it drives.

        `on_bug` gets a sentence about what must not happen. A program is started when `gate` says so; while the gate
        does not know, all others wait, too. Call `retry_spawns` when it may say something else. `observer` is told of
        each decision before it is carried out. `look` carries out a look whether a process is ready, or well, or what
        memory it uses, and runs commands for one that is not well, or whose files have changed; `run_hook` runs a
        command of a hook, or kills it; `schedule` sees to it that the next time of a schedule is told of.
        """
        self.fleet = fleet
        self.bus = bus
        self.attribution = Attribution()
        self._news = PublishedNews(bus, self.attribution)
        self._streams = streams
        self._trees = trees
        self._children = children
        self._launcher = launcher
        self.sources = launcher.sources
        self.held = launcher.held
        self._on_bug = on_bug
        self._observer = observer
        self._look = look
        self._run_hook = run_hook
        self._schedule = schedule
        self._loop = asyncio.get_running_loop()
        self._events: deque[tuple[Event, Origin]] = deque()
        self._queue = SpawnQueue(self._spawn, self._work, gate)
        self.ends = ProcessEnds(fleet, bus, streams, trees, children=children, ledger=ledger, tell=self._take_in)
        self._tree_orders: list[Kill] = []
        self._working = False
        self._timer: asyncio.TimerHandle | None = None
        self._soon: asyncio.Handle | None = None
        self.caught_up = self._queue.caught_up
        self.turn_of = self._queue.turn_of
        self.retry_spawns = self._queue.retry

    def post(self, event: Event, origin: Origin = NOBODY) -> None:
        """Take in an event; unless another one is being handled, its orders are carried out before this returns.

        `origin` is what a request follows from; for what has happened by itself, the engine knows it.
        """
        self._events.append((event, origin))
        self._work_unless_working()

    def post_soon(self, event: Event) -> None:
        """Take in an event that has happened by itself, in the next turn of the loop, with what comes until then.

        For what comes in crowds: after its work, the engine asks each process of the fleet for its deadlines.
        """
        self._take_in(event)
        if self._soon is None:
            self._soon = self._loop.call_soon(self._work_unless_working)

    def reap(self) -> None:
        """Collect the processes that have ended (SIGCHLD says that there may be some)."""
        count = self.ends.collect()
        if count and self._trees.ends.expected:
            # A member of a tree that ended meanwhile is reported before its program has stopped, which forgets it.
            count = max(count, self.ends.collect())
        # Once for all of them: a slice of spawning for each would hold the loop for as long as programs end.
        self._work_unless_working()
        if count == REAP_AT_ONCE:
            self._loop.call_soon(self.reap)

    def adopt(
        self,
        name: str,
        child: Child,
        watched: WatchedProcess,
        tag: str,
        age: float,
        *,
        post_start: bool = False,
        ready_after: float | None = None,
    ) -> None:
        """Take on a process of the fleet that another master has started `age` seconds ago, and its pipes.

        `post_start`: that hook of it had not ended. `ready_after`: so many seconds after its start its conditions held.
        """
        self._children.adopt(name, child, watched, self._adopted_ended)
        self._trees.adopted(name, watched.identity, tag)
        program = program_of(self.fleet.processes[name].program)
        if program.is_given:
            self.sources.adopted(program, child.pid, tag)
        self._launcher.found(program, child.pid)
        self.bus.guard(partial(self._streams.attach, name, program, child))
        event = Adopted(name, child.pid, age, ready_after is not None, post_start, ready_after)
        self._news.happened(event, Origin(BOOT))
        self.post(event)

    def remember_run(self, event: RunRemembered) -> None:
        """Take in that a one-shot was done before a kill of the master."""
        self.bus.publish(event, Origin(BOOT))
        self.post(event)

    def hook_ran(self, news: HookRan, answer: HookEnded | None) -> None:
        """Take in what has become of a command of a hook; the core gets the answer, if it still wants one."""
        self._news.happened(news)
        if answer is not None:
            self.post(answer)

    def run(self, name: str, extras: RunExtras, origin: Origin) -> None:
        """Start a process that is down, and give its run more than its definition has."""
        self._launcher.give(name, extras)
        self.post(StartRequested(name, run=True), origin)

    def has_left(self, name: str) -> bool:
        """Whether a process that is down has left anything behind that a stop of it is to reach."""
        if self._trees.left_is_gone(name):
            self.post(DescendantsGone(name))
        return self.fleet.processes[name].left_behind

    @property
    def is_quiet(self) -> bool:
        """Nothing is under way but starts that wait, as they always do where programs end at once again and again."""
        return not (self._events or self._tree_orders) and self._queue.is_quiet

    def snapshot(self) -> dict[str, Any]:
        """Plain data for another process image to go on with: the engine, its fleet, its trees and its sockets."""
        return {
            "orphans": self.ends.orphans,
            # Pids and start times of those that are not our children.
            "adopted": self._children.snapshot(),
            "fleet": self.fleet.snapshot(),
            "trees": self._trees.snapshot(),
            "sockets": self._launcher.snapshot(),
            "held": self.held.snapshot(),
            "extras": self._launcher.extras(),
            "channels": self._launcher.channels.snapshot(),
            "given": self.sources.snapshot(),
            "seq": self.bus.sequence.last,
            "attribution": self.attribution.snapshot(),
        }

    def restore(self, data: dict[str, Any]) -> None:
        """Go on from what `snapshot` returned, instead of a boot. The fleet has gone on from its part before."""
        processes = self.fleet.processes.values()
        self.ends.orphans = data["orphans"]
        self.bus.sequence.last = max(self.bus.sequence.last, data["seq"])  # the journal may have used some already
        if "attribution" in data:  # procman before 0.3 had none
            self.attribution.restore(data["attribution"])
        self._trees.restore(data["trees"])
        self._launcher.restore(data["sockets"], (process.name for process in processes if process.attempt))
        self.held.restore(data.get("held", []), self.fleet.sockets.held)
        self._launcher.restore_extras(data.get("extras", {}))
        if "channels" in data:  # procman before 0.3 had none
            self._launcher.channels.restore(data["channels"])
        if "given" in data:  # procman before 0.4 had none
            self.sources.restore(data["given"])
        pids = [(process.pid, process.name) for process in processes if process.pid is not None]
        for pid in self._children.restore(pids, data["adopted"], self._adopted_ended):
            self._events.append((Exited(pid, ExitStatus(-1, known=False)), NOBODY))
        pending = self.fleet.pending_orders(self._loop.time())
        self._queue.restore(order for order in pending if isinstance(order, Spawn))
        for one in pending:
            if not isinstance(one, Spawn):
                self._carry_out(one)
        for process in self.fleet.processes.values():
            if process.pid is not None:
                self._launcher.found(program_of(process.program), process.pid)
            if process.pid is not None and program_of(process.program).is_given:
                self.sources.read_again(program_of(process.program))
            if (order := look_again(process) or check_again(process)) is not None:
                self._carry_out(order)
            if (look := look_at_use_again(process)) is not None:
                self._carry_out(look)
        self._work()
        self.reap()

    def close(self) -> None:
        """Disarm the timers, and close what is still shared; nothing is handled any more."""
        self._launcher.close()
        self._children.close()
        self._queue.close()
        for handle in (self._timer, self._soon):
            if handle is not None:
                handle.cancel()
        self._timer = self._soon = None

    # ---- ends

    def _adopted_ended(self, reaped: Reaped) -> None:
        self.ends.adopted_ended(reaped)
        self._work_unless_working()

    def _take_in(self, event: Event) -> None:
        """Handle it with the next work; it has happened by itself."""
        self._events.append((event, NOBODY))

    # ---- events and actions

    def _work_unless_working(self) -> None:
        if not self._working:
            self._work()

    def _work(self) -> None:
        """Handle all events; spawn for one slice, and only in one place of each turn of the loop."""
        self._working = True
        if self._soon is not None:
            self._soon.cancel()
            self._soon = None
        self._queue.begin_slice()
        try:
            while True:
                if self._events:
                    for action in self._decide(*self._events.popleft()):
                        self._carry_out(action)
                elif self._tree_orders:
                    self._signal_trees()
                elif not self._queue.take_turn():
                    break
        finally:
            self._working = False
        self._queue.schedule()
        self._arm()

    def _decide(self, event: Event, origin: Origin) -> list[Action]:
        subject = _subject(event, self.fleet)
        if isinstance(event, Exited) and subject is not None:
            origin = self._news.end(subject, event, self.ends.usage_of(event.pid))
        self.attribution.begin(event, origin, subject)
        now, actions, fault = self._loop.time(), [], None
        try:
            actions = self.fleet.handle(event, now)
        except Exception as bug:  # noqa: BLE001 - PID 1 must not die of a bug in a decision
            fault = bug
            self._on_bug(
                f"cannot handle {event}: {type(bug).__name__}: {bug}; this is a bug in procman, please report it"
            )
        if self._observer is not None:
            self.bus.guard(partial(self._observer, event, now, actions, fault, origin.actor))
        return actions

    def _carry_out(self, action: Action) -> None:
        match action:
            case Announce():  # most are
                self._news.action(action)
            case Spawn():
                self._queue.add(action)
            case Kill():
                self._news.action(action)
                self._kill(action)
            case Probe() | Measure() | CheckHealth() | RunUnhealthyCommand() | RunWatchCommand():
                self.bus.guard(partial(self._look, action))
            case RunHook() | EndHook():
                origin = self._news.action(action)
                self.bus.guard(partial(self._run_hook, action, origin))
            case ScheduleAt():
                self.bus.guard(partial(self._schedule, action))
            case OpenSocket() | CloseSocket() | AwaitConnection() | LookAtSockets():
                self.bus.guard(partial(self.held.carry_out, action))
            case KeepDescendants(name, stop_later):
                self._trees.keep(name, stop_later=stop_later)
            case _:
                self._news.action(action)

    def _kill(self, order: Kill) -> None:
        if order.scope is Scope.TREE:
            if order.pid:
                self._trees.observe(order.name)
            self._tree_orders.append(order)
        if order.pid:
            refusal = self._children.send(order.pid, order.signal, as_group=order.scope is Scope.GROUP)
            if refusal is not None:
                self._kill_failed(order.name, refusal)

    def _kill_failed(self, name: str, refusal: str) -> None:
        event = KillFailed(name, refusal)
        self._events.append((event, NOBODY))
        self._news.happened(event)

    def _signal_trees(self) -> None:
        """All orders of one turn together: they share their looks at the machine."""
        orders, self._tree_orders = self._tree_orders, []
        outcome = self._trees.signal(orders)
        for name, refusal in outcome.refused.items():
            self._kill_failed(name, refusal)
        self.ends.descendants_gone(outcome.gone)
        self.ends.publish_members()

    def _spawn(self, order: Spawn) -> None:
        if self.fleet.awaits(order):
            answer = self._launcher.start(order)
            if (given := self._launcher.take_given()) is not None:
                self._news.happened(given)
            # Before anything that a subscriber may post about it.
            self._events.appendleft((answer, NOBODY))
            self._news.happened(answer)

    # ---- the timer

    def _arm(self) -> None:
        deadline = self.fleet.next_deadline()
        if self._timer is not None:
            if deadline == self._timer.when():
                return
            self._timer.cancel()
            self._timer = None
        if deadline is not None:
            self._timer = self._loop.call_at(deadline, self._ring)

    def _ring(self) -> None:
        self._timer = None
        self.post(DeadlineReached())


def _subject(event: Event, fleet: Fleet) -> str | None:
    """The process that the event is about, if it is about one."""
    match event:
        case Exited(pid):
            process = fleet.owner(pid)
            return process.name if process else None
        case GroupRemoved():
            return None
        case _:
            return getattr(event, "name", None)
