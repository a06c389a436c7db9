"""The words for each state and phase, wanted or not: one row of a table each. No I/O and no clock here.

A row is a function from the facts to `Words`. The rows hold with the facts of the core alone; what else is known makes
them say more.
"""

from collections.abc import Callable, Mapping

from procman.core.backoff import reset_after
from procman.core.exit_codes import is_listed
from procman.core.process import Process
from procman.core.restarts import BRAKED
from procman.core.spec import FOREVER, Scope
from procman.core.states import MasterState, Phase, State
from procman.runtime.ending import ending
from procman.services import explain_hooks, explain_limits, explain_oneshots, explain_sockets
from procman.services.explain_facts import Case, Link, Words
from procman.services.explain_health import DECIDING, health_links, unhealthy
from procman.services.explain_links import (
    after_an_end,
    after_the_stop,
    asked_again,
    asked_down,
    brought_back,
    has_ended_by_itself,
    how_it_ended,
    how_starts_failed,
    log_problems,
    look_command,
    master_ends,
    options_of_the_failure,
    perhaps_a_oneshot,
    tail_command,
    troubles,
    unwatched,
)
from procman.services.explain_readiness import says_of_itself, unready
from procman.services.explain_texts import counted, duration, names
from procman.services.explain_ties import (
    blocked,
    blocked_and_stopped,
    bound,
    bound_and_stopped,
    waiting,
    waiting_and_unwanted,
)
from procman.services.status_words import failed_as_unready
from procman.system.signals import signal_name

_TRIES: tuple[str, ...] = ("startretries", "startsecs")
_AUTORESTART: tuple[str, ...] = ("autorestart",)
_LIMIT: tuple[str, ...] = ("restart_limit", "on_restart_limit")
_GONE = (Link("end", "it has ended"),)

Row = Callable[[Case], Words]


def words_for(case: Case) -> Words:
    """What the table says of it."""
    process = case.process
    words = TABLE[process.state, process.phase, process.wanted](case)
    return explain_oneshots.with_schedule_off(case, words)


# ---- it is down


def _stopped(case: Case) -> Words:
    """Nobody wants it up, and it is down."""
    process, start = case.process, (f"procmanctl start {case.name}",)
    if case.around.master is not MasterState.RUNNING:
        return Words(because=(master_ends(case),), next="nothing: procman does not start anything any more", fine=True)
    if process.attempt == 0:
        why = "it does not start with procman (autostart = false), and nobody has started it"
        if process.program.autostart:
            why = "it has not been started yet"
        return Words(
            because=(Link("policy", why),),
            next="nothing by itself",
            options=("autostart",),
            commands=start,
            fine=True,
        )
    return Words(
        because=(*how_it_ended(case, asked=True), Link("request", "it was asked to stop")),
        next="nothing by itself: it stays down until it is started",
        options=("autostart",),
        commands=start,
        fine=True,
    )


def _stopped_though_wanted(case: Case) -> Words:
    """It has just settled, and its start is the next thing."""
    return Words(
        because=(*how_it_ended(case), Link("request", "it was asked to start")),
        next="it is started in a moment",
        commands=(f"procmanctl start {case.name}",),
    )


def _exited(case: Case) -> Words:
    """It has ended by itself, and is not started again."""
    process = case.process
    policy = process.program.autorestart
    for_good = process.last_end is not None and is_listed(process.last_end, process.program.norestart_exitcodes)
    if process.reason:
        which = "norestart_exitcodes has it" if for_good else f"autorestart = {str(policy.value).lower()}"
        return Words(
            because=(
                *(how_it_ended(case) or _GONE),
                *troubles(case),
                Link("policy", f"{which}: it is not started again"),
            ),
            next="nothing by itself",
            options=("norestart_exitcodes",) if for_good else ("autorestart", "exitcodes"),
            commands=(look_command(case), f"procmanctl start {case.name}"),
            verdict="and has failed",
        )
    expected = "as expected; it is not started again"
    return Words(
        because=(*(how_it_ended(case) or _GONE), *troubles(case), Link("policy", expected)),
        next="nothing by itself",
        options=("autorestart", "exitcodes"),
        commands=(f"procmanctl start {case.name}",),
        fine=True,
    )


def _exited_though_wanted(case: Case) -> Words:
    """It is about to be started again."""
    return Words(
        because=(*(how_it_ended(case) or _GONE), *troubles(case)),
        next="it is started again in a moment",
        options=("autorestart", "exitcodes"),
        commands=(look_command(case),),
    )


