"""Schedules in the core: what comes of a time, whatever the process is doing and whatever the clock does."""

from dataclasses import replace
from signal import SIGTERM

import pytest

from procman.config.schema.groups import Group
from procman.config.schema.master import Master
from procman.config.schema.programs import Program
from procman.core.actions import Announce, AnnounceMaster, AnnounceSchedule, Kill, ScheduleAt, Spawn
from procman.core.events import (
    Adopted,
    BootRequested,
    ClockStepped,
    DeadlineReached,
    Exited,
    ExitStatus,
    GroupChanged,
    GroupRemoved,
    RestartRequested,
    RetryRequested,
    ScheduleDue,
    ScheduleRemembered,
    ShutdownRequested,
    Spawned,
    SpawnFailed,
    StartRequested,
    StopRequested,
)
from procman.core.fleet import Fleet
from procman.core.snapshot import DefinitionReaders
from procman.core.spec import Autorestart, Edge, ProcessType, Schedule, ShutdownWhen
from procman.core.states import MasterState, Phase, State
from procman.core.timing import MOST_RANGES, is_behind, put_behind

NIGHT = 1_700_000_000.0
DAY = 86400.0


def job(name="backup", schedule="0 2 * * *", every=None, **options):
    """As the configuration makes one."""
    made = {
        "type": ProcessType.ONESHOT,
        "startsecs": 0,
        "startretries": 0,
        "autorestart": Autorestart.NEVER,
        "command": "/bin/true",
        "schedule": Schedule(schedule, every),
    }
    return Program(name=name, group=name, **{**made, **options})


class World:
    """A fleet whose spawns succeed at once; its events have the present time."""

    def __init__(self, *programs, boot=True, **master):
        self.fleet = Fleet(tuple(groups(*programs)), Master(**master))
        self.now = 100.0
        self.pid = 10
        self.actions = []
        if boot:
            self.do(BootRequested())

    def do(self, event):
        self.actions = self.fleet.handle(event, self.now)
        for order in [action for action in self.actions if isinstance(action, Spawn)]:
            if self.fleet.awaits(order):
                self.pid += 1
                self.actions += self.fleet.handle(Spawned(order.name, self.pid), self.now)
        return self.said

    def due(self, time=NIGHT, late=0.0, missed=0, name="backup"):
        return self.do(ScheduleDue(name, time, late, missed))

    def ends(self, code=0, name="backup", **how):
        return self.do(Exited(self.fleet.processes[name].pid, ExitStatus(code, **how)))

    def wait(self, seconds):
        self.now += seconds
        return self.do(DeadlineReached())

    @property
    def backup(self):
        return self.fleet.processes["backup"]

    @property
    def said(self):
        """What is said of schedules, with counts above 1."""
        said = [action for action in self.actions if isinstance(action, AnnounceSchedule)]
        return [action.what if action.count == 1 else f"{action.what} {action.count}" for action in said]

    @property
    def spawns(self):
        return [action.name for action in self.actions if isinstance(action, Spawn)]

    @property
    def asked(self):
        """The last order to tell when a time has come."""
        return next(action for action in reversed(self.actions) if isinstance(action, ScheduleAt))


def groups(*programs):
    return [Group(name=program.name, priority=1, programs=(program,)) for program in programs]


def changed(world, program, *, replace=False):
    (group,) = groups(program)
    return world.do(GroupChanged(group, frozenset({program.name} if replace else ())))


# ---- on and off


def test_a_boot_switches_it_on_and_starts_nothing():
    """It is STOPPED, scheduled, and not wanted up."""
    world = World(job())
    assert (world.said, world.spawns) == (["on"], [])
    assert world.asked == ScheduleAt("backup", job(), None, ())
    assert (world.backup.state, world.backup.phase, world.backup.wanted) == (State.STOPPED, Phase.SCHEDULED, False)


def test_start_and_stop_are_its_switch():
    """Stop ends the run as well; start runs nothing."""
    world = World(job())
    world.due()
    assert world.spawns == ["backup"]
    assert world.do(StopRequested("backup")) == ["off"]
    assert world.asked == ScheduleAt("backup", None)
    assert [(action.signal, action.pid) for action in world.actions if isinstance(action, Kill)] == [(SIGTERM, 11)]
    world.ends(-1, signal=SIGTERM)
    assert (world.backup.state, world.backup.phase) == (State.STOPPED, Phase.NONE)
    assert world.due(NIGHT + DAY) == []
    assert world.do(StartRequested("backup")) == ["on"]
    assert world.spawns == []
    assert world.do(StartRequested("backup")) == []


