"""All connections of a server: how many there are, and which of them make room when a limit is reached."""

import asyncio
from itertools import islice
from typing import Protocol

from procman.http.limits import Limits


class OpenConnection(Protocol):
    """What the table does to a connection."""

    def retire(self) -> None:
        """Take no further request; a request that is being answered is answered."""

    def abort(self) -> None:
        """Drop the client at once, whatever it is doing."""

    def make_room(self) -> None:
        """Give up a body that is partly received or sent."""


class ConnectionTable:
    """Connections enter it when they are made, and report what they are doing."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.closing = False
        self._open: set[OpenConnection] = set()
        self._idle: dict[OpenConnection, None] = {}  # those that may be closed to make room, longest idle first
        self._partial: dict[OpenConnection, None] = {}  # closed after those: incomplete requests, oldest first
        self._held: dict[OpenConnection, int] = {}  # large bodies in transit, in bytes; the latest progress last
        self._holding = 0  # their sum
        self._empty: asyncio.Event | None = None  # while `emptied` waits for the last connection

    def __len__(self) -> int:
        """Return how many there are; one whose client has gone counts until its handler has ended."""
        return len(self._open)

    def add(self, connection: OpenConnection) -> bool:
        """Enter a new connection; False when there is no room for it even without the idle ones.

        A connection that is turned away counts, too, but is the first to go when the next one comes.
        """
        while len(self._open) >= self.limits.connections and (waiting := self._idle or self._partial):
            longest = next(iter(waiting))
            self.remove(longest)
            longest.abort()
        room = len(self._open) < self.limits.connections and not self.closing
        self._open.add(connection)
        if room:
            self._idle[connection] = None
        return room

    def remove(self, connection: OpenConnection) -> None:
        """Take out a connection that has ended."""
        self._open.discard(connection)
        self._release(connection)
        self._idle.pop(connection, None)
        self._partial.pop(connection, None)
        if self._empty is not None and not self._open:
            self._empty.set()

    def mark_idle(self, connection: OpenConnection) -> None:
        """Note that this connection may be closed when room is needed."""
        if connection in self._open:
            self._idle[connection] = None

    def mark_partial(self, connection: OpenConnection) -> None:
        """Note that part of a request has arrived: the oldest such connection makes room where none is idle."""
        self._idle.pop(connection, None)
        if connection in self._open:
            self._partial[connection] = None

    def mark_busy(self, connection: OpenConnection) -> None:
        """Note that a request of this connection is being answered."""
        self._idle.pop(connection, None)
        self._partial.pop(connection, None)

    def hold(self, connection: OpenConnection, size: int) -> None:
        """Note that this connection's body, of which `size` bytes are held, has made progress; 0: it is complete.

        When there is not room for all, the body without progress for the longest time is given up.
        """
        self._release(connection)
        if size <= self.limits.light:
            return
        self._held[connection] = size
        self._holding += size
        while self._holding > self.limits.held and len(self._held) > 1:
            stalled = next(iter(self._held))
            self._release(stalled)
            stalled.make_room()

    def close_half_of_the_idle(self) -> None:
        """Close half of the idle connections, the longest idle first: there are no descriptors left."""
        for longest_idle in list(islice(self._idle, (len(self._idle) + 1) // 2)):
            self.remove(longest_idle)
            longest_idle.abort()

    async def close(self, grace: float) -> bool:
        """End all connections: answers in progress have `grace` seconds, and then as long again to clean up.

        Returns:
            False when handlers ignore their cancellation.
        """
        for connection in list(self._open):
            connection.retire()
        if await self._emptied(grace):
            return True
        for connection in list(self._open):
            connection.abort()
        return await self._emptied(grace)

    def _release(self, connection: OpenConnection) -> None:
        self._holding -= self._held.pop(connection, 0)

    async def _emptied(self, seconds: float) -> bool:
        """Wait until there is no connection left; False when that takes too long."""
        if not self._open:
            return True
        self._empty = asyncio.Event()
        try:
            async with asyncio.timeout(seconds):
                await self._empty.wait()
        except TimeoutError:
            return False
        return True
