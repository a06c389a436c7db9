"""Listening sockets that a master holds for programs, by their address; see `core.sockets` for when.

They block, as an application expects of a descriptor that it is given; while a program has one, the mode is that
program's. A socket that another process has can be taken back by pidfd_getfd(2), where the kernel allows that.
"""

import os
import socket
import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from procman.system.pidfd import copy_descriptor, open_pidfd
from procman.system.proc import Identity
from procman.system.sockets import (
    Purpose,
    UnixAddress,
    give_rights,
    identity_of,
    open_tcp,
    open_unix,
    remove_socket,
)

# Of struct tcp_info: as much as is read, and where tcpi_unacked is.
_INFO_BYTES, _UNACKED = 104, 24
_MOST_DESCRIPTORS = 4096  # of a process that are looked at


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldSpec:
    """Where a socket listens, at `path`, or on `port` of `host`; and how."""

    url: str
    section: str  # for messages
    owner: str = ""  # the process that has it for itself
    path: str | None = None
    host: str = ""  # "": every interface
    port: int = 0
    mode: int = 0o700  # of the file
    owner_ids: tuple[int, int] | None = None  # of the file; None: the master's
    backlog: int = 128
    reuseport: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from others."""
        return self.url, self.owner


@dataclass(slots=True)
class _Held:
    wanted: HeldSpec
    sock: socket.socket
    file: tuple[int, int] | None = None  # device and inode of a unix socket's file
    users: set[str] = field(default_factory=set)  # the processes that were started with it, and are not gone


class HeldSockets:
    """All of them by address; `spare` are those that nobody has asked for yet."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, str], _Held] = {}
        self._spare: dict[tuple[str, str], _Held] = {}

    def open(self, wanted: HeldSpec) -> bool:
        """Listen there, or as is said now; False: that was so before. Raises CannotListen."""
        held, spare = self._open.get(wanted.key), None
        if held is None and (spare := self._spare.pop(wanted.key, None)) is not None:
            held = self._open[wanted.key] = spare
        purpose = Purpose(f"listen= in [{wanted.section}]", "mode= and owner=", handed_on=True)
        if held is None:
            self._open[wanted.key] = _open(wanted, purpose)
            return True
        if held.wanted == wanted:
            return spare is not None
        held.sock.listen(wanted.backlog)
        if wanted.path is not None and _rights(held.wanted) != _rights(wanted):
            # Without an owner it belongs to the master again.
            owner = wanted.owner_ids or (os.geteuid(), os.getegid())
            give_rights(UnixAddress(wanted.path, wanted.mode, owner), purpose)
        held.wanted = wanted
        return True

    def close(self, key: tuple[str, str]) -> bool:
        """Nobody needs it any more; False: it was not open."""
        held = self._open.pop(key, None)
        if held is not None:
            _close(held)
        return held is not None

    def close_spare(self) -> list[str]:
        """Close those that nobody has asked for; returns their URLs."""
        urls = [held.wanted.url for held in self._spare.values()]
        for held in self._spare.values():
            _close(held)
        self._spare.clear()
        return urls

    def close_all(self) -> None:
        """Close every one."""
        for held in self._open.values():
            _close(held)
        self._open.clear()
        self.close_spare()

    def fileno(self, key: tuple[str, str]) -> int | None:
        """Its descriptor; None: it is not open."""
        held = self._open.get(key)
        return None if held is None else held.sock.fileno()

    def inode(self, key: tuple[str, str]) -> int | None:
        """What the kernel knows it by; None: it is not open."""
        held = self._open.get(key)
        return None if held is None else os.fstat(held.sock.fileno()).st_ino

    def waiting(self, key: tuple[str, str]) -> int | None:
        """How many connections wait there until a program takes them; None: not open, or a unix socket."""
        held = self._open.get(key)
        if held is None or held.wanted.path is not None:
            return None
        try:
            info = held.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO_BYTES)
        except OSError:
            return None
        # Of a socket that listens, tcpi_unacked is the length of its queue.
        return int.from_bytes(info[_UNACKED : _UNACKED + 4], sys.byteorder) if len(info) >= _UNACKED + 4 else None

    def used_by(self, name: str, keys: Iterable[tuple[str, str]]) -> list[int]:
        """The descriptors, in that order, for a process that is about to be started with them; all are open."""
        numbers = []
        for key in keys:
            held = self._open[key]
            if not held.users:
                # The program before may have changed that; another one that runs must not be held up.
                held.sock.setblocking(True)
            held.users.add(name)
            numbers.append(held.sock.fileno())
        return numbers

    def gone(self, name: str) -> None:
        """A process has ended, or could not be started."""
        for held in self._open.values():
            held.users.discard(name)

    # ---- from one master to the next

    def has(self, key: tuple[str, str]) -> bool:
        """Whether it is there, also if nobody has asked for it."""
        return key in self._open or key in self._spare

    def take_back(self, wanted: HeldSpec, holders: Iterable[Identity]) -> str:
        """Get a socket that listens there from one of these processes; "", or why that is not possible.

        `open` finds it then.
        """
        why = "none of its descriptors listens there"
        for holder in holders:
            try:
                sock = _from_process(holder, wanted)
            except OSError as error:
                why = f"its descriptors may not be taken: {error.strerror}"
                continue
            if sock is not None:
                file = None if wanted.path is None else identity_of(wanted.path)
                self._spare[wanted.key] = _Held(wanted, sock, file)
                return ""
        return why

    def hand_over(self) -> "HeldSockets":
        """All of them, as spares of another one."""
        other = HeldSockets()
        other._spare, self._open = {**self._spare, **self._open}, {}
        self._spare = {}
        for held in other._spare.values():
            held.users.clear()
        return other

    def snapshot(self) -> list[dict[str, Any]]:
        """The open sockets as plain data, for another process image to go on with."""
        return [
            {
                "wanted": asdict(held.wanted),
                "fd": held.sock.fileno(),
                "file": held.file,
                "users": sorted(held.users),
            }
            for held in self._open.values()
        ]

    def restore(self, data: list[dict[str, Any]]) -> None:
        """Go on from what `snapshot` returned."""
        for known in data:
            wanted, file = _read_spec(known["wanted"]), known["file"]
            sock = socket.socket(fileno=known["fd"])
            self._open[wanted.key] = _Held(wanted, sock, file and (file[0], file[1]), set(known["users"]))