def test_without_autostart_it_is_off_until_it_is_started():
    """As any program."""
    world = World(job(autostart=False))
    assert (world.actions, world.backup.phase) == ([], Phase.NONE)
    assert world.do(StartRequested("backup")) == ["on"]


def test_it_may_run_when_it_starts():
    """At the boot only, and besides its times."""
    world = World(job(run_on_start=True))
    assert (world.said, world.spawns) == (["on"], ["backup"])
    world.ends()
    world.do(StopRequested("backup"))
    world.do(StartRequested("backup"))
    assert world.spawns == []


def test_a_run_by_hand_leaves_the_schedule_alone():
    """Also while that is off."""
    world = World(job())
    world.do(StartRequested("backup", run=True))
    assert (world.spawns, world.said) == (["backup"], [])
    world.ends()
    assert world.backup.phase is Phase.SCHEDULED
    assert world.backup.done
    world.do(StopRequested("backup"))
    world.do(StartRequested("backup", run=True))
    assert world.spawns == ["backup"]
    world.ends()
    assert world.backup.phase is Phase.DONE


def test_a_restart_begins_the_run_anew_that_is_under_way_and_no_other():
    """`restart all` does not run every backup."""
    world = World(job())
    world.do(RestartRequested("backup"))
    assert world.spawns == []
    world.due()
    world.do(RestartRequested("backup"))
    world.ends(-1, signal=SIGTERM)
    assert world.spawns == ["backup"]


# ---- runs


def test_a_time_runs_it_and_the_next_one_is_asked_for_first():
    """So the time is behind it, on the disk as well, before anything is spawned."""
    world = World(job())
    assert world.due() == ["run"]
    order, told, *_ = world.actions
    assert order == ScheduleAt("backup", job(), NIGHT, ((NIGHT, NIGHT),))
    assert told == AnnounceSchedule("backup", "run", NIGHT)
    assert world.backup.state is State.RUNNING
    world.ends()
    assert (world.backup.state, world.backup.phase, world.backup.done) == (State.EXITED, Phase.SCHEDULED, True)


def test_a_failed_run_is_fatal_until_the_next_one():
    """With its retries before that."""
    world = World(job(startretries=1))
    world.due()
    world.ends(3)
    assert world.backup.state is State.BACKOFF
    world.wait(1)
    world.ends(3)
    assert (world.backup.state, world.backup.phase) == (State.FATAL, Phase.SCHEDULED)
    world.due(NIGHT + DAY)
    world.ends()
    assert (world.backup.state, world.backup.failed) == (State.EXITED, False)


def test_one_that_cannot_be_spawned_has_failed():
    """Its next time comes all the same."""
    world = World(job())
    world.actions = world.fleet.handle(ScheduleDue("backup", NIGHT, 0.0), world.now)
    world.do(SpawnFailed("backup", "no such file", 127))
    assert (world.backup.state, world.backup.phase) == (State.FATAL, Phase.SCHEDULED)
    assert world.due(NIGHT + DAY) == ["run"]


def test_a_retry_runs_what_has_failed():
    """At once."""
    world = World(job())
    world.due()
    world.ends(1)
    world.do(RetryRequested("backup"))
    assert world.spawns == ["backup"]


# ---- a run that outlives its next times


def test_a_run_that_outlives_three_times_leaves_them_out_and_says_so_twice():
    """Once when the first is left out, and once with their number."""
    world = World(job())
    world.due()
    assert [world.due(NIGHT + DAY * number) for number in (1, 2, 3)] == [["skipped"], [], []]
    assert world.ends() == ["skipped 3"]
    world.due(NIGHT + 4 * DAY)
    assert world.spawns == ["backup"]
    assert world.due(NIGHT + 5 * DAY) == ["skipped"]
    assert world.ends() == []


def test_one_run_is_queued_at_most():
    """It begins when the present one has ended, and the others are left out."""
    world = World(job(schedule_overlap="queue", schedule_deadline=None))
    world.due()
    assert [world.due(NIGHT + DAY * number) for number in (1, 2, 3)] == [["queued"], ["skipped"], []]
    assert world.ends() == ["skipped 2", "run"]
    assert world.spawns == ["backup"]
    assert world.ends() == []
    assert world.spawns == []


def test_what_waits_in_the_queue_may_come_too_late():
    """Then it is missed."""
    world = World(job(schedule_overlap="queue", schedule_deadline=60))
    world.due()
    world.due(NIGHT + 300, late=10)
    world.now += 51
    assert world.ends() == ["missed"]
    assert world.spawns == []


