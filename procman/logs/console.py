"""The master's own stdout or stderr as a destination that many streams share: a queue of lines that never blocks."""

import asyncio
import os
import select
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from procman.logs.disk_workers import DiskWorkers
from procman.logs.dropped_lines import DroppedLines
from procman.logs.nonblocking_output import ConsoleOutput, open_output
from procman.logs.write_failure import WriteFailure, write_all

# Programs have to wait from here on, in bytes. One that was being read may overshoot it by what a pump reads in a turn.
LIMIT = 1 << 20
# So that the master's own lines still fit when a flooding program keeps a slow reader's buffer full.
RESERVE = 1 << 19

_NEWLINE = ord("\n")
_BATCH = 65536  # short lines are joined up to a pipe's usual size

_TARGETS = {
    "/dev/stdout": 1,
    "/dev/fd/1": 1,
    "/proc/self/fd/1": 1,
    "/dev/stderr": 2,
    "/dev/fd/2": 2,
    "/proc/self/fd/2": 2,
}


def console_target(path: str) -> int | None:
    """Return 1 or 2 if a logfile's path means the master's own stdout or stderr."""
    return _TARGETS.get(os.path.normpath(path))


class LineSource(Protocol):
    """A stream whose lines are on the console: `ConsoleStream`."""

    lost: int

    def report_dropped(self) -> None:
        """Report how many lines were dropped since the last report."""

    def report_lost(self, count: int, reason: str) -> None:
        """Report that so many bytes will never be written."""


