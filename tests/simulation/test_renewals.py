"""Restarts for memory and age, in hundreds of scenarios in virtual time, and faults that these have to find."""

from collections import Counter
from random import Random

import pytest

from procman.core import renewals, wear
from tests.simulation.fake_kernel import World
from tests.simulation.renewal_rules import RenewalRules, renewal_scenario
from tests.simulation.test_dependencies import UpgradedWorld
from tests.simulation.test_mutations import core_with
from tests.support.mutations import Mutation, each

SCENARIOS = 250
BUDGET = 200

MUTATIONS = [
    Mutation("one peak is enough", wear, r"LOOKS_OVER = 2", "LOOKS_OVER = 1"),
    Mutation("peaks need not be in a row", wear, r"(event\.used > limit else) 0", r"\1 wear.over"),
    Mutation(
        "what cannot be seen is too much", wear, r"event\.used is not None and event\.used > limit", "event.used != 50"
    ),
    Mutation("answers of other runs count", wear, r"event\.run == process\.attempt and ", ""),
    Mutation(
        "nothing is looked at",
        wear,
        r"memory_restart is None else process\.born \+ _pause\(program\)",
        "memory_restart is None else None",
    ),
    Mutation(
        "a look is made only once",
        wear,
        r"(wear\.looks \+= 1\n.* memory=)now \+ _pause\(process\.program\)",
        r"\1None",
    ),
    Mutation(
        "one-shots are looked at", wear, r"program\.is_oneshot or process\.born is None or", "process.born is None or"
    ),
    Mutation(
        "age is counted from the boot",
        wear,
        r"return process\.born \+ program\.max_age \* ",
        "return program.max_age * ",
    ),
    Mutation("it never becomes too old", wear, r'process\.wear\.due = "age"', "pass"),
    Mutation(
        "all processes of a program go at once", renewals, r"elif not self\._has_one_under_way\(process\)", "else"
    ),
    Mutation(
        "those that have come up hold the others up",
        renewals,
        r"in \(State\.STOPPING, State\.STARTING\)",
        "is not None",
    ),
    Mutation("who had to wait is forgotten", renewals, r"self\._any_due = any\(.*\)", "self._any_due = False"),
    Mutation("a stop becomes a restart", renewals, r"process\.state is State\.RUNNING and process\.wanted", "True"),
]


def found_after(fleet_class: type, budget: int = BUDGET) -> int | None:
    """How many scenarios it took to find a fault; None: it was not found."""
    for seed in range(budget):
        try:
            World(renewal_scenario(Random(seed)), RenewalRules, fleet_class).run()
        except Exception:  # noqa: BLE001 - a core that breaks down is found out, too
            return seed + 1
    return None


def test_the_rules_of_renewals_hold():
    """No scenario breaks a rule, also over upgrades; the seed in the message brings it back."""
    for seed in range(SCENARIOS):
        world = UpgradedWorld(renewal_scenario(Random(seed)), RenewalRules)
        try:
            world.run()
        except Exception as error:
            raise AssertionError(f"scenario {seed}: {error}\n{world.recent()}") from error


@each(MUTATIONS)
def test_a_seeded_fault_is_found(mutation):
    """The simulation finds each of these faults within its budget."""
    assert found_after(core_with(mutation)) is not None, f"the simulation does not find that {mutation.claim}"


@pytest.mark.slow
def test_both_reasons_occur_often_enough():
    """Not by luck; and the copy of the core that nothing was put into is as good as the core."""
    counts: Counter[str] = Counter()
    core = core_with(None)
    for seed in range(100):
        world = World(renewal_scenario(Random(seed)), RenewalRules, core)
        world.run()
        counts.update(reason for _, reason in world._watcher.renewed)
    assert counts["memory"] >= 20, counts
    assert counts["age"] >= 20, counts
