"""What becomes of a process by policy that has ended, or could not be started. No I/O and no clock here.

- A process that ends, or cannot be spawned, before it has been up for startsecs backs off for as many seconds as it
  has failed in a row, and is FATAL after startretries more tries. Whether the exit code was expected does not matter
  (as in supervisor).
- A process that ends after that is EXITED, and autorestart decides. `core.restarts` says whether it starts again at
  once, after a delay in BACKOFF, or not at all, as it did so too often.
- All that counts as a failure goes through `back_off`, whatever has found it.
"""

from procman.core.actions import Action, Announce
from procman.core.backoff import jitter
from procman.core.deadlines import Deadlines
from procman.core.events import ExitStatus
from procman.core.exit_codes import is_listed
from procman.core.process import PendingEnd, Process
from procman.core.restarts import Next
from procman.core.spec import Autorestart
from procman.core.starting import launch, settle
from procman.core.states import State
from procman.core.stopping import clean_up


def spawn_failed(process: Process, reason: str, code: int, now: float) -> list[Action]:
    """The ordered spawn, or what comes before it, did not succeed; `code` is what a shell would exit with."""
    process.exit_code = code
    process.last_end = None
    process.born = None
    failed = PendingEnd(0, None, State.STARTING, reason)
    actions = clean_up(process, failed, now)
    return actions if process.hooks.running is not None else [*actions, *back_off(process, now, reason)]


def back_off(
    process: Process,
    now: float,
    reason: str,
    status: ExitStatus | None = None,
    pid: int = 0,
    *,
    word: str = "failed start",
    is_last: bool = False,
) -> list[Action]:
    """A try has failed; `status` and `pid` are those of its end, where that has not been announced yet."""
    process.failures += 1
    process.failed = True
    process.reason = reason
    backing_off = process.enter(State.BACKOFF, pid=pid, status=status, reason=reason)
    if not process.wanted:
        # It ended before its wave of a shutdown, and must not be started again during an earlier one.
        return [backing_off, *settle(process, now)]
    process.again.ended(process.program, 0.0 if process.readiness.conditions else process.age(now))
    process.again.troubles = max(process.again.troubles, 1)  # however long it took, the try has failed
    never_again = status is not None and is_listed(status, process.program.norestart_exitcodes)
    never_again = never_again and bool(process.readiness.conditions) and not process.unready
    if is_last or never_again or process.failures > process.program.startretries:
        tries, process.failures = process.failures, 0
        return [backing_off, process.enter(State.FATAL, status=status, reason=reason, tries=tries)]
    coming = _decide(process, now, word if status is None else word_of(status))
    if coming.delay is None:
        return [backing_off, _give_up(process, coming.text, status)]
    process.deadlines = Deadlines(retry=now + coming.delay)
    return [backing_off]


def start_again(process: Process, now: float, status: ExitStatus) -> list[Action]:
    """It has ended by itself, and is to be up: at once, after a delay, or not any more."""
    coming = _decide(process, now, word_of(status))
    if coming.delay == 0:
        process.restarts += 1
        return launch(process, now)
    backing_off = process.enter(State.BACKOFF, reason=coming.text)
    if coming.delay is None:
        return [backing_off, _give_up(process, coming.text, None)]
    process.restarts += 1
    process.deadlines = Deadlines(retry=now + coming.delay)
    return [backing_off]


def renewed(process: Process, now: float, pid: int, status: ExitStatus) -> list[Action]:
    """It was stopped by policy to start again: at once, after a delay, or not any more."""
    reason, process.ties.renewing = process.ties.renewing, ""
    troubles = process.again.troubles
    process.again.ended(process.program, process.age(now))
    if process.wear.is_useless:
        # However old it has become, the restart before this one has not helped.
        process.again.troubles = troubles + 1
    coming = _decide(process, now, reason, failures=process.again.troubles if process.wear.is_useless else 0)
    if coming.delay == 0:
        return settle(process, now, pid, status, process.wear.renewing)
    backing_off = process.enter(State.BACKOFF, pid=pid, status=status, reason=coming.text)
    if coming.delay is None:
        return [backing_off, _give_up(process, coming.text, status)]
    process.deadlines = Deadlines(retry=now + coming.delay)
    return [backing_off]


def restart_sick(process: Process, now: float, pid: int, status: ExitStatus) -> list[Action]:
    """It was stopped as it was unhealthy: it starts again after a delay, whatever autorestart says, or not any more."""
    process.failed = True
    process.reason = reason = process.sick
    good_at = process.health.good_at if process.health is not None else None
    # A run that was never well has been of no use, however long it took to see that.
    good_for = good_at - process.born if good_at is not None and process.born is not None else 0.0
    process.again.ended(process.program, good_for)
    process.again.troubles = max(process.again.troubles, 1)
    coming = _decide(process, now, "unhealthy", failures=process.again.troubles)
    backing_off = process.enter(State.BACKOFF, pid=pid, status=status, reason=reason)
    if coming.delay is None:
        return [backing_off, _give_up(process, coming.text, status)]
    process.restarts += 1
    process.deadlines = Deadlines(retry=now + coming.delay)
    return [backing_off]


def _decide(process: Process, now: float, reason: str, *, failures: int | None = None) -> Next:
    chance = jitter(process.program, process.seed, process.attempt)
    failures = process.failures if failures is None else failures
    return process.again.decide(process.program, reason, now, failures=failures, chance=chance, brake=process.brake)


def _give_up(process: Process, reason: str, status: ExitStatus | None) -> Announce:
    """`restart_limit` is reached."""
    process.reason = reason
    tries, process.failures = process.failures, 0
    fatal = process.enter(State.FATAL, status=status, reason=reason, tries=tries)
    process.limited = True
    return fatal


def restarts_after(process: Process, *, expected: bool) -> bool:
    """What autorestart says about an end by itself."""
    match process.program.autorestart:
        case Autorestart.ALWAYS:
            return True
        case Autorestart.UNEXPECTED:
            return not expected
        case Autorestart.NEVER:
            return False


def word_of(status: ExitStatus) -> str:
    """How a run has ended, for the counts of a limit."""
    if not status.known:
        return "exit status unknown"
    return f"exit status {status.code}" if status.signal is None else f"signal {status.signal}"