def _fatal(case: Case) -> Words:
    """It was given up."""
    if case.process.program.is_oneshot:
        return explain_oneshots.fatal(case)
    return Words(
        because=(*how_starts_failed(case), *troubles(case), *perhaps_a_oneshot(case)),
        next=_until_files_change(case),
        options=_LIMIT if case.process.limited else _of_failed_starts(case),
        commands=(look_command(case), f"procmanctl start {case.name}"),
    )


def _until_files_change(case: Case) -> str:
    """What may start one again that was given up."""
    watches = case.process.program.watch and not case.known.watch
    return "it is started again when a file that it watches changes" if watches else "nothing by itself"


def _fatal_and_stopped(case: Case) -> Words:
    """It was given up, and somebody has said that it may stay down."""
    return Words(
        because=(*how_starts_failed(case), *troubles(case), Link("request", "it was asked to stay down")),
        next="nothing by itself: it stays down until it is started",
        options=_of_failed_starts(case),
        commands=(look_command(case), f"procmanctl start {case.name}"),
        fine=True,
    )


def _of_failed_starts(case: Case) -> tuple[str, ...]:
    """The options that decide what a failed start is, and how many there may be."""
    if failed_as_unready(case.process):
        return ("startretries", "ready", "start_timeout")
    return (*options_of_the_failure(case.process), *_TRIES, *(("type",) if perhaps_a_oneshot(case) else ()))


def _unknown(case: Case) -> Words:
    """The kernel refused a signal to it."""
    process = case.process
    pid = f"pid {process.pid}" if process.pid else "its process"
    refusal = process.reason or "the kernel refused a signal to it"
    may = Link("signal", f"{pid} may still run, as another user than procman, and there must never be two of it")
    look = (f"ps -o pid,user,stat,args -p {process.pid}",) if process.pid else (f"procmanctl pid {case.name}",)
    return Words(
        because=(Link("signal", refusal), may),
        next=f"it becomes STOPPED when {pid} has ended; end it as root, or as its own user",
        options=("stopsignal",),
        commands=look,
    )


# ---- it starts


def _starting(case: Case) -> Words:
    """It was ordered to start, or has a process that is not yet up for startsecs."""
    process = case.process
    if process.pid is None:
        return _waiting_for_its_turn(case)
    left = case.left(process.deadlines.start)
    seconds = f"{process.program.startsecs:g} s"
    within = "in a moment" if left is None else f"in {duration(left)}"
    before: tuple[Link, ...] = ()
    if process.failures:
        before = (*how_starts_failed(case), *troubles(case))
    elif case.known.flaps:
        before = (brought_back(case), *how_it_ended(case), *troubles(case))
    return Words(
        because=(*before, Link("startsecs", f"its process (pid {process.pid}) counts as up after {seconds}")),
        next=f"RUNNING {within}; if it ends before that, the start has failed",
        next_in=left,
        options=("startsecs",),
        commands=(f"procmanctl tail -f {case.name}",),
    )


def _waiting_for_its_turn(case: Case) -> Words:
    turn = case.known.turn
    if turn is not None and turn.silent:
        return Words(
            because=(Link("gate", f"{turn.silent}; a start from there would hold up everything"),),
            next="it is started as soon as that answers; procman waits for it without end",
            commands=(f"procmanctl stop {case.name}",),
        )
    if turn is not None and turn.ahead:
        others, are = counted(turn.ahead, "start"), "is" if turn.ahead == 1 else "are"
        return Words(
            because=(Link("queue", f"{others} before it, in the order of priority, {are} still to be made"),),
            next="it is started after them",
            options=("priority",),
            commands=("procmanctl status",),
        )
    return Words(
        because=(Link("queue", "its start was ordered, and has not been made yet"),),
        next="it is started in a moment",
        commands=(f"procmanctl status {case.name}",),
    )


def _backoff(case: Case) -> Words:
    """It waits for its next try."""
    process, left = case.process, case.left(case.process.deadlines.retry)
    when = "now" if left is None else f"in {duration(left)}"
    at = case.around.clock(left) if left is not None else ""
    when += f", at {at}" if at else ""
    if process.program.is_oneshot:
        return explain_oneshots.backoff(case, when, left)
    if process.failures:
        because, options = (*how_starts_failed(case), *perhaps_a_oneshot(case)), _of_failed_starts(case)
        coming = _next_try(process, when)
    else:
        renewed = explain_limits.was_renewed(process)
        because = (*renewed, *(how_it_ended(case) or _GONE))
        options = (explain_limits.option_of(process),) if renewed else DECIDING if process.sick else _AUTORESTART
        coming = f"it is started again {when}"
    delay, more = _delay(process, at)
    return Words(
        because=(*because, *troubles(case), *((Link("policy", delay),) if delay else ())),
        next=coming,
        next_in=left,
        options=(*options, *more),
        commands=(look_command(case), f"procmanctl retry {case.name}", f"procmanctl stop {case.name}"),
    )


