"""Whether a running process still is what its files are: its binary and libraries may have been replaced since.

As Debian's needrestart finds it: what was replaced by renaming, as package managers do, is mapped as deleted.
"""

import os
from typing import NamedTuple

_GONE = " (deleted)"
# Mapped, never a file of a package: shared memory, and what a JIT compiler makes.
_NO_FILES = ("/memfd:", "/dev/", "/SYSV", "/tmp/", "/var/tmp/", "/run/", "/[aio]", "/drm")  # noqa: S108 - compared only
MOST_NAMED = 20


class Binary(NamedTuple):
    """What differs; empty: nothing, or it cannot be told."""

    sentence: str = ""
    libraries: tuple[str, ...] = ()  # paths of those that were replaced or deleted


def look_at_binary(pid: int) -> Binary:
    """Look at that process, which this one may trace; what cannot be seen counts as unchanged."""
    return Binary(_binary(pid), _libraries(pid))


def _binary(pid: int) -> str:
    link = f"/proc/{pid}/exe"
    try:
        path = os.readlink(link)
        if path.endswith(_GONE):
            path = path.removesuffix(_GONE)
            if not os.path.exists(path):
                return f"its binary {path} was deleted"
            return f"its binary {path} was replaced"
        running, there = os.stat(link), os.stat(path)
    except OSError:
        return ""
    return "" if os.path.samestat(running, there) else f"its binary {path} was replaced"


def _libraries(pid: int) -> tuple[str, ...]:
    found: dict[str, None] = {}
    try:
        with open(f"/proc/{pid}/maps", encoding="utf-8", errors="surrogateescape") as file:
            for line in file:
                fields = line.rstrip("\n").split(" ", 5)
                path = fields[-1].strip()
                if "x" in fields[1] and path.startswith("/") and path.endswith(_GONE):
                    found[path.removesuffix(_GONE)] = None
    except (OSError, IndexError):
        return ()
    return tuple(path for path in found if not path.startswith(_NO_FILES))[:MOST_NAMED]
