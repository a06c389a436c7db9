"""Waiting, blocked, bound and restarted: what becomes of a process by what it depends on, rule by rule."""

from dataclasses import replace

import pytest

from procman.config.schema.groups import Group
from procman.config.schema.master import Master
from procman.core.actions import Announce, Kill, Spawn
from procman.core.events import (
    Adopted,
    BootRequested,
    DeadlineReached,
    ExitStatus,
    GroupChanged,
    GroupRemoved,
    RestartRequested,
    ShutdownRequested,
    Spawned,
    StartRequested,
    StopRequested,
)
from procman.core.spec import Autorestart, Condition, Edge, ProcessType, ReadyKind
from procman.core.states import Phase, State
from tests.support.driven_fleet import Drive, killed, of, spawned
from tests.support.programs import group

FAILED = ExitStatus(1)


def needs(*edges: str) -> tuple[Edge, ...]:
    """Edges as a file has them, each with one process: db@ready, cache@started?."""
    found = []
    for text in edges:
        target, _, condition = text.rstrip("?").partition("@")
        found.append(Edge(target, condition or "ready", text.endswith("?"), (target,)))
    return tuple(found)


def up(name: str, *edges: str, **options) -> Group:
    """One that is RUNNING as soon as it is spawned."""
    return group(name, depends_on=needs(*edges), **{"startsecs": 0, **options})


def slow(name: str, *edges: str, **options) -> Group:
    """One that is RUNNING after a second."""
    return up(name, *edges, **{"startsecs": 1, "autorestart": Autorestart.UNEXPECTED, **options})


def task(name: str, *edges: str, **options) -> Group:
    usual = {"type": ProcessType.ONESHOT, "startretries": 0, "autorestart": Autorestart.NEVER}
    return up(name, *edges, **{**usual, **options})


def booted(*groups: Group, **master) -> tuple[Drive, list[str]]:
    """The fleet right after its boot, and what it has spawned, in order."""
    drive = Drive(*groups, boot=False, master=Master(**master))
    return drive, spawned(drive.says(BootRequested()))


def phase(drive: Drive, name: str) -> tuple[str, str]:
    process = drive.fleet.processes[name]
    return process.state.name, process.phase.value


def later(drive: Drive, seconds: float) -> list:
    drive.now += seconds
    return drive.says(DeadlineReached())


# ------------------------------------------------------------------------------------------------ conditions


def test_it_waits_until_every_edge_holds_at_the_same_moment():
    """The order is given in the step in which the last of them comes to hold."""
    drive, order = booted(slow("db"), slow("cache", startsecs=3), up("web", "db", "cache"))
    assert order == ["db", "cache"]
    assert phase(drive, "web") == ("STARTING", "waiting")
    later(drive, 1)
    assert phase(drive, "web") == ("STARTING", "waiting")
    later(drive, 1.5)
    drive.ends("db", FAILED)  # it was there, and is not when the other one comes
    assert spawned(later(drive, 0.5)) == []
    assert spawned(later(drive, 0.5)) == ["web"]


def test_a_run_that_has_waited_is_one_run():
    """So the first one has the number 1, the next one 2, and the one after that 3."""
    drive, _ = booted(slow("db", autostart=False), task("job", "db", autostart=False))
    drive.says(StartRequested("job"))
    assert phase(drive, "job") == ("STARTING", "waiting")
    numbers = [order.attempt for order in of(Spawn, later(drive, 1))]
    for _ in range(2):
        drive.ends("job")
        numbers += [order.attempt for order in of(Spawn, drive.says(StartRequested("job")))]
    assert numbers == [1, 2, 3]


def test_an_order_is_void_when_it_waits_again():
    """What it depends on is gone before it was spawned; the order for it then is another one."""
    drive, _ = booted(up("db"), up("web", "db", autostart=False))
    [first] = of(Spawn, drive.fleet.handle(StartRequested("web"), drive.now))
    drive.says(RestartRequested("db"))
    assert phase(drive, "web") == ("STARTING", "waiting")
    [second] = [order for order in of(Spawn, drive.ends("db")) if order.name == "web"]
    assert second.attempt > first.attempt


