"""TLS in front of a connection: the handshake.

The handshake is made here and not by `create_server`, so that a client in the middle of it has a place in the table of
connections like any other: it is the first that has to go when there is no room.
"""

import asyncio
from collections.abc import Callable
from ssl import SSLContext
from typing import cast

from procman.http.connection import Connection
from procman.http.connection_table import ConnectionTable

# Seconds.
HANDSHAKE = 10.0
SHUTDOWN = 2.0
# What a client may send between its handshake and its turn, in bytes: the transport pauses far before.
_PIECE = 4096


class Handshake(asyncio.Protocol):
    """A client that is not encrypted yet. When it is, its connection takes over."""

    def __init__(
        self, table: ConnectionTable, make: Callable[[], Connection], context: Callable[[], SSLContext]
    ) -> None:
        self._table = table
        self._make = make
        self._context = context
        self._transport: asyncio.Transport
        self._task: asyncio.Task[None] | None = None

    # Called by the table

    def retire(self) -> None:
        """It has asked for nothing yet."""
        self.abort()

    def abort(self) -> None:
        """Drop it."""
        if self._task is not None:
            self._task.cancel()
        self._transport.abort()

    def make_room(self) -> None:
        """It holds no body."""

    # Called by asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the handshake, if there is room for one more client."""
        self._transport = cast("asyncio.Transport", transport)
        if not self._table.add(self):
            self._table.remove(self)
            self._transport.abort()
            return
        self._task = asyncio.get_running_loop().create_task(self._shake())

    async def _shake(self) -> None:
        early = _Early()
        try:
            transport = await asyncio.get_running_loop().start_tls(
                self._transport,
                early,
                self._context(),
                server_side=True,
                ssl_handshake_timeout=HANDSHAKE,
                ssl_shutdown_timeout=SHUTDOWN,
            )
        except (OSError, asyncio.CancelledError):  # a scanner, or a client that does not trust this server
            self._transport.abort()
            return
        finally:
            self._table.remove(self)
        if transport is None:
            return  # the client has gone meanwhile
        connection = self._make()
        connection.connection_made(transport)
        transport.set_protocol(connection)
        early.pass_on(connection)


class _Early(asyncio.Protocol):
    """Keeps what a client sends right behind its handshake, until its connection is there."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._eof = False
        self._lost: list[Exception | None] = []

    def data_received(self, data: bytes) -> None:
        self._data += data

    def eof_received(self) -> bool:
        self._eof = True
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost.append(exc)

    def pass_on(self, connection: Connection) -> None:
        """What has happened until now happens to the connection."""
        for start in range(0, len(self._data), _PIECE):
            piece = self._data[start : start + _PIECE]
            connection.get_buffer(len(piece))[: len(piece)] = piece
            connection.buffer_updated(len(piece))
        if self._eof:
            connection.eof_received()
        for exc in self._lost:
            connection.connection_lost(exc)
