"""The master's own log, in supervisord's format: "2026-11-23 09:00:00,123 INFO text".

People grep for these lines, so a text stays one line, whatever is in it.
"""

import time
from collections.abc import Callable, Sequence

from procman.logs.ring import Ring
from procman.logs.sinks import Sink

# Supervisor's levels, as its configuration names them, in order of weight, and as they stand in the log.
LEVELS = {"critical": 50, "error": 40, "warn": 30, "info": 20, "debug": 10, "trace": 5, "blather": 3}


class MainLog:
    """Writes to all its sinks what is at least as weighty as `level`; `ring` keeps the last of it for followers."""

    def __init__(
        self, level: str, sinks: Sequence[Sink], ring: Ring, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._least = LEVELS[level]
        self._sinks = tuple(sinks)
        self._ring = ring
        self._clock = clock

    @property
    def path(self) -> str | None:
        """The file it can be read back from."""
        return next((sink.path for sink in self._sinks if sink.path is not None), None)

    def critical(self, text: str) -> None:
        """Somebody has to do something."""
        self._log(50, "CRIT", text)

    def error(self, text: str) -> None:
        """Something failed."""
        self._log(40, "ERRO", text)

    def warn(self, text: str) -> None:
        """Something the operator may want to look at."""
        self._log(30, "WARN", text)

    def info(self, text: str) -> None:
        """The course of things."""
        self._log(20, "INFO", text)

    def debug(self, text: str) -> None:
        """What only a developer wants to know."""
        self._log(10, "DEBG", text)

    def trace(self, text: str) -> None:
        """Every step."""
        self._log(5, "TRAC", text)

    def blather(self, text: str) -> None:
        """More than anybody wants to know."""
        self._log(3, "BLAT", text)

    def reopen(self) -> None:
        """Begin new files where the old ones were moved away."""
        for sink in self._sinks:
            sink.reopen()

    def clear(self) -> None:
        """Remove what was written so far."""
        self._ring.clear()
        for sink in self._sinks:
            sink.clear()

    def close(self) -> None:
        """Nothing more will be written."""
        self._ring.close()
        for sink in self._sinks:
            sink.end()
            sink.close()

    def _log(self, weight: int, shown: str, text: str) -> None:
        if weight < self._least:
            return
        now = self._clock()
        stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(now))
        line = f"{stamp},{int(now % 1 * 1000):03} {shown} {_one_line(text)}\n".encode("utf-8", "backslashreplace")
        self._ring.append(line)
        for sink in self._sinks:
            sink.write(line)


def _one_line(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
