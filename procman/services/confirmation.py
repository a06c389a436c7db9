"""Whether an update is kept or rolled back: a decision on plain facts. No I/O and no clock here.

- It is kept when it has been confirmed and, at that same moment, all that it changed is ready and healthy. A
  confirmation may come first: it waits for the processes.
- It is rolled back when its time is over before that, when somebody aborts it, and at once when something that it
  changed has failed for good, since nothing but an operator would bring that back.
- What an operator has stopped meanwhile does not count, nor does what has left the configuration.
- A one-shot counts when it has succeeded. What runs by a schedule, or starts with a connection, counts as it is.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from math import inf
from typing import Any

from procman.core.process import Process
from procman.core.rolling import Rolling
from procman.core.states import Phase, State

Data = dict[str, Any]


class Standing(Enum):
    """How one process that was changed stands."""

    READY = "ready"  # and healthy, if it has a health check
    WAITING = "waiting"  # it may become ready by itself
    FAILED = "failed"  # it will not


@dataclass(frozen=True, slots=True)
class Stand:
    """The same, with the reason in words."""

    name: str  # a namespec
    standing: Standing
    words: str = ""  # "": it is ready

    def __str__(self) -> str:
        return f"{self.name} {self.words}".rstrip()


class Outcome(Enum):
    """How it ends."""

    KEPT = "kept"
    ROLLED_BACK = "rolled back"


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be done, and why."""

    outcome: Outcome
    reason: str
    failed: tuple[str, ...] = ()  # the processes for which it is rolled back


@dataclass(slots=True)
class Confirmation:
    """One update that waits for its confirmation. Times are seconds of the loop's clock."""

    watched: tuple[str, ...]  # the namespecs of what it changed
    deadline: float
    confirmed_by: str | None = None  # in words; None: nobody has
    aborted_by: str | None = None

    def decide(self, stands: Iterable[Stand], now: float) -> Decision | None:
        """What becomes of it as its processes stand now; None: that is not known yet."""
        stands = list(stands)
        failed = [stand for stand in stands if stand.standing is Standing.FAILED]
        if self.aborted_by is not None:
            return Decision(Outcome.ROLLED_BACK, f"aborted by {self.aborted_by}")
        if failed:
            return Decision(Outcome.ROLLED_BACK, _listed(failed), tuple(stand.name for stand in failed))
        missing = [stand for stand in stands if stand.standing is Standing.WAITING]
        if self.confirmed_by is not None and not missing:
            return Decision(Outcome.KEPT, f"confirmed by {self.confirmed_by}")
        if now < self.deadline:
            return None
        reasons = [_listed(missing)] if missing else []
        if self.confirmed_by is None:
            reasons.append("nobody has confirmed it")
        return Decision(Outcome.ROLLED_BACK, ", and ".join(reasons), tuple(stand.name for stand in missing))

    def snapshot(self, now: float) -> Data:
        """Plain data for another process image; the deadline as the time that is left."""
        return {
            "watched": list(self.watched),
            "left": self.deadline - now if self.deadline < inf else None,
            "confirmed_by": self.confirmed_by,
            "aborted_by": self.aborted_by,
        }

    @classmethod
    def restored(cls, data: Data, now: float) -> "Confirmation":
        """Go on from what `snapshot` returned."""
        deadline = inf if data["left"] is None else now + data["left"]
        return cls(tuple(data["watched"]), deadline, data["confirmed_by"], data["aborted_by"])


def stands_of(
    names: Iterable[str],
    process_of: Callable[[str], Process | None],
    rolling_of: Callable[[Process], Rolling | None] = lambda _: None,
) -> list[Stand]:
    """How each of them stands now; `rolling_of` knows the rolling restart that the update has begun."""
    stands = []
    for name in names:
        process = process_of(name)
        rolling = None if process is None else rolling_of(process)
        in_turn = None if rolling is None else _in_turn(name, rolling)
        stands.append(in_turn or _stand(name, process))
    return stands


def _in_turn(name: str, rolling: Rolling) -> Stand | None:
    """How one stands that is restarted in its turn; None: as it is."""
    if rolling.state == "stopped" and rolling.failed == name:
        return Stand(name, Standing.FAILED, f"is not ready ({rolling.reason}): the rolling restart has stopped")
    if name in rolling.coming or name in rolling.targets:
        return Stand(name, Standing.WAITING, "waits for its turn in the rolling restart")
    return None


def is_well(process: Process | None) -> bool:
    """Whether it is up, ready and, if it has a health check, healthy."""
    return process is not None and process.state is State.RUNNING and _unhealthy(process) is None


def _stand(name: str, process: Process | None) -> Stand:
    if process is None or process.leaving:
        return Stand(name, Standing.READY)
    if process.state is State.UNKNOWN:
        return Stand(name, Standing.FAILED, "cannot be stopped, so it was not replaced")
    if process.successor is not None:
        return Stand(name, Standing.WAITING, "has not stopped yet")
    match process.state:
        case State.RUNNING if process.program.is_oneshot and process.program.schedule is None:
            return Stand(name, Standing.WAITING, "has not ended yet")
        case State.RUNNING:
            words = _unhealthy(process)
            return Stand(name, Standing.READY) if words is None else Stand(name, Standing.WAITING, words)
        case State.FATAL if process.phase is Phase.BLOCKED:
            return Stand(name, Standing.WAITING, f"is {process.reason}")
        case State.FATAL if process.wanted:
            return Stand(name, Standing.FAILED, f"is FATAL{f': {process.reason}' if process.reason else ''}")
        case State.EXITED if process.failed and process.phase is not Phase.SCHEDULED:
            return Stand(name, Standing.FAILED, f"has failed: exit status {process.exit_code}")
        case State.STOPPED | State.EXITED | State.FATAL:
            return _at_rest(name, process)
        case _:
            return Stand(name, Standing.WAITING, _not_up(process))


def _at_rest(name: str, process: Process) -> Stand:
    is_due = process.wanted and process.phase in (Phase.BOUND, Phase.NONE)
    return Stand(name, Standing.WAITING, "is not up yet") if is_due else Stand(name, Standing.READY)


def _unhealthy(process: Process) -> str | None:
    """What is wrong with the health of one that is RUNNING; None: nothing."""
    health, program = process.health, process.program
    if (health is not None and health.paused_until is not None) or process.healthy:
        return None
    if process.healthy is False:
        return f"is unhealthy{f' ({health.words})' if health is not None and health.words else ''}"
    if program.health is None and program.watchdog is None:
        return None
    return "has not been healthy yet"


def _not_up(process: Process) -> str:
    match process.state:
        case State.BACKOFF:
            return f"does not stay up{f' ({process.reason})' if process.reason else ''}"
        case State.STOPPING:
            return "has not stopped yet"
        case _ if process.phase is Phase.UNREADY:
            missing = process.readiness.missing()
            return f"is not ready yet{f' ({missing})' if missing else ''}"
        case _ if process.phase is Phase.WAITING and process.ties.waits_for:
            return f"waits for {process.ties.waits_for}"
        case _:
            return "is not up yet"


def _listed(stands: list[Stand]) -> str:
    first = "; ".join(map(str, stands[:3]))
    more = len(stands) - 3
    return f"{first}; and {more} more" if more > 0 else first
