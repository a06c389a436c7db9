"""A client that repeats one request over one connection and measures only the time."""

import socket
import time
from typing import Self


class RepeatingClient:
    """HTTP over a unix socket; `mark` is what a good answer has in it."""

    def __init__(self, path: str, request: str, mark: bytes) -> None:
        self._path = path
        self._request = request.encode()
        self._mark = mark
        self._socket = self._connect()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def ask(self) -> float:
        """Seconds from the request to the last byte of the answer."""
        began = time.perf_counter()
        self._socket.sendall(self._request)
        data = bytearray()
        length = None
        while length is None or len(data) < length:
            more = self._socket.recv(1 << 18)
            if not more:
                raise ConnectionError("the master has hung up")
            data += more
            if length is None and b"\r\n\r\n" in data:
                length = _whole_length(bytes(data))
        took = time.perf_counter() - began
        if self._mark not in data:
            raise ConnectionError(f"the master says {bytes(data[:200])!r}")
        return took

    def times(self, count: int, seconds: float) -> list[float]:
        """How long each of `count` answers took; fewer if they take longer than the given seconds."""
        deadline = time.monotonic() + seconds
        found: list[float] = []
        while len(found) < count and time.monotonic() < deadline:
            found.append(self.ask())
        return found

    def _connect(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(30)
        connection.connect(self._path)
        return connection


class RpcClient(RepeatingClient):
    """XML-RPC, like supervisor's clients."""

    def __init__(self, path: str, method: str) -> None:
        body = f"<?xml version='1.0'?><methodCall><methodName>{method}</methodName><params></params></methodCall>"
        request = (
            "POST /RPC2 HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/xml\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}"
        )
        super().__init__(path, request, b"<methodResponse>")


class MetricsClient(RepeatingClient):
    """Prometheus."""

    def __init__(self, path: str) -> None:
        super().__init__(path, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", b"procman_build_info")


def _whole_length(data: bytes) -> int:
    head = data.partition(b"\r\n\r\n")[0]
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            return len(head) + 4 + int(value)
    raise ConnectionError(f"an answer without a length: {head!r}")
