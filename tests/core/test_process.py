"""One process: what each event does in each state, as tables of (state, event) and what follows."""

from signal import SIGHUP, SIGQUIT

import pytest

from procman.core.events import ExitStatus
from procman.core.spec import Autorestart, Scope
from procman.core.states import SETTLED, TRANSITIONS, State
from tests.support.driven_process import BAD, EPERM, EVERY_STATE, OK, PID, SEGV, process_in, summarize


@pytest.mark.parametrize(
    ("state", "follows", "after", "wanted"),
    [
        ("NEW", ["STOPPED>STARTING", "spawn 1"], "STARTING", True),
        ("STOPPED", ["STOPPED>STARTING", "spawn 2"], "STARTING", True),
        ("EXITED", ["EXITED>STARTING", "spawn 2"], "STARTING", True),
        ("FATAL", ["FATAL>STARTING", "spawn 5"], "STARTING", True),
        ("WAITING", [], "STARTING", True),
        ("STARTING", [], "STARTING", True),
        ("RUNNING", [], "RUNNING", True),
        ("BACKOFF", [], "BACKOFF", True),
        ("STOPPING", [], "STOPPING", True),
        # It may still be alive, and there must never be two.
        ("UNKNOWN", [], "UNKNOWN", False),
    ],
)
def test_start(state, follows, after, wanted):
    """Start launches what is down, and is remembered by what is on its way down."""
    process = process_in(state)
    assert summarize(process.start(0.0)) == follows
    assert (process.state.name, process.wanted) == (after, wanted)


@pytest.mark.parametrize(
    ("state", "follows", "after"),
    [
        ("NEW", [], "STOPPED"),
        ("WAITING", ["STARTING>STOPPED"], "STOPPED"),
        ("STARTING", ["STARTING>STOPPING", "SIGTERM"], "STOPPING"),
        ("RUNNING", ["RUNNING>STOPPING", "SIGTERM"], "STOPPING"),
        ("BACKOFF", ["BACKOFF>STOPPED"], "STOPPED"),
        ("STOPPING", [], "STOPPING"),
        ("RESTARTING", [], "STOPPING"),
        ("STOPPED", [], "STOPPED"),
        ("EXITED", [], "EXITED"),
        ("FATAL", [], "FATAL"),
        ("UNKNOWN", [], "UNKNOWN"),
    ],
)
def test_stop(state, follows, after):
    """Stop settles by the shortest way that is not rude, and what was a restart becomes a stop."""
    process = process_in(state)
    assert summarize(process.stop(2.0)) == follows
    assert (process.state.name, process.wanted) == (after, False)


@pytest.mark.parametrize(
    ("state", "follows", "after", "wanted"),
    [
        ("NEW", ["STOPPED>STARTING", "spawn 1"], "STARTING", True),
        ("WAITING", ["STARTING>STOPPED", "STOPPED>STARTING", "spawn 2"], "STARTING", True),
        ("STARTING", ["STARTING>STOPPING", "SIGTERM"], "STOPPING", True),
        ("RUNNING", ["RUNNING>STOPPING", "SIGTERM"], "STOPPING", True),
        ("BACKOFF", ["BACKOFF>STOPPED", "STOPPED>STARTING", "spawn 2"], "STARTING", True),
        ("STOPPING", [], "STOPPING", True),
        ("STOPPED", ["STOPPED>STARTING", "spawn 2"], "STARTING", True),
        ("EXITED", ["EXITED>STARTING", "spawn 2"], "STARTING", True),
        ("FATAL", ["FATAL>STARTING", "spawn 5"], "STARTING", True),
        ("UNKNOWN", [], "UNKNOWN", False),
    ],
)
def test_restart(state, follows, after, wanted):
    """Restart wants it up, but not this one."""
    process = process_in(state)
    assert summarize(process.restart(2.0)) == follows
    assert (process.state.name, process.wanted) == (after, wanted)


