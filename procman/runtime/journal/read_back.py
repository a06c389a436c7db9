"""Reads records back from the files of a journal, for questions about a time that the memory does not reach.

It reads from the end, block by block, until it has come to that time. It blocks and takes its time, so it has a thread
of its own, and lets the loop have the interpreter's lock again and again.
"""

import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from procman.runtime.journal.disk_file import record_in
from procman.runtime.journal.record import Record
from procman.system.safe_open import open_log

# Read at a time, in bytes. One more block is read than asked for: it has what led there.
BLOCK = 1 << 18
# At most so many records are read back.
MOST = 20_000
# After so many lines the loop may go on.
LINES_AT_ONCE = 50

TOO_MANY = f"the file of the journal has more: at most {MOST} records are read back"
NOT_KEPT = "older records are not in the file of the journal any more"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which records: those with a higher number than `seq`, and not older than `time`."""

    seq: int = 0
    time: float = 0.0  # seconds since the epoch
    names: tuple[str, ...] = ()  # namespecs: only what is about them, or about no process; none: all
    needles: tuple[bytes, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "needles", tuple(json.dumps(name).encode() for name in self.names))

    def is_reached(self, record: Record) -> bool:
        """Whether this record is older than all that is wanted."""
        return record.seq <= self.seq or record.time < self.time

    def may_have(self, line: bytes) -> bool:
        """Whether a line may be wanted: reading all of it takes twenty times as long."""
        return not self.needles or b'"name"' not in line or any(needle in line for needle in self.needles)


def read_back(path: str, wanted: Wanted, most: int = MOST) -> list[Record]:
    """The records, the oldest first; a gap comes first where some are missing before them. Raises OSError."""
    found: list[list[Record]] = []
    count, reached = 0, False
    for lines in _blocks(path):
        if count >= most:
            break
        block = _records(lines, wanted)
        found.append(block)
        count += len(block)
        if reached:
            break
        reached = bool(block) and wanted.is_reached(block[0])
    else:
        return _with_gap([record for block in reversed(found) for record in block], wanted, NOT_KEPT)
    records = [record for block in reversed(found) for record in block]
    return records if reached else _with_gap(records, wanted, TOO_MANY)


def _with_gap(records: list[Record], wanted: Wanted, reason: str) -> list[Record]:
    first = wanted.seq + 1
    if not records or records[0].seq <= first:
        return records
    oldest = records[0]
    data = {"from": first, "to": oldest.seq - 1, "reason": reason}
    return [Record(oldest.seq - 1, oldest.time, oldest.mono, "gap", data=data), *records]


def _records(lines: Sequence[bytes], wanted: Wanted) -> list[Record]:
    found = []
    for number, line in enumerate(lines):
        if number % LINES_AT_ONCE == 0:
            time.sleep(0)
        if wanted.may_have(line):
            try:
                record = record_in(line)
            except ValueError:
                continue  # the log says so when a master begins
            if record is not None:
                found.append(record)
    return found


def _blocks(path: str) -> Iterator[list[bytes]]:
    """The lines of both files in blocks, the last block first."""
    with ExitStack() as stack:
        files: list[int] = []
        for one in (path, f"{path}.1"):
            try:
                fd = open_log(one, os.O_RDONLY | os.O_NONBLOCK)
            except FileNotFoundError:
                continue
            stack.callback(os.close, fd)
            # It may have been rotated right now.
            if not any(os.path.sameopenfile(fd, other) for other in files):
                files.append(fd)
        for fd in files:
            yield from _blocks_of(fd)


def _blocks_of(fd: int) -> Iterator[list[bytes]]:
    position, rest = os.fstat(fd).st_size, b""
    while position:
        size = min(BLOCK, position)
        position -= size
        data = os.pread(fd, size, position) + rest
        # The first line of a block began in the one before.
        begun = data.find(b"\n") + 1 if position else 0
        rest = data[:begun] if begun or not position else data
        if begun or not position:
            yield data[begun:].splitlines()
