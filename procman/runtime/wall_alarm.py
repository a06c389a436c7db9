"""Rings at a time of the clock on the wall, and when that is set, on the running loop; between, nothing wakes.

Where the kernel has no such timers for us (a sandbox), the clock is looked at once a minute while a time is set.
"""

import asyncio
import time
from collections.abc import Callable

from procman.system.clock_timer import ClockTimer

# How long the clock is not looked at where no timer tells that it was set.
LOOK_EVERY = 60.0
# A smaller difference between the clocks is no step but an adjustment: see adjtimex(2).
STEP = 2.0


class WallAlarm:
    """One alarm."""

    def __init__(
        self,
        ring: Callable[[bool], None],
        *,
        clock: Callable[[], float] = time.time,
        make_timer: Callable[[], ClockTimer] = ClockTimer,
    ) -> None:
        """`ring` is told whether the clock was set. The timer is made when a time is first set."""
        self._ring = ring
        self._clock = clock
        self._make_timer = make_timer
        self._timer: ClockTimer | None = None
        self._has_none = False
        self._again: asyncio.TimerHandle | None = None
        self._apart = 0.0  # the two clocks, when the time was set

    def set(self, when: float | None) -> None:
        """Ring then, instead of at the time before; None: not at all."""
        self._look_no_more()
        if when is None:
            if self._timer is not None:
                self._timer.unset()
            return
        if self._timer is None and not self._has_none:
            self._begin()
        if self._timer is not None:
            self._timer.set(when)
            return
        loop = asyncio.get_running_loop()
        self._apart = self._clock() - loop.time()
        self._again = loop.call_later(max(0.0, min(when - self._clock(), LOOK_EVERY)), self._look)

    def close(self) -> None:
        """Ring no more, and give the timer back."""
        self._look_no_more()
        if self._timer is not None:
            asyncio.get_running_loop().remove_reader(self._timer.fd)
            self._timer.close()
            self._timer = None

    def _begin(self) -> None:
        try:
            self._timer = self._make_timer()
        except OSError:
            self._has_none = True
        else:
            asyncio.get_running_loop().add_reader(self._timer.fd, self._rings)

    def _rings(self) -> None:
        assert self._timer is not None
        self._ring(self._timer.take())

    def _look(self) -> None:
        self._again = None
        apart = self._clock() - asyncio.get_running_loop().time()
        self._ring(abs(apart - self._apart) > STEP)

    def _look_no_more(self) -> None:
        if self._again is not None:
            self._again.cancel()
            self._again = None
