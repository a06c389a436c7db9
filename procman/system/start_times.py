"""Identifies children right after their start, by the clock where that is enough.

A look at /proc/PID/stat while the child executes its program costs a twentieth of a start. The kernel takes the start
time of a process from CLOCK_BOOTTIME (`copy_process` in kernel/fork.c), and /proc has it in whole ticks. So where no
tick has passed around a start, the time is known without a look.

That /proc goes by this clock is not assumed: the first starts are looked at, and one that differs ends it for good.
"""

import time
from collections.abc import Callable

from procman.system.proc import TICKS, Identity, identify

# After so many starts that /proc has confirmed, the clock is trusted.
CONFIRMED = 8

_TICK = 1_000_000_000 // TICKS  # in nanoseconds


def _now() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // _TICK


class StartTimes:
    """Call `now` right before a start, and `identify` right after it."""

    def __init__(self, now: Callable[[], int] = _now, look_at: Callable[[int], Identity | None] = identify) -> None:
        """`now` are the clock ticks since boot; `look_at` is `proc.identify`."""
        self.now = now
        self._look_at = look_at
        self._unconfirmed = CONFIRMED  # starts until the clock is trusted
        self._differs = False

    def identify(self, pid: int, before: int) -> Identity | None:
        """The child that was started since `before`, and is not reaped yet; None if /proc does not have it.

        Raises OSError if there are no descriptors left.
        """
        sure = self.now() == before
        if sure and not (self._unconfirmed or self._differs):
            return Identity(pid, before)
        found = self._look_at(pid)
        if sure and self._unconfirmed and found is not None:
            self._differs |= found.start != before
            self._unconfirmed -= 1
        return found
