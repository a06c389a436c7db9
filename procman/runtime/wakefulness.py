"""Whether the loop was awake: it may have been kept from its work by a busy machine, a SIGSTOP or a suspend.

Who judges others by the time that they take asks this first. It costs a timer while somebody watches, and nothing else.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# It ticks so many times within the time that a watch is about, so that a long sleep does not fall between two ticks.
TICKS = 8
SHORTEST_TICK = 0.01
LONGEST_TICK = 1.0
# Less than that is not worth remembering, in seconds; nor are more sleeps than that.
WORTH_A_NOTE = 0.01
MOST = 1000


class Wakefulness:
    """Of the running loop."""

    def __init__(self) -> None:
        """To be used where there is a loop."""
        self._ticks: dict[int, float] = {}  # of each watch, in seconds
        self._last_watch = 0
        self._sleeps: deque[tuple[float, float]] = deque(maxlen=MOST)  # when they ended, and how long they were
        self._timer: asyncio.TimerHandle | None = None
        self._tick = LONGEST_TICK  # of the timer
        self._due = 0.0  # when the timer is due

    @contextmanager
    def watch(self, seconds: float) -> Iterator[Callable[[], float]]:
        """Watch the loop over something that takes so many seconds at most.

        What it gives says how long the loop, or the whole machine, has done nothing at a time since then, in seconds.
        """
        began, before = time.monotonic(), suspended()
        self._last_watch += 1
        number = self._last_watch
        if not self._ticks:
            self._sleeps.clear()
        tick = self._ticks[number] = min(max(seconds / TICKS, SHORTEST_TICK), LONGEST_TICK)
        if self._timer is None or tick < self._tick:
            self._tick = tick
            self._arm()
        try:
            yield lambda: max(self._longest_sleep(began), suspended() - before)
        finally:
            del self._ticks[number]

    def _longest_sleep(self, since: float) -> float:
        self._note(time.monotonic())
        return max((length for when, length in self._sleeps if when >= since), default=0.0)

    def _arm(self) -> None:
        if self._timer is not None:
            self._note(time.monotonic())
            self._timer.cancel()
        self._due = time.monotonic() + self._tick
        self._timer = asyncio.get_running_loop().call_later(self._tick, self._ring)

    def _ring(self) -> None:
        self._note(time.monotonic())
        self._timer = None
        if self._ticks:
            self._tick = min(self._ticks.values())
            self._arm()

    def _note(self, now: float) -> None:
        late = now - self._due
        if self._timer is not None and late >= WORTH_A_NOTE:
            self._sleeps.append((now, late))


def suspended() -> float:
    """How long the machine was suspended since its boot, in seconds."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) - time.clock_gettime(time.CLOCK_MONOTONIC)
