"""The end of all processes: wave by wave, and within its time."""

from dataclasses import replace

import pytest

from procman.config.schema.master import Master
from procman.core.actions import (
    AnnounceMaster,
    Kill,
    Quit,
    Spawn,
)
from procman.core.events import (
    BootRequested,
    DeadlineReached,
    DescendantsGone,
    Exited,
    ExitStatus,
    GroupAdded,
    GroupChanged,
    GroupRemoved,
    KillFailed,
    Notified,
    RestartRequested,
    ShutdownRequested,
    SignalRequested,
    Spawned,
    SpawnFailed,
    StartRequested,
    StopRequested,
)
from procman.core.fleet import Fleet
from procman.core.spec import Autorestart, Edge, Scope
from procman.core.states import MasterState, State
from tests.support.driven_fleet import OK, Drive, killed, members, of, spawned
from tests.support.programs import group, program

# ---- waves


def test_shutdown_stops_in_waves():
    """All groups of the highest number at once, in a group backwards; the next wave when this one has settled."""
    drive = Drive(
        group("first", priority=1),
        group("x", program("one", "x"), program("two", "x"), priority=9),
        group("y", priority=9),
        group("mid", priority=5),
    )
    actions = drive.says(ShutdownRequested())
    assert actions[0] == AnnounceMaster(MasterState.SHUTDOWN, ("first", "x:one", "x:two", "y", "mid"))
    assert killed(actions) == ["x:two", "x:one", "y"]
    assert killed(drive.ends("x:one")) == []
    assert killed(drive.ends("y")) == []
    assert killed(drive.ends("x:two")) == ["mid"]
    assert killed(drive.ends("mid")) == ["first"]
    assert drive.ends("first")[-1] == Quit(restart=False)


def test_a_wave_without_anybody_to_stop_is_passed_over():
    """A group that is down delays nothing."""
    drive = Drive(group("a", priority=1), group("b", priority=5, autostart=False))
    assert killed(drive.says(ShutdownRequested())) == ["a"]


def test_a_fleet_that_is_down_quits_at_once():
    """There is nothing to stop."""
    drive = Drive(group("a", autostart=False))
    assert drive.says(ShutdownRequested()) == [AnnounceMaster(MasterState.SHUTDOWN, ()), Quit(restart=False)]


def test_who_cannot_be_signalled_does_not_hold_up_the_end():
    """UNKNOWN is settled."""
    drive = Drive(group("a", priority=1), group("b", priority=5))
    drive.says(ShutdownRequested())
    assert killed(drive.says(KillFailed("b", "Operation not permitted"))) == ["a"]
    assert drive.ends("a")[-1] == Quit(restart=False)


def test_one_that_stops_already_gets_no_second_signal():
    """The wave waits for it all the same."""
    drive = Drive(group("a"))
    drive.says(StopRequested("a"))
    assert killed(drive.says(ShutdownRequested())) == []
    assert drive.ends("a")[-1] == Quit(restart=False)


@pytest.mark.parametrize(
    "event",
    [
        StartRequested("down"),
        RestartRequested("down"),
        RestartRequested("low"),
        GroupAdded(group("new")),
        GroupChanged(members("low", "low", "new"), frozenset({"low"})),
        BootRequested(),
    ],
    ids=lambda event: type(event).__name__,
)
def test_nothing_is_started_after_shutdown_was_asked_for(event):
    """No request starts a process during a shutdown."""
    drive = Drive(group("low", priority=1), group("high", priority=5), group("down", autostart=False))
    drive.says(ShutdownRequested())
    assert drive.says(event) == []
    drive.ends("high")
    assert drive.ends("low")[-1] == Quit(restart=False)


def test_one_that_exits_before_its_wave_does_not_come_back():
    """No autorestart happens during a shutdown."""
    drive = Drive(group("low", priority=1), group("high", priority=5))
    drive.says(ShutdownRequested())
    assert spawned(drive.ends("low", ExitStatus(1))) == []
    assert drive.ends("high")[-1] == Quit(restart=False)


