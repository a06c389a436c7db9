"""One log from a moment on: what there is, and what comes after it, with nothing twice and nothing left out between."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import TypeVar

from procman.errors import BadRequest, NoLog, OperationFailed
from procman.logs.followers import RingFollower
from procman.logs.log_file import LogFile
from procman.logs.marks import Marks
from procman.logs.reading import MAX_READ, read_log
from procman.logs.ring import Ring
from procman.logs.sink import Sink

T = TypeVar("T")

# How much of the end of a log is searched for its last lines, in bytes.
LINES_WITHIN = 1 << 20

# Until when it was written (seconds since the epoch), and what.
Part = tuple[float, bytes]


class LogWatch:
    """It is on the loop, but for what looks at the file. Whoever makes one closes it."""

    def __init__(self, ring: Ring, sinks: Iterable[Sink], marks: Marks | None = None) -> None:
        """`marks` are those of the ring."""
        self._ring = ring
        self._marks = marks or Marks()
        self._file = next((sink for sink in sinks if isinstance(sink, LogFile)), None)
        self._follower = RingFollower(ring)

    async def begin(self, in_memory: Callable[[], T], in_file: Callable[[LogFile], T | None]) -> T:
        """What there is until now: of the file if there is one, and if it can be read."""
        found = in_memory()
        if self._file is None:
            return found
        # The file goes further back than the ring, which splices pass by.
        seen, position = await self._file.spliced.start(self._ring, partial(in_file, self._file))
        self._follower.seek(position)
        return found if seen is None else seen

    async def past(self, lines: int, since: float | None) -> list[Part]:
        """The last lines, or what was written since then (of that MAX_READ bytes at most), in the order of time."""
        return await self.begin(partial(self._past_of_ring, lines, since), partial(_past_of_file, lines, since))

    async def more(self) -> tuple[bytes, int]:
        """Wait for what comes; with how many bytes were missed before it. Nothing is the end of the log."""
        return await self._follower.read()

    def close(self) -> None:
        """Look no more."""
        self._follower.close()
        if self._file is not None and not self._ring.followed:
            self._file.spliced.stop(self._ring)

    def _past_of_ring(self, lines: int, since: float | None) -> list[Part]:
        ring, start = self._ring, self._ring.start
        if since is not None:
            start = max(start, self._marks.since(since))
        data, end, _ = ring.read(start)
        if since is None:
            data = last_part(data, lines)
        return _in_parts(data, end, self._marks)


def last_part(data: bytes, lines: int) -> bytes:
    """The last so many lines of it, an unfinished one among them."""
    if lines <= 0:
        return b""
    place = len(data) - data.endswith(b"\n")
    for _ in range(lines):
        place = data.rfind(b"\n", 0, place)
        if place < 0:
            return data
    return data[place + 1 :]


def _past_of_file(lines: int, since: float | None, file: LogFile) -> list[Part] | None:
    """On the thread of its disk; None if it cannot be read."""
    try:
        if since is None:
            data = last_part(read_log(file.path, -LINES_WITHIN, 0), lines)
        else:
            start = file.marks.since(since)
            data = read_log(file.path, start, 0)
            if len(data) >= MAX_READ:
                data = read_log(file.path, -MAX_READ, 0)
    except (BadRequest, NoLog, OperationFailed):
        return None
    return _in_parts(data, file.kept.size, file.marks)


def _in_parts(data: bytes, end: int, marks: Marks) -> list[Part]:
    """The data, which ends at that place, by the times at which it was written."""
    start = place = end - len(data)
    found = []
    for moment, until in marks.parts(start, end):
        # A mark may be within a line, whose rest belongs to it.
        line_end = data.find(b"\n", until - start - 1) + 1 or len(data)
        if line_end > place - start:
            found.append((moment, data[place - start : line_end]))
            place = start + line_end
    return found
