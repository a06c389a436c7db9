"""The links of an explanation, and what comes after them: how it ended, why it is to be down. No I/O here."""

import re

from procman.config.schema.options import options_of
from procman.config.schema.programs import Program
from procman.core.process import Process
from procman.core.spec import Autorestart, Hook
from procman.core.states import MasterState, State
from procman.runtime.ending import ending
from procman.services.endings import ASKED
from procman.services.explain_facts import Case, Known, Link
from procman.services.explain_texts import counted, duration
from procman.services.status_words import failed_as_unready

# A program that ends with this has done what it was to do, or has put itself into the background.
_SUCCESS = 0


def has_ended_by_itself(process: Process) -> bool:
    """Whether what it has left behind is being stopped, and nobody has asked for that."""
    return process.pending_end is not None and process.pending_end.before is not State.STOPPING


def asked_down(case: Case) -> Link:
    """Why it is to be down."""
    if case.around.master is not MasterState.RUNNING:
        return master_ends(case)
    return Link("request", "it is being removed" if case.process.leaving else "it was asked to stop")


def asked_again(case: Case) -> Link:
    """Why it is down first, and then up."""
    process = case.process
    if has_ended_by_itself(process):
        return Link("policy", "it has ended by itself")
    if process.unready:
        return Link("readiness", process.unready)
    if process.sick:
        return Link("health", process.sick)
    return Link("request", f"it is {'replaced' if process.successor is not None else 'restarted'}")


def master_ends(case: Case) -> Link:
    """The master as a whole is what is the matter."""
    what = "reloading" if case.around.master is MasterState.RESTARTING else "shutting down"
    left = f"; {duration(case.around.until)} of shutdown_timeout remain" if case.around.until is not None else ""
    return Link("shutdown", f"procman is {what}{left}")


def after_the_stop(case: Case) -> str:
    """What follows when its stop is over."""
    process = case.process
    if process.leaving:
        return "then it is removed"
    if not process.wanted:
        return "then it stays down"
    pending = process.pending_end
    if process.sick:
        return "then it is started again, after a delay"
    if process.unready or (pending is not None and pending.before is State.STARTING):
        return "then its next try comes"
    if pending is not None and pending.before is State.RUNNING:
        return f"then {after_an_end(case)}"
    return f"then it is started again{', with its new definition' if process.successor is not None else ''}"


def after_an_end(case: Case) -> str:
    """What follows when it ends by itself."""
    match case.process.program.autorestart:
        case Autorestart.ALWAYS:
            return "it is started again"
        case Autorestart.UNEXPECTED:
            return "it is started again, unless its exit status is expected"
        case Autorestart.NEVER:
            return "it is not started again"


def brought_back(case: Case) -> Link:
    """That it keeps restarting."""
    restarts = counted(case.process.restarts, "restart")
    return Link("policy", f"it does not stay up: autorestart has brought it back again and again, {restarts} so far")


def how_it_ended(case: Case, *, asked: bool = False) -> tuple[Link, ...]:
    """How its last run ended, if one has; `asked`: another link says that it was asked to stop."""
    process, known = case.process, case.known
    how = known.end or (ending(process.last_end) if process.last_end is not None else "")
    if process.sick or asked:  # its health, or the link of the request, says what it was asked to stop for
        how = how.replace(f"by procman: {ASKED}", "by procman")
    ended = (Link("end", how + _last_words(known)),) if how else ()
    return (Link("health", process.sick), *ended) if process.sick else ended


def how_starts_failed(case: Case) -> tuple[Link, ...]:
    """How its starts have failed."""
    process, known = case.process, case.known
    tries = known.tries if known.tries is not None else _tries(process)
    took = f" in {duration(known.tries_took)}" if known.tries_took is not None and tries > 1 else ""
    count = f"{counted(tries, 'failed start')}{took}"
    how = known.end or (ending(process.last_end) if process.last_end is not None else "")
    if process.limited:
        count = process.reason or "it was restarted too often"
    if failed_as_unready(process) and not process.limited:
        return (Link("end", f"{count}; {process.reason}{_last_words(known)}"),)
    if not how:
        return (Link("end", f"{count}; {process.reason or 'nobody knows why it could not be started'}"),)
    if _succeeded_too_soon(process):
        how += f", sooner than startsecs ({process.program.startsecs:g} s)"
    return (Link("end", f"{count}; {how}{_last_words(known)}"),)


def perhaps_a_oneshot(case: Case) -> tuple[Link, ...]:
    """What to do about starts that failed only since the command ended with success; none where a cause is known."""
    if not _succeeded_too_soon(case.process) or troubles(case):
        return ()
    return (Link("policy", "if it has done all that it is to do, it needs type = oneshot"),)


def _succeeded_too_soon(process: Process) -> bool:
    status = process.last_end
    is_success = status is not None and status.known and status.signal is None and status.code == _SUCCESS
    return is_success and not process.limited and not process.program.is_oneshot


def _tries(process: Process) -> int:
    return process.program.startretries + 1 if process.state is State.FATAL else process.failures


def _last_words(known: Known) -> str:
    return f", last words: {known.last_words}" if known.last_words else ""


def unwatched(case: Case) -> tuple[Link, ...]:
    """That its files are not watched, though they should be."""
    return (Link("file", case.known.watch),) if case.known.watch else ()


def log_problems(case: Case) -> tuple[Link, ...]:
    """That its output is not written, or its logs are not rotated."""
    return tuple(Link("trouble", text) for text in case.known.logs)


def troubles(case: Case) -> tuple[Link, ...]:
    """What else was found to be the matter with one that has failed; its output may be missing for that."""
    logs = (text.partition("; ")[0] for text in case.known.logs)
    return tuple(Link("trouble", text) for text in (*case.known.trouble, *logs))


def look_command(case: Case) -> str:
    """The command that shows more of a failure: where it could not be started, nothing was written."""
    process = case.process
    if process.reason.startswith(Hook.PRE_START.value) and process.state is not State.RUNNING:
        return f"procmanctl logs {case.name}"  # what a hook writes is in the log of its program
    if process.last_end is None:
        return f"procmanctl config {case.name}"
    return tail_command(case)


def options_of_the_failure(process: Process) -> tuple[str, ...]:
    """The options that the reason of a failed start begins with: `cannot read env_file …`, `pre_start timed out …`."""
    reason = process.reason.removeprefix("cannot read ").removeprefix("cannot set ")
    option = re.split(r"\W", reason, maxsplit=1)[0]
    if option not in options_of(Program):
        return ()
    return (option, "hook_timeout") if reason.startswith(f"{Hook.PRE_START.value} timed out") else (option,)


def tail_command(case: Case) -> str:
    """The command that shows what it has written."""
    channel = " stderr" if case.known.last_words_on == "stderr" else ""
    return f"procmanctl tail {case.name}{channel}"
