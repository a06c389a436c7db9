"""The core's states as supervisor's clients know them."""

import pytest
from supervisor.states import ProcessStates, SupervisorStates

from procman.api.supervisor_states import supervisor_state
from procman.core.states import MasterState, State


def numbers(states: type) -> dict[str, int]:
    return {name: value for name, value in vars(states).items() if name.isupper()}


def test_the_states_of_a_process_are_supervisors():
    """Clients compare names and numbers, and there are no others."""
    assert dict(supervisor_state(state) for state in State) == numbers(ProcessStates)


@pytest.mark.parametrize("state", MasterState)
def test_the_states_of_the_master_are_supervisors(state):
    """Clients compare names and numbers; supervisord itself never is in FATAL, and nor is this."""
    name, code = supervisor_state(state)
    assert numbers(SupervisorStates)[name] == code