def _next_try(process: Process, when: str) -> str:
    retries = process.program.startretries
    if retries >= FOREVER:
        return f"try {process.failures + 1} {when}; it is never given up"
    last = "the last one: then" if process.failures >= retries else "if all of them fail,"
    return f"try {process.failures + 1} of {retries + 1} {when}; {last} it is FATAL"


def _delay(process: Process, at: str) -> tuple[str, tuple[str, ...]]:
    """Why it is not started before `at`, where its failed starts alone do not say so; and the options that decide."""
    program, again = process.program, process.again
    if program.restart_limit is not None and process.waits_out_limit:
        count, seconds = program.restart_limit
        had = f"it had {counted(count, 'restart')} in {duration(seconds)}, which is its limit"
        return f"{had}: that is waited out{f' until {at}' if at else ''}", _LIMIT
    if again.braking:
        return f"the brake is on: {BRAKED}", ()
    if program.backoff is None:
        return "", ()
    if process.failures:
        return "", ("backoff",)
    does_grow = program.backoff[0] < program.backoff[1] and program.backoff_factor > 1
    effect = "the delay grows" if does_grow else "each start waits"
    words = f"its last run was a short one: {effect} until one lasts for {duration(reset_after(program))}"
    return words, ("backoff", "backoff_reset") if program.backoff_reset is not None else ("backoff",)


def _settling(case: Case) -> Words:
    """It was called off, and has not settled yet: what was wanted changes before the state does."""
    ended = (*how_starts_failed(case), *troubles(case)) if case.process.state is State.BACKOFF else ()
    return Words(
        because=(*ended, asked_down(case)),
        next="it is STOPPED in a moment",
        commands=(f"procmanctl status {case.name}",),
    )


# ---- it runs


def _running(case: Case) -> Words:
    """It is up and should be."""
    process = case.process
    if process.program.is_oneshot:
        return explain_oneshots.running(case)
    up = Link("policy", f"its process (pid {process.pid}) is up")
    coming, deciding = explain_limits.coming(case)
    if not case.known.flaps:
        return Words(
            because=(
                up,
                *says_of_itself(process),
                *health_links(process, case.around.now),
                *unwatched(case),
                *log_problems(case),
            ),
            next=f"nothing by itself; if it ends, {after_an_end(case)}{coming}",
            options=("autorestart", *deciding, *(("watch", "watch_ignore") if case.known.watch else ())),
            fine=True,
        )
    return Words(
        because=(brought_back(case), *how_it_ended(case), *troubles(case)),
        next=f"if it ends again, {after_an_end(case)}{coming}",
        options=("autorestart", "startsecs", *deciding),
        commands=(look_command(case), f"procmanctl stop {case.name}"),
        verdict="and should stay up",
    )


def _up_and_unwanted(case: Case) -> Words:
    """It is to go, and its time has not come."""
    process, around = case.process, case.around
    others = tuple(name for name in around.first_to_stop if name != process.name)
    first: tuple[Link, ...] = ()
    if others and around.first_priority is not None:
        first = (
            Link("wave", f"{names(others)} (priority {around.first_priority}) must end before its own wave", others[0]),
        )
    return Words(
        because=(*first, asked_down(case)),
        next="it is stopped when those have ended" if others else "it is stopped in a moment",
        options=("priority",),
        commands=("procmanctl stop-plan",),
    )


# ---- it is being stopped


def _stopping(case: Case) -> Words:
    process, known = case.process, case.known
    signal = "SIGKILL" if known.killed else signal_name(int(process.program.stopsignal))
    ago = f" {duration(known.age)} ago" if known.age is not None and not known.killed else ""
    stuck = ": the kernel holds it, mostly in a wait for a disk" if known.killed else ""
    waits = Link("signal", f"its process (pid {process.pid}) got {signal}{ago} and has not ended{stuck}")
    return _being_stopped(case, waits)


def _stopping_leftovers(case: Case) -> Words:
    process, known = case.process, case.known
    pending = process.pending_end
    how = f" ({ending(pending.status)})" if pending is not None and pending.status is not None else ""
    left = names(known.descendants) if known.descendants else "what it has started"
    have = "have" if len(known.descendants) > 1 else "has"
    because = "stop_scope = tree" if process.program.stop_scope is Scope.TREE else "leftovers = stop"
    waits = Link("leftovers", f"it has ended{how}, and {left} {have} not; that is waited for ({because})")
    return _being_stopped(case, waits)


