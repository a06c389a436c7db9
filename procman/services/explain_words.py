"""The words for each state and phase, wanted or not: one row of a table each. No I/O and no clock here.

A row is a function from the facts to `Words`. The rows hold with the facts of the core alone; what else is known makes
them say more.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from procman.core.process import Process
from procman.core.restarts import BRAKED
from procman.core.spec import FOREVER, Autorestart, Scope
from procman.core.states import MasterState, Phase, State
from procman.runtime.ending import ending
from procman.services.explain_facts import Around, Known, Link, Words
from procman.services.explain_texts import counted, duration, names, quoted_name
from procman.system.signals import signal_name

# A program that ends with this has done what it was to do, or has put itself into the background.
_SUCCESS = 0
_GONE = (Link("end", "it has ended"),)


class Case(NamedTuple):
    """One process with all that is known of it."""

    process: Process
    known: Known
    around: Around

    @property
    def name(self) -> str:
        """For a command line."""
        return quoted_name(self.process.name)

    def left(self, deadline: float | None) -> float | None:
        """The seconds until then."""
        return None if deadline is None else max(0.0, deadline - self.around.now)


Row = Callable[[Case], Words]


def words_for(case: Case) -> Words:
    """What the table says of it."""
    process = case.process
    return TABLE[process.state, process.phase, process.wanted](case)


# ---- it is down


def _stopped(case: Case) -> Words:
    """Nobody wants it up, and it is down."""
    process, start = case.process, (f"procmanctl start {case.name}",)
    if case.around.master is not MasterState.RUNNING:
        return Words(because=(_ending(case),), next="nothing: procman does not start anything any more", fine=True)
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
        because=(*_ended(case), Link("request", "it was asked to stop")),
        next="nothing by itself: it stays down until it is started",
        options=("autostart",),
        commands=start,
        fine=True,
    )


def _stopped_though_wanted(case: Case) -> Words:
    """It has just settled, and its start is the next thing."""
    return Words(
        because=(*_ended(case), Link("request", "it was asked to start")),
        next="it is started in a moment",
        commands=(f"procmanctl start {case.name}",),
    )


def _exited(case: Case) -> Words:
    """It has ended by itself, and is not started again."""
    process = case.process
    policy = process.program.autorestart
    if process.reason:
        words = Link("policy", f"autorestart = {_shown(policy)}: it is not started again")
        return Words(
            because=(*(_ended(case) or _GONE), *_troubles(case), words),
            next="nothing by itself",
            options=("autorestart", "exitcodes"),
            commands=(_look(case), f"procmanctl start {case.name}"),
            verdict="and has failed",
        )
    expected = "as expected; it is not started again"
    return Words(
        because=(*(_ended(case) or _GONE), Link("policy", expected)),
        next="nothing by itself",
        options=("autorestart", "exitcodes"),
        commands=(f"procmanctl start {case.name}",),
        fine=True,
    )


def _exited_though_wanted(case: Case) -> Words:
    """It is about to be started again."""
    return Words(
        because=(*(_ended(case) or _GONE), *_troubles(case)),
        next="it is started again in a moment",
        options=("autorestart", "exitcodes"),
        commands=(_look(case),),
    )


def _fatal(case: Case) -> Words:
    """It was given up."""
    return Words(
        because=(*_failed(case), *_troubles(case)),
        next="nothing by itself",
        options=("restart_limit", "on_restart_limit") if case.process.limited else ("startretries", "startsecs"),
        commands=(_look(case), f"procmanctl start {case.name}"),
    )


def _fatal_and_stopped(case: Case) -> Words:
    """It was given up, and somebody has said that it may stay down."""
    return Words(
        because=(*_failed(case), *_troubles(case), Link("request", "it was asked to stay down")),
        next="nothing by itself: it stays down until it is started",
        options=("startretries", "startsecs"),
        commands=(_look(case), f"procmanctl start {case.name}"),
        fine=True,
    )


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
        before = (*_failed(case), *_troubles(case))
    elif case.known.flaps:
        before = (_brought_back(case), *_ended(case), *_troubles(case))
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
    tries = process.program.startretries + 1
    last = process.failures >= process.program.startretries
    when = "now" if left is None else f"in {duration(left)}"
    at = case.around.clock(left) if left is not None else ""
    retry = f"procmanctl retry {case.name}"
    if not process.failures:
        delayed = BRAKED if process.again.braking else "its last runs were too short: each next start waits longer"
        return Words(
            because=(*_ended(case), *_troubles(case), Link("policy", delayed)),
            next=f"it is started again {when}" + (f", at {at}" if at else ""),
            next_in=left,
            options=("backoff", "backoff_reset") if process.program.backoff is not None else ("startsecs",),
            commands=(_look(case), retry),
        )
    if process.program.startretries == FOREVER:
        return Words(
            because=(*_failed(case), *_troubles(case)),
            next=f"try {process.failures + 1} {when}" + (f", at {at}" if at else "") + "; it is tried without end",
            next_in=left,
            options=("startretries", "startsecs"),
            commands=(_look(case), retry, f"procmanctl stop {case.name}"),
        )
    number = f"try {process.failures + 1} of {tries} {when}" + (f", at {at}" if at else "")
    return Words(
        because=(*_failed(case), *_troubles(case)),
        next=f"{number}; {'the last one: then' if last else 'if all of them fail,'} it is FATAL",
        next_in=left,
        options=("startretries", "startsecs"),
        commands=(_look(case), retry, f"procmanctl stop {case.name}"),
    )


def _settling(case: Case) -> Words:
    """It was called off, and has not settled yet: what was wanted changes before the state does."""
    ended = (*_failed(case), *_troubles(case)) if case.process.state is State.BACKOFF else ()
    return Words(
        because=(*ended, _asked_down(case)),
        next="it is STOPPED in a moment",
        commands=(f"procmanctl status {case.name}",),
    )


# ---- it runs


def _running(case: Case) -> Words:
    """It is up and should be."""
    process = case.process
    up = Link("policy", f"its process (pid {process.pid}) is up")
    if not case.known.flaps:
        return Words(
            because=(up,),
            next=f"nothing by itself; if it ends, {_after_an_end(case)}",
            options=("autorestart",),
            fine=True,
        )
    return Words(
        because=(_brought_back(case), *_ended(case), *_troubles(case)),
        next=f"if it ends again, {_after_an_end(case)}",
        options=("autorestart", "startsecs"),
        commands=(_look(case), f"procmanctl stop {case.name}"),
        verdict="and does not stay up",
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
        because=(*first, _asked_down(case)),
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
    return Words(
        because=(waits, _asked_down(case) if not process.wanted else _asked_again(case)),
        next=f"{when}; {_after_the_stop(case)}",
        next_in=left,
        options=options,
        commands=(_tail(case),),
    )


# ---- the pieces of the above


def _asked_down(case: Case) -> Link:
    """Why it is to be down."""
    if case.around.master is not MasterState.RUNNING:
        return _ending(case)
    return Link("request", "it is being removed" if case.process.leaving else "it was asked to stop")


def _asked_again(case: Case) -> Link:
    """Why it is down first, and then up."""
    process = case.process
    if process.pending_end is not None and process.pending_end.before is not State.STOPPING:
        return Link("policy", "it has ended by itself")
    return Link("request", f"it is {'replaced' if process.successor is not None else 'restarted'}")


def _ending(case: Case) -> Link:
    """The master as a whole is what is the matter."""
    what = "reloading" if case.around.master is MasterState.RESTARTING else "shutting down"
    left = f"; {duration(case.around.until)} of shutdown_timeout remain" if case.around.until is not None else ""
    return Link("shutdown", f"procman is {what}{left}")


def _after_the_stop(case: Case) -> str:
    process = case.process
    if process.leaving:
        return "then it is removed"
    if not process.wanted:
        return "then it stays down"
    pending = process.pending_end
    if pending is not None and pending.before is State.STARTING:
        return "then its next try comes"
    if pending is not None and pending.before is State.RUNNING:
        return f"then {_after_an_end(case)}"
    return f"then it is started again{', with its new definition' if process.successor is not None else ''}"


def _after_an_end(case: Case) -> str:
    match case.process.program.autorestart:
        case Autorestart.ALWAYS:
            return "it is started again"
        case Autorestart.UNEXPECTED:
            return "it is started again, unless its exit status is expected"
        case Autorestart.NEVER:
            return "it is not started again"


def _brought_back(case: Case) -> Link:
    restarts = counted(case.process.restarts, "restart")
    return Link("policy", f"it does not stay up: autorestart has brought it back again and again, {restarts} so far")


def _ended(case: Case) -> tuple[Link, ...]:
    """How its last run ended, if one has."""
    process, known = case.process, case.known
    how = known.end or (ending(process.last_end) if process.last_end is not None else "")
    return (Link("end", how + _last_words(known)),) if how else ()


def _failed(case: Case) -> tuple[Link, ...]:
    """How its starts have failed."""
    process, known = case.process, case.known
    if process.limited:
        return (Link("policy", process.reason), *_ended(case))
    tries = known.tries if known.tries is not None else _tries(process)
    took = f" in {duration(known.tries_took)}" if known.tries_took is not None and tries > 1 else ""
    count = f"{counted(tries, 'failed start')}{took}"
    how = known.end or (ending(process.last_end) if process.last_end is not None else "")
    if not how:
        return (Link("end", f"{count}; {process.reason or 'nobody knows why it could not be started'}"),)
    status = process.last_end
    if status is not None and status.known and status.signal is None and status.code == _SUCCESS:
        how += f", sooner than startsecs ({process.program.startsecs:g} s)"
    return (Link("end", f"{count}; {how}{_last_words(known)}"),)


def _tries(process: Process) -> int:
    return process.program.startretries + 1 if process.state is State.FATAL else process.failures


def _last_words(known: Known) -> str:
    return f", last words: {known.last_words}" if known.last_words else ""


def _troubles(case: Case) -> tuple[Link, ...]:
    return tuple(Link("trouble", text) for text in case.known.trouble)


def _look(case: Case) -> str:
    """The command that shows more of a failure: where it could not be started, nothing was written."""
    if case.process.last_end is None:
        return f"procmanctl config {case.name}"
    return _tail(case)


def _tail(case: Case) -> str:
    channel = " stderr" if case.known.last_words_on == "stderr" else ""
    return f"procmanctl tail {case.name}{channel}"


def _shown(policy: Autorestart) -> str:
    return str(policy.value).lower()


TABLE: Mapping[tuple[State, Phase, bool], Row] = {
    (State.STOPPED, Phase.NONE, False): _stopped,
    (State.STOPPED, Phase.NONE, True): _stopped_though_wanted,
    (State.STARTING, Phase.NONE, False): _up_and_unwanted,
    (State.STARTING, Phase.NONE, True): _starting,
    (State.RUNNING, Phase.NONE, False): _up_and_unwanted,
    (State.RUNNING, Phase.NONE, True): _running,
    (State.BACKOFF, Phase.NONE, False): _settling,
    (State.BACKOFF, Phase.NONE, True): _backoff,
    (State.STOPPING, Phase.NONE, False): _stopping,
    (State.STOPPING, Phase.NONE, True): _stopping,
    (State.STOPPING, Phase.LEFTOVERS, False): _stopping_leftovers,
    (State.STOPPING, Phase.LEFTOVERS, True): _stopping_leftovers,
    (State.EXITED, Phase.NONE, False): _exited,
    (State.EXITED, Phase.NONE, True): _exited_though_wanted,
    (State.FATAL, Phase.NONE, False): _fatal_and_stopped,
    (State.FATAL, Phase.NONE, True): _fatal,
    (State.UNKNOWN, Phase.NONE, False): _unknown,
    (State.UNKNOWN, Phase.NONE, True): _unknown,
}
