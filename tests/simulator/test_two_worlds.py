"""The simulator and the fake kernel of the tests are written apart, and agree on fleets and requests made by chance."""

from dataclasses import replace
from random import Random

import pytest

from procman.core.actions import Announce
from procman.core.attribution import BOOT, NOBODY, Origin
from procman.core.events import BootRequested, RestartRequested, ShutdownRequested, StartRequested, StopRequested
from procman.core.fleet import Fleet
from procman.simulator.notation import NEVER, Behaviour
from procman.simulator.world import World
from tests.simulation import fake_kernel
from tests.simulation.dependency_scenarios import dependency_scenario
from tests.simulation.scenarios import scenario as any_scenario

PLAIN = (StartRequested, StopRequested, RestartRequested, ShutdownRequested)


def well_behaved(scenario: fake_kernel.Scenario, random: Random) -> fake_kernel.Scenario:
    """The same fleet and requests, with programs as the simulator has them, nothing late, and no two at one moment."""
    requests = [(delay + 0.00037, event) for delay, event in scenario.requests if isinstance(event, PLAIN)]
    requests.append((20.00013, ShutdownRequested()))
    behaviours = {
        program.namespec: (
            fake_kernel.Behaviour(
                lives=_later(random.choice((None, None, 0.2, 1.0, 3.0)), number),
                code=random.choice((0, 0, 1)),
                obeys_after=random.choice((0.0, 0.0, 0.401, None)),
                ready_after=random.choice((0.0, 0.303, 1.009)),
                signal=None,
            ),
        )
        for number, program in enumerate(program for group in scenario.groups for program in group.programs)
    }
    return replace(
        scenario,
        behaviours=behaviours,
        requests=tuple(requests),
        adopted=(),
        remembered=(),
        reactions=(),
        late=0.0,
        slice=1000,
        turn=0.0,
    )


def _later(lives: float | None, number: int) -> float | None:
    return None if lives is None else lives + 0.0011 + number * 0.00137


def by_the_fake_kernel(scenario: fake_kernel.Scenario) -> list[tuple]:
    world = fake_kernel.World(scenario).run()
    return [
        (round(at, 5), what.name, what.before.name, what.after.name)
        for at, what in world.history
        if isinstance(what, Announce)
    ]


def by_the_simulator(scenario: fake_kernel.Scenario) -> list[tuple]:
    seen: list[tuple] = []

    def hear(at, record):
        if record.kind == "state" and record.after:
            seen.append((round(at, 5), record.name, record.before, record.after))

    assumed = {
        name: Behaviour(
            ready=one.ready_after,
            ends=NEVER if one.lives is None else one.lives,
            code=one.code,
            stop=NEVER if one.obeys_after is None else one.obeys_after,
        )
        for name, (one,) in scenario.behaviours.items()
    }
    world = World(Fleet(scenario.groups, scenario.master), assumed, hear)
    world.at(0.0, lambda: world.post(BootRequested(), Origin(BOOT)))
    when = 0.0
    for delay, event in scenario.requests:
        when += delay
        world.at(when, lambda event=event: world.post(event, NOBODY))
    while world.quit is None and world.next() is not None:
        world.step()
    return seen


@pytest.mark.parametrize("make", [any_scenario, dependency_scenario])
@pytest.mark.parametrize("batch", range(4))
def test_two_worlds_agree(make, batch):
    """Each process goes through the same states at the same times."""
    for seed in range(batch * 30, batch * 30 + 30):
        scenario = well_behaved(make(Random(seed)), Random(seed))
        here, there = by_the_simulator(scenario), by_the_fake_kernel(scenario)
        for name in scenario.behaviours:
            mine, other = ([step for step in steps if step[1] == name] for steps in (here, there))
            assert mine == other, f"seed {seed}"
