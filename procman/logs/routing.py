"""From what the options say of an output to the sinks that it goes to."""

import os
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Literal

from procman.logs.auto_logs import AutoLogs, create_auto_log
from procman.logs.console import console_target
from procman.logs.console_stream import ConsoleStream, Overflow
from procman.logs.consoles import Consoles
from procman.logs.disk_call import DiskTimeout
from procman.logs.disk_workers import DiskWorkers
from procman.logs.formats import MAX_PADDING, OWN_NAME, line_format, own_line_format
from procman.logs.log_file import LogFile
from procman.logs.log_keeper import LogKeeper
from procman.logs.main_log import LEVELS, MainLog, open_log_file
from procman.logs.rotation import PLAIN, Keeping, RotatedBy
from procman.logs.sink import PROGRAM_GOES_ON, Null, Sink

Channel = Literal["stdout", "stderr"]
CHANNELS: tuple[Channel, ...] = ("stdout", "stderr")


class AutoLog(Enum):
    """In place of a path: a file in childlogdir, with a name made by procman."""

    AUTO = "AUTO"


@dataclass(frozen=True, slots=True)
class ConsoleStyle:
    """How lines look on the console, and what becomes of them if nothing reads them; values of the options."""

    log_format: str
    log_timestamp: str
    log_overflow: str


@dataclass(frozen=True, slots=True)
class StreamOptions:
    """Where one channel of one process goes."""

    name: str  # of the program
    namespec: str  # of the process
    channel: Channel
    logfiles: tuple[str | AutoLog | None, ...]  # None: the output is dropped
    maxbytes: int
    backups: int
    syslog: bool
    style: ConsoleStyle
    keeping: Keeping = PLAIN

    def has_same_sinks(self, other: "StreamOptions") -> bool:
        """Whether the sinks of the other can be kept, with new limits at most."""
        return (self.logfiles, self.syslog, self.style) == (other.logfiles, other.syslog, other.style)


@dataclass(frozen=True, slots=True)
class MainLogOptions:
    """Where the master's own log goes."""

    logfile: str  # or "syslog"
    maxbytes: int
    backups: int
    loglevel: str
    silent: bool  # without a copy on stdout
    style: ConsoleStyle


class SinkFactory:
    """Makes the sinks of all streams of one master."""

    def __init__(
        self,
        disks: DiskWorkers,
        consoles: Consoles,
        auto_logs: AutoLogs,
        names: list[str],
        on_problem: Callable[[str, str], None],
        *,
        on_rotated: Callable[[StreamOptions, RotatedBy, str | None], object],
        keeper: LogKeeper,
    ) -> None:
        """Make none yet.

        Args:
            disks: the threads that write files.
            consoles: what goes to the streams of the master.
            auto_logs: gives AUTO logs their names.
            names: may be prefixes of lines on the console, and are padded to one width.
            on_problem: gets what is wrong with an output, and the namespec of its process, "" if it is of none.
            on_rotated: gets whose file was rotated, or could not be, and what `logs.rotation` says of that.
            keeper: watches the clock for files.
        """
        self._disks = disks
        self._consoles = consoles
        self._auto_logs = auto_logs
        self._width = max(len(name) for name in (OWN_NAME, *names) if len(name) <= MAX_PADDING)
        self._on_problem = on_problem
        self._on_rotated = on_rotated
        self._keeper = keeper
        self._being_opened: deque[LogFile] = deque()

    def on_problem(self, text: str) -> None:
        """Something is wrong with an output."""
        self._on_problem(text, "")

    def sinks(self, options: StreamOptions) -> list[Sink]:
        """Those of one channel of one process."""
        sinks = [self._sink(options, path) for path in options.logfiles]
        if options.syslog:
            sinks.append(self._syslog(options.name))
        return sinks

    def main_log(self, options: MainLogOptions) -> MainLog:
        """The master's own log; raises ProcmanError if its file cannot be opened."""
        sinks: list[Sink] = []
        console = console_target(options.logfile)
        if not options.silent or console is not None:
            fd, style = console or 1, options.style
            write_as = own_line_format(
                style.log_format, style.log_timestamp, width=self._width, colour=_shows_colours(fd)
            )
            sinks.append(
                ConsoleStream(
                    self._consoles.get(fd),
                    "this log",
                    overflow=Overflow.LOG,
                    on_problem=self.on_problem,
                    write_as=write_as,
                )
            )
        if options.logfile == "syslog":
            sinks.append(self._syslog(""))
        elif console is None:
            sinks.append(
                open_log_file(self._disks, options.logfile, options.maxbytes, options.backups, self.on_problem)
            )
        return MainLog(LEVELS[options.loglevel], sinks)

    def path_to_be(self, options: StreamOptions) -> str | None:
        """The file of a process that has not run yet: an earlier master may have left it; an AUTO log is created."""
        for path in options.logfiles:
            if isinstance(path, AutoLog):
                return self._auto_logs.path_to_be(
                    options.namespec, options.name, options.channel, self._create_auto_log
                )
            if path is not None and console_target(path) is None:
                return path
        return None

    def finish_opening(self) -> None:
        """Have all files opened by now, so that their descriptors can be counted."""
        while self._being_opened:
            file = self._being_opened.pop()  # from the last on, to wait once
            if not file.was_opened:
                file.sync()

    def forget_opened(self) -> None:
        """Drop those that the threads have opened meanwhile."""
        while self._being_opened and self._being_opened[0].was_opened:
            self._being_opened.popleft()

    def _sink(self, options: StreamOptions, path: str | AutoLog | None) -> Sink:
        if path is None:
            return Null()
        is_auto = isinstance(path, AutoLog)
        if isinstance(path, AutoLog):
            path = self._auto_logs.take(options.namespec, options.name, options.channel)
        fd = console_target(path)
        if fd is not None:
            style = options.style
            write_as = line_format(
                style.log_format,
                style.log_timestamp,
                options.namespec,
                options.channel,
                width=self._width,
                colour=_shows_colours(fd),
            )
            return ConsoleStream(
                self._consoles.get(fd),
                options.name,
                overflow=Overflow(style.log_overflow),
                on_problem=self.on_problem,
                write_as=write_as,
            )
        file = LogFile(
            self._disks,
            path,
            options.maxbytes,
            options.backups,
            partial(self._on_file_problem, options.namespec),
            meanwhile=f"{PROGRAM_GOES_ON}, see childlogdir=" if is_auto else PROGRAM_GOES_ON,
            private=is_auto,
            keeping=options.keeping,
            keeper=self._keeper,
            on_rotated=partial(self._on_rotated, options),
        )
        self._being_opened.append(file)
        return file

    def _on_file_problem(self, name: str, text: str) -> None:
        self._on_problem(text, name)

    def _create_auto_log(self, path: str) -> None:
        try:
            self._disks.for_path(path).call(partial(create_auto_log, path))
        except (OSError, DiskTimeout):
            pass  # the file is created when the process starts, or the reason why not is reported then

    def _syslog(self, name: str) -> Sink:
        from procman.logs.syslog import Syslog  # noqa: PLC0415 - few configurations use it

        return Syslog(name, self.on_problem)


def _shows_colours(fd: int) -> bool:
    """A terminal does, unless its user does not want it (https://no-color.org)."""
    return os.isatty(fd) and not os.environ.get("NO_COLOR")
