"""Moves the bytes of a pipe straight into one file, on the thread of its disk, past the master's memory."""

import os
import threading
from collections.abc import Callable

from procman.logs.log_file import LogFile
from procman.logs.pipe_io import PIPE_SIZE, USUAL_SIZE, enlarge, readable_bytes

# How much is taken from one pipe before it is the next one's turn, in bytes: what one holds at most.
TURN_SIZE = 1 << 18


class SplicePump:
    """From one pipe into one file, from `open` to `close` or the pipe's end.

    The loop opens and closes it. The thread that reads the pipe holds the lock, so that the descriptor is not closed
    under it. The loop does not wait for a splice into a disk that does not answer: then the thread closes the pump
    after the splice.
    """

    __slots__ = ("_closes_pipe", "_file", "_lock", "_on_closed", "_on_end", "_open", "_pipe", "_pipe_size", "bytes_in")

    def __init__(self, pipe: int, file: LogFile, on_end: Callable[[], None], pipe_size: int = PIPE_SIZE) -> None:
        """`on_end` is called on the loop when all writers have closed the pipe.

        `pipe_size` is what that is to hold when it is found full; 0: it stays as it is.
        """
        self.bytes_in = 0
        self._pipe = pipe
        self._pipe_size = pipe_size
        self._file = file
        self._on_end = on_end
        self._lock = threading.Lock()
        self._open = False
        self._on_closed: Callable[[], None] | None = None  # set once it is to be closed; called on the loop
        self._closes_pipe = False

    @property
    def file(self) -> LogFile:
        """Where the bytes go."""
        return self._file

    @property
    def has_all(self) -> bool:
        """Whether all that was written is in the file; to be asked while it is open.

        What has left the pipe is there, unless the thread is moving it at this moment.
        """
        return not readable_bytes(self._pipe) and not self._lock.locked()

    def open(self) -> bool:
        """Begin; False if the disk has no thread."""
        self._open = self._file.disk.add_reader(self._pipe, self)
        return self._open

    def drain(self, limit: int) -> bool:
        """Have what is in the pipe, up to `limit` bytes, in the file by now; False if the disk does not answer."""
        # An empty pipe needs no call to the thread.
        return self.has_all or self._file.sync(lambda: self._take(limit))

    def close(self, on_closed: Callable[[], None]) -> bool:
        """Stop reading; False if that has to wait, and then `on_closed` is called afterwards."""
        self._on_closed = on_closed
        if not self._file.disk.acquire(self._lock):
            return False  # the thread, which has the lock, sees `_on_closed`
        try:
            self._end()
        finally:
            self._lock.release()
        return True

    def close_pipe(self) -> None:
        """Stop reading, and close the pipe too, now or after the present splice."""
        self._closes_pipe = True
        self.close(lambda: None)

    def on_readable(self) -> None:
        """On the thread: take what is there."""
        self._take(1)

    def take_rest(self, before: int) -> int:
        """On the thread: take what the pipe holds now; returns how many bytes have come since there were `before`."""
        with self._lock:
            held = readable_bytes(self._pipe) if self._open else 0
        self._take(held + 1)  # to see its end, too
        return self.bytes_in - before

    # ---- private

    def _take(self, least: int) -> None:
        with self._lock:
            while self._open and least > 0:
                try:
                    count = self._file.take_from_pipe(self._pipe, TURN_SIZE)
                except BlockingIOError:
                    break
                self.bytes_in += count
                if count >= USUAL_SIZE and self._pipe_size:
                    enlarge(self._pipe, self._pipe_size)
                    self._pipe_size = 0
                least -= count
                if not count:
                    self._leave()
                    self._file.disk.call_on_loop(self._on_end)
        if self._on_closed is not None:
            self._close_late()

    def _close_late(self) -> None:
        with self._lock:
            on_closed = self._on_closed
            if on_closed is None:  # the loop closed it at this very moment
                return
            self._end()
        self._file.disk.call_on_loop(on_closed)

    def _end(self) -> None:
        self._on_closed = None
        self._leave()
        if self._closes_pipe:
            self._closes_pipe = False
            os.close(self._pipe)

    def _leave(self) -> None:
        if self._open:
            self._open = False
            self._file.disk.remove_reader(self._pipe)
