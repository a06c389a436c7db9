"""How a process is brought down: the stop signal, the deadline, SIGKILL, and what it leaves behind.

No I/O and no clock here. The rules:

- STOPPING ends with the process. Uninterruptible sleep outlives even SIGKILL, so that is sent again and again.
- Where its whole tree is meant (stop_scope=tree), or nothing may be left of it (leftovers=stop), STOPPING ends with the
  last of its descendants (`pending_end` holds how the process itself did). Only then is it started again.
- With stop_scope=tree the descendants that it leaves behind when it ends by itself, a daemon for example, go on and
  still belong to its tree (`left_behind`): a stop, a restart and the shutdown reach them, whatever its state.
- A second stop signal makes many programs drop what they are saving. Descendants that got the signal together with the
  process do not get it again in the same stop (`stop_reached`); they are waited for.
- Its own stop waits for those that depend on it and are being stopped (`ties.deferred`).
- `stop_run` is the only way into STOPPING with a run that is asked to end, and `send_sigkill` the only one to SIGKILL.
  Before the first signal comes pre_stop, instead of it stop_command, and before SIGKILL comes before_kill, if the time
  is over and nobody is in a hurry.
- STOPPING ends with its post_stop (`clean_up`), also where no process has run, but something was begun to start it.
"""

from dataclasses import replace
from signal import SIGKILL

from procman.core.actions import Action, Announce, AnnounceDescendants, Kill, SkipHook
from procman.core.deadlines import NO_DEADLINES, Deadlines, was_slept_over
from procman.core.events import ExitStatus
from procman.core.hooks import begin, end, is_unhealthy, patience
from procman.core.process import PendingEnd, Process
from procman.core.spec import Hook, Leftovers, Scope
from procman.core.starting import settle
from procman.core.states import State

# Between two SIGKILLs to a process that does not go. Not 0, whatever stopwaitsecs says: the loop would spin.
KILL_AGAIN = 1.0

# Why a pre_start is killed.
BROKEN_OFF = "its start is cancelled"


def take_down(process: Process, now: float, reason: str = "") -> list[Action]:
    """Bring it to a settled state, gracefully; `reason` says why policy does that."""
    match process.state:
        case State.STARTING | State.RUNNING if process.pid is not None and process.stops_later():
            process.ties.deferred = True
            if process.timed_out:
                process.deadlines = NO_DEADLINES
            return []
        case State.STARTING | State.RUNNING if process.pid is not None:
            return stop_run(process, now, reason)
        case State.STARTING | State.BACKOFF | State.STOPPED | State.EXITED | State.FATAL if process.left_behind:
            ended = end(process, BROKEN_OFF)
            left = Kill(process.name, 0, process.program.stopsignal, Scope.TREE)
            return [*ended, stop_left(process, now), left]
        case State.STARTING | State.BACKOFF:
            return break_off(process, now)
        case State.STOPPING:
            process.asked_meanwhile()
            return []
        case _:
            return []


def stop_run(process: Process, now: float, reason: str = "") -> list[Action]:
    """Bring down what runs: pre_stop first, then the stop signal."""
    assert process.pid is not None
    stopping = process.enter(State.STOPPING, pid=process.pid, reason=reason)
    process.stop_reached = Scope.PROCESS
    process.hooks.dumped = process.hooks.early = False
    if is_unhealthy(process):
        # What it does now is to be seen: later it may be something else.
        dump = begin(process, Hook.BEFORE_KILL, now)
        if process.hooks.running is not None:
            process.hooks.early = True
            return [stopping, *dump]
    return [stopping, *begin_to_stop(process, now)]


def begin_to_stop(process: Process, now: float) -> list[Action]:
    """Its pre_stop, and then what is to end it."""
    process.hooks.early = False
    first = begin(process, Hook.PRE_STOP, now)
    return first if process.hooks.running is not None else [*first, *ask_to_end(process, now)]


def ask_to_end(process: Process, now: float) -> list[Action]:
    """Have its stop_command run, or send the stop signal; stopwaitsecs begin."""
    process.deadlines = Deadlines(stop=now + patience(process, now))
    instead = begin(process, Hook.STOP_COMMAND, now)
    return instead if process.hooks.running is not None else [*instead, signal_to_stop(process)]


def signal_to_stop(process: Process) -> Kill:
    """The stop signal."""
    program = process.program
    process.stop_reached = program.stop_scope
    return Kill(process.name, process.pid or 0, program.stopsignal, program.stop_scope)


def break_off(process: Process, now: float) -> list[Action]:
    """It was to be started, and is not; nothing of it runs but perhaps its pre_start."""
    actions = end(process, BROKEN_OFF)
    actions += clean_up(process, PendingEnd(0, None, State.STOPPING), now)
    return actions if process.hooks.running is not None else [*actions, *settle(process, now)]


