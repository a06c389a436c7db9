"""One channel of one process, from its first run to its removal: its pipes, its sinks and its ring.

The sinks live as long as the process is in the fleet, so that a restart goes on in the same file. A pipe lives as long
as it has a writer, which may be a descendant that outlives the process.
"""

import binascii
from collections.abc import Callable
from functools import partial
from typing import Any

from procman.errors import BadRequest, NoLog, OperationFailed
from procman.logs.console_stream import ConsoleStream
from procman.logs.disk_call import DiskCall, DiskTimeout
from procman.logs.disk_workers import DiskWorkers
from procman.logs.fair_scheduler import FairScheduler
from procman.logs.filters import StreamFilter
from procman.logs.log_file import LogFile
from procman.logs.marks import Marks
from procman.logs.pump import Pump
from procman.logs.reading import read_log
from procman.logs.ring import Ring
from procman.logs.routing import SinkFactory, StreamOptions
from procman.logs.sink import Null, Sink
from procman.logs.tap import Tap

# Pipes of earlier runs that still have writers, for each channel; if there are more, the oldest is closed.
MAX_OLD_PIPES = 4


class OutputStream:
    """One channel of one process."""

    def __init__(
        self,
        options: StreamOptions,
        sinks: SinkFactory,
        scheduler: FairScheduler,
        make_filter: "Callable[[OutputStream, int], StreamFilter | None]",
        on_pipe_closed: Callable[[StreamOptions, int], None],
    ) -> None:
        """Opens the sinks.

        Args:
            options: where the output goes.
            sinks: makes the sinks; its `on_problem` gets reports of what cannot be read.
            scheduler: shares out the loop among all pumps.
            make_filter: for the pipe of the run with that pid.
            on_pipe_closed: gets the descriptor of a pipe that has no writers any more.
        """
        self.options = options
        self.sinks = sinks.sinks(options)
        self.marks = Marks()  # of the ring
        self.ring = Ring(on_append=self.marks.note)
        self._factory = sinks
        self._scheduler = scheduler
        self._make_filter = make_filter
        self._on_pipe_closed = on_pipe_closed
        self._pumps: dict[Pump, int] = {}  # with the pid of each run; the present run's is the last
        self._hooks: set[Pump] = set()  # those that are of hooks
        self._run_began = 0  # the position in the ring at which the present run began
        self._read_at_begin = 0  # `bytes_in` then
        self._lost_at_begin = 0  # bytes that the file had lost then
        self._lost = 0  # left in pipes that were closed, or lost by sinks that are gone, or of unfinished messages
        self._read_before = 0  # bytes, from pipes that are forgotten

    @property
    def path(self) -> str | None:
        """The file that can be read back, if there is one."""
        return next((sink.path for sink in self.sinks if sink.path is not None), None)

    @property
    def memory(self) -> Ring | None:
        """Where to read a log that is kept but not in a file: one on the console or in syslog."""
        if self.path is not None or all(isinstance(sink, Null | Tap) for sink in self.sinks):
            return None
        return self.ring

    @property
    def lost(self) -> int:
        """How many bytes could not be written."""
        count = self._lost
        for sink in self.sinks:
            count += sink.lost
        return count

    @property
    def bytes_in(self) -> int:
        """How many bytes were read, ever."""
        count = self._read_before
        for pump in self._pumps:  # sum() makes a generator for every stream at every scrape
            count += pump.bytes_in
        return count

    @property
    def present(self) -> tuple[Pump, int] | None:
        """What reads the present run, or has read the last one, and the pid of that."""
        return next(reversed(self._pumps.items()), None)

    @property
    def obstacle(self) -> str | None:
        """Why an upgrade cannot happen now."""
        pumps = [pump for pump in self._pumps if not pump.closed]
        if any(pump.filter is not None and not pump.filter.is_idle for pump in pumps):
            return f"{self.options.namespec} is in the middle of a message"
        if any(pump.is_blocked for pump in pumps):
            return f"nobody reads the console, for which {self.options.namespec} waits"
        return None

    def lose(self, count: int) -> None:
        """So many bytes are lost."""
        self._lost += count

    def change(self, options: StreamOptions) -> None:
        """Go on as these options say."""
        before, self.options = self.options, options
        if before == options:
            return
        if before.has_same_sinks(options):
            for sink in self.sinks:
                if isinstance(sink, LogFile):
                    sink.set_limits(options.maxbytes, options.backups, options.keeping)
            return
        taps = [sink for sink in self.sinks if isinstance(sink, Tap)]
        old = [sink for sink in self.sinks if not isinstance(sink, Tap)]
        self.sinks = [*self._factory.sinks(options), *taps]
        for pump in self._pumps:
            pump.set_sinks(self.sinks)
        _close(old)
        self._lost += sum(sink.lost for sink in old)

    def tap(self, tap: Tap) -> None:
        """Let a client have all that is written from now on."""
        self._use([*self.sinks, tap])

    def untap(self, tap: Tap) -> None:
        """The client has gone, or has all of it."""
        self._use([sink for sink in self.sinks if sink is not tap])
        tap.close()

    def _use(self, sinks: list[Sink]) -> None:
        self.sinks = sinks
        for pump in self._pumps:
            pump.set_sinks(sinks)

    def change_filters(self) -> None:
        """Go on with new filters, for the present run and those before."""
        for pump, pid in self._pumps.items():
            if pump in self._hooks:
                continue
            new = self._make_filter(self, pid)
            if new is not None and pump.filter is not None and new.captures == pump.filter.captures:
                # The old one may be inside a message.
                pump.filter.capture_maxbytes = new.capture_maxbytes
            else:
                pump.set_filter(new)

    def attach(self, fd: int, pid: int) -> None:
        """A run has started: read its pipe."""
        self._read_before += sum(old.bytes_in for old in self._pumps if old.closed)
        self._pumps = {old: run for old, run in self._pumps.items() if not old.closed}
        while len(self._pumps) > MAX_OLD_PIPES:
            oldest = next(iter(self._pumps))
            del self._pumps[oldest]
            oldest.close()
            self._lost += oldest.unread
            self._read_before += oldest.bytes_in
            self._factory.on_problem(
                f"{self.options.namespec} has {MAX_OLD_PIPES} descendants of earlier runs that hold its "
                f"{self.options.channel} open; what the oldest writes is not read any more"
            )
        self._run_began, self._read_at_begin = self.ring.end, self.bytes_in
        self._lost_at_begin = self._lost_by_file()
        self._read_pipe(fd, pid)

    def attach_hook(self, fd: int, pid: int, hear: Callable[[bytes], None], *, strip_ansi: bool) -> None:
        """A command runs beside the program, and writes to the same places; `hear` gets a copy."""
        pump = Pump(
            self._scheduler,
            fd,
            self.sinks,
            self.ring,
            stream_filter=StreamFilter(strip_ansi=strip_ansi, on_raw=hear),
            on_eof=lambda: self._on_pipe_closed(self.options, fd),
        )
        # Not the last: that is the present run's.
        self._pumps = {pump: pid, **self._pumps}
        self._hooks = {known for known in self._hooks if not known.closed} | {pump}

    def drain_hook(self, pid: int) -> None:
        """That command has ended: read now what it wrote before."""
        for pump in self._hooks:
            if self._pumps.get(pump) == pid:
                pump.drain()

    def drain(self) -> None:
        """The present run has ended: read now what it wrote before."""
        if self._pumps:
            next(reversed(self._pumps)).drain()

    def end_of_run(self, pid: int, length: int, disks: DiskWorkers) -> bytes | None:
        """The last bytes of that run, `length` at most; None: its disk has not answered, and is not waited for."""
        pump, run = self.present or (None, 0)
        wrote = self.bytes_in - self._read_at_begin  # its hooks write to the same places
        if pump is None or run != pid:
            return b""
        if not wrote:
            return b"" if _has_all(pump) else None
        path = self.path
        if path is None:
            return self.ring.tail(min(wrote, length))
        length = min(wrote - self._lost_by_file(self._lost_at_begin), length)
        if length <= 0:  # its disk is full, say: what is in the file is of an earlier run
            return b""
        try:
            return disks.for_path(path).call(partial(read_log, path, -length, 0))
        except DiskTimeout:
            return None
        except (BadRequest, NoLog, OperationFailed):
            return b""

    def last_output(self, pid: int, length: int, disks: DiskWorkers, then: Callable[[bytes | None, int], None]) -> None:
        """Call `then` with the last bytes of that run, `length` at most, and how many it and its hooks have written.

        At once, or where they are in a file alone, on the loop when its disk has read them: before anything that a
        later run writes, if this is called before that is spawned. None: they cannot be read, also because the disk
        has been silent for so long that this was reported.
        """
        pump, run = self.present or (None, 0)
        wrote = self.bytes_in - self._read_at_begin
        if pump is None or run != pid or (not wrote and _has_all(pump)):
            then(b"", 0)
            return
        path = self.path
        if path is None or not pump.was_spliced:
            then(self.ring.read(max(self._run_began, self.ring.end - length))[0], wrote)
            return
        disk = disks.for_path(path)
        if disk.health.is_unresponsive:  # one that is only slow is waited for: nothing but this answer waits
            then(None, wrote)
            return

        splicer, before = pump.splicer, pump.splicer.bytes_in if pump.splicer is not None else 0

        lost_at_begin = self._lost_at_begin

        def read() -> tuple[bytes | None, int]:
            count = wrote + (splicer.take_rest(before) if splicer is not None else 0)
            written = count - self._lost_by_file(lost_at_begin)
            if written <= 0:
                return None if count else b"", count
            try:
                return read_log(path, -min(written, length), 0), count
            except (BadRequest, NoLog, OperationFailed):
                return None, count

        job = DiskCall(read, lambda: disk.call_on_loop(lambda: then(*job.result())))
        disk.post(job)

    def close(self) -> None:
        """Read what is in the pipes, and close everything."""
        for pump in self._pumps:
            if not pump.closed:
                pump.drain()
                pump.close()
                if pump.unread:
                    self._factory.on_problem(
                        f"{pump.unread} bytes of {self.options.namespec} ({self.options.channel}) were not read: they "
                        "had to wait for too long"
                    )
        self.ring.close()
        _close(self.sinks)

    def snapshot(self) -> dict[str, Any]:
        """Plain data for the master's successor, if there is no obstacle; bytes are in base64."""
        held = [sink.snapshot if isinstance(sink, ConsoleStream) else (b"", False) for sink in self.sinks]
        return {
            "name": self.options.namespec,
            "channel": self.options.channel,
            # Descriptor and pid of each run, the present one last.
            "pipes": [[pump.fd, pid] for pump, pid in self._pumps.items() if not pump.closed],
            "lost": self.lost,
            "bytes_in": self.bytes_in,
            "ring": to_base64(self.ring.tail(self.ring.capacity)),
            # For each sink: what a console stream holds back.
            "lines": [[to_base64(rest), inside] for rest, inside in held],
        }

    def restore(self, data: dict[str, Any]) -> None:
        """Go on from what `snapshot` returned."""
        self._lost = data["lost"]
        self._read_before = data.get("bytes_in", 0)  # procman 0.1 did not count them
        self.ring.restore(from_base64(data["ring"]))
        for sink, (rest, inside) in zip(self.sinks, data["lines"], strict=False):
            if isinstance(sink, ConsoleStream):
                sink.restore(from_base64(rest), inside=inside)
        for fd, pid in data["pipes"]:
            self._read_pipe(fd, pid)

    def _lost_by_file(self, before: int = 0) -> int:
        """How many bytes could not be written to the file that is read back, since there were `before`."""
        return max(0, next((sink.lost for sink in self.sinks if sink.path is not None), 0) - before)

    def _read_pipe(self, fd: int, pid: int) -> None:
        pump = Pump(
            self._scheduler,
            fd,
            self.sinks,
            self.ring,
            stream_filter=self._make_filter(self, pid),
            on_eof=lambda: self._on_pipe_closed(self.options, fd),
        )
        self._pumps[pump] = pid


def to_base64(data: bytes | bytearray) -> str:
    """Bytes in a snapshot."""
    return binascii.b2a_base64(data, newline=False).decode()


def from_base64(text: str) -> bytes:
    """The bytes again; raises ValueError."""
    return binascii.a2b_base64(text)


def _has_all(pump: Pump) -> bool:
    """Whether nothing that was written waits for a disk before it is read."""
    return pump.splicer is None or pump.splicer.has_all


def _close(sinks: list[Sink]) -> None:
    for sink in sinks:
        sink.end()
        sink.close()
