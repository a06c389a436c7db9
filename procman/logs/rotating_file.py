"""A log file that is rotated by size and by the clock. It may block: `LogFile` calls it on the thread of its disk."""

import contextlib
import errno
import fcntl
import math
import os
import stat
import time
from collections.abc import Callable
from itertools import pairwise

from procman.errors import OperationFailed
from procman.logs.auto_logs import mark_in_use
from procman.logs.rotated_files import copy_owner_and_mode
from procman.logs.rotation import PLAIN, Keeping, OnRotated, RotatedBy
from procman.logs.sink import PROGRAM_GOES_ON
from procman.logs.upkeep import Upkeep
from procman.logs.write_failure import WriteFailure, write_all
from procman.system.safe_open import folder_of, open_log

Echo = Callable[[bytes], object]

# O_NONBLOCK: opening a fifo without a reader fails instead of waiting for one; writing to a full one does not block.
# O_APPEND: several programs may share a file. os.open adds O_CLOEXEC itself (PEP 446).
_FLAGS = os.O_CREAT | os.O_APPEND | os.O_NONBLOCK | os.O_NOCTTY
# The least that is spliced at a time, however close to `maxbytes` the file is; in bytes.
_MIN_SPLICE = 1 << 16

# How often to check that the file still has a name, in seconds.
CHECK_INTERVAL = 1.0


