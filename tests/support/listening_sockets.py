"""The sockets on which a process listens, from /proc."""

import contextlib
import os
import socket
from pathlib import Path

LISTEN = "0A"  # include/net/tcp_states.h


def listening(pid: int) -> set[tuple[str, int]]:
    """The addresses and ports of its listening TCP sockets."""
    own = set()
    for fd in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(OSError):  # one that has been closed meanwhile
            own.add(os.readlink(f"/proc/{pid}/fd/{fd}"))
    found = set()
    for name, family in (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6)):
        table = Path(f"/proc/{pid}/net/{name}")
        for line in table.read_text().splitlines()[1:] if table.exists() else ():
            words = line.split()
            address, _, port = words[1].partition(":")
            if words[3] == LISTEN and f"socket:[{words[9]}]" in own:
                # Words of four bytes in the order of this machine, which is little-endian.
                raw = b"".join(bytes.fromhex(address[at : at + 8])[::-1] for at in range(0, len(address), 8))
                found.add((socket.inet_ntop(family, raw), int(port, 16)))
    return found
