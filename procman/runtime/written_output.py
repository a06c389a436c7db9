"""What runs have written: how much it was, and the end of it."""

from collections.abc import Callable, Mapping
from functools import partial

from procman.logs.disk_workers import DiskWorkers
from procman.logs.output_stream import OutputStream
from procman.logs.routing import CHANNELS, Channel
from procman.runtime.output_filters import ChannelFilter


class WrittenOutput:
    """The output of all processes, by namespec. What an event listener says to the master is no output."""

    def __init__(
        self,
        streams: Mapping[tuple[str, str], OutputStream],
        filters: Mapping[tuple[str, str], ChannelFilter],
        disks: DiskWorkers,
    ) -> None:
        """`streams` and `filters` are those of the output router, by namespec and channel; `disks` read files."""
        self._streams = streams
        self._filters = filters
        self._disks = disks

    def lost(self, name: str) -> int:
        """The number of bytes of a process that could not be written."""
        count = 0
        for channel in CHANNELS:
            stream = self._streams.get((name, channel))
            if stream is not None:
                count += stream.lost
        return count

    def counted(self, name: str) -> tuple[dict[str, int], int]:
        """The number of bytes of a process that were read, by channel, and of those that could not be written.

        A channel without a stream is left out; the protocol of an event listener counts.
        """
        read: dict[str, int] = {}
        lost = 0
        for channel in CHANNELS:
            stream = self._streams.get((name, channel))
            if stream is not None:
                read[channel] = stream.bytes_in
                lost += stream.lost
        return read, lost

    def last_words(self, name: str, pid: int) -> tuple[str, str]:
        """The last line that a run wrote, and the channel: stderr, or else stdout; "" if there is none.

        It does not wait for a disk that does not respond.
        """
        for channel in reversed(CHANNELS):
            stream = self._output(name, channel)
            if stream is not None:
                line = stream.last_line(pid, self._disks)
                if line:
                    return line, channel
        return "", ""

    def last_lines(self, name: str, pid: int, count: int) -> dict[str, list[str]]:
        """So many of the last lines that a run wrote, by channel; as `last_words`, but of each channel that has any."""
        found = {}
        for channel in CHANNELS:
            stream = self._output(name, channel)
            if stream is not None:
                found[channel] = stream.last_lines(pid, self._disks, count)
        return {channel: lines for channel, lines in found.items() if lines}

    def last_output(
        self, name: str, pid: int, length: int, then: Callable[[Channel, bytes | None, int], None]
    ) -> list[Channel]:
        """Call `then` for each channel with the last bytes that a run has written; returns the channels.

        See `OutputStream.last_output`.
        """
        found: list[Channel] = []
        for channel in CHANNELS:
            stream = self._output(name, channel)
            if stream is not None:
                found.append(channel)
                stream.last_output(pid, length, self._disks, partial(then, channel))
        return found

    def _output(self, name: str, channel: Channel) -> OutputStream | None:
        stream = self._streams.get((name, channel))
        return None if stream is None or self._filters[name, channel].is_protocol else stream
