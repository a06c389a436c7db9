"""Programs that depend on each other, in thousands of scenarios in virtual time."""

from collections import Counter
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from procman.core.actions import Announce
from tests.simulation.batches import every_batch
from tests.simulation.dependency_rules import DependencyRules
from tests.simulation.dependency_scenarios import dependency_scenario
from tests.simulation.fake_kernel import World
from tests.simulation.upgraded_world import UpgradedWorld

SCENARIOS = 3000
BATCHES = 4


@every_batch(BATCHES)
def test_the_rules_of_dependencies_hold_in_thousands_of_scenarios(batch):
    """No scenario of a fixed large population breaks a rule; the seed in the message brings it back."""
    for seed in range(batch, SCENARIOS, BATCHES):
        world = UpgradedWorld(dependency_scenario(Random(seed)), DependencyRules)
        try:
            world.run()
        except Exception as error:
            raise AssertionError(f"scenario {seed}: {error}\n{world.recent()}") from error


@settings(max_examples=60)
@given(st.randoms(use_true_random=False))
def test_the_rules_of_dependencies_hold_in_scenarios_that_nobody_has_seen(random):
    """No scenario that hypothesis makes up, and shrinks to the least that shows a fault, breaks a rule."""
    UpgradedWorld(dependency_scenario(random), DependencyRules).run()


@pytest.mark.slow
def test_the_scenarios_reach_all_that_can_happen_to_a_dependent():
    """Waiting, blocked, bound, back again, restarted: each occurs often enough not to be there by luck."""
    counts: Counter[str] = Counter()
    for seed in range(600):
        world = World(dependency_scenario(Random(seed)), DependencyRules).run()
        counts.update(
            f"{what.before.name} {what.after.name}"
            for _, what in world.history
            if isinstance(what, Announce) and what.because
        )
    for change in ("STARTING FATAL", "FATAL STARTING", "STOPPED STARTING", "RUNNING STOPPING"):
        assert counts[change] >= 20, counts
