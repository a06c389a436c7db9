"""Faults that are put on purpose into what decides about dependencies: the rules find each of them."""

from procman.core import dependencies, dependents, levels, requests, start_limit
from tests.simulation.dependency_rules import DependencyRules
from tests.simulation.dependency_scenarios import dependency_scenario
from tests.simulation.test_mutations import MODULES, core_with, found_after
from tests.support.mutations import Mutation, each

# As many scenarios as a fault may hide from.
BUDGET = 1500
UNHARMED = 100

OURS = (levels, dependencies, dependents, requests, start_limit)
ALL = (levels, *MODULES[:-1], dependencies, dependents, start_limit, MODULES[-1])

MUTATIONS = [
    # Conditions
    Mutation("one that leaves is ready", dependencies, r"or target\.ties\.deferred or target\.leaving", ""),
    Mutation("ready is STARTING, too", dependencies, r"target\.state is State\.RUNNING\n", "target.state in UP\n"),
    Mutation(
        "started needs no process", dependencies, r"target\.pid is not None and (target\.state in \(State)", r"\1"
    ),
    Mutation(
        "an optional edge is never waited for",
        dependencies,
        r"need\.optional and not _is_on_its_way\(target\)",
        "need.optional",
    ),
    Mutation(
        "an optional edge is waited for in any case",
        dependencies,
        r"return need\.optional and not _is_on_its_way\(target\)",
        "return False",
    ),
    Mutation(
        "nothing is hopeless",
        dependencies,
        r"return target\.state in DOWN or target\.state is State\.UNKNOWN",
        "return False",
    ),
    Mutation(
        "only FATAL is hopeless",
        dependencies,
        r"return target\.state in DOWN or",
        "return target.state is State.FATAL or",
    ),
    # The graph
    Mutation(
        "an edge that is taken out still counts",
        dependencies,
        r"self\._needed_by\[need\.target\]\.pop\(name, None\)",
        "pass",
    ),
    Mutation(
        "edges before the last one that did not hold are not looked at again",
        dependencies,
        r"for step in range\(len\(needs\)\)",
        "for step in range(len(needs) - at)",
    ),
    Mutation(
        "stops go from the bottom up", dependencies, r"-places\[process\.name\]\.depth", "places[process.name].depth"
    ),
    Mutation(
        "what needs it started is not bound", dependencies, r'in \("ready", "healthy", "started"\)', 'in ("ready",)'
    ),
    # Levels
    Mutation("there is one level", levels, r"depths\[other\] = max\(.*\)", "pass"),
    Mutation("priorities are not lowered", levels, r"priorities\[target\] = min\(.*\)", "pass"),
    # What becomes of dependents
    Mutation(
        "nothing waits",
        dependents,
        r"case State\.STARTING if ties\.waiting:\n( +)return self\._wait\(process, changed, now\)",
        r"case State.STARTING if ties.waiting:\n\1return release(process, now)",
    ),
    Mutation("what was ordered is spawned in any case", dependents, r"hold_again\(process, now\)", "return []"),
    Mutation(
        "what is asked to stop is bound",
        dependents,
        r"other\.state in UP and other\.wanted and",
        "other.state in UP and",
    ),
    Mutation("nothing is pulled in", dependents, r"if enters and process\.ties\.waiting:", "if False:"),
    Mutation(
        "nothing is blocked",
        dependents,
        r"return _because\(block\(process, _why_blocked\(target\)\), target\.name\)",
        "return []",
    ),
    Mutation(
        "what is blocked stays so",
        dependents,
        r"return _because\(come_back\(process, now\), changed or \"\"\)",
        "return []",
    ),
    Mutation("what is blocked, and stopped, is still blocked", requests, r"if is_blocked:", "if False:"),
    Mutation(
        "what is bound stays up", dependents, r"self\._stopping\[process\.name\] = process, need\.target, \"\"", "pass"
    ),
    Mutation(
        "nothing is restarted for a new run",
        dependents,
        r"self\._stopping\[process\.name\] = process, renewed, renewed",
        "pass",
    ),
    Mutation("an old run is as good as a new one", dependents, r"!= target\.attempt:", "> target.attempt:"),
    Mutation("what was put off never stops", dependents, r"else go_down\(process, now\)", "else []"),
    Mutation(
        "what stops together stops in any order",
        dependents,
        r"self\._graph\.stop_order\(process for process, _, _ in stopping\.values\(\)\)",
        "[process for process, _, _ in stopping.values()]",
    ),
    Mutation(
        "a boot leaves what adopted ones need", dependents, r"if isinstance\(event, BootRequested\):", "if False:"
    ),
    # How many start at once
    Mutation("there is no limit of starts", start_limit, r"len\(self\._starting\) < \(self\._limit or 1\)", "True"),
    Mutation("one more may start", start_limit, r"< \(self\._limit or 1\)", "<= (self._limit or 1)"),
    Mutation("a place is never free again", start_limit, r"self\._starting\.discard\(action\.name\)", "pass"),
]


# These hide in few scenarios.
RARE = (
    "what stops together stops in any order",
    "priorities are not lowered",
    "what needs it started is not bound",
    "an edge that is taken out still counts",
)


@each(MUTATIONS, slow=RARE)
def test_a_seeded_fault_of_dependencies_is_found(mutation):
    """The rules find each of these faults within their budget."""
    found = found_after(core_with(mutation, ALL), BUDGET, dependency_scenario, DependencyRules)
    assert found is not None, f"the simulation does not find that {mutation.claim}"


def test_without_a_fault_nothing_is_found():
    """The same copy of the core, unharmed, passes the same scenarios."""
    assert found_after(core_with(None, ALL), UNHARMED, dependency_scenario, DependencyRules) is None


def test_the_faults_touch_every_module():
    """No two do the same."""
    assert len({(m.piece, m.instead) for m in MUTATIONS}) == len(MUTATIONS)
    assert {m.module for m in MUTATIONS} == set(OURS)
