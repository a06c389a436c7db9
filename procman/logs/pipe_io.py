"""The size of pipes, and what is in them."""

import contextlib
import fcntl
import select
import struct
import termios

# One flooding program to a file that is truncated at 50 MB (ext4): 1710 MiB/s with the kernel's own 64 KiB, 1840 with
# 256 KiB, and no more with 1 MiB (pipe(7)). To a console that is a pipe:
# 860 MiB/s at 0.9 s of CPU for a GiB, and 2260 at 0.4 if that pipe holds 256 KiB, too.
PIPE_SIZE = 1 << 18

# What a pipe holds unless it was resized. One that is never full stays so: to enlarge it costs each start of a program
# two calls for each pipe, and a user other than root may have 64 MiB in all pipes together.
USUAL_SIZE = 1 << 16


def enlarge(fd: int, size: int = PIPE_SIZE) -> int:
    """Make a pipe larger, if that is allowed; return how much it holds, in bytes.

    A pipe that is larger already, or smaller than the default, was resized on purpose and stays as it is.
    """
    try:
        capacity = fcntl.fcntl(fd, fcntl.F_GETPIPE_SZ)
    except OSError:
        return USUAL_SIZE  # not a pipe
    if USUAL_SIZE <= capacity < size:
        with contextlib.suppress(OSError):  # the user's share of pipe memory is used up
            capacity = fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, size)
    return capacity


def readable_bytes(fd: int) -> int:
    """How many bytes are in it to be read; 0 if that is unknown."""
    try:
        (count,) = struct.unpack("i", fcntl.ioctl(fd, termios.FIONREAD, bytes(4)))
    except OSError:
        return 0
    return int(count)


def is_at_end(fd: int) -> bool:
    """Whether it is empty, and has no writers left."""
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return any(event & select.POLLHUP and not event & select.POLLIN for _, event in poll.poll(0))