@pytest.mark.parametrize(
    "gone",
    [GroupRemoved("db"), GroupChanged(group("db", program("next", "db")), frozenset())],
    ids=["group", "process"],
)
def test_the_tree_of_what_leaves_is_stopped_although_it_ends_before_its_wave(gone):
    """It waited for its dependent to stop when the shutdown began; that ends when nothing of it is left."""
    needs = (Edge("db", "ready", False, ("db",)),)
    drive = Drive(group("db", startsecs=0, stop_scope=Scope.TREE), group("web", startsecs=0, depends_on=needs))
    drive.says(StopRequested("web"))
    assert killed(drive.says(gone)) == []
    drive.says(ShutdownRequested())
    assert killed(drive.ends("db", descendants=(77,))) == ["db"]
    assert drive.states()["db"] == "STOPPING"
    for name in [process.name for process in drive.fleet.processes.values() if process.pid is not None]:
        assert of(Quit, drive.ends(name)) == []
    assert drive.says(DescendantsGone("db"))[-1] == Quit(restart=False)


def test_one_that_dies_while_it_starts_before_its_wave_does_not_come_back():
    """A retry starts nothing during a shutdown: an early wave may take longer than the back-off of a later one."""
    drive = Drive(group("low", priority=1, startsecs=100), group("high", priority=5))
    drive.says(ShutdownRequested())
    drive.ends("low", ExitStatus(1))
    drive.now += 5.0
    assert spawned(drive.says(DeadlineReached())) == []
    assert drive.ends("high")[-1] == Quit(restart=False)


def test_one_that_waits_for_its_spawn_or_its_next_try_is_settled_at_once():
    """It must not be spawned while other waves stop."""
    fleet = Fleet((group("waits", priority=1), group("backs_off", priority=1), group("high", priority=5)))
    orders = of(Spawn, fleet.handle(BootRequested(), 0.0))
    fleet.handle(SpawnFailed("backs_off", "no such file"), 0.0)
    fleet.handle(Spawned("high", 100), 0.0)
    fleet.handle(ShutdownRequested(), 0.5)
    assert fleet.processes["waits"].state is State.STOPPED
    assert fleet.processes["backs_off"].state is State.STOPPED
    assert not any(fleet.awaits(order) for order in orders)


# ---- the second request, and reload


def test_the_second_request_kills_everybody_at_once():
    """Whatever wave they are in; and the end comes when they have ended."""
    drive = Drive(group("low", priority=1), group("high", priority=5))
    drive.says(ShutdownRequested())
    kills = of(Kill, drive.says(ShutdownRequested()))
    assert {(kill.name, kill.signal, kill.overdue) for kill in kills} == {("low", 9, True), ("high", 9, True)}
    assert of(Quit, drive.ends("low")) == []
    assert drive.ends("high")[-1] == Quit(restart=False)


def test_a_reload_stops_everything_and_comes_back():
    """Quit says so."""
    drive = Drive(group("a"))
    actions = drive.says(ShutdownRequested(restart=True))
    assert of(AnnounceMaster, actions) == [AnnounceMaster(MasterState.RESTARTING, ("a",))]
    assert drive.ends("a")[-1] == Quit(restart=True)


def test_a_shutdown_makes_an_end_of_a_reload_without_haste():
    """The first SIGTERM during a reload is a first SIGTERM; the one after it is the second."""
    drive = Drive(group("a"))
    drive.says(ShutdownRequested(restart=True))
    assert drive.says(ShutdownRequested()) == [AnnounceMaster(MasterState.SHUTDOWN, ("a",))]
    assert killed(drive.says(ShutdownRequested())) == ["a"]
    assert drive.ends("a")[-1] == Quit(restart=False)


@pytest.mark.parametrize("first", [True, False], ids=["reload", "shutdown"])
def test_a_reload_that_comes_second_changes_nothing(first):
    """A reload that comes second neither speeds up the end nor prevents it."""
    drive = Drive(group("a"))
    drive.says(ShutdownRequested(restart=first))
    assert drive.says(ShutdownRequested(restart=True)) == []
    assert drive.ends("a")[-1] == Quit(restart=first)


def test_it_quits_once():
    """Whatever comes afterwards."""
    drive = Drive(group("a", autostart=False))
    drive.says(ShutdownRequested())
    assert drive.says(ShutdownRequested()) == []
    assert drive.says(DeadlineReached()) == []


