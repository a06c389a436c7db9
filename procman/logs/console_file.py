"""A file as the master's stdout or stderr: the thread of its disk writes it."""

import os
from collections import deque
from collections.abc import Callable
from functools import partial

from procman.logs.disk_call import DiskTimeout
from procman.logs.disk_worker import DiskWorker
from procman.logs.log_file import FULL
from procman.logs.write_failure import write_all


class ConsoleFile:
    """Takes what fits, and calls back when more does, since epoll refuses files."""

    def __init__(self, fd: int, disk: DiskWorker, on_error: Callable[[OSError | None, int], None]) -> None:
        """`on_error` is called on the loop with the reason (None: no answer) and the number of bytes that were lost."""
        self._fd = fd
        self._disk = disk
        self._on_error = on_error
        self._waiting: deque[bytes] = deque()  # taken, and not begun to be written
        self._will_write = False  # what waits: lines that come together are one call, and one switch between threads
        # Bytes that were taken, and of those that were written or lost: each is counted by one thread.
        self._taken = 0
        self._done = 0
        self._has_failed = False
        self._when_room: Callable[[], None] | None = None
        disk.users[self] = None

    def write(self, data: bytes | memoryview) -> int:
        """Take all of it; raises BlockingIOError if too much waits, and after a failure the error, if it goes on."""
        if self._disk.is_stuck or not self._has_room():
            raise BlockingIOError
        if self._has_failed:
            return self._retry(bytes(data))
        self._taken += len(data)
        self._waiting.append(bytes(data))
        if not self._will_write:
            self._will_write = True
            self._disk.post(self._write)
        return len(data)

    def on_room(self, callback: Callable[[], None]) -> None:
        """Call back once, when there is room."""
        self._when_room = callback
        self._disk.post(self._write)

    def close(self) -> None:
        """Close the file when everything is written that was taken."""
        self._disk.post(self._close)

    def abandon(self) -> None:
        """The master ends: what is not written yet is lost."""
        lost, self._done = self._taken - self._done, self._taken
        if lost:
            self._on_error(None, lost)

    def _has_room(self) -> bool:
        return self._taken - self._done < FULL

    def _retry(self, data: bytes) -> int:
        try:
            count = self._disk.call(partial(os.write, self._fd, data))
        except DiskTimeout:
            return len(data)  # it is written later
        self._has_failed = False
        return count

    def _write(self) -> None:
        # First: what comes from now on has a call of its own.
        self._will_write = False
        data = b"".join([self._waiting.popleft() for _ in range(len(self._waiting))])
        left, error = write_all(partial(os.write, self._fd), data)
        self._done += len(data)
        if error is not None:
            self._has_failed = True
            self._disk.call_on_loop(partial(self._on_error, error, left))
        if self._when_room is not None and self._has_room():
            self._disk.call_on_loop(self._call_room)

    def _call_room(self) -> None:
        callback, self._when_room = self._when_room, None
        if callback is not None:
            callback()

    def _close(self) -> None:
        os.close(self._fd)
        self._disk.users.pop(self, None)
