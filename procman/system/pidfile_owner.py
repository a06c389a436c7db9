"""Finds the holder of a pid file: only a process that holds its lock is taken for the master, and signalled.

The kernel has no call for the holder of a lock, so it is looked up in /proc: among the descriptors of the process whose
pid is in the file or, if those cannot be read, in /proc/locks. This never takes the lock, which would prevent a master
from starting. https://man7.org/linux/man-pages/man5/proc_locks.5.html
"""

import os
import signal
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from procman.errors import ProcmanError
from procman.system.pidfd import has_ended, open_pidfd
from procman.system.proc import Identity, command_line, identify, look_at, started_at

# Bytes of a pid file: a pid of 22 bits with blanks around it.
_CONTENT_MAX = 32
_DIGITS = 7
# The largest difference between the kernel's clock for files and its ticks since boot, in seconds.
_CLOCKS = 0.05


class NotRunning(ProcmanError):
    """There is no pid file, or no process holds it."""


class CannotTell(ProcmanError):
    """It cannot be verified that the process named in the file holds it."""


class Holder:
    """The process that holds a pid file, with its pidfd: `fileno` polls readable when it has ended."""

    def __init__(self, identity: Identity, pidfd: int) -> None:
        """Made by `find_holder`; to be closed, or used in a `with` statement."""
        self.pid = identity.pid
        self.command = command_line(identity.pid)
        self._pidfd = pidfd

    def fileno(self) -> int:
        """The pidfd, which this object closes."""
        return self._pidfd

    def ended(self) -> bool:
        """Whether it has ended; never waits."""
        return has_ended(self._pidfd)

    def send(self, number: int) -> str | None:
        """Signal it; returns why that failed. That it has ended is no failure."""
        try:
            signal.pidfd_send_signal(self._pidfd, number)
        except ProcessLookupError:
            return None
        except OSError as error:
            return f"cannot signal pid {self.pid} ({self.command}): {error.strerror}"
        return None

    def close(self) -> None:
        """Let go of it."""
        os.close(self._pidfd)

    def __enter__(self) -> Self:
        """Until the end of the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of it."""
        self.close()


def find_holder(path: str) -> Holder:
    """The master that has written this file and still runs.

    Raises:
        NotRunning: there is no such file, or its process has ended.
        CannotTell: it has no pid, or that of a process that cannot be verified.
    """
    try:
        # Another user's file could be a pipe, and opening it would block.
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    except FileNotFoundError:
        raise NotRunning(f"there is no pid file {path}: the process that writes it is not running") from None
    except OSError as error:
        raise CannotTell(f"cannot read the pid file {path}: {error.strerror}") from None
    try:
        found = os.fstat(fd)
        pid = pid_in(fd) if stat.S_ISREG(found.st_mode) else None
    finally:
        os.close(fd)
    if pid is None:
        raise CannotTell(f"cannot find out who runs from {path}: it holds no pid; name the master's own pid file")
    return _hold(path, pid, found)


def pid_in(fd: int) -> int | None:
    """The pid in an open file, if that is all there is in it."""
    try:
        content = os.pread(fd, _CONTENT_MAX + 1, 0)
    except OSError:
        return None
    text = content.strip()
    if len(content) > _CONTENT_MAX or len(text) > _DIGITS or not text.isdigit():
        return None
    return int(text) or None


def existed(pid: int, when: float) -> bool:
    """Whether the process that has that pid now had it at that time, in seconds since the epoch. A zombie has not."""
    process = look_at(pid)
    return process is not None and not process.ended and started_at(process.start) <= when + _CLOCKS


def lockers(found: os.stat_result) -> list[int]:
    """The processes of our pid namespace that have locked that file with flock."""
    device = (os.major(found.st_dev), os.minor(found.st_dev))
    return [lock.pid for lock in _all_locks() if (lock.device, lock.inode) == (device, found.st_ino)]


@dataclass(frozen=True, slots=True)
class _Lock:
    """A whole file, locked for writing."""

    pid: int  # of the process that took the lock; it may have ended if others have inherited the lock
    device: tuple[int, int]
    inode: int


def _hold(path: str, pid: int, found: os.stat_result) -> Holder:
    identity = identify(pid)
    try:
        # From here on the pid cannot be reused: what is found now still holds when the signal is sent.
        pidfd = None if identity is None else open_pidfd(identity)
    except OSError as error:
        raise CannotTell(f"cannot take hold of pid {pid}, which the pid file {path} names: {error.strerror}") from None
    if identity is None or pidfd is None:
        raise NotRunning(f"the pid file {path} was left behind: there is no process {pid} any more")
    try:
        if has_ended(pidfd):
            # A zombie, which is not reaped.
            raise NotRunning(f"the pid file {path} was left behind: process {pid} has ended")
        _check_holds(path, pid, found)
        return Holder(identity, pidfd)
    except ProcmanError:
        os.close(pidfd)
        raise


def _check_holds(path: str, pid: int, found: os.stat_result) -> None:
    """Raises NotRunning or CannotTell unless that process holds the lock on that file."""
    holds = _has_locked(pid, found)
    if holds is None:
        # Some file systems (btrfs, overlay) list another device than stat does, so with that pid the inode is enough.
        # It is the pid of the process that took the lock, and may have been reused since, but not by an older process.
        holds = any(lock.pid == pid and lock.inode == found.st_ino for lock in _all_locks())
        holds = (holds and existed(pid, found.st_mtime)) or None
    if holds:
        return
    others = [locker for locker in lockers(found) if locker != pid]
    if others:
        raise CannotTell(
            f"the pid file {path} names pid {pid}, but pid {others[0]} holds it: it was written in another container "
            "or pid namespace; do this in there"
        )
    if holds is None:
        raise CannotTell(
            f"cannot see whether pid {pid} ({command_line(pid)}) holds the pid file {path}; do this as root, or as the "
            "user that it runs as"
        )
    raise NotRunning(f"the pid file {path} was left behind: pid {pid} is now that of {command_line(pid)}")


def _has_locked(pid: int, found: os.stat_result) -> bool | None:
    """Whether one of its descriptors is that file with a lock; None if its descriptors cannot be read."""
    try:
        numbers = os.listdir(f"/proc/{pid}/fdinfo")
        return any(_is_locked(pid, number, found) for number in numbers)
    except OSError:
        return None


def _is_locked(pid: int, number: str, found: os.stat_result) -> bool:
    try:
        with open(f"/proc/{pid}/fdinfo/{number}", encoding="ascii", errors="replace") as file:
            locked = any(_lock_in(line[len("lock:") :]) is not None for line in file if line.startswith("lock:"))
        # Only now stat the file: others may be on a server that does not respond.
        return locked and os.path.samestat(os.stat(f"/proc/{pid}/fd/{number}"), found)
    except FileNotFoundError:
        return False  # it was closed meanwhile


def _all_locks() -> Iterator[_Lock]:
    try:
        with open("/proc/locks", encoding="ascii", errors="replace") as file:
            lines = file.readlines()
    except OSError:
        lines = []
    return (lock for line in lines if (lock := _lock_in(line)) is not None)


def _lock_in(line: str) -> _Lock | None:
    """Parses a line such as `1: FLOCK  ADVISORY  WRITE 42 fe:00:1234 0 EOF`."""
    match line.split():
        case [_, "FLOCK", _, "WRITE", pid, file, *_]:
            major, minor, inode = file.split(":")
            return _Lock(int(pid), (int(major, 16), int(minor, 16)), int(inode))
        case _:
            # Another sort of lock, or a line with an arrow, for a process that waits.
            return None
