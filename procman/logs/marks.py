"""Where a log was at which time, to within a second, so that its end can be shown from a moment on.

Bytes have no times of their own. Memory is bounded: of a long past fewer moments are kept.
"""

import time
from bisect import bisect_right
from collections.abc import Callable

# So many moments are kept at most; then every other one is dropped.
MOST = 512
# Of moments that are closer together, in seconds, only the last is kept.
APART = 1.0


class Marks:
    """Of one file, or one stream. One thread notes; any may read."""

    def __init__(self, wall: Callable[[], float] = time.time) -> None:
        """`wall` is the time of day, in seconds since the epoch."""
        self._wall = wall
        # The end of the log at a time: all before that place was written until then. In order, unless the clock steps.
        self._known: list[tuple[float, int]] = []

    def begin(self, end: int, moment: float) -> None:
        """The log is this long, and was last written then."""
        self._known = [(moment, end)]

    def note(self, end: int) -> None:
        """It has become this long now."""
        known, now = self._known, self._wall()
        if known and (end < known[-1][1] or now < known[-1][0]):
            # It was emptied, or the clock was put back: what is known so far has no place in the order any more.
            known[:] = [(now, end)]
        elif len(known) > 1 and now - known[-2][0] < APART:
            known[-1] = now, end
        else:
            known.append((now, end))
            if len(known) > MOST:
                self._known = [*known[1:-2:2], *known[-2:]]

    def since(self, moment: float) -> int:
        """The place of the first byte that may have been written after that moment; 0 if that was before all marks."""
        known = tuple(self._known)
        place = bisect_right(known, (moment, 1 << 62))
        return known[place - 1][1] if place else 0

    def parts(self, start: int, end: int) -> list[tuple[float, int]]:
        """What lies between these places: until when each part was written, and where it ends."""
        found = [(moment, place) for moment, place in tuple(self._known) if start < place < end]
        last = next((moment for moment, place in tuple(self._known) if place >= end), self._wall())
        return [*found, (last, end)] if end > start else []