@pytest.mark.parametrize(
    ("state", "follows", "after"),
    [
        ("NEW", [], "STOPPED"),
        ("WAITING", ["STARTING>STOPPED"], "STOPPED"),
        ("STARTING", ["STARTING>STOPPING", "SIGKILL!"], "STOPPING"),
        ("RUNNING", ["RUNNING>STOPPING", "SIGKILL!"], "STOPPING"),
        ("BACKOFF", ["BACKOFF>STOPPED"], "STOPPED"),
        ("STOPPING", ["SIGKILL!"], "STOPPING"),
        ("STOPPED", [], "STOPPED"),
        ("EXITED", [], "EXITED"),
        ("FATAL", [], "FATAL"),
        ("UNKNOWN", [], "UNKNOWN"),
    ],
)
def test_kill(state, follows, after):
    """Kill does not wait for stopwaitsecs."""
    process = process_in(state)
    assert summarize(process.kill(2.0)) == follows
    assert (process.state.name, process.wanted) == (after, False)


def test_killing_twice_asks_twice():
    """A second kill sends SIGKILL again, and announces nothing."""
    process = process_in("RUNNING")
    process.kill(2.0)
    assert summarize(process.kill(2.5)) == ["SIGKILL!"]


@pytest.mark.parametrize(
    ("state", "follows"),
    [
        (state, ["SIGHUP"] if state in ("STARTING", "RUNNING", "STOPPING") else [])
        for state in EVERY_STATE
    ],
)  # fmt: skip
def test_signal(state, follows):
    """A signal goes to what is alive, and changes nothing."""
    process = process_in(state)
    before = (process.state, process.next_deadline, process.wanted)
    assert summarize(process.signal(SIGHUP)) == follows
    assert (process.state, process.next_deadline, process.wanted) == before


@pytest.mark.parametrize(
    ("state", "follows", "after"),
    [
        ("STARTING", ["STARTING>BACKOFF"], "BACKOFF"),
        ("RUNNING", ["RUNNING>EXITED", "EXITED>STARTING", "spawn 2"], "STARTING"),
        ("STOPPING", ["STOPPING>STOPPED"], "STOPPED"),
        ("RESTARTING", ["STOPPING>STOPPED", "STOPPED>STARTING", "spawn 2"], "STARTING"),
        ("UNKNOWN", ["UNKNOWN>STOPPED"], "STOPPED"),
    ],
)
def test_exited(state, follows, after):
    """An end means something else in each state: too quick, unexpected, asked for, or late."""
    process = process_in(state, startsecs=5) if state == "STARTING" else process_in(state)
    assert summarize(process.exited(BAD, 3.0)) == follows
    assert (process.state.name, process.pid) == (after, None)


@pytest.mark.parametrize(
    ("state", "follows", "deadline"),
    [
        ("STARTING", ["STARTING>RUNNING"], None),
        ("BACKOFF", ["BACKOFF>STARTING", "spawn 2"], None),
        ("STOPPING", ["SIGKILL!"], 21.0),
    ],
)
def test_deadline_reached(state, follows, deadline):
    """Every state that ends by itself does so at its deadline."""
    process = process_in(state)
    assert summarize(process.deadline_reached(11.0)) == follows
    assert process.next_deadline == deadline


@pytest.mark.parametrize("state", EVERY_STATE)
def test_kill_failed(state):
    """A refused signal matters to one that is being stopped, and to no other."""
    process = process_in(state)
    before = process.state
    actions = process.kill_failed(EPERM, 1.0)
    if state == "STOPPING":
        assert summarize(actions) == ["STOPPING>UNKNOWN"]
        assert (process.pid, process.next_deadline, process.reason) == (PID, None, EPERM)
    else:
        assert actions == []
        assert process.state is before


# ---- starting


def test_it_runs_when_it_has_been_up_for_startsecs():
    """STARTING until startsecs have passed, RUNNING then."""
    process = process_in("WAITING", startsecs=5)
    assert process.spawned(PID, 100.0) == []
    assert (process.state, process.next_deadline) == (State.STARTING, 105.0)
    [announced] = process.deadline_reached(105.0)
    assert (announced.after, announced.pid) == (State.RUNNING, PID)


def test_startsecs_0_needs_no_time_at_all():
    """It is RUNNING as soon as it is spawned, and so it can only exit, never back off."""
    process = process_in("WAITING", startsecs=0, autorestart=Autorestart.NEVER)
    assert summarize(process.spawned(PID, 0.0)) == ["STARTING>RUNNING"]
    assert summarize(process.exited(BAD, 0.0)) == ["RUNNING>EXITED"]