def test_started_needs_a_pid_and_ready_needs_running():
    """The second is the default."""
    drive, order = booted(slow("db"), up("early", "db@started"), up("late", "db@ready"))
    assert order == ["db", "early"]
    assert spawned(later(drive, 1)) == ["late"]


def test_done_needs_a_success_of_the_last_run():
    """A failure blocks; a later success lets it start."""
    drive, order = booted(task("migrate"), up("web", "migrate@done"))
    assert order == ["migrate"]
    drive.ends("migrate", FAILED)
    assert phase(drive, "web") == ("FATAL", "blocked")
    drive.says(StartRequested("migrate"))
    assert phase(drive, "web") == ("STARTING", "waiting")
    assert spawned(drive.ends("migrate")) == ["web"]


def test_a_run_that_is_going_on_is_waited_for():
    """What was done is not, while it runs again; those that are up do not mind."""
    drive, _ = booted(task("migrate"), up("web", "migrate@done", autostart=False), up("other", "migrate@done"))
    drive.ends("migrate")
    drive.says(StartRequested("migrate"))
    assert spawned(drive.says(StartRequested("web"))) == []
    assert phase(drive, "other") == ("RUNNING", "")
    assert spawned(drive.ends("migrate")) == ["web"]


@pytest.mark.parametrize("status", [ExitStatus(0), FAILED])
def test_exited_needs_an_end_of_whatever_kind(status):
    """Also that of a failed one-shot."""
    drive, _ = booted(task("seed"), up("web", "seed@exited"))
    assert spawned(drive.ends("seed", status)) == ["web"]


def test_an_optional_edge_is_waited_for_only_while_it_is_on_its_way():
    """However that ends; one that is down is not started for it."""
    drive, order = booted(slow("cache"), slow("mail", autostart=False), up("web", "cache?", "mail?"))
    assert order == ["cache"]
    assert phase(drive, "web") == ("STARTING", "waiting")
    assert spawned(drive.says(StopRequested("cache"))) == ["web"]
    assert drive.states()["mail"] == "STOPPED"


# ------------------------------------------------------------------------------------------------ pulling in


def test_a_boot_and_a_start_pull_in_what_is_needed():
    """Without autostart, stopped by an operator, or FATAL; and what that needs."""
    drive, order = booted(up("db", autostart=False), up("app", "db", autostart=False), up("web", "app"))
    assert order == ["db", "app", "web"]
    for name in ("web", "app", "db"):
        drive.says(StopRequested(name))
        drive.ends(name)
    assert spawned(drive.says(StartRequested("web"))) == ["db", "app", "web"]


def test_a_restart_by_policy_pulls_in_nothing_that_was_stopped():
    """Its start waits, and is blocked, as the operator wants the other one down."""
    drive, _ = booted(up("db"), up("web", "db", autorestart=Autorestart.ALWAYS))
    drive.says(StopRequested("db"))
    drive.ends("db")
    drive.ends("web")
    assert phase(drive, "web") == ("FATAL", "blocked")
    assert drive.states()["db"] == "STOPPED"


def test_a_start_of_what_is_up_changes_nothing_for_a_later_restart():
    """It was asked for before the other one was stopped."""
    drive, _ = booted(up("db"), up("web", "db", autorestart=Autorestart.ALWAYS))
    drive.says(StartRequested("web"))
    drive.says(StopRequested("db"))
    drive.ends("db")
    drive.ends("web")
    assert drive.states()["db"] == "STOPPED"


def test_a_boot_starts_what_adopted_programs_need():
    """The killed master had started it for them, although it has no autostart."""
    drive = Drive(up("db", autostart=False), up("web", "db"), boot=False)
    drive.says(Adopted("web", 77, 60.0, True))
    assert spawned(drive.says(BootRequested())) == ["db"]


