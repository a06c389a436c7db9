"""One client's connection: bytes to requests, responses to bytes, one request at a time.

The connection is always in exactly one `Phase`, and every callback looks at it first:

    READING    nothing, or part of a request, is here    a request, or what is wrong with it   HANDLING or CLOSING
    HANDLING   the handler's task runs                   its response                          SENDING or STREAMING
    SENDING    a body of known size goes out             its end                               READING or CLOSING
    STREAMING  an iterator's chunks go out               its end, or the client's              READING or CLOSING
    CLOSING    all is said; what still comes is dropped  end of file, or the linger time       LOST
    LOST       there is no socket any more; a handler that still runs may end in peace

Rules:
- A half-sent request has one deadline, from its first byte to its last. Nothing else has a timer, but for CLOSING: an
  idle connection costs no wake-up.
- h11 gets one request and then is thrown away, so that what a client sends ahead stays in `_inbox`, where its size
  is bounded, and passes through the same gate as the first request did.
- An answer that ends the connection is followed by a lingering close: with unread bytes behind it, a close would
  be a reset, and the client might never see the answer.
- A handler runs to its end even when its client has gone: what was asked for is done, as with supervisord. The slot of
  the connection is taken for as long.
"""

import asyncio
import re
import socket
import struct
import time
from dataclasses import replace
from enum import Enum, auto
from typing import TYPE_CHECKING, cast

import h11

from procman.http.messages import Peer, Request, Response, problem, reason

if TYPE_CHECKING:
    from procman.http.server import Server

# The same end of the head that h11 looks for, so that both cut in the same place.
_HEAD_END = re.compile(rb"\n\r?\n")
_HAS_HOST = re.compile(rb"\nhost:", re.IGNORECASE)
_NOT_ASCII = re.compile(rb"[\x80-\xff]")
_SPACE, _DELETE = 0x20, 0x7F
# A proxy that gathers an answer before it passes it on would gather a stream for ever (nginx reads the second).
_STREAMED = (("Cache-Control", "no-store"), ("X-Accel-Buffering", "no"))

# A body larger than this is written piece by piece, so that the transport never copies more than a piece of it.
_PIECE = 64 * 1024
# As much is read at a time, for all connections in one place; requests are small.
_received = memoryview(bytearray(8 * 1024))
# A body in one-byte chunks costs some microseconds for each: after so many, others get their turn.
_CHUNKS_AT_ONCE = 500

# How much of a malformed request is told to who sent it.
_QUOTED = 200

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_NO_BODY = (204, 304)


class Phase(Enum):
    """What the connection is doing; the table at the head of this file says what each one waits for."""

    READING = auto()
    HANDLING = auto()
    SENDING = auto()
    STREAMING = auto()
    CLOSING = auto()
    LOST = auto()


class _RefusedError(Exception):
    """The request cannot be taken: answer this, then close."""

    def __init__(self, response: Response) -> None:
        self.response = response


