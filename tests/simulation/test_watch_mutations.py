"""How strong the simulation of watched files is: faults in their rules, each of which it has to find."""

import pytest

from procman.core import fleet, watches
from tests.simulation.test_mutations import core_with, found_after
from tests.simulation.watch_rules import WatchRules, watch_scenario
from tests.support.mutations import Mutation, each

pytestmark = pytest.mark.slow

BUDGET = 800
UNHARMED = 60

MUTATIONS = [
    Mutation("a change is acted upon at once", watches, r"min\(now \+ quiet, ", "min(now, "),
    Mutation(
        "changes without an end wait without an end", watches, r", pending\.began \+ CEILING \* quiet\)", ", 1e9)"
    ),
    Mutation("the pause is that of the first change", watches, r"min\(now \+ quiet", "min(pending.began + quiet"),
    Mutation("what is due is forgotten", watches, r"if pending\.due <= now and not pending\.held\]", "if False]"),
    Mutation("nobody hears of a change", fleet, r"return self\.watches\.note\(event, now\)", "return []"),
    Mutation("nobody wakes for it", fleet, r"deadlines \+= self\.watches\.deadlines\(\)", "pass"),
    Mutation(
        "what was stopped is started",
        watches,
        r'case State\.EXITED:\n( +)return "start"',
        r'case State.EXITED | State.STOPPED:\n\1return "start"',
    ),
    Mutation(
        "what has ended stays so",
        watches,
        r'case State\.EXITED:\n +return "start"',
        'case State.EXITED:\n            return "nothing"',
    ),
    Mutation(
        "what backs off goes on waiting",
        watches,
        r'case State\.BACKOFF if process\.wanted:\n( +)return "start"',
        r'case State.BACKOFF:\n\1return "nothing"',
    ),
    Mutation(
        "what was given up stays so",
        watches,
        r"case State\.FATAL if process\.wanted and not",
        "case State.FATAL if not process.wanted and not",
    ),
    Mutation(
        "it is restarted while it starts",
        watches,
        r'case State\.STARTING \| State\.STOPPING if process\.wanted:\n( +)return "wait"',
        r'case State.STARTING if process.wanted:\n\1return "act"',
    ),
    Mutation(
        "a change while it starts is forgotten",
        watches,
        r'if process\.wanted:\n( +)return "wait"',
        r'if process.wanted:\n\1return "nothing"',
    ),
    Mutation("what waits is never looked at again", watches, r"if pending\.held and may:", "if False:"),
    Mutation("a start does not see what has changed before", watches, r"del self\._pending\[name\]\n\n", "pass\n\n"),
    Mutation("a spawn does not either", watches, r"case Spawned\(name\) if not", "case Spawned(name) if"),
    Mutation("a start forgets the command", watches, r'\.what != "exec":', '.what != "x":'),
    Mutation("a loop goes on", watches, r"if len\(done\) >= MOST:", "if False:"),
    Mutation("four times are a loop", watches, r"if len\(done\) >= MOST:", "if len(done) >= MOST - 1:"),
    Mutation("who saves slowly is a loop", watches, r"pending\.began - latest > SOON or ", ""),
    Mutation("other files are a loop", watches, r"done\[-1\]\[1\] & pending\.files\)", "done[-1][1])"),
    Mutation("what is long ago counts", watches, r"if now - one\[0\] < WINDOW\]", "]"),
    Mutation(
        "only a start makes it soon", watches, r"for when in \(process\.born, last, ", "for when in (process.born, "
    ),
    Mutation("what is suspended goes on", watches, r"self\._suspended\.add\(name\)\n", "pass\n"),
    Mutation("a start does not resume it", watches, r"followed \+= self\._resume\(\[name\]\)", "pass"),
    Mutation(
        "an update does not resume it", watches, r"followed \+= self\._resume\(sorted\(self\._suspended\)\)", "pass"
    ),
    Mutation(
        "a start leaves the count of a loop",
        watches,
        r"self\._done\.pop\(name, None\)\n( +)if name in self\._susp",
        r"pass\n\1if name in self._susp",
    ),
    Mutation("a start is no start", watches, r"return \[news, \*begun\]", "return [news]"),
    Mutation("a restart is a start", watches, r"\*restart\(process, now\)\]", "*start(process, now)]"),
    Mutation("no signal is sent", watches, r"return \[Kill\(.*\)\]", "return []"),
    Mutation("no reload is ordered", watches, r"return \[AnnounceRefresh\(.*\)\]", "return []"),
    Mutation("no command is run", watches, r"return \[RunWatchCommand\(.*\)\]", "return []"),
    Mutation("everything cascades", watches, r"if not process\.program\.watch_cascade:", "if False:"),
    Mutation("nothing cascades", watches, r"if not process\.program\.watch_cascade:", "if True:"),
    Mutation("a change goes on in a shutdown", fleet, r"self\.watches\.end\(\)", "pass"),
]


@each(MUTATIONS)
def test_a_seeded_fault_is_found(mutation):
    """The simulation finds each of these faults within its budget."""
    found = found_after(core_with(mutation), BUDGET, watch_scenario, WatchRules)
    assert found is not None, f"the simulation does not find that {mutation.claim}"


def test_without_a_fault_nothing_is_found():
    """The same copy of the core, unharmed, passes the same scenarios."""
    assert found_after(core_with(None), UNHARMED, watch_scenario, WatchRules) is None
