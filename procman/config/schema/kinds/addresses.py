"""URLs and TCP addresses."""

import socket
from typing import TYPE_CHECKING

from procman.config.schema.kinds.numbers import accept_int
from procman.config.schema.kinds.text import text_kind
from procman.config.schema.options import Kind, Unfit

if TYPE_CHECKING:
    from urllib.parse import SplitResult

MAX_PORT = 0xFFFF

# The first bytes of loopback addresses; an IPv4 address may also be written in IPv6's form.
_LOOPBACK = ((socket.AF_INET, b"\x7f"), (socket.AF_INET6, (bytes(15) + b"\x01", bytes(10) + b"\xff\xff\x7f")))

URL = text_kind("URL", "a URL such as unix:///run/procman.sock or http://localhost:9001")


def host_and_port(text: str) -> tuple[str, int]:
    """("localhost", 9001) for localhost:9001; the host is "" for every interface (*:9001, :9001, 9001).

    An IPv6 address may stand in brackets, and is returned without them.
    """
    host, colon, digits = text.rpartition(":")
    if colon and not digits:
        raise Unfit("expected a port number after the colon")
    if "//" in host:
        raise Unfit("expected host:port, without a scheme before it")
    port = int(digits)
    if not 1 <= port <= MAX_PORT:
        raise Unfit("expected a port from 1 to 65535")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    return "" if host == "*" else host.lower(), port


def is_loopback(host: str) -> bool:
    """Tell, without a look-up, whether only this machine can reach a server that listens there.

    True for 127.0.0.0/8 and ::1 in their usual forms, and for the names that RFC 6761 reserves for them.
    """
    name = host.removesuffix(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    for family, loopback in _LOOPBACK:
        try:
            return socket.inet_pton(family, host).startswith(loopback)
        except (OSError, ValueError):
            continue
    return False


def _accept_port(value: object) -> int:
    return host_and_port(value if isinstance(value, str) else str(accept_int(value)))[1]


ADDRESS: Kind[int] = Kind(
    name="port or host:port",
    expected="a port, or host:port such as 127.0.0.1:9001 or [::1]:9001",
    slug="bad-port",
    parse=lambda text: host_and_port(text)[1],
    accept=_accept_port,
    schema={"type": ["integer", "string"]},
)


def split_url(url: str) -> "SplitResult":
    """The parts of a URL; raises ValueError, as its `port` does where that is no number."""
    # It imports ipaddress: 2 ms and 0.4 MiB in every master, for the few files with a web hook or a look by HTTP.
    from urllib.parse import urlsplit  # noqa: PLC0415

    return urlsplit(url)
