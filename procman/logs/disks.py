"""Disks that may not answer: a thread waits for them, and the loop for a moment only.

A write to a file cannot be told not to wait: while its file system is frozen, or its NFS server gone, it takes as long
as that does. So a disk is asked by way of its `Disk`. As long as it has just answered (LEASE), that is a plain call.
Else a deputy, a thread, makes the call; where it is not back in time (PATIENCE), the disk is left to the deputy, nobody
asks for more, and who has something for it is called when it answers again. A deputy with every call would cost
about 40 us of CPU each, which is more than to write a line.
"""

import asyncio
import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Generic, ParamSpec, Protocol, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

# For how long after an answer a disk is asked directly, in seconds: who falls silent within it is not noticed in time.
# It is at most 50 times a second, and so 2 ms/s of CPU, that a deputy is needed.
LEASE = 0.02
# And so many times as long as the answer took: to wait for a server that is far away is not to take all the time.
LEASE_PER_ANSWER = 20
# How long the loop waits for a deputy, in seconds.
PATIENCE = 0.05
# A disk that takes so long for one call is in trouble, in seconds: for a while it is only asked by a deputy.
SLOW = 0.25
DOUBTED_FOR = 60.0
# When it is said that a disk does not answer, and when somebody who asks for a log is told so, in seconds.
SAID_AFTER = 2.0
ASKED_WITHIN = 10.0
# Deputies that may do something for somebody at the same time; of those that write logs there is one for each disk.
MOST_ASKED = 8
# How many times PATIENCE a deputy may take to begin: the machine is busy then, and that is no fault of the disk.
TURNS = 20


class NoAnswer(Exception):
    """The disk has not answered in time."""


class Waiting(Protocol):
    """Who has something for a disk that does not answer."""

    def go_on(self) -> None:
        """It answers: ask it. It may fall silent again at once."""

    def give_up(self) -> None:
        """Nobody will wait for it any longer."""


class _Job(Generic[T]):
    """One call that a deputy makes."""

    def __init__(self, call: Callable[[], T]) -> None:
        self._call = call
        self._result: T
        self._error: Exception | None = None
        self._lock = threading.Lock()  # of the two fields below
        self._finished = False
        self._then: Callable[[], None] | None = None
        self._bell = threading.Lock()
        self._bell.acquire()
        self.begun: float | None = None

    def run(self, clock: Callable[[], float], free: Callable[[], None]) -> None:
        """Make the call; `free` is called when it is made, before anybody hears of it."""
        self.begun = clock()
        try:
            self._result = self._call()
        except Exception as error:  # noqa: BLE001 - whoever wants the outcome gets it
            self._error = error
        free()
        with self._lock:
            self._finished = True
            then = self._then
        self._bell.release()
        if then is not None:
            then()

    def wait(self, timeout: float) -> bool:
        """Whether it has ended within `timeout` seconds from its beginning."""
        if self._bell.acquire(timeout=timeout):
            return True
        turns = TURNS
        while self.begun is None and turns:
            turns -= 1
            if self._bell.acquire(timeout=timeout):
                return True
        return False

    def leave(self, then: Callable[[], None]) -> bool:
        """Have `then` called, in the deputy, when it ends; False if it has ended already."""
        with self._lock:
            self._then = then
            return not self._finished

    def outcome(self) -> T:
        """What the call has returned, or raised."""
        if self._error is not None:
            raise self._error
        return self._result


class _Deputy:
    """A thread that makes calls, one at a time."""

    def __init__(self, clock: Callable[[], float], free: "Callable[[_Deputy], None]") -> None:
        self._clock = clock
        self._free = partial(free, self)
        self._job: _Job[Any] | None = None
        self._bell = threading.Lock()
        self._bell.acquire()
        threading.Thread(target=self._serve, name="procman-disk", daemon=True).start()

    def give(self, job: _Job[Any] | None) -> None:
        """Let it make this call; None: let it go."""
        self._job = job
        self._bell.release()

    def _serve(self) -> None:
        # Signals are for the thread that has the loop.
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        while True:
            self._bell.acquire()
            if (job := self._job) is None:
                return
            job.run(self._clock, self._free)
            del job


