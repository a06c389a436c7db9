"""How to write to an inherited stdout or stderr without ever waiting for it.

O_NONBLOCK is not set on the inherited descriptor, because it would be set for every process that shares it. A pipe or
a terminal is opened again, a socket gets a flag with every write, a file is written by the thread of its disk, and only
what is always ready (/dev/null) is written as it is.
"""

import os
import select
import socket
import stat
from collections.abc import Callable
from typing import NamedTuple

from procman.logs.console_file import ConsoleFile
from procman.logs.disk_workers import DiskWorkers
from procman.logs.pipe_io import enlarge

# What a terminal surely takes when it is polled writable, in bytes; a pipe takes PIPE_BUF (pipe(7)).
_TERMINAL_ROOM = 256


class ConsoleOutput(NamedTuple):
    """An opened destination."""

    fd: int  # our own, for the loop to watch
    write: Callable[[bytes | memoryview], int]
    close: Callable[[], None]
    can_block: bool  # it may be full
    file: ConsoleFile | None = None


def open_output(fd: int, disks: DiskWorkers | None, on_error: Callable[[OSError | None, int], None]) -> ConsoleOutput:
    """Open it; raises OSError. A pipe becomes larger (`pipe_io.py` says why); else nothing changes for its owner.

    `on_error` is that of ConsoleFile. Without `disks` a file is written directly.
    """
    status = os.fstat(fd)
    mode = status.st_mode
    if stat.S_ISSOCK(mode):
        sock = socket.socket(fileno=os.dup(fd))
        return ConsoleOutput(
            sock.fileno(), lambda data: sock.send(data, socket.MSG_DONTWAIT), sock.close, can_block=True
        )
    is_terminal = stat.S_ISCHR(mode) and os.isatty(fd)
    can_block = stat.S_ISFIFO(mode) or is_terminal
    if can_block:
        try:
            own = os.open(f"/proc/self/fd/{fd}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
        except OSError:  # another user's terminal (su), or no /proc
            own = os.dup(fd)
            enlarge(own)
            return ConsoleOutput(
                own, _write_when_polled(own, is_terminal=is_terminal), lambda: os.close(own), can_block=True
            )
        enlarge(own)
    else:
        own = os.dup(fd)  # of a file: other writers go on to share its offset
        if stat.S_ISREG(mode) and disks is not None:
            folder = os.path.dirname(os.readlink(f"/proc/self/fd/{fd}"))
            file = ConsoleFile(own, disks.for_device(folder, status.st_dev), on_error)
            return ConsoleOutput(own, file.write, file.close, can_block=True, file=file)
    return ConsoleOutput(own, lambda data: os.write(own, data), lambda: os.close(own), can_block=can_block)


def _write_when_polled(fd: int, *, is_terminal: bool) -> Callable[[bytes | memoryview], int]:
    """Return a write for a descriptor that would block: only when polled writable, and only what surely fits then."""
    poll = select.poll()
    poll.register(fd, select.POLLOUT)
    fits = _TERMINAL_ROOM if is_terminal else select.PIPE_BUF

    def write(data: bytes | memoryview) -> int:
        if not poll.poll(0):
            raise BlockingIOError
        return os.write(fd, data[:fits])

    return write