def _open(wanted: HeldSpec, purpose: Purpose) -> _Held:
    if wanted.path is not None:
        address = UnixAddress(wanted.path, wanted.mode, wanted.owner_ids)
        return _Held(wanted, open_unix(address, wanted.backlog, purpose), identity_of(wanted.path))
    return _Held(wanted, open_tcp(wanted.host, wanted.port, wanted.backlog, purpose, reuseport=wanted.reuseport))


def _close(held: _Held) -> None:
    held.sock.close()
    path = held.wanted.path
    # Another program may have made a new file there.
    if path is not None and identity_of(path) == held.file:
        remove_socket(path)


def _rights(wanted: HeldSpec) -> tuple[int, tuple[int, int] | None]:
    return wanted.mode, wanted.owner_ids


def _from_process(holder: Identity, wanted: HeldSpec) -> socket.socket | None:
    """A copy of the first descriptor of that process that listens there; raises OSError where that may not be taken."""
    folder = f"/proc/{holder.pid}/fd"
    numbers = sorted(int(name) for name in os.listdir(folder))[:_MOST_DESCRIPTORS]
    pidfd = open_pidfd(holder)
    if pidfd is None:
        return None
    try:
        for number in numbers:
            with suppress(FileNotFoundError):
                if not os.readlink(f"{folder}/{number}").startswith("socket:"):
                    continue
            sock = socket.socket(fileno=copy_descriptor(pidfd, number))
            if _listens_at(sock, wanted):
                return sock
            sock.close()
    finally:
        os.close(pidfd)
    return None


def _listens_at(sock: socket.socket, wanted: HeldSpec) -> bool:
    """Whether it listens at that address, and at its file, if it is one."""
    try:
        if not sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            return False
        name = sock.getsockname()
    except OSError:
        return False
    if wanted.path is not None:
        return sock.family == socket.AF_UNIX and name == wanted.path and os.path.exists(wanted.path)
    if sock.family not in (socket.AF_INET, socket.AF_INET6) or name[1] != wanted.port:
        return False
    reuses = bool(sock.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT))
    return reuses == wanted.reuseport and name[0] in _numeric(wanted.host)


def _numeric(host: str) -> set[str]:
    """The addresses that a host may stand for."""
    if not host:
        return {"0.0.0.0", "::"}  # noqa: S104 - compared only
    with suppress(OSError, UnicodeError):
        return {str(info[4][0]) for info in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    return {host}


def _read_spec(data: dict[str, Any]) -> HeldSpec:
    known = {one.name: data[one.name] for one in fields(HeldSpec) if one.name in data}
    ids = known.get("owner_ids")
    return replace(HeldSpec(**{**known, "owner_ids": None}), owner_ids=None if ids is None else (ids[0], ids[1]))
