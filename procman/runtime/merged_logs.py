"""Several logs as one: first what they have, in the order in which it was written, then what comes."""

import asyncio
import heapq
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING

from procman.logs.log_reader import LogReader

if TYPE_CHECKING:
    from procman.logs.log_watch import LogWatch

# How many pieces wait for a client that does not read; the rest waits in the ring of each log, as far as that goes.
_WAITING = 16


@dataclass(frozen=True, slots=True)
class LogPiece:
    """A piece of one log: whole lines, but for the end of the past, and for what comes."""

    name: str  # namespec
    channel: str
    data: bytes
    time: float | None = None  # until when it was written, to within a second; None: now
    missed: int = 0  # bytes before it that were not read in time


class MergedLogs:
    """For one client, which closes it."""

    def __init__(self, reader: LogReader, logs: Sequence[tuple[str, str]]) -> None:
        """`logs` are named by namespec and channel; one that has nothing to show is left out."""
        self._reader = reader
        self._names = logs
        self._watches: dict[tuple[str, str], LogWatch] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def pieces(self, *, lines: int, since: float | None, follow: bool) -> AsyncGenerator[LogPiece]:
        """The last lines of each, or what was written since then; and with `follow` what comes, to the end of all.

        An empty piece of each comes first: so its reader knows all names.
        """
        try:
            past: list[list[LogPiece]] = []
            for name, channel in self._names:
                watch = await self._reader.watch(name, channel)
                if watch is None:
                    continue
                self._watches[name, channel] = watch
                parts = await watch.past(lines, since)
                past.append([LogPiece(name, channel, data, moment) for moment, data in parts])
            for name, channel in self._watches:
                yield LogPiece(name, channel, b"")
            for piece in heapq.merge(*past, key=attrgetter("time")):
                yield piece
            if follow:
                queue: asyncio.Queue[LogPiece | None] = asyncio.Queue(_WAITING)
                self._tasks = [asyncio.create_task(self._copy(*key, queue)) for key in self._watches]
                left = len(self._tasks)
                while left:
                    coming = await queue.get()
                    if coming is None:
                        left -= 1
                    else:
                        yield coming
        finally:
            self.close()

    def close(self) -> None:
        """Look no more."""
        for task in self._tasks:
            task.cancel()
        for watch in self._watches.values():
            watch.close()
        self._tasks, self._watches = [], {}

    async def _copy(self, name: str, channel: str, queue: "asyncio.Queue[LogPiece | None]") -> None:
        watch = self._watches[name, channel]
        while True:
            data, missed = await watch.more()
            if not data and not missed:
                await queue.put(None)
                return
            await queue.put(LogPiece(name, channel, data, missed=missed))
