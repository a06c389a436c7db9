"""The real core against a simulated kernel in virtual time: what DESIGN.md says must always be true, is."""

import os
from collections import Counter
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from procman.core.actions import Announce, AnnounceDescendants, AnnounceMaster, Kill
from procman.core.events import (
    ClockStepped,
    ConnectionSeen,
    EndedUnseen,
    Event,
    FilesChanged,
    GroupAdded,
    GroupRemoved,
    HealthPauseRequested,
    HealthSeen,
    HookEnded,
    MemoryMeasured,
    RefreshRequested,
    RollingAborted,
    RollingContinued,
    RollingRequested,
    ScheduleDue,
    ScheduleRemembered,
    ShutdownRequested,
    SocketsSeen,
    StopRequested,
    WatchesRenewed,
)
from procman.core.spec import Autorestart
from procman.core.states import TRANSITIONS, State
from tests.simulation.batches import every_batch
from tests.simulation.clock_world import ClockWorld
from tests.simulation.fake_kernel import Behaviour, Scenario, World
from tests.simulation.health_scenarios import health_scenario
from tests.simulation.hook_scenarios import hook_scenario
from tests.simulation.hook_world import HookWorld
from tests.simulation.invariants import Invariants
from tests.simulation.renewal_rules import renewal_scenario
from tests.simulation.rolling_rules import rolling_scenario
from tests.simulation.scenarios import scenario
from tests.simulation.socket_world import SocketWorld, socket_scenario
from tests.simulation.watch_rules import watch_scenario
from tests.support.programs import group, program

# As many as a fault of test_mutations may hide from. For a night: SCENARIOS=1000000 pytest tests/simulation
SCENARIOS = int(os.environ.get("SCENARIOS", "4000"))
BATCHES = 6

# What only programs with such options bring about. None here has them, as the rules of Invariants know nothing of them:
# each has a population of its own, with rules of its own.
ELSEWHERE: dict[str, tuple[Callable[[Random], World | ClockWorld], set[type]]] = {
    "hooks": (lambda random: HookWorld(hook_scenario(random)), {HookEnded, EndedUnseen, RefreshRequested}),
    "health": (lambda random: World(health_scenario(random)), {HealthSeen, HealthPauseRequested}),
    "renewals": (lambda random: World(renewal_scenario(random)), {MemoryMeasured}),
    "sockets": (lambda random: SocketWorld(socket_scenario(random)), {ConnectionSeen, SocketsSeen}),
    "watched files": (lambda random: World(watch_scenario(random)), {FilesChanged, WatchesRenewed}),
    "rolling restarts": (
        lambda random: World(rolling_scenario(random)),
        {RollingRequested, RollingContinued, RollingAborted},
    ),
    "schedules": (ClockWorld, {ScheduleDue, ScheduleRemembered, ClockStepped}),
}


@every_batch(BATCHES)
def test_the_invariants_hold_in_thousands_of_scenarios(batch):
    """No scenario of a fixed large population breaks a rule; the seed in the message brings it back."""
    for seed in range(batch, SCENARIOS, BATCHES):
        world = World(scenario(Random(seed)), Invariants)
        try:
            world.run()
        except Exception as error:
            raise AssertionError(f"scenario {seed}: {error}\n{world.recent()}") from error


@settings(max_examples=80)
@given(st.randoms(use_true_random=False))
def test_the_invariants_hold_in_scenarios_that_nobody_has_seen(random):
    """No scenario that hypothesis makes up, and shrinks to the least that shows a fault, breaks an invariant."""
    World(scenario(random), Invariants).run()


def test_the_same_scenario_has_the_same_history():
    """A fault that was found once can be found again."""
    for seed in range(50):
        assert World(scenario(Random(seed))).run().history == World(scenario(Random(seed))).run().history


