"""The master's own stdout or stderr as a destination that many streams share.

Whole lines only, so two programs never share one; and never blocking, even when nobody reads. O_NONBLOCK is not
set on the inherited descriptor, because it would be set for whoever gave it too: a pipe or a terminal is opened again,
a socket is told with every write, a file is written by the thread of its disk, and only what is always ready
(/dev/null) is written as it is.
"""

import asyncio
import os
import select
import socket
import stat
import time
from collections import deque
from collections.abc import Callable
from enum import Enum
from functools import partial
from typing import NamedTuple

from procman.logs.disk_worker import Disk, Disks, NoAnswer
from procman.logs.formats import Format
from procman.logs.lines import LineSplitter
from procman.logs.log_file import ENOUGH
from procman.logs.pipe_io import enlarge
from procman.logs.write_failure import WriteFailure, write_all

# Programs are made to wait from here on. One that was being read may overshoot it by what a pump reads in one turn.
LIMIT = 1 << 20
# The master's own lines still fit when a flooding program keeps a slow reader's buffer full.
RESERVE = 1 << 19

# Between two messages about what was dropped, in seconds: beside a reader that is merely slow something always is.
TELL_EVERY = 10.0

_NEWLINE = ord("\n")
_BATCH = 65536  # small lines are joined up to a pipe's usual size

_TARGETS = {
    "/dev/stdout": 1,
    "/dev/fd/1": 1,
    "/proc/self/fd/1": 1,
    "/dev/stderr": 2,
    "/dev/fd/2": 2,
    "/proc/self/fd/2": 2,
}


def console_target(path: str) -> int | None:
    """Return 1 or 2 where a logfile's path means the master's own stdout or stderr."""
    return _TARGETS.get(os.path.normpath(path))


class Overflow(Enum):
    """What becomes of a stream when the console's reader does not keep up."""

    BLOCK = "block"  # it waits: its program's pipe fills
    DROP = "drop"  # what does not fit is lost, and how much is said when it flows again
    LOG = "log"  # the same, but only when the reserve is full too: the master's own log


