"""Shares out the time of the loop among pumps: first come, first served, a slice of each turn of the loop.

The pipes of all pumps are in an epoll of their own, which the loop watches as one descriptor: to add a pipe to the loop
and to remove it takes ten times as long, and a program that ends at once has two of them, hundreds of times a second.
"""

import asyncio
import select
import time
from collections.abc import Callable
from typing import Protocol

# How long all pumps together may hold the loop before others get their turn, in seconds.
# With 50 programs that flood, and 20 that end at once and are started again, getState was answered after 120 ms (p99)
# when every pump was read on each turn, after 25 with 2 ms, after 10 with this; the log rate stays.
SLICE = 0.001


class Readable(Protocol):
    """What has something to read: a pump."""

    def read_turn(self) -> None:
        """Read as much as one pump may at a time."""


class FairScheduler:
    """Serves a pump at once while the slice lasts, and later if the slice is used up.

    The loop itself would let all that are ready read on each of its turns: with 50 flooding programs that takes 20 ms.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, clock: Callable[[], float] = time.monotonic) -> None:
        self._loop = loop
        self._clock = clock
        self._epoll: select.epoll | None = None  # not before the first pipe
        self._watched: dict[int, Readable] = {}  # by descriptor
        self._waiting: dict[Readable, None] = {}
        self._will_serve = False
        self._used = 0.0  # of the slice; turns of the loop in which no pump has to wait may share one

    def watch(self, fd: int, pump: Readable) -> None:
        """Have the pump read whenever there is something; raises OSError."""
        if self._epoll is None:
            self._epoll = select.epoll()
            self._loop.add_reader(self._epoll.fileno(), self._look)
        self._epoll.register(fd, select.EPOLLIN)
        self._watched[fd] = pump

    def unwatch(self, fd: int) -> None:
        """Not any more; to be called before the descriptor is closed."""
        if self._watched.pop(fd, None) is not None and self._epoll is not None:
            self._epoll.unregister(fd)

    def close(self) -> None:
        """Watch nothing any more."""
        if self._epoll is not None:
            self._loop.remove_reader(self._epoll.fileno())
            self._epoll.close()
            self._epoll = None
        self._watched.clear()

    def ready(self, pump: Readable) -> None:
        """The pump has something to read: it does so now, or when its turn comes."""
        if self._used < SLICE and not self._waiting:
            began = self._clock()
            pump.read_turn()
            self._used += self._clock() - began
        else:
            self._waiting[pump] = None
            self._serve_soon()

    def _look(self) -> None:
        assert self._epoll is not None
        for fd, _ in self._epoll.poll(0):
            pump = self._watched.get(fd)
            if pump is not None:  # the one before may have closed it
                self.ready(pump)

    def _serve_soon(self) -> None:
        if not self._will_serve:
            self._will_serve = True
            self._loop.call_soon(self._serve)

    def _serve(self) -> None:
        self._will_serve = False
        began = self._clock()
        self._used = 0.0
        while self._waiting and self._used < SLICE:
            pump = next(iter(self._waiting))
            del self._waiting[pump]
            pump.read_turn()
            self._used = self._clock() - began
        if self._waiting:
            self._serve_soon()
