"""Why a destination cannot be written: reported once when it begins, and once when it ends, with its cost.

However many writes fail in between, nothing more is reported, and the destination is tried once a second at most.
"""

import errno
import os
from collections.abc import Callable

RETRY_AFTER = 1.0  # seconds


class WriteFailure:
    """The present failure of one destination, if any, and the bytes it has lost so far."""

    __slots__ = ("_clock", "_lost_reported", "_report", "_retry_at", "lost", "text")

    def __init__(self, report: Callable[[str], None], clock: Callable[[], float]) -> None:
        self.text: str | None = None  # the failure, while it lasts
        self.lost = 0  # bytes, ever
        self._report = report
        self._clock = clock
        self._lost_reported = 0  # of those, when a failure last ended
        self._retry_at = 0.0

    def begin(self, text: str, *, lost: int = 0) -> None:
        """Note a failure that lost `lost` bytes; report it unless it continues an earlier one."""
        self.lost += lost
        self._retry_at = self._clock() + RETRY_AFTER
        if self.text is None:
            self.text = text
            self._report(text)  # last: the report may come back here through the master's own log

    @property
    def is_backing_off(self) -> bool:
        """Whether it is too early to try again, or to report that the failure is over."""
        return self.text is not None and self._clock() < self._retry_at

    def retry_now(self) -> None:
        """Allow a new try before the second has passed."""
        self._retry_at = 0.0

    def end(self, text: str) -> None:
        """Report that the failure is over; {lost} in the text becomes the number of bytes lost meanwhile."""
        if self.text is not None:
            lost, self._lost_reported = self.lost - self._lost_reported, self.lost
            self.text = None
            self._report(text.replace("{lost}", _bytes(lost)))


def write_all(write: Callable[[bytes | memoryview], int], data: bytes | memoryview) -> tuple[int, OSError | None]:
    """Write as much as possible; return how many bytes are left, and the error that stopped it."""
    left = len(data)
    try:
        left -= write(data)
        while left:
            written = write(memoryview(data)[-left:])
            if not written:  # a file system in user space may answer so; retrying would not end
                return left, OSError(errno.EIO, os.strerror(errno.EIO))
            left -= written
    except OSError as error:
        return left, error
    return 0, None


def _bytes(count: int) -> str:
    return "nothing was lost" if not count else f"{count} byte{'' if count == 1 else 's'} of it were lost"
