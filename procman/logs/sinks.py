"""Where the bytes of one stream end up: the sink protocol, the rotating file and the sink that wants nothing.

The rule for every sink: what it is given is written or counted as lost, and neither an error nor a slow reader ever
comes back to the one who wrote. A sink that has enough for now says so, and its stream is not read until it calls back.
"""

import contextlib
import errno
import fcntl
import math
import os
import stat
import time
from collections.abc import Callable, Iterator
from typing import Protocol

from procman.errors import ProcmanError
from procman.logs.auto_logs import hold
from procman.logs.safe_open import open_folder, open_log
from procman.logs.write_failure import WriteFailure, write_all

Echo = Callable[[bytes], object]


class Sink(Protocol):
    """One destination of one stream."""

    @property
    def path(self) -> str | None:
        """The file that can be read back, where there is one."""

    @property
    def lost(self) -> int:
        """Bytes that were given to it and could not be written, ever."""

    @property
    def problem(self) -> str | None:
        """What is the matter with it now."""

    @property
    def ready(self) -> bool:
        """Whether it can take more; if not, `on_ready` tells when."""

    def write(self, data: bytes) -> bool:
        """Take all of `data`. False: and no more, please, before it is ready again."""

    def on_ready(self, callback: Callable[[], None]) -> None:
        """Call back once, when there is room again."""

    def end(self) -> None:
        """The stream has ended: write what was kept of an unfinished line. Another stream may follow."""

    def reopen(self) -> None:
        """Begin a new file where somebody moved the old one away."""

    def clear(self) -> None:
        """Remove what was written so far."""

    def close(self) -> None:
        """Give everything back; what is written from now on is lost."""


class _AlwaysReady:
    """What sinks have in common that never make their stream wait."""

    ready = True

    def on_ready(self, callback: Callable[[], None]) -> None:
        callback()

    def end(self) -> None:
        """Nothing is held back here."""


class Null(_AlwaysReady):
    """Takes everything and keeps nothing, as was asked for: nothing of it is lost."""

    path = None
    lost = 0
    problem = None

    def write(self, data: bytes) -> bool:  # noqa: ARG002 - the protocol's name for what is dropped
        """Drop it."""
        return True

    def reopen(self) -> None:
        """Nothing is open."""

    def clear(self) -> None:
        """Nothing was kept."""

    def close(self) -> None:
        """Nothing is open."""


# O_NONBLOCK: opening a fifo that nobody reads fails instead of waiting for a reader, and a full one does not block.
# O_APPEND: several programs may share a file. os.open adds O_CLOEXEC itself (PEP 446).
_FLAGS = os.O_CREAT | os.O_APPEND | os.O_NONBLOCK | os.O_NOCTTY
# So much at a time at least, however near to `maxbytes` the file is.
_LEAST = 1 << 16

# How often a file is looked at: is it still where it can be found? In seconds.
LOOK_EVERY = 1.0

PROGRAM_GOES_ON = "the program keeps running, its output is counted as lost until this is mended"


