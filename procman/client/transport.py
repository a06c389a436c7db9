"""What a typed client needs of a connection, and the way over blocking sockets."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from procman.client import api_client
from procman.client.address import Settings, find, read_token
from procman.client.tls_files import TlsFiles
from procman.client.wire import Unreachable

if TYPE_CHECKING:
    from collections.abc import Awaitable


class Pieces(Protocol):
    """The bytes of an answer that has no end, or a late one."""

    def more(self, patience: float, /) -> Awaitable[bytes]:
        """The next ones, b"" at the end; raises Unreachable, with EAGAIN after so many seconds (0: no limit)."""

    def close(self) -> Awaitable[None]:
        """Leave; the master notices that."""


class Transport(Protocol):
    """Ways to one master. Errors are those of `refusals`, and Unreachable."""

    def exchange(self, method: str, path: str, data: bytes | None, patience: float, /) -> Awaitable[bytes]:
        """The body of an answer; `patience` is in seconds (0: no limit)."""

    def stream(self, method: str, path: str, data: bytes | None, /) -> Awaitable[Pieces]:
        """An answer as it arrives, over a connection of its own."""

    def close(self) -> Awaitable[None]:
        """Close what is kept open."""


class Addressed:
    """What both clients are made with; what is not given is found as procmanctl finds it."""

    def __init__(
        self,
        address: str | None = None,
        *,
        config_file: str | None = None,
        username: str | None = None,
        password: str | None = None,
        token: str | None = None,
        cacert: str | None = None,
        cert: str | None = None,
        key: str | None = None,
    ) -> None:
        settings = find(url=address, config_file=config_file, username=username, password=password)
        if settings.url is None:
            raise Unreachable(*settings.missing)
        settings.token = read_token(None) if token is None else token
        settings.tls = TlsFiles(cacert, cert, key)
        self._use(settings)

    def _use(self, settings: Settings) -> None:
        raise NotImplementedError


class BlockingTransport:
    """Over `api_client`. Its coroutines never wait for a loop: they are over when they return for the first time."""

    def __init__(self, settings: Settings) -> None:
        assert settings.url is not None
        self._client = api_client.Client(
            settings.url, settings.username, settings.password, token=settings.token, tls=settings.tls
        )

    async def exchange(self, method: str, path: str, data: bytes | None, patience: float, /) -> bytes:
        """The body of an answer."""
        return self._client.exchange(method, path, data, patience=patience)

    async def stream(self, method: str, path: str, data: bytes | None, /) -> Pieces:
        """An answer as it arrives."""
        return _BlockingPieces(self._client.stream(method, path, data))

    async def close(self) -> None:
        """Close the kept connection."""
        self._client.close()


class _BlockingPieces:
    def __init__(self, stream: api_client.Stream) -> None:
        self._stream = stream

    async def more(self, patience: float, /) -> bytes:
        self._stream.wait_at_most(patience)
        return next(self._stream, b"")

    async def close(self) -> None:
        with suppress(OSError), self._stream:
            pass
