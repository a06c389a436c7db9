"""From a program's pipe to its sinks, on the loop, never blocking it.

One pump for one pipe. A sink that has enough stops the reading of this one pipe, and only of this one: the program
waits in its own write. Bytes in = bytes handed to every sink, or through a tap to others, + bytes left unread when the
pump was closed.
"""

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from procman.logs.disks import NoAnswer
from procman.logs.log_file import LogFile
from procman.logs.pipes import PIPE_SIZE, enlarge, readable_bytes
from procman.logs.ring import Ring
from procman.logs.sinks import Sink

if TYPE_CHECKING:
    from procman.logs.tap import Tap

# os.read allocates all that is asked for. Up to 128 KiB malloc has it at hand: a line of 100 bytes is read in 0.5 us.
# With 256 KiB it takes 13 us, a flood gains 10 %, and one through a 64 KiB pipe loses half.
READ_SIZE = 1 << 16

# 1 read a turn gives 1670 MiB/s, 4 give 1870, 16 give 1900.
READS_PER_TURN = 4

# How long all pumps together may hold the loop before others get their turn, in seconds.
# Of 50 that flood, with 20 that end at once and are started again, getState had its answer after 120 ms (p99) when all
# were read on each turn, after 25 with 2 ms, after 10 with this; the log rate stays.
SLICE = 0.001


class Rota:
    """Shares out the loop among pumps: who finds the slice used up is served later, first come, first served.

    The loop by itself lets all that are ready read on each of its turns: with 50 flooding programs that takes 20 ms.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, clock: Callable[[], float] = time.monotonic) -> None:
        self.loop = loop
        self._clock = clock
        self._waiting: dict[Pump, None] = {}
        self._called = False
        self._used = 0.0  # of the slice; turns of the loop in which nobody has to wait may share one

    def ready(self, pump: "Pump") -> None:
        """There is something to read: now, or when it is this pump's turn."""
        if self._used < SLICE and not self._waiting:
            began = self._clock()
            pump.read_some()
            self._used += self._clock() - began
        else:
            self._waiting[pump] = None
            self._call()

    def _call(self) -> None:
        if not self._called:
            self._called = True
            self.loop.call_soon(self._serve)

    def _serve(self) -> None:
        self._called = False
        began = self._clock()
        self._used = 0.0
        while self._waiting and self._used < SLICE:
            pump = next(iter(self._waiting))
            del self._waiting[pump]
            pump.read_some()
            self._used = self._clock() - began
        if self._waiting:
            self._call()


