"""The states of a process, and the one table of which may follow which.

The numbers are supervisor's: they travel over the wire and clients compare them.
"""

from enum import IntEnum


class State(IntEnum):
    """Where a process stands; see `TRANSITIONS` for where it may go from there."""

    STOPPED = 0  # was asked to stop, or was never started
    STARTING = 10  # about to be spawned, or spawned and not yet up for startsecs
    RUNNING = 20
    BACKOFF = 30  # died, or could not be spawned, before startsecs: waits for the next try
    STOPPING = 40  # has its stop signal, not yet gone
    EXITED = 100  # ended by itself after it had been RUNNING
    FATAL = 200  # startretries tries have failed
    UNKNOWN = 1000  # could not be signalled, so whether it will ever end cannot be known


TRANSITIONS: dict[State, frozenset[State]] = {
    # To STOPPING from a state without a process: when what an earlier run has left behind is stopped.
    State.STOPPED: frozenset({State.STARTING, State.STOPPING}),
    # To STOPPED when the stop comes before the spawn.
    State.STARTING: frozenset({State.RUNNING, State.BACKOFF, State.STOPPING, State.STOPPED}),
    State.RUNNING: frozenset({State.EXITED, State.STOPPING}),
    State.BACKOFF: frozenset({State.STARTING, State.FATAL, State.STOPPED, State.STOPPING}),
    # To EXITED or BACKOFF when it had ended by itself, and what was stopped is what it had left behind.
    State.STOPPING: frozenset({State.STOPPED, State.UNKNOWN, State.EXITED, State.BACKOFF}),
    State.EXITED: frozenset({State.STARTING, State.STOPPING}),
    State.FATAL: frozenset({State.STARTING, State.STOPPING}),
    State.UNKNOWN: frozenset({State.STOPPED}),
}

# Nothing happens to a settled process until somebody asks. It has no deadline and, but for UNKNOWN, no pid.
SETTLED = frozenset({State.STOPPED, State.EXITED, State.FATAL, State.UNKNOWN})

# What supervisor calls running: starting one of these again is ALREADY_STARTED, and stopping it works at once.
UP = frozenset({State.STARTING, State.RUNNING, State.BACKOFF})

# Only these have a process to signal.
SIGNALLABLE = frozenset({State.STARTING, State.RUNNING, State.STOPPING})


class MasterState(IntEnum):
    """What the master as a whole is doing, with supervisor's numbers."""

    RUNNING = 1
    RESTARTING = 0
    SHUTDOWN = -1
