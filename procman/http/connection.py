"""One client's connection: bytes to requests, responses to bytes, one request at a time.

The connection is always in exactly one `Phase`, and every callback looks at it first:

    READING    no request is complete yet                a request, or an error in it          HANDLING or CLOSING
    HANDLING   the handler's task runs                   its response                          SENDING or STREAMING
    SENDING    a body of known size is sent              its end                               READING or CLOSING
    STREAMING  an iterator's chunks are sent             its end, or the client's              READING or CLOSING
    CLOSING    everything is sent; input is discarded    end of file, or no more input         LOST
    LOST       there is no socket any more; a running handler may finish

Rules:
- An incomplete request has one deadline, from its first byte to its last. Apart from that only CLOSING has a timer: an
  idle connection costs no wake-up.
- An answer that ends the connection is followed by a lingering close: with unread bytes behind it, a close would
  be a reset, and the client might never see the answer. So it reads on while the client sends, though not for ever.
- A handler runs to its end even when its client has gone: a requested change is made, as with supervisord. It occupies
  the connection's place until then.
"""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Iterator
from enum import Enum, auto
from typing import cast

import h11

from procman.http.application import Application
from procman.http.connection_table import ConnectionTable
from procman.http.lingering import Lingering, discarded
from procman.http.messages import Peer, Request, Response, problem, size_of
from procman.http.request_reader import Incomplete, RefusedError, RequestReader
from procman.http.response_head import has_body, head_bytes, stream_head

# A body larger than this is written piece by piece, so that the transport never copies more than a piece of it.
_PIECE = 64 * 1024
# Linux, and not in the module socket; of its answer, Python takes so many bytes.
_SO_PEERGROUPS = 59
_MOST_GROUPS = 1024
# All connections read into one buffer, this much at a time; requests are small.
_received = memoryview(bytearray(8 * 1024))


class Phase(Enum):
    """What the connection is doing; the table at the head of this file says what ends each phase."""

    READING = auto()
    HANDLING = auto()
    SENDING = auto()
    STREAMING = auto()
    CLOSING = auto()
    LOST = auto()


