"""What travels through the server: requests, responses, and the limits both must keep.

Plain data and pure functions only: no sockets, no clock.
"""

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Literal, NamedTuple, Self

PLAIN_TEXT = "text/plain; charset=utf-8"

Role = Literal["read", "control"]
"""What somebody may do: look, or change things, too."""


class Peer(NamedTuple):
    """Who is at the other end of a unix socket, as the kernel saw it when the client connected."""

    pid: int
    uid: int
    gid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one client may use. Sizes are bytes, times are seconds.

    An idle keep-alive connection has no time limit (supervisor's clients hold one for hours and do not recover from a
    close); it is closed only to make room for a new one when `connections` are open, the longest idle first. Nor has a
    client one that reads slowly; it is cut off only to make room for other bodies when `held` is reached, the one first
    that has made no progress for the longest time. A single body may be larger than `held`.
    """

    header_bytes: int = 16 * 1024  # request line and headers together
    headers: int = 100
    body: int = 1024 * 1024
    connections: int = 256
    request_timeout: float = 30.0  # from the first byte of a request to its last, however they trickle in
    light: int = 64 * 1024  # a body up to this size counts for nothing in `held`
    held: int = 32 * 1024 * 1024  # of larger ones, half received or half sent, all clients together
    linger: float = 2.0  # how long to go on reading, and discarding, after an answer that ends the connection


@dataclass(frozen=True, slots=True)
class Request:
    """One whole request: by the time a handler sees it, its body has been read."""

    method: str
    path: str  # percent-decoded, without the query
    raw_path: str  # as it was sent: split this one, since a name may hold an encoded slash
    query: Mapping[str, str] = field(default_factory=dict)  # of a repeated key the last value
    headers: Mapping[str, str] = field(default_factory=dict)  # lower-case names; repeated ones joined by ", "
    body: bytes = b""
    peer: Peer | None = None  # None: not a unix socket
    server: str = ""  # the label that was given to `Server.listen`
    role: Role = "control"  # what the gate has found that who asks may do; without a gate everything

    @classmethod
    def of(
        cls,
        method: str,
        target: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        peer: Peer | None = None,
        server: str = "",
    ) -> Self:
        """Make a request for a target such as "/a%2Fb?x=1" (or the absolute form "http://host/a%2Fb?x=1")."""
        raw_path, query = split_target(target)
        return cls(method, decoded(raw_path), raw_path, query, headers or {}, body, peer, server)

    def with_body(self, body: bytes) -> Self:
        """The same request, whose body has come (`replace` takes six times as long)."""
        cls = type(self)
        return cls(
            self.method, self.path, self.raw_path, self.query, self.headers, body, self.peer, self.server, self.role
        )


@dataclass(slots=True)
class Response:
    """An answer. A body that is an iterator is streamed, and closed (`aclose`) when the client has gone.

    A stream has chunked coding, or ends with the connection for an HTTP/1.0 client. A client that closes its sending
    side while it is being streamed to counts as gone: over TCP the two cannot be told apart, and a stream that
    has nothing to say would otherwise never notice.
    """

    status: int = 200
    body: bytes | AsyncIterator[bytes] = b""
    headers: Iterable[tuple[str, str]] = ()
    content_type: str = PLAIN_TEXT


def problem(status: int, text: str = "", headers: Iterable[tuple[str, str]] = ()) -> Response:
    """Answer an error with one line of plain text: what is wrong, or else the status in words."""
    return Response(status, f"{text or reason(status)}\n".encode(), headers)


def reason(status: int) -> str:
    """Put a status in words; never empty, for supervisorctl splits the status line into exactly three parts."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def split_target(target: str) -> tuple[str, dict[str, str]]:
    """Take a request target apart: the path, still encoded, and the decoded query."""
    target, _, _ = target.partition("#")
    path, mark, query = target.partition("?")
    if not path.startswith("/") and "://" in path:  # the absolute form, which is meant for proxies
        _, slash, rest = path.partition("://")[2].partition("/")
        path = slash + rest or "/"
    if not mark:
        return path, {}
    from urllib.parse import parse_qsl  # noqa: PLC0415 - see `decoded`

    return path, dict(parse_qsl(query, keep_blank_values=True))


def decoded(text: str) -> str:
    """Resolve percent-encoding, of UTF-8; what is none becomes U+FFFD."""
    if "%" not in text:
        return text
    from urllib.parse import unquote  # noqa: PLC0415 - half a MiB with what it imports, and hardly any request needs it

    return unquote(text)
