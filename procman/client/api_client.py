"""A blocking client for the master's `/v1` interface, with only the standard library, and quick to import.

`procmanctl status` pays for every import, so this uses only `json`, `os` and `socket`: a client of HTTP/1.1 that knows
Content-Length, chunks and one kept connection is short, and `http.client` alone would add 15 ms.
"""

from __future__ import annotations

import errno
import json
import socket
import sys
from binascii import b2a_base64
from collections.abc import Iterator

from procman import __version__
from procman.client.refusals import REFUSED, ApiError, AuthRequired, refusal, stranger
from procman.client.wire import Answer, Unreachable, Wire, reason_of
from procman.errors import BadRequest

__all__ = ["ApiError", "AuthRequired", "Client", "Stream", "Unreachable", "quoted", "who_listens"]

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from typing import Any, Self

    from procman.client.tls_files import TlsFiles

# Seconds, far more than a master needs to answer a GET; a stopped master must not block a client for ever.
READS_TAKE = 30.0

_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:*@!$'()+,;=")


def who_listens(path: str) -> int | None:
    """The pid of the listener on a unix socket, 0 if it cannot be known, None if there is none. Does not block."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.connect(path)
        peer = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    except BlockingIOError:
        return 0  # its queue of connections is full
    except OSError:
        return None
    finally:
        sock.close()
    return int.from_bytes(peer[:4], sys.byteorder)


class Client:
    """A connection to one master, at `unix:///path`, `http://host:port` or `https://host:port`, opened on first use."""

    def __init__(
        self,
        address: str,
        username: str | None = None,
        password: str | None = None,
        *,
        token: str | None = None,
        tls: TlsFiles | None = None,
    ) -> None:
        """A token counts more than a name; `tls` has the files for https."""
        self.address = address
        self._tls = tls
        self._family, self._target, host, self.place = where(address)
        headers = headers_of(host, username, password, token)
        self._head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self._wire: Wire | None = None

    def call(self, method: str, path: str, body: Any = None, *, patience: float | None = None) -> Any:
        """Send `body` as JSON, and return the JSON of the answer.

        It waits `patience` seconds; by default READS_TAKE for a GET, and without a limit for anything else.
        """
        if patience is None:
            patience = READS_TAKE if method == "GET" else 0
        data = None if body is None else json.dumps(body).encode()
        answer = self.exchange(method, path, data, patience=patience)
        try:
            return json.loads(answer.decode("utf-8", "surrogateescape"))
        except ValueError:
            raise stranger(self.place) from None

    def exchange(self, method: str, path: str, data: bytes | None = None, *, patience: float = 0) -> bytes:
        """Send `data` as it is, and return the bytes of the answer."""
        kept = self._wire
        try:
            wire = self._connection()
            wire.wait_at_most(patience)
            answer = self._ask(wire, method, path, data)
            content = b"".join(answer.pieces())
            if not answer.reusable:
                self.close()
        except BaseException as error:
            # Also after Ctrl-C, so that the rest of this answer is not read as the next one.
            self.close()
            closed = isinstance(error, Unreachable) and error.errno != errno.EAGAIN
            if method == "GET" and closed and kept is not None and not kept.heard:
                # The kept connection was closed meanwhile; a GET can be repeated.
                return self.exchange(method, path, data, patience=patience)
            raise
        self._refuse(answer, content)
        return content

    def stream(self, method: str, path: str, data: bytes | None = None) -> Stream:
        """Return the answer's bytes as they arrive, over a separate connection; `data` is sent as it is.

        When this returns, the master has accepted the request.
        """
        wire = self._connect()
        try:
            answer = self._ask(wire, method, path, data)
            if answer.status >= REFUSED:
                self._refuse(answer, b"".join(answer.pieces()))
        except BaseException:
            wire.close()
            raise
        return Stream(wire, answer)

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        if self._wire is not None:
            self._wire.close()
            self._wire = None

    def _connection(self) -> Wire:
        if self._wire is not None and self._wire.stale():
            self.close()
        if self._wire is None:
            self._wire = self._connect()
        return self._wire

    def _connect(self) -> Wire:
        sock: socket.socket | None = None
        try:
            if self._family == "unix":
                sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                sock.connect(self._target)
            else:
                sock = socket.create_connection(self._target)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if self._family == "tls":
                    from procman.client.tls import encrypted  # noqa: PLC0415 - ssl takes 20 ms, for https only

                    return encrypted(sock, self._target[0], self.place, self._tls)
        except (OSError, ValueError) as error:
            if sock is not None:
                sock.close()
            raise Unreachable(self.place, reason_of(error), getattr(error, "errno", None)) from None
        return Wire(sock, self.place)

    def _ask(self, wire: Wire, method: str, path: str, data: bytes | None) -> Answer:
        length = "" if data is None else f"Content-Length: {len(data)}\r\n"
        if data is None and method != "GET":
            length = "Content-Length: 0\r\n"
        wire.send(f"{method} {path} HTTP/1.1\r\n{self._head}{length}\r\n".encode() + (data or b""))
        answer = wire.answer()
        while answer.status // 100 == 1:  # 100 Continue and its like precede the real answer
            answer = wire.answer()
        return answer

    def _refuse(self, answer: Answer, content: bytes) -> None:
        """Raise the exception for an answer that is an error."""
        error = refusal(self.place, answer.status, answer.headers, content)
        if error is not None:
            raise error


class Stream:
    """An iterator over the bytes that arrive; it ends with the answer, or when any thread calls `close`."""

    def __init__(self, wire: Wire, answer: Answer) -> None:
        self._wire = wire
        self._pieces = answer.pieces()
        self._closed = False

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            return next(self._pieces)
        except StopIteration:
            self._wire.close()
            raise
        except Unreachable:
            self._wire.close()
            if self._closed:
                raise StopIteration from None
            raise

    def wait_at_most(self, seconds: float) -> None:
        """Limit the wait for each of the next pieces; 0 for no limit. Over it, Unreachable has errno EAGAIN."""
        self._wire.wait_at_most(seconds)

    def fileno(self) -> int:
        """Polls readable when something has come that is not read yet; see `is_buffered`."""
        return self._wire.fileno()

    @property
    def is_buffered(self) -> bool:
        """Whether something was received, and is still to be returned: `fileno` says nothing of that."""
        return self._wire.is_buffered

    def close(self) -> None:
        """Close the connection; a thread that waits for the next bytes finds the end."""
        self._closed = True
        self._wire.hang_up()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        self._wire.close()


def quoted(text: str) -> str:
    """`text` as one segment of a path; a name may have spaces, slashes or letters of any script."""
    data = text.encode("utf-8", "surrogateescape")
    return "".join(chr(byte) if chr(byte) in _PLAIN else f"%{byte:02X}" for byte in data)


def headers_of(host: str, username: str | None, password: str | None, token: str | None) -> dict[str, str]:
    """The headers of each request; a token counts more than a name."""
    headers = {"Host": host, "User-Agent": f"procmanctl/{__version__}"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    elif username is not None or password is not None:
        headers["Authorization"] = "Basic " + _base64(f"{username or ''}:{password or ''}")
    return headers


def where(address: str) -> tuple[str, Any, str, str]:
    """The family, the target to connect to, the Host header, and the name of an address for messages."""
    if address.startswith("unix://"):
        path = address.removeprefix("unix://")
        return "unix", path, "localhost", path
    scheme, _, rest = address.partition("://")
    rest = rest.partition("/")[0]
    if scheme not in ("http", "https") or not rest or not rest.isprintable() or " " in rest:
        raise BadRequest(
            f"cannot use the address {address!r}: expected unix:///path/to/socket, http://host:port or https://host:port"
        )
    host, colon, port = rest.rpartition(":")
    if not colon or rest.endswith("]"):
        host, port = rest, "80" if scheme == "http" else "443"
    if not (port.isascii() and port.isdigit()):
        raise BadRequest(f"cannot use the address {address!r}: {port!r} is not a port")
    host = host.removeprefix("[").removesuffix("]")
    return "tcp" if scheme == "http" else "tls", (host, int(port)), rest, address


def _base64(text: str) -> str:
    return b2a_base64(text.encode("utf-8", "surrogateescape"), newline=False).decode()
