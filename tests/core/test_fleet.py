"""All processes together: boot, groups that come, change and go, waves, and the end."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from procman.config.schema.model import ListenerOptions, Master
from procman.core.actions import (
    Action,
    Announce,
    AnnounceGroup,
    AnnounceGroupChanged,
    AnnounceInPlace,
    AnnounceMaster,
    Kill,
    ProcessRemoved,
    Quit,
    Spawn,
)
from procman.core.events import (
    BootRequested,
    DeadlineReached,
    Event,
    Exited,
    ExitStatus,
    GroupAdded,
    GroupChanged,
    GroupRemoved,
    KillFailed,
    RestartRequested,
    ShutdownRequested,
    SignalRequested,
    Spawned,
    SpawnFailed,
    StartRequested,
    StopRequested,
)
from procman.core.fleet import Fleet
from procman.core.spec import Autorestart, Leftovers, Scope, ShutdownWhen
from procman.core.states import MasterState, State
from tests.support.programs import group, program

OK = ExitStatus(0)


class Drive:
    """A fleet, and what it answered; every spawn succeeds at once, and nobody dies unless a test says so."""

    def __init__(self, *groups, boot: bool = True, master: Master | None = None) -> None:
        self.fleet = Fleet(groups, master or Master())
        self.now = 0.0
        self.pids = 100
        if boot:
            self.says(BootRequested())
            self.now = 60.0
            self.says(DeadlineReached())

    def says(self, event: Event) -> list[Action]:
        """Handle one event and carry out the spawns that follow; returns all actions."""
        actions = self.fleet.handle(event, self.now)
        for order in [action for action in actions if isinstance(action, Spawn)]:
            if self.fleet.awaits(order):
                actions += self.says(Spawned(order.name, self.next_pid()))
        return actions

    def next_pid(self) -> int:
        self.pids += 1
        return self.pids

    def ends(self, name: str, status: ExitStatus = OK, descendants: tuple[int, ...] = ()) -> list[Action]:
        return self.says(Exited(self.fleet.processes[name].pid, status, descendants))

    def states(self) -> dict[str, str]:
        return {name: process.state.name for name, process in self.fleet.processes.items()}


def killed(actions: Iterable[Action]) -> list[str]:
    return [action.name for action in actions if isinstance(action, Kill)]


def spawned(actions: Iterable[Action]) -> list[str]:
    return [action.name for action in actions if isinstance(action, Spawn)]


def of(kind: type, actions: Iterable[Action]) -> list[Action]:
    return [action for action in actions if isinstance(action, kind)]


def members(name: str, *names: str, **options):
    return group(name, *(program(n, name, **options) for n in names))


# ---- boot


def test_boot_starts_groups_by_priority_and_processes_in_the_order_of_their_group():
    """Low numbers first; ties in the order of the configuration."""
    fleet = Fleet(
        (
            group("late", priority=999),
            group("b", program("two", "b"), program("one", "b"), priority=5),
            group("a", priority=5),
            group("first", priority=-1),
        )
    )
    assert spawned(fleet.handle(BootRequested(), 0.0)) == ["first", "b:two", "b:one", "a", "late"]


def test_boot_leaves_out_what_has_no_autostart():
    """autostart=false waits for somebody to start it."""
    fleet = Fleet((group("a", autostart=False), group("b")))
    assert spawned(fleet.handle(BootRequested(), 0.0)) == ["b"]


def test_a_boot_that_comes_after_the_end_starts_nothing():
    """SIGTERM may come while the sockets are opened, which is before boot."""
    fleet = Fleet((group("a"),))
    assert of(Quit, fleet.handle(ShutdownRequested(), 0.0)) == [Quit(restart=False)]
    assert fleet.handle(BootRequested(), 0.0) == []


# ---- whom an event is about


@pytest.mark.parametrize(
    "event",
    [
        StartRequested("nobody"),
        StopRequested("nobody"),
        RestartRequested("nobody"),
        SignalRequested("nobody", 1),
        KillFailed("nobody", "Operation not permitted"),
        Exited(4711, OK),
        GroupRemoved("nobody"),
        GroupChanged(group("nobody"), frozenset()),
        DeadlineReached(),
    ],
    ids=lambda event: type(event).__name__,
)
def test_an_event_about_nobody_is_no_error(event):
    """The world is always a little behind."""
    drive = Drive(group("a"))
    assert drive.says(event) == []
    assert drive.states() == {"a": "RUNNING"}


def test_a_pid_has_an_owner_from_spawn_to_reaping():
    """Afterwards it may be anybody's."""
    drive = Drive(group("a"))
    process = drive.fleet.processes["a"]
    pid = process.pid
    assert drive.fleet.owner(pid) is process
    drive.says(StopRequested("a"))
    assert drive.fleet.owner(pid) is process
    drive.ends("a")
    assert drive.fleet.owner(pid) is None


