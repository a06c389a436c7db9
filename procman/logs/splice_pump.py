"""A pipe whose bytes go straight into one file, on the thread of its disk, without a stop in the master's memory."""

import os
import threading
from collections.abc import Callable

from procman.logs.disk_worker import PATIENCE
from procman.logs.log_file import LogFile
from procman.logs.pipe_io import readable_bytes

# How much of one pipe is taken before the others have their turn, in bytes: what one holds at most.
TAKEN_AT_A_TIME = 1 << 18


class SplicePump:
    """From one pipe into one file, from `open` to `close` or the pipe's end.

    The loop opens and closes it; whoever reads the pipe holds its lock, so that the descriptor is not given back under
    it. A splice into a disk that does not answer is not waited for: then the thread closes the lane when it is over.
    """

    __slots__ = ("_closes_pipe", "_file", "_lock", "_on_end", "_open", "_pipe", "_then", "bytes_in")

    def __init__(self, pipe: int, file: LogFile, on_end: Callable[[], None]) -> None:
        """`on_end` is called on the loop when all who could write have closed the pipe."""
        self.bytes_in = 0
        self._pipe = pipe
        self._file = file
        self._on_end = on_end
        self._lock = threading.Lock()
        self._open = False
        self._then: Callable[[], None] | None = None  # called on the loop when it is closed that should be by now
        self._closes_pipe = False

    @property
    def file(self) -> LogFile:
        """Where it leads."""
        return self._file

    def open(self) -> bool:
        """Begin; False where the disk has no thread."""
        self._open = self._file.disk.enter(self._pipe, self)
        return self._open

    def empty(self, limit: int) -> bool:
        """Have what is in the pipe, up to `limit` bytes, in the file; False where the disk does not answer."""
        # Without a thread's turn where there is nothing: what is no longer in the pipe is in the file, unless somebody
        # has it in his hands.
        if not readable_bytes(self._pipe) and not self._lock.locked():
            return True
        return self._file.have_done(lambda: self._take(limit))

    def close(self, then: Callable[[], None]) -> bool:
        """Read no more; False where that has to wait: then `then` is called."""
        self._then = then
        if not self._lock.acquire(timeout=0 if self._file.disk.is_stuck else PATIENCE):
            return False  # who has the lock will see what is wanted
        try:
            self._end()
        finally:
            self._lock.release()
        return True

    def close_pipe(self) -> None:
        """The same, and close the pipe, too, now or then."""
        self._closes_pipe = True
        self.close(lambda: None)

    def move(self) -> None:
        """On the thread: take what is there."""
        self._take(1)

    # ---- the pieces of the above

    def _take(self, least: int) -> None:
        with self._lock:
            while self._open and least > 0:
                try:
                    count = self._file.take(self._pipe, TAKEN_AT_A_TIME)
                except BlockingIOError:
                    break
                self.bytes_in += count
                least -= count
                if not count:
                    self._leave()
                    self._file.disk.tell(self._on_end)
        if self._then is not None:
            self._let_go()

    def _let_go(self) -> None:
        with self._lock:
            then = self._then
            if then is None:  # the loop has closed it itself in this moment
                return
            self._end()
        self._file.disk.tell(then)

    def _end(self) -> None:
        self._then = None
        self._leave()
        if self._closes_pipe:
            self._closes_pipe = False
            os.close(self._pipe)

    def _leave(self) -> None:
        if self._open:
            self._open = False
            self._file.disk.leave(self._pipe)
