"""Disks that may not answer: each has a thread that does what is to be done there, and nobody else waits for it.

A write to a file cannot be told not to wait: while its file system is frozen, or its NFS server gone, it takes as long
as that does. So the loop asks no disk for anything. What is to be done is given to the thread of the `Disk`, in order;
and pipes whose bytes go into a file untouched are read by that thread alone (`lane.py`), so that no line costs two
threads a change of hands. The threads own that, and nothing else: all decisions are made on the loop.
"""

import asyncio
import contextlib
import os
import select
import signal
import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Generic, Protocol, TypeVar

T = TypeVar("T")

# For how long after an answer a disk need not be asked before it is given a pipe to read, in seconds.
LEASE = 0.02
# How long the loop waits for what is done at once as long as a disk answers, in seconds.
PATIENCE = 0.05
# As many times that, where the thread has not had its turn yet or gets on with other things: the machine is busy then.
TURNS = 20
# A disk that takes so long for one call is in trouble, in seconds; and for how long it is taken to be.
SLOW = 0.25
DOUBTED_FOR = 60.0
# How often a disk is looked at that has something to do, in seconds: is it still at the same?
LOOK_EVERY = 1.0
# When it is said that a disk does not answer, and when somebody who asks for a log is told so, in seconds.
SAID_AFTER = 2.0
ASKED_WITHIN = 10.0


class NoAnswer(Exception):
    """The disk has not answered in time."""


class Reader(Protocol):
    """Who reads a pipe on the thread of a disk."""

    def move(self) -> None:
        """There is something to read, or the end."""


class User(Protocol):
    """Who has given something to a disk."""

    def give_up(self) -> None:
        """Nobody will wait for it any longer."""


class _Job(Generic[T]):
    """One call whose outcome somebody wants."""

    def __init__(self, call: Callable[[], T], then: Callable[[], object] | None = None) -> None:
        """`then` is called on the thread, when it has ended."""
        self._call = call
        self._then = then
        self._result: T
        self._error: Exception | None = None
        self._bell = threading.Lock()
        self._bell.acquire()

    def __call__(self) -> None:
        try:
            self._result = self._call()
        except Exception as error:  # noqa: BLE001 - whoever wants the outcome gets it
            self._error = error
        self._bell.release()
        if self._then is not None:
            self._then()

    def wait(self, timeout: float) -> bool:
        """Whether it has ended within `timeout` seconds; to be asked until it has, and not after that."""
        return self._bell.acquire(timeout=timeout)

    def outcome(self) -> T:
        """What the call has returned, or raised."""
        if self._error is not None:
            raise self._error
        return self._result


