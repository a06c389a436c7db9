"""Runs blocking calls for the event loop in threads, one after the other.

The configuration is read in this way, so that neither a thousand programs in it nor a hanging disk blocks the loop.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from procman.system.blocking import BlockingCall, NoThread

T = TypeVar("T")


class TakesTooLong(Exception):
    """The call has not ended in time, and continues."""


class CallQueue:
    """Runs calls, each when the previous one has ended."""

    def __init__(self, within: float, on_end: Callable[[], object] = lambda: None) -> None:
        """`within` is how long a caller waits for its call, in seconds; `on_end` is called when any call has ended."""
        self._on_end = on_end
        self._within = within
        self._under_way: asyncio.Future[None] | None = None

    @property
    def busy(self) -> bool:
        """Whether a call is running."""
        return self._under_way is not None

    async def do(self, call: Callable[[], T]) -> T:
        """Return or raise what the call does; raises TakesTooLong if it, or the queue before it, takes too long."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self._within
        while self._under_way is not None:
            await _wait(self._under_way, until)
        ended = self._under_way = loop.create_future()

        def tell() -> None:
            with suppress(RuntimeError):  # the loop has been closed meanwhile
                loop.call_soon_threadsafe(self._has_ended, ended)

        try:
            blocking = BlockingCall(call, tell)
        except NoThread:  # the only way is to block the loop
            try:
                return call()
            finally:
                self._has_ended(ended)
        await _wait(ended, until)
        return blocking.result()

    def _has_ended(self, ended: "asyncio.Future[None]") -> None:
        ended.set_result(None)
        self._under_way = None
        self._on_end()


async def _wait(ended: "asyncio.Future[None]", until: float) -> None:
    # Not wait_for, which before Python 3.12 may swallow a cancellation.
    await asyncio.wait({ended}, timeout=until - asyncio.get_running_loop().time())
    if not ended.done():
        raise TakesTooLong
