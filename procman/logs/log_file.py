"""A log file that nobody waits for, whatever its disk does."""

import os
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from procman.errors import ProcmanError
from procman.logs.disk_worker import Disks, NoAnswer
from procman.logs.pipe_io import is_at_end, readable_bytes
from procman.logs.ring import Ring
from procman.logs.sinks import PROGRAM_GOES_ON, RotatingFile

T = TypeVar("T")

# What may wait for a file whose disk does not answer, in bytes: beyond it is lost.
MOST_HELD = 1 << 20
# From when on a program has to wait, in bytes. The master's own log does not.
ENOUGH = 1 << 18
# How much is read or written at a time where it cannot be spliced, in bytes.
_AT_ONCE = 1 << 16


class LogFile:
    """A sink: a RotatingFile that the thread of its disk writes to.

    What it is given is written in its order, and kept until then (MOST_HELD). What a `SplicePump` moves does not
    stop here.
    """

    def __init__(
        self,
        disks: Disks,
        path: str,
        maxbytes: int = 0,
        backups: int = 10,
        on_problem: Callable[[str], None] = lambda _text: None,
        *,
        meanwhile: str = PROGRAM_GOES_ON,
        private: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """As of RotatingFile; `on_problem` is only called on the loop."""
        self.disk = disks.of(path)
        self.disk.users[self] = None
        self._on_problem = on_problem
        self._said: list[str] = []  # by the file
        self._file = RotatingFile(
            path,
            maxbytes,
            backups,
            self._said.append,
            meanwhile=meanwhile,
            private=private,
            clock=clock,
            opens=False,
        )
        # Bytes that were given to it, and of those that were written or lost: each has one thread that counts.
        self._given = 0
        self._done = 0
        self._lock = threading.Lock()  # of what is to be written next, as long as nothing else is to be done before
        self._batch: list[bytes] | None = None
        self._in_hand = 0  # of a lane, on their way through the thread
        self._lost = 0
        self._closed = False
        self._when_ready: list[Callable[[], None]] = []
        self._to_overhear: SplicedFollower | None = None  # by the loop
        self._overheard: SplicedFollower | None = None  # by the thread
        self.was_opened = False  # or it was tried
        self._post(self._open)

    @property
    def path(self) -> str:
        """The file that can be read back."""
        return self._file.path

    @property
    def lost(self) -> int:
        """Bytes that could not be written, ever."""
        return self._file.lost + self._lost

    @property
    def problem(self) -> str | None:
        """What is the matter with it now."""
        if self.disk.is_silent:
            return f"the disk of log {self.path} does not answer"
        return self._file.problem

    @property
    def ready(self) -> bool:
        """Whether it can take more."""
        return self._given - self._done < ENOUGH

    def bound(self, maxbytes: int, backups: int) -> None:
        """Keep it within other bounds from now on."""
        self._file.maxbytes, self._file.backups = maxbytes, backups

    def write(self, data: bytes) -> bool:
        """Write it when all is written that was given before."""
        waiting = self._given - self._done
        if waiting and waiting + len(data) > MOST_HELD:
            self._lost += len(data)
            return False
        self._given += len(data)
        # Several lines in one call: each is a change of hands.
        with self._lock:
            begins = self._batch is None
            if self._batch is None:
                self._batch = []
            self._batch.append(data)
        if begins:
            self.disk.post(partial(self._write, self._batch))
        return self.ready

    def on_ready(self, callback: Callable[[], None]) -> None:
        """Call back once, when it is."""
        self._when_ready.append(callback)
        if self.ready:  # only now is that told where it comes later
            self._tell_ready()

    def end(self) -> None:
        """Nothing is held back here."""

    def reopen(self) -> None:
        """Open the path anew."""
        if not self.have_done(self._file.reopen):
            self._post(self._file.reopen)

    def clear(self) -> None:
        """Remove the file and begin a new one; raises ProcmanError."""
        self._end_batch()
        try:
            self.disk.do(self._file.clear)
        except NoAnswer:
            raise ProcmanError(f"cannot clear log {self.path}: its disk does not answer; try it when it does") from None
        self._deliver()

    def close(self) -> None:
        """Close the file when it has all that was for it."""
        if not self._closed:
            self._closed = True
            self._end_batch()
            self.disk.post(self._close)

    def have_opened(self) -> None:
        """Have it opened, or tried to, if the disk answers."""
        if not self.was_opened:
            self.have_done()

    def have_done(self, call: Callable[[], object] = lambda: None) -> bool:
        """Have all done that was given before, and then this; False where that has to wait for the disk."""
        self._end_batch()
        try:
            self.disk.do(call)
        except NoAnswer:
            return False
        finally:
            self._deliver()
            self._tell_ready()
        return True

    async def overhear(self, ring: Ring, look: Callable[[], T]) -> tuple[T | None, int]:
        """Let a ring that is followed have what comes by lanes from now on; and have a look before that.

        Returns what the look did, None where the disk does not answer, and the position in the ring of what is new
        since. The two are one step.
        """
        overheard = self._to_overhear = self._to_overhear or SplicedFollower(ring, self.disk.tell)
        start, passed = ring.end, overheard.passed
        self._end_batch()

        def begin() -> tuple[T | None, int]:
            try:
                return look(), start - passed + overheard.heard
            finally:
                self._overheard = overheard

        if self.disk.is_stuck:
            self._post(begin)
            return None, start
        try:
            seen = await self.disk.ask(begin)
        except NoAnswer:
            return None, start
        overheard.pass_on()
        return seen

    def let_hear(self, ring: Ring) -> None:
        """Let a ring that is followed have what comes by lanes, the first of which begins."""
        self._overheard = self._to_overhear = self._to_overhear or SplicedFollower(ring, self.disk.tell)

    def hear_no_more(self, ring: Ring) -> None:
        """Nobody follows it any longer, and what has come by lanes can be read in the file."""
        if self._to_overhear is not None and self._to_overhear.heard:
            ring.clear()

    def pass_on(self) -> None:
        """Let the ring have what has come by lanes until now: what comes next comes another way."""
        if self._to_overhear is not None:
            self._to_overhear.pass_on()

    def give_up(self) -> None:
        """Nobody will wait for it any longer."""
        unwritten = self._given - self._done + self._in_hand
        self._done = self._given
        if unwritten:
            self._lost += unwritten
            self._on_problem(f"{unwritten} bytes for log {self.path} were not written: its disk does not answer")
        self._deliver()

    # ---- on the thread of the disk

    def take(self, pipe: int, limit: int) -> int:
        """Have up to `limit` bytes from a pipe, and return how many; 0 at its end.

        Raises BlockingIOError where nothing is in there. The disk is asked before whether it answers. A splice that
        waits for it has the pipe locked, and the program waits there for the disk, too, deaf to SIGKILL. Where the disk
        is in doubt, what is in the pipe is read.
        """
        overheard = self._overheard
        if overheard is not None and not overheard.is_wanted:
            self._overheard = overheard = None
        if not self.disk.is_leased:
            if not readable_bytes(pipe):
                # That is not the disk's business; a splice would wait for it all the same.
                if is_at_end(pipe):
                    return 0
                raise BlockingIOError
            if self.disk.is_doubted:
                return self._read(pipe, overheard)
            self._file.touch()
            self.disk.answered()
        count = self._file.splice(pipe, limit, overheard.hear if overheard else None)
        self._tell_said()
        return self._read(pipe, overheard) if count is None else count

    # ---- the pieces of the above

    def _read(self, pipe: int, overheard: "SplicedFollower | None") -> int:
        try:
            data = os.read(pipe, _AT_ONCE)
        except BlockingIOError:
            raise
        except OSError:  # a terminal whose other side is closed says EIO
            return 0
        if data:
            self._in_hand = len(data)
            self._file.write(data)
            self._in_hand = 0
            self._tell_said()
            if overheard is not None:
                overheard.hear(data)
        return len(data)

    def _write(self, batch: list[bytes]) -> None:
        with self._lock:
            if self._batch is batch:
                self._batch = None
        size, begun = 0, 0
        for number, data in enumerate(batch):
            size += len(data)
            # Not more than until the file is full: it is rotated after the line by which it is.
            if size >= min(_AT_ONCE, self._file.room) or number == len(batch) - 1:
                self._file.write(b"".join(batch[begun : number + 1]))
                self._done += size
                size, begun = 0, number + 1
        self._tell_said()
        if self._when_ready and self.ready:
            self.disk.tell(self._tell_ready)

    def _open(self) -> None:
        self._file.reopen()
        self.was_opened = True

    def _close(self) -> None:
        self._file.close()
        self.disk.tell(self._forget)

    def _forget(self) -> None:
        self._deliver()
        self.disk.users.pop(self, None)

    def _post(self, call: Callable[[], object]) -> None:
        def called() -> None:
            call()
            self._tell_said()

        self._end_batch()
        self.disk.post(called)

    def _end_batch(self) -> None:
        """What is written from now on comes after what is to be done now."""
        with self._lock:
            self._batch = None

    def _tell_said(self) -> None:
        if self._said:
            self.disk.tell(self._deliver)

    def _deliver(self) -> None:
        """Say what the file has said."""
        while self._said:
            self._on_problem(self._said.pop(0))

    def _tell_ready(self) -> None:
        while self._when_ready and self.ready:
            self._when_ready.pop(0)()


class SplicedFollower:
    """What goes by in a lane, for a ring on the loop: never more of it than that has room for."""

    def __init__(self, ring: Ring, tell: Callable[[Callable[[], object]], None]) -> None:
        self.passed = 0  # so many bytes are in the ring, or missed
        self._ring = ring
        self._tell = tell
        self._lock = threading.Lock()
        self._heard = Ring(ring.capacity)
        self._told = False

    @property
    def is_wanted(self) -> bool:
        """Whether anybody follows the ring."""
        return self._ring.followed

    @property
    def heard(self) -> int:
        """So many bytes have come by."""
        return self._heard.end

    def hear(self, data: bytes) -> None:
        """On the thread."""
        with self._lock:
            self._heard.append(data)
            told, self._told = self._told, True
        if not told:
            self._tell(self.pass_on)

    def pass_on(self) -> None:
        """On the loop."""
        with self._lock:
            data, self.passed, missed = self._heard.read(self.passed)
            self._heard.clear()  # 64 KiB, for each log that somebody has ever followed
            self._told = False
        if not self.is_wanted:
            self._ring.skip(missed + len(data))
            return
        if missed:
            self._ring.skip(missed)
        if data:
            self._ring.append(data)
