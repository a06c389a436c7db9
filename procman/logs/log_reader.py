"""Reads, follows and clears the logs of processes and the master's own: from their files, or from memory."""

import os
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import TypeVar

from procman.errors import BadRequest, NoLog, OperationFailed
from procman.logs.disk_call import DiskTimeout
from procman.logs.disk_workers import DiskWorkers
from procman.logs.log_file import LogFile
from procman.logs.log_watch import LogWatch
from procman.logs.main_log import MainLog
from procman.logs.output_stream import OutputStream
from procman.logs.reading import read_log, read_ring, tail_log, tail_ring
from procman.logs.ring import Ring
from procman.logs.routing import CHANNELS
from procman.logs.sink import Sink

T = TypeVar("T")


class LogReader:
    """Logs are named by the namespec of a process and a channel.

    Every method that reads a file may raise OperationFailed, also because the file's disk does not answer.
    """

    def __init__(
        self,
        disks: DiskWorkers,
        log: MainLog,
        streams: Mapping[tuple[str, str], OutputStream],
        path_to_be: Callable[[str, str], str | None],
        open_stream: Callable[[str, str], OutputStream | None],
    ) -> None:
        """What it reads from.

        Args:
            disks: the threads that read files.
            log: the master's own.
            streams: of the processes that have run.
            path_to_be: the file of a process that has not run yet.
            open_stream: the stream of a process that has not run yet; None if there is no such process.
        """
        self._disks = disks
        self._log = log
        self._streams = streams
        self._path_to_be = path_to_be
        self._open_stream = open_stream

    def path(self, name: str, channel: str) -> str | None:
        """The file of a log, if there is one."""
        stream = self._streams.get((name, channel))
        return stream.path if stream is not None else self._path_to_be(name, channel)

    async def read(self, name: str, channel: str, offset: int, length: int) -> bytes:
        """Part of a log, with supervisor's meaning of offsets; raises BadRequest, NoLog."""
        ring = self._memory(name, channel)
        return await self._read(self.path(name, channel), ring, offset, length)

    async def tail(self, name: str, channel: str, offset: int, length: int) -> tuple[bytes, int, bool]:
        """The end of a log, where to go on, and whether there was more; nothing if there is no log."""
        ring = self._memory(name, channel)
        if ring is not None:
            return tail_ring(ring, offset, length)
        path = self.path(name, channel)
        return await self._call(path, partial(tail_log, path, offset, length)) if path is not None else (b"", 0, False)

    async def follow(self, name: str, channel: str, tail: int) -> AsyncIterator[bytes]:
        """The last `tail` bytes, and then everything that is written, without end; raises NoLog."""
        stream = await self._stream(name, channel)
        if stream is None:
            raise NoLog(f"{name} has written nothing to {channel} yet")
        return self._follow(stream.ring, stream.sinks, tail)

    async def clear(self, name: str) -> None:
        """Empty both logs of a process; raises OperationFailed."""
        for channel in CHANNELS:
            stream = self._streams.get((name, channel))
            if stream is not None:
                for sink in stream.sinks:
                    await sink.clear()
                stream.ring.clear()
            else:
                path = self._path_to_be(name, channel)
                if path is not None:
                    await self._call(path, partial(_truncate, path))

    async def rotate(self, name: str) -> None:
        """Rotate the files of a process now; raises NoLog if it has none, and OperationFailed."""
        for file in self._files(name):
            await _do("rotate", file, file.kept.rotate)

    async def reopen(self, name: str) -> None:
        """Open the files of a process again, after they were moved away.

        Raises NoLog if it has none, and OperationFailed of the first that cannot be opened, when all were tried.
        """
        failures: list[OperationFailed] = []
        for file in self._files(name):
            try:
                await _do("reopen", file, file.kept.reopen)
            except OperationFailed as failure:
                failures.append(failure)
        if failures:
            raise failures[0]

    def has_files(self, name: str) -> bool:
        """Whether a log file of it is open."""
        return any(self._open_files(name))

    def _files(self, name: str) -> list[LogFile]:
        if not self.has_files(name):
            raise NoLog(f"{name} has no log file that is open")
        return list(self._open_files(name))

    def _open_files(self, name: str) -> Iterator[LogFile]:
        for channel in CHANNELS:
            stream = self._streams.get((name, channel))
            if stream is not None:
                yield from (sink for sink in stream.sinks if isinstance(sink, LogFile))

    async def read_main(self, offset: int, length: int) -> bytes:
        """Part of the master's own log; of its end in memory, if it goes into no file. Raises as `read`."""
        path = self._log.path
        return await self._read(path, self._log.ring if path is None else None, offset, length)

    def follow_main(self, tail: int) -> AsyncIterator[bytes]:
        """As `follow`, of the master's own log."""
        return self._follow(self._log.ring, self._log.outputs, tail)

    async def clear_main(self) -> None:
        """Empty the master's own log; raises NoLog if it is no file, and OperationFailed."""
        if self._log.path is None:
            raise NoLog("the master's log is not a file")
        self._log.info("reopening log file")
        await self._log.clear()

    def _memory(self, name: str, channel: str) -> Ring | None:
        stream = self._streams.get((name, channel))
        return stream.memory if stream is not None else None

    async def _read(self, path: str | None, ring: Ring | None, offset: int, length: int) -> bytes:
        if ring is not None:
            return read_ring(ring, offset, length)
        if path is None:
            raise NoLog("there is no log file")
        return await self._call(path, partial(read_log, path, offset, length))

    async def _call(self, path: str, call: Callable[[], T]) -> T:
        try:
            return await self._disks.for_path(path).call_async(call)
        except DiskTimeout:
            raise OperationFailed(f"cannot reach {path}: its disk does not answer") from None

    async def watch(self, name: str, channel: str) -> LogWatch | None:
        """What shows the log from now on; None if it has written nothing yet, or writes to nowhere."""
        stream = await self._stream(name, channel)
        return None if stream is None else LogWatch(stream.ring, stream.sinks, stream.marks)

    async def _stream(self, name: str, channel: str) -> OutputStream | None:
        stream = self._streams.get((name, channel))
        if stream is not None:
            return stream
        path = self._path_to_be(name, channel)
        exists = path is not None and await self._call(path, partial(os.path.exists, path))
        return self._open_stream(name, channel) if exists else None  # it goes on when the process starts

    async def _follow(self, ring: Ring, sinks: Iterable[Sink], tail: int) -> AsyncIterator[bytes]:
        watch = LogWatch(ring, sinks)
        try:
            past = await watch.begin(partial(ring.tail, tail), lambda file: _file_tail(file.path, tail))
            if past:
                yield past
            while True:
                data, missed = await watch.more()
                if missed:
                    yield f"\n[procman: {missed} bytes were not read in time and are left out here]\n".encode()
                if not data and not missed:
                    return
                yield data
        finally:
            watch.close()


def _file_tail(path: str, length: int) -> bytes | None:
    try:
        return read_log(path, -length, 0)
    except (BadRequest, NoLog, OperationFailed):
        return None


def _truncate(path: str) -> None:
    """Empty the log of a process that has not run yet, if there is one."""
    if os.path.isfile(path):
        try:
            os.truncate(path, 0)
        except OSError as error:
            raise OperationFailed(f"cannot empty {path}: {error.strerror}") from None


async def _do(what: str, file: LogFile, call: Callable[[], object]) -> None:
    """Do it on the thread of its disk, after all that was given before; raises OperationFailed."""
    try:
        await file.call_async(call)
    except DiskTimeout:
        raise OperationFailed(f"cannot {what} log {file.path}: its disk does not answer; try it when it does") from None
    except OperationFailed:
        file.sync()
        raise
    file.sync()  # what it has to report is delivered
