"""Whether a disk answers: watched by the loop as long as the disk's thread has something to do.

A disk is *stuck* as soon as one wait for it was in vain; from then on nothing waits for it, until it answers. It is
*unresponsive* once that has lasted so long that it was reported. It is *suspect* for a while after a slow call.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

# For how long after an answer a disk need not be probed before it is given a pipe to read, in seconds.
ANSWER_HOLDS = 0.02
# How long the loop waits for disks in one turn, and for one call, in seconds.
LOOP_WAIT = 0.05
# A call that takes so long makes the disk suspect, and for how long; in seconds.
SLOW = 0.25
SUSPECT_FOR = 60.0
# How often a busy thread is checked for progress, in seconds.
CHECK_INTERVAL = 1.0
# After how long a stuck disk is reported, in seconds.
REPORT_AFTER = 2.0


class LoopSide:
    """The loop, for the workers of all disks; and how long it may still wait for disks in this turn."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        report: Callable[[str], None],
        on_answer: Callable[[], None],
        clock: Callable[[], float],
        *,
        turn_limit: float,
        call_limit: float,
    ) -> None:
        """`report` and `on_answer` are called on the loop: a disk does not answer, or answers again."""
        self.loop = loop
        self.report = report
        self.on_answer = on_answer
        self.clock = clock
        self.turn_limit = turn_limit  # seconds; math.inf once the loop need not go on
        self.call_limit = call_limit
        self._waited = 0.0  # in this turn
        self._will_reset = False

    @property
    def wait_limit(self) -> float:
        """How long one wait may take now, in seconds. Of a loop that does not run, each wait is a turn."""
        if not self.loop.is_running():
            return self.call_limit
        return max(0.0, min(self.call_limit, self.turn_limit - self._waited))

    def note_wait(self, seconds: float) -> None:
        """The loop has waited for that long."""
        self._waited += seconds
        if not self._will_reset:
            self._will_reset = True
            self.loop.call_soon(self._reset)

    def _reset(self) -> None:
        self._waited = 0.0
        self._will_reset = False

    def call_soon(self, function: Callable[[], object]) -> None:
        """From a thread: have the loop call it, unless the loop is closed."""
        try:
            self.loop.call_soon_threadsafe(function)
        except RuntimeError:
            pass


class Watched(Protocol):
    """The thread of a disk, as its watchdog sees it."""

    @property
    def turn(self) -> int:
        """Grows with each call that begins."""

    @property
    def is_asleep(self) -> bool:
        """Whether the thread is waiting for something to do."""

    def is_idle(self) -> bool:
        """Whether the thread is asleep, and has been given nothing."""

    @property
    def is_closed(self) -> bool:
        """Whether the thread is to end."""


class DiskHealth:
    """Of one disk. `report_timeout`, `check` and `note_recovery` run on the loop, the rest where stated."""

    def __init__(self, folder: str, thread: Watched, side: LoopSide) -> None:
        """`folder` names the disk in messages."""
        self.is_stuck = False
        self.is_unresponsive = False
        # Written by both sides without a lock: the side that sees False starts the watch; twice would do no harm.
        self.is_watched = False
        self._folder = folder
        self._thread = thread
        self._side = side
        self._timer: asyncio.TimerHandle | None = None
        self._turn_seen = 0
        self._stuck_since = 0.0
        self._answered_until = 0.0
        self._suspect_until = 0.0

    @property
    def has_answered(self) -> bool:
        """Whether it answered a moment ago."""
        return self._side.clock() < self._answered_until

    @property
    def is_suspect(self) -> bool:
        """Whether it was slow not long ago."""
        return self._side.clock() < self._suspect_until

    def note_answer(self) -> None:
        """On the thread: a probe was answered."""
        self._answered_until = self._side.clock() + ANSWER_HOLDS

    def note_call(self, began: float) -> None:
        """On the thread: a call that began then has ended."""
        now = self._side.clock()
        if now - began > SLOW:
            self._suspect_until = now + SUSPECT_FOR
            self._answered_until = 0.0
        self.note_progress()

    def note_progress(self) -> None:
        """On the thread: it is not stuck any more, if it was."""
        if self.is_stuck:
            self._side.call_soon(self.note_recovery)

    def watch(self) -> None:
        """On the loop: check for progress from time to time, as long as the thread has something to do."""
        if self._timer is None:
            self._turn_seen = self._thread.turn
            self._timer = self._side.loop.call_later(CHECK_INTERVAL, self._check)

    def note_timeout(self) -> None:
        """On the loop: a wait was in vain."""
        if not self.is_stuck:
            self._stuck_since = self._side.clock() - LOOP_WAIT
            self.is_stuck = True
            if self._thread.is_asleep:  # the thread cannot have seen the flag
                self.note_recovery()

    def note_recovery(self) -> None:
        """On the loop: the disk answers again."""
        if not self.is_stuck:
            return
        self.is_stuck = False
        if self.is_unresponsive:
            self.is_unresponsive = False
            seconds = self._side.clock() - self._stuck_since
            self._side.report(f"the disk of {self._folder} answers again, after {seconds:.0f} seconds")
        self._side.on_answer()

    def _check(self) -> None:
        self._timer = None
        if self._thread.is_closed:
            return
        if self._thread.is_idle():
            self.is_watched = False
            if self._thread.is_idle():  # else it woke up at this very moment, and may have read True
                return
            self.is_watched = True
        elif self._thread.turn == self._turn_seen:
            self.note_timeout()
            if self.is_stuck and not self.is_unresponsive and self._side.clock() - self._stuck_since >= REPORT_AFTER:
                self.is_unresponsive = True
                self._side.report(
                    f"the disk of {self._folder} does not answer; what is to be written there waits, and everything "
                    "else goes on"
                )
        self.watch()
