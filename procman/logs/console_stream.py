"""One stream on the console: a sink that passes on whole lines, so that two programs never share one."""

from collections.abc import Callable
from enum import Enum

from procman.logs.console import Console
from procman.logs.formats import Format
from procman.logs.lines import LineSplitter


class Overflow(Enum):
    """What becomes of a stream when the console's reader does not keep up."""

    BLOCK = "block"  # it waits: its program's pipe fills
    DROP = "drop"  # what does not fit is lost; how much is reported when the console takes lines again
    LOG = "log"  # the same, but only when the reserve is full too: for the master's own log


class ConsoleStream:
    """One stream of one program.

    `lost` counts lines as they would have been written, that is with the marks of over-long ones.
    """

    path = None

    def __init__(
        self,
        console: Console,
        name: str,
        *,
        overflow: Overflow = Overflow.BLOCK,
        on_problem: Callable[[str], None] = lambda _text: None,
        max_line: int = 65536,
        write_as: Format | None = None,
    ) -> None:
        """`name` is for reports of what was dropped; `write_as` turns its lines into what is written."""
        self.overflow = overflow
        self.lost = 0
        self._console = console
        self._name = name
        self._on_problem = on_problem
        self._lines = LineSplitter(max_line)
        self._write_as = write_as
        self._dropped_lines = 0

    @property
    def problem(self) -> str | None:
        """What is wrong with the console."""
        return self._console.problem

    @property
    def ready(self) -> bool:
        """Whether the stream may go on; one that drops always may."""
        return self.overflow is not Overflow.BLOCK or self._console.ready

    def write(self, data: bytes) -> bool:
        """Pass on the lines that are whole now."""
        self._send(self._lines.feed_block(data))
        return self.ready

    def on_ready(self, callback: Callable[[], None]) -> None:
        """Call back once when there is room."""
        if self.ready:
            callback()
        else:
            self._console.on_room(callback)

    def end(self) -> None:
        """Write an unfinished line with a newline added."""
        rest = self._lines.flush()
        if rest:
            self._send(rest + b"\n")

    def reopen(self) -> None:
        """The console stays what it is."""

    async def clear(self) -> None:
        """What was shown stays shown."""

    def close(self) -> None:
        """Write an unfinished line; the console itself stays."""
        self.end()

    @property
    def snapshot(self) -> tuple[bytes, bool]:
        """What is held back of a line, and whether a piece of that line was written already."""
        return self._lines.snapshot

    def restore(self, rest: bytes, *, inside: bool) -> None:
        """Go on from there."""
        self._lines.restore(rest, inside=inside)

    def report_dropped(self) -> None:
        """Report how many lines were dropped since the last report."""
        lines, self._dropped_lines = self._dropped_lines, 0
        if lines:
            many = "lines" if lines > 1 else "line"
            verb = "were" if lines > 1 else "was"
            self._on_problem(f"{lines} {many} of {self._name} {verb} not written: nobody read the console")

    def report_lost(self, count: int, reason: str) -> None:
        """Report that so many bytes will never be written."""
        self._on_problem(f"{count} bytes of {self._name} were not written: {reason}")

    def _send(self, lines: bytes) -> None:
        if not lines:
            return
        if self._write_as is not None:
            lines = self._write_as(lines)
        drops = self.overflow is not Overflow.BLOCK
        if drops and not self._console.has_room(for_reserve=self.overflow is Overflow.LOG):
            self.lost += len(lines)
            self._dropped_lines += lines.count(b"\n")
            self._console.dropped.add(self, len(lines))
        else:
            self._console.send(self, lines)
