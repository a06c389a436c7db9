"""Supervisor's states, as clients and event listeners get them: the one place where the core's states become wire.

The numbers are those of supervisor/states.py; they travel over XML-RPC and /v1, and clients compare them. Where the
core knows a state that supervisor lacks, clients get the one that serves them best, and the phase says the rest.
"""

from typing import NamedTuple

from procman.core.states import MasterState, State


class SupervisorState(NamedTuple):
    """A state as clients know it."""

    name: str
    code: int


_STATES: dict[State | MasterState, SupervisorState] = {
    State.STOPPED: SupervisorState("STOPPED", 0),
    State.STARTING: SupervisorState("STARTING", 10),
    State.RUNNING: SupervisorState("RUNNING", 20),
    State.BACKOFF: SupervisorState("BACKOFF", 30),
    State.STOPPING: SupervisorState("STOPPING", 40),
    State.EXITED: SupervisorState("EXITED", 100),
    State.FATAL: SupervisorState("FATAL", 200),
    State.UNKNOWN: SupervisorState("UNKNOWN", 1000),
    MasterState.RUNNING: SupervisorState("RUNNING", 1),
    MasterState.RESTARTING: SupervisorState("RESTARTING", 0),
    MasterState.SHUTDOWN: SupervisorState("SHUTDOWN", -1),
}


def supervisor_state(state: State | MasterState) -> SupervisorState:
    """The wire form of a state of a process, or of the master."""
    return _STATES[state]