class RotatingFile(_AlwaysReady):
    """A file that gets the bytes untouched; at `maxbytes` it becomes .1, .1 becomes .2, up to `backups` of them.

    As in supervisor the file is rotated after the write that reached `maxbytes` (0: never), and with no backups it
    begins again empty. Devices and fifos are not rotated, and a fifo that is full loses what does not fit.
    `maxbytes` and `backups` may be changed at any time.

    A file that was removed is begun anew within a second of writing; what was written in that second is counted as
    lost. One that was moved away is still there, and goes on until `reopen`. Whatever is begun anew has the mode, owner
    and group of the file before it, as with logrotate: who could not read the one is not to read the other.

    What comes from a pipe goes into the file by splice(2) where that can be: it is never in the memory of the master,
    so no byte is lost with a master that is killed. That takes a file without O_APPEND, and so one that nobody else
    writes to; the first byte of others turns it into a file that is written, and appended to.
    """

    def __init__(
        self,
        path: str,
        maxbytes: int = 0,
        backups: int = 10,
        on_problem: Callable[[str], None] = lambda _text: None,
        *,
        meanwhile: str = PROGRAM_GOES_ON,
        clock: Callable[[], float] = time.monotonic,
        private: bool = False,
        opens: bool = True,
    ) -> None:
        """Open it; where that fails, `on_problem` is told, and `meanwhile` is what happens until it is mended.

        A `private` one is made for this user alone, as mkstemp does it. With opens=False it is opened by `reopen` or
        the first write.
        """
        self.path = path
        self.maxbytes = maxbytes
        self.backups = backups
        self._meanwhile = meanwhile
        self._private = private
        self._say = on_problem
        self._clock = clock
        self._trouble = WriteFailure(on_problem, clock)
        self._rotation = WriteFailure(on_problem, clock)
        self._fd = -1
        self._size = 0  # counted here, so that no write needs a stat
        self._rotates = False
        self._before: os.stat_result | None = None  # the file that it was before this one
        self._look_at = 0.0
        self._seen = 0  # how much was in it when it was there for sure
        self._splices = False  # until somebody else has written to the file, or the file system has refused
        self._appends = True  # whether O_APPEND is set now
        self._can_read = True
        self._closed = False
        self.device: int | None = None  # what it is on, if it could be opened
        if opens:
            self._open()

    @property
    def lost(self) -> int:
        """Bytes that could not be written, ever."""
        return self._trouble.lost

    @property
    def problem(self) -> str | None:
        """What is the matter with the file now."""
        return self._trouble.text or self._rotation.text

    @property
    def room(self) -> float:
        """How many bytes it takes until it is rotated."""
        return self.maxbytes - self._size if self.maxbytes else math.inf

    def write(self, data: bytes) -> bool:
        """Write it, or count it as lost; always True."""
        if self._fd >= 0 and self._clock() >= self._look_at:
            self._look()
        if self._fd < 0 and not self._open_again():
            self._trouble.lost += len(data)
            return True
        if not self._appends:
            self._append(append=True)
        left, error = write_all(self._write, data)
        self._size += len(data) - left
        if error is not None:
            self._failed(error, lost=left)
        elif self._trouble.text is not None and not self._trouble.resting:
            self._trouble.end(f"log {self.path} can be written again; {{lost}}")
        if 0 < self.maxbytes <= self._size and self._rotates:
            self._rotate()
        return True

    def splice(self, pipe: int, limit: int, echo: Echo | None) -> int | None:
        """Take up to `limit` bytes straight from a pipe, and let `echo` have them, too; 0 at the pipe's end.

        None: it cannot, now or ever, and what is in the pipe is to be read. BlockingIOError: nothing is in there.
        """
        if self._fd >= 0 and self._clock() >= self._look_at:
            self._look()
        if not self._splices or self._fd < 0 or self._trouble.text is not None or (echo and not self._can_read):
            return None
        if self._appends:
            self._append(append=False)
        end = os.lseek(self._fd, 0, os.SEEK_END)
        if end > self._size:
            self._splices = False
            return None
        # Where it is shorter, it was truncated (logrotate's copytruncate).
        self._size = end
        if self.maxbytes:
            limit = min(limit, max(_LEAST, self.maxbytes - end))
        try:
            count = os.splice(pipe, self._fd, limit, flags=os.SPLICE_F_NONBLOCK)
        except BlockingIOError:
            raise
        except OSError as error:
            # EINVAL: not on this file system. Of all else the write that follows will say what it costs.
            self._splices = error.errno != errno.EINVAL
            return None
        self._size += count
        if echo and count:
            echo(os.pread(self._fd, count, end))
        if 0 < self.maxbytes <= self._size:
            self._rotate()
        return count

    def touch(self) -> None:
        """Do what takes as long as the disk takes to be ready for a write, and changes nothing but times."""
        if self._fd >= 0 and self._rotates:
            with contextlib.suppress(OSError):  # the write will say it
                os.utime(self._fd)

    def reopen(self) -> None:
        """Open the path anew, also when it was in trouble a moment ago."""
        if self._fd >= 0:
            self._look()
        self._reopen()

    def clear(self) -> None:
        """Remove the file and begin a new one; backups stay, as in supervisor. A device or a fifo is left alone."""
        try:
            with self._in_its_folder() as (name, folder):
                if not stat.S_ISREG(os.stat(name, dir_fd=folder).st_mode):
                    return
                os.unlink(name, dir_fd=folder)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise ProcmanError(
                f"cannot clear log {self.path}: {error.strerror}; see who may write in its directory"
            ) from None
        self._reopen()

    def close(self) -> None:
        """Close the file; if it is in trouble, say what that has cost."""
        self._closed = True
        self._close_fd()
        self._trouble.end(f"log {self.path} is closed; {{lost}}")

    @contextlib.contextmanager
    def _in_its_folder(self) -> Iterator[tuple[str, int]]:
        """Its name, and the folder in which it has that; raises OSError."""
        folder = open_folder(self.path)
        try:
            yield os.path.basename(self.path), folder
        finally:
            os.close(folder)

    def _write(self, data: bytes | memoryview) -> int:
        return os.write(self._fd, data)

    def _append(self, *, append: bool) -> None:
        flags = fcntl.fcntl(self._fd, fcntl.F_GETFL)
        fcntl.fcntl(self._fd, fcntl.F_SETFL, flags | os.O_APPEND if append else flags & ~os.O_APPEND)
        self._appends = append

    def _open(self) -> bool:
        try:
            self._fd, self._can_read = self._open_path()
            status = os.fstat(self._fd)
        except OSError as error:
            self._failed(error)
            return False
        self.device = status.st_dev
        if self._private:
            hold(self._fd)
        self._size = self._seen = status.st_size
        self._look_at = self._clock() + LOOK_EVERY
        self._rotates = self._splices = stat.S_ISREG(status.st_mode)
        self._appends = True
        return True

    def _open_path(self) -> tuple[int, bool]:
        is_there = os.path.exists(self.path)
        if not is_there and (self._private or self._before is not None):
            try:
                # One that somebody puts there in this moment may be a third's, and is not to be given away.
                fd = open_log(self.path, _FLAGS | os.O_EXCL | os.O_RDWR, 0o600)
            except FileExistsError:
                is_there = os.path.exists(self.path)
            else:
                if self._before is not None:
                    _make_like(fd, self._before)
                return fd, True
        # To be read for those who follow it. Not a fifo: this would be its reader, who never reads.
        if not is_there or os.path.isfile(self.path):
            try:
                return open_log(self.path, _FLAGS | os.O_RDWR), True
            except PermissionError:
                pass
        return open_log(self.path, _FLAGS | os.O_WRONLY), False

    def _reopen(self) -> None:
        if not self._closed:
            self._close_fd()
            self._trouble.try_now()
            self._open()

    def _look(self) -> None:
        """Somebody may have removed the file: nobody would ever see what is written to it, and its disk stays full."""
        self._look_at = self._clock() + LOOK_EVERY
        if not self._rotates or os.fstat(self._fd).st_nlink:
            self._seen = self._size
            return
        # Some of it may have been there when it was removed: rather too much is counted than too little.
        lost = max(0, self._size - self._seen)
        self._trouble.lost += lost
        self._close_fd()
        if self._open():
            self._say(f"log {self.path} was removed and is begun anew; at most {lost} bytes are lost")

    def _open_again(self) -> bool:
        return not self._closed and not self._trouble.resting and self._open()

    def _close_fd(self) -> None:
        if self._fd >= 0:
            if self._rotates:
                self._before = os.fstat(self._fd)
            os.close(self._fd)
            self._fd = -1

    def _failed(self, error: OSError, *, lost: int = 0) -> None:
        if not isinstance(error, BlockingIOError):
            # The next try opens the path again: the file may have been removed to make room on the disk.
            self._close_fd()
        self._trouble.begin(f"cannot write log {self.path}: {_reason(error)}; {self._meanwhile}", lost=lost)

    def _rotate(self) -> None:
        if self._fd < 0 or self._rotation.resting:
            return
        # Somebody may have truncated the file meanwhile (logrotate's copytruncate).
        self._size = os.lseek(self._fd, 0, os.SEEK_CUR)
        if self._size < self.maxbytes:
            return
        try:
            if self.backups > 0:
                with self._in_its_folder() as (name, folder):
                    # From the oldest on: where one cannot be moved, none has taken the place of another.
                    for number in range(self.backups - 1, 0, -1):
                        _replace(f"{name}.{number}", f"{name}.{number + 1}", folder)
                    _replace(name, f"{name}.1", folder)
            else:
                os.ftruncate(self._fd, 0)
        except OSError as error:
            self._rotation.begin(f"cannot rotate log {self.path}: {error.strerror}; it grows until this is mended")
            return
        self._rotation.end(f"log {self.path} is rotated again")
        if self.backups > 0:
            self._close_fd()
            self._open()
        else:
            self._size = self._seen = 0


