"""Gives listening sockets to a child as systemd does: as the descriptors from 3 on, see sd_listen_fds(3).

LISTEN_PID is the pid of the program itself, which is known in the child alone. So the child puts the descriptors in
their places and executes the program, by a function that was prepared before the fork: decision 0014. It takes no lock
of another thread. A pipe that the exec closes tells why it has failed.
"""

import fcntl
import os
import resource
from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn

from procman.system.commands import Command

FIRST = 3  # SD_LISTEN_FDS_START
_MOST = 1 << 20  # descriptors of a process, where it has no limit
_NOT_EXECUTED = 127


class Inheritance:
    """The sockets of one start. Call `close` in the parent in any case."""

    def __init__(
        self,
        command: Command,
        environment: Mapping[bytes, bytes],
        sockets: Sequence[int],
        names: Sequence[str],
        kept: Sequence[int] = (),
    ) -> None:
        """Prepare it: `names` are those of the sockets; `kept` are other descriptors that the program gets.

        Raises OSError.
        """
        self.above = FIRST + len(sockets)
        assert all(fd >= self.above for fd in kept)
        self._command = command
        self._environment = {
            **environment,
            b"LISTEN_FDS": str(len(sockets)).encode(),
            b"LISTEN_FDNAMES": ":".join(names).encode(),
        }
        self._sockets = tuple(sockets)
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
        self._kept = sorted({*kept, self._writer})

    def execute(self, before: Callable[[], object] | None) -> NoReturn:
        """In the child, last of all: `before`, and then the program. What `before` raises is for the caller."""
        if before is not None:
            before()
        try:
            # First out of the way of each other.
            copies = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, self.above) for fd in self._sockets]
            for place, fd in enumerate(copies):
                os.dup2(fd, FIRST + place)
            first = self.above
            for fd in self._kept:
                os.closerange(first, fd)
                first = fd + 1
            os.closerange(first, self._end)
            self._environment[b"LISTEN_PID"] = str(os.getpid()).encode()
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


def out_of_the_way(fd: int, sockets: int) -> int:
    """The descriptor, or another one for the same, if the places of so many sockets include it; it is closed then."""
    if fd >= FIRST + sockets:
        return fd
    try:
        return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, FIRST + sockets)
    finally:
        os.close(fd)
