"""Schedules under a clock that is set at random: each time runs at most once, and at least once within its deadline."""

import inspect
import re
from collections import Counter
from random import Random
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from procman.core import fleet, schedules, switching, timing
from tests.simulation.clock_world import ClockWorld

SCENARIOS = 40
# As many as a fault may hide from.
BUDGET = 100

MUTATIONS = [
    ("what has come is not remembered", schedules, r"timing\.behind = put_behind\(.*\n", "pass\n"),
    ("a deadline is not kept", schedules, r"event\.late > limit", "event.late > 2 * limit + 100"),
    ("nothing is made up for", schedules, r'(program\.schedule_missed ==) "once" and late', r'\1 "never" and late'),
    ("a run is started beside another one", schedules, r"process\.state not in UP and", "True or"),
    ("the queue is never emptied", schedules, r"timing\.queued is None or process\.leaving", "True"),
    ("a step back is not noticed", schedules, r"timing\.since = min\(timing\.since, event\.time\)", "pass"),
]
UNHARMED = 5


def test_the_rules_hold_whatever_the_clock_does():
    """No scenario of a fixed population breaks a rule, and in these is all that can happen."""
    counts: Counter[str] = Counter()
    for seed in range(SCENARIOS):
        counts.update(_run(seed).counts)
    assert set(counts) >= {"on", "off", "run", "skipped", "queued", "missed"}


@pytest.mark.slow
@pytest.mark.parametrize("batch", range(4))
def test_the_rules_hold_in_many_more_scenarios(batch):
    """The seed in the message brings one back."""
    for seed in range(batch, 500, 4):
        _run(seed)


@pytest.mark.slow
@settings(max_examples=60)
@given(st.randoms(use_true_random=False))
def test_the_rules_hold_in_scenarios_that_nobody_has_seen(random):
    """No scenario that hypothesis makes up, and shrinks, breaks a rule."""
    ClockWorld(random).run()


def _run(seed: int) -> ClockWorld:
    try:
        return ClockWorld(Random(seed)).run()
    except Exception as error:
        raise AssertionError(f"scenario {seed}: {error}") from error


def mutant(module: ModuleType, piece: str, instead: str) -> type:
    """A fleet whose schedules have that fault."""
    made: dict[str, dict] = {}
    for one in (timing, switching, schedules):
        source = inspect.getsource(one)
        if one is module:
            source, count = re.subn(piece, instead, source)
            assert count == 1, f"{piece} occurs {count} times in {one.__name__}: rewrite the mutation"
        space = dict(vars(ModuleType(one.__name__)), __name__=one.__name__)
        exec(compile(source, one.__file__, "exec"), space)
        for other in made.values():
            space.update({name: other[name] for name in other.keys() & space.keys() if callable(other[name])})
        made[one.__name__] = space

    class Mutant(fleet.Fleet):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            self.schedules = made[schedules.__name__]["Schedules"](self.processes)

    return Mutant


def test_the_copy_without_a_fault_passes():
    """So what fails is the fault."""
    whole = mutant(schedules, r"class Schedules:", "class Schedules:")
    for seed in range(UNHARMED):
        ClockWorld(Random(seed), whole).run()


@pytest.mark.slow
@pytest.mark.parametrize(("claim", "module", "piece", "instead"), MUTATIONS, ids=[one[0] for one in MUTATIONS])
def test_a_fault_is_found(claim, module, piece, instead):
    """By one of the scenarios."""
    faulty = mutant(module, piece, instead)
    for seed in range(BUDGET):
        try:
            ClockWorld(Random(seed), faulty).run()
        except Exception:  # noqa: BLE001 - whatever shows it
            return
    pytest.fail(f"nobody has noticed that {claim}")
