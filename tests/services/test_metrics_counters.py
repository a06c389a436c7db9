"""What is counted of what happens; the bus and the fleet are real, the processes are not."""

import signal

import pytest

from procman.config.snapshot import read_group, read_program
from procman.core.attribution import NOBODY, Actor, Origin
from procman.core.events import (
    Adopted,
    Exited,
    ExitStatus,
    GroupChanged,
    GroupRemoved,
    HealthSeen,
    RestartRequested,
    Spawned,
    SpawnFailed,
    StartRequested,
    StopRequested,
)
from procman.core.snapshot import DefinitionReaders
from procman.core.spec import Autorestart, Condition, Edge, ReadyKind
from procman.core.states import State
from procman.runtime.bus import LogRotated
from procman.services.metrics.counters import Counters
from procman.services.metrics.histogram import BOUNDS, Histogram
from procman.services.metrics.process_counts import ProcessCounts
from procman.system.reaper import Reaped
from tests.support.notifications import notify
from tests.support.programs import group
from tests.support.virtual_engine import VirtualEngine


class Counted(VirtualEngine):
    """A virtual engine whose events are counted; `oom`: the next end is for want of memory."""

    def __init__(self, *groups, counters=None):
        super().__init__(*groups)
        self.counters = counters or Counters()
        self.oom = False
        self.counters.watch(self.bus, self.fleet, lambda _: self.oom)

    def post(self, event, origin=NOBODY):
        if isinstance(event, Spawned | SpawnFailed | Adopted):
            self.bus.publish(event)  # as the real engine does
        super().post(event, origin)

    def of(self, name="web"):
        return self.counters.of(name)

    def ends(self, name="web", code=0, number=None):
        pid = self.fleet.processes[name].pid
        self.post(Exited(pid, ExitStatus(-1 if number else code, number)))


def nonzero(counts):
    return {reason: count for reason, count in counts.items() if count}


def test_a_start_is_counted_and_is_no_restart():
    engine = Counted(group("web"))
    engine.run("web")
    assert (engine.of().starts, nonzero(engine.of().restarts), engine.of().ready_seconds.count) == (1, {}, 1)
    assert engine.of().start_time > 0


@pytest.mark.parametrize(
    ("code", "number", "oom", "reason"),
    [
        (1, None, False, "exit"),
        (-1, signal.SIGTERM, False, "signal"),
        (-1, signal.SIGKILL, False, "signal"),
        (-1, signal.SIGKILL, True, "oom"),
    ],
)
def test_what_autorestart_brings_back_is_counted_by_how_it_ended(code, number, oom, reason):
    engine = Counted(group("web", autorestart=Autorestart.ALWAYS))
    engine.run("web")
    engine.oom = oom
    engine.ends(code=code, number=number)
    engine.spawn_all()
    assert nonzero(engine.of().restarts) == {reason: 1}
    assert engine.of().starts == 2
    assert engine.of().last_exit_time > 0


def test_a_process_that_is_not_brought_back_counts_no_restart_until_an_operator_starts_it():
    engine = Counted(group("web", autorestart=Autorestart.NEVER))
    engine.run("web")
    engine.ends(code=1)
    assert nonzero(engine.of().restarts) == {}
    engine.run("web")
    assert nonzero(engine.of().restarts) == {"operator": 1}


@pytest.mark.parametrize("stops_first", [True, False])
def test_a_restart_is_the_operators_also_in_two_steps(stops_first):
    """Procmanctl restart is a stop and a start; /v1 has both in one."""
    engine = Counted(group("web"))
    engine.run("web")
    engine.post(StopRequested("web") if stops_first else RestartRequested("web"))
    engine.ends()
    if stops_first:
        engine.post(StartRequested("web"))
    engine.spawn_all()
    assert nonzero(engine.of().restarts) == {"operator": 1}
    assert engine.of().stop_seconds.count == 1


def test_an_update_that_replaces_a_process_is_a_restart_of_its_own_kind():
    engine = Counted(group("web"))
    engine.run("web")
    engine.post(GroupChanged(group("web", command="/bin/new"), frozenset({"web"})), Origin(Actor("update")))
    engine.ends()
    engine.spawn_all()
    assert nonzero(engine.of().restarts) == {"update": 1}


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (SpawnFailed("web", "cannot find it", 127), "not_found"),
        (SpawnFailed("web", "not executable", 126), "not_executable"),
    ],
)
def test_a_start_that_could_not_be_carried_out_is_counted_by_its_reason(event, reason):
    engine = Counted(group("web"))
    engine.post(StartRequested("web"))
    engine.post(event)
    assert nonzero(engine.of().failed_starts) == {reason: 1}
    assert (engine.of().starts, engine.of().last_exit_time > 0) == (0, True)


def test_a_run_that_ends_too_soon_is_a_failed_start_and_its_next_try_no_restart():
    engine = Counted(group("web", startsecs=5.0))
    engine.post(StartRequested("web"))
    engine.spawn_all()
    engine.ends(code=2)
    engine.pass_time(100)
    engine.spawn_all()
    engine.ends(number=signal.SIGSEGV)
    assert nonzero(engine.of().failed_starts) == {"exit": 1, "signal": 1}
    assert (engine.of().starts, nonzero(engine.of().restarts), engine.of().ready_seconds.count) == (2, {}, 0)


