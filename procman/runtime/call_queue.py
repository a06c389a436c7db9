"""Blocking calls for the running loop, one after the other.

The configuration is read through one, so that neither a thousand programs in it nor a disk that does not answer hold
up anything else.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from procman.system.blocking import BlockingCall, NoThread

T = TypeVar("T")


class TakesTooLong(Exception):
    """The call has not ended in time, and goes on."""


class CallQueue:
    """Makes calls, each when the one before it has ended."""

    def __init__(self, within: float, on_end: Callable[[], object] = lambda: None) -> None:
        """`within` is how long a caller waits for its call, in seconds; `on_end` is called when any call has ended."""
        self._on_end = on_end
        self._within = within
        self._under_way: asyncio.Future[None] | None = None

    @property
    def busy(self) -> bool:
        """Whether a call is under way."""
        return self._under_way is not None

    async def do(self, call: Callable[[], T]) -> T:
        """What the call returns or raises; TakesTooLong where it, or what is before it, does not end in time."""
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
        except NoThread:  # there is no other way than to hold up the loop
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
    # Not wait_for, which before Python 3.12 may take a cancellation for nothing.
    await asyncio.wait({ended}, timeout=until - asyncio.get_running_loop().time())
    if not ended.done():
        raise TakesTooLong
