"""The words for one-shots, where they differ from those for services. No I/O and no clock here."""

from dataclasses import replace

from procman.core.exit_codes import is_listed
from procman.core.process import Process
from procman.core.spec import FOREVER
from procman.core.states import MasterState, State
from procman.runtime.ending import ending
from procman.services.explain_facts import Case, Link, Words
from procman.services.explain_links import how_it_ended, look_command, options_of_the_failure, troubles
from procman.services.explain_texts import counted, duration

_DOWN = (State.STOPPED, State.EXITED, State.FATAL)
_OF_SCHEDULES = ("schedule", "schedule_tz", "schedule_overlap", "schedule_missed", "schedule_deadline")


def done(case: Case) -> Words:
    """Its last run has succeeded."""
    return Words(
        because=(*(how_it_ended(case) or (Link("end", "it has ended"),)), Link("policy", "that is a success")),
        next="nothing by itself: it runs again when it is asked to, or when its definition changes",
        options=("type", "exitcodes"),
        commands=(f"procmanctl run {case.name}",),
        fine=True,
    )


def scheduled(case: Case) -> Words:
    """Its schedule is on, and its last run has not failed, or it had none."""
    process, schedule = case.process, case.process.definition.schedule
    before = how_it_ended(case) if process.attempt else ()
    text = "" if schedule is None else f" ({schedule.text})"
    return Words(
        because=(*before, Link("policy", f"it runs by its schedule{text}, which is on")),
        next=_next_run(case),
        next_in=case.known.next_run_in,
        options=_OF_SCHEDULES,
        commands=(f"procmanctl run {case.name}", f"procmanctl next {case.name}", f"procmanctl stop {case.name}"),
        fine=True,
    )


def scheduled_and_failed(case: Case) -> Words:
    """Its last run has failed, and the next one comes by its schedule."""
    return Words(
        because=(*_failures(case), *troubles(case), Link("policy", "its schedule is on")),
        next=_next_run(case),
        next_in=case.known.next_run_in,
        options=(*_deciding(case.process), "schedule"),
        commands=(look_command(case), f"procmanctl run {case.name}", f"procmanctl runs {case.name}"),
        verdict="as its last run has failed",
    )


def with_schedule_off(case: Case, words: Words) -> Words:
    """The same, and that it does not run by its schedule, where it has one that is off."""
    process = case.process
    schedule = process.definition.schedule
    if schedule is None or process.timing.on or process.state not in _DOWN or words.verdict:
        return words
    if case.around.master is not MasterState.RUNNING:
        return words
    return replace(
        words,
        because=(*words.because, Link("policy", f"its schedule ({schedule.text}) is off, so no run comes by itself")),
        next="nothing by itself: procmanctl start switches its schedule on, and runs nothing",
        options=(*words.options, "schedule"),
        commands=(f"procmanctl start {case.name}", *(one for one in words.commands if " start " not in one)),
    )


def _next_run(case: Case) -> str:
    process = case.process
    left_out = counted(process.timing.left_out, "time was", "times were")
    also = f"; {left_out} left out" if process.timing.left_out else ""
    return f"{case.known.next_run or 'its next run comes by its schedule'}{also}"


def running(case: Case) -> Words:
    """A run is under way."""
    process = case.process
    left = case.left(process.deadlines.run)
    coming = "it ends by itself; then it is done, or has failed"
    if left is not None:
        coming += f". In {duration(left)} its time is over (run_timeout)"
    before = (*_failures(case), *troubles(case)) if process.failures else ()
    timing = process.timing
    if timing.queued is not None:
        coming += ". Another run is queued (schedule_overlap)"
    if timing.left_out:
        many = counted(timing.left_out, "time of its schedule was", "times of its schedule were")
        coming += f". Meanwhile {many} left out (schedule_overlap)"
    if case.known.next_run:
        coming += f"; {case.known.next_run}"
    elif process.definition.schedule is not None and not timing.on:
        coming += "; its schedule is off"
    return Words(
        because=(*before, Link("policy", f"its run (pid {process.pid}) is under way")),
        next=coming,
        next_in=left,
        options=("type", "run_timeout"),
        commands=(f"procmanctl tail -f {case.name}", f"procmanctl stop {case.name}"),
        fine=True,
    )


def timed_out(process: Process) -> Link:
    """Why it is being stopped."""
    limit = process.program.run_timeout
    return Link("policy", f"its run took longer than run_timeout{'' if limit is None else f' ({duration(limit)})'}")


def after_the_timeout(process: Process) -> str:
    """What follows when it has been stopped for that."""
    if process.failures < process.program.startretries:
        return "then its next try comes"
    return "then it is FATAL"


def fatal(case: Case) -> Words:
    """All its tries have failed."""
    process = case.process
    return Words(
        because=(*_failures(case), *troubles(case)),
        next="nothing by itself",
        options=_deciding(process),
        commands=(look_command(case), f"procmanctl run {case.name}"),
    )


def backoff(case: Case, when: str, left: float | None) -> Words:
    """A try has failed, and the next one comes `when`."""
    process = case.process
    retries = process.program.startretries
    if retries >= FOREVER:
        coming = f"try {process.failures + 1} {when}; it is never given up"
    else:
        last = "the last one: then" if process.failures >= retries else "if all of them fail,"
        coming = f"try {process.failures + 1} of {retries + 1} {when}; {last} it is FATAL"
    return Words(
        because=(*_failures(case), *troubles(case)),
        next=coming,
        next_in=left,
        options=_deciding(process),
        commands=(look_command(case), f"procmanctl retry {case.name}", f"procmanctl stop {case.name}"),
    )


def _failures(case: Case) -> tuple[Link, ...]:
    """How often it was tried, and why the last time was a failure."""
    process, known = case.process, case.known
    tries = known.tries if known.tries is not None else process.failures or process.program.startretries + 1
    took = f" in {duration(known.tries_took)}" if known.tries_took is not None and tries > 1 else ""
    how = known.end or (ending(process.last_end) if process.last_end is not None else "")
    reason = process.reason or "nobody knows why"
    # "Bad exit code 3" says no more than how it ended.
    why = reason if not how else how if reason.startswith("Bad exit code") else f"{reason}; {how}"
    words = f", last words: {known.last_words}" if known.last_words else ""
    many = f"{counted(tries, 'failed try', 'failed tries')}{took}"
    return (Link("end", f"{many}; {why}{words}"),)


def _deciding(process: Process) -> tuple[str, ...]:
    if process.limited:
        return ("restart_limit", "on_restart_limit")
    if process.last_end is not None and is_listed(process.last_end, process.program.norestart_exitcodes):
        return ("norestart_exitcodes",)
    if process.reason.startswith("timed out"):
        return ("run_timeout", "startretries")
    return (*(options_of_the_failure(process) or ("exitcodes",)), "startretries")
