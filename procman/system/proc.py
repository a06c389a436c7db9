"""What /proc says of processes: which there are, where they come from, and what they were started with.

Processes end while one looks: one that has gone is None, never an error. https://man7.org/linux/man-pages/man5/proc.5.html
"""

import os
import time
from dataclasses import dataclass
from enum import Enum, auto

from procman.errors import ProcmanError

# 52 numbers of 20 digits at most, and a name of 64 bytes: the longest line that /proc/PID/stat can be.
STAT_MAX = 2048
# An environment is read to its end, but not further than exec takes arguments and environment together by default.
ENVIRON_AT_ONCE = 32 * 1024
ENVIRON_MAX = 2 * 1024 * 1024
# A command line is for people to recognise a process by.
COMMAND_MAX = 200

PF_KTHREAD = 0x0020_0000  # include/linux/sched.h
# Fields are counted from the state. Those behind the start time are for the few that have ended.
_SPLIT = 20
_END_CODE = 24
_ENV_START = 47
_ENV_END = 48
_STATUS = 49
TICKS = os.sysconf("SC_CLK_TCK")


class CannotLook(ProcmanError):
    """/proc is not there, or is that of another pid namespace: its numbers are not ours."""


class Unseen(Enum):
    """Why the environment of a process cannot be told."""

    FORBIDDEN = auto()  # another user's process, or, even for root, one that needs CAP_SYS_PTRACE
    NOT_YET = auto()  # it is about to execute another program, and has it in a moment


@dataclass(frozen=True, slots=True)
class Identity:
    """One process for good: numbers are given again, but not within the same tick of the clock."""

    pid: int
    start: int  # clock ticks since boot, of which there are TICKS in a second


@dataclass(frozen=True, slots=True)
class Process:
    """One process as it was when it was looked at; ids of processes outside this pid namespace are 0."""

    pid: int
    start: int  # as in Identity
    parent: int
    group: int
    session: int
    name: str  # the kernel's, 15 bytes at most
    ended: bool  # a zombie: it is not yet reaped, and cannot be signalled any more
    kernel: bool  # a thread of the kernel
    status: int  # what wait would give of one that has ended; 0 where that may not be seen, too

    @property
    def identity(self) -> Identity:
        """What tells it from a later one with its number."""
        return Identity(self.pid, self.start)


def look_at(pid: int) -> Process | None:
    """One process, zombies included; raises OSError where there are no descriptors left to look with."""
    try:
        fd = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        # A /proc that is mounted with hidepid shows others' processes to nobody, or closes them.
        return None
    try:
        return _parse(os.read(fd, STAT_MAX))
    except ProcessLookupError:
        return None
    finally:
        os.close(fd)


def identify(pid: int) -> Identity | None:
    """The process that has that number now; raises as `look_at` does."""
    process = look_at(pid)
    return None if process is None else process.identity


def all_pids() -> list[int]:
    """Every process that may be seen; raises CannotLook."""
    try:
        # Of another pid namespace's /proc this is no process, or another number.
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
    """`NAME=value` with a NUL after each, as at its exec unless it has written over that; empty when it has gone."""
    try:
        block = _read_environ(pid)
        # In an exec there is a moment in which the old one has gone and the new one is not there.
        return block or _after_exec(pid)
    except PermissionError:
        return Unseen.FORBIDDEN
    except OSError:
        return b""


def _after_exec(pid: int) -> bytes | Unseen:
    """The environment of a process that seemed to have none."""
    with open(f"/proc/{pid}/stat", "rb") as file:
        fields = file.read(STAT_MAX).rpartition(b")")[2].split()
    if len(fields) <= _ENV_END or fields[0] in (b"Z", b"X"):
        return b""
    # Where the code ends is what an exec sets last: in fs/binfmt_elf.c, load_elf_binary.
    if fields[_END_CODE] == b"0":
        return Unseen.NOT_YET
    if fields[_ENV_START] == fields[_ENV_END]:
        return b""
    # If it is still empty, that is the next exec.
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
    """Have this process shown under that name, 15 bytes at most, by those who show no arguments (`pgrep`, `top`)."""
    try:
        with open("/proc/self/comm", "w", encoding="utf-8") as file:
            file.write(name)
    except OSError:
        pass


def command_line(pid: int) -> str:
    """How it was called, in one line for people; its name in brackets where it does not say."""
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
    """What tells this boot of the machine from others; empty where /proc does not say."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


def started_at(start: int) -> float:
    """Seconds since the epoch, on the clock as it is set now; good to a tick or two."""
    since_boot = time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.time() - since_boot + start / TICKS


def _parse(line: bytes) -> Process | None:
    """A line of /proc/PID/stat; None of the empty one that a process leaves which goes while it is read."""
    # The name may hold blanks and brackets: the fields begin behind the last bracket.
    left, right = line.find(b"("), line.rfind(b")")
    fields = line[right + 2 :].split(b" ", _SPLIT)
    if left < 0 or len(fields) <= _SPLIT:
        return None
    # A leader that has left its other threads behind is a zombie too, but its process lives: it still has threads.
    ended = fields[0] in (b"Z", b"X") and int(fields[17]) <= 1
    return Process(
        pid=int(line[:left]),
        start=int(fields[19]),
        parent=int(fields[1]),
        group=int(fields[2]),
        session=int(fields[3]),
        name=line[left + 1 : right].decode(errors="replace"),
        ended=ended,
        kernel=bool(int(fields[6]) & PF_KTHREAD),
        status=int(fields[_SPLIT].split()[_STATUS - _SPLIT]) if ended else 0,
    )
