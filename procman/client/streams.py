"""Answers without an end as iterators: lines of JSON, server-sent events, bytes."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from typing import Self

    from procman.client.transport import Pieces

T = TypeVar("T")
Reader = Callable[[Callable[[], Coroutine[Any, Any, bytes]]], AsyncIterator[T]]


class AsyncStream(AsyncIterator[T], Generic[T]):
    """The items of an answer as they arrive.

    Use it in an `async with`: the master has accepted the request when that begins, and it is closed with it. Without
    that, it is asked for with the first item.
    """

    def __init__(self, begin: Callable[[], Coroutine[Any, Any, Pieces]], read: Reader[T]) -> None:
        """`begin` asks for the answer, `read` makes items of its pieces."""
        self._begin = begin
        self._pieces: Pieces | None = None
        self._items = read(self._more)
        self._closed = False
        self.patience: float = 0  # seconds that the next bytes may take, then Unreachable has errno EAGAIN; 0: no limit

    async def _opened(self) -> Pieces:
        if self._pieces is None:
            self._pieces = await self._begin()
        return self._pieces

    async def _more(self) -> bytes:
        return b"" if self._closed else await (await self._opened()).more(self.patience)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        try:
            return await anext(self._items)
        except BaseException:
            await self.close()  # it has ended, or whoever has waited was cancelled
            raise

    async def close(self) -> None:
        """Leave; the master notices that."""
        self._closed = True
        if self._pieces is not None:
            await self._pieces.close()

    async def __aenter__(self) -> Self:
        await self._opened()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


class Stream(Iterator[T], Generic[T]):
    """The items of an answer as they arrive.

    Use it in a `with`: the master has accepted the request when that begins, and it is closed with it. Without that, it
    is asked for with the first item.
    """

    def __init__(self, inner: AsyncStream[T]) -> None:
        """`inner` is one over a blocking transport."""
        self._inner = inner

    def __next__(self) -> T:
        try:
            return at_once(self._inner.__anext__())
        except StopAsyncIteration:
            raise StopIteration from None

    def close(self) -> None:
        """Leave; the master notices that."""
        at_once(self._inner.close())

    def __enter__(self) -> Self:
        at_once(self._inner.__aenter__())
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def at_once(work: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine over a blocking transport: it never waits, so it is over at once."""
    try:
        work.send(None)
    except StopIteration as over:
        result: T = over.value
        return result
    raise AssertionError("a blocking transport does not wait")


async def lines(more: Callable[[], Coroutine[Any, Any, bytes]]) -> AsyncIterator[bytes]:
    """Whole lines without their ends; what has none at the end is one, too."""
    pending = b""
    while piece := await more():
        *whole, pending = (pending + piece).split(b"\n")
        for line in whole:
            yield line
    if pending:
        yield pending


async def json_lines(more: Callable[[], Coroutine[Any, Any, bytes]]) -> AsyncIterator[Any]:
    """The values of lines of JSON; an empty line only shows that the connection lives."""
    async for line in lines(more):
        if line.strip():
            yield json.loads(line.decode("utf-8", "surrogateescape"))


async def events(more: Callable[[], Coroutine[Any, Any, bytes]]) -> AsyncIterator[tuple[str, Any]]:
    """Server-sent events: their names and their data, which is JSON."""
    name, data = "", ""
    async for line in lines(more):
        field, _, value = line.rstrip(b"\r").decode().partition(":")
        if field == "event":
            name = value.strip()
        elif field == "data":
            data += value.strip()
        elif not line.strip():
            if data:
                yield name, json.loads(data)
            name, data = "", ""


async def pieces(more: Callable[[], Coroutine[Any, Any, bytes]]) -> AsyncIterator[bytes]:
    """The bytes as they arrive."""
    while piece := await more():
        yield piece
