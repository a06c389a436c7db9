"""Why a destination cannot be written: said once when it begins, once when it ends, with what it cost.

However many writes fail between the two, nothing more is said, and the destination is tried once a second at most.
"""

import errno
import os
from collections.abc import Callable

RETRY_AFTER = 1.0  # seconds


class WriteFailure:
    """The present trouble of one destination, if any, and the bytes lost since it exists."""

    __slots__ = ("_clock", "_lost_told", "_rest_until", "_say", "lost", "text")

    def __init__(self, say: Callable[[str], None], clock: Callable[[], float]) -> None:
        self.text: str | None = None  # what is the matter now
        self.lost = 0  # bytes, ever
        self._say = say
        self._clock = clock
        self._lost_told = 0  # of them, when a trouble last ended
        self._rest_until = 0.0

    def begin(self, text: str, *, lost: int = 0) -> None:
        """Note a failure that cost `lost` bytes; say so unless it goes on from the one before."""
        self.lost += lost
        self._rest_until = self._clock() + RETRY_AFTER
        if self.text is None:
            self.text = text
            self._say(text)  # last: what is said may come back here by way of the master's own log

    @property
    def resting(self) -> bool:
        """Whether it is too early to try again, or to believe that the trouble is over."""
        return self.text is not None and self._clock() < self._rest_until

    def try_now(self) -> None:
        """Somebody asked for a new try: do not wait for the second to pass."""
        self._rest_until = 0.0

    def end(self, text: str) -> None:
        """Say that it is over; {lost} in the text becomes what was lost meanwhile."""
        if self.text is not None:
            lost, self._lost_told = self.lost - self._lost_told, self.lost
            self.text = None
            self._say(text.replace("{lost}", _bytes(lost)))


def write_all(write: Callable[[bytes | memoryview], int], data: bytes | memoryview) -> tuple[int, OSError | None]:
    """Write as much as can be written: how many bytes are left, and what stopped it."""
    left = len(data)
    try:
        left -= write(data)
        while left:
            written = write(memoryview(data)[-left:])
            if not written:  # a file system in user space may answer so; asking again would not end
                return left, OSError(errno.EIO, os.strerror(errno.EIO))
            left -= written
    except OSError as error:
        return left, error
    return 0, None


def _bytes(count: int) -> str:
    return "nothing was lost" if not count else f"{count} byte{'' if count == 1 else 's'} of it were lost"