def test_a_timer_that_is_late_makes_no_crash_of_a_run():
    """One that has been up for startsecs has been RUNNING, even if its end is heard of before the timer rings."""
    process = process_in("WAITING", startsecs=1, autorestart=Autorestart.NEVER)
    process.spawned(PID, 0.0)
    assert summarize(process.exited(OK, 1.5)) == ["STARTING>RUNNING", "RUNNING>EXITED"]


def test_a_start_that_ends_too_soon_fails_whatever_its_code():
    """Exit code 0 within startsecs is as bad as any other, as supervisor has it."""
    process = process_in("STARTING", startsecs=5)
    [backing_off] = process.exited(OK, 1.0)
    assert (backing_off.after, backing_off.pid, backing_off.status) == (State.BACKOFF, PID, OK)
    assert process.reason == "Exited too quickly (process log may have details)"


@pytest.mark.parametrize("startretries", [0, 1, 3])
def test_it_backs_off_a_second_longer_each_time_and_then_gives_up(startretries):
    """1, 2, 3 seconds; FATAL after startretries more tries, with the reason of the last."""
    process = process_in("WAITING", startretries=startretries)
    now = 0.0
    for failure in range(1, startretries + 1):
        process.spawn_failed("no such file", 127, now)
        assert (process.state, process.next_deadline) == (State.BACKOFF, now + failure)
        now = process.next_deadline
        assert summarize(process.deadline_reached(now)) == ["BACKOFF>STARTING", f"spawn {failure + 1}"]
    backing_off, fatal = process.spawn_failed("no such file", 127, now)
    assert (backing_off.after, fatal.after) == (State.BACKOFF, State.FATAL)
    assert (fatal.tries, fatal.reason, process.next_deadline) == (startretries + 1, "no such file", None)


def test_who_gives_up_says_how_the_last_try_ended():
    """How a process ended is known until another run ends; a spawn that failed has not ended in any way."""
    process = process_in("STARTING", startretries=0)
    _, fatal = process.exited(BAD, 0.5)
    assert (fatal.after, fatal.status, process.last_end) == (State.FATAL, BAD, BAD)
    process.start(0.0)
    assert process.last_end == BAD
    _, fatal = process.spawn_failed("no such file", 127, 1.0)
    assert (fatal.after, fatal.status, process.last_end) == (State.FATAL, None, None)


def test_success_forgives_the_failures_before_it():
    """The count of failures starts over once it has been RUNNING."""
    process = process_in("BACKOFF", autorestart=Autorestart.ALWAYS)
    process.deadline_reached(1.0)
    process.spawned(PID, 1.0)
    process.deadline_reached(2.0)
    process.exited(BAD, 3.0)
    process.spawn_failed("no such file", 127, 3.0)
    assert process.next_deadline == 4.0


def test_a_start_forgives_the_failures_before_it():
    """A start after FATAL has all the tries again."""
    process = process_in("FATAL", startretries=1)
    process.start(0.0)
    process.spawn_failed("no such file", 127, 0.0)
    assert process.state is State.BACKOFF


def test_stop_and_start_make_the_first_order_void():
    """Two orders wait, and only the last one is carried out."""
    process = process_in("NEW")
    _, first = process.start(0.0)
    process.stop(0.0)
    _, second = process.start(0.0)
    assert first.attempt != second.attempt
    assert process.state is State.STARTING


# ---- ending


@pytest.mark.parametrize("status", [OK, BAD, SEGV], ids=["expected", "unexpected", "by-signal"])
@pytest.mark.parametrize(
    ("autorestart", "comes_back_after"),
    [
        (Autorestart.NEVER, ()),
        (Autorestart.ALWAYS, (OK, BAD, SEGV)),
        (Autorestart.UNEXPECTED, (BAD, SEGV)),
    ],
    ids=["never", "always", "unexpected"],
)
def test_autorestart(autorestart, comes_back_after, status):
    """Never, always, or when the end was not expected; a signal never is."""
    process = process_in("RUNNING", autorestart=autorestart)
    exited, *rest = process.exited(status, 5.0)
    assert (exited.after, exited.expected, exited.status) == (State.EXITED, status == OK, status)
    comes_back = status in comes_back_after
    assert summarize(rest) == (["EXITED>STARTING", "spawn 2"] if comes_back else [])
    assert (process.wanted, process.restarts) == (comes_back, int(comes_back))