def test_a_spawn_is_awaited_until_it_is_carried_out_or_stopped():
    """Asked right before, the fleet says whether an order still stands."""
    fleet = Fleet((group("a"),))
    _, order = fleet.handle(BootRequested(), 0.0)
    assert fleet.awaits(order)
    fleet.handle(StopRequested("a"), 0.0)
    assert not fleet.awaits(order)
    _, again = fleet.handle(StartRequested("a"), 0.0)
    assert not fleet.awaits(order)
    assert fleet.awaits(again)
    fleet.handle(Spawned("a", 100), 0.0)
    assert not fleet.awaits(again)


def test_a_failed_spawn_is_tried_again_at_its_deadline():
    """SpawnFailed, BACKOFF, and the next order a second later."""
    fleet = Fleet((group("a"),))
    fleet.handle(BootRequested(), 0.0)
    fleet.handle(SpawnFailed("a", "no such file"), 0.0)
    assert fleet.next_deadline() == 1.0
    assert fleet.handle(DeadlineReached(), 0.5) == []
    assert spawned(fleet.handle(DeadlineReached(), 1.0)) == ["a"]
    assert fleet.next_deadline() is None


def test_the_next_deadline_is_the_soonest_and_all_that_are_due_are_served():
    """One timer is enough for everybody."""
    fleet = Fleet((group("a", startsecs=3), group("b", startsecs=1), group("c", startsecs=2)))
    fleet.handle(BootRequested(), 0.0)
    for pid, name in enumerate("abc", 100):
        fleet.handle(Spawned(name, pid), 0.0)
    assert fleet.next_deadline() == 1.0
    assert [announced.name for announced in fleet.handle(DeadlineReached(), 2.5)] == ["b", "c"]
    assert fleet.next_deadline() == 3.0


# ---- groups come and go


def test_an_added_group_starts():
    """What has autostart in it, after the news that the group is there."""
    drive = Drive(group("a"))
    new = group("b", program("one", "b"), program("two", "b", autostart=False))
    actions = drive.says(GroupAdded(new))
    assert actions[0] == AnnounceGroup("b", added=True)
    assert spawned(actions) == ["b:one"]
    assert drive.fleet.groups["b"].spec is new


def test_a_group_that_is_there_is_not_added_again():
    """Its definition is changed by GroupChanged alone."""
    drive = Drive(group("a"))
    assert drive.says(GroupAdded(group("a", command="/bin/other"))) == []


def test_a_removed_group_is_forgotten_when_it_has_settled():
    """All are stopped together, and the group goes with the last of them."""
    drive = Drive(members("g", "one", "two"))
    assert killed(drive.says(GroupRemoved("g"))) == ["g:two", "g:one"]
    assert drive.ends("g:one")[-1] == ProcessRemoved("g:one")
    assert list(drive.fleet.processes) == ["g:two"]
    assert drive.ends("g:two")[-2:] == [ProcessRemoved("g:two"), AnnounceGroup("g", added=False)]
    assert drive.fleet.groups == {}


