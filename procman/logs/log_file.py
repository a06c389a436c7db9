"""A log file that the loop never waits for, whatever its disk does."""

import os
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from procman.errors import OperationFailed
from procman.logs.disk_call import DiskTimeout
from procman.logs.disk_workers import DiskWorkers
from procman.logs.followers import SplicedFollower
from procman.logs.kept_file import KeptFile
from procman.logs.log_keeper import LogKeeper
from procman.logs.marks import Marks
from procman.logs.pipe_io import is_at_end, readable_bytes
from procman.logs.ring import Ring
from procman.logs.rotating_file import RotatingFile
from procman.logs.rotation import PLAIN, Keeping, OnRotated, RotatedBy
from procman.logs.sink import PROGRAM_GOES_ON

T = TypeVar("T")

# What is held for a file whose disk does not answer, in bytes; more than that is lost.
MAX_HELD = 1 << 20
# From this much on, a program has to wait, in bytes; the master's own log does not.
FULL = 1 << 18
# How much is read or written at a time where splicing is impossible, in bytes.
_CHUNK = 1 << 16


class LogFile:
    """A sink: a RotatingFile that the thread of its disk writes to.

    What it is given is held until it is written in order (MAX_HELD). What a `SplicePump` moves does not pass through
    the loop at all.
    """

    def __init__(
        self,
        disks: DiskWorkers,
        path: str,
        maxbytes: int = 0,
        backups: int = 10,
        on_problem: Callable[[str], None] = lambda _text: None,
        *,
        meanwhile: str = PROGRAM_GOES_ON,
        private: bool = False,
        clock: Callable[[], float] = time.monotonic,
        keeping: Keeping = PLAIN,
        keeper: LogKeeper | None = None,
        on_rotated: OnRotated = lambda _by, _problem: None,
    ) -> None:
        """As RotatingFile, but `on_problem` and `on_rotated` are only called on the loop.

        Without a `keeper` nothing looks at a clock.
        """
        self.path = path
        self.disk = disks.for_path(path)
        self.disk.users[self] = None
        self.spliced = SplicedCopy(self)
        self.was_opened = False  # or an attempt was made
        self._on_problem = on_problem
        self._reports: list[str] = []  # of the file, for the loop, as is the next one
        self._rotations: list[tuple[RotatedBy, str | None]] = []
        self._on_rotated = on_rotated
        self._file = RotatingFile(
            path,
            maxbytes,
            backups,
            self._reports.append,
            meanwhile=meanwhile,
            private=private,
            clock=clock,
            opens=False,
            keeping=keeping,
            on_rotated=lambda by, problem: self.kept.rotated(by, problem),  # noqa: PLW0108 - it comes later
        )
        self.marks, self._failure = Marks(), self._file.failure  # which is asked at each scrape
        self.kept = KeptFile(
            self._file,
            self.disk,
            self.post,
            self._reports.append,
            keeper,
            tell=lambda *news: self._rotations.append(news),
            clock=clock,
        )
        # Bytes that were given to it, and of those that were written or lost: each is counted by one thread.
        self._given = 0
        self._done = 0
        self._lock = threading.Lock()  # of the batch that is written next, while nothing else is to be done before
        self._batch: list[bytes] | None = None
        self._in_transit = 0  # bytes read from a pipe by the thread, and not written yet
        self._lost = 0
        self._closed = False
        self._when_ready: list[Callable[[], None]] = []
        self.post(self._open)

    @property
    def lost(self) -> int:
        """How many bytes could not be written, ever."""
        return self._failure.lost + self._lost

    @property
    def problem(self) -> str | None:
        """What is wrong with it now."""
        if self.disk.health.is_unresponsive:
            return f"the disk of log {self.path} does not answer"
        return self._file.problem or self.kept.problem

    @property
    def ready(self) -> bool:
        """Whether it can take more."""
        return self._given - self._done < FULL

    def set_limits(self, maxbytes: int, backups: int, keeping: Keeping = PLAIN) -> None:
        """Rotate by these from now on."""
        self._file.maxbytes, self._file.backups = maxbytes, backups
        self.kept.keep(keeping)

    def write(self, data: bytes) -> bool:
        """Write `data` when everything is written that was given before."""
        waiting = self._given - self._done
        if waiting and waiting + len(data) > MAX_HELD:
            self._lost += len(data)
            return False
        self._given += len(data)
        # Several lines in one call, since each call is a switch between threads.
        with self._lock:
            begins = self._batch is None
            if self._batch is None:
                self._batch = []
            self._batch.append(data)
        if begins:
            self.disk.post(partial(self._write, self._batch))
        return self.ready

    def on_ready(self, callback: Callable[[], None]) -> None:
        """Call back once, when it is ready."""
        self._when_ready.append(callback)
        if self.ready:  # the thread looks at the list only when it has written something
            self._call_ready()

    def end(self) -> None:
        """Nothing is held back of a line."""

    def reopen(self) -> None:
        """Open the path again, after what was given before is written."""
        self.post(self._file.reopen)

    async def clear(self) -> None:
        """Remove the file and begin a new one; raises OperationFailed."""
        self._end_batch()
        try:
            await self.disk.call_async(self._file.clear)
        except DiskTimeout:
            raise OperationFailed(
                f"cannot clear log {self.path}: its disk does not answer; try it when it does"
            ) from None
        self._deliver_reports()

    def close(self) -> None:
        """Close the file when everything is written that was given to it."""
        if not self._closed:
            self._closed = True
            self.kept.close()
            self._end_batch()
            self.disk.post(self._close)

    def sync(self, call: Callable[[], object] = lambda: None, *, even_if_busy: bool = False) -> bool:
        """Do all that was given before, and then this; False if that has to wait for the disk (see DiskWorker.call)."""
        self._end_batch()
        try:
            self.disk.call(call, even_if_busy=even_if_busy)
        except DiskTimeout:
            return False
        finally:
            self._deliver_reports()
            self._call_ready()
        return True

    def post(self, call: Callable[[], object]) -> None:
        """Do this on the thread, after all that was given before."""

        def run() -> None:
            call()
            self._pass_reports()

        self._end_batch()
        self.disk.post(run)

    async def call_async(self, call: Callable[[], T]) -> T:
        """Do this on the thread, after all that was given before, and return its outcome; raises DiskTimeout."""
        self._end_batch()
        return await self.disk.call_async(call)

    def abandon(self) -> None:
        """The master ends: what is not written yet is lost."""
        unwritten = self._given - self._done + self._in_transit
        self._done = self._given
        if unwritten:
            self._lost += unwritten
            self._on_problem(f"{unwritten} bytes for log {self.path} were not written: its disk does not answer")
        self._deliver_reports()

    # ---- on the thread of the disk

    def take_from_pipe(self, pipe: int, limit: int) -> int:
        """Move up to `limit` bytes from a pipe into the file, and return how many; 0 at the pipe's end.

        Raises BlockingIOError if the pipe is empty. The disk is probed first: a splice that waits for it has the pipe
        locked, and the program that writes to the pipe waits there too, immune to SIGKILL. From a suspect disk's pipe
        the bytes are read instead.
        """
        copy = self.spliced.wanted()
        if not self.disk.health.has_answered:
            if not readable_bytes(pipe):
                # No matter for the disk; but a splice would wait for the disk all the same.
                if is_at_end(pipe):
                    return 0
                raise BlockingIOError
            if self.disk.health.is_suspect:
                return self._read(pipe, copy)
            self._file.touch()
            self.disk.health.note_answer()
        count = self._file.splice(pipe, limit, copy.add if copy else None)
        if count:
            self.marks.note(self._file.size)
        self._pass_reports()
        return self._read(pipe, copy) if count is None else count

    def _read(self, pipe: int, copy: SplicedFollower | None) -> int:
        try:
            data = os.read(pipe, _CHUNK)
        except BlockingIOError:
            raise
        except OSError:  # EIO: a terminal whose other side is closed
            return 0
        if data:
            self._in_transit = len(data)
            self._file.write(data)
            self._in_transit = 0
            self.marks.note(self._file.size)
            self._pass_reports()
            if copy is not None:
                copy.add(data)
        return len(data)

    def _write(self, batch: list[bytes]) -> None:
        with self._lock:
            if self._batch is batch:
                self._batch = None
        size, begun = 0, 0
        for number, data in enumerate(batch):
            size += len(data)
            # Up to the line that fills the file: it is rotated after that one.
            if size >= min(_CHUNK, self._file.room) or number == len(batch) - 1:
                self._file.write(b"".join(batch[begun : number + 1]))
                self._done += size
                size, begun = 0, number + 1
        self.marks.note(self._file.size)
        self._pass_reports()
        if self._when_ready and self.ready:
            self.disk.call_on_loop(self._call_ready)

    def _open(self) -> None:
        self._file.reopen()
        self.was_opened = True
        self.marks.begin(self._file.size, self._file.modified)
        self.kept.see_to()

    def _close(self) -> None:
        self._file.close()
        self.disk.call_on_loop(self._forget)

    def _pass_reports(self) -> None:
        if self._reports or self._rotations:
            self.disk.call_on_loop(self._deliver_reports)

    # ---- on the loop

    def _forget(self) -> None:
        self._deliver_reports()
        self.disk.users.pop(self, None)

    def _end_batch(self) -> None:
        """What is written from now on comes after what is to be done now."""
        with self._lock:
            self._batch = None

    def _deliver_reports(self) -> None:
        while self._reports:
            self._on_problem(self._reports.pop(0))
        while self._rotations:
            self._on_rotated(*self._rotations.pop(0))

    def _call_ready(self) -> None:
        while self._when_ready and self.ready:
            self._when_ready.pop(0)()


