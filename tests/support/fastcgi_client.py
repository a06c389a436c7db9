"""A web server's side of FastCGI, as far as one request goes; https://fastcgi-archives.github.io/FastCGI_Specification.html."""

import socket
import struct
from collections.abc import Iterator

from tests.support.log_lines import PATIENCE

VERSION = 1
REQUEST = 1  # its number, of which there is only one in a connection
BEGIN_REQUEST, END_REQUEST, PARAMS, STDIN, STDOUT = 1, 3, 4, 5, 6
RESPONDER = 1
LONGEST = 65535  # bytes in a record
HEADER = struct.Struct(">BBHHBx")

Address = str | tuple[str, int]


def ask(address: Address, path: str, body: bytes = b"") -> tuple[str, bytes]:
    """POST a request to a FastCGI socket; return the response's headers and body. Raises OSError without a listener."""
    params = {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "CONTENT_LENGTH": str(len(body)),
        "SERVER_NAME": "test",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
    }
    with socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET) as sock:
        sock.settimeout(PATIENCE)
        sock.connect(address)
        sock.sendall(
            _record(BEGIN_REQUEST, struct.pack(">HB5x", RESPONDER, 0))
            + _stream(PARAMS, b"".join(_pair(name.encode(), value.encode()) for name, value in params.items()))
            + _stream(STDIN, body)
        )
        with sock.makefile("rb") as answer:
            output = b"".join(content for kind, content in _records(answer) if kind == STDOUT)
    headers, _, body = output.partition(b"\r\n\r\n")
    return headers.decode(), body


def _record(kind: int, content: bytes) -> bytes:
    return HEADER.pack(VERSION, kind, REQUEST, len(content), 0) + content


def _stream(kind: int, data: bytes) -> bytes:
    """A stream of records, which an empty one ends."""
    return b"".join(_record(kind, data[at : at + LONGEST]) for at in range(0, len(data), LONGEST)) + _record(kind, b"")


def _pair(name: bytes, value: bytes) -> bytes:
    # The highest bit says that a length has four bytes.
    return struct.pack(">II", len(name) | 1 << 31, len(value) | 1 << 31) + name + value


def _records(answer) -> Iterator[tuple[int, bytes]]:
    while True:
        header = answer.read(HEADER.size)
        assert header, "the application has closed the connection before it ended the request"
        _, kind, _, length, padding = HEADER.unpack(header)
        content = answer.read(length)
        answer.read(padding)
        if kind == END_REQUEST:
            return
        yield kind, content