class Connection(asyncio.BufferedProtocol):
    """The asyncio side of one client.

    All connections are read into one buffer: for each read, asyncio would otherwise allocate 256 KiB, which the kernel
    grants and gets back each time (see `system.memory`).
    """

    def __init__(self, table: ConnectionTable, application: Application, label: str) -> None:
        self._table = table
        self._application = application
        self._reader = RequestReader(table.limits, application.admit, label)
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport
        self._phase = Phase.READING
        self._eof = False  # the client will send no more
        self._resuming = False  # there is more to parse, on the next turn of the loop
        self._timer: asyncio.TimerHandle | None = None
        self._lingering: Lingering | None = None
        self._task: asyncio.Task[None] | None = None
        self._writable: asyncio.Future[None] | None = None  # while the transport's buffer is full

    # Called by the table

    def retire(self) -> None:
        """Take no further request; a request that is being answered is answered."""
        match self._phase:
            case Phase.READING | Phase.CLOSING:
                self._phase = Phase.CLOSING
                self._transport.close()
            case _:
                pass  # the response will say "Connection: close"

    def abort(self) -> None:
        """Drop the client at once, whatever it is doing."""
        self._phase = Phase.LOST
        self._stop_timer()
        if self._task is not None:
            self._task.cancel()
        self._transport.abort()

    def make_room(self) -> None:
        """Give up a body that is partly received or sent, in favour of other clients."""
        match self._phase:
            case Phase.READING:
                self._refuse(problem(503, "the server is overloaded; try again later"))
            case Phase.SENDING:
                self.abort()
            case _:
                pass  # it has ended meanwhile

    # Called by asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Accept the client, or answer 503 when there is no room for it."""
        self._transport = cast("asyncio.Transport", transport)
        sock: socket.socket = transport.get_extra_info("socket")
        self._reader.is_encrypted = transport.get_extra_info("sslcontext") is not None
        if sock.family == socket.AF_UNIX:
            self._reader.peer = _peer_of(sock)
        else:
            self._reader.address = str(transport.get_extra_info("peername", ("",))[0])
            # The kernel detects a client that vanished without notice: an idle connection has no timer.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if not self._table.add(self):
            why = "the server is shutting down" if self._table.closing else "too many connections"
            self._refuse(problem(503, f"{why}; try again later"))

    def get_buffer(self, _sizehint: int) -> memoryview:
        """Return where to put what the client has sent; `buffer_updated` follows at once."""
        return discarded if self._phase is Phase.CLOSING else _received

    def buffer_updated(self, nbytes: int) -> None:
        """Take what the client sent, and read a request if none is being answered."""
        if self._phase in (Phase.CLOSING, Phase.LOST):
            if self._lingering is not None:
                self._lingering.heard = True
            return
        self._reader.receive(_received[:nbytes])
        if self._phase is Phase.READING:
            self._advance()
        elif self._reader.buffered > self._table.limits.header_bytes:
            if self._phase is Phase.STREAMING:
                self.abort()  # reading cannot pause here: it is how the stream learns that the client has gone
            else:
                self._transport.pause_reading()  # a client may send ahead, but not without a bound

    def eof_received(self) -> bool:
        """Finish what can still be answered: a client may close its sending side and go on reading."""
        self._eof = True
        match self._phase:
            case Phase.READING:
                self._await_more()
            case Phase.STREAMING:
                assert self._task is not None
                self._task.cancel()
            case Phase.CLOSING:
                self._transport.close()
            case Phase.HANDLING | Phase.SENDING | Phase.LOST:
                pass
        # Closing is up to us; with TLS, which has no half-closed connections, asyncio does it.
        return not self._reader.is_encrypted

    def connection_lost(self, _exc: Exception | None) -> None:
        """Stop sending; a handler that has not answered yet goes on."""
        if self._phase in (Phase.SENDING, Phase.STREAMING) and self._task is not None:
            self._task.cancel()
        self._phase = Phase.LOST
        self._stop_timer()
        if self._task is None:
            self._table.remove(self)

    def pause_writing(self) -> None:
        """Remember that the client reads more slowly than we write."""
        self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        """Go on writing."""
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None

    # Reading

    def _advance(self) -> None:
        """Read as far as the bytes go: to a whole request, to an error, or to where more must come."""
        self._resuming = False
        if self._phase is not Phase.READING:
            return
        try:
            found = self._reader.read()
        except RefusedError as refused:
            if refused.response.delay:
                self._refuse_later(refused.response)
            else:
                self._refuse(refused.response)
            return
        if isinstance(found, Request):
            self._table.hold(self, 0)
            self._stop_timer()
            self._table.mark_busy(self)
            self._phase = Phase.HANDLING
            self._task = self._loop.create_task(self._serve(found))
            return
        self._table.hold(self, self._reader.body_size)
        if found is Incomplete.NEEDS_TURN:
            self._resuming = True
            self._loop.call_soon(self._advance)
            if not self._eof:
                self._transport.pause_reading()
        elif self._reader.http is not None:
            if self._reader.http.they_are_waiting_for_100_continue and not self._reader.body_size:
                go_on = h11.InformationalResponse(status_code=100, headers=[], reason=b"Continue")
                self._transport.write(self._reader.http.send(go_on))
            if not self._eof:
                self._transport.resume_reading()
        self._await_more()

    def _await_more(self) -> None:
        """See to the deadline of an incomplete request; where nothing of one has come, the connection is idle."""
        if self._reader.is_idle:
            if self._eof:
                self._phase = Phase.CLOSING
                self._transport.close()
            else:
                self._table.mark_idle(self)
        elif self._eof and not self._resuming:
            self._refuse(problem(400, "the request is incomplete"))
        elif self._timer is None:
            self._table.mark_partial(self)
            self._timer = self._loop.call_later(self._table.limits.request_timeout, self._timed_out)

    def _timed_out(self) -> None:
        seconds = self._table.limits.request_timeout
        self._refuse(problem(408, f"the request was not complete after {seconds:g} seconds"))

    # Answering

    async def _serve(self, request: Request) -> None:
        """Have one request handled and send the answer: the whole life of the connection's task."""
        is_whole = False
        try:
            response = await self._application.answer(request)
            try:
                if self._phase is not Phase.LOST:
                    await self._send(request, response)
                    is_whole = self._phase is not Phase.STREAMING
            except Exception as bug:  # noqa: BLE001  the stream is the handler's: it may raise anything
                # The head is out, so only a missing last chunk and a close can show that this is not the end.
                self._application.report(request, bug)
            finally:
                await self._close_body(request, response)
        finally:
            self._finish(is_whole=is_whole)

    async def _send(self, request: Request, response: Response) -> None:
        body, head_only = response.body, request.method == "HEAD" or not has_body(response.status)
        last = self._table.closing or not self._reader.keep_alive
        try:
            if isinstance(body, bytes | tuple) or not has_body(response.status):
                head = head_bytes(response, last=last)
            else:
                assert self._reader.http is not None
                head = self._reader.http.send(stream_head(response, last=last))
        except Exception as invalid:  # noqa: BLE001  an invalid header, whatever is raised for it
            self._application.report(request, invalid)
            self._refuse(problem(500))
            return
        if head_only:
            self._phase = Phase.SENDING
            self._transport.write(head)
        elif isinstance(body, bytes) and len(body) <= _PIECE:
            self._phase = Phase.SENDING
            self._transport.write(head + body)
            if self._writable is not None:
                await self._drain()
        elif isinstance(body, bytes | tuple):
            self._phase = Phase.SENDING
            await self._send_large(head, body)
        else:
            await self._stream(head, body)

    async def _stream(self, head: bytes, body: AsyncIterator[bytes]) -> None:
        http = self._reader.http
        assert http is not None
        self._phase = Phase.STREAMING
        self._transport.write(head)
        if self._eof:
            return  # see Response: nothing would tell us when this client goes
        async for chunk in body:
            self._transport.write(http.send(h11.Data(data=chunk)))
            await self._drain()
        self._transport.write(http.send(h11.EndOfMessage()))
        self._phase = Phase.SENDING
        await self._drain()

    async def _send_large(self, head: bytes, body: bytes | tuple[bytes, ...]) -> None:
        self._transport.write(head)
        size = size_of(body)
        for piece in body if isinstance(body, tuple) else _pieces(body):
            self._table.hold(self, size)
            self._transport.write(piece)
            await self._drain()
        self._table.hold(self, 0)

    async def _drain(self) -> None:
        """Wait until the client has read enough; always give others a turn: it may read as fast as we write."""
        if self._writable is None:
            await asyncio.sleep(0)
        else:
            await self._writable

    async def _close_body(self, request: Request, response: Response) -> None:
        close = getattr(response.body, "aclose", None)
        if close is not None:
            try:
                await close()
            except Exception as bug:  # noqa: BLE001  the iterator is the handler's
                self._application.report(request, bug)

    def _finish(self, *, is_whole: bool) -> None:
        """Go on after an answer: to the next request, or to the end."""
        self._task = None
        if self._phase is Phase.LOST:
            self._table.remove(self)
        elif self._phase is Phase.CLOSING:
            pass
        elif not is_whole or not self._reader.keep_alive or self._table.closing:
            self._close()
        else:
            self._reader.next_exchange()
            self._phase = Phase.READING
            if not self._eof:
                self._transport.resume_reading()
            self._advance()

    def _refuse(self, response: Response) -> None:
        """Answer a request that is incomplete, invalid or cannot be answered properly; then close."""
        assert isinstance(response.body, bytes)
        head = head_bytes(response, last=True)
        self._transport.write(head if self._reader.is_head_only else head + response.body)
        self._close()

    def _refuse_later(self, response: Response) -> None:
        """Hear nothing more of this client, and let it wait for its answer; it holds a place like an idle one."""
        self._phase = Phase.CLOSING
        self._reader.discard()
        self._table.hold(self, 0)
        self._stop_timer()
        self._table.mark_idle(self)
        self._timer = self._loop.call_later(response.delay, self._refuse, response)

    def _close(self) -> None:
        """Send no more, and read on for a while so that no reset cuts off the answer."""
        self._phase = Phase.CLOSING
        self._reader.discard()
        self._table.hold(self, 0)
        self._stop_timer()
        self._table.mark_idle(self)  # it may take its time, but not another client's place
        if self._eof or self._table.closing or self._transport.is_closing() or self._reader.is_encrypted:
            # With TLS, which has no half-closed connections, asyncio itself reads on until the client has seen the end.
            self._transport.close()
            return
        self._transport.resume_reading()
        self._transport.write_eof()
        self._lingering = Lingering(self._loop, self._table.limits, self._transport.close)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._lingering is not None:
            self._lingering.timer.cancel()


def _pieces(body: bytes) -> Iterator[bytes]:
    view = memoryview(body)
    return (bytes(view[start : start + _PIECE]) for start in range(0, len(body), _PIECE))


def _peer_of(sock: socket.socket) -> Peer:
    """The client, while it is surely there: its name is for the records that say who asked for something."""
    pid, uid, gid = struct.unpack("i2I", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
            command = "".join(letter if letter.isprintable() else "?" for letter in file.read(64).rstrip("\n"))
    except OSError:
        command = ""  # it has gone, or is of another namespace
    return Peer(pid, uid, gid, command, _groups_of(sock))


def _groups_of(sock: socket.socket) -> tuple[int, ...]:
    """The further groups of the client; none where the kernel does not say, or there are more than fit (256)."""
    try:
        data = sock.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, _MOST_GROUPS)
    except OSError:
        return ()
    return struct.unpack(f"{len(data) // 4}I", data)
