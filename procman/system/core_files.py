"""Finds the core file of a process that the kernel has dumped, where kernel.core_pattern is a path; see core(5).

What the pattern asks for and is not known of the process (the name of its thread, the second of the dump) matches
anything; the newest file that is not older than the process is taken. It reads folders: call it beside the loop.
"""

import glob
import os
import re
from dataclasses import dataclass

_PATTERN = "/proc/sys/kernel/core_pattern"
_USES_PID = "/proc/sys/kernel/core_uses_pid"
# The clock of a file system may be a little behind, in seconds.
_BEHIND = 2.0
# So many files that match are compared.
_MOST = 1000


@dataclass(frozen=True, slots=True)
class Dumped:
    """A process that was dumped, as far as it is known."""

    pid: int
    began: float  # when it was started, in seconds since the epoch
    signal: int
    directory: str  # where it ran
    executable: str = ""  # its path; "": not known
    uid: int | None = None
    gid: int | None = None


@dataclass(frozen=True, slots=True)
class Core:
    """Where a core went."""

    path: str  # "": there is none that can be found
    handler: str = ""  # the program that gets it from the kernel instead

    @property
    def sentence(self) -> str:
        """For people; "" where nothing is known."""
        if self.path:
            return f"its core is {self.path}"
        if "systemd-coredump" in self.handler:
            return "systemd-coredump has its core: coredumpctl list"
        return f"its core went to {self.handler} (kernel.core_pattern)" if self.handler else ""


def find_core(dumped: Dumped) -> Core:
    """The core of that process; never raises."""
    pattern = _read(_PATTERN)
    if pattern.startswith("|"):
        return Core("", pattern[1:].split(" ", 1)[0])
    if not pattern:
        return Core("")
    if _read(_USES_PID) == "1" and "%p" not in pattern:
        pattern += ".%p"
    # A relative path begins where the process was; it may have gone elsewhere since its start.
    wanted = os.path.join(glob.escape(dumped.directory), _expanded(pattern, dumped))
    found = []
    for path in glob.iglob(wanted):
        try:
            status = os.stat(path)
        except OSError:
            continue
        if status.st_mtime >= dumped.began - _BEHIND and os.path.isfile(path):
            found.append((status.st_mtime, path))
        if len(found) == _MOST:
            break
    return Core(max(found)[1] if found else "")


def _expanded(pattern: str, dumped: Dumped) -> str:
    """As a pattern of `glob`."""
    known = {
        "%": "%",
        "p": str(dumped.pid),
        "s": str(dumped.signal),
        "u": "" if dumped.uid is None else str(dumped.uid),
        "g": "" if dumped.gid is None else str(dumped.gid),
        "h": os.uname().nodename,
        "E": os.path.realpath(dumped.executable).replace("/", "!") if dumped.executable else "",
    }
    parts = re.split(r"%(.)", pattern)
    # Every second one is a letter; a % at the very end is dropped by the kernel, too.
    return "".join(
        (glob.escape(known.get(part, "")) or "*") if number % 2 else glob.escape(part.removesuffix("%"))
        for number, part in enumerate(parts)
    )


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read().rstrip("\n")
    except OSError:
        return ""