class SplicedCopy:
    """Lets the followers of a ring see what goes from a pipe into the file without passing through the loop."""

    def __init__(self, file: LogFile) -> None:
        self._file = file
        self._on_loop: SplicedFollower | None = None
        self._on_thread: SplicedFollower | None = None

    async def start(self, ring: Ring, look: Callable[[], T]) -> tuple[T | None, int]:
        """Copy to a ring that is followed from now on, and call `look` right before that.

        Returns what `look` returned (None if the disk does not answer), and the position in the ring of what is new
        since. The two are one step.
        """
        follower = self._follower(ring)
        start, delivered = ring.end, follower.delivered

        def begin() -> tuple[T | None, int]:
            try:
                return look(), start - delivered + follower.added
            finally:
                self._on_thread = follower

        if self._file.disk.is_stuck:
            self._file.post(begin)
            return None, start
        try:
            seen = await self._file.call_async(begin)
        except DiskTimeout:
            return None, start
        follower.deliver()
        return seen

    def start_with_first_pipe(self, ring: Ring) -> None:
        """The same for a ring that is followed already, before anything is spliced."""
        self._on_thread = self._follower(ring)

    def stop(self, ring: Ring) -> None:
        """The ring has no followers any more; what was spliced can be read in the file."""
        if self._on_loop is not None and self._on_loop.added:
            ring.clear()

    def deliver(self) -> None:
        """Let the ring have what was spliced until now: what comes next comes another way."""
        if self._on_loop is not None:
            self._on_loop.deliver()

    def wanted(self) -> SplicedFollower | None:
        """On the thread: what to copy to, if anything."""
        if self._on_thread is not None and not self._on_thread.is_wanted:
            self._on_thread = None
        return self._on_thread

    def _follower(self, ring: Ring) -> SplicedFollower:
        if self._on_loop is None:
            self._on_loop = SplicedFollower(ring, self._file.disk.call_on_loop)
        return self._on_loop
