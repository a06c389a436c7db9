"""What a process leaves behind when it ends: it is waited for, stopped, or let go on."""

from signal import SIGKILL, SIGTERM

import pytest

from procman.core.actions import KeepDescendants, Kill
from procman.core.spec import Autorestart, Leftovers, Scope
from tests.support.driven_process import BAD, EPERM, OK, PID, SEGV, DrivenProcess, process_in, summarize
from tests.support.programs import program

DESCENDANTS = (77, 78)


@pytest.mark.parametrize(
    ("state", "options", "follows"),
    [
        # It was asked to stop, and so were they: nothing to do but wait.
        ("STOPPING", {"stop_scope": Scope.TREE}, ["left 2"]),
        # They have not heard of it.
        ("STOPPING", {"leftovers": Leftovers.STOP}, ["left 2", "descendants SIGTERM"]),
        ("RUNNING", {"leftovers": Leftovers.STOP}, ["left 2", "RUNNING>STOPPING", "descendants SIGTERM"]),
        ("STARTING", {"leftovers": Leftovers.STOP}, ["left 2", "STARTING>STOPPING", "descendants SIGTERM"]),
        # It does not matter.
        ("STOPPING", {}, ["STOPPING>STOPPED"]),
        ("RUNNING", {"stop_scope": Scope.TREE}, ["RUNNING>EXITED"]),
    ],
)
def test_what_is_left_behind_is_waited_for_where_somebody_minds(state, options, follows):
    """STOPPING lasts until the tree has gone (stop_scope=tree), or until nothing is left (leftovers=stop)."""
    process = process_in(state, **options)
    assert summarize(process.exited(OK, 1.0 if state == "STOPPING" else 0.5, DESCENDANTS)) == follows


@pytest.mark.parametrize(
    ("status", "autorestart", "follows"),
    [
        (OK, Autorestart.UNEXPECTED, ["STOPPING>EXITED"]),
        (BAD, Autorestart.UNEXPECTED, ["STOPPING>EXITED", "EXITED>STARTING", "spawn 2"]),
        (BAD, Autorestart.NEVER, ["STOPPING>EXITED"]),
    ],
)
def test_when_nothing_is_left_it_goes_on_as_it_ended(status, autorestart, follows):
    """That something was left behind delays what follows, and does not change it."""
    process = process_in("RUNNING", leftovers=Leftovers.STOP, autorestart=autorestart)
    process.exited(status, 5.0, DESCENDANTS)
    assert summarize(process.descendants_gone(6.0)) == follows


def test_one_that_died_too_quickly_backs_off_when_nothing_is_left():
    """Its failures are counted as if it had left nothing."""
    process = process_in("STARTING", leftovers=Leftovers.STOP)
    process.exited(BAD, 0.5, DESCENDANTS)
    assert summarize(process.descendants_gone(3.0)) == ["STOPPING>BACKOFF"]
    assert (process.failures, process.next_deadline) == (1, 4.0)


@pytest.mark.parametrize(
    ("state", "scope", "spared"),
    [("STOPPING", Scope.GROUP, PID), ("STOPPING", Scope.PROCESS, 0), ("RUNNING", Scope.GROUP, 0)],
)
def test_whoever_had_the_stop_signal_gets_it_no_second_time(state, scope, spared):
    """Its process group got the signal with the process; descendants outside of the group did not."""
    process = process_in(state, stop_scope=scope, kill_scope=scope, leftovers=Leftovers.STOP)
    *_, kill = process.exited(OK, 2.0, DESCENDANTS)
    assert kill == Kill("web", 0, SIGTERM, Scope.TREE, spared_group=spared)


def test_who_had_the_stop_signal_is_decided_when_it_is_sent():
    """An option that is changed afterwards changes it no more."""
    process = process_in("STOPPING", leftovers=Leftovers.STOP)
    process.change_in_place(program(stop_scope=Scope.TREE, kill_scope=Scope.TREE, leftovers=Leftovers.STOP), 0.0)
    assert summarize(process.exited(OK, 2.0, DESCENDANTS)) == ["left 2", "descendants SIGTERM"]


def test_descendants_that_do_not_go_get_sigkill():
    """They have stopwaitsecs, counted from the end of their process."""
    process = process_in("RUNNING", leftovers=Leftovers.STOP, stopwaitsecs=10)
    process.exited(OK, 5.0, DESCENDANTS)
    assert process.next_deadline == 15.0
    (kill,) = process.deadline_reached(15.0)
    assert kill == Kill("web", 0, SIGKILL, Scope.TREE, overdue=True)


def test_descendants_of_a_stop_have_until_the_deadline_of_that_stop():
    """The stopwaitsecs are for the whole tree, not for each generation of it."""
    process = process_in("STOPPING", stop_scope=Scope.TREE, stopwaitsecs=10)
    process.exited(OK, 4.0, DESCENDANTS)
    assert process.next_deadline == 11.0