class Console:
    """One destination. Every stream that goes there, the master's log too, goes through the same object.

    Without a loop, that is before it runs, everything is written at once as far as possible; the rest waits.
    """

    def __init__(
        self,
        fd: int,
        loop: asyncio.AbstractEventLoop | None = None,
        *,
        disks: DiskWorkers | None = None,
        on_problem: Callable[[str], None] = lambda _text: None,
        on_flushed: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
        limit: int = LIMIT,
        reserve: int = RESERVE,
    ) -> None:
        self.fd = fd
        self.dropped = DroppedLines(clock, lambda: self.ready)
        self._loop = loop
        self._clock = clock
        self._limit = limit
        self._reserve = reserve
        self._on_problem = on_problem
        self._failure = WriteFailure(on_problem, clock)
        self._on_flushed = on_flushed
        self._queue: deque[tuple[LineSource, memoryview]] = deque()
        self._queued = 0
        self._watched = False
        self._at_line_start = True
        self._waiting: dict[Callable[[], None], None] = {}  # first come, first served
        self._output: ConsoleOutput | None = None
        try:
            self._output = open_output(fd, disks, self._on_late_error)
        except OSError as error:
            self._fail(error)

    @property
    def lost(self) -> int:
        """How many bytes of all streams could not be written, ever."""
        return self._failure.lost + self.dropped.bytes

    @property
    def problem(self) -> str | None:
        """What is wrong with the console now."""
        return self._failure.text

    @property
    def ready(self) -> bool:
        """Whether programs may go on."""
        return self._queued < self._limit

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """From now on let this loop write what waits."""
        self._loop = loop
        self._watch()

    def flush(self, timeout: float = 0.0) -> bool:
        """Write what waits, for `timeout` seconds at most; True when nothing waits any more."""
        deadline = self._clock() + timeout
        poll = select.poll()
        if self._output is not None:
            poll.register(self._output.fd, select.POLLOUT)
        while self._queue:
            self._write_queue()
            if self._queue and self._output is not None and self._output.file is not None:
                return False  # at the end, `DiskWorkers.finish` waits for this disk, too
            left = deadline - self._clock()
            if self._queue and (left <= 0 or not poll.poll(left * 1000)):
                return False
        return True

    def abandon(self) -> None:
        """The master ends: what waits is lost; of each stream, report how much."""
        lost: dict[LineSource, int] = {}
        for stream, lines in self._queue:
            lost[stream] = lost.get(stream, 0) + len(lines)
        self._lose_queue()
        is_file = self._output is not None and self._output.file is not None
        reason = "its disk does not answer" if is_file else "nobody read the console"
        for stream, count in lost.items():
            stream.report_lost(count, reason)

    def close(self, timeout: float = 0.0) -> None:
        """Write what can be written within `timeout` seconds, count the rest as lost, close the descriptor."""
        self.flush(timeout)
        self._lose_queue()
        self._unwatch()
        self.dropped.report()
        self._wake()
        if self._output is not None:
            self._output.close()
            self._output = None

    def send(self, stream: LineSource, lines: bytes) -> None:
        """Write whole lines of one stream, now or in their turn."""
        if self._queue and self._loop is None:
            self._write_queue()
        if self._queue:
            self._put(stream, memoryview(lines), len(lines))
            return
        if self._output is None or self._failure.is_backing_off:
            self._lose(stream, len(lines))
            return
        size = len(lines)
        if self._failure.text is not None and not self._at_line_start:
            lines = b"\n" + lines  # the failure cut a line in two; no other stream may continue it
        left, error = self._write(self._output, lines)
        if error is None:
            if self._failure.text is not None:
                self._failure.end(f"{_name(self.fd)} can be written again; {{lost}}")
        elif self._output.can_block and isinstance(error, BlockingIOError):
            self._put(stream, memoryview(lines)[-left:], left)
            self._watch()
        else:
            self._lose(stream, min(left, size))
            self._fail(error)

    def has_room(self, *, for_reserve: bool) -> bool:
        """Whether a stream that drops may add to what waits; `for_reserve`: also where only the reserve is left."""
        return self._queued < self._limit + (self._reserve if for_reserve else 0)

    def on_room(self, callback: Callable[[], None]) -> None:
        """Call back once, in turn with all that wait, when there is room for a program again."""
        self._waiting[callback] = None

    def _write(self, output: ConsoleOutput, data: bytes | memoryview) -> tuple[int, OSError | None]:
        left, error = write_all(output.write, data)
        if left < len(data):
            self._at_line_start = data[len(data) - left - 1] == _NEWLINE
        return left, error

    def _put(self, stream: LineSource, lines: memoryview, size: int) -> None:
        self._queue.append((stream, lines))
        self._queued += size

    def _watch(self) -> None:
        if self._output is not None and self._output.file is not None and self._queue:
            self._output.file.on_room(self._on_file_room)
        elif self._loop is not None and self._output is not None and self._queue and not self._watched:
            self._loop.add_writer(self._output.fd, self._on_writable)
            self._watched = True

    def _unwatch(self) -> None:
        if self._watched and self._loop is not None and self._output is not None:
            self._loop.remove_writer(self._output.fd)
        self._watched = False

    def _on_file_room(self) -> None:
        self._on_writable()
        self._watch()

    def _on_writable(self) -> None:
        self._write_queue()
        # Half empty, so that programs are not resumed for every line that fits again.
        if self._queued <= self._limit // 2:
            self._wake()
        if not self._queue:
            self._unwatch()
            self._on_flushed()

    def _write_queue(self) -> None:
        """Write what waits until the reader is full."""
        while self._queue and self._output is not None:
            batch: list[memoryview] = []
            size = 0
            for _stream, lines in self._queue:
                batch.append(lines)
                size += len(lines)
                if size >= _BATCH:
                    break
            left, error = self._write(self._output, b"".join(batch) if len(batch) > 1 else batch[0])
            self._remove_written(size - left)
            if isinstance(error, BlockingIOError):
                return
            if error is not None:
                self._fail(error)

    def _remove_written(self, size: int) -> None:
        self._queued -= size
        while size:
            stream, lines = self._queue.popleft()
            if size < len(lines):
                self._queue.appendleft((stream, lines[size:]))
                return
            size -= len(lines)

    def _wake(self) -> None:
        """Report what was dropped; let those that wait read one turn each, until the console is full again."""
        self.dropped.report_soon(self._loop)
        while self._waiting and self.ready:
            callback = next(iter(self._waiting))
            del self._waiting[callback]
            callback()

    def _on_late_error(self, error: OSError | None, lost: int) -> None:
        """So many bytes of a file were not written; None: because its disk did not answer to the end."""
        self._failure.lost += lost
        if error is None:
            self._on_problem(f"{lost} bytes for {_name(self.fd)} were not written: its disk does not answer")
        else:
            self._fail(error)

    def _fail(self, error: OSError) -> None:
        """The reader is gone: no program has to wait for it, and it is tried again once a second."""
        self._lose_queue()
        self._unwatch()
        self._failure.begin(
            f"cannot write to {_name(self.fd)}: {error.strerror}; "
            "what goes there is counted as lost until this is mended"
        )
        self._wake()

    def _lose_queue(self) -> None:
        while self._queue:
            stream, lines = self._queue.popleft()
            self._lose(stream, len(lines))
        self._queued = 0

    def _lose(self, stream: LineSource, count: int) -> None:
        stream.lost += count
        self._failure.lost += count


def _name(fd: int) -> str:
    return {1: "stdout", 2: "stderr"}.get(fd, f"descriptor {fd}")