def test_a_schedule_that_is_switched_off_empties_the_queue():
    """And says so."""
    world = World(job(schedule_overlap="queue"))
    world.due()
    world.due(NIGHT + 300)
    assert world.do(StopRequested("backup")) == ["dropped", "off"]
    world.ends(-1, signal=SIGTERM)
    assert world.spawns == []


def test_the_present_run_may_be_stopped_for_the_next():
    """Gracefully, as by a restart."""
    world = World(job(schedule_overlap="restart"))
    world.due()
    assert world.due(NIGHT + 300) == ["run"]
    assert [action.signal for action in world.actions if isinstance(action, Kill)] == [SIGTERM]
    world.ends(-1, signal=SIGTERM)
    assert world.spawns == ["backup"]


# ---- missed


def test_what_comes_too_late_is_missed():
    """By more than schedule_deadline; within it, it runs."""
    world = World(job(schedule_deadline=600))
    assert world.due(late=601) == ["missed"]
    assert world.due(NIGHT + DAY, late=599) == ["run"]


def test_one_run_makes_up_for_all_that_was_missed():
    """Of those that have passed together only the newest is told of."""
    world = World(job(schedule_missed="once"))
    assert world.due(late=7200, missed=5) == ["missed 5", "run"]
    assert world.spawns == ["backup"]


def test_kubernetes_83642_it_goes_on_after_more_than_a_hundred_missed_times():
    """However many have passed, the next one runs."""
    world = World(job("backup", "* * * * *"))
    assert world.due(late=7200, missed=100_000) == ["missed 100001"]
    assert world.due(NIGHT + 60) == ["run"]


def test_what_was_missed_while_it_was_off_is_of_no_interest():
    """Unless one run is to make up for it."""
    for missed, since in (("skip", None), ("once", NIGHT)):
        world = World(job(schedule_missed=missed))
        world.due()
        world.ends()
        world.do(StopRequested("backup"))
        world.do(StartRequested("backup"))
        assert world.asked.since == since
        assert world.asked.behind == ((NIGHT, NIGHT),)


def test_what_an_earlier_master_has_seen_is_remembered():
    """The next time is looked for from there."""
    world = World(job(), boot=False)
    world.do(ScheduleRemembered("backup", NIGHT, ((NIGHT, NIGHT),)))
    world.do(BootRequested())
    assert world.asked == ScheduleAt("backup", job(), NIGHT, ((NIGHT, NIGHT),))
    assert world.due(NIGHT) == []
    assert world.due(NIGHT + DAY) == ["run"]


# ---- the clock


def test_nothing_runs_twice_when_the_clock_goes_back():
    """The times up to then are looked for anew, and passed over where they have come."""
    world = World(job())
    for number in range(3):
        world.due(NIGHT + DAY * number)
        world.ends()
    world.do(ClockStepped(NIGHT - 1))
    assert world.asked == ScheduleAt("backup", job(), NIGHT - 1, ((NIGHT, NIGHT + 2 * DAY),))
    for number in range(3):
        assert world.due(NIGHT + DAY * number) == []
    assert world.due(NIGHT + 3 * DAY) == ["run"]


def test_a_year_ahead_is_one_run():
    """With once; and when the clock is right again, the schedule goes on."""
    world = World(job(schedule_missed="once"))
    world.due()
    world.ends()
    world.do(ClockStepped(NIGHT + 365 * DAY))
    assert world.due(NIGHT + 364 * DAY, late=DAY, missed=363) == ["missed 363", "run"]
    world.ends()
    world.do(ClockStepped(NIGHT + 1))
    assert world.asked.since == NIGHT + 1
    assert world.due(NIGHT + DAY) == ["run"]
    world.ends()
    assert world.due(NIGHT + 364 * DAY) == []


def test_times_that_are_behind_are_bounded():
    """Where there are too many ranges, the nearest become one: nothing between them runs, rather than twice."""
    ranges, times = (), [float(number * number) for number in range(1, 100)]
    for time in times:
        ranges = put_behind(ranges, None, time)
    assert len(ranges) == MOST_RANGES
    assert all(is_behind(ranges, time) for time in times)
    assert not is_behind(ranges, times[-1] + 1)
    assert put_behind(((1.0, 2.0), (5.0, 5.0)), 2.0, 3.0) == ((1.0, 3.0), (5.0, 5.0))
    assert put_behind(((1.0, 2.0), (3.0, 5.0)), 2.0, 3.0) == ((1.0, 5.0),)


# ---- every


