"""One process: what each event does in each state, as tables of (state, event) and what follows."""

from signal import SIGHUP, SIGKILL, SIGQUIT, SIGTERM

import pytest

from procman.core.actions import Announce, AnnounceDescendants, AnnounceInPlace, KeepDescendants, Kill, Spawn
from procman.core.events import ExitStatus
from procman.core.process import Process
from procman.core.spec import Autorestart, Leftovers, Scope
from procman.core.states import SETTLED, TRANSITIONS, State
from tests.support.programs import program

PID = 42
EPERM = "Operation not permitted"
OK, BAD, SEGV = ExitStatus(0), ExitStatus(1), ExitStatus(-1, 11, core_dumped=True)


def process_in(state: str, **options) -> Process:
    """A process that has come to that state by events, at time 0 but where time must pass.

    "WAITING" is STARTING before the spawn, "STARTING" is after it, "NEW" is STOPPED and never started.
    """
    options = {"startretries": 3, "stopwaitsecs": 10} | options
    process = Process(program(**options))
    if state == "NEW":
        return process
    process.start()
    match state:
        case "WAITING":
            pass
        case "STARTING":
            process.spawned(PID, 0.0)
        case "BACKOFF":
            process.spawn_failed("no such file", 127, 0.0)
        case "FATAL":
            for _ in range(options["startretries"] + 1):
                process.spawn_failed("no such file", 127, 0.0)
                if process.state is State.BACKOFF:
                    process.deadline_reached(process.next_deadline)
        case _:
            process.spawned(PID, 0.0)
            if process.state is State.STARTING:
                process.deadline_reached(1.0)
    match state:
        case "STOPPING" | "STOPPED" | "UNKNOWN":
            process.stop(1.0)
        case "RESTARTING":
            process.restart(1.0)
        case "EXITED":
            process.wanted = False
            process.exited(OK, 1.0)
    if state == "STOPPED":
        process.exited(OK, 1.0)
    if state == "UNKNOWN":
        process.kill_failed(EPERM, 1.0)
    expected = {"WAITING": "STARTING", "RESTARTING": "STOPPING"}.get(state, state)
    assert process.state.name == expected
    return process


def summarize(actions: list) -> list[str]:
    """What follows, in short: "STARTING>RUNNING", "SIGTERM", "SIGKILL!" (overdue), "spawn 2", "in place"."""
    lines = []
    for action in actions:
        match action:
            case Announce(before=before, after=after):
                lines.append(f"{before.name}>{after.name}")
            case Kill(pid=pid, signal=signum, overdue=overdue):
                assert pid in (PID, 0)
                name = {SIGTERM: "SIGTERM", SIGKILL: "SIGKILL", SIGQUIT: "SIGQUIT", SIGHUP: "SIGHUP"}[signum]
                lines.append(("" if pid == PID else "descendants ") + name + "!" * overdue)
            case Spawn(attempt=attempt):
                lines.append(f"spawn {attempt}")
            case AnnounceInPlace():
                lines.append("in place")
            case AnnounceDescendants(pids=pids):
                lines.append(f"left {len(pids)}")
    return lines


EVERY_STATE = ("NEW", "WAITING", "STARTING", "RUNNING", "BACKOFF", "STOPPING", "STOPPED", "EXITED", "FATAL", "UNKNOWN")


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
    assert summarize(process.start()) == follows
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
    """Who asks again gets another SIGKILL, and no second announcement."""
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
    """And it is known as long as nothing else has ended; what could not be spawned has not ended in any way."""
    process = process_in("STARTING", startretries=0)
    _, fatal = process.exited(BAD, 0.5)
    assert (fatal.after, fatal.status, process.last_end) == (State.FATAL, BAD, BAD)
    process.start()
    assert process.last_end == BAD
    _, fatal = process.spawn_failed("no such file", 127, 1.0)
    assert (fatal.after, fatal.status, process.last_end) == (State.FATAL, None, None)


def test_success_forgives_the_failures_before_it():
    """The count begins anew once it has been RUNNING."""
    process = process_in("BACKOFF", autorestart=Autorestart.ALWAYS)
    process.deadline_reached(1.0)
    process.spawned(PID, 1.0)
    process.deadline_reached(2.0)
    process.exited(BAD, 3.0)
    process.spawn_failed("no such file", 127, 3.0)
    assert process.next_deadline == 4.0


def test_a_start_forgives_the_failures_before_it():
    """Who starts it again after FATAL gets all the tries once more."""
    process = process_in("FATAL", startretries=1)
    process.start()
    process.spawn_failed("no such file", 127, 0.0)
    assert process.state is State.BACKOFF


def test_stop_and_start_make_the_first_order_void():
    """Two orders wait, and only the last one is carried out."""
    process = process_in("NEW")
    _, first = process.start()
    process.stop(0.0)
    _, second = process.start()
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
    process.start()
    assert summarize(process.exited(OK, 3.0)) == ["STOPPING>STOPPED", "STOPPED>STARTING", "spawn 2"]