class Disk:
    """What all logs have in common that one disk holds, and the thread that waits for it."""

    def __init__(self, disks: "Disks", folder: str) -> None:
        self.folder = folder  # one on it, for people
        self.device: int | None = None
        self.users: dict[User, None] = {}
        self._disks = disks
        self._leased_until = 0.0
        self._doubted_until = 0.0
        # What the thread does is seen in these: it counts each call and each pipe in `_turn` before it begins, and says
        # whether it sleeps. Both sides read and write such fields without a lock, as each has one writer, or none that
        # minds.
        self._thread: threading.Thread | None = None
        self._turn = 0
        self._asleep = True
        self._calls: deque[Callable[[], object]] = deque()
        self._called = 0  # of those so many
        self._readers: dict[int, Reader] = {}
        self._ended = False
        self._watched = False  # by the loop
        self._will_ring = False
        # What the loop has given to it, and what it has seen of that.
        self._posted = 0
        self._timer: asyncio.TimerHandle | None = None
        self._seen = 0
        self._is_stuck = False
        self._is_silent = False
        self._stuck_since = 0.0
        self._parked: threading.Event | None = None

    # ---- for the loop

    @property
    def is_stuck(self) -> bool:
        """Whether nobody waits for it, since somebody has waited in vain."""
        return self._is_stuck

    @property
    def is_silent(self) -> bool:
        """Whether it has not answered for so long that it was said."""
        return self._is_silent

    @property
    def obstacle(self) -> str | None:
        """Why nobody could go on from here just now."""
        return f"the disk of {self.folder} does not answer" if self.is_stuck else None

    def post(self, call: Callable[[], object]) -> None:
        """Have it done, after all that was given before; it raises nothing."""
        if not self._is_up():
            call()
            return
        self._calls.append(call)
        self._posted += 1
        if not self._watched:
            self._watched = True
            self._watch()
        if not self._will_ring:
            # Later: who is woken up now wants the interpreter's lock at once, and there may be more to come.
            self._will_ring = True
            self._disks.loop.call_soon(self._ring)

    def do(self, call: Callable[[], T], then: Callable[[], object] | None = None) -> T:
        """Have it done, and then `then` on the thread; wait for it, but not for long.

        Raises NoAnswer where that takes too long; it is done all the same, later. And at once where it does not answer:
        then nothing is done.
        """
        if self.is_stuck:
            raise NoAnswer
        job = _Job(call, then)
        self.post(job)
        self._ring()
        for _ in range(TURNS):
            turn = self._turn
            if job.wait(PATIENCE):
                return job.outcome()
            if turn == self._turn and not self._asleep:
                break
        self._give_up_waiting()
        raise NoAnswer

    async def ask(self, call: Callable[[], T], within: float | None = None) -> T:
        """Have something done for somebody, while everything else goes on; raises NoAnswer (ASKED_WITHIN seconds)."""
        if self.is_stuck:
            raise NoAnswer
        done = asyncio.Event()
        job = _Job(call, partial(self._disks.call_soon, done.set))
        self.post(job)
        try:
            await asyncio.wait_for(done.wait(), ASKED_WITHIN if within is None else within)
        except TimeoutError:
            raise NoAnswer from None
        return job.outcome()

    async def catch_up(self) -> None:
        """Wait until all is done that was given to it; not where it does not answer."""
        if self._posted != self._called and self._thread is not None:
            with contextlib.suppress(NoAnswer):
                await self.ask(lambda: None, PATIENCE)

    def settle(self, until: float) -> None:
        """Wait until all is done that was given to it, not longer than that: the loop has ended."""
        if self._thread is not None:
            last = _Job(lambda: None)
            self.post(last)
            self._ring()
            last.wait(max(0.0, until - self._disks.clock()))
        for user in tuple(self.users):
            user.give_up()

    def park(self) -> bool:
        """Have it do nothing from now on, in the middle of nothing; whether that could be."""
        if self._thread is None:
            return True
        self._parked = threading.Event()
        try:
            self.do(lambda: None, self._parked.wait)
        except NoAnswer:
            self.unpark()
            return False
        return True

    def unpark(self) -> None:
        """Go on."""
        if (parked := self._parked) is not None:
            self._parked = None
            parked.set()

    def close(self) -> None:
        """Let the thread go; one that waits for its disk ends with the process."""
        if self._thread is not None:
            self._ended = True
            self._ring()

    # ---- for both

    def enter(self, fd: int, reader: Reader) -> bool:
        """Read this pipe from now on; False where there is no thread that could."""
        if not self._is_up():
            return False
        self._readers[fd] = reader
        try:
            self._epoll.register(fd, select.EPOLLIN)
        except OSError:
            del self._readers[fd]
            return False
        return True

    def leave(self, fd: int) -> None:
        """Read it no longer; to be called before it is closed, while it is not being read."""
        del self._readers[fd]
        self._epoll.unregister(fd)

    # ---- for the thread

    @property
    def is_leased(self) -> bool:
        """Whether it has answered a moment ago."""
        return self._disks.clock() < self._leased_until

    @property
    def is_doubted(self) -> bool:
        """Whether it was in trouble not long ago."""
        return self._disks.clock() < self._doubted_until

    def answered(self) -> None:
        """It has answered when it was asked."""
        self._leased_until = self._disks.clock() + LEASE

    def tell(self, function: Callable[[], object]) -> None:
        """Have it called on the loop."""
        self._disks.call_soon(function)

    # ---- the pieces of the above

    def _is_up(self) -> bool:
        if self._thread is None:
            thread = threading.Thread(target=self._serve, name="procman-disk", daemon=True)
            with contextlib.ExitStack() as undo:
                try:
                    self._epoll = undo.enter_context(select.epoll())
                    self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
                    undo.callback(os.close, self._bell)
                    self._epoll.register(self._bell, select.EPOLLIN)
                    thread.start()
                except (OSError, RuntimeError):  # no more descriptors, or threads of this user: it is done without
                    return False
                undo.pop_all()
            self._thread = thread
        return True

    def _ring(self) -> None:
        self._will_ring = False
        if self._asleep and self._thread is not None:
            os.eventfd_write(self._bell, 1)

    def _watch(self) -> None:
        """Look at it from time to time as long as it has something to do."""
        if self._timer is None:
            self._seen = self._turn
            self._timer = self._disks.loop.call_later(LOOK_EVERY, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._ended:
            return
        if self._is_idle():
            self._watched = False
            if self._is_idle():  # else it has woken up in this moment, and may have taken itself for watched
                return
            self._watched = True
        elif self._turn == self._seen:
            self._give_up_waiting()
            if self._is_stuck and not self._is_silent and self._disks.clock() - self._stuck_since >= SAID_AFTER:
                self._is_silent = True
                self._disks.say(
                    f"the disk of {self.folder} does not answer; what is to be written there waits, and everything "
                    "else goes on"
                )
        self._watch()

    def _is_idle(self) -> bool:
        return self._asleep and not self._calls

    def _give_up_waiting(self) -> None:
        if not self._is_stuck:
            self._stuck_since = self._disks.clock() - PATIENCE
            self._is_stuck = True
            if self._asleep:  # it has not seen that
                self._answers_again()

    def _answers_again(self) -> None:
        if not self._is_stuck:
            return
        self._is_stuck = False
        if self._is_silent:
            self._is_silent = False
            seconds = self._disks.clock() - self._stuck_since
            self._disks.say(f"the disk of {self.folder} answers again, after {seconds:.0f} seconds")
        self._disks.on_answer()

    def _serve(self) -> None:
        # Signals are for the thread that has the loop.
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        while not self._ended:
            ready = self._sleep()
            if not self._watched:
                self._watched = True
                self.tell(self._watch)
            for fd, _ in ready:
                self._run_calls()
                if (reader := self._readers.get(fd)) is not None:
                    self._run(reader.move)
            self._run_calls()
        self._epoll.close()
        os.close(self._bell)

    def _sleep(self) -> list[tuple[int, int]]:
        self._asleep = True
        # Who gives it something, or gives up waiting, sees that it sleeps, or it sees that.
        if self._is_stuck:
            self.tell(self._answers_again)
        ready = self._epoll.poll(0 if self._calls else None)
        self._asleep = False
        for fd, _ in ready:
            if fd == self._bell:
                os.eventfd_read(fd)
        return ready

    def _run_calls(self) -> None:
        for _ in range(len(self._calls)):  # and not what comes meanwhile, or pipes would wait
            self._run(self._calls.popleft())
            self._called += 1

    def _run(self, call: Callable[[], object]) -> None:
        began = self._disks.clock()
        self._turn += 1
        try:
            call()
        except Exception as error:  # noqa: BLE001 - what the loop does with errors of its own is done with this one
            self.tell(partial(_raise, error))
        now = self._disks.clock()
        if now - began > SLOW:
            self._doubted_until = now + DOUBTED_FOR
            self._leased_until = 0.0
        if self._is_stuck:
            self.tell(self._answers_again)


class Disks:
    """All of them."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        say: Callable[[str], None] = lambda _text: None,
        *,
        on_answer: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`say` is told, on the loop, when one does not answer; `on_answer` when one does that somebody waited for."""
        self.loop = loop
        self.say = say
        self.on_answer = on_answer
        self.clock = clock
        self._by_folder: dict[str, Disk] = {}
        self._by_device: dict[int, Disk] = {}

    def of(self, path: str) -> Disk:
        """The one that a folder is on, and so what is in it.

        A link in it may lead to another, whose silence is that of this one then. As long as nothing is known about a
        folder, it has one of its own.
        """
        folder = os.path.dirname(path) or "."
        disk = self._by_folder.get(folder)
        if disk is None or (disk.device is None and not disk.users):
            disk = self._by_folder[folder] = self._known(disk or Disk(self, folder))
        return disk

    def found(self, folder: str, device: int) -> Disk:
        """The one of a device."""
        if device not in self._by_device:
            self._by_device[device] = Disk(self, folder)
            self._by_device[device].device = device
        return self._by_device[device]

    def _known(self, guess: Disk) -> Disk:
        try:
            device = guess.do(lambda: os.stat(guess.folder).st_dev)
        except (OSError, NoAnswer):
            return guess
        disk = self._by_device.setdefault(device, guess)
        disk.device = device
        if disk is not guess:
            guess.close()
        return disk

    @property
    def obstacle(self) -> str | None:
        """Why nobody could go on from here just now."""
        for disk in self._all():
            if (obstacle := disk.obstacle) is not None:
                return obstacle
        return None

    async def catch_up(self) -> None:
        """Wait until all is done that was given to them; not for one that does not answer."""
        for disk in self._all():
            await disk.catch_up()

    def park(self) -> str | None:
        """Have them all do nothing from now on, and say which of them cannot; then none does."""
        for disk in self._all():
            if not disk.park():
                self.unpark()
                return f"the disk of {disk.folder} does not answer"
        return None

    def unpark(self) -> None:
        """Go on."""
        for disk in self._all():
            disk.unpark()

    def settle(self, timeout: float) -> None:
        """Wait for what was given to them, `timeout` seconds at most: the loop has ended."""
        until = self.clock() + timeout
        for disk in self._all():
            disk.settle(until)

    def close(self) -> None:
        """Let the threads go."""
        for disk in self._all():
            disk.close()

    def call_soon(self, function: Callable[[], object]) -> None:
        """On the loop, from a thread; if there still is one."""
        try:
            self.loop.call_soon_threadsafe(function)
        except RuntimeError:
            pass

    def _all(self) -> list[Disk]:
        return list(dict.fromkeys((*self._by_folder.values(), *self._by_device.values())))


def _raise(error: Exception) -> None:
    raise error
