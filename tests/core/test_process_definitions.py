"""A process that gets another definition: replaced when it has settled, or changed in place."""

import pytest

from procman.core.actions import Spawn
from tests.support.driven_process import EVERY_STATE, OK, process_in, summarize
from tests.support.programs import program

NEW = program(command="/bin/other")


@pytest.mark.parametrize(
    ("state", "follows", "after"),
    [
        ("NEW", ["STOPPED>STARTING", "spawn 1"], "STARTING"),
        ("WAITING", ["STARTING>STOPPED", "STOPPED>STARTING", "spawn 2"], "STARTING"),
        ("STARTING", ["STARTING>STOPPING", "SIGTERM"], "STOPPING"),
        ("RUNNING", ["RUNNING>STOPPING", "SIGTERM"], "STOPPING"),
        ("BACKOFF", ["BACKOFF>STOPPED", "STOPPED>STARTING", "spawn 2"], "STARTING"),
        ("STOPPING", [], "STOPPING"),
        # A process that was stopped on request stays stopped.
        ("STOPPED", [], "STOPPED"),
        ("EXITED", ["EXITED>STARTING", "spawn 2"], "STARTING"),
        ("FATAL", ["FATAL>STARTING", "spawn 5"], "STARTING"),
        ("UNKNOWN", [], "UNKNOWN"),
    ],
)
def test_replace(state, follows, after):
    """What is up comes back by the new definition, what is down takes it over and may get its chance."""
    process = process_in(state)
    assert summarize(process.replace(NEW, 2.0)) == follows
    assert process.state.name == after
    if process.pid is None:
        assert (process.program, process.successor) == (NEW, None)
    else:
        assert (process.program, process.successor) == (program(startretries=3, stopwaitsecs=10), NEW)
        process.exited(OK, 3.0)
        assert (process.program, process.successor) == (NEW, None)


@pytest.mark.parametrize("state", ["NEW", "STOPPED", "EXITED", "FATAL"])
def test_replace_without_autostart_starts_nothing(state):
    """A definition that does not start with the master does not start with an update."""
    process = process_in(state)
    assert process.replace(program(command="/bin/other", autostart=False), 2.0) == []


def test_one_that_was_being_stopped_is_replaced_and_stays_down():
    """The operator's stop outlives the update."""
    process = process_in("STOPPING")
    process.replace(NEW, 2.0)
    assert summarize(process.exited(OK, 3.0)) == ["STOPPING>STOPPED"]
    assert process.program == NEW


def test_the_new_definition_counts_from_the_spawn_on():
    """The run that is being stopped still has the stopwaitsecs it was started with."""
    process = process_in("RUNNING", stopwaitsecs=10)
    process.replace(program(command="/bin/other", stopwaitsecs=99), 2.0)
    assert process.next_deadline == 12.0
    spawned = process.exited(OK, 3.0)[-1]
    assert spawned.program.stopwaitsecs == 99


def test_the_last_of_several_definitions_wins():
    """Two updates while it stops: it comes back by the second."""
    process = process_in("RUNNING")
    process.replace(NEW, 2.0)
    process.replace(program(command="/bin/third"), 2.5)
    assert process.exited(OK, 3.0)[-1].program.command == "/bin/third"


@pytest.mark.parametrize("state", EVERY_STATE)
def test_a_change_in_place_disturbs_nobody(state):
    """The new options are there at once, and the process goes on."""
    process = process_in(state)
    before = (process.state, process.pid, process.next_deadline, process.wanted)
    new = program(startretries=3, stopwaitsecs=99)
    actions = process.change_in_place(new, 0.0)
    assert summarize(actions)[:1] == ["in place"]
    assert process.program == new
    assert (process.state, process.pid, process.next_deadline, process.wanted) == before


def test_a_change_in_place_reaches_a_spawn_that_waits():
    """One that waits for its turn is spawned with the new options, for instance with the new log file."""
    process = process_in("WAITING")
    new = program(stdout_logfile="/var/log/new.log")
    spawns = [action for action in process.change_in_place(new, 0.0) if isinstance(action, Spawn)]
    assert [(order.program, order.attempt) for order in spawns] == [(new, process.attempt)]
    assert process.attempt == 2


def test_a_change_in_place_reaches_the_definition_that_comes_next():
    """Replaced, and changed in place before it has settled: it comes back with both."""
    process = process_in("RUNNING")
    process.replace(NEW, 2.0)
    both = program(command="/bin/other", stopwaitsecs=99)
    process.change_in_place(both, 0.0)
    assert process.exited(OK, 3.0)[-1].program == both


@pytest.mark.parametrize(
    ("state", "follows"), [("NEW", ["in place", "STOPPED>STARTING", "spawn 1"]), ("STOPPED", ["in place"])]
)
def test_autostart_that_is_switched_on_starts_what_never_was(state, follows):
    """A process that was never started is started; one that was stopped on request stays stopped."""
    process = process_in(state, autostart=False)
    assert summarize(process.change_in_place(program(autostart=True), 0.0)) == follows
