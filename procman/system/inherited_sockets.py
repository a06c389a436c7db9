"""Gives a child descriptors with the numbers that it expects.

Listening sockets are the ones from 3 on, as with systemd: see sd_listen_fds(3). The one on which it says that it is
ready has a number that the configuration names, as with s6.

LISTEN_PID is the pid of the program itself, which is known in the child alone, as is LISTEN_PIDFDID. So the child puts
the descriptors in their places and executes the program, by a function that was prepared before the fork: decision
0014. It takes no lock of another thread. A pipe that the exec closes tells why it has failed.
"""

import fcntl
import os
import resource
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import NoReturn

from procman.system.commands import Command

FIRST = 3  # SD_LISTEN_FDS_START
_MOST = 1 << 20  # descriptors of a process, where it has no limit
_NOT_EXECUTED = 127


class Inheritance:
    """The descriptors of one start. Call `close` in the parent in any case."""

    def __init__(
        self,
        command: Command,
        environment: Mapping[bytes, bytes],
        sockets: Sequence[int],
        names: Sequence[str],
        kept: Sequence[int] = (),
        *,
        ready: tuple[int, int] | None = None,
    ) -> None:
        """Prepare it: `names` are those of the sockets; `kept` are other descriptors that the program gets.

        `ready` is one more descriptor, and the number that it gets. Raises OSError.
        """
        self._places = {FIRST + at: fd for at, fd in enumerate(sockets)}
        if ready is not None:
            self._places[ready[1]] = ready[0]
        self.above = first_free(len(sockets), None if ready is None else ready[1])
        assert all(fd >= self.above for fd in kept)
        self._command = command
        self._environment = dict(environment)
        self._listens = bool(sockets)
        self._has_pidfdid = self._listens and _pidfds_have_ids()
        if sockets:
            self._environment.pop(b"LISTEN_PIDFDID", None)
            self._environment[b"LISTEN_FDS"] = str(len(sockets)).encode()
            self._environment[b"LISTEN_FDNAMES"] = ":".join(names).encode()
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        self._end = _MOST if soft == resource.RLIM_INFINITY else soft
        self._reader, writer = os.pipe()
        try:
            self._writer = fcntl.fcntl(writer, fcntl.F_DUPFD_CLOEXEC, self.above)
        except OSError:
            os.close(self._reader)
            raise
        finally:
            os.close(writer)
        self._kept = sorted({*self._places, *kept, self._writer})

    def execute(self, before: Callable[[], object] | None) -> NoReturn:
        """In the child, last of all: `before`, and then the program. What `before` raises is for the caller."""
        if before is not None:
            before()
        try:
            # First out of the way of each other.
            copies = {place: fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, self.above) for place, fd in self._places.items()}
            for place, fd in copies.items():
                os.dup2(fd, place)
            first = FIRST
            for fd in self._kept:
                os.closerange(first, fd)
                first = fd + 1
            os.closerange(first, self._end)
            if self._listens:
                self._environment[b"LISTEN_PID"] = str(os.getpid()).encode()
            if self._has_pidfdid:
                # Other than a pid, no later process ever has the same. The exec closes the descriptor.
                pidfd = os.pidfd_open(os.getpid())
                self._environment[b"LISTEN_PIDFDID"] = str(os.fstat(pidfd).st_ino).encode()
            os.execve(self._command.file, self._command.argv, self._environment)  # noqa: S606 - that is the purpose
        except OSError as error:
            os.write(self._writer, str(error.errno or 0).encode())
        except ValueError:
            os.write(self._writer, b"0")
        os._exit(_NOT_EXECUTED)

    def failure(self) -> OSError | None:
        """In the parent, after the fork: why the child could not execute the program."""
        os.close(self._writer)
        self._writer = -1
        with open(self._reader, "rb", closefd=False) as file:
            said = file.read()
        if not said:
            return None
        number = int(said)
        return OSError(number, os.strerror(number) if number else "that cannot be executed", self._command.file)

    def close(self) -> None:
        """Close what is open."""
        for fd in (self._reader, self._writer):
            if fd >= 0:
                os.close(fd)
        self._reader = self._writer = -1


def first_free(sockets: int, ready: int | None) -> int:
    """The first number above the places of so many sockets, and of the descriptor that has the number `ready`."""
    return max(FIRST + sockets, 0 if ready is None else ready + 1)


@cache
def _pidfds_have_ids() -> bool:
    """Whether the inode number of a pidfd is that of one process (Linux 6.9); before, all descriptors share one."""
    try:
        pidfd = os.pidfd_open(os.getpid())
    except OSError:
        return False
    other = os.eventfd(0)
    try:
        return os.fstat(pidfd).st_dev != os.fstat(other).st_dev
    finally:
        os.close(pidfd)
        os.close(other)


def out_of_the_way(fd: int, first: int) -> int:
    """The descriptor, or another one for the same from `first` on, if it is below that; it is closed then."""
    if fd >= first:
        return fd
    try:
        return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, first)
    finally:
        os.close(fd)
