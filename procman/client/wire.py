"""One connection of the client, and the answers that come over it: enough of HTTP/1.1, and quick to import."""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Iterator

from procman.errors import ProcmanError

_BLOCK = 65536
_MAX_LINE = 65536  # bytes of a header or a chunk's size; a server that sends more is not procman

_REASONS = {
    errno.ENOENT: "no such file (is it running?)",
    errno.ECONNREFUSED: "refused connection (is it running?)",
    errno.EACCES: "permission denied (the owner and the mode of the socket say who may use it)",
    errno.EPERM: "permission denied (the owner and the mode of the socket say who may use it)",
    errno.ENOTSOCK: "that is not a socket",
}


class Unreachable(ProcmanError):
    """No master answers at `address`; `errno` has the system's reason, if there is one."""

    def __init__(self, address: str, reason: str, number: int | None = None) -> None:
        super().__init__(f"cannot reach procman at {address}: {reason}")
        self.address = address
        self.reason = reason
        self.errno = number


class Wire:
    """One connection, and the bytes received over it that are not used yet."""

    def __init__(self, sock: socket.socket, place: str) -> None:
        self._sock = sock
        self._place = place
        self._pending = b""
        self._patience: float = 0
        self.heard = False  # whether anything was received since the last request

    def fileno(self) -> int:
        """For poll(2)."""
        return self._sock.fileno()

    @property
    def is_buffered(self) -> bool:
        """Whether something was received that is not read yet."""
        # The line end after a chunk is read with the next one.
        return bool(self._pending.strip(b"\r\n"))

    def close(self) -> None:
        """End it."""
        self._sock.close()

    def hang_up(self) -> None:
        """End the connection while another thread may be reading from it."""
        try:
            self._sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # it has ended already

    def wait_at_most(self, seconds: float) -> None:
        """Limit the wait for each piece of an answer; 0 for no limit."""
        if seconds == self._patience:
            return
        self._patience = seconds
        self._sock.setsockopt(
            socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("@ll", int(seconds), int(seconds % 1 * 1e6))
        )

    def stale(self) -> bool:
        """Whether the other side has closed the connection, or sent something unexpected."""
        try:
            self._sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return bool(self._pending)
        except OSError:
            return True
        return True

    def send(self, data: bytes) -> None:
        """All of it."""
        self.heard = False
        try:
            self._sock.sendall(data)
        except ConnectionError:
            # It refused the request before reading all of it; its answer may still be readable.
            return
        except OSError as error:
            raise self.lost(error) from None

    def some(self) -> bytes:
        """The available bytes, at least one; none if the other side has closed."""
        if self._pending:
            data, self._pending = self._pending, b""
            return data
        try:
            data = self._sock.recv(_BLOCK)
        except BlockingIOError:
            raise Unreachable(
                self._place, "it does not answer (it was stopped, or is too busy)", errno.EAGAIN
            ) from None
        except OSError as error:
            raise self.lost(error) from None
        self.heard = self.heard or bool(data)
        return data

    def line(self) -> bytes:
        """Up to the next line end, which is left out."""
        data = b""
        while b"\n" not in data:
            more = self.some()
            if not more:
                raise self.lost()
            data += more
            if len(data) > _MAX_LINE and b"\n" not in data:
                raise Unreachable(self._place, "what answers there is not procman (a line without an end)")
        line, _, self._pending = data.partition(b"\n")
        return line.rstrip(b"\r")

    def pieces(self, length: int) -> Iterator[bytes]:
        """Exactly `length` bytes, as they arrive."""
        while length:
            data = self.some()
            if not data:
                raise self.lost()
            if len(data) > length:
                data, self._pending = data[:length], data[length:]
            length -= len(data)
            yield data

    def answer(self) -> Answer:
        """The head of the next answer."""
        version, _, rest = self.line().partition(b" ")
        status = rest[:3]
        if not version.startswith(b"HTTP/1.") or not status.isdigit():
            raise Unreachable(self._place, "what answers there is not procman (it does not speak HTTP)")
        headers: dict[str, str] = {}
        while line := self.line():
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()
        return Answer(self, int(status), headers)

    def lost(self, error: OSError | None = None) -> Unreachable:
        """Why the connection cannot be used any more."""
        reason = "the connection was lost" if error is None else f"the connection was lost: {reason_of(error)}"
        return Unreachable(self._place, reason, errno.ECONNRESET if error is None else error.errno)


class Answer:
    """The head of an answer, and access to its body."""

    def __init__(self, wire: Wire, status: int, headers: dict[str, str]) -> None:
        self.status = status
        self._wire = wire
        self.headers = headers
        self._chunked = "chunked" in headers.get("transfer-encoding", "").lower()
        self._length = headers.get("content-length")
        self.reusable = headers.get("connection", "").lower() != "close" and (self._chunked or self._length is not None)

    def pieces(self) -> Iterator[bytes]:
        """The body as it arrives; raises Unreachable if it ends too early."""
        try:
            if self.status in {204, 304}:  # these have no body in HTTP
                return
            if self._chunked:
                while size := int(self._wire.line().partition(b";")[0], 16):
                    yield from self._wire.pieces(size)
                    self._wire.line()
                while self._wire.line():
                    pass
            elif self._length is not None:
                yield from self._wire.pieces(int(self._length))
            else:
                while data := self._wire.some():
                    yield data
        except ValueError:
            raise self._wire.lost() from None


def reason_of(error: Exception) -> str:
    """Why a connection failed, in words, with a way out if there is one."""
    if isinstance(error, socket.gaierror):
        return "no such host"
    if isinstance(error, OSError) and error.errno is not None:
        return _REASONS.get(error.errno) or os.strerror(error.errno).lower()
    if "too long" in str(error):
        return "the path is too long for a unix socket (107 bytes at most)"
    return str(error)
