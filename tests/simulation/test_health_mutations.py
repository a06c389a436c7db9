"""How strong the simulation of health checks is: faults in their rules, each of which it has to find."""

import pytest

from procman.core import coming_up, due, ending, health_checks, restarting, side_hooks, starting
from tests.simulation.health_rules import HealthRules
from tests.simulation.health_scenarios import health_scenario
from tests.simulation.test_mutations import core_with, found_after
from tests.support.mutations import Mutation, each

pytestmark = pytest.mark.slow

BUDGET = 1200
UNHARMED = 60

MUTATIONS = [
    Mutation("nobody looks", health_checks, r"health=due if _is_looked_at\(process\) else None", "health=None"),
    Mutation("an answer of another run counts", health_checks, r" or event\.run != process\.attempt", ""),
    Mutation("an answer to another look counts", health_checks, r"event\.look != health\.looks", "False"),
    Mutation("what is late is caught up with", health_checks, r"due = health\.due \+ interval \* .*", "due = now"),
    Mutation(
        "a judge that sleeps judges", health_checks, r"return event\.timed_out and event\.asleep.*", "return False"
    ),
    Mutation("a time-out never counts", health_checks, r"(return event\.timed_out) and event\.asleep.*", r"\1"),
    Mutation(
        "a judge that was asleep does not look again",
        health_checks,
        r"(not awake\"\)\n +)return _look.*",
        r"\1return []",
    ),
    Mutation("the start period is not waited for", health_checks, r"now < health\.grace_until:", "False:"),
    Mutation(
        "a success does not end the start period",
        health_checks,
        r"health\.grace_until = None\n( +health\.good)",
        r"pass\n\1",
    ),
    Mutation("one failure is enough", health_checks, r"if health\.failures < .*:", "if False:"),
    Mutation("one failure more is needed", health_checks, r"health\.failures < process", "health.failures <= process"),
    Mutation("a success is forgotten", health_checks, r"if event\.ok:\n +health\.failures = 0", "if event.ok:"),
    Mutation("nothing is healthy", health_checks, r"health\.healthy, True, 0", "health.healthy, None, 0"),
    Mutation("nothing is done", health_checks, r"return \[news, \*_act\(process, words, now\)\]", "return [news]"),
    Mutation("a restart is a stop", health_checks, r"process\.sick = process\.reason = ", "process.reason = "),
    Mutation(
        "what is stopped comes back",
        health_checks,
        r"process\.wanted = process\.ties\.bound = ",
        "process.ties.bound = ",
    ),
    Mutation("no signal is sent", health_checks, r"return \[Kill\(.*\)\]", "return []"),
    Mutation("a reload is not ordered", health_checks, r"return \[AnnounceRefresh\(.*\)\]", "return []"),
    Mutation(
        "a reload is not carried out", side_hooks, r"elif isinstance\(action, AnnounceRefresh\) and", "elif False and"
    ),
    Mutation("no command is run", health_checks, r"return \[RunUnhealthyCommand\(.*\)\]", "return []"),
    Mutation(
        "the watchdog barks too early", health_checks, r"\(now, health\.grace_until or now\) \+ interval", "(now, now)"
    ),
    Mutation("nobody minds the watchdog", due, r"return watchdog_due\(process, now\)", "return []"),
    Mutation("WATCHDOG=1 is not heard", coming_up, r"return heard_watchdog\(process, said, now\)", "return []"),
    Mutation("a late judge minds the watchdog", health_checks, r"if late >= DROWSY \* interval:", "if False:"),
    Mutation(
        "a pause is no pause",
        health_checks,
        r"health\.paused_until = now \+ seconds if",
        "health.paused_until = None if",
    ),
    Mutation("a pause does not end", health_checks, r"pause_checks\(process, 0\.0", "pause_checks(process, 1.0"),
    Mutation("a pause leaves the failures", health_checks, r"health\.failures = 0\n( +if process\.state)", r"pass\n\1"),
    Mutation("a run inherits the verdict", starting, r"process\.health = process\.health\.of_next_run\(\)", "pass"),
    Mutation(
        "an unhealthy one is not restarted",
        ending,
        r"return restart_sick\(.*\)",
        "return settle(process, now, pid, status)",
    ),
    Mutation(
        "unhealthy again, it waits no longer", restarting, r"good_for = good_at - .*", "good_for = process.age(now)"
    ),
    Mutation("unhealthy, it starts at once", restarting, r"failures=process\.again\.troubles\)", "failures=0)"),
]


@each(MUTATIONS)
def test_a_seeded_fault_is_found(mutation):
    """The simulation finds each of these faults within its budget."""
    found = found_after(core_with(mutation), BUDGET, health_scenario, HealthRules)
    assert found is not None, f"the simulation does not find that {mutation.claim}"


def test_without_a_fault_nothing_is_found():
    """The same copy of the core, unharmed, passes the same scenarios."""
    assert found_after(core_with(None), UNHARMED, health_scenario, HealthRules) is None
