"""Which ends of a process deserve a report.

It is asked of each end that may be a crash; only one that is makes a master import the rest.
"""

from signal import SIGKILL
from typing import Literal

from procman.core.actions import Announce
from procman.core.health_checks import UNHEALTHY
from procman.core.oneshots import TIMED_OUT
from procman.core.readiness import NOT_READY
from procman.core.states import State
from procman.services.crash_reports.runs import Run
from procman.services.endings import End, Oom, Sender, Why

CrashKind = Literal[
    "exit",  # with a code that is none of exitcodes
    "signal",  # by a signal that was not to stop it
    "early-exit",  # before startsecs
    "unready",  # it was stopped, as it was not ready in time
    "unhealthy",  # it was stopped for that
    "timed-out",  # a one-shot, whose run_timeout was over
    "failed-start",  # it could not be spawned
    "killed",  # by procman, as it did not stop in time
    "out-of-memory",  # by the kernel
]

_OVERDUE = frozenset({Why.STOPWAITSECS, Why.SHUTDOWN_SHARE, Why.SHUTDOWN_TIMEOUT, Why.SECOND_REQUEST})
_UNASKED = frozenset({Sender.OTHERS, Sender.ITSELF})
_OUT_OF_MEMORY = frozenset({Oom.CERTAIN, Oom.LIKELY})
# Why a process is restarted that runs well, in the words of `core.wear`.
_POLITE = ("memory: ", "age: ")
_STOPPED_AS: tuple[tuple[str, CrashKind], ...] = (
    (NOT_READY, "unready"),
    (UNHEALTHY, "unhealthy"),
    (TIMED_OUT, "timed-out"),
)


def stopped_as(news: Announce) -> CrashKind | None:
    """What it had failed in when procman stopped it for that; None: it was not stopped for a failure."""
    if news.before is not State.STOPPING:
        return None
    return next((kind for words, kind in _STOPPED_AS if news.reason.startswith(words)), None)


def kind_of(news: Announce, end: End | None, run: Run) -> CrashKind | None:
    """What sort of end it is; None: it deserves no report."""
    if end is None or news.status is None:
        return "failed-start" if run.failure else None
    status = news.status
    if end.oom in _OUT_OF_MEMORY:
        return "out-of-memory"
    if status.signal == SIGKILL and end.sent is not None and end.sent.why in _OVERDUE:
        return "killed"
    if news.after is State.BACKOFF:
        # A polite restart of a process that has to wait for its start is no failure.
        return None if run.stopped_for.startswith(_POLITE) else stopped_as(news) or "early-exit"
    if news.after is State.EXITED:
        if news.expected:
            return None
        return "exit" if status.signal is None else "signal"
    return "signal" if end.sender in _UNASKED else None