def test_a_removed_group_that_is_down_goes_at_once():
    """There is nothing to wait for."""
    drive = Drive(group("a", autostart=False), boot=False)
    assert drive.says(GroupRemoved("a")) == [ProcessRemoved("a"), AnnounceGroup("a", added=False)]


def test_a_process_that_leaves_cannot_be_started():
    """It has been taken out of the file."""
    drive = Drive(group("a"))
    drive.says(GroupRemoved("a"))
    assert drive.says(StartRequested("a")) == []
    assert drive.says(RestartRequested("a")) == []
    drive.ends("a")
    assert drive.states() == {}


def test_a_group_with_a_process_that_cannot_be_signalled_still_leaves():
    """One in UNKNOWN is given up; should it end after all, it is nobody's."""
    drive = Drive(group("a"))
    pid = drive.fleet.processes["a"].pid
    drive.says(GroupRemoved("a"))
    actions = drive.says(KillFailed("a", "Operation not permitted"))
    assert actions[-1] == AnnounceGroup("a", added=False)
    assert drive.says(Exited(pid, OK)) == []


def test_a_group_that_is_added_again_while_it_leaves_comes_back():
    """What is in the file is what runs, however quickly the file changes."""
    drive = Drive(members("g", "one", "two"))
    drive.says(GroupRemoved("g"))
    actions = drive.says(GroupAdded(members("g", "two", "three", command="/bin/new")))
    # Whoever waits for the end of the one, or for the beginning of the other, hears of it.
    assert of(AnnounceGroup, actions) == [AnnounceGroup("g", added=False), AnnounceGroup("g", added=True)]
    assert spawned(actions) == ["g:three"]
    drive.ends("g:one")
    assert spawned(drive.ends("g:two")) == ["g:two"]
    assert list(drive.fleet.groups["g"].processes) == ["g:two", "g:three"]
    assert {process.program.command for process in drive.fleet.processes.values()} == {"/bin/new"}


def test_an_order_of_a_removed_group_is_void_for_the_one_that_comes_after_it():
    """Both processes count from 1, and the old order must not start the old definition of the new group."""
    fleet = Fleet((group("a", command="/bin/old"),))
    _, old = fleet.handle(BootRequested(), 0.0)
    fleet.handle(GroupRemoved("a"), 0.0)
    new = of(Spawn, fleet.handle(GroupAdded(group("a", command="/bin/new")), 0.0))[0]
    assert fleet.awaits(new)
    assert not fleet.awaits(old)


# ---- groups change


def test_a_changed_group_replaces_only_those_it_names():
    """The others are changed in place, or not at all."""
    drive = Drive(members("g", "replaced", "in_place", "same"))
    new = group(
        "g",
        program("replaced", "g", command="/bin/new"),
        program("in_place", "g", stopwaitsecs=1),
        program("same", "g"),
    )
    actions = drive.says(GroupChanged(new, frozenset({"g:replaced"})))
    assert killed(actions) == ["g:replaced"]
    assert [action.name for action in of(AnnounceInPlace, actions)] == ["g:in_place"]
    [order] = of(Spawn, drive.ends("g:replaced"))
    assert order.program.command == "/bin/new"
    assert drive.fleet.groups["g"].spec is new


def test_a_changed_group_stops_what_it_lacks_and_starts_what_is_new():
    """The processes are those of the file, in its order."""
    drive = Drive(members("g", "gone", "stays"))
    actions = drive.says(GroupChanged(members("g", "fresh", "stays"), frozenset()))
    assert (killed(actions), spawned(actions)) == (["g:gone"], ["g:fresh"])
    assert ProcessRemoved("g:gone") in drive.ends("g:gone")
    assert list(drive.fleet.groups["g"].processes) == ["g:fresh", "g:stays"]


