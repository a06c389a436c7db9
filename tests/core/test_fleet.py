"""All processes together: boot, and groups that come, change and go."""

import pytest

from procman.core.actions import (
    Announce,
    AnnounceGroup,
    AnnounceGroupChanged,
    AnnounceInPlace,
    ProcessRemoved,
    Quit,
    Spawn,
)
from procman.core.events import (
    BootRequested,
    DeadlineReached,
    Exited,
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
from tests.support.driven_fleet import OK, Drive, killed, members, of, spawned
from tests.support.programs import group, program

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
    """A program with autostart=false is not started at boot."""
    fleet = Fleet((group("a", autostart=False), group("b")))
    assert spawned(fleet.handle(BootRequested(), 0.0)) == ["b"]


def test_a_boot_that_comes_after_the_end_starts_nothing():
    """SIGTERM may come while the sockets are opened, which is before boot."""
    fleet = Fleet((group("a"),))
    assert of(Quit, fleet.handle(ShutdownRequested(), 0.0)) == [Quit(restart=False)]
    assert fleet.handle(BootRequested(), 0.0) == []


# ---- the process that an event is about


@pytest.mark.parametrize(
    "event",
    [
        StartRequested("unknown"),
        StopRequested("unknown"),
        RestartRequested("unknown"),
        SignalRequested("unknown", 1),
        KillFailed("unknown", "Operation not permitted"),
        Exited(4711, OK),
        GroupRemoved("unknown"),
        GroupChanged(group("unknown"), frozenset()),
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
    """After it was reaped, the pid may belong to another process."""
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
    """One timer is enough for all processes."""
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
    """A process in UNKNOWN is given up; should it end after all, it belongs to no group."""
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
    # A client may wait for the end of the one, or for the beginning of the other.
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
