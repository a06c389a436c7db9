"""Writes all metrics into a file from time to time, for collectors that read files, and removes it at the end.

The file appears as a whole: it is written under another name and renamed. The disk is spoken to on a thread: one that
is full, read-only or silent is a counted miss, and one line of the log until it works again. Nothing waits for it.
"""

import asyncio
import errno
import os
import stat
from collections.abc import Awaitable, Callable
from functools import partial

from procman.logs.protocol import Log
from procman.runtime.call_queue import CallQueue, TakesTooLong
from procman.services.metrics.counters import Counters
from procman.system.safe_open import open_folder

# How often it is written, in seconds.
EVERY = 15.0
# How long the disk may take, in seconds.
WITHIN = 10.0
# How long the end of the master waits for the file to be removed, in seconds.
REMOVED_WITHIN = 0.5
# Every user may read metrics in a file, as node_exporter runs as one of its own.
MODE = 0o644

_REASONS = {
    errno.ENOENT: "its directory is missing: make it again",
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the quota of this user is used up",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "this user may not write in its directory",
    errno.EPERM: "this user may not write in its directory",
}

Identity = tuple[int, int]


class MetricsFile:
    """One file."""

    def __init__(
        self,
        path: str,
        render: Callable[[], Awaitable[bytes]],
        counters: Counters,
        log: Log,
        *,
        every: float = EVERY,
        within: float = WITHIN,
        on_end: Callable[[], object] = lambda: None,
    ) -> None:
        """Write nothing yet.

        Args:
            path: of the file.
            render: gives the content.
            counters: are told of each miss.
            log: the master's own.
            every: how often it is written, in seconds.
            within: how long the disk may take, in seconds.
            on_end: is called when there is no `obstacle` any more.
        """
        self._path = path
        self._render = render
        self._counters = counters
        self._log = log
        self._every = every
        self._disk = CallQueue(within, on_end)
        self._misses = 0  # since it was last written
        self._written: Identity | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def obstacle(self) -> str | None:
        """Why an upgrade cannot happen now: the kernel waits for a thread that hangs, and the master with it."""
        return f"metrics_file {self._path} is being written" if self._disk.busy else None

    def start(self) -> None:
        """Write it now, and from time to time."""
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._every, self.start)
        if self._task is not None and not self._task.done():
            self._miss("its disk does not answer")
            return
        self._task = loop.create_task(self.write())

    async def write(self) -> None:
        """Write it once; raises nothing."""
        if self._disk.busy:
            self._miss("its disk does not answer")
            return
        content = await self._render()
        try:
            self._written = await self._disk.do(partial(replace_file, self._path, content))
        except TakesTooLong:
            self._miss("its disk does not answer")
        except OSError as error:
            self._miss(_REASONS.get(error.errno or 0) or (error.strerror or str(error)).lower())
        else:
            if self._misses:
                times = "once" if self._misses == 1 else f"{self._misses} times"
                self._log.info(f"metrics_file {self._path} is written again, after it was missed {times}")
            self._misses = 0

    async def close(self) -> None:
        """Write no more, and remove it; a disk that does not answer keeps it."""
        if self._timer is not None:
            self._timer.cancel()
        removal = asyncio.ensure_future(self._remove())
        await asyncio.wait({removal}, timeout=REMOVED_WITHIN)
        removal.cancel()
        if self._task is not None:
            self._task.cancel()

    async def _remove(self) -> None:
        if self._task is not None:
            await asyncio.wait({self._task})  # it tells which file is ours
        try:
            await self._disk.do(lambda: remove_file(self._path, self._written))
        except (OSError, TakesTooLong):
            pass

    def _miss(self, reason: str) -> None:
        self._counters.missed_writes += 1
        self._misses += 1
        if self._misses == 1:
            self._log.warn(
                f"cannot write metrics_file {self._path}: {reason}; it is tried again every {self._every:g} s"
            )


def replace_file(path: str, content: bytes) -> Identity:
    """Have the file hold that, in one step for all who read it; raises OSError, and then the old one is still there.

    In a folder that others may write, nothing but a regular file of that name is replaced, so that no link of theirs
    and no device is.
    """
    name = os.path.basename(path)
    other = f".{name}.new"  # not *.prom, which a collector would read
    folder = open_folder(path)
    try:
        _refuse_what_is_no_file(name, folder)
        _unlink(other, folder)  # of a master that was killed while it wrote
        file = os.open(other, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, MODE, dir_fd=folder)
        try:
            try:
                os.fchmod(file, MODE)  # whatever the umask is
                _write_all(file, content)
                found = os.fstat(file)
            finally:
                os.close(file)
            os.rename(other, name, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            _unlink(other, folder)
            raise
        return found.st_dev, found.st_ino
    finally:
        os.close(folder)


def remove_file(path: str, identity: Identity | None) -> None:
    """Remove it if it is that very file: another master may have put its own there meanwhile."""
    name = os.path.basename(path)
    folder = open_folder(path)
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if (found.st_dev, found.st_ino) == identity:
            os.unlink(name, dir_fd=folder)
    finally:
        os.close(folder)


def _refuse_what_is_no_file(name: str, folder: int) -> None:
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EEXIST, "there is something of that name that is not a file: name another")


def _unlink(name: str, folder: int) -> None:
    try:
        os.unlink(name, dir_fd=folder)
    except FileNotFoundError:
        pass


def _write_all(file: int, content: bytes) -> None:
    left = memoryview(content)
    while left:
        left = left[os.write(file, left) :]
