"""A journal on a disk, which the loop never waits for: it hands records to the thread of that disk.

What the disk does not take in time is counted, and a gap record stands for it there; in memory it is all the same. The
numbers of records are reserved in the file before they are used, so that the next master uses none of them again, even
if this one is killed. Where the disk does not let it reserve any, the next number is the time in milliseconds.
"""

import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from procman.logs.disk_call import DiskTimeout
from procman.logs.disk_workers import DiskWorkers
from procman.runtime.bus import Sequence
from procman.runtime.call_queue import CallQueue
from procman.runtime.journal.disk_file import BLOCK, DiskFile, End, Missing
from procman.runtime.journal.read_back import Wanted, read_back
from procman.runtime.journal.record import Record, from_json
from procman.runtime.journal.ring import RING_BYTES

# So many records wait for the disk at most.
MOST_WAITING = 2000
# How long a client waits for what is read back, in seconds.
READ_BACK_WITHIN = 10.0
SILENT = "its disk does not answer"
KILLED = "the master ended without notice: what was only in its memory is missing"


class JournalFile:
    """Hands records to a `DiskFile`; everything here happens on the loop."""

    def __init__(
        self,
        disks: DiskWorkers,
        path: str,
        maxbytes: int,
        sequence: Sequence,
        *,
        report: Callable[[str], None],
        remark: Callable[[str], None] = lambda _: None,
        last_operation: Callable[[], int] = lambda: 0,
    ) -> None:
        """How it is written.

        Args:
            disks: one of them does it.
            path: of the newer file.
            maxbytes: at this size it is rotated.
            sequence: the numbers of the records.
            report: gets a text for the master's log when a failure begins, and when it ends.
            remark: gets what is less.
            last_operation: the id of the last operation, for the next master; it may be asked on any thread.
        """
        self.path = path
        self.operations_before = 0  # the id of the last operation of an earlier master; 0: none is known
        self._disk = disks.for_path(path)
        self._disk.users[self] = None
        self._sequence = sequence
        self._report = report
        self._remark = remark
        self._file = DiskFile(path, maxbytes, partial(self._pass_report, report), last_operation=last_operation)
        self._reading = CallQueue(READ_BACK_WITHIN)
        self._queue: deque[Record | Missing] = deque()  # for the thread: both sides use it without a lock
        self._refused: list[Record] = []  # the first and the last that found too many waiting
        self._refused_count = 0
        self._asked = 0  # the number up to which they are, or will be, reserved
        self._leapt = False  # and none has been reserved since
        self._will_write = False

    def begin(self) -> Record | None:
        """Find out which numbers were used before, and go on after them; returns the record of what is missing.

        Waits for the disk as briefly as `DiskWorker.call` does.
        """
        try:
            end = self._disk.call(self._file.find_end, even_if_busy=True)
        except (DiskTimeout, OSError):
            self._leap()
            return None
        if end.note:
            self._remark(end.note)
        return self._after(end)

    def load(self, take: Callable[[list[Record]], None]) -> None:
        """Read the last records beside the loop; `take` gets them."""

        def read() -> None:
            records, strange = self._file.load(RING_BYTES)
            self._disk.call_on_loop(partial(take, records))
            if strange:
                lines = "1 line" if strange == 1 else f"{strange} lines"
                self._pass_report(self._report, f"cannot understand {lines} of journal {self.path}; left out")

        self._disk.post(read)

    async def read_back(self, wanted: Wanted) -> list[Record]:
        """What is written there, the oldest first; raises OSError, and TakesTooLong."""
        return await self._reading.do(partial(read_back, self.path, wanted))

    def write(self, record: Record) -> None:
        """Have it written."""
        if len(self._queue) >= MOST_WAITING:
            self._refused[1:] = [record]
            self._refused_count += 1
            return
        if self._refused:
            self._queue.append(self._take_refused())
        self._queue.append(record)
        self._post()

    def used(self, seq: int) -> None:
        """That number is used: see to it that the next one may be."""
        if seq + BLOCK // 2 > self._asked:
            self._asked = seq + BLOCK
            self._post()
        if seq < self._file.reserved:
            self._leapt = False
        elif not self._leapt:
            self._reserve_now(seq)

    def reopen(self) -> None:
        """Open the path again, after what was given before is written."""
        self._disk.post(self._write)
        self._disk.post(self._file.reopen)

    def close(self) -> None:
        """Write what is left, and close it."""
        if self._refused:
            self._queue.append(self._take_refused())
        self._disk.post(self._write)
        self._disk.post(partial(self._end, self._sequence.last))

    def abandon(self) -> None:
        """The master ends and waits no longer."""
        self._disk.users.pop(self, None)
        left = sum(isinstance(entry, Record) for entry in self._queue) + self._refused_count
        if left:
            self._report(f"{left} records were not written to journal {self.path}: {SILENT}")

    def snapshot(self) -> dict[str, Any]:
        """Plain data for `restore`; when the master executes its successor, the thread rests, and some may wait."""
        return {
            "path": self.path,
            "reserved": self._file.reserved,
            "missing": self._file.missing,
            "waiting": [entry.to_json() for entry in tuple(self._queue) if isinstance(entry, Record)],
        }

    def restore(self, data: Mapping[str, Any]) -> bool:
        """Go on from what `snapshot` returned; False if that was of another file."""
        if data["path"] != self.path:
            return False
        self._asked = self._file.reserved = data["reserved"]
        if data["missing"] is not None:
            self._file.missing = Missing(*data["missing"])
        self._queue.extend(from_json(plain) for plain in data["waiting"])
        self._post()
        return True

    # ---- private

    def _after(self, end: End) -> Record | None:
        first, last = end.last + 1, end.used
        if not end.used and not end.is_clean:
            self._leap()
            return None
        self.operations_before = end.operation
        self._sequence.last = max(self._sequence.last, end.used)
        self._asked = self._sequence.last + BLOCK
        self._post()
        if end.is_clean:
            return None
        seq = self._sequence.next()
        data = {"from": first, "to": last, "reason": KILLED}
        return Record(seq, time.time(), time.monotonic(), "gap", data=data)

    def _post(self) -> None:
        if not self._will_write:
            self._will_write = True
            self._disk.post(self._write)

    def _take_refused(self) -> Missing:
        first, last = self._refused[0], self._refused[-1]
        missing = Missing(first.seq, last.seq, self._refused_count, SILENT, last.time, last.mono)
        self._refused, self._refused_count = [], 0
        return missing

    def _reserve_now(self, seq: int) -> None:
        """The numbers that were reserved are used up: the thread was too slow, or its disk is."""
        self._asked = max(self._asked, seq + BLOCK)
        with suppress(DiskTimeout):
            self._disk.call(self._write)
        if seq >= self._file.reserved:
            self._leap()

    def _leap(self) -> None:
        """Go on with a number that no master has reached by counting."""
        self._leapt = True
        self._sequence.last = max(self._sequence.last, int(time.time() * 1000))
        self._asked = self._sequence.last + BLOCK
        self._post()

    # ---- on the thread of the disk

    def _write(self) -> None:
        self._will_write = False
        batch: list[Record] = []
        for _ in range(len(self._queue)):
            entry = self._queue.popleft()
            if isinstance(entry, Record):
                batch.append(entry)
                continue
            self._file.write(batch, self._asked)
            batch = []
            self._file.note_missing(entry)
        self._file.write(batch, self._asked)

    def _end(self, last: int) -> None:
        self._file.end(last)
        self._disk.call_on_loop(partial(self._disk.users.pop, self, None))

    def _pass_report(self, report: Callable[[str], None], text: str) -> None:
        self._disk.call_on_loop(partial(report, text))
