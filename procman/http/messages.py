"""HTTP messages: a request as a handler sees it, and the response that it returns. Plain data."""

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Literal, NamedTuple, Protocol, Self

from procman.http.targets import decoded, split_target

PLAIN_TEXT = "text/plain; charset=utf-8"

Role = Literal["read", "control"]
"""What an account may do: read, or also make changes."""


class Rights(Protocol):
    """What the client that sent a request may do. The gate gives it; the router asks it for each row of its table."""

    def refusal(self, needs: object, /) -> str | None:
        """Why a row that needs this is not for the client; None: it is."""


class EveryRight:
    """Of a client that may do everything."""

    def refusal(self, _needs: object, /) -> str | None:
        """Nothing is refused."""
        return None


EVERY_RIGHT: Rights = EveryRight()


class Peer(NamedTuple):
    """The process at the other end of a unix socket, as the kernel saw it when the client connected."""

    pid: int
    uid: int
    gid: int
    command: str = ""  # its name, as far as it could be seen then
    groups: tuple[int, ...] = ()  # its further groups


@dataclass(frozen=True, slots=True)
class Request:
    """One whole request: its body has been read before a handler sees it."""

    method: str
    path: str  # percent-decoded, without the query
    raw_path: str  # as it was sent: split this one, since a name may contain an encoded slash
    query: Mapping[str, str] = field(default_factory=dict)  # the last value of a repeated key
    headers: Mapping[str, str] = field(default_factory=dict)  # lower-case names; repeated ones joined by ", "
    body: bytes = b""
    peer: Peer | None = None  # None: not a unix socket
    server: str = ""  # the label that was given to `Server.listen`
    rights: Rights = EVERY_RIGHT  # set by the gate; without a gate every client may do everything
    address: str = ""  # of a TCP client, without the port
    is_encrypted: bool = False  # it came over TLS

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
        address: str = "",
        is_encrypted: bool = False,
    ) -> Self:
        """Make a request for a target such as "/a%2Fb?x=1" (or the absolute form "http://host/a%2Fb?x=1")."""
        raw_path, query = split_target(target)
        return cls(
            method,
            decoded(raw_path),
            raw_path,
            query,
            headers or {},
            body,
            peer,
            server,
            address=address,
            is_encrypted=is_encrypted,
        )

    def with_body(self, body: bytes) -> Self:
        """Return the same request with its body (`replace` takes six times as long)."""
        cls = type(self)
        return cls(
            self.method,
            self.path,
            self.raw_path,
            self.query,
            self.headers,
            body,
            self.peer,
            self.server,
            self.rights,
            self.address,
            self.is_encrypted,
        )


@dataclass(slots=True)
class Response:
    """An answer. A body that is an iterator is streamed, and closed (`aclose`) when the client has gone.

    One in pieces is sent like their sum, which would take as much memory again.

    A stream has chunked coding, or ends with the connection for an HTTP/1.0 client. A client that closes its sending
    side during a stream counts as gone: over TCP the two cannot be told apart, and a stream with nothing to send would
    never notice otherwise.
    """

    status: int = 200
    body: bytes | tuple[bytes, ...] | AsyncIterator[bytes] = b""
    headers: Iterable[tuple[str, str]] = ()
    content_type: str = PLAIN_TEXT
    delay: float = 0.0  # a refusal by the gate is sent so many seconds later


def size_of(body: bytes | tuple[bytes, ...]) -> int:
    """Return the number of bytes of a body that is no stream."""
    return len(body) if isinstance(body, bytes) else sum(map(len, body))


def problem(status: int, text: str = "", headers: Iterable[tuple[str, str]] = ()) -> Response:
    """Answer an error with one line of plain text: what is wrong, or else the status in words."""
    return Response(status, f"{text or reason(status)}\n".encode(), headers)


def reason(status: int) -> str:
    """Put a status in words; never empty, for supervisorctl splits the status line into exactly three parts."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