class Console:
    """One destination. Every stream that goes there, the master's log too, goes through the same object.

    Without a loop, that is before it runs, everything is written at once as far as it can be; the rest waits.
    """

    def __init__(
        self,
        fd: int,
        loop: asyncio.AbstractEventLoop | None = None,
        *,
        disks: Disks | None = None,
        on_problem: Callable[[str], None] = lambda _text: None,
        on_flushed: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
        limit: int = LIMIT,
        reserve: int = RESERVE,
    ) -> None:
        self.fd = fd
        self._loop = loop
        self._clock = clock
        self._limit = limit
        self._reserve = reserve
        self._on_problem = on_problem
        self._trouble = WriteFailure(on_problem, clock)
        self._on_flushed = on_flushed
        self._queue: deque[tuple[ConsoleStream, memoryview]] = deque()
        self._queued = 0
        self._watched = False
        self._at_line_start = True
        self._dropped = 0  # bytes
        self._waiting: dict[Callable[[], None], None] = {}  # in the order of their coming
        self._dropping: dict[ConsoleStream, None] = {}
        self._tell_at = 0.0  # not before then of what was dropped
        self._tell_later: asyncio.TimerHandle | None = None
        self._way: _Way | None = None
        try:
            self._way = _open_way(fd, disks, self._failed_late)
        except OSError as error:
            self._failed(error)

    @property
    def lost(self) -> int:
        """Bytes of all streams that could not be written, ever."""
        return self._trouble.lost + self._dropped

    @property
    def problem(self) -> str | None:
        """What is the matter with the console now."""
        return self._trouble.text

    @property
    def queued(self) -> int:
        """Bytes that wait for the reader."""
        return self._queued

    @property
    def ready(self) -> bool:
        """Whether programs may go on."""
        return self._queued < self._limit

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """From now on let this loop write what waits."""
        self._loop = loop
        self._watch()

    def stream(
        self,
        name: str,
        *,
        overflow: Overflow = Overflow.BLOCK,
        on_problem: Callable[[str], None] = lambda _text: None,
        max_line: int = 65536,
        write_as: Format | None = None,
    ) -> "ConsoleStream":
        """Return a sink for one stream.

        `name` is for the message about what was dropped of it; `write_as` makes of its lines what is written.
        """
        return ConsoleStream(self, name, overflow=overflow, on_problem=on_problem, max_line=max_line, write_as=write_as)

    def flush(self, timeout: float = 0.0) -> bool:
        """Write what waits, for `timeout` seconds at most; True when nothing waits any more."""
        deadline = self._clock() + timeout
        poll = select.poll()
        if self._way is not None:
            poll.register(self._way.fd, select.POLLOUT)
        while self._queue:
            self._write_queue()
            if self._queue and self._way is not None and self._way.file is not None:
                return False  # whoever waits for disks at the end does so for this one
            left = deadline - self._clock()
            if self._queue and (left <= 0 or not poll.poll(left * 1000)):
                return False
        return True

    def give_up(self) -> None:
        """Nobody will read what waits: it is lost, and of each stream it is said how much of it."""
        lost: dict[ConsoleStream, int] = {}
        for stream, lines in self._queue:
            lost[stream] = lost.get(stream, 0) + len(lines)
        self._lose_queue()
        on_disk = self._way is not None and self._way.file is not None
        why = "its disk does not answer" if on_disk else "nobody read the console"
        for stream, count in lost.items():
            stream.tell_lost(count, why)

    def close(self, timeout: float = 0.0) -> None:
        """Write what can be written within `timeout` seconds, count the rest as lost, let go of the descriptor."""
        self.flush(timeout)
        self._lose_queue()
        self._unwatch()
        self.tell_dropped()
        self._wake()
        if self._way is not None:
            self._way.close()
            self._way = None

    def send(self, stream: "ConsoleStream", lines: bytes) -> None:
        """Write whole lines of one stream, now or in their turn."""
        if self._queue and self._loop is None:
            self._write_queue()
        if self._queue:
            self._put(stream, memoryview(lines), len(lines))
            return
        if self._way is None or self._trouble.resting:
            self._lose(stream, len(lines))
            return
        size = len(lines)
        if self._trouble.text is not None and not self._at_line_start:
            lines = b"\n" + lines  # the trouble cut a line in two; nobody else goes on with it
        left, error = self._write(lines)
        if error is None:
            if self._trouble.text is not None:
                self._trouble.end(f"{_name(self.fd)} can be written again; {{lost}}")
        elif self._way.waits and isinstance(error, BlockingIOError):
            self._put(stream, memoryview(lines)[-left:], left)
            self._watch()
        else:
            self._lose(stream, min(left, size))
            self._failed(error)

    def has_room(self, overflow: Overflow) -> bool:
        """Whether a stream of this kind may add to what waits."""
        return self._queued < self._limit + (self._reserve if overflow is Overflow.LOG else 0)

    def wait(self, callback: Callable[[], None]) -> None:
        """Call back once, in turn with all that wait, when there is room for a program again."""
        self._waiting[callback] = None

    def tell_dropped(self) -> None:
        """Say of each stream how much of it was dropped since this was said the last time."""
        if self._tell_later is not None:
            self._tell_later.cancel()
            self._tell_later = None
        dropping, self._dropping = self._dropping, {}
        for stream in dropping:
            stream.tell_dropped()

    def dropped(self, stream: "ConsoleStream", count: int) -> None:
        """Note that a stream has dropped bytes, to be told when it flows again."""
        self._dropped += count
        self._dropping[stream] = None

    def _write(self, data: bytes | memoryview) -> tuple[int, OSError | None]:
        assert self._way is not None
        left, error = write_all(self._way.write, data)
        if left < len(data):
            self._at_line_start = data[len(data) - left - 1] == _NEWLINE
        return left, error

    def _put(self, stream: "ConsoleStream", lines: memoryview, size: int) -> None:
        self._queue.append((stream, lines))
        self._queued += size

    def _watch(self) -> None:
        if self._way is not None and self._way.file is not None and self._queue:
            self._way.file.on_room(self._on_room)
        elif self._loop is not None and self._way is not None and self._queue and not self._watched:
            self._loop.add_writer(self._way.fd, self._on_writable)
            self._watched = True

    def _unwatch(self) -> None:
        if self._watched and self._loop is not None and self._way is not None:
            self._loop.remove_writer(self._way.fd)
        self._watched = False

    def _on_room(self) -> None:
        self._on_writable()
        self._watch()

    def _on_writable(self) -> None:
        self._write_queue()
        # Half empty, so that the readers are not woken for every line that fits again.
        if self._queued <= self._limit // 2:
            self._wake()
        if not self._queue:
            self._unwatch()
            self._on_flushed()

    def _write_queue(self) -> None:
        """Write what waits until the reader has enough."""
        while self._queue and self._way is not None:
            batch: list[memoryview] = []
            size = 0
            for _stream, lines in self._queue:
                batch.append(lines)
                size += len(lines)
                if size >= _BATCH:
                    break
            left, error = self._write(b"".join(batch) if len(batch) > 1 else batch[0])
            self._written(size - left)
            if isinstance(error, BlockingIOError):
                return
            if error is not None:
                self._failed(error)

    def _written(self, size: int) -> None:
        self._queued -= size
        while size:
            stream, lines = self._queue.popleft()
            if size < len(lines):
                self._queue.appendleft((stream, lines[size:]))
                return
            size -= len(lines)

    def _wake(self) -> None:
        """Tell of what was dropped; let those that wait read one turn each, until there is enough again."""
        self._tell_in_time()
        while self._waiting and self.ready:
            callback = next(iter(self._waiting))
            del self._waiting[callback]
            callback()

    def _tell_in_time(self) -> None:
        """Tell of what was dropped, now or when enough time has passed since that was done."""
        if not self._dropping or self._tell_later is not None:
            return
        left = self._tell_at - self._clock()
        if left > 0 and self._loop is not None:
            self._tell_later = self._loop.call_later(left, self._told_late)
        else:
            self._tell_at = self._clock() + TELL_EVERY
            self.tell_dropped()

    def _told_late(self) -> None:
        self._tell_later = None
        # While nobody reads, it will be told with all that comes on top.
        if self.ready:
            self._tell_in_time()

    def _failed_late(self, error: OSError | None, lost: int) -> None:
        """So many bytes of a file were not written; None: because its disk did not answer to the end."""
        self._trouble.lost += lost
        if error is None:
            self._on_problem(f"{lost} bytes for {_name(self.fd)} were not written: its disk does not answer")
        else:
            self._failed(error)

    def _failed(self, error: OSError) -> None:
        """The reader is gone: nobody is made to wait for it, and it is tried again once a second."""
        self._lose_queue()
        self._unwatch()
        self._trouble.begin(
            f"cannot write to {_name(self.fd)}: {error.strerror}; "
            "what goes there is counted as lost until this is mended"
        )
        self._wake()

    def _lose_queue(self) -> None:
        while self._queue:
            stream, lines = self._queue.popleft()
            self._lose(stream, len(lines))
        self._queued = 0

    def _lose(self, stream: "ConsoleStream", count: int) -> None:
        stream.lost += count
        self._trouble.lost += count


