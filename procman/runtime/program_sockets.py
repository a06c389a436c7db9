"""Carries out what the core orders about listening sockets: holds them, waits for connections, looks for them.

Nothing is ever accepted here: a connection stays in the queue of the kernel until a program takes it. A socket that
waits for a connection is watched for being readable until it is, once; so nothing spins while the program starts.
"""

import asyncio
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from procman.config.schema.configuration import Config
from procman.config.schema.kinds.sockets import place_of
from procman.config.schema.programs import Program
from procman.config.schema.sockets import DEFAULT_MODE, Socket
from procman.core.actions import (
    Announce,
    AwaitConnection,
    CloseSocket,
    LookAtSockets,
    OpenSocket,
    ProcessRemoved,
    SocketOrder,
)
from procman.core.events import ConnectionSeen, SocketsSeen
from procman.core.spec import Address, SocketSpec
from procman.core.states import State
from procman.errors import CannotListen
from procman.runtime.bus import Notification
from procman.runtime.call_queue import CallQueue, TakesTooLong
from procman.system.commands import CannotSpawn
from procman.system.connections import with_connections
from procman.system.held_sockets import HeldSockets, HeldSpec
from procman.system.proc import Identity

# How long a look at connections may take, in seconds.
WITHIN = 10.0


class _Log(Protocol):
    def info(self, text: str) -> object: ...
    def warn(self, text: str) -> object: ...


@dataclass(slots=True)
class _Watch:
    """Descriptors of one process that are watched; copies, as several processes may wait at one socket."""

    fds: list[int] = field(default_factory=list)


class ProgramSockets:
    """The sockets of all programs. Subscribe `hear` behind those that log the end of a process."""

    hears = (State.BACKOFF, State.EXITED, State.STOPPED, ProcessRemoved)

    def __init__(
        self,
        held: HeldSockets,
        log: _Log,
        post: Callable[[ConnectionSeen | SocketsSeen], None],
    ) -> None:
        """`held` may have some of an earlier run of the master; `post` takes what is seen."""
        self.held = held
        self._log = log
        self._post = post
        self._specs: dict[Address, SocketSpec] = {}
        self._awaited: dict[str, _Watch] = {}
        self._used: dict[str, _Watch] = {}  # those whose use is looked at
        self._seen_used: set[str] = set()
        self._looks: dict[str, LookAtSockets] = {}
        self._looking: asyncio.Task[None] | None = None
        self._beside = CallQueue(WITHIN, lambda: None)
        self.failures: dict[Address, str] = {}  # why those are not open that should be

    def carry_out(self, order: SocketOrder) -> None:
        """Do as the core says."""
        match order:
            case OpenSocket(address, spec):
                self._specs[address] = spec
                try:
                    self._open(address)
                except CannotListen as why:
                    self._log.warn(f"[socket:{spec.name}] is not open: {why}; it is tried again with each start")
            case CloseSocket(address):
                self._specs.pop(address, None)
                self.failures.pop(address, None)
                if self.held.close(address):
                    self._log.info(f"closed {_shown(address)}")
            case AwaitConnection(name, addresses):
                self._await(name, addresses)
            case LookAtSockets():
                self._looks[order.name] = order
                if self._looking is None:
                    self._looking = asyncio.get_running_loop().create_task(self._look())

    def give(self, name: str, program: Program) -> tuple[tuple[int, ...], tuple[str, ...]]:
        """The descriptors and the names of its sockets, for a start; raises CannotSpawn."""
        addresses = program.addresses
        for address in addresses:
            try:
                self._open(address)
            except CannotListen as why:
                raise CannotSpawn(str(why)) from None
        names = tuple(spec.name for spec in program.sockets for _ in spec.listen)
        return tuple(self.held.used_by(name, addresses)), names

    def hear(self, notification: Notification) -> None:
        """A process has ended, or could not be started."""
        event = notification.event
        if isinstance(event, (Announce, ProcessRemoved)):
            self.held.gone(event.name)
            self._stop_watching(self._used, event.name)
            self._seen_used.discard(event.name)

    # ---- holding

    def _open(self, address: Address) -> None:
        """Open it unless it is; raises CannotListen."""
        wanted = held_spec(address, self._specs[address])
        try:
            is_new = self.held.open(wanted)
        except CannotListen as why:
            self.failures[address] = str(why)
            raise
        except OSError as error:
            self.failures[address] = f"cannot listen on {address.url}: {error.strerror}"
            raise CannotListen(self.failures[address]) from None
        self.failures.pop(address, None)
        if is_new:
            self._log.info(f"listening on {_shown(address)} for [{wanted.section}]")

    def take_back(self, address: Address, spec: SocketSpec, holders: Iterable[Identity]) -> str:
        """Get a socket from a process that an earlier master has started; "", or why that is not possible."""
        if self.held.has(address):
            return ""
        why = self.held.take_back(held_spec(address, spec), holders)
        if not why:
            self._log.info(f"took {_shown(address)} back for [socket:{spec.name}]")
        return why

    def close_spare(self) -> None:
        """What an earlier run of the master had, and this one has not asked for."""
        for url in self.held.close_spare():
            self._log.info(f"closed {url}")

    def hand_over(self) -> HeldSockets:
        """All of them, for the next run of the master."""
        self.close_watches()
        return self.held.hand_over()

    def close(self) -> None:
        """Close all of them, and watch none any more."""
        self.close_watches()
        self.held.close_all()

    def close_watches(self) -> None:
        """See nothing any more."""
        if self._looking is not None:
            self._looking.cancel()
            self._looking = None
        for watches in (self._awaited, self._used):
            for name in list(watches):
                self._stop_watching(watches, name)

    # ---- over an upgrade

    def snapshot(self) -> list[dict[str, Any]]:
        """The open sockets as plain data."""
        return self.held.snapshot()

    def restore(self, data: list[dict[str, Any]], specs: dict[Address, SocketSpec]) -> None:
        """Go on from what `snapshot` returned; `specs` are what the core holds."""
        self.held.restore(data)
        self._specs = dict(specs)

    # ---- connections

    def _await(self, name: str, addresses: tuple[Address, ...]) -> None:
        self._stop_watching(self._awaited, name)
        if not addresses:
            return
        for address in addresses:
            if self.held.fileno(address) is None:
                try:
                    self._open(address)
                except CannotListen:
                    # The core has it started, which fails and says why.
                    asyncio.get_running_loop().call_soon(self._post, ConnectionSeen(name, -1))
                    return
        try:
            self._watch(self._awaited, name, addresses, self._connected)
        except OSError as error:
            # There are too few descriptors. It is better up than deaf.
            self._stop_watching(self._awaited, name)
            self._log.warn(f"cannot wait for a connection to {name} ({error.strerror}): it is started")
            asyncio.get_running_loop().call_soon(self._post, ConnectionSeen(name, -1))

    def _connected(self, name: str, at: int) -> None:
        self._stop_watching(self._awaited, name)
        self._post(ConnectionSeen(name, at))

    async def _look(self) -> None:
        """Whether connections are there now, or were seen since the look before; then watch until the next one."""
        await asyncio.sleep(0)  # those that are due at the same moment come in the same turn
        while self._looks:
            looks, self._looks = self._looks, {}
            inodes = {order.name: self._inodes(order) for order in looks.values()}
            for order in looks.values():
                self._stop_watching(self._used, order.name)
                with suppress(OSError):  # what is there now is seen without that
                    self._watch(self._used, order.name, order.addresses, self._is_used)
            try:
                busy = await self._beside.do(partial(with_connections, inodes))
            except TakesTooLong:
                busy = frozenset(looks)
            for name, order in looks.items():
                self._post(SocketsSeen(name, order.run, name in busy or name in self._seen_used))
                self._seen_used.discard(name)
        self._looking = None

    def _inodes(self, order: LookAtSockets) -> tuple[int, ...]:
        found = (self.held.inode(address) for address in order.addresses)
        return tuple(inode for inode in found if inode is not None)

    def _is_used(self, name: str, _at: int) -> None:
        self._stop_watching(self._used, name)
        self._seen_used.add(name)

    def _watch(
        self,
        watches: dict[str, _Watch],
        name: str,
        addresses: tuple[Address, ...],
        on_readable: Callable[[str, int], None],
    ) -> None:
        loop, watch = asyncio.get_running_loop(), _Watch()
        watches[name] = watch
        for at, address in enumerate(addresses):
            fileno = self.held.fileno(address)
            if fileno is not None:
                fd = os.dup(fileno)
                watch.fds.append(fd)
                loop.add_reader(fd, on_readable, name, at)

    @staticmethod
    def _stop_watching(watches: dict[str, _Watch], name: str) -> None:
        watch = watches.pop(name, None)
        if watch is not None:
            loop = asyncio.get_running_loop()
            for fd in watch.fds:
                loop.remove_reader(fd)
                with suppress(OSError):
                    os.close(fd)