class RotatingFile:
    """Gets the bytes untouched; at `maxbytes` the file becomes .1, .1 becomes .2, up to `backups` of them.

    As in supervisor the file is rotated after the write that reached `maxbytes` (0: never), and without backups it is
    truncated. Devices and fifos are not rotated, and a full fifo loses what does not fit. `maxbytes` and `backups` may
    be changed at any time.

    With a rotation by the clock it is also rotated before the first write after each of these moments, and by
    `look_at_clock`; not while it is empty. When it is opened, the time of its last write says which of them have
    passed. If another log has rotated the same file, it only goes on in the new one.

    A file that was removed is created again within a second of writing; what was written in that second counts as
    lost. A file that was moved away is still there, and is written until `reopen`. A file that is created again gets
    the mode, owner and group of the one before it, as with logrotate: a user who could not read the old file must not
    be able to read the new one.

    Bytes from a pipe go into the file by splice(2) where possible: they are never in the memory of the master, so a
    master that is killed loses none of them. That takes a file without O_APPEND, and so a file without other writers;
    once another process has appended a byte, the file is written with O_APPEND instead.
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
        keeping: Keeping = PLAIN,
        wall: Callable[[], float] = time.time,
        on_rotated: OnRotated = lambda _by, _problem: None,
    ) -> None:
        """Open the file; if that fails, `on_problem` gets a text that ends with `meanwhile`.

        A `private` file is created for this user alone, as by mkstemp. With opens=False the file is opened by `reopen`
        or by the first write. `wall` is the time of day, in seconds since the epoch; `on_rotated` is called after
        each rotation, and after each that has failed.
        """
        self.path = path
        self.maxbytes = maxbytes
        self.backups = backups
        self.upkeep = Upkeep(path, keeping, wall)
        self._on_rotated = on_rotated
        self._meanwhile = meanwhile
        self._private = private
        self._report = on_problem
        self._clock = clock
        self.failure = WriteFailure(on_problem, clock)
        self._rotate_failure = WriteFailure(on_problem, clock)
        self._fd = -1
        self._size = 0  # counted, so that no write needs a stat
        self._rotates = False
        self._previous: os.stat_result | None = None  # the file before this one
        self._check_at = 0.0
        self.modified = 0.0  # when it was last written before it was opened, in seconds since the epoch
        self._size_checked = 0  # the size when the file was last known to have a name
        self._splices = False  # until another process writes to the file, or the file system refuses
        self._appends = True  # whether O_APPEND is set now
        self._can_read = True
        self._closed = False
        self.device: int | None = None  # of the file system, once the file could be opened
        if opens:
            self._open()

    @property
    def lost(self) -> int:
        """How many bytes could not be written, ever."""
        return self.failure.lost

    @property
    def size(self) -> int:
        """How long the file is, in bytes."""
        return self._size

    @property
    def problem(self) -> str | None:
        """What is wrong with the file now."""
        return self.failure.text or self._rotate_failure.text

    @property
    def room(self) -> float:
        """How many bytes fit until the file is rotated."""
        return self.maxbytes - self._size if self.maxbytes else math.inf

    def write(self, data: bytes) -> bool:
        """Write `data`, or count it as lost; always True."""
        if self._fd >= 0 and self._clock() >= self._check_at:
            self._check_removed()
        if self.upkeep.keeping.every is not None:
            self.look_at_clock()
        if self._fd < 0 and not self._open_again():
            self.failure.lost += len(data)
            return True
        if not self._appends:
            self._set_append(append=True)
        left, error = write_all(self._write, data)
        self._size += len(data) - left
        if error is not None:
            self._failed(error, lost=left)
        elif self.failure.text is not None and not self.failure.is_backing_off:
            self.failure.end(f"log {self.path} can be written again; {{lost}}")
        if 0 < self.maxbytes <= self._size and self._rotates:
            self._rotate()
        return True

    def splice(self, pipe: int, limit: int, echo: Echo | None) -> int | None:
        """Move up to `limit` bytes straight from a pipe, and copy them to `echo`; 0 at the pipe's end.

        None: splicing is impossible, now or ever, and the caller must read the pipe. Raises BlockingIOError if the pipe
        is empty.
        """
        if self._fd >= 0 and self._clock() >= self._check_at:
            self._check_removed()
        if self.upkeep.keeping.every is not None:
            self.look_at_clock()
        if not self._splices or self._fd < 0 or self.failure.text is not None or (echo and not self._can_read):
            return None
        if self._appends:
            self._set_append(append=False)
        end = os.lseek(self._fd, 0, os.SEEK_END)
        if end > self._size:
            self._splices = False
            return None
        # A shorter file was truncated (logrotate's copytruncate).
        self._size = end
        if self.maxbytes:
            limit = min(limit, max(_MIN_SPLICE, self.maxbytes - end))
        try:
            count = os.splice(pipe, self._fd, limit, flags=os.SPLICE_F_NONBLOCK)
        except BlockingIOError:
            raise
        except OSError as error:
            # EINVAL: not on this file system. Any other error is reported by the write that follows.
            self._splices = error.errno != errno.EINVAL
            return None
        self._size += count
        if echo and count:
            echo(os.pread(self._fd, count, end))
        if 0 < self.maxbytes <= self._size:
            self._rotate()
        return count

    def touch(self) -> None:
        """Wait until the disk would take a write; this changes only the file's times."""
        if self.upkeep.keeping.every is not None:
            self.look_at_clock()  # while its times say when it was last written
        if self._fd >= 0 and self._rotates:
            with contextlib.suppress(OSError):  # the next write reports it
                os.utime(self._fd)

    def look_at_clock(self) -> None:
        """Rotate it if it is time."""
        is_file = self._fd >= 0 and self._rotates
        if self.upkeep.is_due(os.fstat(self._fd).st_size if is_file else 0) and not self.follow():
            self._move_away("clock")

    def rotate(self) -> None:
        """Rotate it now, unless it is empty; raises OperationFailed."""
        if self._fd < 0 or not self._rotates:
            raise OperationFailed(f"cannot rotate log {self.path}: {self.problem or 'it is no file'}")
        if self.backups <= 0:
            raise OperationFailed(f"cannot rotate log {self.path}: it has no backups; procmanctl clear empties it")
        if not self.follow() and os.fstat(self._fd).st_size and not self._move_away("request"):
            raise OperationFailed(self._rotate_failure.text or f"cannot rotate log {self.path}")

    def follow(self) -> bool:
        """If another log has rotated the file, or it was moved away, go on in the new one; whether that was so."""
        if self._fd < 0:
            return False
        try:
            there, ours = os.stat(self.path), os.fstat(self._fd)
        except OSError:
            return False  # what is wrong with it, the next write will say
        if (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino):
            return False
        self._reopen()
        return True

    def reopen(self) -> bool:
        """Open the path again, even right after a failure; False if that has failed, which is reported."""
        if self._fd >= 0:
            self._check_removed()
        self._reopen()
        return self._closed or self._fd >= 0

    def clear(self) -> None:
        """Remove the file and begin a new one; backups stay, as in supervisor. Devices and fifos are left alone."""
        try:
            with folder_of(self.path) as (name, folder):
                if not stat.S_ISREG(os.stat(name, dir_fd=folder).st_mode):
                    return
                os.unlink(name, dir_fd=folder)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise OperationFailed(
                f"cannot clear log {self.path}: {error.strerror}; see who may write in its directory"
            ) from None
        self._reopen()

    def close(self) -> None:
        """Close the file; after a failure, report how much was lost."""
        self._closed = True
        self._close_fd()
        self.failure.end(f"log {self.path} is closed; {{lost}}")

    def _write(self, data: bytes | memoryview) -> int:
        return os.write(self._fd, data)

    def _set_append(self, *, append: bool) -> None:
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
            mark_in_use(self._fd)
        self._size = self._size_checked = status.st_size
        self.modified = status.st_mtime
        self._check_at = self._clock() + CHECK_INTERVAL
        self._rotates = self._splices = stat.S_ISREG(status.st_mode)
        self._appends = True
        self.upkeep.begin(status)
        return True

    def _open_path(self) -> tuple[int, bool]:
        is_there = os.path.exists(self.path)
        if not is_there and (self._private or self._previous is not None):
            try:
                # A file that appears at this moment may belong to a third user, and must not change its owner.
                fd = open_log(self.path, _FLAGS | os.O_EXCL | os.O_RDWR, 0o600)
            except FileExistsError:
                is_there = os.path.exists(self.path)
            else:
                if self._previous is not None:
                    copy_owner_and_mode(fd, self._previous)
                return fd, True
        # Readable for followers. But not a fifo: the master would become a reader that never reads.
        if not is_there or os.path.isfile(self.path):
            try:
                return open_log(self.path, _FLAGS | os.O_RDWR), True
            except PermissionError:
                pass
        return open_log(self.path, _FLAGS | os.O_WRONLY), False

    def _reopen(self) -> None:
        if not self._closed:
            self._close_fd()
            self.failure.retry_now()
            self._open()

    def _check_removed(self) -> None:
        """If the file was removed, create it again: nothing could read it, and its disk would stay full."""
        self._check_at = self._clock() + CHECK_INTERVAL
        if not self._rotates or os.fstat(self._fd).st_nlink:
            self._size_checked = self._size
            return
        # Part of it was written before the removal: an upper bound.
        lost = max(0, self._size - self._size_checked)
        self.failure.lost += lost
        self._close_fd()
        if self._open():
            self._report(f"log {self.path} was removed and is created again; at most {lost} bytes are lost")

    def _open_again(self) -> bool:
        return not self._closed and not self.failure.is_backing_off and self._open()

    def _close_fd(self) -> None:
        if self._fd >= 0:
            if self._rotates:
                self._previous = os.fstat(self._fd)
            os.close(self._fd)
            self._fd = -1

    def _failed(self, error: OSError, *, lost: int = 0) -> None:
        if not isinstance(error, BlockingIOError):
            # The next try opens the path again: the file may have been removed to free the disk.
            self._close_fd()
        self.failure.begin(f"cannot write log {self.path}: {_reason(error)}; {self._meanwhile}", lost=lost)

    def _rotate(self) -> None:
        if self._fd < 0 or self._rotate_failure.is_backing_off:
            return
        # The file may have been truncated meanwhile (logrotate's copytruncate).
        self._size = os.lseek(self._fd, 0, os.SEEK_CUR)
        if self._size < self.maxbytes:
            return
        self._move_away("size")

    def _move_away(self, by: RotatedBy) -> bool:
        """Make it the newest of the rotated files, and begin a new one; False if that failed, which is reported."""
        if self._rotate_failure.is_backing_off:
            return False
        try:
            if self.backups <= 0:
                os.ftruncate(self._fd, 0)
            elif self.upkeep.keeping == PLAIN:
                with folder_of(self.path) as (name, folder):
                    numbered = (f"{name}.{number}" for number in range(1, self.backups + 1))
                    # A number that somebody has given to a folder is not used.
                    names = [one for one in numbered if not _is_folder(one, folder)] or [f"{name}.1"]
                    # Oldest first: if one cannot be moved, none has overwritten another.
                    for source, target in reversed(list(pairwise([name, *names]))):
                        _replace(source, target, folder)
            else:
                self.upkeep.move_away(self.backups, os.fstat(self._fd).st_mtime)
        except OSError as error:
            problem = f"cannot rotate log {self.path}: {error.strerror}; it grows until this is mended"
            self._rotate_failure.begin(problem)
            self._on_rotated(by, problem)
            return False
        self._rotate_failure.end(f"log {self.path} is rotated again")
        if self.backups > 0:
            self._close_fd()
            self._open()
        else:
            self._size = self._size_checked = 0
            self.upkeep.begin(os.fstat(self._fd))
        self._on_rotated(by, None)
        return True


def _is_folder(name: str, folder: int) -> bool:
    try:
        return stat.S_ISDIR(os.lstat(name, dir_fd=folder).st_mode)
    except OSError:
        return False


def _replace(source: str, target: str, folder: int) -> None:
    """Rename, if the source exists: there may be fewer backups."""
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


def _reason(error: OSError) -> str:
    if isinstance(error, BlockingIOError):
        return "its reader is too slow"
    if error.errno == errno.ENXIO:
        return "nobody reads this fifo"
    return error.strerror or str(error)