def test_a_process_that_comes_back_into_the_file_while_it_leaves_is_started():
    """Taken out, put back in before it had ended: it comes back by the new definition."""
    drive = Drive(members("g", "one", "two"))
    drive.says(GroupChanged(members("g", "one"), frozenset()))
    back = group("g", program("one", "g"), program("two", "g", command="/bin/new"))
    assert drive.says(GroupChanged(back, frozenset())) == [AnnounceGroupChanged(back)]
    [order] = of(Spawn, drive.ends("g:two"))
    assert order.program.command == "/bin/new"


def test_a_second_change_in_place_is_not_lost_on_one_that_is_being_replaced():
    """First another command, then another stopwaitsecs, before it has settled: it runs by both."""
    drive = Drive(group("a"))
    drive.says(GroupChanged(group("a", command="/bin/new"), frozenset({"a"})))
    both = group("a", command="/bin/new", stopwaitsecs=99)
    drive.says(GroupChanged(both, frozenset()))
    [order] = of(Spawn, drive.ends("a"))
    assert order.program == both.programs[0]


def test_a_change_that_was_made_already_is_not_announced():
    """The second of two equal updates has nothing to do, even while the first is under way."""
    drive = Drive(group("a"))
    new = group("a", command="/bin/new")
    drive.says(GroupChanged(new, frozenset({"a"})))
    assert drive.says(GroupChanged(new, frozenset())) == []


def test_a_change_of_a_group_is_announced_after_what_follows_from_it():
    """Also where no process of it changes state, as when one is added that does not start by itself."""
    drive = Drive(group("a"))
    new = group("a", program("a"), program("b", "a", autostart=False))
    assert drive.says(GroupChanged(new, frozenset())) == [AnnounceGroupChanged(new)]


def test_the_priority_of_a_group_can_change():
    """It counts for the next shutdown."""
    drive = Drive(group("a", priority=1), group("b", priority=2))
    drive.says(GroupChanged(group("a", priority=3), frozenset()))
    assert killed(drive.says(ShutdownRequested())) == ["a"]


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
    """A group that is down holds up nobody."""
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
    """Not by anybody who asks."""
    drive = Drive(group("low", priority=1), group("high", priority=5), group("down", autostart=False))
    drive.says(ShutdownRequested())
    assert drive.says(event) == []
    drive.ends("high")
    assert drive.ends("low")[-1] == Quit(restart=False)


def test_one_that_exits_before_its_wave_does_not_come_back():
    """Nor by autorestart."""
    drive = Drive(group("low", priority=1), group("high", priority=5))
    drive.says(ShutdownRequested())
    assert spawned(drive.ends("low", ExitStatus(1))) == []
    assert drive.ends("high")[-1] == Quit(restart=False)


def test_one_that_dies_while_it_starts_before_its_wave_does_not_come_back():
    """Nor by backing off: an early wave may take longer than the back-off of a later one."""
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
    """Neither makes it haste nor saves the master."""
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


def test_unsettled_names_those_that_something_will_still_happen_to():
    """What "waiting for a, b to die" is made of."""
    drive = Drive(group("a"), group("b"), group("c", autostart=False))
    assert drive.fleet.unsettled() == ("a", "b")
    drive.says(StopRequested("a"))
    drive.ends("a")
    assert drive.fleet.unsettled() == ("b",)


def test_an_announcement_carries_the_definition_it_is_about():
    """Of the run that has ended, not of the one that comes next."""
    drive = Drive(group("a"))
    old = drive.fleet.processes["a"].program
    drive.says(GroupChanged(group("a", command="/bin/new"), frozenset({"a"})))
    announced = of(Announce, drive.ends("a"))
    assert [action.program.command for action in announced] == [old.command, "/bin/new"]


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
    """The shares are made anew when a wave begins."""
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
    """One that does not go has taken all of it; whose turn has not come gets its SIGKILL in the last moment."""
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


# ---- an end that a program brings about, and the exit status


BAD = ExitStatus(3)