class ConsoleStream:
    """One stream of one program on the console: a sink that passes on whole lines.

    `lost` counts lines as they would have been written, that is with the marks of over-long ones.
    """

    path = None

    def __init__(
        self,
        console: Console,
        name: str,
        *,
        overflow: Overflow,
        on_problem: Callable[[str], None],
        max_line: int,
        write_as: Format | None,
    ) -> None:
        self.overflow = overflow
        self.lost = 0
        self._console = console
        self._name = name
        self._on_problem = on_problem
        self._lines = LineSplitter(max_line)
        self._write_as = write_as
        self._dropped_lines = 0

    @property
    def problem(self) -> str | None:
        """What is the matter with the console."""
        return self._console.problem

    @property
    def ready(self) -> bool:
        """Whether the stream may go on; one that drops always may."""
        return self.overflow is not Overflow.BLOCK or self._console.ready

    def write(self, data: bytes) -> bool:
        """Pass on the lines that are whole now."""
        self._send(self._lines.feed_block(data))
        return self.ready

    def on_ready(self, callback: Callable[[], None]) -> None:
        """Call back once when there is room."""
        if self.ready:
            callback()
        else:
            self._console.wait(callback)

    def end(self) -> None:
        """Write an unfinished line with a newline added."""
        rest = self._lines.flush()
        if rest:
            self._send(rest + b"\n")

    def reopen(self) -> None:
        """The console stays what it is."""

    def clear(self) -> None:
        """What was shown stays shown."""

    def close(self) -> None:
        """Write an unfinished line; the console itself stays."""
        self.end()

    @property
    def snapshot(self) -> tuple[bytes, bool]:
        """What is held back of a line, and whether a piece of it is out already."""
        return self._lines.snapshot

    def restore(self, rest: bytes, *, inside: bool) -> None:
        """Go on from there."""
        self._lines.restore(rest, inside=inside)

    def tell_dropped(self) -> None:
        """Say how many lines were dropped since the last time."""
        lines, self._dropped_lines = self._dropped_lines, 0
        if lines:
            many = "lines" if lines > 1 else "line"
            verb = "were" if lines > 1 else "was"
            self._on_problem(f"{lines} {many} of {self._name} {verb} not written: nobody read the console")

    def tell_lost(self, count: int, why: str) -> None:
        """Say that so many bytes will never be written."""
        self._on_problem(f"{count} bytes of {self._name} were not written: {why}")

    def _send(self, lines: bytes) -> None:
        if not lines:
            return
        if self._write_as is not None:
            lines = self._write_as(lines)
        if self.overflow is not Overflow.BLOCK and not self._console.has_room(self.overflow):
            self.lost += len(lines)
            self._dropped_lines += lines.count(b"\n")
            self._console.dropped(self, len(lines))
        else:
            self._console.send(self, lines)


