"""Whether anybody is connected to listening sockets, as the tables of the kernel have it. Call it beside the loop.

Connections that wait count as well as those that a program has taken. Sockets of other network namespaces are not seen.
"""

from collections.abc import Collection, Mapping

from procman.system.kernel_tables import rows

_ESTABLISHED, _LISTEN = "01", "0A"
_ADDRESS, _STATE, _INODE = 1, 3, 9  # columns of /proc/net/tcp
_UNIX_STATE, _UNIX_INODE, _UNIX_PATH = 5, 6, 7  # columns of /proc/net/unix
_CONNECTED = ("02", "03")
_ANY = ("0" * 8, "0" * 32)


def with_connections(inodes: Mapping[str, Collection[int]]) -> frozenset[str]:
    """Those names whose listening sockets, given by their inodes, have a connection."""
    tcp = [row for table in ("tcp", "tcp6") for row in rows(f"/proc/net/{table}") if len(row) > _INODE]
    unix = [row for row in rows("/proc/net/unix") if len(row) > _UNIX_PATH]
    wanted = {name: set(map(str, found)) for name, found in inodes.items()}
    return frozenset(name for name, found in wanted.items() if _of_tcp(tcp, found) or _of_unix(unix, found))


def _of_tcp(table: list[list[str]], inodes: set[str]) -> bool:
    listening = {row[_ADDRESS] for row in table if row[_STATE] == _LISTEN and row[_INODE] in inodes}
    ports = {place.rpartition(":")[2] for place in listening if place.rpartition(":")[0] in _ANY}
    return any(
        row[_STATE] == _ESTABLISHED and (row[_ADDRESS] in listening or row[_ADDRESS].rpartition(":")[2] in ports)
        for row in table
    )


def _of_unix(table: list[list[str]], inodes: set[str]) -> bool:
    """What a program has taken has the path of the socket that it came by; what waits, too."""
    paths = {" ".join(row[_UNIX_PATH:]) for row in table if row[_UNIX_INODE] in inodes}
    return any(
        row[_UNIX_STATE] in _CONNECTED and row[_UNIX_INODE] not in inodes and " ".join(row[_UNIX_PATH:]) in paths
        for row in table
    )
