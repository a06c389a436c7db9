"""Events that the programs under test record in shared memory; `shared_events.h` has the same layout.

Nothing polls: the program that writes the awaited record rings a bell, which is a fifo.
"""

import mmap
import os
import select
import shutil
import struct
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Self

_RECORDS = 1 << 20
_HEAD = struct.Struct("=QQQQ")
_RECORD = struct.Struct("=QII")
_COUNT, _WANTED, _BYTES = 0, 8, 16
_NUMBER = struct.Struct("=Q")


class Event(IntEnum):
    STARTED = 1
    ASKED_TO_STOP = 2
    WRITTEN = 3


class TookTooLong(Exception):
    """An awaited record did not come."""


@dataclass(frozen=True, slots=True)
class Record:
    time: float  # on time.monotonic(), in seconds
    pid: int
    event: Event


class SharedEvents:
    """The shared memory for one run of one master."""

    def __init__(self) -> None:
        self._folder = tempfile.mkdtemp(prefix="bench-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
        self.path = os.path.join(self._folder, "events")
        self._gate = self.path + ".gate"
        os.mkfifo(self._gate)
        os.mkfifo(self.path + ".bell")
        # For reading and writing: it is never at its end, and never without a reader.
        self._bell = os.open(self.path + ".bell", os.O_RDWR | os.O_NONBLOCK)
        with open(self.path, "w+b") as file:
            file.truncate(_HEAD.size + _RECORDS * _RECORD.size)
            self._memory = mmap.mmap(file.fileno(), 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._memory.close()
        os.close(self._bell)
        shutil.rmtree(self._folder)

    @property
    def count(self) -> int:
        """The number of records."""
        return self._number(_COUNT)

    @property
    def bytes(self) -> int:
        """The bytes written by all programs."""
        return self._number(_BYTES)

    def wait_for(self, count: int, seconds: float) -> None:
        """Wait until there are that many records."""
        _NUMBER.pack_into(self._memory, _WANTED, count)
        deadline = time.monotonic() + seconds
        while self.count < count:
            if not select.select([self._bell], [], [], max(deadline - time.monotonic(), 0))[0]:
                raise TookTooLong(f"{self.count} of {count} records after {seconds:g} s")
            os.read(self._bell, 4096)

    def records(self, first: int = 0) -> Iterator[Record]:
        for number in range(first, min(self.count, _RECORDS)):
            nanoseconds, pid, event = _RECORD.unpack_from(self._memory, _HEAD.size + number * _RECORD.size)
            if event:  # else it is being written
                yield Record(nanoseconds / 1e9, pid, Event(event))

    def open_gate(self) -> float:
        """Release all programs that wait at the gate; return the time."""
        fd = os.open(self._gate, os.O_RDWR)
        now = time.monotonic()
        os.close(os.open(self._gate, os.O_WRONLY))
        os.close(fd)
        return now

    def _number(self, offset: int) -> int:
        (number,) = _NUMBER.unpack_from(self._memory, offset)
        return int(number)
