"""Programs whose health is looked at, in thousands of scenarios in virtual time."""

from collections import Counter
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.simulation.batches import every_batch
from tests.simulation.fake_kernel import World
from tests.simulation.health_rules import HealthRules
from tests.simulation.health_scenarios import health_scenario

SCENARIOS = 400
BATCHES = 4


@every_batch(BATCHES)
def test_the_rules_of_health_hold_in_thousands_of_scenarios(batch):
    """No scenario of a fixed large population breaks a rule; the seed in the message brings it back."""
    for seed in range(batch, SCENARIOS, BATCHES):
        world = World(health_scenario(Random(seed)), HealthRules)
        try:
            world.run()
        except Exception as error:
            raise AssertionError(f"scenario {seed}: {error}\n{world.recent()}") from error


@settings(max_examples=40)
@given(st.randoms(use_true_random=False))
def test_the_rules_of_health_hold_in_scenarios_that_nobody_has_seen(random):
    """No scenario that hypothesis makes up, and shrinks to the least that shows a fault, breaks a rule."""
    World(health_scenario(random), HealthRules).run()


@pytest.mark.slow
def test_the_scenarios_reach_all_that_can_happen():
    """Looks, verdicts, restarts, silence, sleep: each occurs often enough not to be there by luck."""
    counts: Counter[str] = Counter()

    def watch(world: World) -> HealthRules:
        rules.append(HealthRules(world))
        return rules[-1]

    for seed in range(120):
        rules: list[HealthRules] = []
        World(health_scenario(Random(seed)), watch).run()
        counts.update(rules[0].counts)
    assert all(
        counts[what] >= 10 for what in ("look", "healthy", "unhealthy", "restart", "reload", "silent", "overslept")
    ), counts
