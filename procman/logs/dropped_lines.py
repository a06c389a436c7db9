"""When to report what was dropped of console streams: not more often than every ten seconds."""

import asyncio
from collections.abc import Callable
from typing import Protocol

# Between two reports, in seconds: if the console's reader is merely slow, something is always dropped.
REPORT_INTERVAL = 10.0


class Dropping(Protocol):
    """A stream of which something was dropped."""

    def report_dropped(self) -> None:
        """Report how many lines were dropped since the last report."""


class DroppedLines:
    """Of all streams of one console."""

    def __init__(self, clock: Callable[[], float], is_ready: Callable[[], bool]) -> None:
        """`is_ready`: whether the console takes lines again."""
        self.bytes = 0  # dropped, ever
        self._clock = clock
        self._is_ready = is_ready
        self._streams: dict[Dropping, None] = {}
        self._not_before = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def add(self, stream: Dropping, count: int) -> None:
        """So many bytes of a stream were dropped; to be reported when the console takes lines again."""
        self.bytes += count
        self._streams[stream] = None

    def report(self) -> None:
        """Report now."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        streams, self._streams = self._streams, {}
        for stream in streams:
            stream.report_dropped()

    def report_soon(self, loop: asyncio.AbstractEventLoop | None) -> None:
        """Report now, or when enough time has passed since the last report."""
        if not self._streams or self._timer is not None:
            return
        left = self._not_before - self._clock()
        if left > 0 and loop is not None:
            self._timer = loop.call_later(left, self._on_timer, loop)
        else:
            self._not_before = self._clock() + REPORT_INTERVAL
            self.report()

    def _on_timer(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        # While nothing reads the console, more is added, to be reported together.
        if self._is_ready():
            self.report_soon(loop)
