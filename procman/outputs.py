"""Which sinks each program's output goes to, and how it is read again: the wiring between options and `logs`.

The sinks of a process live as long as its place in the fleet, so that a restart goes on in the same file. Its pipes
live as long as something writes to them, which may be a grandchild that outlives the process.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Literal

from procman.api.shapes import Fault
from procman.config.model import AUTO, Config, Master, Program
from procman.control import Refused
from procman.core.messages import AnnounceInPlace, Dismissed
from procman.engine import News
from procman.errors import ProcmanError
from procman.logs.console import Consoles, Overflow, console_target
from procman.logs.mainlog import LEVELS, MainLog, open_log_file
from procman.logs.names import clear_auto_logs, create_auto_log
from procman.logs.pump import Follower, Pump
from procman.logs.reading import BadRange, CannotRead, read_log, tail_log
from procman.logs.ring import Ring
from procman.logs.sinks import Null, RotatingFile, Sink
from procman.logs.syslog import Syslog
from procman.system.spawn import Child

Channel = Literal["stdout", "stderr"]

# Pipes of earlier runs that somebody still holds open, for each process; beyond it the oldest is let go.
OLD_PIPES = 4
# What may wait to be read by a process from its stdin, in bytes.
STDIN_BUFFER = 1024 * 1024
# The master's log as a follower of it sees it, in bytes.
MAIN_RING = 65536


@dataclass(frozen=True, slots=True)
class _Target:
    """Where one channel of a program goes."""

    logfile: str | None
    maxbytes: int
    backups: int
    syslog: bool

    def is_as(self, other: "_Target") -> bool:
        """The other is the same place, kept within other bounds."""
        return (self.logfile, self.syslog) == (other.logfile, other.syslog)


@dataclass(slots=True)
class _Stream:
    """One channel of one process, from its first run to its removal."""

    target: _Target
    sinks: list[Sink]
    ring: Ring
    pumps: list[Pump] = field(default_factory=list)  # the last one is of the present run
    lost: int = 0  # bytes left in pipes that were let go, and what sinks lost that are no longer there


@dataclass(slots=True)
class _Stdin:
    """The master's end of a process's stdin, and what did not fit into it yet."""

    fd: int
    waiting: bytearray = field(default_factory=bytearray)


class Outputs:
    """All output of all processes, and the master's own log (`log`)."""

    def __init__(self, config: Config) -> None:
        """Opens the master's log, and removes the AUTO logs of an earlier run."""
        self._loop = asyncio.get_running_loop()
        self._master = config.master
        self._consoles = Consoles(on_problem=self._say)
        self._consoles.attach(self._loop)
        self._streams: dict[tuple[str, str], _Stream] = {}
        self._stdin: dict[str, _Stdin] = {}
        self._main_ring = Ring(MAIN_RING)
        self._closing = False
        self.log = self._open_main_log(config.master)
        if not config.master.nocleanup:
            clear_auto_logs(config.master.childlogdir, config.master.identifier, self.log.warn)

    # ---- what the engine tells

    def attach(self, name: str, program: Program, child: Child) -> None:
        """A process has started: its pipes are ours."""
        for channel, fd in (("stdout", child.stdout), ("stderr", child.stderr)):
            if fd is not None:
                stream = self._stream(name, program, channel)
                pump = Pump(self._loop, fd, stream.sinks, stream.ring, strip_ansi=self._master.strip_ansi)
                stream.pumps = [old for old in stream.pumps if not old.closed]
                while len(stream.pumps) > OLD_PIPES:
                    oldest = stream.pumps.pop(0)
                    oldest.close()
                    stream.lost += oldest.unread
                    self._say(
                        f"{name} has {OLD_PIPES} descendants of earlier runs that hold its {channel} open; what the "
                        "oldest writes is not read any more"
                    )
                stream.pumps.append(pump)
        if child.stdin is not None:
            self._stdin[name] = _Stdin(child.stdin)

    def ended(self, name: str) -> None:
        """A process has ended: what it wrote before that is read now; what a grandchild writes later is, too."""
        for channel in ("stdout", "stderr"):
            stream = self._streams.get((name, channel))
            if stream is not None and stream.pumps:
                stream.pumps[-1].drain()
        self._close_stdin(name)

    def hear(self, news: News) -> None:
        """Follow what concerns logs: options changed in place, groups that left."""
        match news:
            case AnnounceInPlace(name, _, program):
                for channel in ("stdout", "stderr"):
                    if (name, channel) in self._streams:
                        self._stream(name, program, channel)
            case Dismissed(name):
                self._forget(name)
            case _:
                pass

    # ---- reading

    def log_paths(self, name: str) -> tuple[str, str]:
        """The files that can be read back, "" where there is none."""
        return self._path(name, "stdout") or "", self._path(name, "stderr") or ""

    def lost(self, name: str) -> int:
        """Bytes that could not be written."""
        streams = (self._streams.get((name, channel)) for channel in ("stdout", "stderr"))
        return sum(stream.lost + sum(sink.lost for sink in stream.sinks) for stream in streams if stream)

    def read(self, name: str, channel: str, offset: int, length: int) -> bytes:
        """Part of a process's log, as supervisor counts offsets; raises Refused(NO_FILE, BAD_ARGUMENTS, FAILED)."""
        return _read(self._path(name, channel), offset, length)

    def tail(self, name: str, channel: str, offset: int, length: int) -> tuple[bytes, int, bool]:
        """The end of a process's log, where to go on, and whether there was more; nothing where there is no log."""
        path = self._path(name, channel)
        return tail_log(path, offset, length) if path is not None else (b"", 0, False)

    def read_main(self, offset: int, length: int) -> bytes:
        """Part of the master's own log."""
        return _read(self.log.path, offset, length)

    def follow(self, name: str, channel: str, tail: int) -> AsyncIterator[bytes]:
        """The last `tail` bytes, and then whatever is written, without end."""
        stream = self._streams.get((name, channel))
        if stream is None:
            raise Refused(Fault.NO_FILE, f"{name} has written nothing to {channel} yet")
        return _follow(stream.ring, self._path(name, channel), tail)

    def follow_main(self, tail: int) -> AsyncIterator[bytes]:
        """The same for the master's own log."""
        return _follow(self._main_ring, self.log.path, tail)

    # ---- doing

    def clear(self, name: str) -> None:
        """Empty both logs of a process."""
        for channel in ("stdout", "stderr"):
            stream = self._streams.get((name, channel))
            if stream is not None:
                for sink in stream.sinks:
                    sink.clear()
                stream.ring.clear()

    def clear_main(self) -> None:
        """Empty the master's own log; raises Refused(NO_FILE) where it is no file."""
        if self.log.path is None:
            raise Refused(Fault.NO_FILE, "the master's log is not a file")
        try:
            self.log.clear()
        except ProcmanError as error:
            raise Refused(Fault.FAILED, str(error)) from None

    def reopen(self) -> None:
        """Open all log files anew, because somebody has moved them."""
        self.log.reopen()
        self.log.info("procman logreopen")
        for stream in self._streams.values():
            for sink in stream.sinks:
                sink.reopen()

    def write_stdin(self, name: str, data: bytes) -> None:
        """Give it to the process as its input; raises Refused(NOT_RUNNING, NO_FILE, FAILED)."""
        stdin = self._stdin.get(name)
        if stdin is None:
            raise Refused(Fault.NOT_RUNNING, name)
        if len(stdin.waiting) + len(data) > STDIN_BUFFER:
            raise Refused(Fault.FAILED, f"cannot write to {name}: it does not read its input")
        idle = not stdin.waiting
        stdin.waiting += data
        self._write_stdin(name, stdin)
        if stdin.waiting and idle:
            self._loop.add_writer(stdin.fd, self._write_stdin, name, stdin)

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
        self.log.close()
        self._consoles.close(timeout)

    # ---- the pieces of the above

    def _open_main_log(self, master: Master) -> MainLog:
        sinks: list[Sink] = [_Kept(self._main_ring)]
        console = console_target(master.logfile)
        if not master.silent or console is not None:
            sinks.append(
                self._consoles.get(console or 1).stream("this log", overflow=Overflow.LOG, on_problem=self._say)
            )
        if master.logfile == "syslog":
            sinks.append(Syslog(master.identifier, self._say))
        elif console is None:
            sinks.append(open_log_file(master.logfile, master.logfile_maxbytes, master.logfile_backups, self._say))
        return MainLog(LEVELS[master.loglevel], sinks)

    def _say(self, text: str) -> None:
        """What is wrong with some log, in the master's own. Later: it may be that one, being opened."""
        if self._closing:
            self.log.critical(text)
        else:
            self._loop.call_soon(lambda: self.log.critical(text))

    def _stream(self, name: str, program: Program, channel: str) -> _Stream:
        """The stream as the program's options want it now; made, or changed while it runs."""
        if channel == "stdout":
            target = _Target(
                program.stdout_logfile,
                program.stdout_logfile_maxbytes,
                program.stdout_logfile_backups,
                program.stdout_syslog,
            )
        else:
            target = _Target(
                program.stderr_logfile,
                program.stderr_logfile_maxbytes,
                program.stderr_logfile_backups,
                program.stderr_syslog,
            )
        stream = self._streams.get((name, channel))
        if stream is None:
            stream = _Stream(target, self._sinks(program, channel, target), Ring())
            self._streams[name, channel] = stream
        elif stream.target != target and isinstance(stream.sinks[0], RotatingFile) and stream.target.is_as(target):
            stream.sinks[0].maxbytes, stream.sinks[0].backups = target.maxbytes, target.backups
            stream.target = target
        elif stream.target != target:
            old, stream.sinks, stream.target = stream.sinks, self._sinks(program, channel, target), target
            for pump in stream.pumps:
                pump.set_sinks(stream.sinks)
            _close(old)
            stream.lost += sum(sink.lost for sink in old)
        return stream

    def _sinks(self, program: Program, channel: str, target: _Target) -> list[Sink]:
        sinks = [self._sink(program, channel, target)]
        if target.syslog:
            sinks.append(Syslog(program.name, self._say))
        return sinks

    def _sink(self, program: Program, channel: str, target: _Target) -> Sink:
        if target.logfile is None:
            return Null()
        path = target.logfile
        if path == AUTO:
            try:
                path = create_auto_log(self._master.childlogdir, program.name, channel, self._master.identifier)
            except ProcmanError as error:
                self._say(f"{error}; its output is not kept")
                return Null()
        fd = console_target(path)
        if fd is not None:
            return self._consoles.get(fd).stream(program.name, on_problem=self._say)
        return RotatingFile(path, target.maxbytes, target.backups, self._say)

    def _path(self, name: str, channel: str) -> str | None:
        stream = self._streams.get((name, channel))
        return next((sink.path for sink in stream.sinks if sink.path is not None), None) if stream else None

    def _forget(self, name: str) -> None:
        self._close_stdin(name)
        for channel in ("stdout", "stderr"):
            if (name, channel) in self._streams:
                self._drop((name, channel))

    def _drop(self, key: tuple[str, str]) -> None:
        stream = self._streams.pop(key)
        for pump in stream.pumps:
            if not pump.closed:
                pump.drain()
                pump.close()
        stream.ring.close()
        _close(stream.sinks)

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


def _close(sinks: list[Sink]) -> None:
    for sink in sinks:
        sink.end()
        sink.close()


def _read(path: str | None, offset: int, length: int) -> bytes:
    if path is None:
        raise Refused(Fault.NO_FILE, "there is no log file")
    try:
        return read_log(path, offset, length)
    except BadRange as error:
        raise Refused(Fault.BAD_ARGUMENTS, str(error)) from None
    except CannotRead as error:
        raise Refused(Fault.FAILED if os.path.exists(path) else Fault.NO_FILE, str(error)) from None


async def _follow(ring: Ring, path: str | None, tail: int) -> AsyncIterator[bytes]:
    follower = Follower(ring)
    try:
        past = ring.tail(tail)
        # The file knows more of the past than the ring, unless it is no file.
        if path is not None and len(past) < tail:
            try:
                past = read_log(path, -tail, 0)
            except (BadRange, CannotRead):
                pass
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
