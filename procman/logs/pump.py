"""From a program's pipe to its sinks, never blocking the loop.

One pump for one pipe. It reads on the loop, or, where the bytes go into one file and nobody looks at them before, has a
`SplicePump` do that. A sink that has enough stops the reading of this one pipe, and only of this one: the program
waits in its own write. Bytes in = bytes handed to every sink, or through a tap to others, + bytes left unread when the
pump was closed.
"""

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from procman.logs.log_file import LogFile
from procman.logs.pipe_io import PIPE_SIZE, enlarge, readable_bytes
from procman.logs.ring import Ring
from procman.logs.sinks import Sink
from procman.logs.splice_pump import SplicePump

if TYPE_CHECKING:
    from procman.logs.filters import StreamFilter

# os.read allocates all that is asked for. Up to 128 KiB malloc has it at hand: a line of 100 bytes is read in 0.5 us.
# With 256 KiB it takes 13 us, a flood gains 10 %, and one through a 64 KiB pipe loses half.
READ_SIZE = 1 << 16

# 1 read a turn gives 1670 MiB/s, 4 give 1870, 16 give 1900.
READS_PER_TURN = 4

# How long all pumps together may hold the loop before others get their turn, in seconds.
# Of 50 that flood, with 20 that end at once and are started again, getState had its answer after 120 ms (p99) when all
# were read on each turn, after 25 with 2 ms, after 10 with this; the log rate stays.
SLICE = 0.001


class FairScheduler:
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
        rota: FairScheduler,
        fd: int,
        sinks: Sequence[Sink],
        ring: Ring,
        *,
        tap: "StreamFilter | None" = None,
        on_eof: Callable[[], None] = lambda: None,
        pipe_size: int = PIPE_SIZE,
    ) -> None:
        self.unread = 0  # bytes still in the pipe when it was closed
        self.closed = False
        self._rota = rota
        self._loop = rota.loop
        self._fd = fd
        self._sinks = tuple(sinks)
        self._ring = ring
        self._tap = tap
        self._on_eof = on_eof
        self._read_here = 0  # bytes
        self._read_in_lanes = 0  # of those that are no more
        self._lane: SplicePump | None = None
        self._waits = False
        os.set_blocking(fd, False)
        self._capacity = enlarge(fd, pipe_size)
        self._watched = False
        self._arrange()

    @property
    def bytes_in(self) -> int:
        """Bytes that were read."""
        return self._read_here + self._read_in_lanes + (self._lane.bytes_in if self._lane is not None else 0)

    @property
    def lost(self) -> int:
        """Bytes left unread, and what the present sinks have lost since they exist."""
        return self.unread + sum(sink.lost for sink in self._sinks)

    @property
    def fd(self) -> int:
        """The pipe."""
        return self._fd

    @property
    def tap(self) -> "StreamFilter | None":
        """What the data goes through before it comes to the sinks."""
        return self._tap

    @property
    def waits(self) -> bool:
        """Whether a sink makes this pump wait, other than a file, which is never for long."""
        return self._waits and not all(sink.ready for sink in self._sinks if not isinstance(sink, LogFile))

    def set_sinks(self, sinks: Sequence[Sink]) -> None:
        """From the next byte on write to these; the old ones are the caller's to close."""
        self._sinks = tuple(sinks)
        self._arrange()
        self._resume()

    def set_tap(self, tap: "StreamFilter | None") -> None:
        """From the next byte on go through this one; what the old one held back is handed on."""
        if self._tap is not None:
            self._tap.flush(self._hand_on)
        self._tap = tap
        self._arrange()

    def drain(self, limit: int | None = None) -> None:
        """Read now what the pipe holds: what a program wrote before it died is in its log when this returns.

        Not more than the pipe can hold (or `limit`), so that a grandchild that keeps writing cannot hold the loop.
        A pump that waits for a sink goes on waiting; it reads the rest when its turn comes.
        """
        most = self._capacity if limit is None else limit
        if self._lane is None and not self.closed and not self._waits:
            self._enter_lane()
        if self._lane is not None:
            self._lane.empty(most)
            return
        before = self._read_here
        if self._waits:
            self._have_files_written()
        if not self.closed and not self._waits:
            self._read(most)
        if self._read_here > before:
            self._have_files_written()

    def read_some(self) -> None:
        """Read as much as one pump may at a time."""
        if not self.closed and not self._waits and self._lane is None and not self._enter_lane():
            self._read(READ_SIZE * READS_PER_TURN)

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

    def _have_files_written(self) -> None:
        for sink in self._sinks:
            if isinstance(sink, LogFile):
                sink.have_done()

    def _arrange(self) -> None:
        """Have the pipe read by who is to read it from now on."""
        if self.closed:
            return
        if self._lane is not None:
            if self._lane.file is self._goes_straight() or not self._lane.close(partial(self._left, self._lane)):
                return
            self._forget_lane()
        if not self._waits:
            self._watch()

    def _enter_lane(self) -> bool:
        """Whether one reads from now on: not before there is something to read, as many programs never say a word."""
        file = self._goes_straight()
        if file is None or not readable_bytes(self._fd):
            return False
        lane = SplicePump(self._fd, file, self._reach_end)
        self._ignore()
        if self._ring.followed:
            file.let_hear(self._ring)
        else:
            self._ring.clear()  # what goes by is not in there
        if not lane.open():
            self._watch()
            return False
        self._lane = lane
        return True

    def _left(self, lane: SplicePump) -> None:
        """That one is no longer in the way."""
        if self._lane is lane and not self.closed:
            self._forget_lane()
            self._arrange()

    def _forget_lane(self) -> None:
        if self._lane is not None:
            self._read_in_lanes += self._lane.bytes_in
            self._lane.file.pass_on()
            self._lane = None

    def _watch(self) -> None:
        if not self._watched:
            self._watched = True
            self._loop.add_reader(self._fd, self._rota.ready, self)

    def _ignore(self) -> None:
        if self._watched:
            self._watched = False
            self._loop.remove_reader(self._fd)

    def _read(self, limit: int) -> None:
        """Read until the pipe is empty, a sink has enough or the limit is reached."""
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
            self._read_here += len(data)
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
        self._ignore()
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
            if not self._waits and not self.closed and self._lane is None:
                self._watch()

    def _reach_end(self) -> None:
        if self.closed:
            return
        self._finish()
        self._on_eof()

    def _finish(self) -> None:
        self.closed = True
        self._ignore()
        if self._lane is not None:
            self._lane.close_pipe()
            self._forget_lane()
        else:
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

    def seek(self, position: int) -> None:
        """Go on from there."""
        self._position = position

    def close(self) -> None:
        """Follow no longer."""
        self._unfollow()
