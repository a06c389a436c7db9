"""Why a process is unhealthy, and what its health check has seen. No I/O and no clock here."""

from procman.core.process import Process
from procman.core.spec import ProcessSpec, ReadyKind
from procman.services.explain_facts import Link, Words
from procman.services.explain_texts import counted, duration
from procman.services.status_words import health_in_words, what_is_seen

# So many of the latest results are told one by one.
_TOLD = 3
DECIDING = ("health", "health_retries", "on_unhealthy")
_NEXT = {
    "restart": "it is restarted",
    "stop": "it is stopped",
    "signal": "it gets a signal",
    "reload": "it is to read its configuration again",
    "exec": "a command is run",
    "shutdown": "the master ends",
    "none": "nothing is done",
}


def shown_check(program: ProcessSpec) -> str:
    """What is looked at, such as http://127.0.0.1:8080/health, or watchdog; "" where nobody looks."""
    if program.health is not None and program.health.kind is not ReadyKind.WATCHDOG:
        words = program.health.text or program.health.kind.value
        return f"{words} and watchdog" if program.watchdog is not None else words
    return "watchdog" if program.watchdog is not None else ""


def unhealthy(process: Process, now: float, name: str) -> Words:
    """It runs, and its health check fails; `name` is for a command line."""
    program, due = process.program, process.deadlines.health
    again = "" if due is None else f"; the next look is in {duration(max(0.0, due - now))}"
    todo = program.on_unhealthy.what
    return Words(
        because=(Link("health", f"its health check fails: {what_is_seen(process)}"), *_latest(process, now)),
        next=f"it is healthy again after one success{again}; on_unhealthy = {todo}: {_NEXT[todo]}",
        next_in=None if due is None else max(0.0, due - now),
        options=DECIDING,
        commands=(f"procmanctl health {name}", f"procmanctl tail {name}"),
        verdict="and is unhealthy",
    )


def health_links(process: Process, now: float) -> tuple[Link, ...]:
    """What there is to say of one that runs: a pause, failures that are too few to count, and results before."""
    health = process.health
    if health is None:
        return ()
    if health.paused_until is not None:
        return (Link("health", f"its {health_in_words(process, now)}, on request"),)
    if not health.results:
        check = shown_check(process.program)  # "" while it is debugged
        return (Link("health", f"its health has not been checked yet ({check})"),) if check else ()
    latest = health.results[-1]
    if latest.ok:
        return (Link("health", f"it is healthy: {latest.words}, {duration(max(0.0, now - latest.when))} ago"),)
    failures = f" ({health.failures} of {process.program.health_retries} in a row)" if health.failures else ""
    uncounted = " (in health_start_period)" if health.grace_until is not None and not health.failures else ""
    return (Link("health", f"its last health check has failed: {latest.words}{failures}{uncounted}"),)


def _latest(process: Process, now: float) -> tuple[Link, ...]:
    results = process.health.results if process.health is not None else ()
    failed = sum(result.ok is False for result in results)
    if len(results) <= 1:
        return ()
    told = ", ".join(
        f"{duration(max(0.0, now - one.when))} ago {'well' if one.ok else one.words}" for one in list(results)[-_TOLD:]
    )
    return (Link("health", f"{failed} of its last {counted(len(results), 'look')} have failed: {told}"),)
