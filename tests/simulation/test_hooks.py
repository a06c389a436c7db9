"""Programs with hooks, in thousands of scenarios in virtual time."""

import json
import os
from collections import Counter
from contextlib import suppress
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from procman.config.snapshot import read_group, read_program
from procman.core import ending, hook_chain, hooks, requests, side_hooks, stopping
from procman.core.fleet import Fleet
from procman.core.snapshot import DefinitionReaders
from procman.core.spec import Hook
from tests.simulation.batches import every_batch
from tests.simulation.hook_rules import HookRules
from tests.simulation.hook_scenarios import hook_scenario
from tests.simulation.hook_world import HookWorld
from tests.simulation.test_mutations import core_with
from tests.support.mutations import Mutation, each

SCENARIOS = int(os.environ.get("SCENARIOS", "600"))
BATCHES = 2
# As many scenarios as a fault may hide from.
BUDGET = 3000


@every_batch(BATCHES)
def test_the_rules_of_hooks_hold_in_thousands_of_scenarios(batch):
    """No scenario of a fixed large population breaks a rule; the seed in the message brings it back."""
    for seed in range(batch, SCENARIOS, BATCHES):
        world = HookWorld(hook_scenario(Random(seed)), HookRules)
        try:
            world.run()
        except Exception as error:
            raise AssertionError(f"scenario {seed}: {error}\n{world.recent()}") from error


@pytest.mark.parametrize("seed", [175, 3579, 105472, 106919])
def test_the_rules_of_hooks_hold_where_one_change_of_a_group_does_two_things_to_a_process(seed):
    """One that was blocked, and starts again in the same step, has not failed: its on_failure does not begin."""
    HookWorld(hook_scenario(Random(seed)), HookRules).run()


@settings(max_examples=60)
@given(st.randoms(use_true_random=False))
def test_the_rules_of_hooks_hold_in_scenarios_that_nobody_has_seen(random):
    """No scenario that hypothesis makes up breaks a rule."""
    HookWorld(hook_scenario(random), HookRules).run()


@pytest.mark.slow
def test_the_scenarios_have_every_hook_in_every_way():
    """Each hook runs, ends well, fails and is killed, and often enough not to be there by luck."""
    counts = Counter()
    for seed in range(400):
        world = HookWorld(hook_scenario(Random(seed)), HookRules).run()
        counts += world._watcher.counts
    ways = [f"{hook.value} {how}" for hook in Hook for how in ("ends", "fails", "killed")]
    assert min(counts[way] for way in ways) >= 5, [(way, counts[way]) for way in ways]
    assert min(counts[what] for what in ("second stop", "skipped", "refreshed", "not refreshed")) >= 20, counts


def test_a_fleet_goes_on_in_the_middle_of_hooks():
    """What is written of a fleet with hooks under way is read again as it was: a recording may begin there."""
    running = 0
    for seed in range(150):
        world = HookWorld(hook_scenario(Random(seed)))
        _run_until(world, 1 + seed % 7)
        data = json.loads(json.dumps(world.fleet.snapshot()))
        fleet = Fleet((), world.scenario.master)
        fleet.restore(data, DefinitionReaders(read_group, read_program))
        assert json.loads(json.dumps(fleet.snapshot())) == data
        running += any(process.hooks.running for process in fleet.processes.values())
    assert running >= 15


def _run_until(world, when):
    """As `run`, and stop there."""

    class Enough(Exception):
        pass

    def stop():
        raise Enough

    world._at(when, stop)
    with suppress(Enough):
        world.run()


