"""Copies of what processes write, for clients that want all of it from now on."""

from collections.abc import Callable, Iterable, Mapping

from procman.config.schema.programs import Program
from procman.logs.output_stream import OutputStream
from procman.logs.routing import CHANNELS, Channel
from procman.logs.tap import Tap


class ClientTaps:
    """The taps that clients have put on the streams of processes."""

    def __init__(
        self,
        streams: Mapping[tuple[str, str], OutputStream],
        definition: Callable[[str], Program | None],
        stream: Callable[[str, Program, Channel], OutputStream],
    ) -> None:
        """`stream` gives the stream of a program that may not have run yet; the rest is as in the output router."""
        self._streams = streams
        self._definition = definition
        self._stream = stream

    def open(self, name: str, wake: Callable[[], None]) -> dict[Channel, Tap]:
        """Let a client have all that a process writes from now on, also in runs to come; `close` ends that.

        An event listener's stdout is no output, and with redirect_stderr there is no stderr.
        """
        program, taps = self._definition(name), dict[Channel, Tap]()
        if program is None:
            return taps
        for channel in CHANNELS:
            if channel == "stderr" and program.redirect_stderr:
                continue
            taps[channel] = Tap(wake)
            self._stream(name, program, channel).tap(taps[channel])
        return taps

    def drain(self, name: str, channels: Iterable[Channel]) -> None:
        """Read what a process that has ended wrote before, as far as the taps have room."""
        for channel in channels:
            stream = self._streams.get((name, channel))
            if stream is not None:
                stream.drain()

    def close(self, name: str, taps: Mapping[Channel, Tap]) -> None:
        """The client has gone, or has all of it."""
        for channel, tap in taps.items():
            stream = self._streams.get((name, channel))
            if stream is not None:
                stream.untap(tap)