class Consoles:
    """The master's stdout and stderr; one and the same object where both lead to the same place."""

    def __init__(
        self,
        *,
        disks: Disks | None = None,
        on_problem: Callable[[str], None] = lambda _text: None,
        on_flushed: Callable[[], None] = lambda: None,
    ) -> None:
        """`on_flushed` is told when nothing waits any more at one of them; without `disks` files are waited for."""
        self._disks = disks
        self._on_problem = on_problem
        self._on_flushed = on_flushed
        self._loop: asyncio.AbstractEventLoop | None = None
        self._by_place: dict[object, Console] = {}

    def get(self, fd: int) -> Console:
        """Return the console behind descriptor 1 or 2, opened when it is first asked for."""
        try:
            status = os.fstat(fd)
            place: object = (status.st_dev, status.st_ino, status.st_rdev)
        except OSError:
            place = fd  # closed: the console itself will say so
        if place not in self._by_place:
            self._by_place[place] = Console(
                fd, self._loop, disks=self._disks, on_problem=self._on_problem, on_flushed=self._on_flushed
            )
        return self._by_place[place]

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """From now on let this loop write what waits."""
        self._loop = loop
        for console in self._by_place.values():
            console.attach(loop)

    def settle(self, timeout: float = 0.0) -> None:
        """Write what waits, within `timeout` seconds for each, and say what was dropped and what is lost by that.

        What is said has what is left of that time, for the pipe may be full of what was written just before.
        """
        left: dict[Console, float] = {}
        for console in self._by_place.values():
            deadline = time.monotonic() + timeout
            if not console.flush(timeout):
                console.give_up()
            console.tell_dropped()
            left[console] = deadline - time.monotonic()
        for console, seconds in left.items():
            console.flush(seconds)

    def flush(self) -> bool:
        """Write what can be written now; True when nothing waits any more."""
        written = [console.flush() for console in self._by_place.values()]
        return all(written)

    def close(self, timeout: float = 0.0) -> None:
        """Close them, within `timeout` seconds for each."""
        for console in self._by_place.values():
            console.close(timeout)
        self._by_place.clear()


class _Way(NamedTuple):
    """How to write to a destination without ever waiting for it."""

    fd: int  # our own, for the loop to watch
    write: Callable[[bytes | memoryview], int]
    close: Callable[[], None]
    waits: bool  # it may be full
    file: "_File | None" = None  # who tells when there is room again: epoll refuses files