@pytest.mark.parametrize(
    ("options", "status", "ends"),
    [
        ({"critical": True, "autorestart": Autorestart.NEVER}, BAD, True),
        ({"critical": True, "autorestart": Autorestart.NEVER}, OK, True),
        ({"critical": True, "autorestart": Autorestart.UNEXPECTED}, OK, True),
        ({"critical": True, "autorestart": Autorestart.UNEXPECTED}, BAD, False),
        ({"critical": True, "autorestart": Autorestart.ALWAYS}, OK, False),
        ({"critical": True, "autorestart": Autorestart.NEVER, "exitcodes": (3,)}, BAD, True),
        ({"critical": True, "autorestart": Autorestart.NEVER, "leftovers": Leftovers.STOP}, OK, True),
        ({"autorestart": Autorestart.NEVER}, BAD, False),
    ],
)
def test_the_end_of_a_critical_process_ends_the_master(options, status, ends):
    """Whatever its exit code, unless it is started again."""
    drive = Drive(group("db", **options), group("web"))
    actions = drive.ends("db", status)
    assert bool(of(AnnounceMaster, actions)) is ends
    assert drive.states()["web"] == ("STOPPING" if ends else "RUNNING")


def test_a_critical_process_that_is_given_up_ends_the_master():
    """FATAL is for good."""
    drive = Drive(group("db", critical=True, startretries=0), group("web"), boot=False)
    drive.fleet.handle(BootRequested(), 0.0)
    drive.says(Spawned("web", 100))
    drive.says(SpawnFailed("db", "no such file", 127))
    assert drive.states() == {"db": "FATAL", "web": "STOPPING"}
    assert of(Quit, drive.ends("web")) == [Quit(restart=False, code=127)]


@pytest.mark.parametrize(
    ("exitcodes", "status", "code"),
    [((0,), OK, 0), ((0, 3), BAD, 3), ((0,), BAD, 3), ((3,), OK, 1), ((0,), ExitStatus(-1, 15), 143)],
)
def test_the_exit_code_of_a_critical_process_is_the_masters(exitcodes, status, code):
    """Expected or not, and whatever else has failed; only a failure with code 0 becomes 1."""
    programs = [group("job", autorestart=Autorestart.NEVER), group("web")]
    drive = Drive(group("db", critical=True, autorestart=Autorestart.NEVER, exitcodes=exitcodes), *programs)
    drive.ends("job", ExitStatus(7))
    drive.ends("db", status)
    assert of(Quit, drive.ends("web")) == [Quit(restart=False, code=code)]


def test_a_critical_process_that_ends_while_others_stop_is_not_the_cause():
    """The exit code is of the one that brought the end about."""
    options = {"critical": True, "autorestart": Autorestart.NEVER}
    early = group("early", program("early", priority=1, **options), priority=1)
    drive = Drive(early, group("web", priority=2), group("db", priority=3, **options))
    drive.ends("db", ExitStatus(4))
    assert drive.states() == {"early": "RUNNING", "web": "STOPPING", "db": "EXITED"}
    drive.ends("early", BAD)
    assert of(Quit, drive.ends("web")) == [Quit(restart=False, code=4)]


@pytest.mark.parametrize("leftovers", Leftovers)
def test_an_operator_may_stop_a_critical_process(leftovers):
    """The master goes on, so that it can be started again."""
    drive = Drive(group("db", critical=True, autorestart=Autorestart.NEVER, leftovers=leftovers), group("web"))
    drive.says(StopRequested("db"))
    drive.ends("db", BAD)
    assert drive.states() == {"db": "STOPPED", "web": "RUNNING"}
    assert drive.fleet.state is MasterState.RUNNING


