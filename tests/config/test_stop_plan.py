"""The stop plan: the sum over the core's waves, the slowest programs, and what would make it fit."""

from dataclasses import replace
from signal import SIGKILL

import pytest
from hypothesis import given
from hypothesis import strategies as st

from procman.config.schema.configuration import Config
from procman.config.schema.master import Master
from procman.config.stop_plan import (
    MASTER,
    compare,
    judge,
    read_duration,
    show_duration,
    stop_plan,
    to_json,
    warning,
)
from procman.core.actions import Kill, Quit, Spawn
from procman.core.events import BootRequested, DeadlineReached, Exited, ExitStatus, ShutdownRequested, Spawned
from procman.core.fleet import Fleet
from procman.errors import BadRequest
from tests.support.programs import group, program


def config(*groups, file="procman.toml", timeout=None):
    return Config(file=file, here="/", groups=groups, master=Master(shutdown_timeout=timeout))


def member(name, seconds, group_name="g"):
    return program(name, group_name, section=f"program:{name}", stopwaitsecs=seconds)


def alone(name, seconds, priority=999, **options):
    return group(name, priority=priority, stopwaitsecs=seconds, section=f"program:{name}", **options)


def waves(plan):
    return [(wave.priority, wave.seconds, [p.name for p in wave.critical]) for wave in plan.waves]


# ------------------------------------------------------------------------------------------------ the sum


def test_groups_of_one_priority_are_one_wave_and_the_highest_number_is_first():
    """A wave counts its largest stopwaitsecs; listeners, with -1, are last; the master needs a second."""
    plan = stop_plan(
        config(
            alone("listener", 7, -1),
            alone("db", 20, 10),
            alone("web", 10),
            alone("cache", 4),
            group("g", member("a", 10), member("b", 3)),
        )
    )
    assert waves(plan) == [(999, 10, ["web", "a"]), (10, 20, ["db"]), (-1, 7, ["listener"])]
    assert [len(wave.programs) for wave in plan.waves] == [4, 1, 1]
    assert (plan.needed, plan.seconds) == (38, 38)


def test_the_priority_of_the_group_counts_and_not_that_of_its_programs():
    """The processes of a group stop together."""
    plan = stop_plan(config(group("g", replace(member("a", 2), priority=1), member("b", 3), priority=5)))
    assert waves(plan) == [(5, 3, ["b"])]


def test_nothing_to_stop_takes_the_master_s_own_time():
    """An empty group is not a wave."""
    plan = stop_plan(config(replace(group("empty"), programs=())))
    assert (plan.waves, plan.seconds) == ((), MASTER)


def test_a_shutdown_timeout_cuts_the_sum_and_lengthens_nothing():
    """`needed` stays the full sum."""
    assert stop_plan(config(alone("web", 10), timeout=5)).seconds == 5
    assert stop_plan(config(alone("web", 10), timeout=5)).needed == 11
    assert stop_plan(config(alone("web", 10), timeout=500)).seconds == 11


PRIORITIES = st.sampled_from([-1, 1, 5, 999])
WAITS = st.sampled_from([0, 0.5, 1, 3, 10])


@given(st.lists(st.tuples(PRIORITIES, WAITS), min_size=1, max_size=8))
def test_the_core_takes_as_long_as_the_plan_if_programs_ignore_sigterm(groups):
    """In virtual time, with programs that end on SIGKILL only, the core needs the sum of the waves."""
    plan = stop_plan(config(*(alone(f"p{n}", wait, priority) for n, (priority, wait) in enumerate(groups))))
    assert core_needs([alone(f"p{n}", wait, priority) for n, (priority, wait) in enumerate(groups)]) == (
        plan.needed - MASTER
    )


def core_needs(groups):
    fleet = Fleet(tuple(groups))
    now, pid = 1000.0, 1
    orders = fleet.handle(BootRequested(), now)
    for order in orders:
        if isinstance(order, Spawn):
            pid += 1
            fleet.handle(Spawned(order.name, pid), now)
    asked = now
    orders = fleet.handle(ShutdownRequested(), now)
    while not any(isinstance(order, Quit) for order in orders):
        killed = [order for order in orders if isinstance(order, Kill) and order.signal == SIGKILL]
        if killed:
            orders = [o for kill in killed for o in fleet.handle(Exited(kill.pid, ExitStatus(-1, SIGKILL)), now)]
        else:
            now = fleet.next_deadline()
            orders = fleet.handle(DeadlineReached(), now)
    return now - asked


# ------------------------------------------------------------------------------------------------ what would fit


def lines(changes):
    return [(change.section, change.before, change.after) for change in changes]


def test_a_plan_that_fits_needs_no_advice():
    """A plan that fits exactly has none either."""
    verdict = judge(stop_plan(config(alone("web", 9))), 10)
    assert verdict.fits
    assert (verdict.over, verdict.changes, verdict.timeout) == (0, (), None)


def test_without_a_budget_it_is_held_against_docker_and_kubernetes():
    """Their defaults are 10 and 30 seconds."""
    found = compare(stop_plan(config(alone("web", 20))))
    assert [(verdict.name, verdict.budget, verdict.over) for verdict in found] == [
        ("docker stop", 10, 11),
        ("Kubernetes", 30, 0),
    ]
    assert [verdict.budget for verdict in compare(stop_plan(config(alone("web", 20))), 5)] == [5]


