"""When a process is due, and for what: one named field for each thing that it may wait for.

The table is replaced as a whole, so that the earliest of its deadlines is known without a search: the fleet asks every
process for it after each event.
"""

from dataclasses import dataclass, field
from typing import Literal

Due = Literal[
    "start", "look", "unready", "retry", "run", "stop", "wait", "memory", "age", "hook", "health", "watchdog", "idle"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """The deadlines of one process, in seconds of the core's clock; None: it does not wait for that."""

    start: float | None = None  # it counts as RUNNING, unless it is not ready yet
    look: float | None = None  # it is looked at whether it is ready; or the look that is under way is lost
    unready: float | None = None  # it has to be ready
    retry: float | None = None  # it is started again
    run: float | None = None  # the run of a one-shot has taken too long
    stop: float | None = None  # it gets SIGKILL
    wait: float | None = None  # it has waited for its dependencies for too long
    memory: float | None = None  # its memory is looked at; or the look that is under way is lost
    age: float | None = None  # it is old enough for a restart
    hook: float | None = None  # the command of a hook that it waits for has taken too long
    health: float | None = None  # it is looked at whether it is well; or the look that is under way is lost
    watchdog: float | None = None  # it has to say WATCHDOG=1
    idle: float | None = None  # it is looked at whether its sockets are in use; or the look that is under way is lost
    earliest: float | None = field(init=False, compare=False)

    def __post_init__(self) -> None:
        times = (
            self.start,
            self.look,
            self.unready,
            self.retry,
            self.run,
            self.stop,
            self.wait,
            self.memory,
            self.age,
            self.hook,
            self.health,
            self.watchdog,
            self.idle,
        )
        object.__setattr__(self, "earliest", min((when for when in times if when is not None), default=None))

    def due(self, now: float) -> Due | None:
        """What is due by now; of several the earliest."""
        if self.earliest is None or self.earliest > now:
            return None
        if self.earliest == self.start:
            return "start"
        if self.earliest == self.unready:
            return "unready"
        if self.earliest == self.look:
            return "look"
        if self.earliest == self.retry:
            return "retry"
        if self.earliest == self.run:
            return "run"
        if self.earliest == self.memory:
            return "memory"
        if self.earliest == self.age:
            return "age"
        if self.earliest == self.stop:
            return "stop"
        if self.earliest == self.hook:
            return "hook"
        if self.earliest == self.watchdog:
            return "watchdog"
        if self.earliest == self.idle:
            return "idle"
        return "health" if self.earliest == self.health else "wait"


NO_DEADLINES = Deadlines()

# Seconds. What is served so much later was slept over: procman itself was stopped, starved or suspended.
ASLEEP = 1.0


def was_slept_over(due: float | None, now: float) -> bool:
    """Has procman come so late to this deadline that it cannot know what has happened before it?"""
    return due is not None and now - due >= ASLEEP
