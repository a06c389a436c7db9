"""Why a process is not ready yet, or has failed for that. No I/O and no clock here."""

from procman.core.process import Process
from procman.core.spec import ReadyKind
from procman.services.explain_facts import Link, Words
from procman.services.explain_texts import duration


def unready(process: Process, now: float, name: str) -> Words:
    """It has been spawned, and a condition does not hold; `name` is for a command line."""
    due = process.deadlines.unready
    left = None if due is None else max(0.0, due - now)
    # Its condition is implied, so nobody could change it.
    is_listener = any(condition.kind is ReadyKind.LISTENER for condition in process.readiness.conditions)
    late = "" if left is None else f"; if that takes {duration(left)} more, it is stopped, and the start has failed"
    asked = "it has said READY" if is_listener else "each condition of ready has held once"
    return Words(
        because=(
            *says_of_itself(process),
            Link("readiness", f"its process (pid {process.pid}) is not ready: {process.readiness.missing()}"),
        ),
        next=f"RUNNING as soon as {asked}{late}",
        next_in=left,
        options=("start_timeout",) if is_listener else ("ready", "start_timeout"),
        commands=(f"procmanctl tail -f {name}",),
    )


def says_of_itself(process: Process) -> tuple[Link, ...]:
    """The STATUS= that it has sent."""
    return (Link("readiness", f"it says of itself: {process.status_text}"),) if process.status_text else ()