def test_a_start_that_is_not_ready_in_time_has_a_reason_of_its_own():
    """It is stopped for that, and how it ends then does not matter."""
    ready = (Condition(ReadyKind.NOTIFY, "notify"),)
    engine = Counted(group("web", startsecs=0, ready=ready, start_timeout=5.0))
    engine.post(StartRequested("web"))
    engine.spawn_all()
    engine.pass_time(5)
    engine.ends(number=signal.SIGTERM)
    assert nonzero(engine.of().failed_starts) == {"unready": 1}


def test_a_restart_because_of_a_dependency_is_counted_as_that():
    """Whatever has restarted what it depends on."""
    edge = Edge("db", "ready", optional=False, processes=("db",))
    web = group("web", startsecs=0, depends_on=(edge,), on_dependency_restart=("restart", 0))
    engine = Counted(group("db", startsecs=0), web)
    engine.post(StartRequested("web"))
    engine.spawn_all()
    engine.spawn_all()
    engine.post(RestartRequested("db"))
    engine.ends("db")
    engine.spawn_all()
    engine.ends("web")
    engine.spawn_all()
    assert nonzero(engine.of("db").restarts) == {"operator": 1}
    assert nonzero(engine.of("web").restarts) == {"dependency": 1}


def test_a_restart_for_being_unhealthy_is_counted_as_that():
    """It is no failed start; where restart_limit is reached, the start that somebody asks for later is theirs."""
    check = Condition(ReadyKind.TCP, "tcp:80")
    engine = Counted(group("web", health=check, health_retries=1, restart_limit=(1, 3600.0)))
    engine.run("web")

    def is_ill():
        pid = engine.fleet.processes["web"].pid
        engine.pass_time(60)
        engine.post(HealthSeen("web", engine.fleet.processes["web"].attempt, look(), ok=False, words="refused"))
        engine.post(Exited(pid, ExitStatus(0)))

    def look():
        return engine.fleet.processes["web"].health.looks

    is_ill()
    engine.pass_time(60)
    engine.spawn_all()
    engine.pass_time(60)
    assert (nonzero(engine.of().restarts), nonzero(engine.of().failed_starts)) == ({"unhealthy": 1}, {})
    is_ill()
    assert engine.fleet.processes["web"].state is State.FATAL
    engine.post(StartRequested("web"))
    engine.spawn_all()
    assert nonzero(engine.of().restarts) == {"unhealthy": 1, "operator": 1}


def test_looks_at_the_health_are_counted_by_what_they_have_shown():
    """A time-out while procman itself was not awake is discounted."""
    engine = Counted(group("web"))
    for ok, timed_out, asleep in ((True, False, 0), (False, False, 0), (False, True, 0.4), (False, True, 0.5)):
        engine.counters.health_seen(HealthSeen("web", 1, 1, ok, "", timed_out, asleep), 2.0)
    assert engine.of().checks == {"ok": 1, "failed": 1, "timeout": 1, "discounted": 1}
    after = Counters()
    after.restore(engine.counters.snapshot())
    after.watch(engine.bus, engine.fleet)
    assert after.of("web").checks == engine.of().checks


def test_a_sigkill_after_stopwaitsecs_is_counted_once_for_each_stop():
    """It is repeated as long as the process does not go."""
    engine = Counted(group("web", stopwaitsecs=1.0, autorestart=Autorestart.ALWAYS))
    engine.run("web")
    engine.post(RestartRequested("web"))
    for _ in range(3):
        engine.pass_time(2)
    engine.ends(number=signal.SIGKILL)
    engine.run("web")
    assert engine.of().kills == 1
    engine.post(StopRequested("web"))
    engine.pass_time(2)
    assert engine.of().kills == 2
    assert nonzero(engine.of().restarts) == {"operator": 1}


def test_an_adopted_process_was_started_when_it_was_and_counts_no_start():
    engine = Counted(group("web", autorestart=Autorestart.ALWAYS))
    engine.post(Adopted("web", 77, 3600.0))
    assert engine.of().starts == 0
    assert engine.counters.began - engine.of().start_time == pytest.approx(3600, abs=60)
    engine.ends(code=1)
    assert nonzero(engine.of().restarts) == {"exit": 1}
    assert engine.of().ready_seconds.count == 0


def test_a_process_that_has_left_takes_its_counters_along():
    """So their number is that of the processes, whatever comes and goes."""
    engine = Counted(group("web"), group("other"))
    engine.run("web", "other")
    engine.post(GroupRemoved("web"))
    engine.ends()
    assert set(engine.counters.snapshot()["processes"]) == {"other"}
    assert engine.of("web").starts == 0
    assert set(engine.counters.snapshot()["processes"]) == {"other"}


def test_what_is_not_ours_is_counted_when_it_is_reaped():
    counters = Counters()
    counters.hear(notify(Reaped(5, 0)))
    assert counters.orphans == 1


