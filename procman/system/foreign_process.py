"""Watches a process that is not our child: when it ends, and with which status if that can be known.

Its pidfd polls readable when it has ended. /proc has the status until its parent reaps it, and afterwards the pidfd
has it (since Linux 6.15), without a gap between the two.
"""

import errno
import fcntl
import os
import stat
import struct
from dataclasses import dataclass

from procman.system.pidfd import has_ended, open_pidfd, send_to
from procman.system.proc import Identity, boot_id, identify, look_at
from procman.system.reaper import Reaped, decode
from procman.system.signals import send
from procman.system.terminals import number_of, take_over

# PIDFD_GET_INFO and its struct pidfd_info as it was first: u64 mask, u64 cgroupid, 11 times u32, i32 exit_code. Later
# kernels have more at its end and go by the size that the request holds. include/uapi/linux/pidfd.h
_INFO = struct.Struct("=QQ11Ii")
_GET_INFO = 3 << 30 | _INFO.size << 16 | 0xFF << 8 | 11
_INFO_EXIT = 1 << 3


@dataclass(frozen=True, slots=True)
class Birth:
    """When a process was started, in a form to be stored: with the pid, it identifies it even across reboots."""

    boot_id: str
    ticks: int  # since boot, as in Identity


def find(pid: int, born: Birth) -> Identity | None:
    """The process with that pid and birth; None if it has ended."""
    identity = Identity(pid, born.ticks)
    return identity if born.boot_id == boot_id() and identify(pid) == identity else None


class WatchedProcess:
    """A watched process; `fileno` polls readable when it has ended."""

    def __init__(self, identity: Identity, pidfd: int) -> None:
        """Made by `watch`."""
        self.identity = identity
        self._pidfd = pidfd

    def fileno(self) -> int:
        """The pidfd, which this object closes."""
        return self._pidfd

    def ended(self) -> bool:
        """Whether it has ended, reaped or not; never waits."""
        return has_ended(self._pidfd)

    def how(self) -> Reaped | None:
        """How it ended; None while it lives, or if unknown (on older kernels, after it was reaped)."""
        status = self._zombie_status()
        if status is None:
            status = self._kept_status()
        return None if status is None else decode(self.identity.pid, status)

    def send(self, number: int, *, as_group: bool) -> str | None:
        """Signal it, or its process group; returns why the kernel refused. That it has ended is no refusal."""
        if self.ended():
            return None
        # Until it has ended, the group it leads cannot be another one.
        return send(self.identity.pid, number, as_group=True) if as_group else send_to(self.identity, number)

    def close(self) -> None:
        """Stop watching."""
        os.close(self._pidfd)

    def _kept_status(self) -> int | None:
        """The status that the kernel keeps of a reaped process."""
        info = bytearray(_INFO.pack(_INFO_EXIT, *[0] * 13))
        try:
            fcntl.ioctl(self._pidfd, _GET_INFO, info)
        except OSError:
            return None
        mask, *_, status = _INFO.unpack(info)
        return int(status) if mask & _INFO_EXIT else None

    def _zombie_status(self) -> int | None:
        """The status of a zombie in /proc, if we may see it."""
        try:
            # Without permission the kernel shows 0. Reading this link takes the same permission, which is checked
            # before the kernel finds that a zombie has no file.
            os.readlink(f"/proc/{self.identity.pid}/exe")
        except FileNotFoundError:
            pass
        except OSError:
            return None
        process = look_at(self.identity.pid)
        if process is None or process.identity != self.identity or not process.ended:
            return None
        return process.status


def watch(identity: Identity) -> WatchedProcess | None:
    """Watch that process, which may be a zombie; None if it has been reaped. Raises OSError as `open_pidfd` does."""
    pidfd = open_pidfd(identity)
    return None if pidfd is None else WatchedProcess(identity, pidfd)


@dataclass(frozen=True, slots=True)
class Pipes:
    """The master's ends of a process's pipes, opened again; None for a pipe that it does not have (any more)."""

    stdin: int | None
    stdout: int | None
    stderr: int | None


def reopen_pipes(identity: Identity, inodes: tuple[int, int, int]) -> Pipes:
    """Open the pipes that it was started with, which are known by `place_of` (0: there was none).

    Their content is still there, since the process holds both ends. Raises OSError if they must not be opened.
    """
    opened: list[int | None] = []
    try:
        for number, inode in enumerate(inodes):
            if inode < 0:
                opened.append(take_over(identity, terminal_in(inode)))
            else:
                opened.append(_reopen(identity.pid, number, inode) if inode else None)
        if identify(identity.pid) != identity:
            raise ProcessLookupError(errno.ESRCH, os.strerror(errno.ESRCH))
    except OSError:
        for fd in opened:
            if fd is not None:
                os.close(fd)
        raise
    return Pipes(*opened)


def place_of(fd: int | None) -> int:
    """By what the master's end of a pipe is found again, its inode; or that of a terminal, whose number is below 0."""
    if fd is None:
        return 0
    found = os.fstat(fd)
    terminal = number_of(fd) if stat.S_ISCHR(found.st_mode) else -1
    return found.st_ino if terminal < 0 else -1 - terminal


def terminal_in(place: int) -> int:
    """The number of the terminal."""
    return -1 - place


def given_pipes(pid: int) -> tuple[int, int, int]:
    """Inodes, as for `reopen_pipes`, of the pipes that a master gave it, if they were not recorded.

    Output pipes can be recognised, since they are open both ways. The input pipe cannot.
    """
    stdout, stderr = (_both_ways(pid, number) for number in (1, 2))
    return (0, stdout, 0 if stderr == stdout else stderr)


def _both_ways(pid: int, number: int) -> int:
    try:
        found = os.stat(f"/proc/{pid}/fd/{number}")
        with open(f"/proc/{pid}/fdinfo/{number}", encoding="ascii") as file:
            flags = next(int(line.split()[1], 8) for line in file if line.startswith("flags:"))
    except (OSError, StopIteration):
        return 0
    return found.st_ino if stat.S_ISFIFO(found.st_mode) and flags & os.O_ACCMODE == os.O_RDWR else 0


def _reopen(pid: int, number: int, inode: int) -> int | None:
    folder = f"/proc/{pid}/fd"
    # First under the original number; but a program may have moved it.
    for name in (str(number), *os.listdir(folder)):
        try:
            held = os.open(f"{folder}/{name}", os.O_PATH | os.O_CLOEXEC)
        except FileNotFoundError:
            continue  # closed since
        try:
            # Checked while it is open: the program could replace it by any file, even one that only we may open.
            found = os.fstat(held)
            if found.st_ino == inode and stat.S_ISFIFO(found.st_mode):
                way = os.O_WRONLY if number == 0 else os.O_RDONLY
                return os.open(f"/proc/self/fd/{held}", way | os.O_NONBLOCK | os.O_CLOEXEC)
        finally:
            os.close(held)
    return None
