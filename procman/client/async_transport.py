"""The way to a master for asyncio: h11 knows the protocol, this moves its bytes."""

from __future__ import annotations

import asyncio
import errno
from contextlib import suppress
from typing import TYPE_CHECKING

import h11

from procman.client.api_client import headers_of, where
from procman.client.refusals import REFUSED, refusal
from procman.client.wire import Unreachable, reason_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from procman.client.address import Settings
    from procman.client.transport import Pieces

_BLOCK = 65536
_HANDSHAKE = 30.0  # seconds, for TLS


class AsyncTransport:
    """Connections that several tasks may use at the same time: each request has one of its own until its answer."""

    def __init__(self, settings: Settings) -> None:
        assert settings.url is not None
        self._family, self._target, host, self.place = where(settings.url)
        self._tls = settings.tls
        self._headers = list(headers_of(host, settings.username, settings.password, settings.token).items())
        self._idle: list[_Connection] = []

    async def exchange(self, method: str, path: str, data: bytes | None, patience: float, /) -> bytes:
        """The body of an answer."""
        while self._idle:
            kept = self._idle.pop()
            try:
                return await self._ask(kept, method, path, data, patience)
            except Unreachable as error:
                # The master had closed it meanwhile; a GET can be repeated.
                if method != "GET" or error.errno == errno.EAGAIN or kept.heard:
                    raise
        return await self._ask(await self._connect(), method, path, data, patience)

    async def stream(self, method: str, path: str, data: bytes | None, /) -> Pieces:
        """An answer as it arrives."""
        connection = await self._connect()
        try:
            answer = await connection.request(method, path, self._headers, data)
            if answer.status_code >= REFUSED:
                self._refuse(answer, await connection.rest())
        except BaseException:
            await connection.close()
            raise
        return connection

    async def close(self) -> None:
        """Close the kept connections."""
        while self._idle:
            await self._idle.pop().close()

    async def _ask(self, connection: _Connection, method: str, path: str, data: bytes | None, patience: float) -> bytes:
        try:
            async with asyncio.timeout(patience or None):
                answer = await connection.request(method, path, self._headers, data)
                content = await connection.rest()
        except TimeoutError:
            await connection.close()
            raise _silent(self.place) from None
        except BaseException:
            # Also when the task is cancelled, so that the rest of this answer is not read as the next one.
            await connection.close()
            raise
        if connection.is_reusable():
            self._idle.append(connection)
        else:
            await connection.close()
        self._refuse(answer, content)
        return content

    def _refuse(self, answer: h11.Response, content: bytes) -> None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in answer.headers}
        error = refusal(self.place, answer.status_code, headers, content)
        if error is not None:
            raise error

    async def _connect(self) -> _Connection:
        try:
            if self._family == "unix":
                streams = await asyncio.open_unix_connection(self._target)
            elif self._family == "tcp":
                streams = await asyncio.open_connection(*self._target)
            else:
                return _Connection(*await self._encrypted(), self.place)
        except (OSError, ValueError) as error:
            raise Unreachable(self.place, reason_of(error), getattr(error, "errno", None)) from None
        return _Connection(*streams, self.place)

    async def _encrypted(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        from procman.client.tls import context_of, words_of  # noqa: PLC0415 - ssl takes 20 ms, for https only

        context = context_of(self._tls)
        try:
            return await asyncio.open_connection(*self._target, ssl=context, ssl_handshake_timeout=_HANDSHAKE)
        except OSError as error:
            if error.errno is not None and not hasattr(error, "reason"):
                raise  # there was no connection at all
            raise Unreachable(self.place, words_of(error, self._tls), errno.EPROTO) from None


class _Connection:
    """One connection, and what h11 knows of it. As `Pieces`, it is the answer to its last request."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, place: str) -> None:
        self._reader = reader
        self._writer = writer
        self._place = place
        self._state = h11.Connection(h11.CLIENT)
        self.heard = False  # whether anything was received since the last request

    async def request(self, method: str, path: str, headers: list[tuple[str, str]], data: bytes | None) -> h11.Response:
        """Send it, and return the head of the answer."""
        self.heard = False
        length = [] if data is None and method == "GET" else [("Content-Length", str(len(data or b"")))]
        sent = self._state.send(h11.Request(method=method, target=path, headers=[*headers, *length])) or b""
        sent += self._state.send(h11.Data(data)) or b"" if data else b""
        sent += self._state.send(h11.EndOfMessage()) or b""
        self._writer.write(sent)
        # It may refuse the request before reading all of it; its answer may still be readable.
        with suppress(OSError):
            await self._writer.drain()
        while True:
            event = await self._next()
            if isinstance(event, h11.Response):
                return event
            if not isinstance(event, h11.InformationalResponse):  # 100 Continue and its like precede the real answer
                raise Unreachable(self._place, "the connection was lost", errno.ECONNRESET)

    async def rest(self) -> bytes:
        """The whole body."""
        return b"".join([piece async for piece in self._pieces()])

    async def _pieces(self) -> AsyncIterator[bytes]:
        while piece := await self.more(0):
            yield piece

    async def more(self, patience: float, /) -> bytes:
        """The next bytes of the body, b"" at its end."""
        try:
            async with asyncio.timeout(patience or None):
                event = await self._next()
        except TimeoutError:
            raise _silent(self._place) from None
        return bytes(event.data) if isinstance(event, h11.Data) else b""

    def is_reusable(self) -> bool:
        """Whether it can be asked again; if so, it is ready for that."""
        if self._state.our_state is not h11.DONE or self._state.their_state is not h11.DONE or self._reader.at_eof():
            return False
        self._state.start_next_cycle()
        return True

    async def close(self) -> None:
        """End it."""
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()

    async def _next(self) -> h11.Event:
        try:
            while True:
                event = self._state.next_event()
                if event is h11.NEED_DATA:
                    data = await self._reader.read(_BLOCK)
                    self.heard = self.heard or bool(data)
                    self._state.receive_data(data)
                elif event is h11.PAUSED or isinstance(event, h11.ConnectionClosed):
                    raise Unreachable(self._place, "the connection was lost", errno.ECONNRESET)
                else:
                    return event  # type: ignore[return-value] # h11's markers are handled above
        except h11.RemoteProtocolError as error:
            if not self.heard or "incomplete" in str(error) or "closed" in str(error):
                raise Unreachable(self._place, "the connection was lost", errno.ECONNRESET) from None
            raise Unreachable(self._place, "what answers there is not procman (it does not speak HTTP)") from None
        except OSError as error:
            raise Unreachable(self._place, f"the connection was lost: {reason_of(error)}", error.errno) from None


def _silent(place: str) -> Unreachable:
    return Unreachable(place, "it does not answer (it was stopped, or is too busy)", errno.EAGAIN)
