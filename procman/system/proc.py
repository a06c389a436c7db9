"""Reads processes from /proc: which there are, their parents, and what they were started with.

Processes may end meanwhile: those that have are None, never an error. https://man7.org/linux/man-pages/man5/proc.5.html
"""

import os
import time
from dataclasses import dataclass
from enum import Enum, auto

from procman.errors import ProcmanError

# The longest line of /proc/PID/stat: 52 numbers of at most 20 digits, and a name of 64 bytes.
STAT_MAX = 2048
# At most so much of an environment is read: the default limit of exec for arguments and environment together.
ENVIRON_AT_ONCE = 32 * 1024
ENVIRON_MAX = 2 * 1024 * 1024
# Characters of a command line, by which people recognise a process.
COMMAND_MAX = 200

PF_KTHREAD = 0x0020_0000  # include/linux/sched.h
# Fields are counted from the state. Those after the start time are needed only for processes that have ended.
_START = 19
_SPLIT = 20
_END_CODE = 24
_ENV_START = 47
_ENV_END = 48
_STATUS = 49
TICKS = os.sysconf("SC_CLK_TCK")


class CannotLook(ProcmanError):
    """There is no /proc, or it is that of another pid namespace, with other pids."""


class Unseen(Enum):
    """Why the environment of a process cannot be read."""

    FORBIDDEN = auto()  # another user's process, or, even for root, one that needs CAP_SYS_PTRACE
    NOT_YET = auto()  # it is executing another program, and will have one in a moment


@dataclass(frozen=True, slots=True)
class Identity:
    """Identifies one process for ever: pids are reused, but not within the same clock tick."""

    pid: int
    start: int  # clock ticks since boot, of which there are TICKS in a second


@dataclass(frozen=True, slots=True)
class Process:
    """One process at the time of reading; pids outside of this pid namespace are 0."""

    pid: int
    start: int  # as in Identity
    parent: int
    group: int
    session: int
    name: str  # the kernel's, 15 bytes at most
    ended: bool  # a zombie: it is not reaped yet, and signals have no effect
    kernel: bool  # a thread of the kernel
    status: int  # the wait status of a zombie; also 0 if it may not be read

    @property
    def identity(self) -> Identity:
        """What distinguishes it from a later process with its pid."""
        return Identity(self.pid, self.start)


def look_at(pid: int) -> Process | None:
    """One process, which may be a zombie; raises OSError if there are no descriptors left."""
    return _parse(_stat(pid))


def identify(pid: int) -> Identity | None:
    """The process that has that pid now; raises as `look_at` does."""
    fields = _fields(_stat(pid))
    return None if fields is None else Identity(pid, int(fields[_START]))


def all_pids() -> list[int]:
    """The pids of all visible processes; raises CannotLook."""
    try:
        # In the /proc of another pid namespace, this link is missing or names another pid.
        names = os.listdir("/proc") if os.readlink("/proc/self") == str(os.getpid()) else []
    except OSError:
        names = []
    if not names:
        raise CannotLook(
            "cannot look at the processes: /proc is not mounted here, or belongs to another pid namespace; "
            "mount it, for instance by `unshare --mount-proc`"
        )
    return [int(name) for name in names if name.isdecimal()]


def environ(pid: int) -> bytes | Unseen:
    """`NAME=value` with a NUL after each, as of its exec unless it was overwritten; empty if it has ended."""
    try:
        block = _read_environ(pid)
        # During an exec there is a moment without an environment.
        return block or _after_exec(pid)
    except PermissionError:
        return Unseen.FORBIDDEN
    except OSError:
        return b""


def _after_exec(pid: int) -> bytes | Unseen:
    """Reads again the environment of a process that seemed to have none."""
    with open(f"/proc/{pid}/stat", "rb") as file:
        fields = file.read(STAT_MAX).rpartition(b")")[2].split()
    if len(fields) <= _ENV_END or fields[0] in (b"Z", b"X"):
        return b""
    # The end of the code is what an exec sets last: load_elf_binary in fs/binfmt_elf.c.
    if fields[_END_CODE] == b"0":
        return Unseen.NOT_YET
    if fields[_ENV_START] == fields[_ENV_END]:
        return b""
    # If it is still empty, another exec has begun.
    return _read_environ(pid) or Unseen.NOT_YET


def _read_environ(pid: int) -> bytes:
    fd = os.open(f"/proc/{pid}/environ", os.O_RDONLY | os.O_CLOEXEC)
    found = b""
    try:
        while len(found) < ENVIRON_MAX and (piece := os.read(fd, ENVIRON_AT_ONCE)):
            found += piece
    finally:
        os.close(fd)
    return found


def call_itself(name: str) -> None:
    """Set the name of this process, at most 15 bytes, which tools such as `pgrep` and `top` show."""
    try:
        with open("/proc/self/comm", "w", encoding="utf-8") as file:
            file.write(name)
    except OSError:
        pass


def command_line(pid: int) -> str:
    """Its command line in one line for people; its name in brackets if there is none."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            words = file.read(COMMAND_MAX + 1)
    except OSError:
        words = b""
    if not words.strip(b"\0"):
        try:
            process = look_at(pid)
        except OSError:
            process = None
        return f"[{process.name}]" if process else "[unknown]"
    text = words.rstrip(b"\0").replace(b"\0", b" ").decode(errors="replace")
    shown = "".join(letter if letter.isprintable() else "?" for letter in text)
    return shown if len(words) <= COMMAND_MAX else f"{shown[: COMMAND_MAX - 1]}…"


def boot_id() -> str:
    """The id of this boot of the machine; empty if /proc has none."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


def started_at(start: int) -> float:
    """Seconds since the epoch, by the present setting of the clock, accurate to a tick or two."""
    since_boot = time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.time() - since_boot + start / TICKS


def _stat(pid: int) -> bytes:
    """The line of /proc/PID/stat; empty if there is no such process, or it may not be seen."""
    try:
        fd = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        # A /proc mounted with hidepid hides processes of other users, or refuses to show them.
        return b""
    try:
        return os.read(fd, STAT_MAX)
    except ProcessLookupError:
        return b""
    finally:
        os.close(fd)


def _fields(line: bytes) -> list[bytes] | None:
    """Those of a line of /proc/PID/stat, from the state on; None if it is empty."""
    # The name may contain blanks and brackets: the fields begin after the last bracket.
    fields = line[line.rfind(b")") + 2 :].split(b" ", _SPLIT)
    return fields if len(fields) > _SPLIT else None


def _parse(line: bytes) -> Process | None:
    """Parses a line of /proc/PID/stat; None if it is empty because the process ended meanwhile."""
    fields = _fields(line)
    if fields is None:
        return None
    left, right = line.find(b"("), line.rfind(b")")
    # A thread group leader that has ended is a zombie, too, but its process lives while it has other threads.
    ended = fields[0] in (b"Z", b"X") and int(fields[17]) <= 1
    return Process(
        pid=int(line[:left]),
        start=int(fields[_START]),
        parent=int(fields[1]),
        group=int(fields[2]),
        session=int(fields[3]),
        name=line[left + 1 : right].decode(errors="replace"),
        ended=ended,
        kernel=bool(int(fields[6]) & PF_KTHREAD),
        status=int(fields[_SPLIT].split()[_STATUS - _SPLIT]) if ended else 0,
    )