# ---- an end within its time


def shutting_down(*groups, timeout: float) -> Drive:
    drive = Drive(*groups, master=Master(shutdown_timeout=timeout))
    drive.now = 100.0
    return drive


def deadlines(drive: Drive) -> dict[str, float]:
    """How many seconds after the request SIGKILL comes, of those that have one coming."""
    return {name: p.next_deadline - 100.0 for name, p in drive.fleet.processes.items() if p.next_deadline is not None}


def test_waits_that_fit_are_not_cut():
    """A generous shutdown_timeout changes nothing."""
    drive = shutting_down(group("a", priority=2, stopwaitsecs=3), group("b", priority=1, stopwaitsecs=4), timeout=60)
    drive.says(ShutdownRequested())
    assert deadlines(drive) == {"a": 3.0}


def test_waits_that_do_not_fit_are_cut_in_proportion():
    """10 s have to do for waves of 10 and 9 s: half a second is the master's own, the rest is shared 10 to 9."""
    drive = shutting_down(group("a", priority=2, stopwaitsecs=10), group("b", priority=1, stopwaitsecs=9), timeout=10)
    drive.says(ShutdownRequested())
    assert deadlines(drive) == {"a": pytest.approx(5.0)}
    drive.now = 105.0
    drive.says(DeadlineReached())
    drive.ends("a")
    assert deadlines(drive) == {"b": pytest.approx(9.5)}


def test_what_one_wave_does_not_use_is_the_next_ones():
    """The shares are computed again when a wave begins."""
    drive = shutting_down(group("a", priority=2, stopwaitsecs=10), group("b", priority=1, stopwaitsecs=9), timeout=10)
    drive.says(ShutdownRequested())
    drive.now = 100.5
    drive.ends("a")
    assert deadlines(drive) == {"b": pytest.approx(9.5)}


def test_a_shorter_wait_than_the_waves_share_stays_as_it_is():
    """Of a wave only those are cut that would take longer."""
    wave = members("w", "quick", "slow", priority=2)
    quick, slow = wave.programs
    wave = replace(wave, programs=(replace(quick, stopwaitsecs=1), replace(slow, stopwaitsecs=30)))
    drive = shutting_down(wave, timeout=10)
    drive.says(ShutdownRequested())
    assert deadlines(drive) == {"w:quick": 1.0, "w:slow": pytest.approx(9.5)}


def test_what_a_program_says_while_it_stops_takes_no_time_from_its_wave():
    """Neither a status nor a watchdog's sign of life; only a request for more time has the rest shared anew."""
    drive = shutting_down(group("a", priority=2, stopwaitsecs=10), group("b", priority=1, stopwaitsecs=9), timeout=10)
    drive.says(ShutdownRequested())
    for said in (("STATUS", "bye"), ("WATCHDOG", "1"), ("STATUS", "bye bye"), ("EXTEND_TIMEOUT_USEC", "1000000")):
        drive.now += 0.1
        drive.says(Notified("a", 1, (said,)))
        assert deadlines(drive) == {"a": pytest.approx(5.0)}
    drive.says(Notified("a", 1, (("EXTEND_TIMEOUT_USEC", "20000000"),)))
    assert deadlines(drive) == {"a": pytest.approx(0.4 + 9.1 * 20 / 29)}


def test_one_that_outlives_sigkill_does_not_cost_the_next_wave_its_signal():
    """Uninterruptible sleep in one wave, and the other is still asked to leave, and waited for."""
    drive = shutting_down(group("a", priority=2, stopwaitsecs=10), group("b", priority=1, stopwaitsecs=9), timeout=10)
    drive.says(ShutdownRequested())
    drive.now = 105.0
    drive.says(DeadlineReached())
    drive.now = drive.fleet.next_deadline()
    assert drive.now == pytest.approx(105.25)
    assert [kill.name for kill in of(Kill, drive.says(DeadlineReached())) if not kill.overdue] == ["b"]


