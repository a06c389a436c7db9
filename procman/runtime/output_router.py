"""Which sinks each program's output goes to, and how it is read again: the wiring between options and `logs`.

The sinks of a process live as long as its place in the fleet, so that a restart goes on in the same file. Its pipes
live as long as something writes to them, which may be a grandchild that outlives the process.
"""

import asyncio
import os
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Literal, Protocol, TypeVar

from procman.config.schema.model import AUTO, Config, Master, Program
from procman.core.actions import AnnounceInPlace, ProcessRemoved
from procman.errors import NoLog, OperationError, OperationFailed, ProcmanError, Reason, WrongState
from procman.logs.auto_logs import Owner, auto_log_path, clear_auto_logs, create_auto_log
from procman.logs.console import Consoles, ConsoleStream, Overflow, console_target
from procman.logs.disk_worker import Disks, NoAnswer
from procman.logs.formats import OWN_NAME, WIDEST, line_format, own_line_format
from procman.logs.lines import last_line
from procman.logs.log_file import LogFile
from procman.logs.main_log import LEVELS, Level, MainLog, open_log_file
from procman.logs.pump import FairScheduler, Follower, Pump
from procman.logs.reading import BadRange, CannotRead, read_log, read_ring, tail_log, tail_ring
from procman.logs.ring import Ring
from procman.logs.sinks import PROGRAM_GOES_ON, Null, Sink
from procman.runtime.bus import Notification
from procman.runtime.definitions import program_of
from procman.system.spawn import Child, may_run_short

if TYPE_CHECKING:
    from procman.logs.filters import StreamFilter

_Answer = TypeVar("_Answer")
Channel = Literal["stdout", "stderr"]
CHANNELS: tuple[Channel, ...] = ("stdout", "stderr")

# Pipes of earlier runs that somebody still holds open, for each process; beyond it the oldest is let go.
OLD_PIPES = 4
# What may wait to be read by a process from its stdin, in bytes.
STDIN_BUFFER = 1024 * 1024
# How much of the end of its output is looked through for the last line of a program, in bytes.
LAST_WORDS = 4096
# The master's log as a follower of it sees it, in bytes.
MAIN_RING = 65536


class Watcher(Protocol):
    """Who wants to know what programs write."""

    def listens(self, program: Program) -> bool:
        """Is it an event listener: its stdout is the protocol."""

    def heard(self, name: str, data: bytes) -> None:
        """What a listener wrote to stdout."""

    def logged(self, program: Program, pid: int, channel: Channel, data: bytes) -> None:
        """What a program wrote, where its `*_events_enabled` says so."""

    def captured(self, program: Program, pid: int, channel: Channel, data: bytes) -> None:
        """A message that a program wrote in capture mode."""


@dataclass(frozen=True, slots=True)
class _Target:
    """Where one channel of a program goes."""

    logfiles: tuple[str | None, ...]
    maxbytes: int
    backups: int
    syslog: bool
    look: tuple[str, str, str]  # on the console: log_format, log_timestamp, log_overflow

    def is_as(self, other: "_Target") -> bool:
        """The other is the same place, kept within other bounds."""
        return (self.logfiles, self.syslog, self.look) == (other.logfiles, other.syslog, other.look)


@dataclass(slots=True)
class _Stream:
    """One channel of one process, from its first run to its removal."""

    target: _Target
    program: Program
    channel: Channel
    sinks: list[Sink]
    ring: Ring
    pumps: dict[Pump, int] = field(default_factory=dict)  # each with its run's pid; the last one is the present run's
    # Bytes left in pipes that were let go, what sinks lost that are no longer there, and messages that are not whole.
    lost: int = 0


@dataclass(slots=True)
class _Stdin:
    """The master's end of a process's stdin, and what did not fit into it yet."""

    fd: int
    waiting: bytearray = field(default_factory=bytearray)
    when_read: Callable[[], None] | None = None  # told once when nothing waits any more