class Disk:
    """What several logs have in common that one disk holds."""

    def __init__(self, disks: "Disks", folder: str) -> None:
        self._disks = disks
        self.folder = folder  # one on it, for people
        self.device: int | None = None
        self._leased_until = 0.0
        self._doubted_until = 0.0
        self._job: _Job[Any] | None = None
        self._late: Callable[[Callable[[], Any]], None] | None = None
        self._waiting: dict[Waiting, None] = {}
        self._silent_since: float | None = None  # from when that was said
        self._timer: asyncio.TimerHandle | None = None

    @property
    def answers(self) -> bool:
        """Whether nobody waits for it."""
        return self._job is None

    @property
    def is_silent(self) -> bool:
        """Whether it has not answered for so long that it was said."""
        return self._silent_since is not None

    @property
    def is_leased(self) -> bool:
        """Whether it has answered a moment ago."""
        return self._job is None and self._disks.clock() < self._leased_until

    @property
    def is_doubted(self) -> bool:
        """Whether it was in trouble not long ago."""
        return self._disks.clock() < self._doubted_until

    @property
    def obstacle(self) -> str | None:
        """Why nobody could go on from here just now."""
        return f"the disk of {self.folder} does not answer" if self._job is not None or self._waiting else None

    def do(self, call: Callable[[], T], late: Callable[[Callable[[], T]], None] | None = None) -> T:
        """Have it done, by a deputy if need be.

        Raises NoAnswer where that takes too long; `late` is called then when it is done after all, with what gives the
        outcome. And at once where it does not answer: then nothing is done, and `late` is not called.
        """
        if self._job is not None:
            raise NoAnswer
        job = None if self.is_leased else self._disks.lend(call)
        if job is None:
            return self.do_here(call)
        if job.wait(PATIENCE) or not job.leave(partial(self._disks.call_soon, self._back, job)):
            self._answered(job)
            return job.outcome()
        self._job, self._late = job, late
        self._timer = self._disks.loop.call_later(SAID_AFTER, self._say)
        raise NoAnswer

    def do_here(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do it, for as long as it takes."""
        began = self._disks.clock()
        try:
            return call(*args, **kwargs)
        finally:
            if self._disks.clock() - began > SLOW:
                self._doubt()

    def wait(self, who: Waiting) -> None:
        """Call that one when it answers."""
        self._waiting[who] = None

    def settle(self, until: float) -> None:
        """Wait for it, not longer than that: the loop has ended."""
        while self._job is not None and self._job.wait(max(0.0, until - self._disks.clock())):
            self._back(self._job)
        waiting, self._waiting = self._waiting, {}
        for who in waiting:
            who.give_up()

    def _answered(self, job: _Job[Any]) -> None:
        now = self._disks.clock()
        took = 0.0 if job.begun is None else now - job.begun
        if took > SLOW:
            self._doubt()
        if now >= self._doubted_until:
            self._leased_until = now + LEASE + took * LEASE_PER_ANSWER

    def _doubt(self) -> None:
        self._leased_until = 0.0
        self._doubted_until = self._disks.clock() + DOUBTED_FOR

    def _back(self, job: _Job[Any]) -> None:
        if self._job is not job:
            return  # `settle` has seen it before
        self._job = None
        if self._timer is not None:
            self._timer.cancel()
        self._answered(job)
        if self._silent_since is not None:
            seconds = self._disks.clock() - self._silent_since + SAID_AFTER
            self._silent_since = None
            self._disks.say(f"the disk of {self.folder} answers again, after {seconds:.0f} seconds")
        if self._late is not None:
            self._late(job.outcome)
        while self._waiting and self._job is None:
            who = next(iter(self._waiting))
            del self._waiting[who]
            who.go_on()
        self._disks.on_answer()

    def _say(self) -> None:
        self._silent_since = self._disks.clock()
        self._disks.say(
            f"the disk of {self.folder} does not answer; what is to be written there waits, and everything else goes on"
        )


def touch(fd: int) -> None:
    """Do what takes as long as the disk of a file takes to be ready for a write, and changes nothing but times."""
    with contextlib.suppress(OSError):  # the write will say it
        os.utime(fd)


class Disks:
    """All of them, and the deputies."""

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
        self._free: list[_Deputy] = []
        self._asked = 0

    def of(self, path: str) -> Disk:
        """The one that a file is on; as long as nothing is known about its folder, that has one of its own."""
        folder = os.path.dirname(path) or "."
        disk = self._by_folder.get(folder)
        if disk is None:
            disk = self._by_folder[folder] = Disk(self, folder)
        return disk

    def found(self, path: str, device: int) -> Disk:
        """The same, now that it is known on which device the file is: a link may lead to another than the folder's."""
        guess = self.of(path)
        disk = self._by_device.get(device)
        if disk is None:
            disk = self._by_device[device] = Disk(self, guess.folder) if guess.device is not None else guess
            disk.device = device
        if guess.device is None:
            self._by_folder[os.path.dirname(path) or "."] = disk
        return disk

    @property
    def obstacle(self) -> str | None:
        """Why nobody could go on from here just now."""
        for disk in self._all():
            if (obstacle := disk.obstacle) is not None:
                return obstacle
        return None

    async def ask(self, path: str, call: Callable[[], T]) -> T:
        """Have something done for somebody, while everything else goes on; raises NoAnswer."""
        disk = self.of(path)
        if disk.is_leased:
            return call()
        if not disk.answers or self._asked >= MOST_ASKED:
            raise NoAnswer
        job = self.lend(call)
        if job is None:
            return call()
        done = asyncio.Event()

        def ready() -> None:
            self._asked -= 1
            done.set()

        if job.leave(partial(self.call_soon, ready)):
            self._asked += 1
            try:
                await asyncio.wait_for(done.wait(), ASKED_WITHIN)
            except TimeoutError:
                raise NoAnswer from None
        return job.outcome()

    def settle(self, timeout: float) -> None:
        """Wait for those that do not answer, `timeout` seconds at most: the loop has ended."""
        until = self.clock() + timeout
        for disk in self._all():
            disk.settle(until)

    def close(self) -> None:
        """Let the deputies go; those that still wait for a disk end with the process."""
        while self._free:
            self._free.pop().give(None)

    def lend(self, call: Callable[[], T]) -> _Job[T] | None:
        """Have a deputy make the call; None where there is none to be had."""
        try:
            deputy = self._free.pop() if self._free else _Deputy(self.clock, self._free.append)
        except RuntimeError:  # this user may have no more threads
            return None
        job = _Job(call)
        deputy.give(job)
        return job

    def call_soon(self, function: Callable[..., object], *args: object) -> None:
        """On the loop, from a deputy; if there still is one."""
        try:
            self.loop.call_soon_threadsafe(function, *args)
        except RuntimeError:
            pass

    def _all(self) -> list[Disk]:
        return list(dict.fromkeys((*self._by_folder.values(), *self._by_device.values())))
