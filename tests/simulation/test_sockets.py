"""Sockets, and programs that connections start, in hundreds of scenarios in virtual time, and faults to be found."""

from collections import Counter
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from procman.core import ending, idling, requests, sockets, starting
from tests.simulation.socket_rules import SocketRules
from tests.simulation.socket_world import SocketWorld, socket_scenario
from tests.simulation.test_mutations import core_with
from tests.simulation.upgraded_world import UpgradedWorld
from tests.support.mutations import Mutation, each

SCENARIOS = 480
BATCHES = 4
BUDGET = 600


class UpgradedSocketWorld(UpgradedWorld, SocketWorld):
    """A world with sockets."""

    within = 20.0


@pytest.mark.parametrize("batch", [0, *(pytest.param(batch, marks=pytest.mark.slow) for batch in range(1, BATCHES))])
def test_the_rules_of_sockets_hold(batch):
    """No scenario breaks a rule, also over upgrades; the seed in the message brings it back."""
    for seed in range(batch, SCENARIOS, BATCHES):
        world = UpgradedSocketWorld(socket_scenario(Random(seed)), SocketRules)
        try:
            world.run()
        except Exception as error:
            raise AssertionError(f"scenario {seed}: {error}\n{world.recent()}") from error


@settings(max_examples=20)
@given(st.randoms(use_true_random=False))
def test_the_rules_of_sockets_hold_in_scenarios_that_nobody_has_seen(random):
    """No scenario that hypothesis makes up breaks a rule."""
    UpgradedSocketWorld(socket_scenario(random), SocketRules).run()


def test_the_scenarios_have_all_that_can_happen():
    """Each occurs often enough not to be there by luck."""
    counts: Counter[str] = Counter()
    for seed in range(80):
        counts += SocketWorld(socket_scenario(Random(seed)), SocketRules).run()._watcher.counts
    for what in ("opened", "closed", "connection", "cannot listen", "idle", "listens again", "listens after its end"):
        assert counts[what] >= 5, counts


MUTATIONS = [
    Mutation("nothing is opened", sockets, r"if self\.held\.get\(address\) != spec", "if False"),
    Mutation("nothing is closed", sockets, r"for address in self\.held if address not in needed", "for address in ()"),
    Mutation(
        "what an update brings is opened late",
        sockets,
        r"\(process\.program, process\.successor\)",
        "(process.program,)",
    ),
    Mutation("what runs may lose its socket", sockets, r"return True(\n +if state)", r"return process.wanted\1"),
    Mutation("hold is always", sockets, r'spec\.hold == "always" or \(.*\)', "True"),
    Mutation("hold is wanted", sockets, r'spec\.hold == "always" or ', ""),
    Mutation("what is given up is held", sockets, r" and process\.state is not State\.FATAL", ""),
    Mutation("a shutdown closes nothing", sockets, r"if state is MasterState\.SHUTDOWN:", "if False:"),
    Mutation("nothing is awaited", sockets, r"and process\.listens", "and False"),
    Mutation("a wait never ends", sockets, r"\[\*ended, \*begun\]", "begun"),
    Mutation("a connection starts nothing", idling, r"\[\*news, \*launch\(process, now\)\]", "news"),
    Mutation(
        "a socket that cannot be opened starts nothing",
        idling,
        r"if not process\.listens:",
        "if not process.listens or event.place < 0:",
    ),
    Mutation("use does not count", idling, r"if event\.busy or use\.used_at is None:", "if False:"),
    Mutation("all is use", idling, r"if event\.busy or use\.used_at is None:", "if True:"),
    Mutation("answers of other runs count", idling, r"event\.run == process\.attempt and ", ""),
    Mutation(
        "nobody looks", idling, r"(if process\.program\.idle_stop is not) None:", r"\1 process.program.idle_stop:"
    ),
    Mutation("a look is made only once", idling, r"idle=again", "idle=None"),
    Mutation("idle_stop is twice as long", idling, r"over = use\.used_at \+ limit", "over = use.used_at + 2 * limit"),
    Mutation(
        "another idle_stop counts from the next run",
        idling,
        r"if before\.idle_stop != process\.program\.idle_stop:",
        "if False:",
    ),
    Mutation(
        "what was idle starts at once", starting, r"if process\.use\.idle and process\.program\.lazy:", "if False:"
    ),
    Mutation(
        "what has ended well is down for good",
        ending,
        r"if process\.wanted and process\.program\.lazy and expected:",
        "if False:",
    ),
    Mutation("nobody is told that it does not wait any more", requests, r"if not process\.use\.listening:", "if True:"),
    Mutation("a boot starts what is lazy", requests, r"if not process\.definition\.lazy or ", "if True or "),
    Mutation("an update starts what listens", requests, r"if listened and process\.program\.lazy:", "if False:"),
    Mutation(
        "what is not lazy any more goes on listening",
        requests,
        r"if process\.listens and not program\.lazy:",
        "if False:",
    ),
]


@pytest.mark.slow
@each(MUTATIONS)
def test_a_seeded_fault_is_found(mutation):
    """The simulation finds each of these faults within its budget."""
    fleet_class = core_with(mutation)
    for seed in range(BUDGET):
        try:
            SocketWorld(socket_scenario(Random(seed)), SocketRules, fleet_class).run()
        except Exception:  # noqa: BLE001 - a core that breaks down is found out, too
            return
    pytest.fail(f"the simulation does not find that {mutation.claim}")
