"""Reads logs back, with supervisor's arithmetic of offsets and lengths (its clients count on it)."""

import os

from procman.errors import ProcmanError

# More is not read at once: a request for "all of it" must not take all of the memory.
MOST = 16 * 1024 * 1024


class BadArguments(ProcmanError):
    """An offset and a length that make no sense together."""


class CannotRead(ProcmanError):
    """There is no such file, or it may not be read."""


def read_log(path: str, offset: int, length: int) -> bytes:
    """Part of a file: from `offset` on `length` bytes, all there is for 0; a negative offset is the last bytes.

    Raises BadArguments for a negative length, or any length with a negative offset; CannotRead.
    """
    if length < 0 or (offset < 0 and length):
        raise BadArguments(
            "cannot read that part of a log: expected a length of 0 or more, and 0 with a negative offset"
        )
    try:
        with open(path, "rb", buffering=0) as file:
            size = os.fstat(file.fileno()).st_size
            start = max(0, size + offset) if offset < 0 else min(offset, size)
            wanted = -offset if offset < 0 else length or size - start
            file.seek(start)
            return _read(file.fileno(), min(wanted, MOST))
    except OSError as error:
        raise CannotRead(f"cannot read {path}: {error.strerror}") from None


def tail_log(path: str, offset: int, length: int) -> tuple[bytes, int, bool]:
    """What came after `offset`, at most `length` bytes; where to go on; whether something was left out between.

    The numbers are odd where the log is longer than was asked for, and are supervisor's.
    """
    try:
        with open(path, "rb", buffering=0) as file:
            size = os.fstat(file.fileno()).st_size
            overflow = size > offset + length
            if overflow:
                offset = size - 1
            if offset + length > size:
                if offset > size - 1:
                    length = 0
                offset = size - length
            offset, length = max(offset, 0), max(length, 0)
            file.seek(offset)
            return _read(file.fileno(), min(length, MOST)), size, overflow
    except OSError:
        return b"", offset, False


def _read(fd: int, count: int) -> bytes:
    parts = []
    while count > 0:
        data = os.read(fd, count)
        if not data:
            break
        parts.append(data)
        count -= len(data)
    return b"".join(parts)