def _being_stopped(case: Case, waits: Link) -> Words:
    process = case.process
    left = case.left(process.deadlines.stop)
    again = "SIGKILL again" if case.known.killed else "SIGKILL"
    when = f"{again} in {duration(left)}" if left is not None else "it is STOPPED when that has ended"
    options: tuple[str, ...] = ("stopsignal", "stopwaitsecs")
    if process.phase is Phase.LEFTOVERS:
        options += ("leftovers", "stop_scope")
    why, then = asked_down(case) if not process.wanted else asked_again(case), after_the_stop(case)
    if process.timed_out and process.wanted:
        why, then = explain_oneshots.timed_out(process), explain_oneshots.after_the_timeout(process)
        options += ("run_timeout",)
    elif explain_limits.is_renewed(process):
        why, then = explain_limits.why_renewed(process), "then it is started again"
        options += (explain_limits.option_of(process),)
    return Words(
        because=(waits, why),
        next=f"{when}; {then}",
        next_in=left,
        options=options,
        commands=(tail_command(case),),
        verdict="and what it has left behind is being stopped" if has_ended_by_itself(process) else "",
    )


TABLE: Mapping[tuple[State, Phase, bool], Row] = {
    (State.STOPPED, Phase.NONE, False): _stopped,
    (State.STOPPED, Phase.NONE, True): _stopped_though_wanted,
    (State.STARTING, Phase.NONE, False): _up_and_unwanted,
    (State.STARTING, Phase.NONE, True): _starting,
    (State.STARTING, Phase.UNREADY, False): _up_and_unwanted,
    (State.STARTING, Phase.UNREADY, True): lambda case: unready(case.process, case.around.now, case.name),
    (State.STARTING, Phase.WAITING, False): waiting_and_unwanted,
    (State.STARTING, Phase.WAITING, True): waiting,
    (State.FATAL, Phase.BLOCKED, False): blocked_and_stopped,
    (State.FATAL, Phase.BLOCKED, True): blocked,
    (State.STOPPED, Phase.BOUND, False): bound_and_stopped,
    (State.STOPPED, Phase.BOUND, True): bound,
    (State.RUNNING, Phase.NONE, False): _up_and_unwanted,
    (State.RUNNING, Phase.NONE, True): _running,
    (State.RUNNING, Phase.UNHEALTHY, False): _up_and_unwanted,
    (State.RUNNING, Phase.UNHEALTHY, True): lambda case: unhealthy(case.process, case.around.now, case.name),
    (State.BACKOFF, Phase.RETRY, False): _settling,
    (State.BACKOFF, Phase.RETRY, True): _backoff,
    (State.STOPPING, Phase.NONE, False): _stopping,
    (State.STOPPING, Phase.NONE, True): _stopping,
    (State.STOPPING, Phase.LEFTOVERS, False): _stopping_leftovers,
    (State.STOPPING, Phase.LEFTOVERS, True): _stopping_leftovers,
    (State.STOPPED, Phase.LISTENING, True): explain_sockets.listening,
    (State.EXITED, Phase.LISTENING, True): explain_sockets.listening,
    (State.STOPPED, Phase.SCHEDULED, False): explain_oneshots.scheduled,
    (State.STOPPED, Phase.SCHEDULED, True): _stopped_though_wanted,
    (State.EXITED, Phase.SCHEDULED, False): explain_oneshots.scheduled,
    (State.EXITED, Phase.SCHEDULED, True): _exited_though_wanted,
    (State.FATAL, Phase.SCHEDULED, False): explain_oneshots.scheduled_and_failed,
    (State.FATAL, Phase.SCHEDULED, True): explain_oneshots.scheduled_and_failed,
    **{
        (state, phase, wanted): explain_hooks.runs
        for wanted in (False, True)
        for state, phase in (
            (State.STARTING, Phase.PRE_START),
            (State.STOPPING, Phase.PRE_STOP),
            (State.STOPPING, Phase.STOP_COMMAND),
            (State.STOPPING, Phase.BEFORE_KILL),
            (State.STOPPING, Phase.POST_STOP),
        )
    },
    (State.EXITED, Phase.DONE, False): explain_oneshots.done,
    (State.EXITED, Phase.DONE, True): explain_oneshots.done,
    (State.EXITED, Phase.NONE, False): _exited,
    (State.EXITED, Phase.NONE, True): _exited_though_wanted,
    (State.FATAL, Phase.NONE, False): _fatal_and_stopped,
    (State.FATAL, Phase.NONE, True): _fatal,
    (State.UNKNOWN, Phase.NONE, False): _unknown,
    (State.UNKNOWN, Phase.NONE, True): _unknown,
}
