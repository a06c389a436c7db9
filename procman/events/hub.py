"""Collects events from the engine, the outputs and the clients, and passes them to the pools.

Listeners get their events at the end of a turn of the loop, so that a listener that has just died gets none, and its
unfinished event comes first. A process has at most one event that it has not read.
"""

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from procman.config.schema.event_types import lineage
from procman.config.schema.groups import Group
from procman.core.actions import Announce, AnnounceGroup, AnnounceGroupChanged, AnnounceMaster, ProcessRemoved
from procman.core.events import ProbeResult, Spawned
from procman.core.spec import ProcessSpec, ReadyKind
from procman.core.states import MasterState, State
from procman.events.payloads import (
    TICKS,
    Channel,
    Event,
    captured,
    group_changed,
    logged,
    master_changed,
    remote,
    state_changed,
    tick,
    time_slice,
)
from procman.events.protocol import ListenerState
from procman.events.result_handlers import load_handler
from procman.logs.protocol import Log
from procman.runtime.bus import Notification, Sequence
from procman.runtime.definitions import group_of
from procman.runtime.engine import Engine

if TYPE_CHECKING:
    from procman.events.pool import Pool

# The process has ended, or only descendants of it are left.
_DOWN = frozenset({State.STOPPED, State.EXITED, State.BACKOFF, State.FATAL})


class Pipes(Protocol):
    """Writes to the stdin of processes."""

    def deliver(self, name: str, data: bytes, when_read: Callable[[], None]) -> bool:
        """Write all of the data, unless the process has not read all earlier data yet.

        Then it returns False, and calls `when_read` once it has. Raises BrokenPipeError if it cannot read any more.
        """