def test_every_goes_by_the_clock_of_the_core():
    """From the start of the run before; the first comes after so long."""
    world = World(job("backup", "every 30m", 1800.0))
    assert not any(isinstance(action, ScheduleAt) for action in world.actions)
    assert world.fleet.next_deadline() == 1900.0
    assert world.wait(1800) == ["run"]
    world.now += 100
    world.ends()
    assert world.fleet.next_deadline() == 1900.0 + 1800.0
    assert world.do(ClockStepped(0.0)) == []
    assert world.wait(1700) == ["run"]
    assert world.wait(1800) == ["skipped"]
    world.do(StopRequested("backup"))
    assert world.fleet.schedules.due_at("backup") is None


def test_every_counts_from_a_run_that_was_queued():
    """From its start."""
    world = World(job("backup", "every 30m", 1800.0, schedule_overlap="queue"))
    world.wait(1800)
    assert world.wait(1800) == ["queued"]
    world.now += 100
    assert world.ends() == ["run"]
    assert world.fleet.next_deadline() == world.now + 1800


# ---- updates


def test_another_schedule_is_computed_anew():
    """From now on; a run under way goes on."""
    world = World(job())
    world.due()
    assert changed(world, job(schedule="0 3 * * *")) == []
    asks = [action for action in world.actions if isinstance(action, ScheduleAt)]
    assert asks[0] == ScheduleAt("backup", None)
    assert (asks[1].since, asks[1].behind) == (None, ((NIGHT, NIGHT),))
    assert world.backup.state is State.RUNNING


@pytest.mark.parametrize(("before", "after"), [("every 1h", "every 30m"), ("0 2 * * *", "every 30m")])
def test_another_period_begins_now(before, after):
    """Also instead of a time of the clock."""
    world = World(job(schedule=before, every=3600.0 if "every" in before else None))
    world.now += 60
    changed(world, job(schedule=after, every=1800.0))
    assert world.fleet.next_deadline() == world.now + 1800


def test_other_options_change_no_time():
    """In place, as all of them; a new command waits for the next run."""
    world = World(job())
    changed(world, job(stopwaitsecs=3))
    assert not any(isinstance(action, ScheduleAt) for action in world.actions)
    changed(world, job(command="/bin/false"), replace=True)
    assert (world.spawns, world.said) == ([], [])
    world.due()
    assert [action.program.command for action in world.actions if isinstance(action, Spawn)] == ["/bin/false"]


def test_a_schedule_comes_and_goes():
    """With it a one-shot is scheduled, without it it is one again."""
    once = job()
    plain = replace(once, schedule=None)
    world = World(plain)
    world.ends()
    assert changed(world, once) == ["on"]
    assert world.spawns == []
    assert changed(world, plain) == ["off"]
    assert world.backup.phase is Phase.DONE


def test_a_service_becomes_a_job():
    """It is stopped, and runs at its times."""
    service = Program(name="backup", group="backup", command="/bin/cat")
    world = World(service)
    assert changed(world, job(), replace=True) == ["on"]
    world.ends(-1, signal=SIGTERM)
    assert (world.backup.state, world.backup.phase, world.spawns) == (State.STOPPED, Phase.SCHEDULED, [])
    assert world.due() == ["run"]
    world.ends()
    assert changed(world, service, replace=True) == ["off"]
    assert world.spawns == ["backup"]


def test_what_was_switched_off_stays_off_over_an_update():
    """It is no start."""
    world = World(job())
    world.do(StopRequested("backup"))
    changed(world, job(command="/bin/false"), replace=True)
    assert world.backup.phase is Phase.NONE


def test_one_that_is_removed_is_forgotten():
    """Nothing is told of its times any more."""
    world = World(job())
    world.due()
    assert world.do(GroupRemoved("backup")) == ["off"]
    assert world.asked == ScheduleAt("backup", None)
    world.ends(-1, signal=SIGTERM)
    assert world.due(NIGHT + DAY) == []


# ---- the end


def test_a_shutdown_stops_the_run_and_starts_nothing():
    """Not even what is queued."""
    world = World(job(schedule_overlap="queue"), job("other", "every 1h", 3600.0))
    world.due()
    world.due(NIGHT + 60)
    world.do(ShutdownRequested())
    assert [action for action in world.actions if isinstance(action, Kill)]
    assert world.due(NIGHT + 120) == []
    world.ends(-1, signal=SIGTERM)
    assert (world.spawns, world.fleet.next_deadline()) == ([], None)