@pytest.mark.parametrize("ask", ["stop", "restart", "start"])
def test_what_is_asked_for_meanwhile_decides_what_follows(ask):
    """A request decides what happens next, and no longer the way in which it ended."""
    process = process_in("RUNNING", leftovers=Leftovers.STOP, autorestart=Autorestart.NEVER)
    process.exited(BAD, 5.0, DESCENDANTS)
    _ = process.start(0.0) if ask == "start" else getattr(process, ask)(6.0)
    back = ["STOPPED>STARTING", "spawn 2"]
    assert summarize(process.descendants_gone(7.0)) == ["STOPPING>STOPPED", *(back if ask != "stop" else [])]


def test_descendants_that_may_not_be_signalled_are_given_up():
    """They have become another user's; the process itself has ended, which is known."""
    process = process_in("RUNNING", leftovers=Leftovers.STOP)
    process.exited(OK, 5.0, DESCENDANTS)
    assert summarize(process.kill_failed(EPERM, 5.0)) == ["STOPPING>EXITED"]


def with_left(state: str, **options) -> DrivenProcess:
    """A process with stop_scope=tree that has ended by itself, and some descendants go on."""
    options = {"stop_scope": Scope.TREE, "kill_scope": Scope.TREE, "stopwaitsecs": 10} | options
    retries = 0 if state == "FATAL" else 3
    process = process_in("RUNNING" if state == "EXITED" else "STARTING", startretries=retries, **options)
    process.wanted = state != "EXITED"
    process.exited(OK, 0.5, DESCENDANTS)
    if state == "WAITING":
        process.deadline_reached(1.5)
        state = "STARTING"
    assert (process.state.name, process.left_behind) == (state, True)
    return process


@pytest.mark.parametrize(("scope", "stop_later"), [(Scope.PROCESS, False), (Scope.TREE, True)])
def test_descendants_that_nothing_waits_for_are_kept(scope, stop_later):
    """The order says whether the next stop of the process is to reach them."""
    process = process_in("RUNNING", stop_scope=scope, kill_scope=scope)
    assert process.exited(OK, 5.0, DESCENDANTS)[-1] == KeepDescendants("web", stop_later=stop_later)


@pytest.mark.parametrize("state", ["BACKOFF", "WAITING", "EXITED", "FATAL"])
def test_what_is_left_of_a_tree_is_stopped_in_whatever_state_its_process_is(state):
    """A daemon that a program became: the program has ended long since, and the stop signal is for the daemon."""
    process = with_left(state)
    before = process.state.name
    assert summarize(process.stop(20.0)) == [f"{before}>STOPPING", "descendants SIGTERM"]
    assert process.next_deadline == 30.0
    assert summarize(process.deadline_reached(30.0)) == ["descendants SIGKILL!"]
    assert summarize(process.descendants_gone(31.0)) == ["STOPPING>STOPPED"]
    assert not process.left_behind
    assert summarize(process.stop(32.0)) == []


def test_what_is_left_of_a_tree_is_stopped_before_the_process_is_restarted():
    """Otherwise two generations of it would run."""
    process = with_left("EXITED")
    assert summarize(process.restart(20.0)) == ["EXITED>STOPPING", "descendants SIGTERM"]
    assert summarize(process.descendants_gone(21.0)) == ["STOPPING>STOPPED", "STOPPED>STARTING", "spawn 2"]


@pytest.mark.parametrize(
    ("autostart", "follows"), [(True, ["STOPPED>STARTING", "spawn 2"]), (False, [])], ids=["autostart", ""]
)
def test_what_is_left_of_a_tree_is_stopped_before_the_process_is_replaced(autostart, follows):
    """It is of the definition that is given up; what comes after it is what comes after any replacement."""
    process = with_left("EXITED")
    assert summarize(process.replace(program(autostart=autostart), 20.0)) == ["EXITED>STOPPING", "descendants SIGTERM"]
    assert summarize(process.descendants_gone(21.0)) == ["STOPPING>STOPPED", *follows]


def test_what_is_left_of_a_tree_is_killed_without_waiting():
    """A kill of a process that is down reaches the descendants that it left behind."""
    assert summarize(with_left("EXITED").kill(20.0)) == ["EXITED>STOPPING", "descendants SIGKILL!"]


def test_what_is_left_of_a_tree_is_left_alone_when_only_the_next_try_is_called_off():
    """The turn of its wave has not come."""
    process = with_left("BACKOFF")
    assert summarize(process.call_off(0.0)) == ["BACKOFF>STOPPED"]
    assert summarize(process.stop(20.0)) == ["STOPPED>STOPPING", "descendants SIGTERM"]


def test_what_has_left_a_tree_that_is_not_stopped_as_a_whole_is_nobodys():
    """As under supervisord."""
    process = process_in("RUNNING", stop_scope=Scope.GROUP)
    process.exited(OK, 5.0, DESCENDANTS)
    assert not process.left_behind


@pytest.mark.parametrize(("status", "code"), [(OK, 0), (BAD, 1), (SEGV, 139)])
def test_its_exit_code_is_what_a_shell_would_say(status, code):
    """128+n for a signal."""
    process = process_in("RUNNING")
    process.exited(status, 5.0)
    assert process.exit_code == code
