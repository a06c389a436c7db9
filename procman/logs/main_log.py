"""The master's own log, with supervisor's levels and lines, because people grep for them.

Each text becomes one line, whatever it contains. Writing a line neither raises nor blocks; the sinks see to that.
"""

import time
from collections.abc import Callable, Iterable
from enum import IntEnum
from functools import lru_cache

from procman.errors import ProcmanError
from procman.logs.disk_workers import DiskWorkers
from procman.logs.log_file import LogFile
from procman.logs.ring import Ring
from procman.logs.sink import Sink


class Level(IntEnum):
    """How much a line matters, with supervisor's numbers; the names are those in the line."""

    CRIT = 50
    ERRO = 40
    WARN = 30
    INFO = 20
    DEBG = 10
    TRAC = 5
    BLAT = 3


# The values of loglevel=.
LEVELS = {
    "critical": Level.CRIT,
    "error": Level.ERRO,
    "warn": Level.WARN,
    "info": Level.INFO,
    "debug": Level.DEBG,
    "trace": Level.TRAC,
    "blather": Level.BLAT,
}

# Control characters would break the line, or control the terminal that shows it.
_ESCAPES = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))}
_ESCAPES |= {ord("\n"): "\\n", ord("\r"): "\\r", ord("\t"): "\t"}


# How much of the log is kept in memory for its followers, in bytes.
RING_SIZE = 65536


class MainLog:
    """Writes lines like "2026-11-23 09:00:00,123 INFO spawned: 'web' with pid 14" to its ring and its outputs.

    `level` and `outputs` may be changed at any time.
    """

    def __init__(
        self, level: Level = Level.INFO, outputs: Iterable[Sink] = (), clock: Callable[[], float] = time.time
    ) -> None:
        self.level = level
        self.outputs: list[Sink] = list(outputs)
        self.ring = Ring(RING_SIZE)
        self._clock = clock

    @property
    def path(self) -> str | None:
        """The file that can be read back, if there is one."""
        return next((sink.path for sink in self.outputs if sink.path is not None), None)

    def critical(self, text: str) -> None:
        """Report what needs an operator at once."""
        self.log(Level.CRIT, text)

    def error(self, text: str) -> None:
        """Report what went wrong."""
        self.log(Level.ERRO, text)

    def warn(self, text: str) -> None:
        """Report what may go wrong."""
        self.log(Level.WARN, text)

    def info(self, text: str) -> None:
        """Report the normal course of things."""
        self.log(Level.INFO, text)

    def debug(self, text: str) -> None:
        """Report what helps to find a mistake in a configuration."""
        self.log(Level.DEBG, text)

    def trace(self, text: str) -> None:
        """Report what helps to find a mistake in procman."""
        self.log(Level.TRAC, text)

    def blather(self, text: str) -> None:
        """Report the smallest details."""
        self.log(Level.BLAT, text)

    def log(self, level: Level, text: str) -> None:
        """Write one line, if its level is high enough."""
        if level < self.level:
            return
        line = format_line(self._clock(), level, text)
        self.ring.append(line)
        for sink in self.outputs:
            sink.write(line)

    def reopen(self) -> None:
        """Open the files again, after they were moved away."""
        for sink in self.outputs:
            sink.reopen()

    async def clear(self) -> None:
        """Begin new files; raises OperationFailed."""
        self.ring.clear()
        for sink in self.outputs:
            await sink.clear()

    def close(self) -> None:
        """Close all outputs."""
        self.ring.close()
        for sink in self.outputs:
            sink.close()
            if isinstance(sink, LogFile):
                sink.sync()  # its last reports go to the other outputs, too
        self.outputs.clear()


def format_line(now: float, level: Level, text: str) -> bytes:
    """Return one line of the log, in local time."""
    if not text.isprintable():
        text = text.translate(_ESCAPES)
    seconds = int(now)
    milliseconds = int((now - seconds) * 1000)
    # File names that are not UTF-8 come as lone surrogates.
    return f"{_stamp(seconds)},{milliseconds:03d} {level.name} {text}\n".encode("utf-8", "backslashreplace")


@lru_cache(maxsize=1)
def _stamp(seconds: int) -> str:
    # Hundreds of lines may be written in one second.
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


def open_log_file(
    disks: DiskWorkers, path: str, maxbytes: int, backups: int, on_problem: Callable[[str], None]
) -> LogFile:
    """Open the file of the master's own log, or raise ProcmanError: the master does not start without it."""
    opening: list[str] = []
    started = False

    def report(text: str) -> None:
        (on_problem if started else opening.append)(text)

    sink = LogFile(
        disks,
        path,
        maxbytes,
        backups,
        report,
        meanwhile="procman goes on, its log is counted as lost until this is mended",
    )
    sink.sync(even_if_busy=True)
    if opening:
        sink.close()
        reason = opening[0].split(": ", 1)[1].split(";", 1)[0]
        raise ProcmanError(
            f"cannot open the log {path}: {reason}; set logfile= to a file in a directory that exists and may be "
            "written, or to /dev/null"
        )
    started = True
    return sink
