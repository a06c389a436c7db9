"""Bytes to requests: what one client sends, taken apart, one request at a time. No I/O and no clock here.

h11 parses heads and chunked bodies; a body with a length is cut off here. h11 gets one request and is then discarded,
so that what a client sends ahead stays in the inbox, where its size is bounded, and passes the same gate as the first
request did.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from enum import Enum, auto

import h11

from procman.http.limits import Limits
from procman.http.messages import Peer, Request, Response, Rights, problem

# The end of a head as h11 recognizes it, so that both cut in the same place.
_HEAD_END = re.compile(rb"\n\r?\n")
_HAS_HOST = re.compile(rb"\nhost:", re.IGNORECASE)
_NOT_ASCII = re.compile(rb"[\x80-\xff]")
_SPACE, _DELETE = 0x20, 0x7F
# Each chunk of a body costs some microseconds, even if it is one byte: after this many, other clients get their turn.
_CHUNKS_AT_ONCE = 500
# The part of a malformed request that the answer quotes, in characters.
_QUOTED = 200


class Incomplete(Enum):
    """Why there is no request yet."""

    NEEDS_BYTES = auto()
    NEEDS_TURN = auto()  # there is more to parse: read again on the next turn of the loop


class RefusedError(Exception):
    """The request cannot be accepted: send this answer, then close."""

    def __init__(self, response: Response) -> None:
        self.response = response


class RequestReader:
    """The requests of one client. `gate` decides by the head whether the body is read, and with which rights."""

    def __init__(self, limits: Limits, gate: Callable[[Request], Response | Rights], label: str) -> None:
        self.peer: Peer | None = None
        self.address = ""  # of a TCP client
        self.is_encrypted = False
        self.http: h11.Connection | None = None  # while a request is read or answered
        self.keep_alive = False  # whether the client wants to send another request on this connection
        self._limits = limits
        self._gate = gate
        self._label = label
        self._inbox = bytearray()  # what h11 has not received yet
        self._searched = 0  # how much of the inbox contains no end of a head
        self._head: Request | None = None  # the request without its body
        self._body = bytearray()

    @property
    def buffered(self) -> int:
        """The number of bytes that were received ahead."""
        return len(self._inbox)

    @property
    def body_size(self) -> int:
        """The number of bytes of the body that have been received."""
        return len(self._body)

    @property
    def is_idle(self) -> bool:
        """Whether no part of a request has been received."""
        return self._head is None and not self._inbox

    @property
    def is_head_only(self) -> bool:
        """Whether the request that is being read or answered is a HEAD."""
        return self._head is not None and self._head.method == "HEAD"

    def receive(self, data: bytes | memoryview) -> None:
        """Keep what the client sent."""
        self._inbox += data

    def discard(self) -> None:
        """Drop everything that was received: the connection is closing."""
        self._inbox.clear()
        self._body.clear()

    def next_exchange(self) -> None:
        """Forget the request that has been answered."""
        self.http = self._head = None

    def read(self) -> Request | Incomplete:
        """Read one request as far as the bytes go. Raises RefusedError where the client must be refused."""
        try:
            if self._head is None:
                head = self._cut_head()
                if head is None:
                    return Incomplete.NEEDS_BYTES
                self._head = self._parse_head(head)
            return self._read_body(self._head)
        except h11.RemoteProtocolError as malformed:
            # Its text quotes the client's own bytes as a repr, so it is safe as plain text.
            raise RefusedError(problem(malformed.error_status_hint, str(malformed)[:_QUOTED])) from malformed

    def _cut_head(self) -> bytes | None:
        """Take the head of the next request from the inbox, if it is complete."""
        inbox, limit = self._inbox, self._limits.header_bytes
        if inbox.startswith((b"\r", b"\n")):
            # RFC 9112 (2.2) demands this; `supervisorctl tail -f` sends an empty line after its request.
            self._inbox = inbox = inbox.lstrip(b"\r\n")
        if not inbox:
            return None
        if not _SPACE < inbox[0] < _DELETE:
            raise RefusedError(problem(400, "this is not HTTP"))  # such as TLS: do not wait for the end of its head
        found = _HEAD_END.search(inbox, self._searched)
        if (found.end() if found else len(inbox)) > limit:
            raise RefusedError(problem(431, f"the request's headers are larger than {limit} bytes"))
        if found is None:
            self._searched = max(0, len(inbox) - 2)
            return None
        self._searched = 0
        head = bytes(inbox[: found.end()])
        del inbox[: found.end()]
        return head

    def _parse_head(self, head: bytes) -> Request:
        """Parse a head, repaired where h11 is stricter than clients are; decide whether to read its body."""
        has_host = _HAS_HOST.search(head) is not None
        self.http = h11.Connection(h11.SERVER, max_incomplete_event_size=self._limits.header_bytes)
        self.http.receive_data(_repaired(head, has_host=has_host))
        event = self.http.next_event()
        assert isinstance(event, h11.Request)  # the head is complete: a request or an exception
        if not event.http_version.startswith(b"1."):
            raise RefusedError(problem(505, "only HTTP/1.0 and HTTP/1.1 are supported"))
        if event.method == b"CONNECT":
            raise RefusedError(problem(501, "this is not a proxy"))
        if len(event.headers) > self._limits.headers:
            raise RefusedError(problem(431, f"the request has more than {self._limits.headers} headers"))
        headers: dict[str, str] = {}
        for raw_name, raw_value in event.headers:
            name, value = raw_name.decode("ascii"), raw_value.decode("latin-1")
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        options = headers.get("connection", "").lower()
        self.keep_alive = event.http_version >= b"1.1" and "close" not in map(str.strip, options.split(","))
        if not has_host:
            del headers["host"]
        method, target = event.method.decode("ascii"), event.target.decode("ascii")
        request = Request.of(
            method,
            target,
            headers=headers,
            peer=self.peer,
            server=self._label,
            address=self.address,
            is_encrypted=self.is_encrypted,
        )
        verdict = self._gate(request)
        if isinstance(verdict, Response):
            raise RefusedError(verdict)
        if "content-length" in headers and "transfer-encoding" in headers:
            # A proxy in front of this server may rely on the other header (RFC 9112, 6.3).
            raise RefusedError(problem(400, "the request has both Content-Length and Transfer-Encoding"))
        if int(headers.get("content-length", 0)) > self._limits.body:
            raise RefusedError(self._too_large())
        return request if verdict is request.rights else replace(request, rights=verdict)

    def _read_body(self, head: Request) -> Request | Incomplete:
        if "transfer-encoding" in head.headers:
            return self._read_chunks(head)
        # h11 has seen to it that it is a number; without one there is no body.
        size = int(head.headers.get("content-length", 0))
        if not size:
            return head
        inbox, body = self._inbox, self._body
        if not body and len(inbox) >= size:
            request = head.with_body(bytes(inbox[:size]))
            del inbox[:size]
            return request
        missing = size - len(body)
        body += inbox[:missing]
        del inbox[:missing]
        if len(body) < size:
            return Incomplete.NEEDS_BYTES
        self._body = bytearray()
        return head.with_body(bytes(body))

    def _read_chunks(self, head: Request) -> Request | Incomplete:
        assert self.http is not None
        if self._inbox:
            # Bytes of the next request come back as trailing data.
            self.http.receive_data(bytes(self._inbox))
            self._inbox.clear()
        for _ in range(_CHUNKS_AT_ONCE):
            event = self.http.next_event()
            if isinstance(event, h11.Data):
                self._body += event.data
                if len(self._body) > self._limits.body:
                    raise RefusedError(self._too_large())
            elif isinstance(event, h11.EndOfMessage):
                self._inbox[:0] = self.http.trailing_data[0]
                if not self._body:
                    return head
                request = head.with_body(bytes(self._body))
                self._body = bytearray()
                return request
            else:
                return Incomplete.NEEDS_BYTES
        return Incomplete.NEEDS_TURN

    def _too_large(self) -> Response:
        return problem(413, f"the request's body is larger than {self._limits.body} bytes")


def _repaired(head: bytes, *, has_host: bool) -> bytes:
    line, newline, rest = head.partition(b"\n")
    if not line.isascii():
        # Names of programs may contain any letter, and not every client encodes them.
        line = _NOT_ASCII.sub(lambda byte: b"%%%02X" % byte[0][0], line)
    if not has_host:
        # HTTP/1.1 demands the header, but on a unix socket it means nothing, and some clients omit it.
        # It goes last: in the first place, a folded line behind it would become its value.
        blank = b"\r\n" if rest.endswith(b"\r\n") else b"\n"
        rest = rest.removesuffix(blank) + b"Host:\r\n" + blank
    return line + newline + rest
