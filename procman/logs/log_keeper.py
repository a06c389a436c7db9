"""Watches the clock for all logs that are rotated by it or kept for some time, and has rotated files compressed.

All of it happens on the loop; what concerns a file is given to the thread of its disk. There is one timer, and none
where no log wants it. The clock may step, so it is looked at once an hour at least; a log that is written looks by
itself.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from procman.logs.rotated_files import ToCompress
from procman.logs.rotation import HOUR, PLAIN, Keeping

# When to try again what could not be rotated, in seconds.
AGAIN = 60.0
# The timer of the loop and the clock of the day are two clocks.
_LATE = 0.01

Outcome = Callable[[str | None], None]


class KeptLog(Protocol):
    """A log that wants to be looked at."""

    @property
    def keeping(self) -> Keeping:
        """How it is kept."""

    @property
    def due(self) -> float:
        """When it is to be rotated by the clock, in seconds since the epoch."""

    @property
    def path(self) -> str:
        """Its file."""

    def look(self) -> None:
        """Rotate it if it is time, and see to what was rotated before."""

    def follow(self) -> None:
        """On the thread of its disk: the file was rotated, go on in the new one."""


class Compress(Protocol):
    """What has files compressed, in another process."""

    @property
    def pid(self) -> int | None:
        """Of the process, while there is one."""

    def leave(self, pid: int) -> None:
        """One of another image of this process is still there: it ends by itself."""

    def begin(self, job: ToCompress, on_end: Outcome) -> None:
        """Begin; `on_end` gets None, or why it has failed."""

    def end(self) -> None:
        """End what is under way."""


class LogKeeper:
    """For all logs of a master."""

    def __init__(self, loop: asyncio.AbstractEventLoop, wall: Callable[[], float] = time.time) -> None:
        """`wall` is the time of day, in seconds since the epoch."""
        self.compressor: Compress | None = None  # who needs none has none
        self._loop = loop
        self._wall = wall
        self._all: dict[str, tuple[KeptLog, ...]] = {}  # by path
        self._logs: dict[KeptLog, None] = {}  # those with something to do
        self._timer: asyncio.TimerHandle | None = None
        self._jobs: deque[tuple[ToCompress, Outcome]] = deque()
        self._busy = False
        self.is_closed = False

    def others(self, log: KeptLog) -> tuple[KeptLog, ...]:
        """Those with the same file. On the thread of its disk."""
        return tuple(one for one in self._all.get(log.path, ()) if one is not log)

    def watch(self, log: KeptLog) -> None:
        """It has begun, or is kept otherwise from now on."""
        before = self._all.get(log.path, ())
        if log not in before:
            self._all[log.path] = (*before, log)
        if log.keeping == PLAIN or self.is_closed:
            if self._logs.pop(log, self) is None:
                self._arm()
            return
        self._logs[log] = None
        self._arm()

    def forget(self, log: KeptLog) -> None:
        """It is closed."""
        left = self.others(log)
        if left:
            self._all[log.path] = left
        else:
            self._all.pop(log.path, None)
        if self._logs.pop(log, self) is None:
            self._arm()

    def compress(self, job: ToCompress, on_end: Outcome) -> None:
        """When those before are compressed: one at a time, as others have work to do."""
        if self.compressor is None or self.is_closed:
            on_end("the master ends")
            return
        self._jobs.append((job, on_end))
        self._next()

    def snapshot(self) -> int | None:
        """The pid of the process that compresses now, for the master's successor."""
        return None if self.compressor is None else self.compressor.pid

    def restore(self, pid: int | None) -> None:
        """Go on from what `snapshot` returned: what it was at is begun anew when it has ended."""
        if pid is not None and self.compressor is not None:
            self.compressor.leave(pid)

    def close(self) -> None:
        """Look at no log any more, and compress nothing."""
        self.is_closed = True
        self._logs.clear()
        self._arm()
        if self.compressor is not None:
            self.compressor.end()
        while self._jobs:
            self._jobs.popleft()[1]("the master ends")

    def _next(self) -> None:
        if self._busy or not self._jobs or self.compressor is None:
            return
        job, on_end = self._jobs.popleft()
        self._busy = True

        def ended(why: str | None) -> None:
            self._busy = False
            on_end(why)
            self._next()

        self.compressor.begin(job, ended)

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._logs:
            now = self._wall()
            dues = [log.due for log in self._logs if log.due > now]
            late = [log for log in self._logs if log.due <= now]
            wait = min([due - now for due in dues] + [AGAIN] * bool(late) + [HOUR])
            self._timer = self._loop.call_later(wait + _LATE, self._look)

    def _look(self) -> None:
        self._timer = None
        for log in tuple(self._logs):
            log.look()
        self._arm()
