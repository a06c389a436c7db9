"""Lines in a file of bounded size, and in the one before it, written by the thread of the disk and never waited for.

The lines make sense only after a head, which says where things stood before the first of them. So whoever writes gives
a head at the beginning, when the file `is_full` (then it becomes FILE.1, and a new one begins), and after a failure. A
failure is reported once, and so is its end. What is given meanwhile is not written, nor is it kept.
"""

import os
import stat
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from procman.logs.disk_workers import DiskWorkers
from procman.logs.write_failure import write_all
from procman.system.safe_open import open_folder, open_log

# What is held for a disk that does not answer, in bytes; then it counts as failed.
MOST_HELD = 1 << 20

_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NONBLOCK | os.O_NOCTTY
_SILENT = "its disk does not answer"
_CLOSED = "it is closed"


class _Head(NamedTuple):
    """A head, and how many heads there were before it."""

    data: bytes
    number: int


class LineFile:
    """A file for this user alone. All but what is marked happens on the loop.

    It and FILE.1 have `maxbytes` each at most, and the last line beyond that.
    """

    def __init__(self, disks: DiskWorkers, path: str, maxbytes: int, what: str, report: Callable[[str], None]) -> None:
        """`what` happens to the file, for reports: "recording"; `report` is called on the loop only."""
        self.path = path
        self.failure: str | None = None  # why nothing is written now
        self._disk = disks.for_path(path)
        self._disk.users[self] = None
        self._maxbytes = maxbytes
        self._what = what
        self._report = report
        self._heads = 0
        self._reported = False  # the failure was
        # Bytes given, and bytes that the thread is through with: each is counted by one thread.
        self._given = 0
        self._done = 0
        self._base = 0  # how long the file was, at most, before the latest head
        self._since = 0  # bytes given since, with the head
        self._todo: deque[bytes | _Head] = deque()
        self._posted = False
        # Of the thread:
        self._fd = -1
        self._end = 0
        self._part = 0  # the number of the latest head
        self._broken = True  # until the next head

    @property
    def is_full(self) -> bool:
        """Whether it is time for a head, and with it for a new file."""
        return self._base + self._since > self._maxbytes

    @property
    def is_behind(self) -> bool:
        """Whether something that was given is not written yet."""
        return self._given > self._done

    def begin(self, head: bytes) -> bool:
        """Write a head, into a new file if it is time for one; False if it would leave no room for lines."""
        if len(head) > self._maxbytes // 2:
            return False
        self.failure = None
        self._heads += 1
        # How long it is, the thread says; it does not let it be longer than that.
        self._base = self._maxbytes // 2 - len(head)
        self._since = 1  # the line end before it
        self._give(_Head(head, self._heads), len(head))
        return True

    def append(self, line: bytes) -> None:
        """Write a line after what was given before; nothing, after a failure."""
        if self.failure is None:
            self._give(line, len(line))

    def abandon(self) -> None:
        """The master ends, or begins again: what is not written by now is lost, and the file is closed."""
        if self.failure != _CLOSED:
            self.failure = _CLOSED
            self._disk.post(self._end_file)

    def _give(self, item: "bytes | _Head", size: int) -> None:
        if self._given - self._done + size > MOST_HELD + self._maxbytes // 2:
            self._failed(self._heads, _SILENT)
            return
        self._given += size
        self._since += size
        self._todo.append(item)
        if not self._posted:
            self._posted = True
            self._disk.post(self._write_all)

    def _begun(self, number: int, base: int) -> None:
        if number != self._heads or self.failure is not None:
            return
        self._base = base
        if self._reported:
            self._reported = False
            self._report(f"{self._what} to {self.path} has started again")

    def _failed(self, number: int, why: str) -> None:
        if number != self._heads or self.failure is not None:
            return
        self.failure = why
        if not self._reported:
            self._reported = True
            self._report(f"{self._what} to {self.path} pauses: {why}; it starts again when that is over")

    # ---- on the thread of the disk

    def _write_all(self) -> None:
        self._posted = False
        lines: list[bytes] = []
        while self._todo:
            item = self._todo.popleft()
            if isinstance(item, _Head):
                self._write(lines)
                lines = []
                self._write_head(item)
            else:
                lines.append(item)
        self._write(lines)

    def _write_head(self, head: _Head) -> None:
        self._part = head.number
        try:
            self._open()
            if self._end + len(head.data) > self._maxbytes // 2:
                self._begin_file()
            base = self._end
            # What stands before it may be half a line, of a master that was killed.
            self._put(b"\n" + head.data if base else head.data)
            self._broken = False
            self._disk.call_on_loop(partial(self._begun, head.number, base))
        except OSError as error:
            self._break(error)
        self._done += len(head.data)

    def _write(self, lines: list[bytes]) -> None:
        if not lines:
            return
        data = b"".join(lines)
        if not self._broken:
            try:
                self._put(data)
            except OSError as error:
                self._break(error)
        self._done += len(data)

    def _put(self, data: bytes) -> None:
        left, error = write_all(partial(os.write, self._fd), data)
        if error is not None:
            if left < len(data):
                # Half a line would make no sense.
                os.ftruncate(self._fd, self._end)
            raise error
        self._end += len(data)

    def _open(self) -> None:
        """Open it, or make sure that it is still the one of that name."""
        if self._fd >= 0:
            try:
                if os.path.samestat(os.fstat(self._fd), os.lstat(self.path)):
                    return
            except FileNotFoundError:
                pass
            self._close()
        self._fd = open_log(self.path, _FLAGS, 0o600)
        found = os.fstat(self._fd)
        if not stat.S_ISREG(found.st_mode):
            self._close()
            raise OSError(0, "it is no file")
        if found.st_mode & 0o077:
            os.fchmod(self._fd, 0o600)
        self._end = found.st_size

    def _begin_file(self) -> None:
        if self._end:
            self._close()
            name = os.path.basename(self.path)
            folder = open_folder(self.path)
            try:
                os.rename(name, f"{name}.1", src_dir_fd=folder, dst_dir_fd=folder)
            finally:
                os.close(folder)
            self._open()

    def _end_file(self) -> None:
        self._broken = True
        if self._fd >= 0:
            self._close()

    def _close(self) -> None:
        fd, self._fd = self._fd, -1
        os.close(fd)

    def _break(self, error: OSError) -> None:
        self._broken = True
        self._disk.call_on_loop(partial(self._failed, self._part, error.strerror or str(error)))