@dataclass(slots=True)
class StreamSnapshot:
    """One channel of one process, for another process image to go on with."""

    name: str
    channel: Channel
    pipes: list[tuple[int, int]]  # each with its run's pid, the present one last
    lost: int
    ring: bytes
    lines: list[tuple[bytes, bool]]  # by sink: what a console holds back


@dataclass(slots=True)
class StdinSnapshot:
    """The master's end of a process's stdin, and what waits to be written to it."""

    name: str
    fd: int
    waiting: bytes


@dataclass(slots=True)
class OutputsSnapshot:
    """All of `OutputRouter`."""

    streams: list[StreamSnapshot]
    stdin: list[StdinSnapshot]
    main_ring: bytes
    auto_logs: list[tuple[str, str, str]]  # namespec, channel, path


class OutputRouter:
    """All output of all processes, and the master's own log (`log`)."""

    def __init__(
        self,
        config: Config,
        mark: str,
        on_auto_log: Callable[[str, str, str | None], None] = lambda _name, _channel, _path: None,
        on_progress: Callable[[], None] = lambda: None,
        definition: Callable[[str], Program | None] = lambda _: None,
    ) -> None:
        """Opens the master's log.

        Args:
            config: its master's options say where.
            mark: tells this configuration's master from others; it is part of the names of AUTO logs.
            on_auto_log: is told which AUTO log a channel has; None: it has none any more.
            on_progress: is told when there may be an `obstacle` no more.
            definition: what the process of a name will be when it starts next; None where there is no such process.
        """
        self._loop = asyncio.get_running_loop()
        self._rota = FairScheduler(self._loop)
        self._disks = Disks(self._loop, self._say, on_answer=on_progress)
        self._master = config.master
        self._owner = Owner(mark, config.master.identifier)
        self._consoles = Consoles(disks=self._disks, on_problem=self._say, on_flushed=on_progress)
        self._consoles.attach(self._loop)
        self._streams: dict[tuple[str, str], _Stream] = {}
        self._stdin: dict[str, _Stdin] = {}
        self._opened: deque[LogFile] = deque()  # in this moment, by a thread
        self._main_ring = Ring(MAIN_RING)
        names = [program.namespec for group in config.groups for program in group.programs]
        self._width = max(len(name) for name in (OWN_NAME, *names) if len(name) <= WIDEST)
        self._closing = False
        self._kept_logs: dict[
            tuple[str, str], str
        ] = {}  # AUTO logs that are there, and whose processes have not run yet
        self._on_auto_log = on_auto_log
        self._on_progress = on_progress
        self._watcher: Watcher | None = None
        self._definition = definition
        self.log = self._open_main_log(config.master)

    def watch(self, watcher: Watcher) -> None:
        """Tell it, too, what programs write."""
        self._watcher = watcher

    def clear_old_logs(self, kept: Mapping[tuple[str, str], str]) -> None:
        """Remove the AUTO logs of an earlier run; to be called once it is sure that no other master is running.

        `kept` are those that are gone on with, by namespec and channel.
        """
        self._kept_logs = dict(kept)
        if not self._master.nocleanup:
            spared = list(kept.values())
            clear_auto_logs(self._master.childlogdir, self._owner, self.log.warn, spared)

    # ---- another process image in the place of this one

    def obstacle(self) -> str | None:
        """Why nobody could go on from here just now."""
        if (silent := self._disks.obstacle) is not None:
            return silent
        for (name, _), stream in self._streams.items():
            pumps = [pump for pump in stream.pumps if not pump.closed]
            if any(pump.tap is not None and not pump.tap.between for pump in pumps):
                return f"{name} is in the middle of a message"
            if any(pump.waits for pump in pumps):
                return f"nobody reads the console, for which {name} waits"
        return None if self._consoles.flush() else "nobody reads the console"

    async def catch_up(self) -> None:
        """Wait until all that has come is in its files; not for a disk that does not answer."""
        await self._disks.catch_up()

    def hold(self) -> str | None:
        """Write nothing from now on, in the middle of nothing; or why that cannot be."""
        return self._disks.park()

    def go_on(self) -> None:
        """Write again."""
        self._disks.unpark()

    def snapshot(self) -> OutputsSnapshot:
        """Where it stands, if there is no obstacle."""
        streams, auto_logs = [], []
        for (name, channel), stream in self._streams.items():
            pipes = [(pump.fd, pid) for pump, pid in stream.pumps.items() if not pump.closed]
            lines = [sink.snapshot if isinstance(sink, ConsoleStream) else (b"", False) for sink in stream.sinks]
            lost = stream.lost + sum(sink.lost for sink in stream.sinks)
            kept = stream.ring.tail(stream.ring.capacity)
            streams.append(StreamSnapshot(name, stream.channel, pipes, lost, kept, lines))
            path = self._path(name, channel)
            if path is not None and AUTO in stream.target.logfiles:
                auto_logs.append((name, channel, path))
        stdin = [StdinSnapshot(name, stdin.fd, bytes(stdin.waiting)) for name, stdin in self._stdin.items()]
        return OutputsSnapshot(streams, stdin, self._main_ring.tail(MAIN_RING), auto_logs)

    def restore(self, snapshot: OutputsSnapshot, programs: Mapping[str, Program]) -> None:
        """Go on from there; `programs` are those that run, by namespec."""
        self._kept_logs = {(name, channel): path for name, channel, path in snapshot.auto_logs}
        self._main_ring.restore(snapshot.main_ring + self._main_ring.tail(MAIN_RING))
        for known in snapshot.streams:
            stream = self._stream(known.name, programs[known.name], known.channel)
            stream.lost = known.lost
            stream.ring.restore(known.ring)
            for sink, (rest, inside) in zip(stream.sinks, known.lines, strict=False):
                if isinstance(sink, ConsoleStream):
                    sink.restore(rest, inside=inside)
            for fd, pid in known.pipes:
                self._pump(known.name, stream, fd, pid)
        for given in snapshot.stdin:
            stdin = self._stdin[given.name] = _Stdin(given.fd)
            if given.waiting:
                self._give(given.name, stdin, given.waiting)

    # ---- what the engine tells

    def attach(self, name: str, program: Program, child: Child) -> None:
        """A process has started: its pipes are ours."""
        pipes: tuple[tuple[Channel, int | None], ...] = (("stdout", child.stdout), ("stderr", child.stderr))
        for channel, fd in pipes:
            if fd is not None:
                stream = self._stream(name, program, channel)
                stream.pumps = {old: pid for old, pid in stream.pumps.items() if not old.closed}
                while len(stream.pumps) > OLD_PIPES:
                    oldest = next(iter(stream.pumps))
                    del stream.pumps[oldest]
                    oldest.close()
                    stream.lost += oldest.unread
                    self._say(
                        f"{name} has {OLD_PIPES} descendants of earlier runs that hold its {channel} open; what the "
                        "oldest writes is not read any more"
                    )
                self._pump(name, stream, fd, child.pid)
        if child.stdin is not None:
            self._stdin[name] = _Stdin(child.stdin)
        if may_run_short(max(child.stdin or 0, child.stdout or 0)):
            # They are counted before the next one is started; from the last on, to wait once.
            while self._opened:
                self._opened.pop().have_opened()
        while self._opened and self._opened[0].was_opened:
            self._opened.popleft()

    def ended(self, name: str) -> None:
        """A process has ended: what it wrote before that is read now; what a grandchild writes later is, too."""
        for channel in CHANNELS:
            stream = self._streams.get((name, channel))
            if stream is not None and stream.pumps:
                next(reversed(stream.pumps)).drain()
        self._close_stdin(name)

    def hear(self, notification: Notification) -> None:
        """Follow what concerns logs: options changed in place, groups that left."""
        match notification.event:
            case AnnounceInPlace(name, _, after):
                program = program_of(after)
                for channel in CHANNELS:
                    if (name, channel) in self._streams:
                        self._stream(name, program, channel)
            case ProcessRemoved(name):
                self._forget(name)
            case _:
                pass

    # ---- reading

    def log_paths(self, name: str) -> tuple[str, str]:
        """The files that can be read back, "" where there is none."""
        return self._path(name, "stdout") or "", self._path(name, "stderr") or ""

    def lost(self, name: str) -> int:
        """Bytes that could not be written."""
        lost = 0
        for channel in CHANNELS:
            stream = self._streams.get((name, channel))
            if stream is not None:
                lost += stream.lost
                for sink in stream.sinks:
                    lost += sink.lost
        return lost

    def last_words(self, name: str, pid: int) -> tuple[str, str]:
        """The last line that a run has written, and on which channel: on stderr or else on stdout; "" for none.

        A disk that does not answer is not waited for.
        """
        for channel in reversed(CHANNELS):
            stream = self._streams.get((name, channel))
            if stream is None or self._is_protocol(stream.program, channel):
                continue
            pump, of = next(reversed(stream.pumps.items()), (None, 0))
            if pump is not None and of == pid and pump.bytes_in:
                line = last_line(self._end_of(stream, min(pump.bytes_in, LAST_WORDS)))
                if line:
                    return line, channel
        return "", ""

    async def read(self, name: str, channel: str, offset: int, length: int) -> bytes:
        """Part of a process's log, as supervisor counts offsets; raises NoLog, BadRequest or OperationFailed."""
        ring = self._memory(name, channel)
        if ring is not None:
            return read_ring(ring, offset, length)
        return await self._read(self._path(name, channel), offset, length)

    async def tail(self, name: str, channel: str, offset: int, length: int) -> tuple[bytes, int, bool]:
        """The end of a process's log, where to go on, and whether there was more; nothing where there is no log.

        Raises OperationFailed where its disk does not answer.
        """
        ring = self._memory(name, channel)
        if ring is not None:
            return tail_ring(ring, offset, length)
        path = self._path(name, channel)
        return await self._ask(path, partial(tail_log, path, offset, length)) if path is not None else (b"", 0, False)

    async def read_main(self, offset: int, length: int) -> bytes:
        """Part of the master's own log; what is left of it in memory where it goes into no file."""
        path = self.log.path
        return read_ring(self._main_ring, offset, length) if path is None else await self._read(path, offset, length)

    async def follow(self, name: str, channel: str, tail: int) -> AsyncIterator[bytes]:
        """The last `tail` bytes, and then whatever is written, without end; raises NoLog or OperationFailed."""
        if (name, channel) not in self._streams:
            path = self._path(name, channel)
            there = path is not None and await self._ask(path, partial(os.path.exists, path))
            program = self._definition(name)
            if not there or program is None:
                raise NoLog(f"{name} has written nothing to {channel} yet")
            # It goes on when the process starts.
            self._stream(name, program, "stderr" if channel == "stderr" else "stdout")
        stream = self._streams[name, channel]
        return self._follow(stream.ring, stream.sinks, tail)

    def follow_main(self, tail: int) -> AsyncIterator[bytes]:
        """The same for the master's own log."""
        return self._follow(self._main_ring, self.log.outputs, tail)

    # ---- doing

    async def clear(self, name: str) -> None:
        """Empty both logs of a process; raises ProcmanError where one of them cannot be."""
        for channel in CHANNELS:
            stream = self._streams.get((name, channel))
            if stream is not None:
                for sink in stream.sinks:
                    sink.clear()
                stream.ring.clear()
            else:
                path = self._path(name, channel)
                if path is not None:
                    await self._ask(path, partial(_empty, path))

    def clear_main(self) -> None:
        """Empty the master's own log; raises NoLog where it is no file."""
        if self.log.path is None:
            raise NoLog("the master's log is not a file")
        self.log.info("reopening log file")
        try:
            self.log.clear()
        except ProcmanError as error:
            raise OperationFailed(str(error)) from None

    def reopen(self) -> None:
        """Open all log files anew, because somebody has moved them."""
        self.log.reopen()
        self.log.info("procman logreopen")
        for stream in self._streams.values():
            for sink in stream.sinks:
                sink.reopen()

    def write_stdin(self, name: str, data: bytes) -> None:
        """Give it to the process as its input; raises OperationError."""
        stdin = self._stdin.get(name)
        if stdin is None:
            raise WrongState(name, Reason.NOT_RUNNING)
        if len(stdin.waiting) + len(data) > STDIN_BUFFER:
            raise OperationFailed(f"cannot write to {name}: it does not read its input")
        try:
            self._give(name, stdin, data)
        except BrokenPipeError:
            raise OperationError(f"cannot write to {name}: it has closed its input", Reason.STDIN_CLOSED) from None

    def deliver(self, name: str, data: bytes, when_read: Callable[[], None]) -> bool:
        """Give a process all of it, however long, unless it has not read all that it was given before.

        Then it is False, and `when_read` is called once it has. Raises BrokenPipeError where it cannot read any more.
        """
        stdin = self._stdin.get(name)
        if stdin is None:
            raise BrokenPipeError
        if stdin.waiting:
            stdin.when_read = when_read
            return False
        self._give(name, stdin, data)
        return True

    def end_followers(self) -> None:
        """Let all streams of log lines come to their end."""
        self._main_ring.close()
        for stream in self._streams.values():
            stream.ring.close()

    def close(self, timeout: float) -> None:
        """Write what can still be written, `timeout` seconds at most, and let go of everything."""
        self._closing = True
        for name in list(self._stdin):
            self._close_stdin(name)
        for key in list(self._streams):
            self._drop(key)
        # While there is a log to say in what was dropped.
        self._disks.settle(timeout)
        self._consoles.settle(timeout)
        self.log.close()
        self._consoles.close()
        if self._disks.obstacle is None:
            self._disks.settle(timeout)
        self._disks.close()

    # ---- the pieces of the above

    async def _ask(self, path: str, call: Callable[[], _Answer]) -> _Answer:
        try:
            return await self._disks.of(path).ask(call)
        except NoAnswer:
            raise OperationFailed(f"cannot reach {path}: its disk does not answer") from None

    async def _read(self, path: str | None, offset: int, length: int) -> bytes:
        if path is None:
            raise NoLog("there is no log file")
        return await self._ask(path, partial(_read, path, offset, length))

    async def _follow(self, ring: Ring, sinks: Iterable[Sink], tail: int) -> AsyncIterator[bytes]:
        file = next((sink for sink in sinks if isinstance(sink, LogFile)), None)
        follower = Follower(ring)
        try:
            past = ring.tail(tail)
            if file is not None:
                # The file knows more of the past than the ring, which is passed by on the way into it.
                there, position = await file.overhear(ring, partial(_last, file.path, tail))
                follower.seek(position)
                past = past if there is None else there
            if past:
                yield past
            while True:
                data, missed = await follower.read()
                if missed:
                    yield f"\n[procman: {missed} bytes were not read in time and are left out here]\n".encode()
                if not data and not missed:
                    return
                yield data
        finally:
            follower.close()
            if file is not None and not ring.followed:
                file.hear_no_more(ring)

    def _open_main_log(self, master: Master) -> MainLog:
        sinks: list[Sink] = [_Kept(self._main_ring)]
        console = console_target(master.logfile)
        if not master.silent or console is not None:
            sinks.append(
                self._consoles.get(console or 1).stream(
                    "this log",
                    overflow=Overflow.LOG,
                    on_problem=self._say,
                    write_as=own_line_format(
                        master.log_format,
                        master.log_timestamp,
                        width=self._width,
                        colour=_shows_colours(console or 1),
                    ),
                )
            )
        if master.logfile == "syslog":
            sinks.append(self._syslog(""))
        elif console is None:
            sinks.append(
                open_log_file(self._disks, master.logfile, master.logfile_maxbytes, master.logfile_backups, self._say)
            )
        return MainLog(LEVELS[master.loglevel], sinks)

    def _say(self, text: str) -> None:
        """What is wrong with some log, in the master's own. Later: it may be that one, being opened."""
        if self._closing:
            self.log.critical(text)
        else:
            self._loop.call_soon(lambda: self.log.critical(text))

    def _stream(self, name: str, program: Program, channel: Channel) -> _Stream:
        """The stream as the program's options want it now; made, or changed while it runs."""
        if channel == "stdout":
            target = _Target(
                (program.stdout_logfile, *program.stdout_also),
                program.stdout_logfile_maxbytes,
                program.stdout_logfile_backups,
                program.stdout_syslog,
                self._look(program),
            )
        else:
            target = _Target(
                (program.stderr_logfile, *program.stderr_also),
                program.stderr_logfile_maxbytes,
                program.stderr_logfile_backups,
                program.stderr_syslog,
                self._look(program),
            )
        stream = self._streams.get((name, channel))
        if stream is None:
            stream = _Stream(target, program, channel, self._sinks(program, channel, target), Ring())
            self._streams[name, channel] = stream
        elif stream.target != target and stream.target.is_as(target):
            for sink in stream.sinks:
                if isinstance(sink, LogFile):
                    sink.bound(target.maxbytes, target.backups)
            stream.target = target
        elif stream.target != target:
            old, stream.sinks, stream.target = stream.sinks, self._sinks(program, channel, target), target
            for pump in stream.pumps:
                pump.set_sinks(stream.sinks)
            _close(old)
            stream.lost += sum(sink.lost for sink in old)
        if program != stream.program:
            stream.program = program
            self._retap(name, stream)
        return stream

    def _retap(self, name: str, stream: _Stream) -> None:
        """The program's options have changed, and its present run and those before go on."""
        for pump, pid in stream.pumps.items():
            tap = self._tap(name, stream, pid)
            if tap is not None and pump.tap is not None and tap.captures == pump.tap.captures:
                # The old one may be inside of a message.
                pump.tap.capture_maxbytes = tap.capture_maxbytes
            else:
                pump.set_tap(tap)

    def _tap(self, name: str, stream: _Stream, pid: int) -> "StreamFilter | None":
        """What the options want done with a stream besides keeping it."""
        program, channel = stream.program, stream.channel
        strip_ansi = self._master.strip_ansi
        listens = self._is_protocol(program, channel)
        maxbytes = program.stdout_capture_maxbytes if channel == "stdout" else program.stderr_capture_maxbytes
        told = _events_enabled(stream) or self.log.level <= Level.DEBG
        if not (listens or told or maxbytes or strip_ansi):
            return None
        from procman.logs.filters import StreamFilter  # noqa: PLC0415 - most need none

        if listens:
            return StreamFilter(strip_ansi=strip_ansi, on_raw=partial(self._heard, name, stream, pid))

        def lost(count: int) -> None:
            stream.lost += count

        return StreamFilter(
            strip_ansi=strip_ansi,
            capture_maxbytes=maxbytes,
            on_raw=lambda _: self._on_progress(),
            on_text=partial(self._written, stream, pid),
            on_message=partial(self._captured, stream, pid),
            on_lost=lost,
        )

    def _is_protocol(self, program: Program, channel: Channel) -> bool:
        """What an event listener writes to stdout is for its watcher, and for nobody else."""
        return channel == "stdout" and self._watcher is not None and self._watcher.listens(program)

    def _heard(self, name: str, stream: _Stream, pid: int, data: bytes) -> None:
        if self.log.level <= Level.DEBG:
            self._debug(stream, f"output:\n{data!r}")
        # What is left of an earlier run does not speak for this one.
        if self._watcher is not None and pid == next(reversed(stream.pumps.values()), pid):
            self._watcher.heard(name, data)
        self._on_progress()

    def _written(self, stream: _Stream, pid: int, data: bytes) -> None:
        if self.log.level <= Level.DEBG:
            self._debug(stream, f"output:\n{_text(data)}")
        if self._watcher is not None and _events_enabled(stream):
            self._watcher.logged(stream.program, pid, stream.channel, data)

    def _captured(self, stream: _Stream, pid: int, data: bytes) -> None:
        if self._watcher is not None:
            self._watcher.captured(stream.program, pid, stream.channel, data)
        self._debug(stream, "emitted a comm event")

    def _pump(self, name: str, stream: _Stream, fd: int, pid: int) -> None:
        closed = partial(self._pipe_closed, stream, fd)
        tap = self._tap(name, stream, pid)
        stream.pumps[Pump(self._rota, fd, stream.sinks, stream.ring, tap=tap, on_eof=closed)] = pid

    def _pipe_closed(self, stream: _Stream, fd: int) -> None:
        text = f"fd {fd} closed, stopped monitoring {stream.program.name} ({stream.channel})"
        self.log.debug(text)
        self._on_progress()

    def _debug(self, stream: _Stream, what: str) -> None:
        text = f"{stream.program.name!r} {stream.channel} {what}"
        self.log.debug(text)

    def _sinks(self, program: Program, channel: str, target: _Target) -> list[Sink]:
        sinks = [self._sink(program, channel, target, path) for path in target.logfiles]
        if target.syslog:
            sinks.append(self._syslog(program.name))
        return sinks

    def _syslog(self, name: str) -> Sink:
        from procman.logs.syslog import Syslog  # noqa: PLC0415 - few need it

        return Syslog(name, self._say)

    def _look(self, program: Program) -> tuple[str, str, str]:
        """How its lines look on the console, and what it does when nobody reads them."""
        master = self._master
        return (
            program.log_format or master.log_format,
            program.log_timestamp or master.log_timestamp,
            program.log_overflow or master.log_overflow,
        )

    def _sink(self, program: Program, channel: str, target: _Target, path: str | None) -> Sink:
        if path is None:
            return Null()
        private = path == AUTO
        if private:
            path = self._auto_log(program, channel)
        fd = console_target(path)
        if fd is not None:
            kind, timestamp, overflow = target.look
            write_as = line_format(
                kind, timestamp, program.namespec, channel, width=self._width, colour=_shows_colours(fd)
            )
            return self._consoles.get(fd).stream(
                program.name, overflow=Overflow(overflow), on_problem=self._say, write_as=write_as
            )
        meanwhile = f"{PROGRAM_GOES_ON}, see childlogdir=" if private else PROGRAM_GOES_ON
        file = LogFile(
            self._disks, path, target.maxbytes, target.backups, self._say, meanwhile=meanwhile, private=private
        )
        self._opened.append(file)
        return file

    def _auto_log(self, program: Program, channel: str) -> str:
        path = self._kept_logs.pop((program.namespec, channel), None) or self._new_auto_log(program, channel)
        self._on_auto_log(program.namespec, channel, path)
        return path

    def _new_auto_log(self, program: Program, channel: str) -> str:
        return auto_log_path(self._master.childlogdir, program.name, channel, self._owner)

    def _path(self, name: str, channel: str) -> str | None:
        stream = self._streams.get((name, channel))
        if stream is None:
            return self._path_to_be(name, channel)
        for sink in stream.sinks:
            if sink.path is not None:
                return sink.path
        return None

    def _path_to_be(self, name: str, channel: str) -> str | None:
        """The file of a process that has not run yet: one may be there, of an earlier master; an AUTO log always is."""
        program = self._definition(name)
        if program is None or (channel == "stderr" and program.redirect_stderr):
            return None
        stdout = (program.stdout_logfile, *program.stdout_also)
        for path in stdout if channel == "stdout" else (program.stderr_logfile, *program.stderr_also):
            if path == AUTO:
                return self._auto_log_to_be(program, channel)
            if path is not None and console_target(path) is None:
                return path
        return None

    def _auto_log_to_be(self, program: Program, channel: str) -> str:
        """The one that will be used, from when somebody wants to know it."""
        key = (program.namespec, channel)
        path = self._kept_logs.get(key)
        if path is None:
            path = self._kept_logs[key] = self._new_auto_log(program, channel)
            try:
                self._disks.of(path).do(partial(create_auto_log, path))
            except (OSError, NoAnswer):
                pass  # it is made, or that is said, when the process starts
        return path

    def _end_of(self, stream: _Stream, length: int) -> bytes:
        path = next((sink.path for sink in stream.sinks if sink.path is not None), None)
        if path is None:
            return stream.ring.tail(length)
        try:
            return self._disks.of(path).do(partial(_last, path, length)) or b""
        except NoAnswer:
            return b""

    def _memory(self, name: str, channel: str) -> Ring | None:
        """Where to read a log that is kept, and not in a file: on the console, in syslog."""
        stream = self._streams.get((name, channel))
        if stream is None or all(isinstance(sink, Null) or sink.path is not None for sink in stream.sinks):
            return None
        return stream.ring if all(sink.path is None for sink in stream.sinks) else None

    def _forget(self, name: str) -> None:
        self._close_stdin(name)
        for channel in CHANNELS:
            self._kept_logs.pop((name, channel), None)
            if (name, channel) in self._streams:
                self._drop((name, channel))

    def _drop(self, key: tuple[str, str]) -> None:
        stream = self._streams.pop(key)
        self._on_auto_log(*key, None)
        for pump in stream.pumps:
            if not pump.closed:
                pump.drain()
                pump.close()
                if pump.unread:
                    self._say(
                        f"{pump.unread} bytes of {key[0]} ({key[1]}) were not read: they had to wait for too long"
                    )
        stream.ring.close()
        _close(stream.sinks)

    def _give(self, name: str, stdin: _Stdin, data: bytes) -> None:
        idle = not stdin.waiting
        stdin.waiting += data
        self._write_stdin(name, stdin)
        if self._stdin.get(name) is not stdin:
            raise BrokenPipeError
        if stdin.waiting and idle:
            self._loop.add_writer(stdin.fd, self._write_stdin, name, stdin)

    def _write_stdin(self, name: str, stdin: _Stdin) -> None:
        try:
            while stdin.waiting:
                del stdin.waiting[: os.write(stdin.fd, stdin.waiting)]
        except BlockingIOError:
            return
        except OSError:
            # The process has closed its stdin; what was meant for it has no reader any more.
            self._close_stdin(name)
            return
        self._loop.remove_writer(stdin.fd)
        when_read, stdin.when_read = stdin.when_read, None
        if when_read is not None:
            when_read()

    def _close_stdin(self, name: str) -> None:
        stdin = self._stdin.pop(name, None)
        if stdin is not None:
            self._loop.remove_writer(stdin.fd)
            os.close(stdin.fd)


