"""Dependencies where other rules meet them: what cannot be stopped, critical ones, the end of a shutdown."""

from signal import SIGKILL

import pytest

from procman.config.schema.master import Master
from procman.core.actions import Kill, Quit, Spawn
from procman.core.events import (
    BootRequested,
    DeadlineReached,
    ExitStatus,
    GroupChanged,
    KillFailed,
    RestartRequested,
    ShutdownRequested,
    StartRequested,
    StopRequested,
)
from procman.core.spec import Autorestart, ShutdownWhen
from procman.core.states import State
from tests.core.test_dependencies import booted, slow, task, up
from tests.support.driven_fleet import Drive, of, spawned

FAILED = ExitStatus(5)


def later(drive, seconds):
    """The actions when so much time has passed."""
    drive.now += seconds
    return drive.says(DeadlineReached())


def test_a_target_that_is_being_stopped_is_waited_for_and_then_started():
    """The wish of its dependent is the later one."""
    drive, _ = booted(up("db"), up("web", "db", autostart=False))
    drive.says(StopRequested("db"))
    assert spawned(drive.says(StartRequested("web"))) == []
    assert drive.states() == {"db": "STOPPING", "web": "STARTING"}
    assert spawned(drive.ends("db")) == ["db", "web"]


def test_one_that_is_bound_comes_back_when_an_update_takes_away_the_last_edge_of_all():
    """It waits for nothing any more."""
    drive, _ = booted(up("db"), up("web", "db", on_dependency_stop="stop"))
    assert [kill.name for kill in of(Kill, drive.says(StopRequested("db")))] == ["web"]
    drive.says(GroupChanged(up("web"), frozenset()))
    assert spawned(drive.ends("web")) == ["web"]


def test_a_target_waits_for_what_has_to_stop_because_of_the_end_that_it_has_waited_for():
    """Here web is bound to the task that fails, and uses the cache, too."""
    task_of_cache = task("task", "cache", run_timeout=5.0)
    drive, _ = booted(up("cache"), task_of_cache, up("web", "task", "cache?", on_dependency_stop="stop"))
    assert [kill.name for kill in of(Kill, later(drive, 5))] == ["task"]
    assert of(Kill, drive.says(RestartRequested("cache"))) == []
    assert [kill.name for kill in of(Kill, drive.ends("task", FAILED))] == ["web"]
    assert [kill.name for kill in of(Kill, drive.ends("web"))] == ["cache"]


def test_what_could_start_waits_again_when_a_target_is_to_restart_in_the_same_event():
    """The target has to wait for a dependent that stops, so nothing is announced of it."""
    app = up("app", "db", on_dependency_restart=("restart", 0))
    drive, _ = booted(slow("db"), app, up("old", "app"), up("web", "db", "app", autostart=False))
    later(drive, 1)
    drive.says(StopRequested("old"))
    drive.says(RestartRequested("db"))
    drive.says(StartRequested("web"))
    drive.ends("db")
    assert not any(drive.fleet.awaits(order) for order in of(Spawn, later(drive, 1)) if order.name == "web")
    assert [kill.name for kill in of(Kill, drive.ends("old"))] == ["app"]
    assert spawned(drive.ends("app")) == ["app", "web"]


def test_what_stands_in_line_to_start_waits_again_when_the_time_of_its_target_is_over():
    """Also where the target stops later, after one that depends on it."""
    first, last = slow("first", startsecs=9, autostart=False), up("last", "job", autostart=False)
    drive, _ = booted(task("job", run_timeout=5.0), up("old", "job"), first, last, start_concurrency=1)
    drive.says(StopRequested("old"))
    drive.says(StartRequested("first"))
    drive.says(StartRequested("last"))
    assert of(Kill, later(drive, 5)) == []
    assert not of(Spawn, later(drive, 4))
    assert drive.states() == {"job": "RUNNING", "old": "STOPPING", "first": "RUNNING", "last": "STARTING"}


def test_a_target_that_cannot_be_killed_blocks():
    """There are never two of it."""
    drive, _ = booted(up("db"), up("web", "db", autostart=False))
    drive.says(StopRequested("db"))
    drive.says(KillFailed("db", "permission denied"))
    assert drive.states()["db"] == "UNKNOWN"
    assert spawned(drive.says(StartRequested("web"))) == []
    web = drive.fleet.processes["web"]
    assert (web.state, web.ties.blocked) == (State.FATAL, True)
    assert web.reason.startswith("blocked: db is UNKNOWN")


def test_in_a_shutdown_a_target_waits_for_a_dependent_that_has_to_be_killed():
    """Its stop signal comes when nobody needs it any more."""
    drive, _ = booted(up("db"), up("web", "db", stopwaitsecs=3))
    assert [(kill.name, kill.signal) for kill in of(Kill, drive.says(ShutdownRequested()))] == [("web", 15)]
    assert [(kill.name, kill.signal) for kill in of(Kill, later(drive, 3))] == [("web", SIGKILL)]
    assert [kill.name for kill in of(Kill, drive.ends("web", ExitStatus(-1, SIGKILL)))] == ["db"]


def test_a_critical_one_that_is_blocked_ends_the_master_with_the_status_of_the_root():
    """What failed first says why, and not what could not start because of it."""
    drive = Drive(task("db"), up("app", "db@done"), up("web", "app", critical=True), up("other"), boot=False)
    drive.says(BootRequested())
    drive.ends("db", FAILED)
    assert drive.states() == {"db": "FATAL", "app": "FATAL", "web": "FATAL", "other": "STOPPING"}
    assert of(Quit, drive.ends("other")) == [Quit(restart=False, code=5)]


def test_when_all_is_done_a_blocked_one_is_settled():
    """It would be waited for in vain."""
    drive = Drive(task("db"), task("web", "db@done"), boot=False, master=Master(shutdown_when=ShutdownWhen.ALL_DONE))
    drive.says(BootRequested())
    assert [quits.code for quits in of(Quit, drive.ends("db", FAILED))] == [5]


def test_a_target_that_crashes_again_and_again_restarts_its_dependent_within_its_own_limit():
    """The delays of the dependent are its own, and so is its restart_limit."""
    keen = {"on_dependency_restart": ("restart", 0), "autorestart": Autorestart.ALWAYS, "restart_limit": (2, 600.0)}
    drive, _ = booted(up("db", autorestart=Autorestart.ALWAYS, startretries=0), up("web", "db", **keen))
    for _ in range(2):
        drive.ends("db", FAILED)
        drive.ends("web")
        assert drive.states() == {"db": "RUNNING", "web": "RUNNING"}
    drive.ends("db", FAILED)
    if drive.states()["web"] == "STOPPING":
        drive.ends("web")
    assert drive.states() == {"db": "RUNNING", "web": "FATAL"}
    assert "2 restarts in 600 s" in drive.fleet.processes["web"].reason


@pytest.mark.parametrize("first", ["db", "web"])
def test_a_restart_of_both_in_one_operation_stops_from_the_top_and_starts_from_the_bottom(first):
    """In whatever order they are named."""
    drive, _ = booted(slow("db"), up("web", "db"))
    later(drive, 1)
    second = {"db": "web", "web": "db"}[first]
    drive.says(RestartRequested(first))
    drive.says(RestartRequested(second))
    drive.ends("web")
    assert spawned(drive.ends("db")) == ["db"]
    assert spawned(later(drive, 1)) == ["web"]
