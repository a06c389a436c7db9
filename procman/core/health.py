"""What is known of the health of a process: a record without I/O and without a clock.

`core.health_checks` has the rules by which it changes.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

# So many results are kept for people.
KEPT = 20


class Result(NamedTuple):
    """What one look has shown."""

    when: float  # seconds of the core's clock
    ok: bool | None  # None: it says nothing, for example since procman itself was not awake
    words: str


@dataclass(slots=True)
class Health:
    """Of the present run, but for a pause, which an operator has asked for and which outlives it."""

    healthy: bool | None = None  # None: not known (yet)
    failures: int = 0  # in a row, as far as they count
    unanswered: int = 0  # failures since on_unhealthy was last carried out; only while it is unhealthy
    grace_until: float | None = None  # until then failures do not count; a success ends it
    looks: int = 0  # that were begun
    looking: bool = False  # one of them is under way
    due: float = 0.0  # when the latest one was to begin
    silent: bool = False  # WATCHDOG=1 has not come in time
    watchdog: float | None = None  # how often it is to come, if the program has said so itself; in seconds
    good_at: float | None = None  # when it was last seen to be well
    words: str = ""  # what was seen last
    results: deque[Result] = field(default_factory=lambda: deque(maxlen=KEPT))
    paused_until: float | None = None
    pause_reason: str = ""

    def of_next_run(self) -> "Health":
        """All that goes over into another run."""
        return Health(paused_until=self.paused_until, pause_reason=self.pause_reason)

    def note(self, when: float, ok: bool | None, words: str) -> None:
        """Keep what was seen."""
        self.words = words
        self.results.append(Result(when, ok, words))
