"""What the kernel says of pipes, and how much they hold."""

import contextlib
import fcntl
import select
import struct
import termios

# One flooding program to a file that begins anew at 50 MB (ext4): 1710 MiB/s with the kernel's own 64 KiB, 1840 with
# 256 KiB, and no more with 1 MiB, of which a user who is not root may have 64 (pipe(7)). To a console that is a pipe:
# 860 MiB/s at 0.9 s of CPU for a GiB, and 2260 at 0.4 where that pipe holds 256 KiB, too.
PIPE_SIZE = 1 << 18

_USUAL = 1 << 16  # what a pipe holds that nobody has enlarged


def enlarge(fd: int, size: int = PIPE_SIZE) -> int:
    """Make a pipe larger, if that is allowed; return what it holds, in bytes.

    One that is larger already, or smaller than usual, is as somebody wants it.
    """
    try:
        capacity = fcntl.fcntl(fd, fcntl.F_GETPIPE_SZ)
    except OSError:
        return _USUAL  # not a pipe
    if _USUAL <= capacity < size:
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


def is_at_end(fd: int) -> bool:
    """Whether nothing is in it, and nobody is left who could write to it."""
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return any(event & select.POLLHUP and not event & select.POLLIN for _, event in poll.poll(0))
