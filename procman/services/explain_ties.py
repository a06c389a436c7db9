"""The words for processes that wait for others, cannot start because of them, or were stopped with them. No I/O."""

from procman.services.explain_facts import Case, Link, Words
from procman.services.explain_texts import duration

_OPTIONS = ("depends_on", "depends_timeout")


def waiting(case: Case) -> Words:
    """It is to start, and what it needs is not there yet."""
    if case.process.ties.queued:
        return Words(
            because=(Link("queue", "as many processes are starting at once as may (start_concurrency)"),),
            next="it is started when it is its turn",
            options=("depends_on",),
            commands=("procmanctl status",),
        )
    left = case.left(case.process.deadlines.wait)
    late = f", or it is given up in {duration(left)}" if left is not None else ""
    return Words(
        because=_behind(case, "what it depends on is not there yet"),
        next=f"it is started when all it depends on is there{late}",
        next_in=left,
        options=_OPTIONS if left is not None else ("depends_on",),
        commands=(_why(case), f"procmanctl start --no-deps {case.name}"),
    )


def waiting_and_unwanted(case: Case) -> Words:
    """It was to start, and is not any more."""
    return Words(
        because=_behind(case, "what it depends on is not there yet"),
        next="it is STOPPED in a moment",
        options=("depends_on",),
        commands=("procmanctl status",),
    )


def blocked(case: Case) -> Words:
    """What it needs has failed."""
    ties = case.process.ties
    return Words(
        because=(_what_blocks(case), *_behind(case, "")),
        next="it starts by itself when "
        + ("all it depends on is there" if ties.timed_out else "that is on its way again"),
        options=_OPTIONS if ties.timed_out else ("depends_on",),
        commands=(_why(case), f"procmanctl start {case.name}"),
    )


def _what_blocks(case: Case) -> Link:
    # The phase says already that it is blocked.
    return Link("dependency", case.process.reason.removeprefix("blocked: ") or "what it needs has failed")


def blocked_and_stopped(case: Case) -> Words:
    """What it needs has failed, and somebody has said that it may stay down."""
    return Words(
        because=(
            _what_blocks(case),
            Link("request", "it was asked to stay down"),
        ),
        next="nothing by itself: it stays down until it is started",
        options=("depends_on",),
        commands=(f"procmanctl start {case.name}",),
        fine=True,
    )


def bound(case: Case) -> Words:
    """It was taken down with what it depends on."""
    return Words(
        because=(
            Link("policy", "it was stopped with what it depends on (on_dependency_stop = stop)"),
            *_behind(case, ""),
        ),
        next="it starts by itself when that is on its way again",
        options=("on_dependency_stop", "depends_on"),
        commands=(_why(case), f"procmanctl start {case.name}"),
    )


def bound_and_stopped(case: Case) -> Words:
    """The same, in a shutdown."""
    return Words(
        because=(Link("policy", "it was stopped with what it depends on (on_dependency_stop = stop)"),),
        next="nothing: it is not wanted up any more",
        options=("on_dependency_stop",),
        commands=(f"procmanctl start {case.name}",),
        fine=True,
    )


def _behind(case: Case, otherwise: str) -> tuple[Link, ...]:
    links = case.around.behind(case.process)
    return links or ((Link("dependency", otherwise),) if otherwise else ())


def _why(case: Case) -> str:
    """At the root there is most to see."""
    root = next((link.name for link in reversed(case.around.behind(case.process)) if link.name), "")
    return f"procmanctl why {root}" if root else "procmanctl graph"