@pytest.mark.parametrize("when", [ShutdownWhen.ANY_EXIT, ShutdownWhen.ANY_FATAL, ShutdownWhen.ALL_DONE])
def test_no_run_of_a_schedule_ends_the_master(when):
    """It has its next run to come, also if it is critical."""
    world = World(job(critical=True), shutdown_when=when)
    for code in (0, 1):
        world.due(NIGHT + code * DAY)
        world.ends(code)
        assert world.fleet.state is MasterState.RUNNING


def test_all_are_done_when_no_schedule_is_on():
    """One that is on is not done."""
    once = replace(job("once"), schedule=None)
    for autostart, ends in ((True, False), (False, True)):
        world = World(job(autostart=autostart), once, shutdown_when=ShutdownWhen.ALL_DONE)
        world.ends(name="once")
        assert any(isinstance(action, AnnounceMaster) for action in world.actions) is ends


# ---- dependencies


def needs(target, condition):
    return (Edge(target, condition, False, (target,)),)


def test_each_run_waits_for_what_it_depends_on():
    """No longer than schedule_deadline; it is not made up for when that comes."""
    db = Program(name="db", group="db", command="/bin/cat", autostart=False, startsecs=0)
    world = World(db, job(depends_on=needs("db", "ready"), schedule_deadline=60))
    world.do(StartRequested("db"))
    world.due()
    assert world.spawns == ["backup"]
    world.ends()
    world.do(StopRequested("db"))
    world.ends(-1, "db", signal=SIGTERM)
    world.due(NIGHT + DAY)
    assert (world.backup.state, world.backup.phase) == (State.FATAL, Phase.SCHEDULED)
    world.do(StartRequested("db"))
    assert world.spawns == ["db"]


def test_the_wait_ends_at_the_deadline():
    """Also of a run that is asked for by hand."""
    db = Program(name="db", group="db", command="/bin/cat", startsecs=3600)
    world = World(db, job(depends_on=needs("db", "ready"), schedule_deadline=60))
    for event in (ScheduleDue("backup", NIGHT, 0.0), StartRequested("backup", run=True)):
        world.do(event)
        assert world.backup.phase is Phase.WAITING
        world.wait(60)
        assert (world.backup.state, world.backup.phase) == (State.FATAL, Phase.SCHEDULED)
        assert "was not there in time" in world.backup.reason


def test_what_waits_for_its_success_waits_for_the_next_run():
    """It does not run it, and it is not blocked by a run that has failed."""
    report = Program(name="report", group="report", command="/bin/cat", depends_on=needs("backup", "done"))
    world = World(job(), report)
    assert (world.spawns, world.fleet.processes["report"].phase) == ([], Phase.WAITING)
    world.due()
    world.ends(1)
    assert world.fleet.processes["report"].phase is Phase.WAITING
    world.due(NIGHT + DAY)
    world.ends()
    assert world.spawns == ["report"]


# ---- over an upgrade and a kill


def copy(fleet):
    programs = {name: (process.program, process.definition) for name, process in fleet.processes.items()}
    specs = {name: group.spec for name, group in fleet.groups.items()}
    readers = DefinitionReaders(lambda data: specs[data["name"]], lambda data: programs[data["name"]][0])
    other = Fleet(policy=Master())
    other.restore(fleet.snapshot(), readers)
    return other


def test_another_process_image_goes_on():
    """With what has come, the queue, and when `every` is due."""
    world = World(job(schedule_overlap="queue", schedule_deadline=None), job("other", "every 1h", 3600.0))
    world.due()
    world.due(NIGHT + DAY)
    orders = world.fleet.schedules.asked()
    due = world.fleet.schedules.due_at("other")
    world.fleet = copy(world.fleet)
    assert (
        world.fleet.schedules.asked()
        == orders
        == [ScheduleAt("backup", world.backup.program, NIGHT + DAY, ((NIGHT, NIGHT + DAY),))]
    )
    assert world.fleet.schedules.due_at("other") == due
    assert world.ends() == ["run"]


def test_a_run_of_a_killed_master_goes_on():
    """It is adopted; an end that nobody has seen is no success."""
    world = World(job(), boot=False)
    world.do(ScheduleRemembered("backup", NIGHT, ((NIGHT, NIGHT),)))
    world.do(Adopted("backup", 77, 30.0))
    world.do(BootRequested())
    assert (world.backup.state, world.spawns) == (State.RUNNING, [])
    assert world.due(NIGHT + DAY) == ["skipped"]
    world.do(Exited(77, ExitStatus(-1, known=False)))
    assert (world.backup.done, world.backup.state) == (False, State.FATAL)
    assert not [action for action in world.actions if isinstance(action, Announce) and action.after is State.STARTING]
