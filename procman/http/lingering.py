"""A lingering close: the time for which a server reads on, and discards, after an answer that ends a connection.

With unread bytes behind it, a close would be a reset, and the client might never see the answer.
"""

import asyncio
from collections.abc import Callable

from procman.http.limits import Limits

# What is discarded may be large, and goes by faster in large pieces. This takes no memory before its first use.
discarded = memoryview(bytearray(256 * 1024))


class Lingering:
    """Of one connection: while its client sends, but no longer than a request may take."""

    def __init__(self, loop: asyncio.AbstractEventLoop, limits: Limits, end: Callable[[], object]) -> None:
        """`end` is called when it is over."""
        self._loop = loop
        self._pause = limits.linger
        self._until = loop.time() + limits.request_timeout
        self._end = end
        self.heard = False  # something came since the last look
        self.timer = loop.call_later(self._pause, self._look)

    def _look(self) -> None:
        """A server that was busy reads only now what was sent meanwhile: that is before its timers."""
        if self.heard and self._loop.time() < self._until:
            self.heard = False
            self.timer = self._loop.call_later(self._pause, self._look)
        else:
            self._end()