def test_a_restart_that_is_refused_by_the_kernel_is_made_up_for():
    """UNKNOWN for as long as it lives; when it ends after all, what was wanted is done."""
    process = process_in("RESTARTING")
    process.kill_failed(EPERM, 1.0)
    assert summarize(process.exited(OK, 99.0)) == ["UNKNOWN>STOPPED", "STOPPED>STARTING", "spawn 2"]


# ---- another definition

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
        # Who was stopped by somebody stays stopped.
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
    actions = process.change_in_place(new)
    assert summarize(actions)[:1] == ["in place"]
    assert process.program == new
    assert (process.state, process.pid, process.next_deadline, process.wanted) == before


def test_a_change_in_place_reaches_a_spawn_that_waits():
    """One that waits for its turn is spawned with the new options, for instance with the new log file."""
    process = process_in("WAITING")
    new = program(stdout_logfile="/var/log/new.log")
    spawns = [action for action in process.change_in_place(new) if isinstance(action, Spawn)]
    assert [(order.program, order.attempt) for order in spawns] == [(new, process.attempt)]
    assert process.attempt == 2


def test_a_change_in_place_reaches_the_definition_that_comes_next():
    """Replaced, and changed in place before it has settled: it comes back with both."""
    process = process_in("RUNNING")
    process.replace(NEW, 2.0)
    both = program(command="/bin/other", stopwaitsecs=99)
    process.change_in_place(both)
    assert process.exited(OK, 3.0)[-1].program == both


@pytest.mark.parametrize(
    ("state", "follows"), [("NEW", ["in place", "STOPPED>STARTING", "spawn 1"]), ("STOPPED", ["in place"])]
)
def test_autostart_that_is_switched_on_starts_what_never_was(state, follows):
    """One that nobody has started or stopped is started; one that was stopped stays so."""
    process = process_in(state, autostart=False)
    assert summarize(process.change_in_place(program(autostart=True))) == follows


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


# ---- what a process leaves behind

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
        # Nobody minds.
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
    """The process group has had it with the process, where that was stopped so; who has left the group has not."""
    process = process_in(state, stop_scope=scope, kill_scope=scope, leftovers=Leftovers.STOP)
    *_, kill = process.exited(OK, 2.0, DESCENDANTS)
    assert kill == Kill("web", 0, SIGTERM, Scope.TREE, spared_group=spared)


def test_who_had_the_stop_signal_is_decided_when_it_is_sent():
    """An option that is changed afterwards changes it no more."""
    process = process_in("STOPPING", leftovers=Leftovers.STOP)
    process.change_in_place(program(stop_scope=Scope.TREE, kill_scope=Scope.TREE, leftovers=Leftovers.STOP))
    assert summarize(process.exited(OK, 2.0, DESCENDANTS)) == ["left 2", "descendants SIGTERM"]


def test_descendants_that_do_not_go_get_sigkill():
    """They have stopwaitsecs, counted from the end of their process."""
    process = process_in("RUNNING", leftovers=Leftovers.STOP, stopwaitsecs=10)
    process.exited(OK, 5.0, DESCENDANTS)
    assert process.next_deadline == 15.0
    (kill,) = process.deadline_reached(15.0)
    assert kill == Kill("web", 0, SIGKILL, Scope.TREE, overdue=True)


def test_descendants_of_a_stop_have_until_the_deadline_of_that_stop():
    """Their stopwaitsecs are for the whole tree, not for each generation of it anew."""
    process = process_in("STOPPING", stop_scope=Scope.TREE, stopwaitsecs=10)
    process.exited(OK, 4.0, DESCENDANTS)
    assert process.next_deadline == 11.0


@pytest.mark.parametrize("ask", ["stop", "restart", "start"])
def test_what_is_asked_for_meanwhile_decides_what_follows(ask):
    """How it ended counts no more once somebody has said what is to come."""
    process = process_in("RUNNING", leftovers=Leftovers.STOP, autorestart=Autorestart.NEVER)
    process.exited(BAD, 5.0, DESCENDANTS)
    _ = process.start() if ask == "start" else getattr(process, ask)(6.0)
    back = ["STOPPED>STARTING", "spawn 2"]
    assert summarize(process.descendants_gone(7.0)) == ["STOPPING>STOPPED", *(back if ask != "stop" else [])]


def test_descendants_that_may_not_be_signalled_are_given_up():
    """They have become another user's; the process itself has ended, which is known."""
    process = process_in("RUNNING", leftovers=Leftovers.STOP)
    process.exited(OK, 5.0, DESCENDANTS)
    assert summarize(process.kill_failed(EPERM, 5.0)) == ["STOPPING>EXITED"]


def with_left(state: str, **options) -> Process:
    """A process with stop_scope=tree that has ended by itself, and of whose tree something goes on."""
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
    """Two generations would be up otherwise, of which somebody wants one."""
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
    """Where nobody wants to wait any longer."""
    assert summarize(with_left("EXITED").kill(20.0)) == ["EXITED>STOPPING", "descendants SIGKILL!"]


def test_what_is_left_of_a_tree_is_left_alone_when_only_the_next_try_is_called_off():
    """The turn of its wave has not come."""
    process = with_left("BACKOFF")
    assert summarize(process.call_off()) == ["BACKOFF>STOPPED"]
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