def test_alone_it_starts_now():
    """--no-deps."""
    drive, _ = booted(up("db", autostart=False), up("web", "db", autostart=False))
    assert spawned(drive.says(StartRequested("web", alone=True))) == ["web"]
    assert drive.states()["db"] == "STOPPED"


# ------------------------------------------------------------------------------------------------ blocked


def test_systemd_18856_what_is_blocked_comes_back_through_all_levels():
    """Each names the root, stays wanted, and starts by itself when that is mended."""
    drive, _ = booted(slow("db", startretries=0), up("app", "db"), up("web", "app"))
    drive.ends("db", FAILED)
    reasons = {name: drive.fleet.processes[name].reason for name in ("app", "web")}
    assert all("db is FATAL: Exited too quickly" in reason for reason in reasons.values()), reasons
    assert all(drive.fleet.processes[name].wanted for name in ("app", "web"))
    drive.says(StartRequested("db"))
    assert spawned(later(drive, 1)) == ["app", "web"]


def test_a_stop_of_what_is_blocked_ends_that():
    """It is STOPPED then, without the words of what blocked it, and does not come back."""
    drive, _ = booted(slow("db", startretries=0), up("web", "db"), up("app", "web"))
    drive.ends("db", FAILED)
    assert phase(drive, "web") == ("FATAL", "blocked")
    actions = drive.says(StopRequested("web"))
    assert [(news.name, news.before, news.after) for news in of(Announce, actions)] == [
        ("web", State.FATAL, State.STOPPED)
    ]
    assert phase(drive, "web") == ("STOPPED", Phase.NONE.value)
    assert drive.fleet.processes["web"].reason == ""
    assert phase(drive, "app") == ("FATAL", "blocked")
    drive.says(StartRequested("db"))
    assert spawned(later(drive, 1)) == []


def test_depends_timeout_blocks_and_a_readiness_that_comes_late_lets_it_start():
    """It waits for all of them then, and not for the first sign."""
    drive, _ = booted(slow("db", startsecs=5), up("web", "db", depends_timeout=2.0))
    later(drive, 2)
    assert phase(drive, "web") == ("FATAL", "blocked")
    assert drive.fleet.processes["web"].reason == "blocked: db@ready was not there in time"
    assert spawned(later(drive, 3)) == ["web"]


def test_a_wait_is_not_over_while_procman_sleeps():
    """What it waits for may be there, and procman has not seen that: it waits for as long again."""
    drive, _ = booted(slow("db", ready=(Condition(ReadyKind.NOTIFY),)), up("web", "db", depends_timeout=2.0))
    later(drive, 30)
    assert phase(drive, "web") == ("STARTING", "waiting")
    later(drive, 2)
    assert phase(drive, "web") == ("FATAL", "blocked")


def test_one_that_waits_may_be_stopped_at_once():
    """Nothing of the wait is left."""
    drive, _ = booted(slow("db"), up("web", "db"))
    actions = drive.says(StopRequested("web"))
    assert [(news.name, news.after) for news in of(Announce, actions)] == [("web", State.STOPPED)]
    assert spawned(later(drive, 1)) == []


# ------------------------------------------------------------------------------------------------ restarts and stops


def test_pc_530_an_earlier_readiness_does_not_count():
    """Both are restarted: the dependent waits for the new run, and is spawned once."""
    drive, _ = booted(slow("db"), up("web", "db"))
    later(drive, 1)
    drive.says(RestartRequested("db"))
    drive.says(RestartRequested("web"))
    actions = [*drive.ends("web"), *drive.ends("db"), *later(drive, 0.5)]
    assert spawned(actions) == ["db"]
    assert spawned(later(drive, 0.5)) == ["web"]