class Connection(asyncio.BufferedProtocol):
    """The asyncio side of one client. `server` lends it handler, limits and the list it is kept in.

    What the client sends is read into one place for all connections: for each read asyncio would else make a buffer of
    256 KiB, which is asked of the kernel and given back each time (see `system.memory`).
    """

    def __init__(self, server: "Server", label: str) -> None:
        self._server = server
        self._label = label
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport
        self._peer: Peer | None = None
        self._phase = Phase.READING
        self._inbox = bytearray()  # what h11 has not been given
        self._searched = 0  # how much of the inbox holds no end of head
        self._http: h11.Connection | None = None  # there while a request is read or answered
        self._head: Request | None = None  # the request without its body, once its head was read
        self._body = bytearray()
        self._eof = False  # the client will send no more
        self._resuming = False  # h11 holds more to parse, and will be asked on the next turn of the loop
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._writable: asyncio.Future[None] | None = None  # there while the transport's buffer is full

    # What the server tells it

    def retire(self) -> None:
        """Take no further request; a request that is being answered is answered."""
        match self._phase:
            case Phase.READING | Phase.CLOSING:
                self._phase = Phase.CLOSING
                self._transport.close()
            case _:
                pass  # the response will say "Connection: close"

    def abort(self) -> None:
        """Let go of the client at once, whatever it is doing."""
        self._phase = Phase.LOST
        self._stop_timer()
        if self._task is not None:
            self._task.cancel()
        self._transport.abort()

    def make_room(self) -> None:
        """Give up a body that is half received or half sent, and would have others wait."""
        match self._phase:
            case Phase.READING:
                self._refuse(problem(503, "too much is on its way here; try again later"))
            case Phase.SENDING:
                self.abort()
            case _:
                pass  # it has ended meanwhile

    # What asyncio tells it

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Meet the client, or answer 503 when there is no room for it."""
        self._transport = cast("asyncio.Transport", transport)
        sock: socket.socket = transport.get_extra_info("socket")
        if sock.family == socket.AF_UNIX:
            self._peer = Peer(*struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)))
        else:
            # A client that vanished without a word is found out by the kernel: an idle connection has no timer.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if not self._server.admit(self):
            why = "this server is closing" if self._server.closing else "too many connections"
            self._refuse(problem(503, f"{why}; try again later"))

    def get_buffer(self, _sizehint: int) -> memoryview:
        """Say where to put what the client has sent; `buffer_updated` follows at once."""
        return _received

    def buffer_updated(self, nbytes: int) -> None:
        """Take what the client sent, as far as it is its turn."""
        data = _received[:nbytes]
        match self._phase:
            case Phase.READING:
                self._inbox += data
                self._advance()
            case Phase.HANDLING | Phase.SENDING:
                self._inbox += data
                if len(self._inbox) > self._server.limits.header_bytes:
                    self._transport.pause_reading()  # it may send ahead, but not for ever
            case Phase.STREAMING:
                self._inbox += data
                if len(self._inbox) > self._server.limits.header_bytes:
                    self.abort()  # reading cannot pause here: it is how the stream learns that the client has gone
            case Phase.CLOSING | Phase.LOST:
                pass

    def eof_received(self) -> bool:
        """Answer what is left to answer: a client may close its sending side and still be reading."""
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
        return True  # leave closing to us

    def connection_lost(self, _exc: Exception | None) -> None:
        """Stop sending; a handler that has not answered yet goes on."""
        if self._phase in (Phase.SENDING, Phase.STREAMING) and self._task is not None:
            self._task.cancel()
        self._phase = Phase.LOST
        self._stop_timer()
        if self._task is None:
            self._server.forget(self)

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
            request = self._read()
        except _RefusedError as refused:
            self._refuse(refused.response)
        except h11.RemoteProtocolError as malformed:
            # Its text quotes the client's own bytes as a repr: safe to send back as plain text.
            self._refuse(problem(malformed.error_status_hint, str(malformed)[:_QUOTED]))
        else:
            if request is None:
                self._await_more()
            else:
                self._stop_timer()
                self._server.in_use(self)
                self._phase = Phase.HANDLING
                self._task = self._loop.create_task(self._serve(request))

    def _await_more(self) -> None:
        """See to the deadline of a half-sent request; with nothing of it here, the connection is idle."""
        if self._head is None and not self._inbox:
            if self._eof:
                self._phase = Phase.CLOSING
                self._transport.close()
            else:
                self._server.idle(self)
        elif self._eof and not self._resuming:
            self._refuse(problem(400, "the request ends before its end"))
        elif self._timer is None:
            self._server.half(self)
            self._timer = self._loop.call_later(self._server.limits.request_timeout, self._timed_out)

    def _timed_out(self) -> None:
        seconds = self._server.limits.request_timeout
        self._refuse(problem(408, f"the request was not complete after {seconds:g} seconds"))

    def _read(self) -> Request | None:
        """Read a request from the inbox; None when it is not complete."""
        if self._head is None:
            head = self._cut_head()
            if head is None:
                return None
            self._head = self._open(head)
        return self._read_body(self._head)

    def _cut_head(self) -> bytes | None:
        """Take the head of the next request from the inbox, if it is all there."""
        inbox, limit = self._inbox, self._server.limits.header_bytes
        if inbox.startswith((b"\r", b"\n")):
            # RFC 9112 (2.2) asks for this; `supervisorctl tail -f` sends an empty line after its request.
            self._inbox = inbox = inbox.lstrip(b"\r\n")
        if not inbox:
            return None
        if not _SPACE < inbox[0] < _DELETE:
            raise _RefusedError(problem(400, "this is not HTTP"))  # TLS, say: do not wait for the end of its head
        found = _HEAD_END.search(inbox, self._searched)
        if (found.end() if found else len(inbox)) > limit:
            raise _RefusedError(problem(431, f"the request's headers are larger than {limit} bytes"))
        if found is None:
            self._searched = max(0, len(inbox) - 2)
            return None
        self._searched = 0
        head = bytes(inbox[: found.end()])
        del inbox[: found.end()]
        return head

    def _open(self, head: bytes) -> Request:
        """Parse a head, mended where h11 is stricter than clients are; decide whether to read its body."""
        limits = self._server.limits
        line, newline, rest = head.partition(b"\n")
        if not line.isascii():
            # Names of programs may hold any letter, and not every client encodes them.
            line = _NOT_ASCII.sub(lambda byte: b"%%%02X" % byte[0][0], line)
        has_host = _HAS_HOST.search(head) is not None
        if not has_host:
            # HTTP/1.1 demands the header, but on a unix socket it says nothing, and some clients leave it out.
            # It goes last: in the first place a folded line behind it would become its value.
            blank = b"\r\n" if rest.endswith(b"\r\n") else b"\n"
            rest = rest.removesuffix(blank) + b"Host:\r\n" + blank
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=limits.header_bytes)
        self._http.receive_data(line + newline + rest)
        event = self._http.next_event()
        assert isinstance(event, h11.Request)  # the head is complete: a request or an exception
        if not event.http_version.startswith(b"1."):
            raise _RefusedError(problem(505, "only HTTP/1.0 and HTTP/1.1 are spoken here"))
        if event.method == b"CONNECT":
            raise _RefusedError(problem(501, "this is not a proxy"))
        if len(event.headers) > limits.headers:
            raise _RefusedError(problem(431, f"the request has more than {limits.headers} headers"))
        headers: dict[str, str] = {}
        for raw_name, raw_value in event.headers:
            name, value = raw_name.decode("ascii"), raw_value.decode("latin-1")
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        if not has_host:
            del headers["host"]
        request = Request.of(
            event.method.decode("ascii"),
            event.target.decode("ascii"),
            headers=headers,
            peer=self._peer,
            server=self._label,
        )
        self._server.requests += 1
        verdict = self._server.ask_gate(request)
        if isinstance(verdict, Response):
            raise _RefusedError(verdict)
        if "content-length" in headers and "transfer-encoding" in headers:
            # Whoever stands in front of us may believe the other one (RFC 9112, 6.3).
            raise _RefusedError(problem(400, "the request has both a length and chunks"))
        if int(headers.get("content-length", 0)) > limits.body:
            raise _RefusedError(self._too_large())
        return request if verdict == request.role else replace(request, role=verdict)

    def _read_body(self, head: Request) -> Request | None:
        """Read what there is of the body; None when more must come."""
        assert self._http is not None
        if self._inbox:
            # What is the next request's already comes back as trailing data.
            self._http.receive_data(bytes(self._inbox))
            self._inbox.clear()
        for _ in range(_CHUNKS_AT_ONCE):
            event = self._http.next_event()
            if isinstance(event, h11.Data):
                self._body += event.data
                if len(self._body) > self._server.limits.body:
                    raise _RefusedError(self._too_large())
                self._server.hold(self, len(self._body))
            elif isinstance(event, h11.EndOfMessage):
                self._inbox[:0] = self._http.trailing_data[0]
                if not self._body:
                    return head
                request = head.with_body(bytes(self._body))
                self._body = bytearray()
                self._server.hold(self, 0)
                return request
            else:
                if self._http.they_are_waiting_for_100_continue:
                    go_on = h11.InformationalResponse(status_code=100, headers=[], reason=b"Continue")
                    self._transport.write(self._http.send(go_on))
                if not self._eof:
                    self._transport.resume_reading()
                return None
        self._resuming = True
        self._loop.call_soon(self._advance)
        if not self._eof:
            self._transport.pause_reading()
        return None

    def _too_large(self) -> Response:
        return problem(413, f"the request's body is larger than {self._server.limits.body} bytes")

    # Answering

    async def _serve(self, request: Request) -> None:
        """Have one request handled and send the answer: the whole life of the connection's task."""
        try:
            response = await self._server.ask_handler(request)
            try:
                if self._phase is not Phase.LOST:
                    await self._send(request, response)
            except Exception as problem_of_ours:  # noqa: BLE001  the stream is the handler's: it may raise anything
                # The head is out, so all that can be said is that this is not the end: no last chunk, then a close.
                self._server.report(request, problem_of_ours)
            finally:
                await self._close_body(request, response)
        finally:
            self._finish()

    async def _send(self, request: Request, response: Response) -> None:
        assert self._http is not None
        try:
            head = self._start(response)
        except Exception as invalid:  # noqa: BLE001  a header that is no header, whatever way h11 says it
            self._server.report(request, invalid)
            self._refuse(problem(500))
            return
        body = response.body
        if request.method == "HEAD" or response.status in _NO_BODY:
            self._phase = Phase.SENDING
            self._transport.write(head + self._http.send(h11.EndOfMessage()))
        elif isinstance(body, bytes):
            self._phase = Phase.SENDING
            if len(body) <= _PIECE:
                self._transport.write(head + self._http.send(h11.Data(data=body)))
                self._http.send(h11.EndOfMessage())
                if self._writable is not None:
                    await self._drain()
            else:
                await self._send_large(head, body)
        else:
            self._phase = Phase.STREAMING
            self._transport.write(head)
            if self._eof:
                return  # see Response: nobody would tell us when this client goes
            async for chunk in body:
                self._transport.write(self._http.send(h11.Data(data=chunk)))
                await self._drain()
            self._transport.write(self._http.send(h11.EndOfMessage()))
            self._phase = Phase.SENDING
            await self._drain()

    def _start(self, response: Response, *, last: bool = False) -> bytes:
        """Begin the answer: the bytes of its head. The last one says that the connection will be closed."""
        assert self._http is not None
        headers = [("Date", _http_date(int(time.time()))), *response.headers]
        if response.status not in _NO_BODY:
            headers.append(("Content-Type", response.content_type))
            if isinstance(response.body, bytes):
                headers.append(("Content-Length", str(len(response.body))))
            else:
                headers += _STREAMED
        if last or self._server.closing:
            headers.append(("Connection", "close"))
        return self._http.send(
            h11.Response(status_code=response.status, headers=headers, reason=reason(response.status))
        )

    async def _send_large(self, head: bytes, body: bytes) -> None:
        assert self._http is not None
        self._transport.write(head)
        view = memoryview(body)
        for start in range(0, len(body), _PIECE):
            self._server.hold(self, len(body))
            piece = bytes(view[start : start + _PIECE])
            self._transport.write(self._http.send(h11.Data(data=piece)))
            await self._drain()
        self._server.hold(self, 0)
        self._http.send(h11.EndOfMessage())

    async def _drain(self) -> None:
        """Wait until the client has read enough; always let others have a turn, for it may read as fast as we write."""
        if self._writable is None:
            await asyncio.sleep(0)
        else:
            await self._writable

    async def _close_body(self, request: Request, response: Response) -> None:
        close = getattr(response.body, "aclose", None)
        if close is not None:
            try:
                await close()
            except Exception as problem_of_ours:  # noqa: BLE001  the iterator is the handler's
                self._server.report(request, problem_of_ours)

    def _finish(self) -> None:
        """Go on after an answer: to the next request, or to the end."""
        self._task = None
        if self._phase is Phase.LOST:
            self._server.forget(self)
        elif self._phase is Phase.CLOSING:
            pass
        elif self._http is None or self._http.our_state is not h11.DONE or self._server.closing:
            self._close()
        else:
            self._http = self._head = None
            self._phase = Phase.READING
            if not self._eof:
                self._transport.resume_reading()
            self._advance()

    def _refuse(self, response: Response) -> None:
        """Answer something that never became a whole request, or cannot be answered as it should; then close."""
        if self._http is None or self._http.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            self._http = h11.Connection(h11.SERVER)
        assert isinstance(response.body, bytes)
        head = self._start(response, last=True)
        head_only = self._head is not None and self._head.method == "HEAD"
        self._transport.write(head if head_only else head + response.body)
        self._close()

    def _close(self) -> None:
        """Say that all is said, then read on for a while so that the answer is not cut off by a reset."""
        self._phase = Phase.CLOSING
        self._inbox.clear()
        self._body.clear()
        self._server.hold(self, 0)
        self._stop_timer()
        self._server.idle(self)  # it may take its time, but not another client's place
        if self._eof or self._server.closing or self._transport.is_closing():
            self._transport.close()
            return
        self._transport.resume_reading()
        self._transport.write_eof()
        self._timer = self._loop.call_later(self._server.limits.linger, self._transport.close)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


_date_cache: tuple[int, str] = (0, "")


def _http_date(now: int) -> str:
    """Write a time as HTTP does, in English whatever the locale."""
    global _date_cache  # noqa: PLW0603  one second, one text
    if _date_cache[0] != now:
        t = time.gmtime(now)
        day, month = _DAYS[t.tm_wday], _MONTHS[t.tm_mon - 1]
        text = f"{day}, {t.tm_mday:02} {month} {t.tm_year} {t.tm_hour:02}:{t.tm_min:02}:{t.tm_sec:02} GMT"
        _date_cache = (now, text)
    return _date_cache[1]