def test_the_longest_waves_give_most():
    """A wave below its share keeps its time, and the others share the rest."""
    plan = stop_plan(config(alone("quick", 2, 5), alone("slow", 10, 7), alone("db", 20, 10)))
    assert lines(judge(plan, 12).changes) == [("[program.db]", 20, 5), ("[program.slow]", 10, 4)]


def test_all_that_are_longer_than_their_wave_may_be_are_named_once():
    """Many processes share a section with numprocs."""
    processes = [replace(member(f"w{n}", 10), section="program:w") for n in range(3)]
    plan = stop_plan(config(group("g", *processes, member("other", 8), member("fine", 4)), file="x.conf"))
    assert lines(judge(plan, 6).changes) == [("[program:w]", 10, 5), ("[program:other]", 8, 5)]


@pytest.mark.parametrize("first", [1, 9])
def test_a_program_in_groups_of_two_waves_has_the_lesser_of_their_limits(first):
    """One line of the file counts in both waves."""
    shared = member("w", 10)
    plan = stop_plan(
        config(group("a", shared, priority=first), group("b", shared, member("x", 20), priority=10 - first))
    )
    assert sorted(lines(judge(plan, 12).changes)) == [("[program.w]", 10, 5), ("[program.x]", 20, 6)]


def test_a_name_that_toml_would_not_take_is_quoted():
    """The proposed line can be copied into the file."""
    plan = stop_plan(config(alone("a.b", 10)))
    assert judge(plan, 5).changes[0].section == '[program."a.b"]'


def test_a_budget_below_a_second_for_each_wave_has_no_stopwaitsecs_to_advise():
    """The advice is a shutdown_timeout, unless the budget is less than the master itself needs."""
    plan = stop_plan(config(alone("a", 10, 1), alone("b", 10, 2), alone("c", 10, 3)))
    assert judge(plan, 3.5).changes == ()
    assert judge(plan, 3.5).timeout.after == 3.5
    assert judge(plan, 1).timeout is None


@given(st.lists(st.tuples(PRIORITIES, WAITS), min_size=1, max_size=8), st.integers(1, 45))
def test_the_advice_makes_it_fit(groups, budget):
    """All changes together, and the timeout alone, make it fit; no wait gets longer, or shorter than a second."""
    fleet = [alone(f"p{n}", wait, priority) for n, (priority, wait) in enumerate(groups)]
    verdict = judge(stop_plan(config(*fleet)), budget)
    if verdict.timeout is not None:
        assert judge(stop_plan(config(*fleet, timeout=verdict.timeout.after)), budget).fits
    after = {change.section: change.after for change in verdict.changes}
    assert all(1 <= change.after < change.before for change in verdict.changes)
    changed = [alone(g.name, after.get(f"[program.{g.name}]", g.programs[0].stopwaitsecs), g.priority) for g in fleet]
    waves_that_wait = {g.priority for g in fleet if g.programs[0].stopwaitsecs}
    assert judge(stop_plan(config(*changed)), budget).fits or budget - MASTER < len(waves_that_wait)


# ------------------------------------------------------------------------------------------------ durations and texts


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("10", 10), ("10s", 10), ("1m30s", 90), ("500ms", 0.5), (" 1H ", 3600), ("2.5s", 2.5), ("1h1m1s1ms", 3661.001)],
)
def test_durations_are_read(text, seconds):
    """A number is in seconds; otherwise each number has a unit."""
    assert read_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "s", "10x", "-1", "1m30", "1 m", "inf", "nan", "1e3", "9" * 10, "٣"])
def test_what_is_no_duration_is_refused_with_the_words_that_would_be_right(text):
    """Infinite and negative durations are refused."""
    with pytest.raises(BadRequest, match="expected something like 10, 10s, 1m30s or 500ms"):
        read_duration(text)


def test_durations_are_shown_without_superfluous_digits():
    """10 s is shown, not 10.0 s."""
    assert [show_duration(10.0), show_duration(0.5)] == ["10 s", "0.5 s"]


def test_the_warning_names_the_critical_path_and_the_way_out():
    """It is one line for a log; a plan that fits has none."""
    plan = stop_plan(config(alone("web", 10), alone("db", 20, 1)))
    assert warning(plan, 31) is None
    text = warning(plan, 10)
    assert "a shutdown may take 31 s (web 10 s, then db 20 s, then procman itself 1 s)" in text
    assert "procman check --budget 10s" in text
    assert "\n" not in text


def test_the_json_has_everything_the_text_is_made_of():
    """Whole numbers stay whole."""
    plan = stop_plan(config(alone("web", 10), alone("cache", 3), file="supervisord.conf"))
    assert to_json(plan, compare(plan, 6)) == {
        "seconds": 11,
        "needed": 11,
        "master": 1,
        "shutdown_timeout": None,
        "waves": [{"priority": 999, "level": 0, "seconds": 10, "critical": ["web"], "processes": 2}],
        "budgets": [
            {
                "name": "budget",
                "seconds": 6,
                "fits": False,
                "over": 5,
                "changes": [{"section": "[program:web]", "option": "stopwaitsecs", "before": 10, "after": 5}],
                "timeout": {"section": "[supervisord]", "option": "shutdown_timeout", "before": None, "after": 6},
            }
        ],
    }
