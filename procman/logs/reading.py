"""Ranges of a log, with the arithmetic of supervisor's readFile and tailFile, which clients rely on.

Never more than `MAX_READ` bytes at once, and only from regular files: reading anything else might never end, or block.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager

from procman.errors import BadRequest, NoLog, OperationFailed
from procman.logs.ring import Ring
from procman.system.safe_open import open_log

MAX_READ = 16 << 20


def read_log(path: str, offset: int, length: int, *, max_read: int = MAX_READ) -> bytes:
    """Return `length` bytes from `offset` on, all the rest for length 0, or the last -offset bytes for offset < 0.

    If that is more than `max_read`, return the first of it; of the last -offset bytes, the last. Raises BadRequest,
    NoLog or OperationFailed.
    """
    if length < 0 or (offset < 0 and length):
        raise BadRequest(
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

    A log that cannot be read counts as empty, as in supervisor.
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
    except (NoLog, OperationFailed):
        return b"", offset, False


def read_ring(ring: Ring, offset: int, length: int) -> bytes:
    """As `read_log`, of a stream that goes to no file: what the ring has dropped is left out."""
    if length < 0 or (offset < 0 and length):
        raise BadRequest(f"cannot read {length} bytes at offset {offset}: a negative offset goes with length 0")
    if offset < 0:
        return ring.tail(-offset)
    data, _, missed = ring.read(offset)
    return data[: max(0, length - missed)] if length else data


def tail_ring(ring: Ring, offset: int, length: int) -> tuple[bytes, int, bool]:
    """As `tail_log`, of a stream that goes to no file."""
    if ring.end > offset + length:
        return ring.tail(max(length, 0)), ring.end, True
    return ring.read(offset)[0], ring.end, False


@contextmanager
def _opened(path: str) -> Iterator[tuple[int, int]]:
    """Open a log for reading: its descriptor and its size."""
    try:
        fd = open_log(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)  # opening a fifo would wait for a writer
    except (OSError, ValueError) as error:
        kind = OperationFailed if os.path.exists(path) else NoLog
        raise kind(f"cannot read log {path}: {getattr(error, 'strerror', error)}; see whether it was moved") from None
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise OperationFailed(f"cannot read log {path}: it is not a file; read it where it leads to")
        yield fd, status.st_size
    except OSError as error:
        raise OperationFailed(f"cannot read log {path}: {error.strerror}; see whether its disk is well") from None
    finally:
        os.close(fd)


def _read(fd: int, offset: int, length: int) -> bytes:
    """Read up to `length` bytes; the file may have become shorter."""
    parts = []
    while length > 0:
        data = os.pread(fd, length, offset)
        if not data:
            break
        parts.append(data)
        offset += len(data)
        length -= len(data)
    return b"".join(parts)
