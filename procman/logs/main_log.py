"""The master's own log: supervisor's levels and lines, because people grep for them.

One text is one line, whatever is in it. Writing a line neither raises nor blocks; the sinks see to that.
"""

import time
from collections.abc import Callable, Iterable
from enum import IntEnum

from procman.errors import ProcmanError
from procman.logs.disk_worker import Disks
from procman.logs.log_file import LogFile
from procman.logs.sinks import Sink


class Level(IntEnum):
    """How much a line matters, with supervisor's numbers; the names are what stands in the line."""

    CRIT = 50
    ERRO = 40
    WARN = 30
    INFO = 20
    DEBG = 10
    TRAC = 5
    BLAT = 3


# As loglevel= has them.
LEVELS = {
    "critical": Level.CRIT,
    "error": Level.ERRO,
    "warn": Level.WARN,
    "info": Level.INFO,
    "debug": Level.DEBG,
    "trace": Level.TRAC,
    "blather": Level.BLAT,
}

# Control characters would break the line, or play with the terminal of whoever reads it.
_ESCAPES = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))}
_ESCAPES |= {ord("\n"): "\\n", ord("\r"): "\\r", ord("\t"): "\t"}


class MainLog:
    """Writes lines like "2026-11-23 09:00:00,123 INFO spawned: 'web' with pid 14" to its outputs.

    `level` and `outputs` may be changed at any time.
    """

    def __init__(
        self, level: Level = Level.INFO, outputs: Iterable[Sink] = (), clock: Callable[[], float] = time.time
    ) -> None:
        self.level = level
        self.outputs: list[Sink] = list(outputs)
        self._clock = clock

    @property
    def path(self) -> str | None:
        """The first output that can be read back."""
        return next((sink.path for sink in self.outputs if sink.path is not None), None)

    def critical(self, text: str) -> None:
        """Say what needs somebody at once."""
        self.log(Level.CRIT, text)

    def error(self, text: str) -> None:
        """Say what went wrong."""
        self.log(Level.ERRO, text)

    def warn(self, text: str) -> None:
        """Say what is not an error yet."""
        self.log(Level.WARN, text)

    def info(self, text: str) -> None:
        """Say what happens."""
        self.log(Level.INFO, text)

    def debug(self, text: str) -> None:
        """Say what helps to find a mistake in a configuration."""
        self.log(Level.DEBG, text)

    def trace(self, text: str) -> None:
        """Say what helps to find a mistake in procman."""
        self.log(Level.TRAC, text)

    def blather(self, text: str) -> None:
        """Say what helps nobody."""
        self.log(Level.BLAT, text)

    def log(self, level: Level, text: str) -> None:
        """Write one line, if it matters enough."""
        if level < self.level:
            return
        line = format_line(self._clock(), level, text)
        for sink in self.outputs:
            sink.write(line)

    def reopen(self) -> None:
        """Open the files anew: somebody has moved them away."""
        for sink in self.outputs:
            sink.reopen()

    def clear(self) -> None:
        """Begin new files; raises ProcmanError where the old one cannot be removed."""
        for sink in self.outputs:
            sink.clear()

    def close(self) -> None:
        """Close all outputs."""
        for sink in self.outputs:
            sink.close()
            if isinstance(sink, LogFile):
                sink.have_done()  # what it says of its end is for the others, too
        self.outputs.clear()


def format_line(now: float, level: Level, text: str) -> bytes:
    """Return one line of the log, in local time."""
    if not text.isprintable():
        text = text.translate(_ESCAPES)
    seconds = int(now)
    stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
    milliseconds = int((now - seconds) * 1000)
    # File names that are not UTF-8 come as lone surrogates.
    return f"{stamp},{milliseconds:03d} {level.name} {text}\n".encode("utf-8", "backslashreplace")


def open_log_file(disks: Disks, path: str, maxbytes: int, backups: int, on_problem: Callable[[str], None]) -> LogFile:
    """Open the file of the master's own log, or raise ProcmanError: without it one does not start."""
    opening: list[str] = []
    started = False

    def tell(text: str) -> None:
        (on_problem if started else opening.append)(text)

    sink = LogFile(
        disks,
        path,
        maxbytes,
        backups,
        tell,
        meanwhile="procman goes on, its log is counted as lost until this is mended",
    )
    sink.have_opened()
    if opening:
        sink.close()
        reason = opening[0].split(": ", 1)[1].split(";", 1)[0]
        raise ProcmanError(
            f"cannot open the log {path}: {reason}; set logfile= to a file in a directory that exists and may be "
            "written, or to /dev/null"
        )
    started = True
    return sink
