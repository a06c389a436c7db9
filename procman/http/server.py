"""The server: listening sockets, the connections they bring, and the handler that answers their requests.

It owns the sockets it is given, but no path: who bound a unix socket also removes it. Nothing here looks up a name,
starts a thread or wakes up by itself. Connections, and h11, are imported for the first client.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING

from procman.http.messages import Limits, Peer, Request, Response, Role, problem

if TYPE_CHECKING:
    from procman.http.connection import Connection

__all__ = ["Gate", "Handler", "Limits", "Peer", "Request", "Response", "Role", "Server", "problem"]

# How many clients the kernel holds until they are let in, and how many are let in on one turn of the loop: a few times
# as many descriptors are open beyond `Limits.connections` for a moment.
AT_DOOR = 128
AT_ONCE = 16

Handler = Callable[[Request], Awaitable[Response]]
Gate = Callable[[Request], Response | Role]

_DEFAULT_LIMITS = Limits()


@cache
def connection_class() -> "type[Connection]":
    """Return what meets a client. The first call imports it, which takes 10 ms: programs are started before."""
    from procman.http.connection import Connection  # noqa: PLC0415

    return Connection


class Server:
    """Answers HTTP on any number of listening sockets.

    HTTP/1.1 connections are kept alive, with requests sent ahead answered in order; an HTTP/1.0 connection ends with
    its first answer, as h11 has it.

    Args:
        handler: is awaited with each whole request, one at a time per connection. What it raises is answered with a
            bare 500; the rest of the truth goes to `on_error`.
        on_error: takes one line of text: the request, the class and text of the exception, and its place.
        limits: what one client may use.
        gate: is asked as soon as a request's head is here, before its body is read, so that who may not ask cannot
            make the server hold a body either. It answers with a refusal (whose body is bytes), or with what the asker
            may do, which the handler finds in `Request.role`.
    """

    def __init__(
        self,
        handler: Handler,
        *,
        on_error: Callable[[str], None],
        limits: Limits = _DEFAULT_LIMITS,
        gate: Gate | None = None,
    ) -> None:
        self.limits = limits
        self.requests = 0  # heads of requests understood, ever
        self.closing = False
        self._handler = handler
        self._gate = gate
        self._on_error = on_error
        self._listeners: list[asyncio.Server] = []
        self._open: set[Connection] = set()
        self._idle: dict[Connection, None] = {}  # those that may be closed to make room, longest idle first
        self._halves: dict[Connection, None] = {}  # after those, who has sent half a request, longest ago first
        self._held: dict[Connection, int] = {}  # large bodies on their way, in bytes; whose made progress last is last
        self._holding = 0  # their sum
        self._empty: asyncio.Event | None = None  # there while `close` waits for the last connection

    @property
    def connections(self) -> int:
        """How many there are now; one whose client has gone counts until its handler has ended."""
        return len(self._open)

    async def listen(self, sock: socket.socket, label: str = "") -> None:
        """Answer on a bound and listening stream socket, which is the server's from now on.

        Args:
            sock: a unix or TCP socket.
            label: what `Request.server` says for requests that come this way.
        """
        loop = asyncio.get_running_loop()
        sock.setblocking(False)
        # For a unix socket too: create_unix_server would remove the path on closing, from Python 3.13 on.
        self._listeners.append(
            await loop.create_server(lambda: connection_class()(self, label), sock=sock, backlog=AT_ONCE)
        )
        # asyncio has one number for both.
        sock.listen(AT_DOOR)

    async def listen_instead(self, sock: socket.socket, label: str = "") -> None:
        """The same on another socket than before, which nobody finds any more; connections go on."""
        before, self._listeners = self._listeners, []
        await self.listen(sock, label)
        for listener in before:
            listener.close()

    async def close(self, grace: float = 1.0) -> None:
        """Stop listening, and end every connection.

        Idle and half-sent ones end at once; answers under way, streams too, have `grace` seconds. Then they are
        cancelled, and once more have as long to clean up.
        """
        self.closing = True
        loop = asyncio.get_running_loop()
        for listener in self._listeners:
            for sock in listener.sockets:
                loop.remove_reader(sock.fileno())
        # asyncio forgets, without closing it, a connection that it has accepted and not yet handed to us when its
        # listener is closed: that takes a turn of the loop, and to meet the client another one.
        for _ in range(2):
            await asyncio.sleep(0)
        for listener in self._listeners:
            listener.close()
        for connection in list(self._open):
            connection.retire()
        if not await self._emptied(grace):
            for connection in list(self._open):
                connection.abort()
            if not await self._emptied(grace):
                self._on_error(f"cannot end {self.connections} requests: their handlers ignore cancellation")

    # What the connections ask

    def admit(self, connection: "Connection") -> bool:
        """Enter a new connection in the books; False when there is no room for it even without the idle ones.

        The one that is turned away counts, too, but is the first to go when the next one comes.
        """
        while len(self._open) >= self.limits.connections and (waiting := self._idle or self._halves):
            longest = next(iter(waiting))
            self.forget(longest)
            longest.abort()
        room = len(self._open) < self.limits.connections and not self.closing
        self._open.add(connection)
        if room:
            self._idle[connection] = None
        return room

    def make_room(self) -> None:
        """Let go of half of those who only sit there, the longest idle first: there are no descriptors left."""
        for longest_idle in list(islice(self._idle, (len(self._idle) + 1) // 2)):
            self.forget(longest_idle)
            longest_idle.abort()

    def half(self, connection: "Connection") -> None:
        """Note that half a request has come: where nobody is idle, whoever has been at it for longest makes room."""
        self._idle.pop(connection, None)
        if connection in self._open:
            self._halves[connection] = None

    def idle(self, connection: "Connection") -> None:
        """Note that this connection may be closed when room is needed."""
        if connection in self._open:
            self._idle[connection] = None

    def in_use(self, connection: "Connection") -> None:
        """Note that this connection has a request under way."""
        self._idle.pop(connection, None)
        self._halves.pop(connection, None)

    def hold(self, connection: "Connection", size: int) -> None:
        """Note that this connection's body, of which so many bytes are kept, has made progress; 0: it is through.

        Where there is not room for all, the one that has stood still for the longest time goes.
        """
        self._let_go(connection)
        if size <= self.limits.light:
            return
        self._held[connection] = size
        self._holding += size
        while self._holding > self.limits.held and len(self._held) > 1:
            stalled = next(iter(self._held))
            self._let_go(stalled)
            stalled.make_room()

    def _let_go(self, connection: "Connection") -> None:
        self._holding -= self._held.pop(connection, 0)

    def forget(self, connection: "Connection") -> None:
        """Strike a connection that has ended off the books."""
        self._open.discard(connection)
        self._let_go(connection)
        self._idle.pop(connection, None)
        self._halves.pop(connection, None)
        if self._empty is not None and not self._open:
            self._empty.set()

    def ask_gate(self, request: Request) -> Response | Role:
        """Ask whether this request's body should be read at all, and for whom."""
        if self._gate is None:
            return request.role
        try:
            return self._gate(request)
        except Exception as bug:  # noqa: BLE001  a gate that fails stays shut, and the server goes on
            self.report(request, bug)
            return problem(500)

    async def ask_handler(self, request: Request) -> Response:
        """Have a request answered; whatever the handler does, there is an answer."""
        try:
            return await self._handler(request)
        except asyncio.CancelledError as cancelled:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            self.report(request, cancelled)  # something the handler waited for was cancelled, not the handler
        except Exception as bug:  # noqa: BLE001  one broken endpoint must not end the others
            self.report(request, bug)
        return problem(500)

    def report(self, request: Request, bug: BaseException) -> None:
        """Tell `on_error` what went wrong and where, in one line."""
        place = ""
        frame = bug.__traceback__
        while frame is not None:
            place = f" ({frame.tb_frame.f_code.co_filename}:{frame.tb_lineno})"
            frame = frame.tb_next
        what = " ".join(f"{type(bug).__name__}: {bug}".split())
        self._on_error(f"cannot answer {request.method} {request.raw_path}: {what}{place}")

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