@pytest.mark.slow
def test_the_scenarios_go_everywhere():
    """Every transition and every event occurs, and often enough not to be there by luck."""
    transitions, events, counts = Counter(), Counter(), Counter()
    for seed in range(3000):
        world = World(scenario(Random(seed))).run()
        for _, what in world.history:
            if isinstance(what, Announce):
                transitions[what.before, what.after] += 1
            if isinstance(what, Event):
                events[type(what)] += 1
            counts["overdue"] += isinstance(what, Kill) and what.overdue
            counts["descendants"] += isinstance(what, AnnounceDescendants)
            counts["by itself"] += isinstance(what, AnnounceMaster) and bool(what.cause)
        counts["left alone"] += world.quit is None
        counts["left"] += world.quit is not None and bool(world.quit.unsettled)
    possible = {(before, after) for before, afters in TRANSITIONS.items() for after in afters}
    # Without dependencies nothing is blocked.
    assert set(transitions) == possible - {(State.STARTING, State.FATAL), (State.FATAL, State.STOPPED)}
    assert min(transitions.values()) >= 20, transitions.most_common()[-1]
    assert set(events) == set(Event.__args__).difference(*(left_out for _, left_out in ELSEWHERE.values()))
    assert min(counts["by itself"], counts["left"], counts["descendants"]) >= 30, counts
    assert min(events.values()) >= 100, events.most_common()[-1]
    assert counts["overdue"] >= 100
    assert counts["left alone"] >= 100


@pytest.mark.parametrize("population", ELSEWHERE)
def test_what_these_scenarios_leave_out_occurs_in_others(population):
    """Each event that is an exception above is one of those that another population has."""
    world, left_out = ELSEWHERE[population]
    events = Counter()
    for seed in range(100):
        events.update(type(what) for _, what in world(Random(seed)).run().history)
        if min(events[event] for event in left_out) >= 5:
            return
    pytest.fail(f"of {population} there are only {[(event.__name__, events[event]) for event in left_out]}")


def test_waves_of_stubborn_programs_take_the_sum_of_the_longest_waits():
    """Three programs of 4 s in one wave take 4 s, not 12; the next wave comes after them."""
    groups = [group(name, priority=2, stopwaitsecs=4) for name in "abc"]
    groups.append(group("d", priority=1, stopwaitsecs=3))
    stubborn = Behaviour(obeys_after=None)
    world = World(
        Scenario(
            groups=tuple(groups),
            behaviours=dict.fromkeys("abcd", (stubborn,)),
            requests=((5.0, ShutdownRequested()),),
        ),
        Invariants,
    ).run()
    assert world.now == 5.0 + 4.0 + 3.0


def test_a_second_shutdown_does_not_wait():
    """A second request ends it at once, however long stopwaitsecs is."""
    world = World(
        Scenario(
            groups=(group("a", priority=2, stopwaitsecs=3600), group("b", priority=1, stopwaitsecs=3600)),
            behaviours=dict.fromkeys("ab", (Behaviour(obeys_after=None),)),
            requests=((5.0, ShutdownRequested()), (1.0, ShutdownRequested())),
        ),
        Invariants,
    ).run()
    assert world.now == 6.0


def test_a_stop_overtakes_a_spawn_that_waits():
    """What is stopped before its turn to be spawned has come is never spawned."""
    groups = tuple(group(name) for name in "abc")
    world = World(
        Scenario(groups=groups, slice=1, turn=1.0, requests=((0.5, StopRequested("c")),)),
        Invariants,
    ).run()
    assert [child.name for child in world.children.values()] == ["a", "b"]
    assert world.state("c") is State.STOPPED


def test_a_spawn_of_the_past_is_void_for_a_group_that_came_back():
    """An order that waits since before a group was removed does not start the old definition of the new one."""
    old, new = group("b", command="/bin/old"), group("b", command="/bin/new")
    requests = ((0.1, GroupRemoved("b")), (0.1, GroupAdded(new)))
    world = World(Scenario(groups=(group("a"), old), slice=1, turn=1.0, requests=requests), Invariants).run()
    assert [child.program.command for child in world.children.values() if child.name == "b"] == ["/bin/new"]


def test_a_program_that_always_crashes_is_given_up_for_good():
    """Crash after crash: 1, 2 and 3 seconds of waiting, then FATAL and quiet."""
    world = World(
        Scenario(
            groups=(group("a", program("a", autorestart=Autorestart.ALWAYS, startretries=3)),),
            behaviours={"a": (Behaviour(lives=0.0, code=1),)},
        ),
        Invariants,
    ).run()
    assert world.state("a") is State.FATAL
    assert world.now == 1 + 2 + 3
