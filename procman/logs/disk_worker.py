"""The thread of one disk: it does everything that may wait for that disk, so that the loop does not.

A write to a file cannot be made non-blocking: while its file system is frozen, or its NFS server is gone, it takes as
long as that lasts. So the loop gives what is to be done to the thread of the disk, in order; and a pipe whose bytes go
into one file untouched is read by that thread alone (`splice_pump.py`), so that a line costs no switch between threads.
The thread owns the files and those pipes, and nothing else: all decisions are made on the loop.

All disks together hold the loop no longer than LOOP_WAIT in one of its turns: `call` gives up then. There are three
exceptions. While the machine is so busy that the thread has not even begun to run, `call` waits up to STARVED_WAITS
times as long, as do all calls of one turn together: the loop could not run in time either, and a healthy disk must not
be taken for a stuck one. With `even_if_busy` (before the first program starts, and right before the master executes its
successor), `call` waits as long as the thread gets on with the calls before. And when the master ends, each wait may
take LOOP_WAIT (`DiskWorkers.lift_limit`).
"""

import asyncio
import contextlib
import os
import select
import signal
import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Protocol, TypeVar

from procman.logs.disk_call import DiskCall, DiskTimeout
from procman.logs.disk_health import LOOP_WAIT, DiskHealth, LoopSide

T = TypeVar("T")

STARVED_WAITS = 20
# How long a client that reads a log waits for its disk, in seconds.
CLIENT_WAIT = 10.0


class PipeReader(Protocol):
    """Reads a pipe on the thread of a disk."""

    def on_readable(self) -> None:
        """There is something to read, or the end."""


class DiskUser(Protocol):
    """Has given something to a disk."""

    def abandon(self) -> None:
        """The master ends and waits no longer: what is not done yet is lost."""


