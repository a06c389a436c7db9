"""What runs have written: how much it was, the end of it, and the files that it is in."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from procman.logs.disk_workers import DiskWorkers
from procman.logs.lines import last_line, last_lines
from procman.logs.log_file import LogFile
from procman.logs.output_stream import OutputStream
from procman.logs.routing import CHANNELS, Channel
from procman.runtime.output_filters import ChannelFilter

# How much of the end of the output is searched for the last line of a run, in bytes.
LAST_LINE_WITHIN = 4096
# The same for several lines, and how many characters of each are kept.
LAST_LINES_WITHIN = 16384
LONGEST_LINE = 1000

# What runs have written last, by channel; None where a disk has not read it.
Ends = dict[Channel, bytes | None]


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

    def last_words(self, name: str, pid: int, later: Callable[[str, str], None] | None = None) -> tuple[str, str]:
        """The last line that a run wrote, and the channel: stderr, or else stdout; "" if there is none.

        It does not wait for a slow disk: `later` gets the answer on the loop, once that has read it.
        """
        is_slow, found = False, ("", "")
        for channel, stream in reversed(self._outputs(name).items()):
            data = stream.end_of_run(pid, LAST_LINE_WITHIN, self._disks)
            is_slow |= data is None
            if data and (line := last_line(data)):
                found = line, channel
                break
        if is_slow and later is not None:
            self._once_read(name, pid, LAST_LINE_WITHIN, lambda ends: later(*_last_words(ends)))
        return found

    def last_lines(
        self, name: str, pid: int, count: int, later: Callable[[dict[str, list[str]]], None] | None = None
    ) -> dict[str, list[str]]:
        """So many of the last lines that a run wrote, by channel; as `last_words`, but of each channel that has any."""
        streams = self._outputs(name).items()
        ends = {channel: stream.end_of_run(pid, LAST_LINES_WITHIN, self._disks) for channel, stream in streams}
        if later is not None and None in ends.values():
            self._once_read(name, pid, LAST_LINES_WITHIN, lambda read: later(_last_lines(read, count)))
        return _last_lines(ends, count)

    def last_output(
        self, name: str, pid: int, length: int, then: Callable[[Channel, bytes | None, int], None]
    ) -> list[Channel]:
        """Call `then` for each channel with the last bytes that a run has written; returns the channels.

        See `OutputStream.last_output`.
        """
        streams = self._outputs(name)
        for channel, stream in streams.items():
            stream.last_output(pid, length, self._disks, partial(then, channel))
        return list(streams)

    def _once_read(self, name: str, pid: int, length: int, then: Callable[[Ends], None]) -> None:
        """Call `then` with the ends of all channels; not if no disk has any for us."""
        streams = self._outputs(name)
        ends: Ends = {}

        def take(channel: Channel, data: bytes | None, _: int) -> None:
            ends[channel] = data
            if len(ends) == len(streams) and any(ends.values()):
                then({one: ends[one] for one in streams})

        self.last_output(name, pid, length, take)

    def _outputs(self, name: str) -> dict[Channel, OutputStream]:
        """Those that are no protocol."""
        found: dict[Channel, OutputStream] = {}
        for channel in CHANNELS:
            stream = self._streams.get((name, channel))
            if stream is not None and not self._filters[name, channel].is_protocol:
                found[channel] = stream
        return found


def _last_words(ends: Ends) -> tuple[str, str]:
    lines = ((last_line(data or b""), channel) for channel, data in reversed(ends.items()))
    return next((one for one in lines if one[0]), ("", ""))


def _last_lines(ends: Ends, count: int) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {
        channel: last_lines(data or b"", count, LONGEST_LINE) for channel, data in ends.items()
    }
    return {channel: lines for channel, lines in found.items() if lines}