def _open_way(fd: int, disks: Disks | None, on_error: Callable[[OSError | None, int], None]) -> _Way:
    """A pipe becomes larger (pipes.py says why); nothing else changes for whoever has given it."""
    status = os.fstat(fd)
    mode = status.st_mode
    if stat.S_ISSOCK(mode):
        sock = socket.socket(fileno=os.dup(fd))
        return _Way(sock.fileno(), lambda data: sock.send(data, socket.MSG_DONTWAIT), sock.close, waits=True)
    terminal = stat.S_ISCHR(mode) and os.isatty(fd)
    waits = stat.S_ISFIFO(mode) or terminal
    if waits:
        try:
            own = os.open(f"/proc/self/fd/{fd}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
        except OSError:  # another user's terminal (su), or no /proc
            own = os.dup(fd)
            enlarge(own)
            return _Way(own, _careful_write(own, terminal=terminal), lambda: os.close(own), waits=True)
        enlarge(own)
    else:
        own = os.dup(fd)  # a file: the offset stays shared with whoever else writes to it
        if stat.S_ISREG(mode) and disks is not None:
            folder = os.path.dirname(os.readlink(f"/proc/self/fd/{fd}"))
            file = _File(own, disks.found(folder, status.st_dev), on_error)
            return _Way(own, file.write, file.close, waits=True, file=file)
    return _Way(own, lambda data: os.write(own, data), lambda: os.close(own), waits=waits)


class _File:
    """A file that the thread of its disk writes to."""

    def __init__(self, fd: int, disk: Disk, on_error: Callable[[OSError | None, int], None]) -> None:
        """`on_error` is told on the loop why (None: no answer) how many bytes were not written that were taken."""
        self._fd = fd
        self._disk = disk
        self._on_error = on_error
        # Bytes that were taken, and those that were written or lost: each has one thread that counts.
        self._taken = 0
        self._done = 0
        self._in_trouble = False
        self._when_room: Callable[[], None] | None = None
        disk.users[self] = None

    def write(self, data: bytes | memoryview) -> int:
        """Take all of it; raises BlockingIOError where too much waits, and in trouble what is the matter."""
        if self._disk.is_stuck or not self._has_room():
            raise BlockingIOError
        if self._in_trouble:
            return self._try(bytes(data))
        self._taken += len(data)
        self._disk.post(partial(self._write, bytes(data)))
        return len(data)

    def on_room(self, callback: Callable[[], None]) -> None:
        """Call back once, when there is room."""
        self._when_room = callback
        self._disk.post(partial(self._write, b""))

    def close(self) -> None:
        """Close it when it has all that was for it."""
        self._disk.post(self._close)

    def give_up(self) -> None:
        """Nobody will wait for the disk any longer."""
        lost, self._done = self._taken - self._done, self._taken
        if lost:
            self._on_error(None, lost)

    def _has_room(self) -> bool:
        return self._taken - self._done < ENOUGH

    def _try(self, data: bytes) -> int:
        try:
            count = self._disk.do(partial(os.write, self._fd, data))
        except NoAnswer:
            return len(data)  # it will be
        self._in_trouble = False
        return count

    def _write(self, data: bytes) -> None:
        left, error = write_all(partial(os.write, self._fd), data)
        self._done += len(data)
        if error is not None:
            self._in_trouble = True
            self._disk.tell(partial(self._on_error, error, left))
        if self._when_room is not None and self._has_room():
            self._disk.tell(self._tell_room)

    def _tell_room(self) -> None:
        callback, self._when_room = self._when_room, None
        if callback is not None:
            callback()

    def _close(self) -> None:
        os.close(self._fd)
        self._disk.users.pop(self, None)


def _careful_write(fd: int, *, terminal: bool) -> Callable[[bytes | memoryview], int]:
    """Return a write for a descriptor that would block: only when polled writable, and only what then surely fits.

    A writable pipe takes PIPE_BUF bytes (pipe(7)); a terminal promises less.
    """
    poll = select.poll()
    poll.register(fd, select.POLLOUT)
    fits = 256 if terminal else select.PIPE_BUF

    def write(data: bytes | memoryview) -> int:
        if not poll.poll(0):
            raise BlockingIOError
        return os.write(fd, data[:fits])

    return write


def _name(fd: int) -> str:
    return {1: "stdout", 2: "stderr"}.get(fd, f"descriptor {fd}")
