"""A sink for one client that reads all that a program writes, and makes the program wait if it is slow.

It holds LIMIT bytes. If they are not read for PATIENCE seconds, the client is taken to be stopped: from then on what
does not fit is left out and counted, so that a client that hangs never holds a program for long.
"""

import asyncio
from collections.abc import Callable

LIMIT = 1 << 18
PATIENCE = 10.0


class Tap:
    """What one client has not read yet of one stream. It is on the loop, as is its reader."""

    path = None
    problem = None
    lost = 0  # what the client misses is in the log

    def __init__(self, wake: Callable[[], None], patience: float = PATIENCE) -> None:
        """`wake` is called when there is something to read."""
        self._wake = wake
        self._patience = patience
        self._held = bytearray()
        self._missed = 0
        self._gave_up = False
        self._waits: Callable[[], None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def ready(self) -> bool:
        """Whether it takes more."""
        return self._gave_up or len(self._held) < LIMIT

    def write(self, data: bytes) -> bool:
        """Keep it for the reader."""
        if self._gave_up and len(self._held) >= LIMIT:
            self._missed += len(data)
        else:
            self._held += data
        self._wake()
        if not self.ready and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._patience, self._give_up)
        return self.ready

    def take(self) -> tuple[bytes, int]:
        """What there is now, and how many bytes are missing after it."""
        data, missed = bytes(self._held), self._missed
        self._held.clear()
        self._missed, self._gave_up = 0, False
        self._go_on()
        return data, missed

    def on_ready(self, callback: Callable[[], None]) -> None:
        """Call back once, when there is room again."""
        if self.ready:
            callback()
        else:
            self._waits = callback

    def end(self) -> None:
        """The pipe of a run has ended; what it wrote is still to be read."""

    def reopen(self) -> None:
        """Nothing is open."""

    async def clear(self) -> None:
        """What was written is the client's."""

    def close(self) -> None:
        """The client has gone."""
        self._held.clear()
        self._gave_up = True
        self._go_on()

    def _give_up(self) -> None:
        self._gave_up = True
        self._go_on()

    def _go_on(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        waits, self._waits = self._waits, None
        if waits is not None:
            waits()
