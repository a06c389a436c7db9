"""The one place where the core meets the system: events in, orders carried out, one timer armed.

Events are handled in the order in which they come, each to its end. Whatever a subscriber posts while that goes on
is handled after it. Spawns wait in a queue of their own, served in slices, so that a boot of a thousand programs
holds up neither a signal nor a client; the core is asked again before each (`Fleet.awaits`).
"""

import asyncio
import os
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from procman.config.schema.programs import Program
from procman.core.actions import (
    Action,
    Announce,
    KeepDescendants,
    Kill,
    ProcessRemoved,
    Spawn,
)
from procman.core.events import (
    Adopted,
    DeadlineReached,
    DescendantsGone,
    Event,
    Exited,
    ExitStatus,
    KillFailed,
    Spawned,
    SpawnFailed,
)
from procman.core.fleet import Fleet
from procman.core.process import Process
from procman.core.spec import Leftovers, Scope
from procman.core.states import Phase, State
from procman.runtime.bus import Bus
from procman.runtime.definitions import group_of, program_of
from procman.runtime.process_trees import OrphanedDescendants, Trees
from procman.system.accounts import Account, find_account
from procman.system.commands import CannotSpawn
from procman.system.foreign_process import Adopted as Watched
from procman.system.foreign_process import watch
from procman.system.proc import Identity, identify
from procman.system.reaper import Reaped, reap
from procman.system.shared_sockets import SharedSockets
from procman.system.signals import send
from procman.system.spawn import Child, spawn

# How long spawning (and reaping) may hold the loop, in seconds, before others get their turn.
SLICE = 0.001
REAP_AT_ONCE = 64
# How long after an end it is looked, once for all that have ended meanwhile, who was left behind, in seconds.
REPORT_AFTER = 1.0

# What a shell exits with when it cannot execute a command.
NOT_EXECUTABLE = 126
NOT_FOUND = 127


class Streams(Protocol):
    """Who takes care of the pipes of a process."""

    def attach(self, name: str, program: Program, child: Child) -> None:
        """A process has started: its pipes are yours."""

    def ended(self, name: str) -> None:
        """It has ended: whatever it wrote before that is in its pipes now."""


class Records(Protocol):
    """Who writes down what runs, for a master that comes after this one was killed."""

    def starting(self, name: str, program: Program, tag: str) -> None:
        """It is about to be started."""

    def started(self, tag: str, root: Identity, child: Child) -> None:
        """It was."""

    def not_started(self, tag: str) -> None:
        """It was not."""

    def ended(self, pid: int) -> None:
        """It was reaped, or is not there any more."""


class StartGate(Protocol):
    """Who knows whether a program can be started without waiting for anybody."""

    def is_open(self, program: Program) -> bool | None:
        """Whether it can; None where that will be known in a moment."""

    @property
    def hopes(self) -> bool:
        """Whether one that cannot may soon be able to."""

    def account(self, uid: int) -> Account:
        """Who that is; raises KeyError where it is nobody."""


