"""One numbered stream of notifications: what has happened to the processes, the groups and the master.

Every notification has a number that is never used again: it goes on over a reload and over an upgrade of the master.
Subscribers are called in the order in which they subscribed, on the loop's thread, before `publish` returns. Code that
waits for something to happen uses `wait_for` (a certain event) or `until` (a condition); both take a time-out.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Literal, TypeVar

from procman.core.actions import (
    Announce,
    AnnounceDescendants,
    AnnounceGroup,
    AnnounceGroupChanged,
    AnnounceHealth,
    AnnounceHealthPause,
    AnnounceInPlace,
    AnnounceMaster,
    AnnounceRefresh,
    AnnounceRefreshed,
    AnnounceRolling,
    AnnounceSchedule,
    AnnounceSockets,
    AnnounceWatch,
    EndHook,
    KeepDescendants,
    Kill,
    ProcessRemoved,
    Quit,
    RunHook,
    SkipHook,
    Spawn,
)
from procman.core.attribution import NOBODY, Actor, Origin
from procman.core.events import Adopted, ExitStatus, KillFailed, RunRemembered, Spawned, SpawnFailed
from procman.core.spec import Hook
from procman.core.states import State
from procman.logs.rotation import RotatedBy
from procman.runtime.member_ends import MemberEnded
from procman.runtime.process_trees import OrphanedDescendants
from procman.system.reaper import Reaped, Rusage

T = TypeVar("T")

ConfirmationStep = Literal["pending", "confirmed", "kept", "rolling back", "rolled back", "left", "unfinished"]


@dataclass(frozen=True, slots=True)
class ProcessEnded:
    """A process of the fleet was reaped; what the core makes of it follows. Descendants may still be waited for."""

    name: str
    pid: int
    status: ExitStatus
    descendants: tuple[int, ...]  # pids of those that still run, where that matters
    usage: Rusage | None = field(default=None, compare=False)  # None: not known


@dataclass(frozen=True, slots=True)
class OperationBegan:
    """Somebody has asked for something; what it leads to follows from this."""

    id: int
    kind: str
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OperationEnded:
    """An operation is over."""

    id: int
    kind: str
    error: str | None  # why it failed as a whole
    failed: tuple[str, ...]  # the processes that it failed for, as namespecs
    code: str = ""  # the name of the reason for `error`


@dataclass(frozen=True, slots=True)
class UpdateStep:
    """An update has done something to a group, or to a process of it."""

    group: str
    name: str  # a namespec, "" where it is the whole group
    action: str
    options: tuple[str, ...]  # what was changed in the file


@dataclass(frozen=True, slots=True)
class ConfirmationNews:
    """Something has become of an update that is rolled back unless it is confirmed."""

    operation: int
    what: ConfirmationStep
    words: str
    names: tuple[str, ...] = ()  # namespecs: of what is waited for, or of what has failed


@dataclass(frozen=True, slots=True)
class LimitsLeftOut:
    """Limits that are a best effort could not be set for a process, or could not be changed while it runs."""

    name: str
    texts: tuple[str, ...]  # each with the reason


@dataclass(frozen=True, slots=True)
class HookRan:
    """A command of a hook is over, or could not be started."""

    name: str
    hook: Hook
    command: str  # without its arguments
    ok: bool
    ignored: bool  # it has failed, and that does not matter
    words: str  # such as "./migrate exited 1"
    code: int  # as a shell has it
    seconds: float  # that it took
    lines: tuple[str, ...]  # the last ones that it wrote, if it has failed
    broken_off: bool = False  # it was killed before its time was over: what it was for went on without it


@dataclass(frozen=True, slots=True)
class GivenFromFiles:
    """What a start has been given from files: names, and of each value a keyed digest."""

    name: str
    digests: Mapping[str, str]
    credentials: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LogTrouble:
    """Output was lost, or a log cannot be written or rotated, or can again."""

    text: str
    name: str  # of the process whose log it is; "": it is of none, or of several


@dataclass(frozen=True, slots=True)
class LogRotated:
    """A log of a process was rotated, or could not be."""

    name: str
    channel: str
    by: RotatedBy
    problem: str  # why it has failed, "" if it was done


BusEvent = (
    Announce
    | AnnounceGroup
    | ProcessRemoved
    | AnnounceInPlace
    | AnnounceMaster
    | AnnounceHealth
    | AnnounceHealthPause
    | AnnounceSchedule
    | AnnounceSockets
    | AnnounceRolling
    | AnnounceWatch
    | AnnounceDescendants
    | AnnounceGroupChanged
    | AnnounceRefresh
    | AnnounceRefreshed
    | RunHook
    | EndHook
    | SkipHook
    | HookRan
    | KeepDescendants
    | Quit
    | Spawn
    | Adopted
    | RunRemembered
    | Spawned
    | SpawnFailed
    | Kill
    | KillFailed
    | Reaped
    | OrphanedDescendants
    | MemberEnded
    | ProcessEnded
    | OperationBegan
    | OperationEnded
    | UpdateStep
    | ConfirmationNews
    | LimitsLeftOut
    | GivenFromFiles
    | LogTrouble
    | LogRotated
)


# Not frozen, which would take three times as long: hundreds are made in a second.
@dataclass(slots=True)
class Notification:
    """One event, numbered; see `core.attribution` for what it follows from. Nobody changes it."""

    seq: int
    event: BusEvent
    origin: Origin = NOBODY

    @property
    def actor(self) -> Actor | None:
        """Who or what asked for it; None: nobody."""
        return self.origin.actor

    @property
    def cause(self) -> int | None:
        """The number of the notification that it follows from; None: it is a root."""
        return self.origin.cause


Subscriber = Callable[[Notification], None]
# A class of events, or a state: the announcements of processes that enter it.
Interest = type | State


@dataclass(slots=True)
class Sequence:
    """The number of the latest notification; it outlives the bus, as a reload makes a new one."""

    last: int = 0

    def next(self) -> int:
        """A number that was never used before."""
        self.last += 1
        return self.last


@dataclass(eq=False, slots=True)
class _Wait:
    """One caller of `wait_for`; `hear` resolves its future."""

    hear: Subscriber


class Bus:
    """Numbers what is published, and passes it on."""

    def __init__(self, sequence: Sequence, on_bug: Callable[[str], None]) -> None:
        """`on_bug` gets a sentence when a subscriber raises: the others still get their notification."""
        self.sequence = sequence
        self._on_bug = on_bug
        self._subscribers: tuple[tuple[Subscriber, frozenset[Interest]], ...] = ()  # each with its events; none: all
        self._interested: dict[Interest, tuple[Subscriber, ...]] = {}  # hundreds are published in a second
        self._waits: dict[str | None, list[_Wait]] = {}  # by the name in the event; None: any event
        self._conditions: set[asyncio.Event] = set()  # of the callers of `until`

    def subscribe(self, subscriber: Subscriber, *interests: Interest) -> Callable[[], None]:
        """Call it with every notification from now on, or with these; returns how to end that."""
        # A new tuple: who subscribes or leaves while something is published, is told from the next one on.
        entry = subscriber, frozenset(interests)
        self._subscribers = (*self._subscribers, entry)
        self._interested.clear()

        def leave() -> None:
            self._subscribers = tuple(each for each in self._subscribers if each is not entry)
            self._interested.clear()

        return leave

    @property
    def idle(self) -> bool:
        """Whether nothing subscribes or waits."""
        return not (self._subscribers or self._waits or self._conditions)

    def publish(self, event: BusEvent, origin: Origin = NOBODY) -> int:
        """Number it, and tell all subscribers and waiting callers; returns the number."""
        notification = Notification(self.sequence.next(), event, origin)
        kind = event.after if isinstance(event, Announce) else type(event)
        interested = self._interested.get(kind)
        if interested is None:
            interested = self._interest_in(kind, type(event))
        for subscriber in interested:
            # As `guard`, without a call for each.
            try:
                subscriber(notification)
            except Exception as bug:  # noqa: BLE001 - see `guard`
                self._report(subscriber, bug)
        if self._waits:
            name = getattr(event, "name", None)
            for key in (name, None) if name is not None else (None,):
                for wait in tuple(self._waits.get(key, ())):
                    self.guard(partial(wait.hear, notification))
        if self._conditions:
            self.nudge()
        return notification.seq

    def nudge(self) -> None:
        """Have the conditions of `until` looked at again: something that is not an event has changed."""
        for changed in self._conditions:
            changed.set()

    def wait_for(
        self, decide: Callable[[Notification], T | None], *, name: str | None = None, within: float | None = None
    ) -> "asyncio.Future[T]":
        """The first result of `decide` that is not None; TimeoutError after `within` seconds.

        It listens from the call on, so call it before posting what leads to the event, and await it afterwards.
        `name` restricts it to events about the process or group of that name, which costs nothing for all others.
        """
        loop = asyncio.get_running_loop()
        found: asyncio.Future[T] = loop.create_future()

        def hear(notification: Notification) -> None:
            if not found.done() and (result := decide(notification)) is not None:
                found.set_result(result)

        def expire() -> None:
            if not found.done():
                found.set_exception(TimeoutError())

        wait = _Wait(hear)
        timer = None if within is None else loop.call_later(within, expire)

        def forget(_: object) -> None:
            if timer is not None:
                timer.cancel()
            waits = self._waits[name]
            waits.remove(wait)
            if not waits:
                del self._waits[name]

        self._waits.setdefault(name, []).append(wait)
        found.add_done_callback(forget)
        return found

    async def until(self, condition: Callable[[], bool], within: float | None = None) -> bool:
        """Whether the condition comes true in `within` seconds; looked at now, after each event and each `nudge`."""
        changed = asyncio.Event()
        self._conditions.add(changed)
        try:
            async with asyncio.timeout(within):
                while not condition():
                    changed.clear()
                    await changed.wait()
        except TimeoutError:
            return False
        finally:
            self._conditions.discard(changed)
        return True

    def guard(self, call: Callable[[], None]) -> None:
        """Call it; an exception is reported and goes no further, as PID 1 must not lose a process over a bug."""
        try:
            call()
        except Exception as bug:  # noqa: BLE001 - see above
            self._report(call, bug)

    def _interest_in(self, kind: Interest, event: type) -> tuple[Subscriber, ...]:
        found = tuple(hear for hear, interests in self._subscribers if not interests or interests & {kind, event})
        self._interested[kind] = found
        return found

    def _report(self, called: object, bug: Exception) -> None:
        self._on_bug(f"cannot tell {called}: {type(bug).__name__}: {bug}; this is a bug in procman, please report it")
