"""The states of a process, and the one table of which may follow which.

What clients and event listeners are told of them is the business of `api.supervisor_states`.
"""

from enum import Enum


class State(Enum):
    """Where a process stands; see `TRANSITIONS` for where it may go from there."""

    STOPPED = "stopped"  # was asked to stop, or was never started
    STARTING = "starting"  # about to be spawned, or spawned and not yet up for startsecs
    RUNNING = "running"
    BACKOFF = "backoff"  # waits for the next try: after a failed start, or an end that is not to be followed at once
    STOPPING = "stopping"  # has its stop signal, not yet gone
    EXITED = "exited"  # ended by itself after it had been RUNNING
    FATAL = "fatal"  # startretries tries have failed, or what it depends on has
    UNKNOWN = "unknown"  # could not be signalled, so whether it will ever end cannot be known

    # That of Enum is written in Python, and a state is looked up several times for each change of one.
    __hash__ = object.__hash__


class Phase(Enum):
    """What a process is doing within its state, where the state does not say it all."""

    NONE = ""
    UNREADY = "unready"  # STARTING: it was spawned, and a condition of its option ready does not hold yet
    UNHEALTHY = "unhealthy"  # RUNNING: its health check has failed, and it is not well again
    DONE = "done"  # EXITED: a one-shot that has succeeded
    LEFTOVERS = "leftovers"  # STOPPING: it has ended, and what it left behind is being stopped
    WAITING = "waiting"  # STARTING: not spawned yet, as it waits for its dependencies, or for its turn
    BLOCKED = "blocked"  # FATAL: a dependency has failed; it starts when that is up again
    SCHEDULED = "scheduled"  # STOPPED, EXITED or FATAL: its schedule is on
    LISTENING = "listening"  # STOPPED or EXITED: lazy, it starts with the next connection to one of its sockets
    RETRY = "retry"  # BACKOFF: it is started again after a delay
    BOUND = "bound"  # STOPPED: taken down with a dependency; it starts with it
    # The hook of that name runs, and the process waits for it: the first in STARTING, the others in STOPPING.
    PRE_START = "pre_start"
    PRE_STOP = "pre_stop"
    STOP_COMMAND = "stop_command"
    BEFORE_KILL = "before_kill"
    POST_STOP = "post_stop"


TRANSITIONS: dict[State, frozenset[State]] = {
    # To STOPPING from a state without a process: when what an earlier run has left behind is stopped.
    State.STOPPED: frozenset({State.STARTING, State.STOPPING}),
    # To STOPPED when the stop comes before the spawn, to FATAL when what it waits for cannot come any more.
    State.STARTING: frozenset({State.RUNNING, State.BACKOFF, State.STOPPING, State.STOPPED, State.FATAL}),
    State.RUNNING: frozenset({State.EXITED, State.STOPPING}),
    State.BACKOFF: frozenset({State.STARTING, State.FATAL, State.STOPPED, State.STOPPING}),
    # To EXITED or BACKOFF when it had ended by itself, and what was stopped is what it had left behind. To BACKOFF also
    # when it was stopped because it was not ready in time, or to start again after a dependency, but not at once.
    State.STOPPING: frozenset({State.STOPPED, State.UNKNOWN, State.EXITED, State.BACKOFF}),
    # To BACKOFF when it is to start again, and not at once.
    State.EXITED: frozenset({State.STARTING, State.STOPPING, State.BACKOFF}),
    # To STOPPED when it is blocked by a dependency, and is asked to stay down.
    State.FATAL: frozenset({State.STARTING, State.STOPPING, State.STOPPED}),
    State.UNKNOWN: frozenset({State.STOPPED}),
}

# Nothing happens to a settled process until it is asked for. It has no deadline and, but for UNKNOWN, no pid.
SETTLED = frozenset({State.STOPPED, State.EXITED, State.FATAL, State.UNKNOWN})

# Down, for all that is known.
RESTING = SETTLED - {State.UNKNOWN}

# What supervisor calls running: starting one of these again is ALREADY_STARTED, and stopping it works at once.
UP = frozenset({State.STARTING, State.RUNNING, State.BACKOFF})

# Only these have a process to signal.
SIGNALLABLE = frozenset({State.STARTING, State.RUNNING, State.STOPPING})


class MasterState(Enum):
    """What the master as a whole is doing."""

    RUNNING = "running"
    RESTARTING = "restarting"
    SHUTDOWN = "shutdown"
