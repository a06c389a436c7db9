"""When a process that has been spawned counts as ready: the conditions of its option `ready`. No I/O, no clock.

- Every condition has to hold once in the present run; what is said of another run does not count (`Process` sees to
  that). A delay is part of the deadline by which a process is up, so it is not asked about here.
- Some conditions are looked at: those that do not hold yet, one after the other, one look at a time. When all have been
  looked at, there is a pause of `ready_interval`.
- The others (notify, fd, log, listener) are told, at any time.
- A look that is not answered in time is given up, and the next one follows: an answer may be lost, for example in an
  upgrade.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from procman.core.spec import Condition, ReadyKind

# Longer than any look takes.
LOOK_LOST = 10.0

TOLD = frozenset({ReadyKind.NOTIFY, ReadyKind.FD, ReadyKind.LOG, ReadyKind.LISTENER})

# Of so many conditions that do not hold the words are in a reason.
_NAMED = 3

# The beginning of the reason of a start that was not ready in time.
NOT_READY = "Not ready"
# The same of one that ended before.
EXITED_UNREADY = "Exited before it was ready"
TOO_EARLY = "startsecs or a delay are not over"

_NOTHING_SAID = {
    ReadyKind.NOTIFY: "notify: no READY=1 came",
    ReadyKind.FD: "fd: no newline came",
    ReadyKind.LOG: "log: no such line was written",
    ReadyKind.LISTENER: "listener: it has not said READY",
}


@dataclass(slots=True)
class Readiness:
    """What is known of the conditions of one run. Without conditions, all of them hold."""

    conditions: tuple[Condition, ...] = ()
    timeout: float | None = None  # start_timeout, when the run began
    held: set[int] = field(default_factory=set)  # which of them have held, by their position
    words: dict[int, str] = field(default_factory=dict)  # the latest answers of the others
    looking: int | None = None  # the condition that is being looked at
    looks: int = 0
    place: int = -1  # the last condition that was looked at in this round

    @property
    def holds(self) -> bool:
        """Has every condition held?"""
        return all(n in self.held or c.kind is ReadyKind.DELAY for n, c in enumerate(self.conditions))

    @property
    def delay(self) -> float:
        """The longest of the delays among them, in seconds."""
        return max((condition.delay for condition in self.conditions), default=0.0)

    @property
    def looked_at(self) -> list[int]:
        """The conditions that do not hold yet, and that have to be looked at."""
        asked = (n for n, c in enumerate(self.conditions) if c.kind is not ReadyKind.DELAY and c.kind not in TOLD)
        return [number for number in asked if number not in self.held]

    def cannot_be_told(self) -> None:
        """Another master has started this run: what was to be told cannot be said again, so it counts as said."""
        self.held.update(n for n, condition in enumerate(self.conditions) if condition.kind in TOLD)

    def next_look(self) -> int | None:
        """Begin the next look of the round, and say at which condition; None: the round is over."""
        number = next((number for number in self.looked_at if number > self.place), None)
        self.place = -1 if number is None else number
        self.looking = number
        self.looks += number is not None
        return number

    def lost(self) -> None:
        """The look has not been answered in time."""
        if self.looking is not None:
            self.words[self.looking] = f"{self.conditions[self.looking].kind.value}: no answer"
            self.looking = None

    def answered(self, number: int, *, ok: bool, words: str) -> None:
        """There is an answer about one of the conditions; the first one that it holds counts."""
        if self.looking == number:
            self.looking = None
        if number in range(len(self.conditions)) and number not in self.held:
            if ok:
                self.held.add(number)
                self.words.pop(number, None)
            else:
                self.words[number] = words

    def notified(self) -> None:
        """The program has said that it is ready."""
        self.held.update(n for n, condition in enumerate(self.conditions) if condition.kind is ReadyKind.NOTIFY)

    def missing(self) -> str:
        """What does not hold yet, such as "tcp:5432 refused"; "" if all of it holds."""
        open_ones = [n for n, c in enumerate(self.conditions) if n not in self.held and c.kind is not ReadyKind.DELAY]
        said = [self.words.get(n) or _without_answer(self.conditions[n]) for n in open_ones[:_NAMED]]
        more = len(open_ones) - len(said)
        return "; ".join([*said, f"{more} more"] if more else said)

    def failure(self) -> str:
        """Why the start has failed, when the time is over."""
        looks = [f"{self.looks} {'look' if self.looks == 1 else 'looks'}"] if self.looks else []
        parts = [self.missing() or TOO_EARLY, *looks]
        return f"{NOT_READY} after {self.timeout or 0:g} s ({'; '.join(parts)})"


def _without_answer(condition: Condition) -> str:
    return _NOTHING_SAID.get(condition.kind) or f"{condition.kind.value}: no answer yet"


def is_said_ready(fields: Sequence[tuple[str, str]]) -> bool:
    """Does a notification say READY=1?"""
    return ("READY", "1") in fields
