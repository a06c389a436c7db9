"""Which processes hold a port or a Unix socket, as /proc has it.

The tables of sockets give inodes, and the descriptors of all processes say which of them has one open: 40 ms for
1,000 processes. Call it beside the loop. Other users' descriptors are seen by root only; then the user is all that is
known. Sockets of other network namespaces (other containers) are not seen at all.
"""

import os
import socket
import stat
import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from procman.system.kernel_tables import rows
from procman.system.proc import CannotLook, all_pids, command_line, look_at
from procman.system.tree import tag_of

_LISTEN = "0A"
_TIME_WAIT = "06"
_BOUND_UDP = "07"
_MAPPED = bytes(10) + b"\xff\xff"  # what an IPv4 address in IPv6 begins with
_ACCEPTS = 0x10000  # __SO_ACCEPTCON, of a Unix socket that listens
# How far up the ancestors of a holder are followed.
_GENERATIONS = 16
_MOST_HOLDERS = 100


@dataclass(frozen=True, slots=True)
class TcpPort:
    """A port of TCP, or of UDP; `host` as it was said, "" for all addresses or where it was not.

    The same port of another address does not count; of a name other than localhost, that of every address does.
    """

    port: int
    host: str = ""
    udp: bool = False

    def __str__(self) -> str:
        return f"{'UDP ' if self.udp else ''}port {self.port}"


@dataclass(frozen=True, slots=True)
class UnixPath:
    """A Unix socket in a file."""

    path: str

    def __str__(self) -> str:
        return f"socket {self.path}"