def test_rotations_are_counted_by_channel():
    """The last one is remembered with its outcome; what fails about earlier ones is no rotation."""
    engine = Counted(group("web"))
    for by, problem in (("size", ""), ("clock", ""), ("upkeep", "cannot compress")):
        engine.bus.publish(LogRotated("web", "stdout", by, problem))
    engine.bus.publish(LogRotated("web", "stderr", "request", "cannot rotate"))
    out, err = engine.of().rotations["stdout"], engine.of().rotations["stderr"]
    assert (out.done, out.failed, out.by, out.problem) == (2, 1, "clock", "cannot compress")
    assert (err.done, err.failed, err.by, err.problem) == (0, 1, "request", "cannot rotate")
    assert out.last > 0
    after = ProcessCounts()
    after.restore(engine.of().snapshot())
    assert after.rotations == engine.of().rotations


def test_counters_go_on_over_a_snapshot():
    engine = Counted(group("web", autorestart=Autorestart.ALWAYS, startsecs=5.0), group("other"))
    engine.run("web", "other")
    engine.ends(code=1)
    engine.spawn_all()  # STARTING, and not yet up
    engine.post(StopRequested("other"))  # STOPPING
    engine.of().use_cpu(1, 2.5)
    counters = Counters()
    counters.restore(engine.counters.snapshot())
    assert counters.snapshot() | {"upgrades": 0, "processes": 0} == engine.counters.snapshot() | {"processes": 0}
    assert counters.upgrades == 1
    after = Counted(counters=Counters())
    after.counters = counters
    after.fleet.restore(engine.fleet.snapshot(), DefinitionReaders(read_group, read_program))
    after.counters.watch(after.bus, after.fleet)
    after.now = engine.now
    after.pass_time(10)
    after.ends("other")
    assert nonzero(after.of().restarts) == {"exit": 1}
    assert (after.of().ready_seconds.count, after.of("other").stop_seconds.count) == (2, 1)
    after.of().use_cpu(1, 3.0)
    assert after.of().cpu_seconds == 3.0


def test_what_older_masters_counted_is_gone_on_from():
    """Procman 0.2 had no counters of processes."""
    counters = Counters()
    counters.restore({"began": 1000, "orphans": 3, "upgrades": 1})
    assert (counters.began, counters.orphans, counters.upgrades) == (1000, 3, 2)
    counts = ProcessCounts()
    counts.restore({"starts": 4, "restarts": {"exit": 2, "a reason of the future": 1}})
    assert (counts.starts, nonzero(counts.restarts), counts.kills) == (4, {"exit": 2}, 0)


def test_a_histogram_with_other_bounds_begins_anew():
    histogram = Histogram()
    histogram.observe(0.5)
    other = Histogram()
    other.restore(histogram.snapshot() | {"bounds": [1, 2]})
    assert other.count == 0
    other.restore(histogram.snapshot())
    assert (other.count, other.sum, other.buckets) == (1, 0.5, histogram.buckets)


@pytest.mark.parametrize(("seconds", "bucket"), [(0.0, 0), (0.01, 0), (0.011, 1), (300.0, 9), (301.0, 10)])
def test_a_bucket_includes_its_upper_bound(seconds, bucket):
    histogram = Histogram()
    histogram.observe(seconds)
    assert histogram.buckets.index(1) == bucket
    assert len(histogram.buckets) == len(BOUNDS) + 1


def test_counters_go_on_over_a_reload_for_those_that_come_back():
    before = Counted(group("web"), group("gone"))
    before.run("web", "gone")
    after = Counted(group("web"), group("new"), counters=before.counters)
    after.run("web", "new")
    assert set(after.counters.snapshot()["processes"]) == {"web", "new"}
    assert (after.of("web").starts, nonzero(after.of("web").restarts)) == (2, {"operator": 1})
    assert (after.of("new").starts, nonzero(after.of("new").restarts)) == (1, {})


def test_cpu_time_never_goes_back():
    """Members whose parents have gone take their time along; another run begins with nothing."""
    counts = ProcessCounts()
    seen = []
    for start, seconds in ((1, 2.0), (1, 3.0), (1, 1.0), (1, 1.5), (2, 0.5), (2, 0.75)):
        counts.use_cpu(start, seconds)
        seen.append(counts.cpu_seconds)
    assert seen == [2.0, 3.0, 3.0, 3.5, 4.0, 4.25]


def test_a_reading_of_the_configuration_counts_with_its_success():
    counters = Counters()
    counters.config_read = 0.0
    counters.config_was_read(good=False)
    assert (counters.config_is_good, counters.config_read) == (False, 0.0)
    counters.config_was_read(good=True)
    assert counters.config_is_good
    assert counters.config_read > 0


def test_output_counts_on_when_its_streams_go():
    engine = Counted(group("web"))
    engine.run("web")
    for _ in range(2):
        engine.counters.keep_output(lambda _: ({"stdout": 5}, 1))
    assert (engine.of().log_bytes_before, engine.of().lost_before) == ({"stdout": 10}, 2)
