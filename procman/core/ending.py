"""What the end of a process means, by what it was doing. No I/O and no clock here.

- An end before it was up is a failed start, unless early_exit or norestart_exitcodes judge it by its exit code. So is
  one that it was stopped for, as it was not ready in time.
- A one-shot (`core.oneshots`) that ends as expected is EXITED and done; else the try has failed, and it backs off.
- An end that was asked for settles it.
- `_over` is where a run is over, but for its post_stop; `finish` is where it is over with all that belonged to it.
"""

from dataclasses import replace

from procman.core.actions import Action, KeepDescendants
from procman.core.coming_up import run
from procman.core.deadlines import Deadlines
from procman.core.events import ExitStatus
from procman.core.exit_codes import is_listed
from procman.core.hooks import end
from procman.core.oneshots import timed_out
from procman.core.process import PendingEnd, Process
from procman.core.readiness import EXITED_UNREADY, TOO_EARLY
from procman.core.restarting import back_off, renewed, restart_sick, restarts_after, start_again, word_of
from procman.core.spec import EarlyExit, Hook, Scope
from procman.core.starting import listen, settle
from procman.core.states import State
from procman.core.stopping import clean_up, stop_descendants, waits_for_descendants


def exited(process: Process, status: ExitStatus, now: float, descendants: tuple[int, ...] = ()) -> list[Action]:
    """The process was reaped; these descendants of it still run."""
    if process.ties.deferred:
        # It was to be stopped after others, and has ended before them.
        stopping = process.enter(State.STOPPING, pid=process.pid or 0)
        process.deadlines = Deadlines(stop=now + process.program.stopwaitsecs)
        return [stopping, *exited(process, status, now, descendants)]
    if process.deadlines.due(now) == "start" and process.readiness.holds:
        # It was up for startsecs; only by chance did its end come before the timer.
        return [run(process, now), *exited(process, status, now, descendants)]
    pid, process.pid = process.pid or 0, None
    told = end(process, "it has ended")
    process.last_end = status
    process.exit_code = _code_of(process, status)
    if descendants and waits_for_descendants(process):
        return [*told, *stop_descendants(process, PendingEnd(pid, status, process.state), status, descendants, now)]
    whole_tree = process.program.stop_scope is Scope.TREE and process.state is not State.UNKNOWN
    process.left_behind = bool(descendants) and whole_tree
    actions = told + _over(process, PendingEnd(pid, status, process.state), now)
    return [*actions, KeepDescendants(process.name, stop_later=process.left_behind)] if descendants else actions


def descendants_gone(process: Process, now: float) -> list[Action]:
    """The last of its descendants has ended."""
    process.left_behind = False
    if process.pending_end is None or process.hooks.running is Hook.POST_STOP:
        return []
    ended, process.pending_end = process.pending_end, None
    return _over(process, ended, now)


def kill_failed(process: Process, reason: str, now: float) -> list[Action]:
    """The kernel refused the signal, so whether it will ever end is unknown."""
    if process.pending_end is not None:
        # The process itself has ended, and its descendants run as another user.
        return descendants_gone(process, now)
    if process.state is not State.STOPPING:
        return []
    process.reason = reason
    told = end(process, "it cannot be signalled")
    return [*told, process.enter(State.UNKNOWN, pid=process.pid or 0, reason=reason)]


def _over(process: Process, ended: PendingEnd, now: float) -> list[Action]:
    """It has ended, and no descendant is waited for: its post_stop, and then what the end means."""
    actions = clean_up(process, ended, now)
    return actions if process.hooks.running is not None else [*actions, *finish(process, ended, now)]


def finish(process: Process, ended: PendingEnd, now: float) -> list[Action]:
    """It has ended, and nothing is waited for."""
    pid, status = ended.pid, ended.status
    if ended.failure:
        return back_off(process, now, ended.failure)
    if status is None:
        # It had ended long before, and its status was announced then.
        return settle(process, now)
    match ended.before:
        case State.STARTING if process.readiness.conditions:
            process.exit_status = None
            reason = f"{EXITED_UNREADY} ({process.readiness.missing() or TOO_EARLY})"
            return back_off(process, now, reason, status, pid)
        case State.STARTING if _is_judged(process, status):
            # An ordinary end comes after RUNNING; but what it had left behind may have been stopped meanwhile.
            was_up = [run(process, now)] if process.state is State.STARTING else []
            process.failures = 0
            return [*was_up, *finish(process, replace(ended, before=State.RUNNING), now)]
        case State.STARTING:
            process.exit_status = None
            return back_off(process, now, "Exited too quickly (process log may have details)", status, pid)
        case State.RUNNING:
            process.exit_status = status
            for_good = is_listed(status, process.program.norestart_exitcodes)
            expected = (is_listed(status, process.program.exitcodes) or _may_pass(process, status)) and not for_good
            process.reason = "" if expected else f"Bad exit code {status.code if status.known else 'unknown'}"
            announced = process.enter(State.EXITED, pid=pid, expected=expected, status=status)
            if process.wanted and process.program.is_oneshot and not expected:
                return [announced, *back_off(process, now, process.reason, word=word_of(status), is_last=for_good)]
            process.failed = not expected
            process.again.ended(process.program, process.age(now))
            if process.wanted and process.program.lazy and expected:
                return [announced, *listen(process)]
            if process.wanted and not for_good and restarts_after(process, expected=expected):
                return [announced, *start_again(process, now, status)]
            process.wanted = False
            return [announced]
        case State.STOPPING if process.timed_out and process.wanted:
            process.exit_status = status
            reason = timed_out(process.program.run_timeout or 0.0)
            return back_off(process, now, reason, status, pid)
        case State.STOPPING if process.unready and process.wanted:
            process.exit_status = None
            return back_off(process, now, process.unready, status, pid)
        case State.STOPPING if process.sick and process.wanted and process.successor is None:
            process.exit_status = status
            return restart_sick(process, now, pid, status)
        case _:
            process.exit_status = status
            if (
                process.ties.renewing
                and process.wanted
                and process.state is State.STOPPING
                and process.successor is None
            ):
                return renewed(process, now, pid, status)
            return settle(process, now, pid, status)


def _code_of(process: Process, status: ExitStatus) -> int:
    """The exit code, as a shell has it."""
    if not status.known:
        return 0 if _may_pass(process, status) else 1
    return status.code if status.signal is None else 128 + status.signal


def _may_pass(process: Process, status: ExitStatus) -> bool:
    """It is not known how a one-shot has ended, and that is good enough for it."""
    program = process.program
    return not status.known and program.is_oneshot and program.unknown_exit == "success"


def _is_judged(process: Process, status: ExitStatus) -> bool:
    """It ended before it was up; does its exit code decide what that was?"""
    if is_listed(status, process.program.norestart_exitcodes):
        return True
    return process.program.early_exit is EarlyExit.JUDGE and is_listed(status, process.program.exitcodes)
