"""How long a process that failed to start waits before it is tried again. No clock and no chance here."""

from dataclasses import dataclass

FIRST_DELAY = 1.0  # seconds


def retry_delay(failures: int) -> float:
    """Seconds before the next try after that many failed starts in a row: one for each, as in supervisor."""
    return failures


@dataclass(slots=True)
class DoublingDelay:
    """Of a program that is started again whenever it ends: doubled each time, and short again after a long run."""

    first: float = FIRST_DELAY
    longest: float = 60.0
    long_run: float = 10.0  # the run that counts as long
    _next: float = 0.0

    def after(self, ran_for: float) -> float:
        """Seconds before the next start."""
        delay = self._next if self._next and ran_for < self.long_run else self.first
        self._next = min(delay * 2, self.longest)
        return delay