def clean_up(process: Process, ended: PendingEnd, now: float) -> list[Action]:
    """Nothing of it runs any more: have its post_stop run if that is owed; `ended` is kept meanwhile."""
    hooks = process.hooks
    is_owed = hooks.owed or ended.status is not None
    if not (is_owed and process.program.post_stop):
        hooks.owed = False
        return []
    if process.state is State.UNKNOWN:
        hooks.owed = False
        return [SkipHook(process.name, Hook.POST_STOP, "it was given up, as it could not be signalled")]
    if hooks.hurried:
        return begin(process, Hook.POST_STOP, now)
    entering = [] if process.state is State.STOPPING else [process.enter(State.STOPPING, pid=ended.pid)]
    process.deadlines = NO_DEADLINES
    process.pending_end = ended
    return [*entering, *begin(process, Hook.POST_STOP, now)]


def out_of_time(process: Process, now: float) -> list[Action]:
    """It has not ended within stopwaitsecs: SIGKILL, and before the first one its before_kill."""
    actions = end(process, "stopwaitsecs are over")
    if process.pid is not None and not process.hooks.dumped:
        process.deadlines = NO_DEADLINES
        actions += begin(process, Hook.BEFORE_KILL, now)
        if process.hooks.running is not None:
            return actions
    return [*actions, *send_sigkill(process, now)]


def stop_left(process: Process, now: float) -> Announce:
    """Stop what an earlier run has left behind; no process runs."""
    stopping = process.enter(State.STOPPING)
    process.deadlines = Deadlines(stop=now + process.program.stopwaitsecs)
    process.pending_end = PendingEnd(0, None, State.STOPPING)
    return stopping


def send_sigkill(process: Process, now: float, *, hurried: bool = False) -> list[Action]:
    """To the process, or to what it has left behind; `hurried`: stopwaitsecs are not waited for."""
    process.deadlines = Deadlines(stop=now + max(process.program.stopwaitsecs, KILL_AGAIN))
    if process.pid is None:
        return [Kill(process.name, 0, SIGKILL, Scope.TREE, overdue=True, hurried=hurried)]
    return [Kill(process.name, process.pid, SIGKILL, process.program.kill_scope, overdue=True, hurried=hurried)]


def bind(process: Process, now: float) -> list[Action]:
    """Take it down with something that it depends on; it stays wanted, and comes back with that."""
    process.ties.bound = True
    return take_down(process, now)


def renew(process: Process, now: float, reason: str, words: str = "") -> list[Action]:
    """Restart it by policy: something that it depends on has another run, or it is due for its memory or its age.

    `reason` is for the counts of a limit, `words` say more.
    """
    process.ties.renewing = reason
    return take_down(process, now, words)


def go_down(process: Process, now: float) -> list[Action]:
    """Those have stopped that it has waited for in order to stop."""
    process.ties.deferred = False
    return take_down(process, now)


def waits_for_descendants(process: Process) -> bool:
    """It has ended: is what it has left behind stopped, or waited for, before it counts as down?"""
    if process.program.leftovers is Leftovers.STOP:
        return process.state is not State.UNKNOWN
    return process.state is State.STOPPING and process.program.stop_scope is Scope.TREE


def stop_descendants(
    process: Process, ended: PendingEnd, status: ExitStatus, descendants: tuple[int, ...], now: float
) -> list[Action]:
    """It has ended, and what it has left behind is to end before it counts as down."""
    process.pending_end = ended
    actions: list[Action] = [AnnounceDescendants(process.name, status, descendants)]
    if ended.before is not State.STOPPING:
        actions.append(process.enter(State.STOPPING, pid=ended.pid))
        process.deadlines = Deadlines(stop=now + process.program.stopwaitsecs)
    elif process.deadlines.stop is None:
        # It has ended before it got its stop signal.
        process.deadlines = Deadlines(stop=now + patience(process, now))
    if ended.before is State.STOPPING and process.stop_reached is Scope.TREE:
        # They got the signal with the process, and share its deadline.
        return actions
    spared = ended.pid if ended.before is State.STOPPING and process.stop_reached is Scope.GROUP else 0
    return [*actions, Kill(process.name, 0, process.program.stopsignal, Scope.TREE, spared_group=spared)]


def fail_unready(process: Process, now: float) -> list[Action]:
    """It was not ready in time."""
    if not process.wanted:
        # In a shutdown, it is stopped with its wave.
        process.deadlines = replace(process.deadlines, unready=None)
        return []
    if was_slept_over(process.deadlines.unready, now):
        # Nobody has looked, or read what it has said. It has all of its time again.
        process.deadlines = replace(process.deadlines, unready=now + (process.readiness.timeout or 0.0))
        return []
    process.unready = process.reason = process.readiness.failure()
    return stop_run(process, now, process.unready)
