"""What the kernel says of pipes, and how much they hold."""

import contextlib
import fcntl
import struct
import termios

PAGES = 1 << 16  # what a pipe holds that nobody has enlarged, in bytes


def enlarge(fd: int, size: int) -> int:
    """Make a pipe larger if that is allowed; return what it holds, in bytes."""
    try:
        capacity = fcntl.fcntl(fd, fcntl.F_GETPIPE_SZ)
    except OSError:
        return PAGES  # not a pipe
    if capacity < size:
        with contextlib.suppress(OSError):  # the user's share of pipe memory is used up
            capacity = fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, size)
    return capacity


def readable_bytes(fd: int) -> int:
    """How many bytes are in it to be read; 0 where that cannot be told."""
    try:
        (count,) = struct.unpack("i", fcntl.ioctl(fd, termios.FIONREAD, bytes(4)))
    except OSError:
        return 0
    return int(count)