def open_privileged(config: Config) -> HeldSockets:
    """What only root may open, where the master is going to be another user; it finds these when it asks for them.

    What cannot be opened now, as an earlier master has left it with a program, is tried again by those that need it.
    """
    held = HeldSockets()
    if config.master.uid in (None, 0) or os.geteuid() != 0:
        return held
    first = _first_open_port()
    programs = (program for group in config.groups for program in group.programs)
    for program in programs:
        for spec in program.sockets:
            for address in spec.addresses(program.namespec):
                if 0 < place_of(address.url).port < first:
                    with suppress(CannotListen, OSError):
                        held.open(held_spec(address, spec))
    return held.hand_over()


def _first_open_port() -> int:
    """The first port that every user may have."""
    try:
        with open("/proc/sys/net/ipv4/ip_unprivileged_port_start", encoding="ascii") as file:
            return int(file.read())
    except (OSError, ValueError):
        return 1024


def held_spec(address: Address, spec: SocketSpec) -> HeldSpec:
    """The socket as the system opens it."""
    assert isinstance(spec, Socket)
    place = place_of(address.url)
    return HeldSpec(
        url=address.url,
        section=spec.section,
        owner=address.owner,
        path=place.path,
        host=place.host,
        port=place.port,
        mode=DEFAULT_MODE if spec.mode is None else spec.mode,
        owner_ids=spec.owner_ids,
        backlog=spec.backlog,
        reuseport=spec.reuseport,
    )


def _shown(address: Address) -> str:
    return f"{address.url}{f' of {address.owner}' if address.owner else ''}"