def _replace(source: str, target: str, folder: int) -> None:
    """Rename, if the source is there; somebody may have cleaned up, or there are not that many backups yet."""
    try:
        os.lstat(source, dir_fd=folder)
    except OSError:
        return
    try:
        # Without this ext4 writes all of the source to the disk before it replaces the target (auto_da_alloc):
        # 22 ms for 50 MB, in the loop; with it 4.
        os.unlink(target, dir_fd=folder)
    except FileNotFoundError:
        pass
    try:
        os.rename(source, target, src_dir_fd=folder, dst_dir_fd=folder)
    except FileNotFoundError:
        pass


def _make_like(fd: int, before: os.stat_result) -> None:
    """Give it the owner, group and mode of another file, as far as we may."""
    now = os.fstat(fd)
    if (now.st_uid, now.st_gid) != (before.st_uid, before.st_gid):
        # Only root may give a file away; to a group one is in anybody may.
        owner = before.st_uid if os.geteuid() == 0 else -1
        with contextlib.suppress(OSError):
            os.fchown(fd, owner, before.st_gid)
    with contextlib.suppress(OSError):
        os.fchmod(fd, before.st_mode & 0o777)


def _reason(error: OSError) -> str:
    if isinstance(error, BlockingIOError):
        return "its reader is too slow"
    if error.errno == errno.ENXIO:
        return "nobody reads this fifo"
    return error.strerror or str(error)