Address = TcpPort | UnixPath


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that holds the address."""

    pid: int
    command: str  # for people, 200 letters at most
    uid: int
    tag: str | None  # what a master has put into its environment (see `tree.Tags`)
    ancestors: tuple[int, ...]  # its parent first
    others: int  # how many more processes hold the same socket, as workers of a server do


@dataclass(frozen=True, slots=True)
class Holders:
    """All that is known of who holds an address."""

    address: Address
    processes: tuple[Holder, ...]  # one for each socket
    hidden_uids: tuple[int, ...] = ()  # users of sockets whose process cannot be seen
    closing: int = 0  # connections of the port that are over, and kept for a minute (TIME_WAIT)
    stale_file: bool = False  # the file of a Unix socket is there, and no process listens on it

    @property
    def known(self) -> bool:
        """Whether anything was found."""
        return bool(self.processes or self.hidden_uids or self.closing or self.stale_file)


def holders_of(address: Address) -> Holders:
    """Look for them; never raises. Without /proc, nothing is found."""
    match address:
        case TcpPort(port=port, host=host, udp=udp):
            sockets, closing = _of_port(port, host, udp=udp)
            found, hidden = _processes(sockets)
            return Holders(address, found, hidden, closing)
        case UnixPath(path):
            inodes = dict.fromkeys(of_path(path), _owner_of(path))
            found, hidden = _processes(inodes)
            return Holders(address, found, hidden, stale_file=not inodes and _is_socket(path))


def listening_inodes(port: int) -> Iterable[str]:
    """The sockets that listen on a port of TCP."""
    return _of_port(port, "", udp=False)[0]


def _of_port(port: int, host: str, *, udp: bool) -> tuple[dict[str, int], int]:
    """The inodes and users of sockets that hold a port; and how many connections of it are over."""
    held: dict[str, int] = {}
    closing = 0
    places = _places(host)
    name, state = ("udp", _BOUND_UDP) if udp else ("tcp", _LISTEN)
    for table in (name, f"{name}6"):
        for row in rows(f"/proc/net/{table}"):
            if len(row) <= 9:  # noqa: PLR2004 - the columns up to the inode
                continue
            place, _, number = row[1].partition(":")
            if number == f"{port:04X}" and (places is None or place in places):
                if row[3] == state:
                    held[row[9]] = int(row[7])
                elif row[3] == _TIME_WAIT:
                    closing += 1
    return held, closing


def _places(host: str) -> frozenset[str] | None:
    """As the tables have them, the local addresses that keep others from that one; None: every address may."""
    if host == "localhost":
        return _with_all("127.0.0.1") | _with_all("::1")
    try:
        return _with_all(host)
    except (OSError, ValueError):  # a name, nothing, or what no address can have in it
        return None


def _with_all(host: str) -> frozenset[str]:
    """That address and those that include it; raises OSError if it is none."""
    if ":" in host:
        mine = socket.inet_pton(socket.AF_INET6, host)
        # Where IPv4 is mapped into IPv6, it is IPv4 that counts.
        return _with_all(socket.inet_ntoa(mine[12:])) if mine.startswith(_MAPPED) else _in_words(mine, bytes(16))
    mine = socket.inet_pton(socket.AF_INET, host)
    return _in_words(mine, bytes(4), _MAPPED + mine, bytes(16))


def _in_words(*addresses: bytes) -> frozenset[str]:
    """The kernel prints an address in words of 32 bits, each as the processor has it."""
    words = ([one[at : at + 4] for at in range(0, len(one), 4)] for one in addresses)
    return frozenset("".join(f"{int.from_bytes(word, sys.byteorder):08X}" for word in one) for one in words)


def of_path(path: str) -> list[str]:
    """The inodes of sockets that listen there, under the path that they were given."""
    wanted = {path, os.path.realpath(path)}
    return [inode for inode, named in _listening_in_files() if named in wanted]


def under_relative_paths(name: str) -> dict[str, str]:
    """Sockets that listen in a file of that name, and were given a path that is not full: the path by the inode."""
    return {
        inode: named
        for inode, named in _listening_in_files()
        if not named.startswith(("/", "@")) and os.path.basename(named) == name
    }


def _listening_in_files() -> Iterable[tuple[str, str]]:
    """The inode and the path of each Unix socket that listens."""
    # Num RefCount Protocol Flags Type St Inode Path, which may have blanks.
    return (
        (row[6], " ".join(row[7:]))
        for row in rows("/proc/net/unix")
        if len(row) > 7 and int(row[3], 16) & _ACCEPTS  # noqa: PLR2004 - see above
    )


def _processes(sockets: dict[str, int]) -> tuple[tuple[Holder, ...], tuple[int, ...]]:
    """The eldest process of each socket; and the users of sockets that no visible process has."""
    names = {f"socket:[{inode}]": inode for inode in sockets}
    having: dict[str, list[int]] = {inode: [] for inode in sockets}
    for pid in _pids() if names else ():
        with suppress(OSError):
            for number in os.listdir(f"/proc/{pid}/fd"):
                inode = names.get(link_of(f"/proc/{pid}/fd/{number}"))
                if inode is not None and pid not in having[inode]:
                    having[inode].append(pid)
    found: dict[int, Holder] = {}
    for pids in list(having.values())[:_MOST_HOLDERS]:
        holder = _holder(pids)
        if holder is not None:
            found.setdefault(holder.pid, holder)
    return tuple(found.values()), tuple(sorted({sockets[inode] for inode, pids in having.items() if not pids}))


def _pids() -> list[int]:
    try:
        return all_pids()
    except CannotLook:
        return []


def link_of(path: str) -> str:
    """Where a link leads; "" if it has gone."""
    # One of them may have been closed since; the others count.
    try:
        return os.readlink(path)
    except OSError:
        return ""


def _holder(pids: list[int]) -> Holder | None:
    """The one that the others come from, as far as one can tell: the first that was started."""
    with suppress(OSError):
        seen = [process for pid in pids if (process := look_at(pid)) is not None]
        if not seen:
            return None
        eldest = min(seen, key=lambda process: (process.start, process.pid))
        return Holder(
            eldest.pid,
            command_line(eldest.pid),
            os.stat(f"/proc/{eldest.pid}").st_uid,
            tag_of(eldest.pid),
            _ancestors(eldest.parent),
            len(seen) - 1,
        )
    return None


def _ancestors(parent: int) -> tuple[int, ...]:
    found: list[int] = []
    while parent and len(found) < _GENERATIONS:
        found.append(parent)
        process = look_at(parent)
        parent = process.parent if process is not None else 0
    return tuple(found)


def _owner_of(path: str) -> int:
    try:
        return os.stat(path).st_uid
    except OSError:
        return 0


def _is_socket(path: str) -> bool:
    try:
        return stat.S_ISSOCK(os.lstat(path).st_mode)
    except OSError:
        return False