class Engine:
    """Drives a fleet. Everything happens on the running loop's thread."""

    def __init__(
        self,
        fleet: Fleet,
        streams: Streams,
        trees: Trees,
        sockets: SharedSockets,
        records: Records,
        *,
        serverurl: str | None,
        bus: Bus,
        on_bug: Callable[[str], None],
        home: Callable[[], str | None] = lambda: None,
        ways: StartGate | None = None,
    ) -> None:
        """Take those that it drives.

        `serverurl` is what processes find as SUPERVISOR_SERVER_URL, `home` where those are that have no directory of
        their own and the master is not (see `spawn`); `on_bug` is told of what must not happen.

        A program is started when `ways` says so; as long as it does not know, all others wait, too. `go_on` is to be
        called when it may say something else. Without it all are.
        """
        self.fleet = fleet
        self.bus = bus
        self._trees = trees
        self.orphans = 0  # strangers that were reaped
        self._streams = streams
        self._sockets = sockets
        self._records = records
        self._serverurl = serverurl
        self._home = home
        self._ways = ways
        self._inherited = dict(os.environb)
        self._on_bug = on_bug
        self._loop = asyncio.get_running_loop()
        self._events: deque[Event] = deque()
        self._spawns: deque[Spawn | asyncio.Future[None]] = deque()
        self._held = False  # as it is not known yet whether the first of them can be started
        self._unreached: list[Spawn | asyncio.Future[None]] = []  # those that cannot
        self._patient: set[asyncio.Future[None]] = set()
        self._tree_orders: list[Kill] = []
        self._report: asyncio.TimerHandle | None = None
        self._children: dict[int, Child] = {}
        self._ran: set[str] = set()  # those that have been started
        self._adopted: dict[int, Watched] = {}  # those that are not our children, by pid
        self._working = False
        self._more: asyncio.Handle | None = None
        self._timer: asyncio.TimerHandle | None = None

    def post(self, event: Event) -> None:
        """Take in an event; unless another one is being handled, its orders are carried out before this returns."""
        self._events.append(event)
        if not self._working:
            self._work()

    def go_on(self) -> None:
        """There may be another way to start what waits, or one less."""
        self._held = False
        self._spawns.extendleft(reversed(self._unreached))
        self._unreached.clear()
        self._come_back()

    def reap(self) -> None:
        """Collect those that have ended (SIGCHLD says that there may be some)."""
        count = self._collect()
        if count and self._trees.expects_members:
            # Of one that ended meanwhile it is to be said before its program has stopped, which it keeps no more.
            count = max(count, self._collect())
        if not self._working:
            # Once for all of them: a slice of spawning for each would hold the loop for as long as programs end.
            self._work()
        if count == REAP_AT_ONCE:
            self._loop.call_soon(self.reap)

    def _collect(self) -> int:
        count = 0
        ended: list[tuple[Process, Reaped]] = []
        for reaped in reap(REAP_AT_ONCE):
            count += 1
            process = self._take(reaped)
            if process is not None:
                ended.append((process, reaped))
        if count:
            self._note_ends(ended)
        return count

    def adopt(self, name: str, child: Child, watched: Watched, tag: str, age: float) -> None:
        """Take on a process of the fleet that another master has started `age` seconds ago, and its pipes."""
        self._adopted[child.pid] = watched
        self._loop.add_reader(watched.fileno(), self._adopted_ended, child.pid)
        self._trees.adopted(name, watched.identity, tag)
        program = program_of(self.fleet.processes[name].program)
        self.bus.guard(partial(self._streams.attach, name, program, child))
        event = Adopted(name, child.pid, age)
        self.bus.publish(event)
        self.post(event)

    def has_left(self, name: str) -> bool:
        """Whether a process that is down has left anything behind that a stop of it is to reach."""
        process = self.fleet.processes[name]
        if (
            process.left_behind
            and process.pid is None
            and process.phase is Phase.NONE
            and not self._trees.has_left(name)
        ):
            self.post(DescendantsGone(name))
        return process.left_behind

    @property
    def is_quiet(self) -> bool:
        """Nothing is under way but spawns that wait, as they always do where programs end at once again and again."""
        return not (self._events or self._tree_orders) and all(isinstance(order, Spawn) for order in self._spawns)

    def caught_up(self, *, patient: bool = False) -> asyncio.Future[None]:
        """Done when all spawns that wait now have been carried out, whatever has been ordered meanwhile.

        But for those that cannot be; `patient`: for those that could not be for long (see `StartGate.hopes`).
        """
        turn: asyncio.Future[None] = self._loop.create_future()
        if patient:
            self._patient.add(turn)
            turn.add_done_callback(self._patient.discard)
        if self._spawns:
            self._spawns.append(turn)
        elif patient and self._unreached:
            self._unreached.append(turn)
        else:
            turn.set_result(None)
        return turn

    def snapshot(self) -> dict[str, Any]:
        """Plain data for another process image to go on with: the engine, its fleet, its trees and its sockets."""
        return {
            "orphans": self.orphans,
            # Pids and start times of those that are not our children.
            "adopted": [[pid, watched.identity.start] for pid, watched in self._adopted.items()],
            "fleet": self.fleet.snapshot(),
            "trees": self._trees.snapshot(),
            "sockets": self._sockets.snapshot(),
            "seq": self.bus.sequence.last,
        }

    def restore(self, data: dict[str, Any]) -> None:
        """Go on from what `snapshot` returned, instead of a boot. The fleet has gone on from its part before."""
        self.orphans = data["orphans"]
        self.bus.sequence.last = data["seq"]
        self._trees.restore(data["trees"])
        self._sockets.restore(data["sockets"])
        self._ran = {name for name, process in self.fleet.processes.items() if process.attempt}
        for pid, start in data["adopted"]:
            watched = watch(Identity(pid, start))
            if watched is None:
                self._events.append(Exited(pid, ExitStatus(-1, known=False)))
            else:
                self._adopted[pid] = watched
                self._loop.add_reader(watched.fileno(), self._adopted_ended, pid)
        self._children = {
            process.pid: Child(process.pid, None, None, None)
            for process in self.fleet.processes.values()
            if process.pid is not None and process.pid not in self._adopted
        }
        # Their turn had not come. Whoever was told that they are STARTING waits for no other order.
        self._spawns += [
            Spawn(process.name, process.program, process.attempt)
            for process in self.fleet.in_start_order()
            if process.state is State.STARTING and process.pid is None
        ]
        self._work()
        self.reap()

    def close(self) -> None:
        """Disarm the timers, and close what is still shared; nothing is handled any more."""
        self._sockets.close()
        for pid in list(self._adopted):
            self._unwatch(pid)
        for handle in (self._timer, self._more, self._report):
            if handle is not None:
                handle.cancel()
        self._timer = self._more = self._report = None

    def _adopted_ended(self, pid: int) -> None:
        reaped = self._adopted[pid].how() or Reaped(pid, -1, known=False)
        self._unwatch(pid)
        process = self._take(reaped)
        self._note_ends([(process, reaped)] if process is not None else [])
        if not self._working:
            self._work()

    def _unwatch(self, pid: int) -> None:
        watched = self._adopted.pop(pid, None)
        if watched is not None:
            self._loop.remove_reader(watched.fileno())
            watched.close()

    def _take(self, reaped: Reaped) -> Process | None:
        """The process that it was, None for a stranger."""
        self._records.ended(reaped.pid)
        self._unwatch(reaped.pid)
        child = self._children.pop(reaped.pid, None)
        if child is not None:
            child.reaped(reaped)
        process = self.fleet.owner(reaped.pid)
        if process is None:
            self.orphans += 1
            self.bus.publish(reaped)
            if (member := self._trees.reaped(reaped)) is not None:
                self.bus.publish(member)
            return None
        # First the last words, then the news of the death.
        self._streams.ended(process.name)
        return process

    def _note_ends(self, ended: list[tuple[Process, Reaped]]) -> None:
        """One look at what is left of all of them, and of those that ended before."""
        names = [process.name for process, _ in ended]
        descendants = self._trees.ended(names, [process.name for process, _ in ended if process.minds_descendants])
        for process, reaped in ended:
            status = ExitStatus(reaped.code, reaped.signal, reaped.core_dumped, reaped.known)
            self._events.append(Exited(reaped.pid, status, descendants.get(process.name, ())))
        self._descendants_gone(self._trees.gone())
        self._tell_of_members()
        if ended and self._report is None:
            self._report = self._loop.call_later(REPORT_AFTER, self._report_left)

    def _tell_of_members(self) -> None:
        for member in self._trees.ended_elsewhere():
            self.bus.publish(member)

    def _report_left(self) -> None:
        self._report = None
        for name, pids in self._trees.left_behind().items():
            self.bus.publish(OrphanedDescendants(name, pids))

    def _work(self, *, continued: bool = False) -> None:
        """Handle all events; spawn for one slice, and only in one place of each turn of the loop."""
        self._working = True
        until = time.monotonic() + SLICE
        try:
            while self._events or self._tree_orders or self._spawns:
                if self._events:
                    event = self._events.popleft()
                    for action in self._decide(event):
                        self._carry_out(action)
                elif self._tree_orders:
                    self._signal_trees()
                elif not self._held and time.monotonic() < until and (self._more is None or continued):
                    self._take_turn(self._spawns.popleft())
                else:
                    break
        finally:
            self._working = False
        self._come_back()
        self._arm()

    def _come_back(self) -> None:
        if self._spawns and not self._held and self._more is None:
            # The loop polls before it comes to this, so whoever is ready has a turn.
            self._more = self._loop.call_soon(self._continue)

    def _continue(self) -> None:
        self._more = None
        self._work(continued=True)

    def _decide(self, event: Event) -> list[Action]:
        try:
            return self.fleet.handle(event, self._loop.time())
        except Exception as bug:  # noqa: BLE001 - PID 1 must not die of a bug in a decision
            self._on_bug(
                f"cannot handle {event}: {type(bug).__name__}: {bug}; this is a bug in procman, please report it"
            )
            return []

    def _carry_out(self, action: Action) -> None:
        match action:
            case Spawn():
                self._spawns.append(action)
            case Kill(name, pid, signum, scope):
                self.bus.publish(action)
                if pid and scope is Scope.TREE:
                    self._trees.see(name)
                refusal = self._send(pid, signum, as_group=scope is Scope.GROUP) if pid else None
                if refusal is not None:
                    self._answer(KillFailed(name, refusal))
                if scope is Scope.TREE:
                    self._tree_orders.append(action)
            case KeepDescendants(name, stop_later):
                self._trees.let_be(name, of_tree=stop_later)
                self.bus.publish(action)
            case Announce(name=name, after=State.BACKOFF | State.EXITED | State.STOPPED) | ProcessRemoved(name):
                self.bus.publish(action)
                self._sockets.release(name)
                if isinstance(action, ProcessRemoved):
                    self._ran.discard(name)
            case _:
                self.bus.publish(action)

    def _answer(self, event: KillFailed) -> None:
        self._events.append(event)
        self.bus.publish(event)

    def _send(self, pid: int, signum: int, *, as_group: bool) -> str | None:
        # Nobody waits with reaping one that is not our child, so its number may be somebody else's by now.
        watched = self._adopted.get(pid)
        return watched.send(signum, as_group=as_group) if watched else send(pid, signum, as_group=as_group)

    def _signal_trees(self) -> None:
        """All orders of one turn together: they share their looks at the machine."""
        orders, self._tree_orders = self._tree_orders, []
        outcome = self._trees.signal(orders)
        for name, refusal in outcome.refused.items():
            self._answer(KillFailed(name, refusal))
        self._descendants_gone(outcome.gone)
        self._tell_of_members()

    def _descendants_gone(self, names: list[str]) -> None:
        if names and self._trees.expects_members:
            # How the last of them ended is to be said first.
            self._collect()
        for name in names:
            # Theirs may be the last words.
            self._streams.ended(name)
            self._events.append(DescendantsGone(name))

    def _take_turn(self, order: Spawn | asyncio.Future[None]) -> None:
        if isinstance(order, Spawn):
            match self._ways is None or self._ways.is_open(program_of(order.program)):
                case True:
                    self._spawn(order)
                case False:
                    self._unreached.append(order)
                case None:
                    self._held = True
                    self._spawns.appendleft(order)
        elif order in self._patient and self._unreached and self._ways is not None and self._ways.hopes:
            self._unreached.append(order)
        elif not order.done():
            order.set_result(None)

    def _spawn(self, order: Spawn) -> None:
        if not self.fleet.awaits(order):
            return
        program = program_of(order.program)
        tag = self._trees.tag(order.name)
        self._records.starting(order.name, program, tag)
        try:
            child = spawn(
                program,
                self._serverurl,
                inherited=self._inherited,
                stdin=self._shared_socket(order),
                tag=tag,
                again=order.name in self._ran,
                home=self._home(),
                account_of=find_account if self._ways is None else self._ways.account,
            )
        except CannotSpawn as why:
            self._records.not_started(tag)
            code = NOT_FOUND if why.not_found else NOT_EXECUTABLE
            answer: Spawned | SpawnFailed = SpawnFailed(order.name, str(why), code)
        else:
            self._children[child.pid] = child
            self._ran.add(order.name)
            whole = program.kill_scope is Scope.TREE or program.leftovers is Leftovers.STOP
            root = _identify(child.pid)
            if root is None:
                self._records.not_started(tag)
            else:
                self._records.started(tag, root, child)
                self._trees.started(order.name, root, tag, whole=whole)
            answer = Spawned(order.name, child.pid)
            self.bus.guard(partial(self._streams.attach, order.name, program, child))
        # Before anything that a subscriber may post about it.
        self._events.appendleft(answer)
        self.bus.publish(answer)

    def _shared_socket(self, order: Spawn) -> int | None:
        group = group_of(self.fleet.groups[order.program.group].spec)
        return self._sockets.take(order.name, group.name, group.socket) if group.socket is not None else None

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


def _identify(pid: int) -> Identity | None:
    """None without a /proc, or a descriptor to look with: then nobody finds its tree, and no master adopts it."""
    try:
        return identify(pid)
    except OSError:
        return None
