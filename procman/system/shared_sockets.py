"""Listening sockets shared by the processes of a FastCGI program: opened for the first one, closed after the last.

A process holds its socket from before its spawn until `release`, after its end. The sockets block, as applications
expect that call accept(2) on their fd 0. The log texts are supervisord's.
"""

import os
import socket
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from procman.errors import CannotListen
from procman.system.commands import CannotSpawn
from procman.system.sockets import Purpose, UnixAddress, give_rights, identity_of, open_tcp, open_unix, remove_socket

DEFAULT_MODE = 0o700


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedSocketSpec:
    """Where a socket listens: at `path`, or on `port` of `host`."""

    url: str
    path: str | None = None
    host: str | None = None
    port: int | None = None
    mode: int | None = None  # of the file; None: DEFAULT_MODE
    owner_ids: tuple[int, int] | None = None  # of the file; None: the master's
    backlog: int | None = None  # None: as many as the system allows


@dataclass(slots=True)
class _Shared:
    """One socket, and the processes that hold it."""

    group: str
    wanted: SharedSocketSpec
    sock: socket.socket
    file: tuple[int, int] | None  # device and inode of a unix socket's file
    holders: set[str] = field(default_factory=set)


class SharedSockets:
    """All sockets by URL. A running FastCGI group has one, or two during an update."""

    def __init__(self, say: Callable[[str], None]) -> None:
        """`say` writes a line of the master's log."""
        self._say = say
        self._open: dict[str, _Shared] = {}
        self._held: dict[str, _Shared] = {}

    def take(self, name: str, group: str, wanted: SharedSocketSpec) -> int:
        """The descriptor for that process, valid until its `release`; raises CannotSpawn, and then it holds nothing."""
        purpose = Purpose(f"socket= in [fcgi-program:{group}]", "user=, socket_owner= and socket_mode=", handed_on=True)
        try:
            shared = self._shared(group, wanted, purpose)
        except CannotListen as refusal:
            raise CannotSpawn(str(refusal)) from None
        except OSError as error:
            raise CannotSpawn(f"cannot open {wanted.url}: {error.strerror}") from None
        shared.holders.add(name)
        self._held[name] = shared
        return shared.sock.fileno()

    def release(self, name: str) -> None:
        """That process has ended, or could not be started. It need not hold a socket."""
        shared = self._held.pop(name, None)
        if shared is not None:
            shared.holders.remove(name)
            if not shared.holders:
                self._close(shared)

    def snapshot(self) -> list[dict[str, Any]]:
        """The open sockets as plain data, for another process image to go on with."""
        return [
            {
                "group": shared.group,
                "wanted": asdict(shared.wanted),
                "fd": shared.sock.fileno(),
                "file": shared.file,
                "holders": sorted(shared.holders),
            }
            for shared in self._open.values()
        ]

    def restore(self, data: list[dict[str, Any]]) -> None:
        """Go on from what `snapshot` returned."""
        for known in data:
            wanted, file = _read_spec(known["wanted"]), known["file"]
            sock = socket.socket(fileno=known["fd"])
            shared = _Shared(known["group"], wanted, sock, file and (file[0], file[1]), set(known["holders"]))
            self._open[wanted.url] = shared
            self._held |= dict.fromkeys(known["holders"], shared)

    def close(self) -> None:
        """Close every socket that is still open, even one that processes hold."""
        self._held.clear()
        for shared in list(self._open.values()):
            self._close(shared)

    def _shared(self, group: str, wanted: SharedSocketSpec, purpose: Purpose) -> _Shared:
        shared = self._open.get(wanted.url)
        if shared is None:
            self._say(f"Creating socket {wanted.url}")
            shared = self._open[wanted.url] = _Shared(group, wanted, *_listen(wanted, purpose))
        elif shared.group != group:
            raise CannotListen(
                f"cannot listen on {wanted.url}: it is the socket of [fcgi-program:{shared.group}]; choose another "
                f"with {purpose.option}"
            )
        elif shared.wanted != wanted:
            # An update has changed it, and processes of the group that it will replace, too, have not ended yet.
            shared.sock.listen(_backlog(wanted))
            if wanted.path is not None:
                # Without an owner it belongs to the master again.
                owner = wanted.owner_ids or (os.geteuid(), os.getegid())
                give_rights(replace(_address(wanted.path, wanted), owner=owner), purpose)
            shared.wanted = wanted
        return shared

    def _close(self, shared: _Shared) -> None:
        self._say(f"Closing socket {shared.wanted.url}")
        del self._open[shared.wanted.url]
        shared.sock.close()
        path = shared.wanted.path
        # Another program may have made a new file there.
        if path is not None and identity_of(path) == shared.file:
            remove_socket(path)


def _listen(wanted: SharedSocketSpec, purpose: Purpose) -> tuple[socket.socket, tuple[int, int] | None]:
    if wanted.path is not None:
        return open_unix(_address(wanted.path, wanted), _backlog(wanted), purpose), identity_of(wanted.path)
    return open_tcp(wanted.host or "", wanted.port or 0, _backlog(wanted), purpose), None


def _address(path: str, wanted: SharedSocketSpec) -> UnixAddress:
    return UnixAddress(path, DEFAULT_MODE if wanted.mode is None else wanted.mode, wanted.owner_ids)


def _backlog(wanted: SharedSocketSpec) -> int:
    return socket.SOMAXCONN if wanted.backlog is None else wanted.backlog


def _read_spec(data: dict[str, Any]) -> SharedSocketSpec:
    known = {field.name: data[field.name] for field in fields(SharedSocketSpec) if field.name in data}
    ids = known.get("owner_ids")
    return SharedSocketSpec(**{**known, "owner_ids": None if ids is None else (ids[0], ids[1])})
