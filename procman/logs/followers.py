"""Readers of a ring as it grows: on the loop, and from the thread of a disk that splices past the loop."""

import asyncio
import threading
from collections.abc import Callable

from procman.logs.ring import Ring


class RingFollower:
    """Reads a ring as it grows, as slowly as it likes: what it misses is counted, and costs no memory."""

    def __init__(self, ring: Ring, position: int | None = None) -> None:
        """Begin at a position of the ring, or with what comes next."""
        self._ring = ring
        self._position = ring.end if position is None else position
        self._changed = asyncio.Event()
        self._unfollow = ring.follow(self._changed.set)

    async def read(self) -> tuple[bytes, int]:
        """Wait for new bytes; return them with the number of bytes missed before them. b"" is the end of the ring."""
        while True:
            self._changed.clear()
            data, self._position, missed = self._ring.read(self._position)
            if data or missed or self._ring.closed:
                return data, missed
            await self._changed.wait()

    def seek(self, position: int) -> None:
        """Go on from there."""
        self._position = position

    def close(self) -> None:
        """Stop following."""
        self._unfollow()


class SplicedFollower:
    """Copies what is spliced into a file to a ring on the loop, and never holds more of it than the ring does.

    `add` runs on the thread of the disk, all else on the loop.
    """

    def __init__(self, ring: Ring, call_on_loop: Callable[[Callable[[], object]], None]) -> None:
        self.delivered = 0  # bytes that are in the ring, or were missed
        self._ring = ring
        self._call_on_loop = call_on_loop
        self._lock = threading.Lock()
        self._pending = Ring(ring.capacity)
        self._will_deliver = False

    @property
    def is_wanted(self) -> bool:
        """Whether the ring has followers."""
        return self._ring.followed

    @property
    def added(self) -> int:
        """How many bytes were spliced so far."""
        return self._pending.end

    def add(self, data: bytes) -> None:
        """On the thread: these bytes went into the file."""
        with self._lock:
            self._pending.append(data)
            will_deliver, self._will_deliver = self._will_deliver, True
        if not will_deliver:
            self._call_on_loop(self.deliver)

    def deliver(self) -> None:
        """On the loop: let the ring have what has come until now."""
        with self._lock:
            data, self.delivered, missed = self._pending.read(self.delivered)
            self._pending.clear()  # 64 KiB, for each log that ever had a follower
            self._will_deliver = False
        if not self.is_wanted:
            self._ring.skip(missed + len(data))
            return
        if missed:
            self._ring.skip(missed)
        if data:
            self._ring.append(data)
