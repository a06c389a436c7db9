"""What happens when a deadline of a process has come. No I/O and no clock here."""

from collections.abc import Iterable
from dataclasses import replace

from procman.core.actions import Action
from procman.core.coming_up import look, run_when_ready
from procman.core.deadlines import was_slept_over
from procman.core.health_checks import check_due, watchdog_due
from procman.core.hook_chain import overdue
from procman.core.idling import look_at_use
from procman.core.oneshots import timed_out
from procman.core.process import Process
from procman.core.spec import Hook
from procman.core.starting import block, hold, launch
from procman.core.stopping import fail_unready, out_of_time, take_down
from procman.core.wear import aged, measure

# Seconds. What had its time while procman slept may have ended in time: that is not known before it has been reaped.
TO_BE_REAPED = 1.0


def serve_deadlines(processes: Iterable[Process], now: float) -> list[Action]:
    """Serve the deadlines that have come."""
    # All of the fleet is asked: a look at a field of each.
    due = [p for p in processes if (earliest := p.deadlines.earliest) is not None and earliest <= now]
    return [action for process in due for action in deadline_reached(process, now)]


def deadline_reached(process: Process, now: float) -> list[Action]:
    """One of its deadlines has come."""
    match process.deadlines.due(now):
        case "start":
            process.deadlines = replace(process.deadlines, start=None)
            return run_when_ready(process, now)
        case "look":
            return look(process, now)
        case "unready":
            return fail_unready(process, now)
        case "retry":
            return launch(process, now)
        case "run" if was_slept_over(process.deadlines.run, now):
            process.deadlines = replace(process.deadlines, run=now + TO_BE_REAPED)
            return []
        case "run":
            process.timed_out = True
            return take_down(process, now, timed_out(process.program.run_timeout or 0.0))
        case "stop":
            return out_of_time(process, now)
        case "hook" if process.hooks.running is Hook.PRE_START and was_slept_over(process.deadlines.hook, now):
            process.deadlines = replace(process.deadlines, hook=now + TO_BE_REAPED)
            return []
        case "hook":
            return overdue(process, now)
        case "health":
            return check_due(process, now)
        case "watchdog":
            return watchdog_due(process, now)
        case "idle":
            return look_at_use(process, now)
        case "wait":
            return _waited_too_long(process, now)
        case "memory":
            return measure(process, now)
        case "age":
            aged(process)
            return []
        case None:
            return []


def _waited_too_long(process: Process, now: float) -> list[Action]:
    if was_slept_over(process.deadlines.wait, now):
        hold(process, now)  # what it waits for may be there, and nobody has seen it yet
        return []
    return block(process, f"blocked: {process.ties.waits_for} was not there in time", timed_out=True)
