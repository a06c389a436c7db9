"""What is asked of one process, in every state. No I/O and no clock here.

What an operator asks for is never counted as a failure or a restart, and begins the counts anew.
"""

from procman.core.actions import Action, AnnounceInPlace, AnnounceSockets, Kill, Spawn
from procman.core.coming_up import limit_run
from procman.core.deadlines import Deadlines
from procman.core.health_checks import begin_checks
from procman.core.hook_chain import skip
from procman.core.hooks import begin, end, skip_rest
from procman.core.idling import change_use
from procman.core.process import Process
from procman.core.spec import Hook, ProcessSpec, Scope
from procman.core.starting import launch, listen, release, settle
from procman.core.states import SIGNALLABLE, UP, State
from procman.core.stopping import break_off, send_sigkill, stop_left, take_down
from procman.core.switching import switch_on
from procman.core.wear import change_wear


def start(process: Process, now: float, *, alone: bool = False, run: bool = False) -> list[Action]:
    """Want it up; `alone`: whatever it depends on. A process that is being stopped starts when it has settled.

    With a schedule, that is switched on, unless it is to `run` now.
    """
    if not run and process.definition.schedule is not None:
        return switch_on(process)
    if not process.wanted and process.successor is None:
        process.ties.deferred = False
    process.wanted = True
    process.begin_anew()
    process.ties.alone = alone
    match process.state:
        case State.STARTING if alone and process.ties.waiting:
            return release(process, now)
        case State.STOPPED | State.EXITED | State.FATAL:
            process.failures = 0
            return launch(process, now)
        case State.UNKNOWN:
            # It may still be alive, and there must never be two.
            process.wanted = False
            return []
        case State.STOPPING:
            process.asked_meanwhile()
            return []
        case _:
            return []


def begin_service(process: Process, now: float) -> list[Action]:
    """Want it up, as the configuration says: a lazy process begins to wait for a connection."""
    if not process.definition.lazy or process.state not in (State.STOPPED, State.EXITED):
        return start(process, now)
    process.wanted = True
    process.begin_anew()
    process.take_over()
    return [] if process.listens else listen(process)


def stop(process: Process, now: float) -> list[Action]:
    """Want it down. What is blocked has not failed itself, so it is STOPPED then, and not FATAL for good."""
    is_blocked = _is_blocked(process)
    process.wanted = process.ties.bound = process.ties.pulls = False
    if is_blocked:
        process.reason = ""
        return take_down(process, now) if process.left_behind else settle(process, now)
    if not process.use.listening:
        return take_down(process, now)
    process.use.listening = False
    return [AnnounceSockets(process.name, process.program, "off"), *take_down(process, now)]


def restart(process: Process, now: float) -> list[Action]:
    """Want it up, in a new run."""
    if process.state is State.UNKNOWN or (process.settled and not process.left_behind):
        return start(process, now)
    process.wanted = True
    process.begin_anew()
    return take_down(process, now)


def retry(process: Process, now: float) -> list[Action]:
    """Start it now, if it waits for its next try, or was given up."""
    if process.state is State.FATAL:
        return start(process, now, run=True)
    if process.state is not State.BACKOFF:
        return []
    process.wanted = True
    process.failures = 0
    process.begin_anew()
    return launch(process, now)


def call_off(process: Process, now: float) -> list[Action]:
    """Cancel its start; a process that runs already is left alone."""
    process.wanted = False
    process.asked_meanwhile()
    waits = process.state in (State.STARTING, State.BACKOFF) and process.pid is None
    return break_off(process, now) if waits else []


def hurry(process: Process, now: float) -> list[Action]:
    """It is being stopped, and asked to stop a second time: its hooks are not waited for."""
    skip_rest(process, "it is asked to stop a second time")
    return skip(process, now)


def signal(process: Process, signum: int) -> list[Action]:
    """Send it a signal; nothing else changes."""
    if process.pid is None or process.state not in SIGNALLABLE:
        return []
    return [Kill(process.name, process.pid, signum, Scope.PROCESS)]