def test_a_diamond_restarts_its_tip_once():
    """When all it depends on is there again."""
    tip = up("tip", "left", "right", on_dependency_restart=("restart", 0))
    drive, _ = booted(slow("left"), slow("right"), tip)
    later(drive, 1)
    drive.says(RestartRequested("left"))
    drive.says(RestartRequested("right"))
    drive.ends("left")
    drive.ends("right")
    assert killed(later(drive, 1)) == ["tip"]
    assert spawned(drive.ends("tip")) == ["tip"]
    assert killed(later(drive, 10)) == []


def test_what_restarts_for_the_same_reason_stops_from_the_top():
    """Each before what it depends on, whatever the order in which they were asked to be."""
    app = up("app", "db", on_dependency_restart=("restart", 0))
    web = up("web", "db", "app?", on_dependency_restart=("restart", 0))
    drive, _ = booted(slow("db"), app, web)
    later(drive, 1)
    drive.says(RestartRequested("db"))
    drive.ends("db")
    assert killed(later(drive, 1)) == ["web"]
    assert killed(drive.ends("web")) == ["app"]
    assert spawned(drive.ends("app")) == ["app", "web"]


def test_a_signal_instead_of_a_restart():
    """It keeps its process."""
    drive, _ = booted(slow("db"), up("web", "db", on_dependency_restart=("signal", 1)))
    later(drive, 1)
    drive.says(RestartRequested("db"))
    drive.ends("db")
    (kill,) = of(Kill, later(drive, 1))
    assert (kill.name, kill.signal) == ("web", 1)
    assert drive.states()["web"] == "RUNNING"


def test_a_bound_one_stops_first_and_comes_back():
    """on_dependency_stop=stop: the stop of the other one waits for it."""
    drive, _ = booted(up("db"), up("web", "db", on_dependency_stop="stop"), up("other", "db"))
    assert killed(drive.says(StopRequested("db"))) == ["web"]
    assert drive.states()["db"] == "RUNNING"
    assert killed(drive.ends("web")) == ["db"]
    assert phase(drive, "web") == ("STOPPED", "bound")
    drive.ends("db")
    assert drive.states()["other"] == "RUNNING"
    assert spawned(drive.says(StartRequested("db"))) == ["db", "web"]


def test_a_bound_one_that_is_stopped_itself_does_not_come_back():
    """As by stop --cascade, where it waits for what depends on it: its target starts again without it."""
    drive, _ = booted(up("db"), up("web", "db", on_dependency_stop="stop"), up("app", "web"))
    for name in ("app", "web", "db"):
        drive.says(StopRequested(name))
    for name in ("app", "web", "db"):
        drive.ends(name)
    assert phase(drive, "web") == ("STOPPED", Phase.NONE.value)
    assert spawned(drive.says(StartRequested("db"))) == ["db"]
    assert phase(drive, "web") == ("STOPPED", Phase.NONE.value)


def test_a_failure_takes_all_that_is_bound_down_from_the_top():
    """Also what is bound to something else that goes down for it."""
    app = up("app", "db", on_dependency_stop="stop")
    web = up("web", "app", on_dependency_stop="stop")
    drive, _ = booted(slow("db", startretries=0, autorestart=Autorestart.NEVER), app, web)
    later(drive, 1)
    drive.says(StopRequested("other"))
    assert killed(drive.ends("db", FAILED)) == ["web"]
    assert killed(drive.ends("web")) == ["app"]


def test_a_removed_target_takes_down_what_is_bound_to_it():
    """Before it goes."""
    drive, _ = booted(up("db"), up("web", "db", on_dependency_stop="stop"))
    assert killed(drive.says(GroupRemoved("db"))) == ["web"]
    assert killed(drive.ends("web")) == ["db"]