class Hub:
    """The pools of all active listener groups. Subscribe `tell` to the engine; it also watches the outputs."""

    hears = (Announce, Spawned, ProcessRemoved, AnnounceGroup, AnnounceGroupChanged, AnnounceMaster)

    def __init__(self, engine: Engine, pipes: Pipes, server: str, serials: Sequence, log: Log) -> None:
        """`server` is the master's identifier, `serials` numbers the events across reloads of the master."""
        self._engine = engine
        self._fleet = engine.fleet
        self._pipes = pipes
        self._server = server
        self._serials = serials
        self._log = log
        self._loop = asyncio.get_running_loop()
        self._pools: dict[str, Pool] = {}
        self._stopping = False
        self._closed = False
        self._dispatch_soon: asyncio.Handle | None = None
        self._ticks = _Ticks(self._loop, self._send)

    def boot(self) -> None:
        """Send the events of the new groups and of the master; to be called before the first start."""
        for name, members in self._fleet.groups.items():
            self._add(group_of(members.spec))
            self._send(group_changed(name, added=True))
        self._send(master_changed(MasterState.RUNNING))

    def snapshot(self) -> list[dict[str, Any]]:
        """The pools as plain data, from which another process image continues."""
        return [pool.snapshot() for pool in self._pools.values()]

    def restore(self, data: list[dict[str, Any]]) -> None:
        """Continue from what `snapshot` returned, instead of `boot`."""
        for members in self._fleet.groups.values():
            self._add(group_of(members.spec))
        for known in data:
            pool = self._pools.get(known["name"])
            if pool is not None:
                pool.restore(known)
                self._dispatch_later(pool)

    def remote(self, kind: str, data: str) -> None:
        """Send listeners the message of a client (sendRemoteCommEvent)."""
        self._send(remote(kind, data))

    def close(self) -> None:
        """Send nothing more."""
        self._closed = True
        self._ticks.want(frozenset())
        if self._dispatch_soon is not None:
            self._dispatch_soon.cancel()

    def tell(self, notification: Notification) -> None:
        """Handle a notification of the engine."""
        match news := notification.event:
            case Announce():
                self._process(news)
            case Spawned(name, _) if self._pools:
                process = self._fleet.processes.get(name)
                pool = self._pools.get(process.program.group) if process else None
                if process is not None and pool is not None:
                    pool.spawned(name, process.program)
            case ProcessRemoved(name):
                for pool in self._pools.values():
                    pool.dismissed(name)
            case AnnounceGroup(name, added):
                if added:
                    self._add(group_of(self._fleet.groups[name].spec))
                else:
                    self._remove(name)
                self._send(group_changed(name, added=added))
            case AnnounceGroupChanged(group):
                self._change(group_of(group))
            case AnnounceMaster(state) if not self._stopping:
                self._stopping = True
                self._send(master_changed(state))
            case _:
                pass

    # ---- what programs write

    def listens(self, program: ProcessSpec) -> bool:
        """Whether it is an event listener, whose stdout is the protocol."""
        return program.group in self._pools

    def heard(self, name: str, data: bytes) -> None:
        """A listener has written to its stdout."""
        pool = self._pools.get(name.partition(":")[0])
        if pool is not None:
            pool.heard(name, data)
            self._tell_readiness(name, pool.state_of(name))
            self._dispatch_later(pool)

    def logged(self, program: ProcessSpec, pid: int, channel: Channel, data: bytes) -> None:
        """A program with `*_events_enabled` has written something."""
        if self._is_wanted(f"PROCESS_LOG_{channel.upper()}"):
            self._send(logged(program, pid, channel, data))

    def captured(self, program: ProcessSpec, pid: int, channel: Channel, data: bytes) -> None:
        """A program has written a message in capture mode."""
        if self._is_wanted(f"PROCESS_COMMUNICATION_{channel.upper()}"):
            self._send(captured(program, pid, channel, data))

    def _tell_readiness(self, name: str, state: ListenerState | None) -> None:
        """Tell the core what it waits for, where another program needs the listener ready."""
        process = self._fleet.processes.get(name)
        if process is None or process.state is not State.STARTING:
            return
        readiness = process.readiness
        # It may write before it is known that it was spawned.
        conditions = process.program.ready if process.pid is None else readiness.conditions
        for number, condition in enumerate(conditions):
            if condition.kind is not ReadyKind.LISTENER or number in readiness.held:
                continue
            if state is ListenerState.READY:
                self._engine.post(ProbeResult(name, process.attempt, number, ok=True))
            elif state is ListenerState.UNKNOWN and number not in readiness.words:
                words = "listener: it has violated the event protocol"
                self._engine.post(ProbeResult(name, process.attempt, number, ok=False, words=words))

    # ---- pools

    def _add(self, group: Group) -> None:
        if group.listener is not None:
            from procman.events.pool import Pool  # noqa: PLC0415 - 0.1 MiB, for masters with listeners

            handler = load_handler(group.listener.result_handler)
            self._pools[group.name] = Pool(group, handler, self._server, self._log)
            self._want_ticks()

    def _remove(self, name: str) -> None:
        if self._pools.pop(name, None) is not None:
            self._want_ticks()

    def _change(self, group: Group) -> None:
        pool = self._pools.get(group.name)
        if pool is not None and pool.options == group.listener:
            pool.change(group)
        else:
            # All its processes are replaced. As in supervisord, the events that waited for them are dropped.
            self._remove(group.name)
            self._add(group)

    def _want_ticks(self) -> None:
        self._ticks.want(frozenset(name for name in TICKS if self._is_wanted(name)))

    def _is_wanted(self, name: str) -> bool:
        return any(not set(pool.options.events).isdisjoint(lineage(name)) for pool in self._pools.values())

    # ---- events

    def _process(self, news: Announce) -> None:
        if not self._pools:
            return
        self._send(state_changed(news))
        pool = self._pools.get(news.program.group)
        if pool is None:
            return
        if news.after in _DOWN:
            pool.ended(news.name)
        else:
            pool.runs(news.name, running=news.after is State.RUNNING)
        self._dispatch_later(pool)

    def _send(self, event: Event) -> None:
        takers = [pool for pool in self._pools.values() if pool.wants(event)]
        if takers:
            event.serial = self._serials.next()
        for pool in takers:
            pool.accept(event)
            self._dispatch_later(pool)

    def _dispatch_later(self, pool: "Pool") -> None:
        if self._dispatch_soon is None and not self._closed and pool.ready:
            self._dispatch_soon = self._loop.call_soon(self._dispatch)

    def _dispatch(self) -> None:
        self._dispatch_soon = None
        for name, pool in self._pools.items():
            pool.dispatch(partial(self._deliver, name))

    def _deliver(self, pool: str, name: str, data: bytes) -> bool:
        return self._pipes.deliver(name, data, partial(self._read, pool))

    def _read(self, name: str) -> None:
        pool = self._pools.get(name)
        if pool is not None:
            self._dispatch_later(pool)


# time(2), which strftime uses, advances with the kernel's timer, up to 10 ms behind time.time(). A listener that gets
# the tick of two o'clock must not read 01:59:59 from its own clock.
_LATEST = 0.01


def _reached() -> float:
    """The time that all clocks of this machine have reached, in seconds since the epoch."""
    return time.time() - _LATEST


class _Ticks:
    """Makes the TICK events. There is no timer unless a pool wants one of them."""

    def __init__(self, loop: asyncio.AbstractEventLoop, send: Callable[[Event], None]) -> None:
        self._loop = loop
        self._send = send
        self._timer: asyncio.TimerHandle | None = None
        self._slices: dict[str, int] = {}  # by tick: the present slice

    def want(self, names: frozenset[str]) -> None:
        """From now on send these, each at the beginning of its next slice."""
        now = _reached()
        self._slices = {name: self._slices.get(name, time_slice(name, now)) for name in TICKS if name in names}
        self._arm(now)

    def _arm(self, now: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._slices:
            period = min(TICKS[name] for name in self._slices)
            self._timer = self._loop.call_later(period - now % period, self._ring)

    def _ring(self) -> None:
        now = _reached()
        for name, before in self._slices.items():
            # Not "later": the clock may have been set back.
            if time_slice(name, now) != before:
                self._slices[name] = time_slice(name, now)
                self._send(tick(name, now))
        self._arm(now)