class Pump:
    """Reads `fd`, which it owns from now on, and hands what it reads to the ring and the sinks; first to the `tap`.

    `on_eof` is called once, when all who could write have closed the pipe; not after `close`.
    """

    def __init__(
        self,
        rota: Rota,
        fd: int,
        sinks: Sequence[Sink],
        ring: Ring,
        *,
        tap: "Tap | None" = None,
        on_eof: Callable[[], None] = lambda: None,
        pipe_size: int = PIPE_SIZE,
    ) -> None:
        self.bytes_in = 0
        self.unread = 0  # bytes still in the pipe when it was closed
        self.closed = False
        self._rota = rota
        self._loop = rota.loop
        self._fd = fd
        self._sinks = tuple(sinks)
        self._ring = ring
        self._tap = tap
        self._straight = self._goes_straight()
        self._on_eof = on_eof
        self._waits = False
        os.set_blocking(fd, False)
        self._capacity = enlarge(fd, pipe_size)
        self._loop.add_reader(fd, rota.ready, self)

    @property
    def lost(self) -> int:
        """Bytes left unread, and what the present sinks have lost since they exist."""
        return self.unread + sum(sink.lost for sink in self._sinks)

    @property
    def fd(self) -> int:
        """The pipe."""
        return self._fd

    @property
    def tap(self) -> "Tap | None":
        """What the data goes through before it comes to the sinks."""
        return self._tap

    @property
    def waits(self) -> bool:
        """Whether a sink makes this pump wait."""
        return self._waits

    def set_sinks(self, sinks: Sequence[Sink]) -> None:
        """From the next byte on write to these; the old ones are the caller's to close."""
        self._sinks = tuple(sinks)
        self._straight = self._goes_straight()
        self._resume()

    def set_tap(self, tap: "Tap | None") -> None:
        """From the next byte on go through this one; what the old one held back is handed on."""
        if self._tap is not None:
            self._tap.flush(self._hand_on)
        self._tap = tap
        self._straight = self._goes_straight()

    def drain(self, limit: int | None = None) -> None:
        """Read now what the pipe holds: what a program wrote before it died is in its log when this returns.

        Not more than the pipe can hold (or `limit`), so that a grandchild that keeps writing cannot hold the loop.
        A pump that waits for a sink goes on waiting; it reads the rest when its turn comes.
        """
        if not self.closed and not self._waits:
            self._read(self._capacity if limit is None else limit)

    def read_some(self) -> None:
        """Read as much as one pump may at a time."""
        self.drain(READ_SIZE * READS_PER_TURN)

    def close(self) -> None:
        """Stop reading; what is still in the pipe is counted as unread."""
        if not self.closed:
            self.unread = readable_bytes(self._fd)
            self._finish()

    def _goes_straight(self) -> LogFile | None:
        """The file that may take the bytes from the pipe itself: the only sink, where nobody looks at them before."""
        match self._sinks:
            case (LogFile() as file,) if self._tap is None:
                return file
            case _:
                return None

    def _pass_straight(self, file: LogFile, limit: int) -> bool:
        """Whether that could be done; if not, what is in the pipe is to be read."""
        followed = self._ring.followed
        while limit > 0:
            try:
                count = file.splice(self._fd, limit, self._ring.append if followed else None)
            except BlockingIOError:
                return True
            except NoAnswer:
                self._wait()
                return True
            if count is None:
                return False
            if not count:
                self._reach_end()
                return True
            self.bytes_in += count
            if not followed:
                self._ring.skip(count)
            if count < min(limit, READ_SIZE):
                return True  # there is no more
            limit -= count
        return True

    def _read(self, limit: int) -> None:
        """Read until the pipe is empty, a sink has enough or the limit is reached."""
        if self._straight is not None and self._pass_straight(self._straight, limit):
            return
        ready = self._all_ready()
        while ready and limit > 0 and not self.closed:  # who hears of the data may close the pump
            size = min(READ_SIZE, limit)
            try:
                data = os.read(self._fd, size)
            except BlockingIOError:
                return
            except OSError:  # a terminal whose other side is closed says EIO
                data = b""
            if not data:
                self._reach_end()
                return
            self.bytes_in += len(data)
            ready = self._deliver(data)
            if len(data) < size and ready:
                return  # there is no more: spare the read that would say so
            limit -= len(data)
        if not ready:
            self._wait()

    def _all_ready(self) -> bool:
        for sink in self._sinks:  # noqa: SIM110 - all() makes a generator for every turn
            if not sink.ready:
                return False
        return True

    def _deliver(self, data: bytes) -> bool:
        if self._tap is None:
            return self._hand_on(data)
        self._tap.feed(data, self._hand_on)
        return self._all_ready()

    def _hand_on(self, data: bytes) -> bool:
        self._ring.append(data)
        ready = True
        for sink in self._sinks:
            ready = sink.write(data) and ready
        return ready

    def _wait(self) -> None:
        # Without its reader in the loop a full pipe costs nothing at all.
        if self.closed:
            return
        self._loop.remove_reader(self._fd)
        self._waits = True
        for sink in self._sinks:
            if not sink.ready:
                sink.on_ready(self._resume)
                return
        self._resume()

    def _resume(self) -> None:
        if self._waits and not self.closed:
            self._waits = False
            # In turn with the others that wait: at once, since the loop would ask them all in an order of its own.
            self._rota.ready(self)
            if not self._waits and not self.closed:
                self._loop.add_reader(self._fd, self._rota.ready, self)

    def _reach_end(self) -> None:
        self._finish()
        self._on_eof()

    def _finish(self) -> None:
        self.closed = True
        self._loop.remove_reader(self._fd)
        os.close(self._fd)
        if self._tap is not None:
            self._tap.flush(self._hand_on)
        for sink in self._sinks:
            sink.end()


class Follower:
    """Reads a ring as it grows, as slowly as it likes: what it missed is told, and costs no memory."""

    def __init__(self, ring: Ring, position: int | None = None) -> None:
        """Begin at a position of the ring, or with what comes next."""
        self._ring = ring
        self._position = ring.end if position is None else position
        self._changed = asyncio.Event()
        self._unfollow = ring.follow(self._changed.set)

    async def read(self) -> tuple[bytes, int]:
        """Wait for what is new; return it with the number of bytes missed before it. b"" is the end of the ring."""
        while True:
            self._changed.clear()
            data, self._position, lost = self._ring.read(self._position)
            if data or lost or self._ring.closed:
                return data, lost
            await self._changed.wait()

    def close(self) -> None:
        """Follow no longer."""
        self._unfollow()