def test_the_master_leaves_when_its_time_is_over():
    """Whatever does not go of SIGKILL is left, and named."""
    drive = shutting_down(group("a", stopwaitsecs=3), timeout=10)
    drive.says(ShutdownRequested())
    while drive.fleet.next_deadline() < 110.0:
        drive.now = drive.fleet.next_deadline()
        assert not of(Quit, drive.says(DeadlineReached()))
    drive.now = 110.0
    assert of(Quit, drive.says(DeadlineReached())) == [Quit(restart=False, unsettled=("a",))]


def test_nobody_is_left_to_run_on_for_want_of_time():
    """When one process has taken all the time, those of later waves get SIGKILL in the last moment."""
    waves = (group("a", priority=3, stopwaitsecs=0), group("b", priority=2, stopwaitsecs=0), group("c", priority=1))
    drive = shutting_down(*waves, timeout=10)
    drive.says(StopRequested("b"))
    drive.says(ShutdownRequested())
    drive.says(KillFailed("a", "Operation not permitted"))
    drive.now = 110.0
    actions = drive.says(DeadlineReached())
    assert [(kill.name, kill.overdue) for kill in of(Kill, actions)] == [("b", True), ("c", True)]
    assert of(Quit, actions) == [Quit(restart=False, unsettled=("b", "c"))]


@pytest.mark.parametrize("event", [SignalRequested("c", 10), DeadlineReached()])
def test_a_wave_has_had_its_sigkill_before_the_next_one_begins(event):
    """Whatever it is that happens at just that time, or when the loop comes to it."""
    waves = (group("a", priority=3, stopwaitsecs=10), group("b", priority=2, stopwaitsecs=9), group("c", priority=1))
    drive = shutting_down(*waves, timeout=10)
    drive.says(ShutdownRequested())
    drive.now = 106.0
    actions = of(Kill, drive.says(event))
    assert [(kill.name, kill.overdue) for kill in actions if kill.name != "c"] == [("a", True), ("b", False)]


def test_a_second_request_in_the_last_moment_kills_nobody_twice():
    """It hurries all, and the time is over."""
    drive = shutting_down(group("a", stopwaitsecs=30), timeout=10)
    drive.says(ShutdownRequested())
    drive.now = 110.0
    assert killed(drive.says(ShutdownRequested())) == ["a"]


def test_a_reload_takes_the_time_it_takes():
    """Nothing may be started a second time while it still runs, so nothing is left behind for haste."""
    drive = shutting_down(group("a", stopwaitsecs=30), timeout=10)
    drive.says(ShutdownRequested(restart=True))
    assert deadlines(drive) == {"a": 30.0}


def test_what_a_tree_has_left_is_stopped_in_its_wave_and_in_the_time_of_all():
    """Not before the wave that is stopped first has settled, and with SIGKILL when the shutdown_timeout is over."""
    whole = {"stop_scope": Scope.TREE, "kill_scope": Scope.TREE, "autorestart": Autorestart.NEVER}
    drive = Drive(
        group("a", priority=2), group("b", program("b", **whole), priority=1), master=Master(shutdown_timeout=5)
    )
    drive.says(Exited(drive.fleet.processes["b"].pid, OK, (77,)))
    drive.says(ShutdownRequested())
    assert drive.fleet.processes["b"].state is State.EXITED
    actions = drive.says(Exited(drive.fleet.processes["a"].pid, OK))
    assert [action.name for action in actions if isinstance(action, Kill)] == ["b"]
    drive.now += 5
    actions = drive.says(DeadlineReached())
    assert [action.overdue for action in actions if isinstance(action, Kill)] == [True]
    assert isinstance(actions[-1], Quit)


def test_what_a_tree_has_left_is_killed_at_the_end_of_the_shutdown_even_out_of_turn():
    """A wave before it has used all the time there was."""
    whole = {"stop_scope": Scope.TREE, "kill_scope": Scope.TREE, "autorestart": Autorestart.NEVER}
    drive = Drive(
        group("a", priority=2), group("b", program("b", **whole), priority=1), master=Master(shutdown_timeout=5)
    )
    drive.says(Exited(drive.fleet.processes["b"].pid, OK, (77,)))
    drive.says(ShutdownRequested())
    drive.now += 6
    killed = [action.name for action in drive.says(DeadlineReached()) if isinstance(action, Kill)]
    assert "b" in killed