def test_an_update_that_replaces_a_target_stops_a_bound_dependent_of_another_one_first():
    """The group loses one program and another is replaced: the one that is bound to both stops before both."""
    both = group("g", *up("g-db", startsecs=0).programs, *up("g-old").programs)
    before = Group(name="g", priority=999, programs=tuple(_in_group(p, "g") for p in both.programs))
    web = up("web", "g:g-db", "g:g-old", on_dependency_stop="stop")
    drive, _ = booted(before, web)
    replaced = _in_group(up("g-db", command="/bin/other").programs[0], "g")
    after = Group(name="g", priority=999, programs=(replaced,))
    assert killed(drive.says(GroupChanged(after, frozenset({"g:g-db"})))) == ["web"]
    assert sorted(killed(drive.ends("web"))) == ["g:g-db", "g:g-old"]


def _in_group(program, name: str):
    return replace(program, group=name)


def test_what_leaves_stops_after_what_is_replaced_at_the_same_time():
    """So does what is bound to it, and stands between them."""
    old, web = up("old").programs[0], up("web", "app").programs[0]
    app = up("app", "g:old", on_dependency_stop="stop")
    before = Group(name="g", priority=999, programs=(_in_group(old, "g"), _in_group(web, "g")))
    drive, _ = booted(before, app)
    replaced = _in_group(up("web", "app", command="/bin/other").programs[0], "g")
    after = Group(name="g", priority=999, programs=(replaced,))
    assert killed(drive.says(GroupChanged(after, frozenset({"g:web"})))) == ["g:web"]
    assert killed(drive.ends("g:web")) == ["app"]
    assert killed(drive.ends("app")) == ["g:old"]


def test_what_is_bound_to_one_of_those_that_stop_together_stops_before_all_of_them():
    """Here it goes down with b alone, and a waits for it, too."""
    bound = {"on_dependency_stop": "stop"}
    db = up("db", autorestart=Autorestart.NEVER)
    drive, _ = booted(db, up("a", "db", **bound), up("b", "db", **bound), up("top", "a?", "b", **bound))
    assert killed(drive.ends("db", FAILED)) == ["top"]
    assert sorted(killed(drive.ends("top"))) == ["a", "b"]


def test_a_shutdown_follows_the_edges_and_settles_what_waits():
    """One wave after the other; what waits is down at once."""
    drive, _ = booted(up("db"), up("app", "db"), slow("slow"), up("web", "app"), up("late", "slow"))
    actions = drive.says(ShutdownRequested())
    assert killed(actions) == ["web"]
    assert drive.states()["late"] == "STOPPED"
    assert sorted(killed(drive.ends("web"))) == ["app"]


# ------------------------------------------------------------------------------------------------ how many at once


def test_start_concurrency_lets_so_many_start_at_once():
    """The next one has its turn when one of them is up."""
    drive, order = booted(slow("a"), slow("b"), slow("c"), start_concurrency=2)
    assert order == ["a", "b"]
    assert spawned(later(drive, 1)) == ["c"]


def test_one_that_waits_for_its_dependencies_takes_no_turn():
    """Else it could keep out what it waits for."""
    _, order = booted(slow("web", "db"), slow("db"), start_concurrency=1)
    assert order == ["db"]


def test_a_thousand_dependents_of_one_cost_a_thousand_looks():
    """The order is linear: a chain and a star of 1,000 are booted by as many spawns as there are programs."""
    star = [up("p0"), *(up(f"p{number}", "p0") for number in range(1, 1000))]
    chain = [up("p0"), *(up(f"p{number}", f"p{number - 1}") for number in range(1, 1000))]
    for groups in (star, chain):
        drive = Drive(*groups, boot=False)
        actions = drive.fleet.handle(BootRequested(), 0.0)
        count = 0
        while orders := spawned(actions):
            actions = []
            for name in orders:
                count += 1
                actions += drive.fleet.handle(Spawned(name, count + 1), 0.0)
        assert count == 1000
        assert {process.phase for process in drive.fleet.processes.values()} == {Phase.NONE}
