"""Pseudo-terminals for programs: made before a start, taken over from a process that another master has started.

A program holds the master's end of its terminal itself, as it does with its pipes, so that it is not hung up when its
master is killed. The next master gets that end by pidfd_getfd(2): to open it through /proc would make a new terminal.
"""

import errno
import fcntl
import os
import re
import stat
import struct
import termios
from collections.abc import Callable

from procman.system.pidfd import copy_descriptor, open_pidfd
from procman.system.proc import Identity

# What a terminal has until somebody looks at it: programs take 0 columns for a mistake.
ROWS, COLUMNS = 24, 80

# include/uapi/asm-generic/ioctls.h: the number of the terminal, of its master's end.
_TIOCGPTN = 0x80045430


def open_terminal(rows: int = ROWS, columns: int = COLUMNS) -> tuple[int, int]:
    """The master's end of a new one, which does not block, and the program's; raises OSError."""
    ours, theirs = os.openpty()
    try:
        os.set_blocking(ours, False)
        set_size(ours, rows, columns)
    except OSError:
        os.close(ours)
        os.close(theirs)
        raise
    return ours, theirs


def is_terminal(fd: int) -> bool:
    """Whether it is the master's end of one (or the other end)."""
    return stat.S_ISCHR(os.fstat(fd).st_mode) and os.isatty(fd)


def number_of(fd: int) -> int:
    """Which one it is of this system; -1 if it is not the master's end of one."""
    try:
        (number,) = struct.unpack("i", fcntl.ioctl(fd, _TIOCGPTN, bytes(4)))
    except OSError:
        return -1
    return int(number)


def size_of(fd: int) -> tuple[int, int]:
    """Its rows and columns; raises OSError."""
    rows, columns, _, _ = struct.unpack("HHHH", fcntl.ioctl(fd, termios.TIOCGWINSZ, bytes(8)))
    return int(rows), int(columns)


def set_size(fd: int, rows: int, columns: int) -> None:
    """Tell it how large its window is; the foreground processes get SIGWINCH if that is new. Raises OSError."""
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def take_control(then: Callable[[], object] | None) -> None:
    """In the child, between fork and exec: make stdout the terminal that controls its session, and call `then`.

    It takes no lock, so it is safe whatever other threads did at the fork.
    """
    fcntl.ioctl(1, termios.TIOCSCTTY, 0)
    if then is not None:
        then()


def take_over(identity: Identity, number: int) -> int:
    """The master's end of the terminal with that number, which the process holds; raises OSError."""
    folder = f"/proc/{identity.pid}/fd"
    pidfd = open_pidfd(identity)
    if pidfd is None:
        raise ProcessLookupError(errno.ESRCH, os.strerror(errno.ESRCH))
    try:
        for name in os.listdir(folder):
            if not re.search(r"ptmx$", _link(f"{folder}/{name}")):
                continue
            fd = copy_descriptor(pidfd, int(name))
            if number_of(fd) == number:
                return fd
            os.close(fd)
    finally:
        os.close(pidfd)
    raise OSError(errno.ENOENT, "it has closed its terminal")


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""
