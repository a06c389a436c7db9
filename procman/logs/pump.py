"""From a program's pipe to its sinks, never blocking the loop.

One pump for one pipe. It reads on the loop; or, if the bytes go into one file and no filter looks at them, it has a
`SplicePump` move them. A sink that is full stops the reading of this one pipe, and only of this one: the program waits
in its own write. Bytes in = bytes handed to every sink, or by the filter to others, + bytes left unread when the pump
was closed.
"""

import os
import stat
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from procman.logs.fair_scheduler import FairScheduler
from procman.logs.log_file import LogFile
from procman.logs.pipe_io import PIPE_SIZE, USUAL_SIZE, enlarge, readable_bytes
from procman.logs.ring import Ring
from procman.logs.sink import Sink
from procman.logs.splice_pump import SplicePump

if TYPE_CHECKING:
    from procman.logs.filters import StreamFilter

# os.read allocates all that is asked for. Up to 128 KiB malloc has it at hand: a line of 100 bytes is read in 0.5 us.
# With 256 KiB it takes 13 us, a flood gains 10 %, and one through a 64 KiB pipe loses half.
READ_SIZE = 1 << 16

# 1 read a turn gives 1670 MiB/s, 4 give 1870, 16 give 1900.
READS_PER_TURN = 4


class Pump:
    """Reads `fd`, which it owns from now on; what it reads goes through the filter to the ring and the sinks.

    `on_eof` is called once, when all writers have closed the pipe; not after `close`.
    """

    def __init__(
        self,
        scheduler: FairScheduler,
        fd: int,
        sinks: Sequence[Sink],
        ring: Ring,
        *,
        stream_filter: "StreamFilter | None" = None,
        on_eof: Callable[[], None] = lambda: None,
        pipe_size: int = PIPE_SIZE,
    ) -> None:
        self.fd = fd
        self.unread = 0  # bytes still in the pipe when it was closed
        self.closed = False
        self._scheduler = scheduler
        self._sinks = tuple(sinks)
        self._ring = ring
        self._filter = stream_filter
        self._on_eof = on_eof
        self._read_here = 0  # bytes
        self._spliced = 0  # bytes, by splice pumps that have ended
        self.splicer: SplicePump | None = None  # what reads it, where that is the thread of a disk; to be looked at
        self._blocked = False  # by a sink
        os.set_blocking(fd, False)
        self._pipe_size = pipe_size  # that it gets when it is found full; 0: it has it
        self.is_pipe = stat.S_ISFIFO(os.fstat(fd).st_mode)  # and no terminal, which cannot be spliced
        self._watched = False
        self._choose_reader()

    @property
    def bytes_in(self) -> int:
        """How many bytes were read."""
        return self._read_here + self._spliced + (self.splicer.bytes_in if self.splicer is not None else 0)

    @property
    def was_spliced(self) -> bool:
        """Whether some of the bytes went past the memory into the file."""
        return self._spliced > 0 or self.splicer is not None

    @property
    def filter(self) -> "StreamFilter | None":
        """What the bytes go through before they come to the sinks."""
        return self._filter

    @property
    def is_blocked(self) -> bool:
        """Whether a sink makes this pump wait, other than a file: a file never does so for long."""
        return self._blocked and not all(sink.ready for sink in self._sinks if not isinstance(sink, LogFile))

    def set_sinks(self, sinks: Sequence[Sink]) -> None:
        """From the next byte on write to these; the caller closes the old ones."""
        self._sinks = tuple(sinks)
        self._choose_reader()
        self._resume()

    def set_filter(self, stream_filter: "StreamFilter | None") -> None:
        """From the next byte on use this one; what the old one held back is handed on."""
        if self._filter is not None:
            self._filter.flush(self._hand_on)
        self._filter = stream_filter
        self._choose_reader()

    def drain(self) -> None:
        """Read now what the pipe holds: what a program wrote before it died is in its log when this returns.

        Not more than that, so that a descendant that keeps writing cannot hold the loop. A pump that waits for a sink
        goes on waiting; it reads the rest when its turn comes.
        """
        if self.closed:
            return
        held = readable_bytes(self.fd) if self.is_pipe else USUAL_SIZE
        most = held + 1  # to see its end, too
        if self.splicer is None and not self._blocked:
            self._start_splicing(held)
        if self.splicer is not None:
            self.splicer.drain(most)
            return
        before = self._read_here
        if self._blocked:
            self._sync_files()
        if not self._blocked:
            self._read(most)
        if self._read_here > before:
            self._sync_files()

    def read_turn(self) -> None:
        """Read as much as one pump may at a time."""
        if self.closed or self._blocked or self.splicer is not None:
            return
        if not self._start_splicing():
            self._read(READ_SIZE * READS_PER_TURN)

    def close(self) -> None:
        """Stop reading; what is still in the pipe counts as unread."""
        if not self.closed:
            self.unread = readable_bytes(self.fd)
            self._finish()

    # ---- on the loop, or spliced on the thread of a disk

    def _choose_reader(self) -> None:
        if self.closed:
            return
        if self.splicer is not None:
            if self.splicer.file is _sole_file(self._sinks, self._filter) or not self.splicer.close(
                partial(self._on_splicer_closed, self.splicer)
            ):
                return
            self._forget_splicer()
        if not self._blocked:
            self._watch()

    def _start_splicing(self, held: int | None = None) -> bool:
        """Whether a splice pump reads from now on: only once there is something, as many programs never write."""
        file = _sole_file(self._sinks, self._filter)
        if file is None or not self.is_pipe or not (readable_bytes(self.fd) if held is None else held):
            return False
        splicer = SplicePump(self.fd, file, self._reach_end, self._pipe_size)
        self._unwatch()
        if self._ring.followed:
            file.spliced.start_with_first_pipe(self._ring)
        else:
            self._ring.clear()  # it would miss what is spliced
        if not splicer.open():
            self._watch()
            return False
        self.splicer = splicer
        return True

    def _on_splicer_closed(self, splicer: SplicePump) -> None:
        if self.splicer is splicer and not self.closed:
            self._forget_splicer()
            self._choose_reader()

    def _forget_splicer(self) -> None:
        if self.splicer is not None:
            self._spliced += self.splicer.bytes_in
            self.splicer.file.spliced.deliver()
            self.splicer = None

    def _sync_files(self) -> None:
        for sink in self._sinks:
            if isinstance(sink, LogFile):
                sink.sync()

    # ---- on the loop

    def _watch(self) -> None:
        if not self._watched:
            self._watched = True
            self._scheduler.watch(self.fd, self)

    def _unwatch(self) -> None:
        if self._watched:
            self._watched = False
            self._scheduler.unwatch(self.fd)

    def _read(self, limit: int) -> None:
        """Read until the pipe is empty, a sink is full or the limit is reached."""
        ready = self._all_ready()
        while ready and limit > 0 and not self.closed:  # a receiver of the data may close the pump
            size = min(READ_SIZE, limit)
            try:
                data = os.read(self.fd, size)
            except BlockingIOError:
                return
            except OSError:  # EIO: a terminal whose other side is closed
                data = b""
            if not data:
                self._reach_end()
                return
            self._read_here += len(data)
            if len(data) == READ_SIZE and self._pipe_size:
                enlarge(self.fd, self._pipe_size)
                self._pipe_size = 0
            ready = self._deliver(data)
            if len(data) < size and ready:
                return  # there is no more: spare the read that would say so
            limit -= len(data)
        if not ready:
            self._block()

    def _all_ready(self) -> bool:
        for sink in self._sinks:  # noqa: SIM110 - all() makes a generator for every turn
            if not sink.ready:
                return False
        return True

    def _deliver(self, data: bytes) -> bool:
        if self._filter is None:
            return self._hand_on(data)
        self._filter.feed(data, self._hand_on)
        return self._all_ready()

    def _hand_on(self, data: bytes) -> bool:
        self._ring.append(data)
        ready = True
        for sink in self._sinks:
            ready = sink.write(data) and ready
        return ready

    def _block(self) -> None:
        # Without its reader in the loop a full pipe costs nothing at all.
        if self.closed:
            return
        self._unwatch()
        self._blocked = True
        for sink in self._sinks:
            if not sink.ready:
                sink.on_ready(self._resume)
                return
        self._resume()

    def _resume(self) -> None:
        if self._blocked and not self.closed:
            self._blocked = False
            # In turn with the other blocked pumps; the loop would serve them all at once, in an order of its own.
            self._scheduler.ready(self)
            if not self._blocked and not self.closed and self.splicer is None:
                self._watch()

    def _reach_end(self) -> None:
        if self.closed:
            return
        self._finish()
        self._on_eof()

    def _finish(self) -> None:
        self.closed = True
        self._unwatch()
        if self.splicer is not None:
            self.splicer.close_pipe()
            self._forget_splicer()
        else:
            os.close(self.fd)
        if self._filter is not None:
            self._filter.flush(self._hand_on)
        for sink in self._sinks:
            sink.end()


def _sole_file(sinks: Sequence[Sink], stream_filter: "StreamFilter | None") -> LogFile | None:
    """The file that may take the bytes from the pipe itself: the only sink, with no filter before it."""
    match sinks:
        case (LogFile() as file,) if stream_filter is None:
            return file
        case _:
            return None
