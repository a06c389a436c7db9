"""Watched files, in hundreds of scenarios in virtual time."""

from collections import Counter
from random import Random

from tests.simulation.fake_kernel import World
from tests.simulation.test_dependencies import UpgradedWorld
from tests.simulation.watch_rules import WatchRules, watch_scenario

SCENARIOS = 150


def test_the_rules_of_watched_files_hold():
    """No scenario breaks a rule, also over upgrades; the seed in the message brings it back."""
    for seed in range(SCENARIOS):
        world = UpgradedWorld(watch_scenario(Random(seed)), WatchRules)
        try:
            world.run()
        except Exception as error:
            raise AssertionError(f"scenario {seed}: {error}\n{world.recent()}") from error


def test_the_scenarios_have_everything_that_may_be_done():
    """So the rules have judged each of them, and not only once."""
    rules: list[WatchRules] = []
    for seed in range(SCENARIOS):
        World(watch_scenario(Random(seed)), lambda world: rules.append(WatchRules(world)) or rules[-1]).run()
    counts = Counter(what for one in rules for what in one.what)
    assert set(counts) == {"restart", "start", "reload", "signal", "exec", "suspended"}
    assert min(counts.values()) >= 10, counts
