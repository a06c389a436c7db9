"""Each action has an actor, follows from something before it, and its chain ends at a root: in every scenario."""

import os
from random import Random

from procman.core import attribution
from procman.core.attribution import Attribution
from tests.simulation.attribution_rules import AttributionRules
from tests.simulation.batches import every_batch
from tests.simulation.fake_kernel import World
from tests.simulation.scenarios import scenario
from tests.support.mutations import Mutation, copy_with, each

SCENARIOS = int(os.environ.get("SCENARIOS", "3000"))
BATCHES = 4
# As many scenarios as a fault may hide from.
BUDGET = 1500

MUTATIONS = [
    Mutation("a request is of nobody", attribution, r"self\._base = origin\n( +self\._note_request)", r"pass\n\1"),
    Mutation(
        "an operation is lost on the way",
        attribution,
        r"follow = Origin\(origin\.actor, seq, origin\.operation\)",
        "follow = Origin(origin.actor, seq)",
    ),
    Mutation(
        "what happens follows from itself",
        attribution,
        r"self\._latest\[name\] = Origin\(origin\.actor, seq, origin\.operation\)",
        "self._latest[name] = Origin(origin.actor, seq + 1, origin.operation)",
    ),
    Mutation("what happened is forgotten", attribution, r"self\._latest\[name\] = Origin\(.*\)\n", "pass\n"),
    Mutation("no end was brought about", attribution, r"return sent\[1\]", "return NOBODY"),
    Mutation("every end was brought about", attribution, r"if sent is not None and \(.*\):", "if sent is not None:"),
    Mutation(
        "a signal is remembered for the next run", attribution, r"self\._signalled\.pop\(name, None\)\n\n", "pass\n\n"
    ),
    Mutation(
        "a stop is not known when it ends",
        attribution,
        r"name in self\._stopping or sent",
        "sent",
    ),
    Mutation(
        "one that was stopped once is stopping for ever",
        attribution,
        r"self\._stopping\.discard\(name\)\n( +if)",
        r"pass\n\1",
    ),
    Mutation(
        "a restart is of the one who stopped it",
        attribution,
        r"(self\._renewed\.get\(name\) or) self\.wanted_by\(name\)",
        r"\1 self.latest(name)",
    ),
    Mutation(
        "autorestart is of the one who started it",
        attribution,
        r"return Origin\(POLICY, \(self\._here\.get\(name\) or self\.latest\(name\)\)\.cause\)",
        "return self._here.get(name) or self.latest(name)",
    ),
    Mutation("an adoption is of nobody", attribution, r"if self\._is_adoption and", "if False and"),
    Mutation(
        "a wave is of what happened last",
        attribution,
        r"STOPPING if self\._is_taken_down\(name\):",
        "STOPPING if False:",
    ),
    Mutation(
        "leftovers are stopped by the one who wants it up",
        attribution,
        r"not self\._is_request and not \(.*\)",
        "not self._is_request",
    ),
    Mutation("the waves follow from nothing", attribution, r"self\._base = self\._all_wanted_by = follow", "pass"),
    Mutation(
        "a shutdown leaves others behind", attribution, r"follow\n( +)self\._wanted_by\.clear\(\)", r"follow\n\1pass"
    ),
    Mutation(
        "the end of a shutdown is a root",
        attribution,
        r"self\._all_wanted_by if cause\.cause is None else cause",
        "cause",
    ),
    Mutation("nobody wants what a request has changed", attribution, r"self\._wanted_by\[name\] = self\._base", "pass"),
    Mutation(
        "what follows an end is of no one",
        attribution,
        r"origin if origin\.actor is not None else Origin\(POLICY, origin\.cause, origin\.operation\)",
        "origin",
    ),
    Mutation(
        "an event is of the request before it",
        attribution,
        r"self\._base = self\.latest\(subject\) if subject is not None else origin",
        "pass",
    ),
]


def watched(attribution_class, seed):
    """Run one scenario under the rules."""
    World(scenario(Random(seed)), lambda world: AttributionRules(world, attribution_class)).run()


@every_batch(BATCHES)
def test_every_action_has_an_origin_in_thousands_of_scenarios(batch):
    """No scenario of a fixed large population breaks a rule; the seed in the message brings it back."""
    for seed in range(batch, SCENARIOS, BATCHES):
        try:
            watched(Attribution, seed)
        except Exception as error:
            raise AssertionError(f"scenario {seed}: {error}") from error


@each(MUTATIONS)
def test_a_seeded_fault_of_attribution_is_found(mutation):
    """The rules find each of these faults within their budget."""
    broken = copy_with(mutation)["Attribution"]
    for seed in range(BUDGET):
        try:
            watched(broken, seed)
        except Exception:  # noqa: BLE001 - an attribution that breaks down is found out, too
            return
    raise AssertionError(f"the rules do not find that {mutation.claim}")