class DiskWorker:
    """What all logs on one disk share, and the thread that waits for that disk."""

    def __init__(self, folder: str, side: LoopSide) -> None:
        """`folder` is one on the disk, for messages."""
        self.folder = folder
        self.device: int | None = None
        self.users: dict[DiskUser, None] = {}
        self.health = DiskHealth(folder, self, side)
        self._side = side
        # Both sides read and write these without a lock, since each has one writer, or none that minds. The thread
        # counts each call and each pipe in `turn` before it begins.
        self.turn = 0
        self.is_asleep = True
        self.is_closed = False
        self._thread: threading.Thread | None = None
        self._calls: deque[Callable[[], object]] = deque()
        self._posted = 0  # calls, by the loop
        self._completed = 0  # calls, by the thread
        self._readers: dict[int, PipeReader] = {}
        self._will_wake = False
        self._paused: threading.Event | None = None

    # ---- for the loop

    @property
    def is_stuck(self) -> bool:
        """Whether nothing waits for it, since a wait was in vain."""
        return self.health.is_stuck

    def is_idle(self) -> bool:
        """Whether its thread is asleep, and has been given nothing."""
        return self.is_asleep and not self._calls

    @property
    def obstacle(self) -> str | None:
        """Why an upgrade cannot happen now."""
        return f"the disk of {self.folder} does not answer" if self.is_stuck else None

    def post(self, call: Callable[[], object]) -> None:
        """Do it after everything that was given before; it must raise nothing."""
        if not self._has_thread():
            call()
            return
        self._calls.append(call)
        self._posted += 1
        if not self.health.is_watched:
            self.health.is_watched = True
            self.health.watch()
        if not self._will_wake:
            # Later: a thread that is woken now wants the interpreter's lock at once, and more calls may follow.
            self._will_wake = True
            self._side.loop.call_soon(self._wake)

    def call(self, call: Callable[[], T], then: Callable[[], object] | None = None, *, even_if_busy: bool = False) -> T:
        """Do it, and `then` on the thread afterwards; wait for the outcome, LOOP_WAIT at most (see above).

        Raises DiskTimeout if that takes too long; it is done all the same, later. If the disk is stuck, raises at once,
        and nothing is done.
        """
        if self.is_stuck:
            raise DiskTimeout
        limit = self._side.call_limit if even_if_busy else self._side.wait_limit
        began = self._side.clock()
        job = DiskCall(call, then)
        self.post(job)
        self._wake()
        starved = False
        for _ in range(STARVED_WAITS):
            turn = self.turn
            if done := job.wait(limit):
                break
            if not self.is_asleep and (turn == self.turn or not even_if_busy):
                break
            starved = starved or self.is_asleep
        # A call that comes next, for the output of another program that has ended, would not be waited for otherwise.
        self._side.note_wait((self._side.clock() - began) / (STARVED_WAITS if starved else 1))
        if done:
            return job.result()
        # A disk that gets on with the calls before is not stuck, and after a short wait there is no telling.
        if limit >= LOOP_WAIT / 2 and (job.has_begun or turn == self.turn):
            self.health.note_timeout()
        raise DiskTimeout

    def acquire(self, lock: threading.Lock) -> bool:
        """Acquire a lock that the thread holds for as long as a call to the disk takes; False if that is too long."""
        began = self._side.clock()
        acquired = lock.acquire(timeout=0.0 if self.is_stuck else self._side.wait_limit)
        self._side.note_wait(self._side.clock() - began)
        return acquired

    async def call_async(self, call: Callable[[], T], within: float = CLIENT_WAIT) -> T:
        """Do it for a client, while everything else goes on; raises DiskTimeout after `within` seconds."""
        if self.is_stuck:
            raise DiskTimeout
        done = asyncio.Event()
        job = DiskCall(call, partial(self._side.call_soon, done.set))
        self.post(job)
        try:
            await asyncio.wait_for(done.wait(), within)
        except TimeoutError:
            raise DiskTimeout from None
        return job.result()

    async def flush(self) -> None:
        """Wait until everything is done that was given to it; not if it does not answer."""
        if self._posted != self._completed and self._thread is not None:
            with contextlib.suppress(DiskTimeout):
                # As long as `call` does where the machine is busy; the loop goes on meanwhile.
                await self.call_async(lambda: None, LOOP_WAIT * STARVED_WAITS)

    def finish(self, until: float) -> None:
        """After the loop has ended: wait until everything is done, not longer than that; the rest is lost."""
        if self._thread is not None:
            last = DiskCall(lambda: None)
            self.post(last)
            self._wake()
            last.wait(max(0.0, until - self._side.clock()))
        for user in tuple(self.users):
            user.abandon()

    def pause(self) -> bool:
        """Do nothing from now on, with nothing half done; False if the disk does not answer."""
        if self._thread is None:
            return True
        self._paused = threading.Event()
        try:
            self.call(lambda: None, self._paused.wait, even_if_busy=True)
        except DiskTimeout:
            self.resume()
            return False
        return True

    def resume(self) -> None:
        """Go on."""
        if (paused := self._paused) is not None:
            self._paused = None
            paused.set()

    def close(self) -> None:
        """Let the thread end; one that waits for its disk ends with the process."""
        if self._thread is not None:
            self.is_closed = True
            # A thread that is about to sleep may see that by itself, and close what wakes it.
            with contextlib.suppress(OSError):
                self._wake()

    # ---- for both

    def add_reader(self, fd: int, reader: PipeReader) -> bool:
        """Read this pipe from now on; False if there can be no thread."""
        if not self._has_thread():
            return False
        self._readers[fd] = reader
        try:
            self._epoll.register(fd, select.EPOLLIN)
        except OSError:
            del self._readers[fd]
            return False
        return True

    def remove_reader(self, fd: int) -> None:
        """Stop reading it; to be called before the pipe is closed, and while it is not being read."""
        del self._readers[fd]
        self._epoll.unregister(fd)

    # ---- for the thread

    def call_on_loop(self, function: Callable[[], object]) -> None:
        """Have the loop call it."""
        self._side.call_soon(function)

    # ---- private

    def _has_thread(self) -> bool:
        if self._thread is None:
            thread = threading.Thread(target=self._serve, name="procman-disk", daemon=True)
            with contextlib.ExitStack() as undo:
                try:
                    self._epoll = undo.enter_context(select.epoll())
                    self._wake_up = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
                    undo.callback(os.close, self._wake_up)
                    self._epoll.register(self._wake_up, select.EPOLLIN)
                    thread.start()
                except (OSError, RuntimeError):  # no more descriptors, or threads for this user: work without one
                    return False
                undo.pop_all()
            self._thread = thread
        return True

    def _wake(self) -> None:
        self._will_wake = False
        if self.is_asleep and self._thread is not None:
            os.eventfd_write(self._wake_up, 1)

    def _serve(self) -> None:
        # Signals are for the thread of the loop.
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        while not self.is_closed:
            ready = self._sleep()
            if not self.health.is_watched:
                self.health.is_watched = True
                self.call_on_loop(self.health.watch)
            for fd, _ in ready:
                self._run_calls()
                if (reader := self._readers.get(fd)) is not None:
                    self._run(reader.on_readable)
            self._run_calls()
        self._epoll.close()
        os.close(self._wake_up)

    def _sleep(self) -> list[tuple[int, int]]:
        self.is_asleep = True
        # Either the loop sees this flag when it posts a call or gives up waiting, or this thread sees what it did.
        self.health.note_progress()
        ready = self._epoll.poll(0 if self._calls else None)
        self.is_asleep = False
        for fd, _ in ready:
            if fd == self._wake_up:
                os.eventfd_read(fd)
        return ready

    def _run_calls(self) -> None:
        for _ in range(len(self._calls)):  # not those that come meanwhile, or pipes would wait
            self._run(self._calls.popleft())
            self._completed += 1

    def _run(self, call: Callable[[], object]) -> None:
        began = self._side.clock()
        self.turn += 1
        try:
            call()
        except Exception as error:  # noqa: BLE001 - the loop's exception handler gets it
            self.call_on_loop(partial(_raise, error))
        self.health.note_call(began)


def _raise(error: Exception) -> None:
    raise error