class _Kept(Null):
    """Keeps the end of the master's log for its followers."""

    def __init__(self, ring: Ring) -> None:
        self._ring = ring

    def write(self, data: bytes) -> bool:
        self._ring.append(data)
        return True

    def clear(self) -> None:
        self._ring.clear()

    def close(self) -> None:
        self._ring.close()


def _events_enabled(stream: _Stream) -> bool:
    program = stream.program
    return program.stdout_events_enabled if stream.channel == "stdout" else program.stderr_events_enabled


def _text(data: bytes) -> str:
    """What a program wrote, as supervisord's log has it."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return f"Undecodable: {data!r}"


def _shows_colours(fd: int) -> bool:
    """A terminal does, unless its user does not want it (https://no-color.org)."""
    return os.isatty(fd) and not os.environ.get("NO_COLOR")


def _close(sinks: list[Sink]) -> None:
    for sink in sinks:
        sink.end()
        sink.close()


def _empty(path: str) -> None:
    """Empty the log of a process that has not run yet, if there is one."""
    if os.path.isfile(path):
        try:
            os.truncate(path, 0)
        except OSError as error:
            raise ProcmanError(f"cannot empty {path}: {error.strerror}") from None


def _last(path: str, length: int) -> bytes | None:
    try:
        return read_log(path, -length, 0)
    except (BadRange, CannotRead):
        return None


def _read(path: str, offset: int, length: int) -> bytes:
    try:
        return read_log(path, offset, length)
    except CannotRead as error:
        raise (OperationFailed if os.path.exists(path) else NoLog)(str(error)) from None
