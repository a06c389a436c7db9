"""Parts of a log file, with the arithmetic of supervisor's readFile and tailFile, which clients rely on.

Never more than `MAX_READ` bytes at once, and only from regular files: anything else might not end, or not begin.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager

from procman.errors import BadRequest, ProcmanError
from procman.logs.ring import Ring
from procman.logs.safe_open import open_log

MAX_READ = 16 << 20


class BadRange(BadRequest):
    """The offset and the length make no sense together (supervisor's fault BAD_ARGUMENTS)."""


class CannotRead(ProcmanError):
    """The log cannot be read (supervisor's fault FAILED)."""


def read_log(path: str, offset: int, length: int, *, max_read: int = MAX_READ) -> bytes:
    """Return `length` bytes from `offset` on, all the rest for length 0, or the last -offset bytes for offset < 0.

    Where that is more than `max_read`, the first of it; of the last bytes the last.
    """
    if length < 0 or (offset < 0 and length):
        raise BadRange(
            f"cannot read {length} bytes at offset {offset}: "
            "a negative offset goes with length 0, and no length is negative"
        )
    with _opened(path) as (fd, size):
        if offset < 0:
            length = min(-offset, size, max_read)
            offset = size - length
        return _read(fd, offset, min(length or max_read, max_read))


def tail_log(path: str, offset: int, length: int, *, max_read: int = MAX_READ) -> tuple[bytes, int, bool]:
    """Return the last `length` bytes if there is more than that after `offset`, the size, and whether there was more.

    A log that cannot be read gives nothing, as with supervisor.
    """
    try:
        with _opened(path) as (fd, size):
            more = size > offset + length
            if more:
                offset = size - 1
            if offset + length > size:
                if offset > size - 1:
                    length = 0
                offset = size - length
            offset = max(offset, 0)
            length = min(max(length, 0), max(size - offset, 0))
            skipped = max(length - max_read, 0)
            return _read(fd, offset + skipped, length - skipped), size, more
    except CannotRead:
        return b"", offset, False


def read_ring(ring: Ring, offset: int, length: int) -> bytes:
    """As `read_log`, of what is kept in memory of a stream that goes to no file; what has left the ring is left out."""
    if length < 0 or (offset < 0 and length):
        raise BadRange(f"cannot read {length} bytes at offset {offset}: a negative offset goes with length 0")
    if offset < 0:
        return ring.tail(-offset)
    data, _, missed = ring.read(offset)
    return data[: max(0, length - missed)] if length else data


def tail_ring(ring: Ring, offset: int, length: int) -> tuple[bytes, int, bool]:
    """As `tail_log`, of what is kept in memory."""
    if ring.end > offset + length:
        return ring.tail(max(length, 0)), ring.end, True
    return ring.read(offset)[0], ring.end, False


@contextmanager
def _opened(path: str) -> Iterator[tuple[int, int]]:
    """Open a log for reading: its descriptor and its size."""
    try:
        fd = open_log(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)  # a fifo would wait for a writer
    except (OSError, ValueError) as error:
        raise CannotRead(
            f"cannot read log {path}: {getattr(error, 'strerror', error)}; see whether it was moved"
        ) from None
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise CannotRead(f"cannot read log {path}: it is not a file; read it where it leads to")
        yield fd, status.st_size
    except OSError as error:
        raise CannotRead(f"cannot read log {path}: {error.strerror}; see whether its disk is well") from None
    finally:
        os.close(fd)


def _read(fd: int, offset: int, length: int) -> bytes:
    """Read up to `length` bytes; a file may be shorter meanwhile."""
    parts = []
    while length > 0:
        data = os.pread(fd, length, offset)
        if not data:
            break
        parts.append(data)
        offset += len(data)
        length -= len(data)
    return b"".join(parts)
