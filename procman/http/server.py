"""The server: listening sockets, and the connections that they bring.

It owns the sockets that it is given, but no path: whoever binds a unix socket also removes it. It looks up no name,
starts no thread and needs no timer.
"""

import asyncio
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from procman.http.application import Application, Gate, Handler
from procman.http.connection import Connection
from procman.http.connection_table import ConnectionTable
from procman.http.limits import Limits
from procman.http.tls import Handshake

if TYPE_CHECKING:
    from ssl import SSLContext

# How many clients the kernel queues, and how many are accepted on one turn of the loop: for a moment, a few times as
# many descriptors are open beyond `Limits.connections`.
BACKLOG = 128
ACCEPTED_AT_ONCE = 16

_DEFAULT_LIMITS = Limits()


class Server:
    """Answers HTTP on any number of listening sockets.

    HTTP/1.1 connections are kept alive, with requests sent ahead answered in order; an HTTP/1.0 connection ends with
    its first answer, as h11 has it.

    Args:
        handler: is awaited with each whole request, one at a time per connection. Its exceptions are answered with a
            bare 500; `on_error` gets the details.
        on_error: takes one line of text: the request, the class and text of the exception, and its place.
        limits: what the clients may use.
        gate: is called as soon as a request's head is complete, before its body is read, so that a client without
            permission cannot make the server hold a body either. It returns a refusal (whose body is bytes), or the
            client's rights, which the handler finds in `Request.rights`.
    """

    def __init__(
        self,
        handler: Handler,
        *,
        on_error: Callable[[str], None],
        limits: Limits = _DEFAULT_LIMITS,
        gate: Gate | None = None,
    ) -> None:
        self._application = Application(handler, gate, on_error)
        self._table = ConnectionTable(limits)
        self._on_error = on_error
        self._listeners: list[asyncio.Server] = []

    @property
    def connections(self) -> int:
        """How many there are; one whose client has gone counts until its handler has ended."""
        return len(self._table)

    @property
    def requests(self) -> int:
        """How many heads of requests have been understood."""
        return self._application.requests

    @property
    def closing(self) -> bool:
        """Whether `close` has been called."""
        return self._table.closing

    async def listen(
        self, sock: socket.socket, label: str = "", context: "Callable[[], SSLContext] | None" = None
    ) -> None:
        """Answer on a bound and listening stream socket, which the server owns from now on.

        Args:
            sock: a unix or TCP socket.
            label: becomes `Request.server` of the requests that arrive there.
            context: clients have to speak TLS, with what this returns for each of them.
        """
        loop = asyncio.get_running_loop()
        sock.setblocking(False)
        # For a unix socket too: create_unix_server would remove the path on closing, from Python 3.13 on.
        listener = await loop.create_server(self._factory(label, context), sock=sock, backlog=ACCEPTED_AT_ONCE)
        self._listeners.append(listener)
        # asyncio has one number for both.
        sock.listen(BACKLOG)

    def _factory(self, label: str, context: "Callable[[], SSLContext] | None") -> Callable[[], asyncio.BaseProtocol]:
        def connection() -> Connection:
            return Connection(self._table, self._application, label)

        if context is None:
            return connection
        return lambda: Handshake(self._table, connection, context)

    async def listen_instead(self, sock: socket.socket, label: str = "") -> None:
        """Replace the sockets listened on, which clients can no longer find; connections go on."""
        before, self._listeners = self._listeners, []
        await self.listen(sock, label)
        for listener in before:
            listener.close()

    def make_room(self) -> None:
        """Close half of the idle connections, the longest idle first: there are no descriptors left."""
        self._table.close_half_of_the_idle()

    async def close(self, grace: float = 1.0) -> None:
        """Stop listening, and end every connection.

        Idle connections and incomplete requests end at once; answers in progress, streams too, have `grace` seconds.
        Then they are cancelled, and have as long again to clean up.
        """
        self._table.closing = True
        loop = asyncio.get_running_loop()
        for listener in self._listeners:
            for sock in listener.sockets:
                loop.remove_reader(sock.fileno())
        # When its listener is closed, asyncio forgets a connection that it has accepted and not yet passed to us, and
        # does not close it: passing it takes one turn of the loop, and making the connection another.
        for _ in range(2):
            await asyncio.sleep(0)
        for listener in self._listeners:
            listener.close()
        if not await self._table.close(grace):
            self._on_error(f"cannot end {self.connections} requests: their handlers ignore cancellation")
