"""The logs and the stdin of processes, and the master's own log, as all front ends read, follow and clear them."""

from collections.abc import AsyncIterator, Callable, Iterable

from procman.config.schema.programs import Program
from procman.logs.protocol import Log
from procman.runtime.merged_logs import MergedLogs
from procman.runtime.output_router import OutputRouter

__all__ = ["LogService", "MergedLogs"]


class LogService:
    """Processes are named by their namespecs, as they are in the fleet; a channel is "stdout" or "stderr".

    Every method is called on the loop's thread. What cannot be done is an OperationError.
    """

    def __init__(self, outputs: OutputRouter, definition: Callable[[str], Program | None] = lambda _: None) -> None:
        """`outputs` has all of them; `definition` gives that of a process."""
        self._outputs = outputs
        self._definition = definition
        self._reader = outputs.reader

    @property
    def main(self) -> Log:
        """The master's own log, to write to."""
        return self._outputs.log

    def paths(self, name: str) -> tuple[str, str]:
        """The files of stdout and stderr, "" if there is none."""
        return self._outputs.log_paths(name)

    async def read(self, name: str, channel: str, offset: int, length: int) -> bytes:
        """Part of a log, with supervisor's meaning of offsets."""
        return await self._reader.read(name, channel, offset, length)

    async def tail(self, name: str, channel: str, offset: int, length: int) -> tuple[bytes, int, bool]:
        """The end of a log, where to go on, and whether there was more; nothing if there is no log."""
        return await self._reader.tail(name, channel, offset, length)

    async def follow(self, name: str, channel: str, tail: int) -> AsyncIterator[bytes]:
        """The last `tail` bytes, and then everything that is written."""
        return await self._reader.follow(name, channel, tail)

    async def clear(self, name: str) -> None:
        """Empty both logs of a process."""
        await self._reader.clear(name)

    async def rotate(self, name: str) -> None:
        """Rotate its log files now."""
        await self._reader.rotate(name)

    def has_files(self, name: str) -> bool:
        """Whether a log file of it is open."""
        return self._reader.has_files(name)

    async def reopen_one(self, name: str) -> None:
        """Open its log files again, after they were moved away."""
        await self._reader.reopen(name)

    def merged(self, names: Iterable[str], channels: Iterable[str]) -> MergedLogs:
        """These logs as one; the caller closes it. What a listener says to the master is no log."""
        channels = tuple(channels)
        logs = [(name, channel) for name in names for channel in channels if self._is_log(name, channel)]
        return MergedLogs(self._reader, logs)

    def _is_log(self, name: str, channel: str) -> bool:
        program = self._definition(name)
        if program is None or (channel == "stderr" and program.redirect_stderr):
            return False
        return not self._outputs.filters.is_protocol(program, "stderr" if channel == "stderr" else "stdout")

    async def read_main(self, offset: int, length: int) -> bytes:
        """As `read`, of the master's own log."""
        return await self._reader.read_main(offset, length)

    def follow_main(self, tail: int) -> AsyncIterator[bytes]:
        """As `follow`, of the master's own log."""
        return self._reader.follow_main(tail)

    async def clear_main(self) -> None:
        """Empty the master's own log."""
        await self._reader.clear_main()

    def reopen(self) -> None:
        """Open all log files again, after they were moved away."""
        self._outputs.reopen()

    async def flush(self) -> None:
        """Wait until everything that has come is in its files."""
        await self._outputs.disks.flush()

    def write_stdin(self, name: str, data: bytes) -> None:
        """Give it to a process as its input."""
        self._outputs.stdin.write(name, data)