MUTATIONS = [
    Mutation("a command that may fail fails", hooks, r"event\.ok or process.*may_fail", "event.ok"),
    Mutation("a failure does not end a hook", hooks, r"return event\.ok or process.*may_fail", "return True"),
    Mutation("the first command is the last", hooks, r"if hooks\.place == len\(hooks\.commands\)", "if True"),
    Mutation("what runs is forgotten, and not killed", hooks, r"return \[ended\]", "return []"),
    Mutation("a command has no deadline", hooks, r"elif hook is not Hook\.STOP_COMMAND:", "elif False:"),
    Mutation("a command has twice its time", hooks, r"hook=now \+ hooks\.limit", "hook=now + 2 * hooks.limit"),
    Mutation("what is skipped is not said", hooks, r"return \[SkipHook\(.*\)\]", "return []"),
    Mutation("every answer counts", hooks, r"and event\.number == process\.hooks\.waited", ""),
    Mutation("what is spawned has no pre_start", hook_chain, r"elif process\.program\.pre_start and", "elif False and"),
    Mutation("a pre_start that fails does not matter", hook_chain, r"if hook is Hook\.PRE_START:", "if False:"),
    Mutation(
        "the order to spawn does not wait for pre_start",
        hook_chain,
        r"pass  # the order follows.*",
        "prepared.append(action)",
    ),
    Mutation("a pre_stop is followed by nothing", hook_chain, r"return ask_to_end\(process, now\)", "return []"),
    Mutation(
        "a stop_command that fails is followed by nothing",
        hook_chain,
        r"return \[signal_to_stop\(process\)\]",
        "return []",
    ),
    Mutation("a before_kill is followed by nothing", hook_chain, r"return send_sigkill\(process, now\)", "return []"),
    Mutation("a broken start is not cleaned up", stopping, r"is_owed = hooks\.owed or ", "is_owed = "),
    Mutation("an end is not cleaned up", stopping, r"is_owed = hooks\.owed or .*", "is_owed = hooks.owed"),
    Mutation("there is no pre_stop", stopping, r"first = begin\(process, Hook\.PRE_STOP, now\)", "first = []"),
    Mutation(
        "there is no stop_command", stopping, r"instead = begin\(process, Hook\.STOP_COMMAND, now\)", "instead = []"
    ),
    Mutation("there is no before_kill", stopping, r"actions \+= begin\(process, Hook\.BEFORE_KILL, now\)", "pass"),
    Mutation(
        "what ends in a pre_stop waits for ever", stopping, r"elif process\.deadlines\.stop is None:", "elif False:"
    ),
    Mutation("an end does not end what runs", ending, r"told = end\(process, \"it has ended\"\)", "told = []"),
    Mutation(
        "a second request waits", requests, r"return skip\(process, now\)\n\n\ndef signal", "return []\n\n\ndef signal"
    ),
    Mutation(
        "a post_start goes on", side_hooks, r"ended = self\._end\(news\.name, Hook\.POST_START, why\)", "ended = []"
    ),
    Mutation("what is late is broken off", hook_chain, r"end\(process, reason, late=True\)", "end(process, reason)"),
    Mutation(
        "what is late and may fail is broken off",
        hook_chain,
        r"hooks\.waited, reason, late=True\)",
        "hooks.waited, reason)",
    ),
    Mutation("what is broken off is late", hooks, r"waited, reason, late\)", "waited, reason, True)"),
    Mutation("a late post_start is broken off", side_hooks, r'2\):g\} s", late=True\)', '2):g} s")'),
    Mutation("a late reload is broken off", side_hooks, r'did not end in time", late=True\)', 'did not end in time")'),
    Mutation("an adopted process has another post_start", side_hooks, r" and not adopted_up", ""),
    Mutation("a failure is not told", side_hooks, r"\*self\._begin\(process, Hook\.ON_FAILURE, now\)", ""),
    Mutation("what is blocked has failed", side_hooks, r"return not news\.blocked", "return True"),
    Mutation(
        "nothing is said of a refresh", side_hooks, r"return \[\*ended, AnnounceRefreshed\(.*\)\]", "return ended"
    ),
    Mutation("a refresh is over when it begins", side_hooks, r"side\.begun and is_said_ready\(said\)", "True"),
    Mutation("the end of the master waits for nothing", side_hooks, r"hook is Hook\.ON_FAILURE for", "False for"),
]


@pytest.mark.slow
@each(MUTATIONS)
def test_a_seeded_fault_is_found(mutation):
    """The simulation finds each of these faults within its budget."""
    core = core_with(mutation)
    for seed in range(BUDGET):
        try:
            HookWorld(hook_scenario(Random(seed)), HookRules, core).run()
        except Exception:  # noqa: BLE001 - a core that breaks down is found out, too
            return
    raise AssertionError(f"the simulation does not find that {mutation.claim}")


def test_without_a_fault_nothing_is_found():
    """The same copy of the core, unharmed, passes the same scenarios."""
    core = core_with(None)
    for seed in range(100):
        HookWorld(hook_scenario(Random(seed)), HookRules, core).run()