def kill(process: Process, now: float) -> list[Action]:
    """Want it down at once, with SIGKILL."""
    if _is_blocked(process) and not process.left_behind:
        return stop(process, now)
    process.wanted = process.ties.bound = process.ties.deferred = False
    skip_rest(process, "it is killed")
    if process.hooks.running is Hook.POST_STOP:
        return skip(process, now)
    told = end(process, "it is killed")
    if process.state is State.STOPPING:
        return [*told, *send_sigkill(process, now, hurried=True)]
    if process.pid is None and process.left_behind and process.state is not State.UNKNOWN:
        return [*told, stop_left(process, now), *send_sigkill(process, now, hurried=True)]
    if process.pid is None or process.state not in SIGNALLABLE:
        return [*told, *take_down(process, now)]
    process.stop_reached = process.program.stop_scope
    stopping = process.enter(State.STOPPING, pid=process.pid)
    skipped = [*begin(process, Hook.PRE_STOP, now), *begin(process, Hook.BEFORE_KILL, now)]
    return [stopping, *skipped, *send_sigkill(process, now, hurried=True)]


def redefine(process: Process, program: ProcessSpec, now: float) -> list[Action]:
    """Change to a definition that a running process cannot take over."""
    process.successor = program
    if process.state in UP and program.schedule is not None and process.program.schedule is None:
        # It was a service, or a run of its own; from now on it runs at its times.
        return [*_goes_on_scheduled(process, program), *stop(process, now)]
    if process.state in UP:
        return restart(process, now)
    if process.state is State.STOPPING or process.pid is not None:
        # STOPPING or UNKNOWN: `settle` sees the successor.
        process.asked_meanwhile()
        return []
    if process.left_behind:
        process.wanted = program.schedule is None and _comes_back_replaced(process, program)
        return [*_goes_on_scheduled(process, program), *take_down(process, now)]
    return _succeed(process, now)


def change_in_place(process: Process, program: ProcessSpec, now: float) -> list[Action]:
    """Take over options that a running process does not notice."""
    if process.successor is not None:
        process.successor = program
        return []
    before, process.program = process.program, program
    actions: list[Action] = [AnnounceInPlace(process.name, before, program)]
    if process.state is State.RUNNING:
        limit_run(process)
        change_wear(process, before, now)
        change_use(process, before, now)
        if _is_looked_at_otherwise(before, program):
            begin_checks(process, now)
    if process.deadlines.retry is not None and program.backoff not in (None, before.backoff):
        longest = program.backoff[1] * (1 + program.backoff_jitter) if program.backoff else 0.0
        process.deadlines = Deadlines(retry=min(process.deadlines.retry, now + longest))
    if process.state is State.STARTING and process.pid is None and not process.ties.waiting:
        # The pending order has the old options in it.
        process.attempt += 1
        return [*actions, Spawn(process.name, program, process.attempt)]
    if process.listens and not program.lazy:
        return [*actions, *launch(process, now)]
    if not before.autostart and program.autostart and process.attempt == 0 and not process.wanted:
        return [*actions, *begin_service(process, now)]
    return actions


def _is_blocked(process: Process) -> bool:
    return process.wanted and process.state is State.FATAL and process.ties.blocked


def _is_looked_at_otherwise(before: ProcessSpec, after: ProcessSpec) -> bool:
    """Does another definition say otherwise what its health is, or when it is looked at?"""
    now, then = ((spec.health, spec.health_interval, spec.watchdog) for spec in (after, before))
    return now != then


def _succeed(process: Process, now: float) -> list[Action]:
    """Take over the new definition in a process that is down, and start it unless it was stopped on request."""
    scheduled, listened = _goes_on_scheduled(process, process.definition), process.listens
    process.take_over()
    if listened and process.program.lazy:
        return []
    if process.program.schedule is not None:
        process.wanted = process.wanted and not listened
        return scheduled
    if listened:
        return launch(process, now)
    return begin_service(process, now) if _comes_back_replaced(process, process.program) else []


def _goes_on_scheduled(process: Process, program: ProcessSpec) -> list[Action]:
    """With a schedule by that definition and none before, it is switched on; else it is as it was."""
    is_new = program.schedule is not None and process.program.schedule is None
    return switch_on(process) if is_new and program.autostart else []


def _comes_back_replaced(process: Process, program: ProcessSpec) -> bool:
    """It is down; does it start with that definition, since it was not stopped on request?"""
    return (process.state in (State.EXITED, State.FATAL) or process.attempt == 0) and program.autostart
