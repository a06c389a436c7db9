"""How long a process waits before it is started again. No clock and no chance here."""

from dataclasses import dataclass

from procman.core.chance import STEPS, drawn
from procman.core.spec import ProcessSpec

FIRST_DELAY = 1.0  # seconds


# A run of that many seconds begins the delays anew, if backoff_reset is not given and the longest delay is no longer.
LONG_RUN = 10.0


def retry_delay(spec: ProcessSpec, failures: int, troubles: int) -> float:
    """Seconds before the next try, without jitter.

    `failures` are failed starts in a row: without a range in `backoff` there is one second for each, as in supervisor.
    `troubles` are ends and failed starts since the last run that was long enough.
    """
    if spec.backoff is None:
        return failures
    least, most = spec.backoff
    delay = least
    for _ in range(troubles - 1):
        if delay >= most or spec.backoff_factor <= 1:
            break
        delay *= spec.backoff_factor
    return min(delay, most)


def reset_after(spec: ProcessSpec) -> float:
    """How old a run has to be for the delays to begin anew, in seconds."""
    if spec.backoff_reset is not None:
        return spec.backoff_reset
    return max(LONG_RUN, spec.backoff[1] if spec.backoff is not None else 0.0)


def jitter(spec: ProcessSpec, seed: int, attempt: int) -> float:
    """The part of a delay that is added to it: from 0 to `backoff_jitter`, the same for the same arguments.

    It spreads what has failed together, on one machine by the name and on many by the seed, and a recorded run is
    repeated exactly.
    """
    if spec.backoff is None or spec.backoff_jitter <= 0:
        return 0.0
    return spec.backoff_jitter * spread(spec, seed, attempt)


def spread(spec: ProcessSpec, seed: int, attempt: int) -> float:
    """A number from 0 to 1 that is as good as chance, and the same for the same arguments."""
    return drawn(seed, f"{spec.namespec} {attempt}") / STEPS


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
