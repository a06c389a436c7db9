"""What runs have written: how much it was, the end of it, and the files that it is in."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from procman.logs.disk_workers import DiskWorkers
from procman.logs.log_file import LogFile
from procman.logs.output_stream import OutputStream
from procman.logs.routing import CHANNELS, Channel
from procman.runtime.output_filters import ChannelFilter


@dataclass(frozen=True, slots=True)
class LogFiles:
    """Those of one channel of a process."""

    channel: Channel
    paths: tuple[str, ...]
    due: float | None  # when the clock rotates them next, in seconds since the epoch
    problems: tuple[str, ...]  # what is wrong with them now


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

    def files(self, name: str) -> list[LogFiles]:
        """The log files of a process that are open, by channel."""
        found = []
        for channel in CHANNELS:
            stream = self._streams.get((name, channel))
            files = [sink for sink in stream.sinks if isinstance(sink, LogFile)] if stream is not None else []
            if files:
                due = min(file.kept.due for file in files)
                paths, problems = tuple(file.path for file in files), (file.problem for file in files)
                found.append(LogFiles(channel, paths, None if math.isinf(due) else due, tuple(filter(None, problems))))
        return found

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
