"""Whether a process, or a descendant of it, listens: /proc/net has the sockets, /proc/PID/fd whose they are.

No connection is made, and a socket of another process on the same address does not count. Call it beside the loop.
"""

import os
import socket

from procman.system.address_holders import link_of, of_path, under_relative_paths
from procman.system.kernel_tables import rows
from procman.system.proc import Identity
from procman.system.tree import Tree, look

_LISTEN = "0A"
_INODE = 9  # the column of /proc/net/tcp
_ANY = {"00000000", "0" * 32}
# An IPv4 address in IPv6's form, as /proc/net/tcp6 has it.
_MAPPED = "0000000000000000FFFF0000"


def who_listens(root: Identity, tag: str | None, *, host: str = "", port: int = 0, path: str = "") -> str:
    """Return "" if a process of that tree listens there, else what was seen instead.

    `host` is a literal address, "localhost" or "" (any). Raises OSError or CannotLook where /proc cannot be read.
    """
    inodes = of_path(path) if path else _of_address(host, port)
    relative = under_relative_paths(os.path.basename(path)) if path else {}
    if not inodes and not relative:
        return "nobody listens"
    if _listens(root.pid, inodes, relative, path):
        return ""
    for process in Tree(root, tag).members(look()):
        if process.pid != root.pid and _listens(process.pid, inodes, relative, path):
            return ""
    return "another process listens there, and none of this program" if inodes else "nobody listens"


def _listens(pid: int, inodes: list[str], relative: dict[str, str], path: str) -> bool:
    """Whether the process has one of these, or one of the others whose path leads there from its directory."""
    wanted = {f"socket:[{inode}]" for inode in inodes}
    if relative:
        directory, there = link_of(f"/proc/{pid}/cwd"), os.path.realpath(path)
        wanted |= {
            f"socket:[{inode}]"
            for inode, named in relative.items()
            if os.path.realpath(os.path.join(directory, named)) == there
        }
    return _has_one(pid, wanted) if wanted else False


def _has_one(pid: int, wanted: set[str]) -> bool:
    folder = f"/proc/{pid}/fd"
    try:
        return any(link_of(f"{folder}/{number}") in wanted for number in os.listdir(folder))
    except (FileNotFoundError, ProcessLookupError):
        return False
    except PermissionError:
        raise PermissionError(f"the descriptors of pid {pid} may not be read: use tcp: or unix: instead") from None


def _of_address(host: str, port: int) -> list[str]:
    accepted = _accepted(host)
    found = []
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for row in rows(table):
            address, _, number = row[1].partition(":") if len(row) > _INODE else ("", "", "")
            if number == f"{port:04X}" and row[3] == _LISTEN and (accepted is None or address in accepted):
                found.append(row[_INODE])
    return found


def _accepted(host: str) -> set[str] | None:
    """The addresses, as /proc has them, at which a socket can be reached under that one; None: all."""
    if not host:
        return None
    hosts = ("127.0.0.1", "::1") if host == "localhost" else (host,)
    accepted = set(_ANY)
    for one in hosts:
        family = socket.AF_INET6 if ":" in one else socket.AF_INET
        packed = socket.inet_pton(family, one)
        # Words of four bytes, each in the order of the machine (these are little-endian).
        words = [packed[at : at + 4][::-1].hex().upper() for at in range(0, len(packed), 4)]
        accepted.add("".join(words))
        if family == socket.AF_INET:
            accepted.add(_MAPPED + words[0])
    return accepted
