"""An HTTP server on a real socket, and a client that sees every byte."""

import asyncio
import contextlib
import os
import socket
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from procman.http.application import Gate
from procman.http.connection import Connection
from procman.http.connection_table import ConnectionTable
from procman.http.limits import Limits
from procman.http.messages import Request, Response
from procman.http.server import Server

T = TypeVar("T")

# A test that hangs fails after this many seconds.
PATIENCE = 30

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a test's coroutine; fail if anything reaches the loop's exception handler."""
    unhandled = []

    async def watched() -> T:
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: unhandled.append(context))
        async with asyncio.timeout(PATIENCE):
            return await main

    result = asyncio.run(watched())
    assert not unhandled
    return result


@dataclass
class Answer:
    status: int
    reason: str
    version: str
    headers: dict[str, str]
    body: bytes


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def head(self) -> Answer:
        text = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        line, *lines = text[:-4].split("\r\n")
        version, status, reason = line.split(" ", 2)
        headers = dict(line.lower().split(": ", 1) for line in lines)
        return Answer(int(status), reason, version, headers, b"")

    async def chunk(self) -> bytes:
        size = int(await self.reader.readline(), 16)
        data = await self.reader.readexactly(size)
        assert await self.reader.readexactly(2) == b"\r\n"
        return data

    async def answer(self, *, to_head: bool = False) -> Answer:
        answer = await self.head()
        if to_head or answer.status in (100, 204, 304):
            return answer
        if "content-length" in answer.headers:
            answer.body = await self.reader.readexactly(int(answer.headers["content-length"]))
        elif answer.headers.get("transfer-encoding") == "chunked":
            while chunk := await self.chunk():
                answer.body += chunk
        else:
            answer.body = await self.reader.read()
        return answer

    async def ask(self, data: bytes) -> Answer:
        self.send(data)
        return await self.answer()

    async def ended(self) -> bool:
        """Wait for the end of the connection; return whether nothing more arrived before it."""
        try:
            return await self.reader.read() == b""
        except ConnectionError:
            return True

    def close(self) -> None:
        self.writer.close()


class Served:
    def __init__(self, server: Server, address: str | tuple[str, int], errors: list[str]) -> None:
        self.server = server
        self.address = address
        self.errors = errors
        self._clients: list[Client] = []

    @property
    def table(self) -> ConnectionTable:
        return self.server._table

    async def client(self, **options: Any) -> Client:
        if isinstance(self.address, str):
            client = Client(*await asyncio.open_unix_connection(self.address, **options))
        else:
            client = Client(*await asyncio.open_connection(*self.address, **options))
        self._clients.append(client)
        return client

    async def get(self, target: str = "/") -> Answer:
        client = await self.client()
        answer = await client.ask(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        client.close()
        return answer

    async def connection(self) -> Connection:
        """Wait for the server's side of the only client."""
        await self.until(lambda: len(self.table._open) == 1)
        (connection,) = self.table._open
        assert isinstance(connection, Connection)
        return connection

    async def until(self, holds: Callable[[], bool]) -> None:
        """Let the loop run until this holds."""
        while not holds():  # noqa: ASYNC110  it looks at the server from outside, which has no event for that
            await asyncio.sleep(0.001)

    async def close_clients(self) -> None:
        for client in self._clients:
            client.writer.transport.abort()  # the server may have stopped reading
            with contextlib.suppress(ConnectionError):
                await client.writer.wait_closed()


async def echo(request: Request) -> Response:
    """Answer with the request's method, path and size."""
    return Response(body=f"{request.method} {request.path} {len(request.body)}".encode())


async def still_answers(served: Served) -> None:
    assert (await served.get("/ok")).body == b"GET /ok 0"


@contextlib.asynccontextmanager
async def serving(
    handler: Callable[[Request], Awaitable[Response]] = echo,
    *,
    tcp: bool = False,
    limits: Limits | None = None,
    gate: Gate | None = None,
) -> AsyncIterator[Served]:
    """Serve on a unix socket in a folder with a short name, or on a free port of 127.0.0.1."""
    errors: list[str] = []
    server = Server(handler, on_error=errors.append, limits=limits or Limits(), gate=gate)
    with tempfile.TemporaryDirectory(prefix="pm") as folder:
        sock = socket.socket(socket.AF_INET if tcp else socket.AF_UNIX)
        sock.bind(("127.0.0.1", 0) if tcp else os.path.join(folder, "s"))
        sock.listen()
        served = Served(server, sock.getsockname(), errors)
        await server.listen(sock, label="tcp" if tcp else "unix")
        try:
            yield served
        finally:
            await served.close_clients()
            await server.close(grace=5)
            assert server.connections == 0
