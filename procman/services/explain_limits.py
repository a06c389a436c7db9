"""The words for restarts of what runs well, for its memory or its age. No I/O and no clock here."""

from procman.core.process import Process
from procman.services.explain_facts import Case, Link
from procman.services.explain_texts import duration

_MIB = 1024 * 1024


def is_renewed(process: Process) -> bool:
    """Whether it is being stopped for that, to start again."""
    return bool(process.wear.renewing and process.ties.renewing and process.wanted)


def why_renewed(process: Process) -> Link:
    """Why it is being stopped."""
    return Link("policy", f"it is restarted for its {process.reason or process.wear.renewing}")


def was_renewed(process: Process) -> tuple[Link, ...]:
    """Why it was stopped, of one that waits for the start after that."""
    is_so = process.wear.renewing and process.reason.startswith(process.wear.renewing)
    return (Link("policy", f"it was restarted for its {process.reason}"),) if is_so else ()


def option_of(process: Process) -> str:
    """The option that has decided."""
    return "memory_restart" if process.wear.renewing == "memory" else "max_age"


def coming(case: Case) -> tuple[str, tuple[str, ...]]:
    """What may come for a process that is up, as the end of a sentence, and the options that decide on it."""
    process = case.process
    program, wear = process.program, process.wear
    said: list[str] = []
    options: list[str] = []
    if wear.due:
        said.append(f"it is restarted for its {wear.due} as soon as another process of its program is up again")
    if program.memory_restart is not None and not program.is_oneshot:
        now = f", and uses {_size(wear.used)} now" if wear.used is not None else ""
        said.append(f"it is restarted when it uses more than {_size(program.memory_restart)}{now}")
        options.append("memory_restart")
    left = case.left(process.deadlines.age)
    if left is not None:
        said.append(f"in {duration(left)} it is restarted for its age")
        options.append("max_age")
    return "".join(f"; {text}" for text in said), tuple(options)


def _size(count: int) -> str:
    return f"{count / _MIB:.4g} MB"
