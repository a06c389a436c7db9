"""Restarts of one process by policy: how long the next one waits, and whether it may be at all. No I/O, no clock.

- The delay is that of `core.backoff`; `troubles` counts since the last run that was long enough.
- `restart_limit` is a sliding window: one more restart than it allows within its time is not done.
- The brake: a process that has been started more than BRAKE_STARTS times in BRAKE_WINDOW seconds is started at most
  once a second, until a run has lasted for BRAKE_WINDOW. Otherwise a program that ends at once, with startsecs=0, is
  started hundreds of times a second.
- What an operator asks for is never counted, and begins everything anew.
"""

from collections import Counter
from dataclasses import dataclass

from procman.core.backoff import reset_after, retry_delay
from procman.core.spec import ProcessSpec

BRAKE_STARTS = 10
BRAKE_WINDOW = 10.0  # seconds
BRAKE_DELAY = 1.0
BRAKED = f"started more than {BRAKE_STARTS} times in {BRAKE_WINDOW:g} s: from now on at most once a second"


@dataclass(frozen=True, slots=True)
class Next:
    """What becomes of a restart."""

    delay: float | None  # seconds until it is started; None: it is not, as the limit is reached
    text: str  # why it is not, or not at once


@dataclass(slots=True)
class Restarts:
    """What there was of them lately. `now` is in seconds of the core's clock."""

    troubles: int = 0  # ends and failed starts in a row, without a run that was long enough
    window: tuple[tuple[float, str], ...] = ()  # when each of the latest restarts was decided, and why
    starts: tuple[float, ...] = ()  # when the latest starts were ordered, at most BRAKE_STARTS + 1
    braking: bool = False

    def forget(self) -> None:
        """An operator has asked for something."""
        self.troubles = 0
        self.window = self.starts = ()
        self.braking = False

    def started(self, now: float) -> None:
        """A start was ordered."""
        self.starts = (*self.starts[-BRAKE_STARTS:], now)

    def ended(self, spec: ProcessSpec, age: float) -> None:
        """A run has ended at that age, in seconds; a start that failed has the age 0."""
        self.troubles = 0 if age >= reset_after(spec) else self.troubles + 1
        if age >= BRAKE_WINDOW:
            self.braking = False
            self.starts = ()

    def decide(self, spec: ProcessSpec, reason: str, now: float, *, failures: int, chance: float, brake: bool) -> Next:
        """What becomes of one more restart; it is counted unless it is refused.

        Args:
            spec: the definition that is started next.
            reason: what has ended the run before, for the words about a limit.
            now: when it was decided.
            failures: failed starts in a row; 0 after a run that was up.
            chance: the part of the delay that is added to it.
            brake: whether the brake is on.
        """
        text = self._limit_reached(spec, now)
        if text:
            what, seconds = spec.on_restart_limit
            if what != "wait":
                return Next(None, text)
            self.window = ()
            return Next(seconds, f"{text}: next try in {seconds:g} s")
        self._note(spec, reason, now)
        in_trouble = failures > 0 or (spec.backoff is not None and self.troubles > 0)
        delay = retry_delay(spec, failures, self.troubles) * (1 + chance) if in_trouble else 0.0
        self.braking = brake and (self.braking or self._too_many(now))
        if self.braking and self.starts and self.starts[-1] + BRAKE_DELAY > now + delay:
            return Next(self.starts[-1] + BRAKE_DELAY - now, BRAKED)
        return Next(delay, f"next try in {round(delay, 2):g} s" if delay else "")

    def _limit_reached(self, spec: ProcessSpec, now: float) -> str:
        """Why one more restart is too many, such as "5 restarts in 60 s (3 x exit status 1)"; "" if it is not."""
        if spec.restart_limit is None:
            return ""
        count, seconds = spec.restart_limit
        recent = [(when, reason) for when, reason in self.window if when > now - seconds]
        if len(recent) < count:
            return ""
        reasons = Counter(reason for _, reason in recent)
        listed = ", ".join(f"{times} x {reason}" for reason, times in reasons.most_common())
        return f"{count} {'restart' if count == 1 else 'restarts'} in {seconds:g} s ({listed})"

    def _note(self, spec: ProcessSpec, reason: str, now: float) -> None:
        """One more restart was decided."""
        if spec.restart_limit is not None:
            count, seconds = spec.restart_limit
            self.window = tuple(entry for entry in (*self.window, (now, reason)) if entry[0] > now - seconds)[-count:]

    def _too_many(self, now: float) -> bool:
        return len(self.starts) > BRAKE_STARTS and now - self.starts[0] < BRAKE_WINDOW
