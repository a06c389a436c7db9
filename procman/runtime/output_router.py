"""Connects the engine to `logs`: attaches the pipes of each started process, and drains them when it ends.

Options are turned into sinks in `logs/routing.py`; a stream is in `logs/output_stream.py`; reading is in
`logs/log_reader.py`.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from procman.config.schema.configuration import Config
from procman.config.schema.programs import Program
from procman.core.actions import AnnounceInPlace, ProcessRemoved
from procman.logs.auto_logs import AutoLogs, Owner
from procman.logs.consoles import Consoles
from procman.logs.disk_workers import DiskWorkers
from procman.logs.fair_scheduler import FairScheduler
from procman.logs.log_keeper import LogKeeper
from procman.logs.log_reader import LogReader
from procman.logs.output_stream import OutputStream, from_base64, to_base64
from procman.logs.rotation import RotatedBy
from procman.logs.routing import (
    CHANNELS,
    AutoLog,
    Channel,
    SinkFactory,
    StreamOptions,
)
from procman.runtime.bus import LogRotated, LogTrouble, Notification
from procman.runtime.client_taps import ClientTaps
from procman.runtime.definitions import program_of
from procman.runtime.log_options import main_log_options, stream_options
from procman.runtime.output_filters import ChannelFilter, OutputFilters
from procman.runtime.stdin_queues import StdinQueues
from procman.runtime.terminals import Terminals
from procman.runtime.written_output import WrittenOutput
from procman.system.spawn import Child, may_run_short


class OutputRouter:
    """All output and input of all processes, and the master's own log.

    `log` is the master's log, `reader` reads logs back, `stdin` has the inputs, `filters` examines the output,
    `terminals` are those of programs that have one. `written` tells what runs have written, `taps` are the copies that
    clients get of it. `disks` are the threads that write files.
    """

    hears = (AnnounceInPlace, ProcessRemoved)

    def __init__(
        self,
        config: Config,
        mark: str,
        on_auto_log: Callable[[str, str, str | None], None] = lambda _name, _channel, _path: None,
        on_progress: Callable[[], None] = lambda: None,
        definition: Callable[[str], Program | None] = lambda _: None,
        *,
        publish: Callable[[LogTrouble | LogRotated], object] = lambda _: None,
    ) -> None:
        """Opens the master's log; raises ProcmanError if that is impossible.

        Args:
            config: its master's options say where.
            mark: tells this configuration's master from others; it is part of the names of AUTO logs.
            on_auto_log: gets the namespec, the channel and the AUTO log that is in use now, or None.
            on_progress: is called when an `obstacle` may be gone.
            publish: gets what becomes of logs; problems are also reported in the master's own.
            definition: what the process of a name will be when it starts next; None if there is no such process.
        """
        self._loop = asyncio.get_running_loop()
        self._closing = False
        self._master = master = config.master
        self._on_progress = on_progress
        self._definition = definition
        self._publish = publish
        self._scheduler = FairScheduler(self._loop)
        self.disks = DiskWorkers(self._loop, self.report_trouble, on_answer=on_progress)
        self._consoles = Consoles(disks=self.disks, on_problem=self.report_trouble, on_flushed=on_progress)
        self._consoles.attach(self._loop)
        self._auto_logs = AutoLogs(master.childlogdir, Owner(mark, master.identifier), on_auto_log)
        names = [program.namespec for group in config.groups for program in group.programs]
        self.keeper = LogKeeper(self._loop)
        self._sinks = SinkFactory(
            self.disks,
            self._consoles,
            self._auto_logs,
            names,
            self.report_trouble,
            on_rotated=self._rotated,
            keeper=self.keeper,
        )
        self.log = self._sinks.main_log(main_log_options(master))
        self._streams: dict[tuple[str, str], OutputStream] = {}
        self.filters = OutputFilters(self.log, strip_ansi=master.strip_ansi, on_progress=on_progress)
        self._channel_filters: dict[tuple[str, str], ChannelFilter] = {}
        self.stdin = StdinQueues(self._loop)
        self.terminals = Terminals(self._streams)
        self.written = WrittenOutput(self._streams, self._channel_filters, self.disks)
        self.taps = ClientTaps(self._streams, definition, self._stream)
        self.reader = LogReader(self.disks, self.log, self._streams, self._path_to_be, self._open_stream)

    def clear_old_logs(self, kept: Mapping[tuple[str, str], str]) -> None:
        """Remove the AUTO logs of an earlier run; to be called once it is certain that no other master is running.

        `kept` are those that stay in use, by namespec and channel.
        """
        self._auto_logs.reserve(kept)
        if not self._master.nocleanup:
            self._auto_logs.clear_old(self.log.warn)

    # ---- upgrade: the master executes its successor

    def obstacle(self) -> str | None:
        """Why an upgrade cannot happen now."""
        if self.disks.obstacle is not None:
            return self.disks.obstacle
        for stream in self._streams.values():
            if stream.obstacle is not None:
                return stream.obstacle
        return None if self._consoles.flush() else "nobody reads the console"

    def snapshot(self) -> dict[str, Any]:
        """Plain data for the master's successor, if there is no obstacle; bytes are in base64."""
        auto_logs = [
            [name, channel, stream.path]
            for (name, channel), stream in self._streams.items()
            if stream.path is not None and AutoLog.AUTO in stream.options.logfiles
        ]
        return {
            "streams": [stream.snapshot() for stream in self._streams.values()],
            "stdin": self.stdin.snapshot(),
            "main_ring": to_base64(self._main_ring()),
            "compressor": self.keeper.snapshot(),
            "auto_logs": auto_logs,
        }

    def restore(self, data: dict[str, Any], programs: Mapping[str, Program]) -> None:
        """Continue from what `snapshot` returned; `programs` are the running ones by namespec."""
        self._auto_logs.reserve({(name, channel): path for name, channel, path in data["auto_logs"]})
        self.keeper.restore(data.get("compressor"))
        self.log.ring.restore(from_base64(data["main_ring"]) + self._main_ring())
        for known in data["streams"]:
            self._stream(known["name"], programs[known["name"]], known["channel"]).restore(known)
        self.stdin.restore(data["stdin"])

    # ---- for the engine

    def attach(self, name: str, program: Program, child: Child) -> None:
        """A process has started: take its pipes."""
        pipes: tuple[tuple[Channel, int | None], ...] = (("stdout", child.stdout), ("stderr", child.stderr))
        for channel, fd in pipes:
            if fd is not None:
                self._stream(name, program, channel).attach(fd, child.pid)
        if child.stdin is not None:
            self.stdin.open(name, child.stdin)
        if may_run_short(max(child.stdin or 0, child.stdout or 0)):
            # Descriptors are counted before the next process starts.
            self._sinks.finish_opening()
        self._sinks.forget_opened()

    def attach_hook(self, name: str, program: Program, child: Child, hear: Callable[[bytes], None]) -> None:
        """A command of a hook has started: its output goes where that of its program does."""
        pipes: tuple[tuple[Channel, int | None], ...] = (("stdout", child.stdout), ("stderr", child.stderr))
        for channel, fd in pipes:
            if fd is not None:
                # What an event listener writes to stdout is no output.
                where: Channel = "stderr" if self.filters.is_protocol(program, channel) else channel
                stream = self._stream(name, program, where)
                stream.attach_hook(fd, child.pid, hear, strip_ansi=self._master.strip_ansi)

    def hook_ended(self, name: str, pid: int) -> None:
        """That command has ended: read now what it wrote before."""
        for channel in CHANNELS:
            stream = self._streams.get((name, channel))
            if stream is not None:
                stream.drain_hook(pid)

    def refilter(self, name: str) -> None:
        """What its streams are looked through for may have changed."""
        for channel in CHANNELS:
            stream = self._streams.get((name, channel))
            if stream is not None:
                stream.change_filters()

    def ended(self, name: str) -> None:
        """A process has ended: read now what it wrote before; what a descendant writes later is read, too."""
        for channel in CHANNELS:
            stream = self._streams.get((name, channel))
            if stream is not None:
                stream.drain()
        self.stdin.close(name)

    def hear(self, notification: Notification) -> None:
        """Follow what concerns logs: options that changed in place, processes that were removed."""
        match notification.event:
            case AnnounceInPlace(name, _, after):
                program = program_of(after)
                for channel in CHANNELS:
                    if (name, channel) in self._streams:
                        self._stream(name, program, channel)
            case ProcessRemoved(name):
                self.stdin.close(name)
                self.terminals.forget(name)
                for channel in CHANNELS:
                    self._remove(name, channel)
            case _:
                pass

    # ---- for all that write to disks

    def report_trouble(self, text: str, name: str = "") -> None:
        """A problem of some log, in the master's own. Later: it may be that log, which is being opened.

        `name` is that of the process whose log it is.
        """
        if self._closing:
            self.log.critical(text)
        else:
            self._loop.call_soon(self._report_now, text, name)

    def _report_now(self, text: str, name: str) -> None:
        self.log.critical(text)
        self._publish(LogTrouble(text, name))

    def _rotated(self, options: StreamOptions, by: RotatedBy, problem: str | None) -> None:
        if not self._closing:
            self._publish(LogRotated(options.namespec, options.channel, by, problem or ""))

    # ---- for the services

    def log_paths(self, name: str) -> tuple[str, str]:
        """The files that can be read back, "" if there is none."""
        return self.reader.path(name, "stdout") or "", self.reader.path(name, "stderr") or ""

    def reopen(self) -> None:
        """Open all log files again, after they were moved away."""
        self.log.reopen()
        self.log.info("procman logreopen")
        for stream in self._streams.values():
            for sink in stream.sinks:
                sink.reopen()

    # ---- the end

    def end_followers(self) -> None:
        """End the stream of each client that follows a log."""
        self.log.ring.close()
        for stream in self._streams.values():
            stream.ring.close()

    def close(self, timeout: float) -> None:
        """After the loop has ended: write what can be written within `timeout` seconds, and close everything."""
        self._closing = True
        self.disks.lift_limit()
        self.keeper.close()
        self.stdin.close_all()
        for name, channel in list(self._streams):
            self._remove(name, channel)
        self._scheduler.close()
        # While there is a log to report in what was dropped.
        self.disks.finish(timeout)
        self._consoles.finish(timeout)
        self.log.close()
        self._consoles.close()
        if self.disks.obstacle is None:
            self.disks.finish(timeout)
        self.disks.close()

    # ---- private

    def _main_ring(self) -> bytes:
        return self.log.ring.tail(self.log.ring.capacity)

    def _stream(self, name: str, program: Program, channel: Channel) -> OutputStream:
        """The stream as the program's options want it now: a new one, or the present one, changed."""
        stream = self._streams.get((name, channel))
        if stream is not None and self._channel_filters[name, channel].program is program:
            return stream
        options = stream_options(self._master, program, channel)
        if stream is None:
            filters = self._channel_filters[name, channel] = ChannelFilter(self.filters, program, channel)
            stream = self._streams[name, channel] = OutputStream(
                options, self._sinks, self._scheduler, filters.make, self._on_pipe_closed
            )
            return stream
        stream.change(options)
        filters = self._channel_filters[name, channel]
        if filters.program != program:
            filters.program = program
            stream.change_filters()
        return stream

    def _open_stream(self, name: str, channel: str) -> OutputStream | None:
        program = self._definition(name)
        return self._stream(name, program, "stderr" if channel == "stderr" else "stdout") if program else None

    def _path_to_be(self, name: str, channel: str) -> str | None:
        """The file of a process that has not run yet."""
        program = self._definition(name)
        if program is None or (channel == "stderr" and program.redirect_stderr):
            return None
        options = stream_options(self._master, program, "stderr" if channel == "stderr" else "stdout")
        return self._sinks.path_to_be(options)

    def _on_pipe_closed(self, options: StreamOptions, fd: int) -> None:
        text = f"fd {fd} closed, stopped monitoring {options.name} ({options.channel})"
        self.log.debug(text)
        self._on_progress()

    def _remove(self, name: str, channel: str) -> None:
        stream = self._streams.pop((name, channel), None)
        self._channel_filters.pop((name, channel), None)
        self._auto_logs.release(name, channel, was_used=stream is not None)
        if stream is not None:
            stream.close()
