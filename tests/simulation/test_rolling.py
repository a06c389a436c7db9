"""Rolling restarts, in hundreds of scenarios in virtual time, and faults that these have to find."""

from collections import Counter
from random import Random

import pytest

from procman.core import fleet, membership, rolling, watches
from tests.simulation.attribution_rules import AttributionRules
from tests.simulation.fake_kernel import World
from tests.simulation.rolling_rules import RollingRules, rolling_scenario
from tests.simulation.test_dependencies import UpgradedWorld
from tests.simulation.test_mutations import core_with
from tests.support.mutations import Mutation, each

SCENARIOS = 300
BUDGET = 300

MUTATIONS = [
    Mutation("all go at once", rolling, r"coming\[: rolling\.batch\], coming\[rolling\.batch :\]", "coming, []"),
    Mutation("it does not wait", rolling, r"if rolling\.under_way or any\(", "if any("),
    Mutation(
        "it goes on after a failure",
        rolling,
        r"rolling\.state, rolling\.failed, rolling\.reason = \"stopped\", name, reason",
        "pass",
    ),
    Mutation("what ends again and again is ready", rolling, r"process\.state in _FAILED", "False"),
    Mutation(
        "what is on its way is ready", rolling, r"process\.state is not State\.RUNNING or (process\.attempt)", r"\1"
    ),
    Mutation(
        "what is up goes first",
        rolling,
        r"key=lambda process: process\.state is",
        "key=lambda process: process.state is not",
    ),
    Mutation(
        "a stop does not stop it",
        rolling,
        r'return self\._stop\(rolling, event\.name, "it was asked to stop"\)',
        "return []",
    ),
    Mutation("a second one begins", rolling, r'return self\.state == "going" or \(', "return ("),
    Mutation("new definitions are given at once", rolling, r"waits\.update\(rolled\)", "pass"),
    Mutation("new definitions are not given", rolling, r"process\.successor = target", "pass"),
    Mutation(
        "an abort leaves what is up",
        rolling,
        r"if process\.wanted or process\.state is State\.FATAL:",
        "if process.state is State.FATAL:",
    ),
    Mutation("an abort puts nothing back", rolling, r"targets\[name\] = spec\n", "pass\n"),
    Mutation(
        "the group keeps the new definition",
        rolling,
        r"members\.spec = replace\(members\.spec, programs=programs\)",
        "pass",
    ),
    Mutation("the end of the master does not end it", fleet, r", \*self\.rollings\.end_all\(\)", ""),
    Mutation("nothing follows", fleet, r"actions \+= self\.rollings\.follow\(event, now\)", "pass"),
    Mutation(
        "it does not continue", rolling, r'rolling\.state, rolling\.failed, rolling\.reason = "going", "", ""', "pass"
    ),
    Mutation("files that change restart all at once", watches, r"if in_turn and not busy:", "if False:"),
    Mutation(
        "files that change while it goes on are forgotten", watches, r"may = name in names if .*", "may = name in names"
    ),
    Mutation(
        "files that change while it goes on do not wait",
        watches,
        r"\(busy and what == \"act\"\) or \(in_turn and self\._is_on_its_way\(program\)\)",
        "False",
    ),
    Mutation("what waits is changed in place", membership, r"(new is None) or process\.name in waiting:", r"\1:"),
]


def found_after(fleet_class: type, budget: int = BUDGET) -> int | None:
    """How many scenarios it took to find a fault; None: it was not found."""
    for seed in range(budget):
        try:
            World(rolling_scenario(Random(seed)), RollingRules, fleet_class).run()
        except Exception:  # noqa: BLE001 - a core that breaks down is found out, too
            return seed + 1
    return None


def test_the_rules_of_rolling_restarts_hold():
    """No scenario breaks a rule, also over upgrades; the seed in the message brings it back."""
    for seed in range(SCENARIOS):
        world = UpgradedWorld(rolling_scenario(Random(seed)), RollingRules)
        try:
            world.run()
        except Exception as error:
            raise AssertionError(f"scenario {seed}: {error}\n{world.recent()}") from error


def test_somebody_is_behind_all_that_a_rolling_restart_does():
    """Each restart is of the one that has asked for all of them, also in a later batch."""
    for seed in range(100):
        world = World(rolling_scenario(Random(seed)), AttributionRules)
        try:
            world.run()
        except Exception as error:
            raise AssertionError(f"scenario {seed}: {error}\n{world.recent()}") from error


@pytest.mark.slow
@each(MUTATIONS)
def test_a_seeded_fault_is_found(mutation):
    """The simulation finds each of these faults within its budget."""
    assert found_after(core_with(mutation)) is not None, f"the simulation does not find that {mutation.claim}"


@pytest.mark.slow
def test_all_that_can_happen_to_one_occurs_often_enough():
    """Not by luck; and the copy of the core that nothing was put into is as good as the core."""
    counts: Counter[str] = Counter()
    core = core_with(None)
    for seed in range(200):
        world = World(rolling_scenario(Random(seed)), RollingRules, core).run()
        counts.update(world._watcher.counts)
    for what in ("began", "restarting", "ready", "stopped", "continued", "done", "ended", "watch"):
        assert counts[what] >= 15, counts