def test_exitcodes_say_what_is_expected():
    """2 is expected where the file says so, and 0 is not where it does not."""
    options = {"exitcodes": (2,), "autorestart": Autorestart.UNEXPECTED}
    assert process_in("RUNNING", **options).exited(ExitStatus(2), 5.0)[0].expected
    assert not process_in("RUNNING", **options).exited(OK, 5.0)[0].expected


def test_a_bad_end_has_a_reason():
    """What is shown of one that has exited says which code it was."""
    process = process_in("RUNNING", autorestart=Autorestart.NEVER)
    process.exited(ExitStatus(3), 5.0)
    assert (process.reason, process.exit_status) == ("Bad exit code 3", ExitStatus(3))


def test_one_that_is_not_wanted_and_dies_while_it_starts_is_not_tried_again():
    """At shutdown a later wave may die while it starts: it settles, where it would be spawned after the back-off."""
    process = process_in("STARTING", startsecs=5)
    process.wanted = False
    assert summarize(process.exited(BAD, 1.0)) == ["STARTING>BACKOFF", "BACKOFF>STOPPED"]
    assert process.next_deadline is None


# ---- stopping


def test_it_has_its_stopwaitsecs_and_then_sigkill():
    """The stop signal, stopwaitsecs, SIGKILL; and again, for uninterruptible sleep outlives even that."""
    process = process_in("RUNNING", stopwaitsecs=7, stopsignal=SIGQUIT)
    assert summarize(process.stop(10.0)) == ["RUNNING>STOPPING", "SIGQUIT"]
    assert process.next_deadline == 17.0
    assert summarize(process.deadline_reached(17.0)) == ["SIGKILL!"]
    assert process.next_deadline == 24.0
    assert summarize(process.deadline_reached(24.0)) == ["SIGKILL!"]


def test_stopwaitsecs_0_kills_at_once_but_not_without_a_pause():
    """The first SIGKILL comes immediately; the loop must not spin for the second."""
    process = process_in("RUNNING", stopwaitsecs=0)
    process.stop(10.0)
    assert process.next_deadline == 10.0
    process.deadline_reached(10.0)
    assert process.next_deadline == 11.0


@pytest.mark.parametrize(
    ("stop_scope", "kill_scope"), [(stop, kill) for stop in Scope for kill in Scope if stop <= kill]
)
def test_who_gets_the_signals(stop_scope, kill_scope):
    """The stop signal goes by stop_scope, SIGKILL by kill_scope and a plain signal to the process alone."""
    process = process_in("RUNNING", stop_scope=stop_scope, kill_scope=kill_scope)
    assert process.signal(SIGHUP)[0].scope is Scope.PROCESS
    assert process.stop(0.0)[1].scope is stop_scope
    assert process.deadline_reached(10.0)[0].scope is kill_scope


def test_a_start_while_it_stops_is_a_restart():
    """Wanted again before it has settled: it comes back when it has."""
    process = process_in("STOPPING")
    process.start(0.0)
    assert summarize(process.exited(OK, 3.0)) == ["STOPPING>STOPPED", "STOPPED>STARTING", "spawn 2"]


def test_a_restart_that_is_refused_by_the_kernel_is_made_up_for():
    """UNKNOWN for as long as it lives; when it ends after all, what was wanted is done."""
    process = process_in("RESTARTING")
    process.kill_failed(EPERM, 1.0)
    assert summarize(process.exited(OK, 99.0)) == ["UNKNOWN>STOPPED", "STOPPED>STARTING", "spawn 2"]


# ---- the table of transitions


def test_every_transition_is_named_and_every_state_has_a_way_out():
    """The table covers all states, and none is a trap."""
    assert set(TRANSITIONS) == set(State)
    assert all(TRANSITIONS.values())
    assert all(state not in afters for state, afters in TRANSITIONS.items())


def test_a_settled_process_has_no_deadline_and_but_for_unknown_no_pid():
    """Nothing will happen to it by itself."""
    for name in EVERY_STATE:
        process = process_in(name)
        assert process.settled is (process.state in SETTLED)
        if process.settled:
            assert process.next_deadline is None
            assert (process.pid is None) is (process.state is not State.UNKNOWN)
