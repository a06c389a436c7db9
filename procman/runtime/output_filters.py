"""Chooses the filters of program output: for the listener protocol, messages, events and debug texts."""

from collections.abc import Callable
from functools import partial
from typing import Protocol

from procman.config.schema.programs import Program
from procman.logs.filters import StreamFilter
from procman.logs.line_tap import LineTap
from procman.logs.main_log import Level, MainLog
from procman.logs.output_stream import OutputStream
from procman.logs.routing import Channel


class OutputObserver(Protocol):
    """Gets what programs write: the hub of events."""

    def listens(self, program: Program) -> bool:
        """Whether it is an event listener, whose stdout is the protocol."""

    def heard(self, name: str, data: bytes) -> None:
        """A listener wrote this to stdout."""

    def logged(self, program: Program, pid: int, channel: Channel, data: bytes) -> None:
        """A program with `*_events_enabled` wrote this."""

    def captured(self, program: Program, pid: int, channel: Channel, data: bytes) -> None:
        """A program wrote this message in capture mode."""


class OutputFilters:
    """Makes the filters of all streams of one master."""

    def __init__(self, log: MainLog, *, strip_ansi: bool, on_progress: Callable[[], None]) -> None:
        """`on_progress` is called when a stream may have become idle."""
        self.log = log
        self.strip_ansi = strip_ansi
        self.on_progress = on_progress
        self.observer: OutputObserver | None = None
        # The lines that are waited for in the output of a run, by its process's name and pid, and who is told of them.
        self.wanted_lines: Callable[[str, int], list[tuple[int, str]]] = lambda _name, _pid: []
        self.on_line: Callable[[str, int, int], object] = lambda _name, _pid, _number: None

    def observe(self, observer: OutputObserver) -> None:
        """From now on pass the output of programs to this observer."""
        self.observer = observer

    @property
    def debugs(self) -> bool:
        """Whether the master's log contains all program output."""
        return self.log.level <= Level.DEBG

    def is_protocol(self, program: Program, channel: Channel) -> bool:
        """Whether it is the output of an event listener."""
        return channel == "stdout" and self.observer is not None and self.observer.listens(program)


class ChannelFilter:
    """Makes the filters of one stream; `program` is its present definition."""

    def __init__(self, shared: OutputFilters, program: Program, channel: Channel) -> None:
        self.program = program
        self._shared = shared
        self._channel = channel

    @property
    def is_protocol(self) -> bool:
        """Whether it is the output of an event listener."""
        return self._shared.is_protocol(self.program, self._channel)

    def make(self, stream: OutputStream, pid: int) -> StreamFilter | None:
        """The filter for the run with that pid; None if the output is only stored."""
        program, shared = self.program, self._shared
        is_stdout = self._channel == "stdout"
        capture_maxbytes = program.stdout_capture_maxbytes if is_stdout else program.stderr_capture_maxbytes
        is_watched = self._events_enabled or shared.debugs
        taps = self._taps(pid)
        if not (self.is_protocol or is_watched or capture_maxbytes or shared.strip_ansi or taps):
            return None
        if self.is_protocol:
            return StreamFilter(strip_ansi=shared.strip_ansi, on_raw=partial(self._on_protocol, stream, pid))
        return StreamFilter(
            strip_ansi=shared.strip_ansi,
            capture_maxbytes=capture_maxbytes,
            on_raw=partial(self._on_raw, taps),
            on_text=partial(self._on_text, pid),
            on_message=partial(self._on_message, pid),
            on_lost=stream.lose,
        )

    def _taps(self, pid: int) -> list[LineTap]:
        shared, name = self._shared, self.program.namespec
        return [LineTap(text, partial(shared.on_line, name, pid, number)) for number, text in self._wanted(pid)]

    def _wanted(self, pid: int) -> list[tuple[int, str]]:
        # Most programs wait for no line.
        return self._shared.wanted_lines(self.program.namespec, pid) if self.program.ready else []

    def _on_raw(self, taps: list[LineTap], data: bytes) -> None:
        for tap in taps:
            tap.feed(data)
        self._shared.on_progress()

    @property
    def _events_enabled(self) -> bool:
        program = self.program
        return program.stdout_events_enabled if self._channel == "stdout" else program.stderr_events_enabled

    def _on_protocol(self, stream: OutputStream, pid: int, data: bytes) -> None:
        if self._shared.debugs:
            self._debug(f"output:\n{data!r}")
        # Output of a descendant of an earlier run is not part of the protocol.
        if self._shared.observer is not None and (stream.present is None or stream.present[1] == pid):
            self._shared.observer.heard(stream.options.namespec, data)
        self._shared.on_progress()

    def _on_text(self, pid: int, data: bytes) -> None:
        if self._shared.debugs:
            self._debug(f"output:\n{_text(data)}")
        if self._shared.observer is not None and self._events_enabled:
            self._shared.observer.logged(self.program, pid, self._channel, data)

    def _on_message(self, pid: int, data: bytes) -> None:
        if self._shared.observer is not None:
            self._shared.observer.captured(self.program, pid, self._channel, data)
        self._debug("emitted a comm event")

    def _debug(self, what: str) -> None:
        text = f"{self.program.name!r} {self._channel} {what}"
        self._shared.log.debug(text)


def _text(data: bytes) -> str:
    """The text in the format of supervisord's log."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return f"Undecodable: {data!r}"
