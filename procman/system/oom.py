"""Whether the kernel has ended processes here for want of memory: it counts them for each cgroup, in both versions.

A container, and a unit of systemd, is a cgroup. Where there is none, or it counts nothing, that is not known.
https://docs.kernel.org/admin-guide/cgroup-v2.html#memory-interface-files
"""

import os

from procman.system.cgroup import locate, read_own

_COUNT = "oom_kill "


class OomKills:
    """Counts from when it was made."""

    def __init__(self, path: str | None = None) -> None:
        """`path` is the file that counts; None: that of this process's own cgroup."""
        self._path = _find() if path is None else path
        self._seen = self._read()

    def since(self) -> int:
        """How many there were since the last call; 0 where that is not known."""
        before, self._seen = self._seen, self._read()
        return max(0, self._seen - before)

    def _read(self) -> int:
        try:
            with open(self._path or os.devnull, encoding="ascii") as file:
                found = next((line for line in file if line.startswith(_COUNT)), None)
        except OSError:
            return 0
        return int(found.removeprefix(_COUNT)) if found is not None else 0


def _find() -> str | None:
    try:
        cgroups, mounts = read_own()
    except OSError:
        return None
    for controller, name in (("memory", "memory.oom_control"), (None, "memory.events")):
        folder = locate(cgroups, mounts, controller)
        # Of version 2, what is in a cgroup without the controller counts for the next one above.
        while folder is not None and folder != "/":
            if os.path.exists(f"{folder}/{name}"):
                return f"{folder}/{name}"
            folder = os.path.dirname(folder) if controller is None else None
    return None