@pytest.mark.parametrize(
    ("when", "name", "status", "ends"),
    [
        (ShutdownWhen.NEVER, "a", BAD, False),
        (ShutdownWhen.ANY_EXIT, "a", OK, True),
        (ShutdownWhen.ANY_EXIT, "a", BAD, True),
        (ShutdownWhen.ANY_EXIT, "comes back", OK, False),
        (ShutdownWhen.ANY_EXIT, "listener", OK, False),
        (ShutdownWhen.ANY_FATAL, "a", BAD, False),
        (ShutdownWhen.ALL_DONE, "a", BAD, False),
    ],
)
def test_a_policy_ends_the_master(when, name, status, ends):
    """shutdown_when says which ends of which programs do."""
    listener = replace(group("listener", autorestart=Autorestart.NEVER), listener=ListenerOptions(events=("TICK_5",)))
    drive = Drive(
        group("a", autorestart=Autorestart.NEVER),
        group("comes back", autorestart=Autorestart.ALWAYS),
        listener,
        master=Master(shutdown_when=when),
    )
    assert bool(of(AnnounceMaster, drive.ends(name, status))) is ends


def test_the_master_of_jobs_ends_with_the_last_of_them():
    """all_done: listeners do not count, nor do those that nobody has started."""
    listener = replace(group("listener"), listener=ListenerOptions(events=("TICK_5",)))
    jobs = [group(name, autorestart=Autorestart.NEVER) for name in "ab"]
    drive = Drive(*jobs, group("spare", autostart=False), listener, master=Master(shutdown_when=ShutdownWhen.ALL_DONE))
    assert not of(AnnounceMaster, drive.ends("a", BAD))
    assert of(AnnounceMaster, drive.ends("b"))
    assert of(Quit, drive.ends("listener")) == [Quit(restart=False, code=3)]


def test_a_stop_by_hand_ends_nothing():
    """Who stops the last one is there, and may start it again."""
    drive = Drive(group("a"), master=Master(shutdown_when=ShutdownWhen.ALL_DONE))
    drive.says(StopRequested("a"))
    assert drive.ends("a")
    assert drive.fleet.state is MasterState.RUNNING


@pytest.mark.parametrize(
    ("code_from", "expected"), [(None, 0), ("none", 0), ("first_failure", 3), ("a", 3), ("b", 143), ("c", 0)]
)
def test_the_exit_status_is_of_whom_the_file_says(code_from, expected):
    """Asked to end from outside, the master leaves with 0 unless exit_code_from says otherwise."""
    groups = [group(name, autorestart=Autorestart.NEVER) for name in "abc"]
    drive = Drive(*groups, master=Master(exit_code_from=code_from))
    drive.ends("a", BAD)
    drive.ends("c", OK)
    drive.says(ShutdownRequested())
    assert of(Quit, drive.ends("b", ExitStatus(-1, 15))) == [Quit(restart=False, code=expected)]


def test_a_failure_that_was_made_good_does_not_count():
    """first_failure is of those that are down; and a failure with code 0 is one all the same."""
    options = {"autorestart": Autorestart.NEVER, "exitcodes": (2,), "startsecs": 0}
    drive = Drive(group("a", **options), group("b", **options), master=Master(exit_code_from="first_failure"))
    drive.ends("a", BAD)
    drive.ends("b", OK)
    drive.says(StartRequested("a"))
    drive.says(ShutdownRequested())
    assert of(Quit, drive.ends("a")) == [Quit(restart=False, code=1)]


EVERY_END = [*((ExitStatus(code), code) for code in range(256)), *((ExitStatus(-1, n), 128 + n) for n in range(1, 65))]


@pytest.mark.parametrize("code_from", ["first_failure", "a"])
def test_every_code_and_every_signal_becomes_the_masters_exit_status(code_from):
    """All 256 codes as they are, and 128+n for signal n."""
    for status, code in EVERY_END:
        options = {"autorestart": Autorestart.NEVER, "critical": True}
        drive = Drive(group("a", **options), master=Master(exit_code_from=code_from))
        assert of(Quit, drive.ends("a", status)) == [Quit(restart=False, code=code)]


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
