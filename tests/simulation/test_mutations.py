"""How strong the simulation is: faults that are put into the core on purpose, each of which it has to find.

A mutation is a piece of the source and what to put in its place. When the core has changed so that a piece is no longer
there, the test says so: rewrite the mutation, it is worth as much as the rule that it stands for.

Better whole than within the limits: nearly all of it is one table.
"""

from collections.abc import Callable
from random import Random
from types import ModuleType

import pytest

from procman.core import (
    backoff,
    coming_up,
    deadlines,
    due,
    ending,
    exit_policy,
    fleet,
    groups,
    health_checks,
    hook_chain,
    hooks,
    idling,
    membership,
    news,
    process,
    readiness,
    renewals,
    requests,
    restarting,
    restarts,
    rolling,
    shutdown,
    side_hooks,
    sockets,
    starting,
    stopping,
    watches,
    wear,
)
from tests.simulation.fake_kernel import Scenario, Watcher, World
from tests.simulation.invariants import Invariants
from tests.simulation.scenarios import scenario
from tests.support.mutations import Mutation, Names, copy_of, each

# As many scenarios as a fault may hide from.
BUDGET = 4000
# As many are passed by the copy that nothing was put into; that the core passes them all is said in test_invariants.
UNHARMED = 200


# Each after those that it imports. What is not here has no decision in it, or only about programs that these scenarios
# do not have: those of dependencies and of schedules are in test_dependency_mutations and test_schedules.
MODULES = (
    backoff,
    restarts,
    deadlines,
    readiness,
    process,
    wear,
    hooks,
    starting,
    stopping,
    idling,
    health_checks,
    coming_up,
    renewals,
    restarting,
    ending,
    hook_chain,
    requests,
    rolling,
    watches,
    side_hooks,
    news,
    due,
    groups,
    exit_policy,
    shutdown,
    membership,
    sockets,
    fleet,
)
# Their faults are in test_hooks, test_renewals, test_sockets and test_watch_mutations.
ELSEWHERE = {watches, hook_chain, side_hooks, wear, renewals, health_checks, idling, rolling, sockets}

MUTATIONS = [
    # What is asked for
    Mutation(
        "stop does not change what is wanted",
        requests,
        r"process\.wanted = (process\.ties\.bound = process\.ties\.pulls = False)",
        r"\1",
    ),
    Mutation(
        "restart does not want it up",
        requests,
        r"process\.wanted = True\n( +process\.begin_anew\(\)\n +return take_down)",
        r"pass\n\1",
    ),
    Mutation(
        "restart brings nothing down",
        requests,
        r"(process\.begin_anew\(\)\n +return) take_down\(process, now\)",
        r"\1 []",
    ),
    Mutation(
        "start does nothing to what was given up", requests, r"(STOPPED \| State\.EXITED) \| State\.FATAL:", r"\1:"
    ),
    Mutation(
        "start keeps the count of failures",
        requests,
        r"process\.failures = 0\n( +return launch\(process, now\)\n +case)",
        r"pass\n\1",
    ),
    Mutation(
        "a restarted process is started but once",
        starting,
        r"(process\.take_over\(\)\n +if) process\.wanted and",
        r"\1 False and",
    ),
    Mutation(
        "a stopped process comes back", starting, r"(process\.take_over\(\)\n +if) process\.wanted and", r"\1 True and"
    ),
    Mutation("a signal goes to the group", requests, r"(signum, Scope\.)PROCESS", r"\1GROUP"),
    Mutation(
        "a process that is given up does not say how it ended",
        restarting,
        r"(backing_off, process\.enter\(State\.FATAL), status=status",
        r"\1",
    ),
    # Those of another master
    Mutation("an adopted process is up at once", coming_up, r"age >= process\.program\.startsecs", "True"),
    Mutation("an adopted process is not known by its pid", fleet, r"= process\n( +return adopted)", r"= None\n\1"),
    # Definitions
    Mutation(
        "a replaced process keeps its definition",
        process,
        r"self\.program, self\.successor = self\.successor, None",
        "self.successor = None",
    ),
    Mutation("a replaced process is not stopped", requests, r"if process\.state in UP:", "if False:"),
    Mutation(
        "a process that was stopped on request is replaced and started",
        requests,
        r"return \(process\.state in .* == 0\) and program\.autostart",
        "return program.autostart",
    ),
    Mutation(
        "what was given up is replaced and forgotten", requests, r"\(State\.EXITED, State\.FATAL\)", "(State.EXITED,)"
    ),
    Mutation(
        "a change in place is not taken over",
        requests,
        r"before, process\.program = process\.program, program",
        "before = process.program",
    ),
    Mutation(
        "autostart comes too late for a new program",
        requests,
        r"if not before\.autostart and program\.autostart and",
        "if False and",
    ),
    Mutation(
        "a change in place is lost on what is being replaced",
        requests,
        r"process\.successor = program\n( +return \[\]\n +before)",
        r"pass\n\1",
    ),
    Mutation(
        "what is being replaced is changed in place",
        requests,
        r"(in place.*\n|.*)if process\.successor is not None:\n( +process\.successor = program\n +return)",
        r"\1if False:\n\2",
    ),
    Mutation(
        "a spawn that waits keeps its old options",
        requests,
        r"if process\.state is State\.STARTING and process\.pid is None and not process\.ties\.waiting:",
        "if False:",
    ),
    # Starting
    Mutation("startsecs are not waited for", coming_up, r"now \+ process\.program\.startsecs", "now"),
    Mutation("it starts for ever", coming_up, r"process\.deadlines = Deadlines\(start=now \+ process\..*\)", "pass"),
    Mutation(
        "the pid is not kept",
        coming_up,
        r"( +)process\.pid = pid\n( +process\.born = now\n +if process\.program\.ready)",
        r"\2",
    ),
    Mutation("a back-off is always a second", backoff, r"return failures", "return 1"),
    Mutation(
        "one try less",
        restarting,
        r"process\.failures > process\.program\.startretries",
        "process.failures >= process.program.startretries",
    ),
    Mutation(
        "one try more",
        restarting,
        r"process\.failures > process\.program\.startretries",
        "process.failures > process.program.startretries + 1",
    ),
    # Restarts by policy
    Mutation(
        "what is never to start again does", ending, r"process\.wanted and not for_good and", "process.wanted and"
    ),
    Mutation("no limit is ever reached", restarts, r"if len\(recent\) < count:", "if True:"),
    Mutation("a limit counts one too many", restarts, r"len\(recent\) < count:", "len(recent) <= count:"),
    Mutation("a restart is not counted", restarts, r"self\._note\(spec, reason, now\)", "pass"),
    Mutation("after a run there is no delay", restarts, r"failures > 0 or .*", "failures > 0"),
    Mutation("the delays do not grow", restarts, r"else self\.troubles \+ 1", "else 1"),
    Mutation("a delay outgrows the longest", backoff, r"return min\(delay, most\)", "return delay"),
    Mutation("exit codes are not judged early", ending, r"if _is_judged\(process, status\)", "if False"),
    Mutation("a limit does not shut down", exit_policy, r'limit\[0\] == "shutdown"', 'limit[0] == "never"'),
    Mutation("a retry waits", requests, r"if process\.state is not State\.BACKOFF:", "if True:"),
    Mutation("failures are not counted", restarting, r"process\.failures \+= 1", "process.failures = 1"),
    Mutation("nothing says why it failed", restarting, r"(status=status, reason=)reason\)(\n +if not)", r'\1"")\2'),
    Mutation(
        "a late timer makes a crash of a run",
        ending,
        r"if process\.deadlines\.due\(now\) == \"start\" and process\.readiness\.holds:",
        "if False:",
    ),
    Mutation(
        "a later wave is tried again", restarting, r"if not process\.wanted:\n( +# It ended before)", r"if False:\n\1"
    ),
    # Readiness
    Mutation("an answer of another run counts", coming_up, r"event\.run != process\.attempt or ", ""),
    Mutation("one condition is enough", readiness, r"return all\(n in", "return any(n in"),
    Mutation("what does not hold holds", readiness, r"if ok:\n( +self\.held)", r"if True:\n\1"),
    Mutation("nobody looks again", coming_up, r"again = now \+ max.*", "again = None"),
    Mutation("it is looked at while a look is under way", coming_up, r"if answers_look:", "if True:"),
    Mutation(
        "it is never stopped for not being ready", coming_up, r"unready=None if timeout is None else .*", "unready=None"
    ),
    Mutation("it is stopped for what procman has slept over", stopping, r"if was_slept_over\(.*\):", "if False:"),
    Mutation("not being ready is no failed start", ending, r"if process\.unready and process\.wanted:", "if False:"),
    Mutation(
        "a shutdown does not wait for the wave of an unready one",
        stopping,
        r"if not process\.wanted:\n( +# In a)",
        r"if False:\n\1",
    ),
    Mutation(
        "an end before it is ready is an ordinary end",
        ending,
        r"State\.STARTING if process\.readiness\.conditions:",
        "State.STARTING if False:",
    ),
    Mutation(
        "a delay is no condition",
        coming_up,
        r"max\(process\.program\.startsecs, readiness\.delay\)",
        "process.program.startsecs",
    ),
    Mutation("an adopted one is ready", coming_up, r"if process\.program\.ready and not ready and .*:", "if False:"),
    Mutation("READY=1 means all conditions", readiness, r"if condition\.kind is ReadyKind\.NOTIFY\)", "if True)"),
    Mutation("a lost look is waited for", coming_up, r"look=now \+ LOOK_LOST", "look=None"),
    # One-shots
    Mutation("a one-shot that is done ends the master", exit_policy, r"critical and not done", "critical"),
    Mutation("any_exit counts what is done", exit_policy, r"(ANY_EXIT if) not done and", r"\1"),
    Mutation("a boot runs what is done", fleet, r" and \(not p\.done or p\.program\.schedule\)", ""),
    Mutation("a failed run is an end like others", ending, r"is_oneshot and not expected", "is_oneshot and False"),
    Mutation("a success is a failed try", ending, r"is_oneshot and not expected", "is_oneshot and expected"),
    Mutation("a spawn is a success", coming_up, r"if not process\.program\.is_oneshot:", "if True:"),
    Mutation("norestart_exitcodes are tried again", ending, r"is_last=for_good", "is_last=False"),
    Mutation("a run that took too long was stopped", ending, r"if process\.timed_out and process\.wanted", "if False"),
    Mutation("a shutdown retries what it timed out", ending, r"if process\.timed_out and", "if process.timed_out or"),
    Mutation(
        "a request leaves a time-out as it was",
        process,
        r"( in which it ended\.\"{3}\n +self\.timed_out =).*",
        r"\1 True",
    ),
    Mutation("a run has twice its time", coming_up, r"process\.born \+ process", "process.born + 2 * process"),
    Mutation("a run has no end", coming_up, r"(process\.enter\(State\.RUNNING.*\n +)limit_run\(process\)", r"\1pass"),
    Mutation(
        "another run_timeout is not taken over",
        requests,
        r"(is State\.RUNNING:\n +)limit_run",
        r"\1self.age(now) #",
    ),
    Mutation(
        "a run of the past is forgotten",
        coming_up,
        r"(process\.attempt = 1\n +process\.state =) State\.EXITED",
        r"\1 process.state",
    ),
    # Ending
    Mutation(
        "the pid of the dead is kept", ending, r"pid, process\.pid = process\.pid or 0, None", "pid = process.pid or 0"
    ),
    Mutation(
        "only code 0 is expected",
        ending,
        r"expected = \(is_listed\(status, process\.program\.exitcodes\)",
        "expected = (status.code == 0",
    ),
    Mutation("unexpected means expected", restarting, r"return not expected", "return expected"),
    Mutation(
        "autorestart=true is unexpected", restarting, r"(case Autorestart\.ALWAYS:\n +return) True", r"\1 not expected"
    ),
    Mutation(
        "autorestart does not look at what is wanted",
        ending,
        r"if process\.wanted and not for_good and restarts_after",
        "if process._restarts_after",
    ),
    Mutation(
        "what has exited is still wanted", ending, r"process\.wanted = False\n( +return \[announced\])", r"pass\n\1"
    ),
    Mutation("an end is announced twice", ending, r"return \[announced\]", "return [announced] * 2"),
    # Stopping
    Mutation(
        "SIGKILL comes at once",
        stopping,
        r"stop=now \+ patience\(process, now\)\)(\n +instead)",
        r"stop=now)\1",
    ),
    Mutation(
        "SIGKILL never comes",
        stopping,
        r"stop=now \+ patience\(process, now\)\)(\n +instead)",
        r"stop=now + 1e9)\1",
    ),
    Mutation("SIGKILL comes but once", stopping, r"stop=now \+ max\(.*\)\)", "stop=now + 1e9)"),
    Mutation("SIGKILL goes out without a pause", stopping, r"stop=now \+ max\(.*\)\)", "stop=now)"),
    Mutation("every stop signal is SIGTERM", stopping, r"(process\.pid or 0, )program\.stopsignal", r"\g<1>15"),
    Mutation(
        "stop_scope is forgotten",
        stopping,
        r"program\.stopsignal, program\.stop_scope",
        "program.stopsignal, Scope.PROCESS",
    ),
    Mutation("kill_scope is stop_scope", stopping, r"process\.program\.kill_scope", "process.program.stop_scope"),
    Mutation(
        "a stop that comes before the spawn is lost",
        stopping,
        r"case State\.STARTING \| State\.BACKOFF:",
        "case State.BACKOFF:",
    ),
    Mutation(
        "a stop while it backs off is lost",
        stopping,
        r"case State\.STARTING \| State\.BACKOFF:",
        "case State.STARTING:",
    ),
    Mutation(
        "a refused signal is tried for ever",
        ending,
        r"return \[\*told, process\.enter\(State\.UNKNOWN.*\)\]",
        "return []",
    ),
    Mutation(
        "a refused signal makes the living unknown",
        ending,
        r"if process\.state is not State\.STOPPING:\n( +return \[\])",
        r"if False:\n\1",
    ),
    Mutation("deadlines outlive their state", process, r"(self\.state = after\n) +self\.deadlines = .*\n", r"\1"),
    Mutation(
        "a hasty stop is a polite one",
        requests,
        r"return \[stopping, \*skipped, \*send_sigkill\(process, now, hurried=True\)\]",
        "return [stopping]",
    ),
    # What is left behind
    Mutation(
        "what is left is not waited for", ending, r"if descendants and waits_for_descendants\(process\):", "if False:"
    ),
    Mutation(
        "what is left is always waited for", ending, r"descendants and waits_for_descendants\(process\)", "descendants"
    ),
    Mutation(
        "what is left is stopped only where it was stopped itself",
        stopping,
        r"(Leftovers\.STOP:\n +return) process\.state is not State\.UNKNOWN",
        r"\1 process.state is State.STOPPING",
    ),
    Mutation(
        "a tree that was not stopped is waited for",
        stopping,
        r"return process\.state is State\.STOPPING and (process\.program\.stop_scope)",
        r"return \1",
    ),
    Mutation(
        "what is left has no deadline",
        stopping,
        r"process\.deadlines = Deadlines\(stop=now \+ process\.program\.stopwaitsecs\)(\n +elif)",
        r"pass\1",
    ),
    Mutation(
        "a tree that had the signal gets it again",
        stopping,
        r"if ended\.before is State\.STOPPING and process\.stop_reached is Scope\.TREE:",
        "if False:",
    ),
    Mutation("a group that had the signal gets it again", stopping, r"spared = ended\.pid if", "spared = 0 if"),
    Mutation(
        "a group that had no signal gets none",
        stopping,
        r"spared = ended\.pid if ended\.before is State\.STOPPING and",
        "spared = ended.pid if",
    ),
    Mutation(
        "what a tree has left is forgotten",
        ending,
        r"bool\(descendants\) and whole_tree",
        "False",
    ),
    Mutation("descendants that go on are not kept", ending, r" if descendants else actions", " if False else actions"),
    Mutation(
        "what a tree has left is not to be stopped", ending, r"stop_later=process\.left_behind", "stop_later=False"
    ),
    Mutation(
        "what is left stays left", ending, r'(descendants has ended\."""\n) +process\.left_behind = False\n', r"\1"
    ),
    Mutation("what is left is stopped out of turn", fleet, r"call_off\(process, now\)", "stop(process, now)"),
    Mutation(
        "what is left outlives a restart", requests, r"process\.settled and not process\.left_behind", "process.settled"
    ),
    Mutation(
        "what is left outlives a replacement",
        requests,
        r"if process\.left_behind:\n( +process\.wanted = .*_comes_back)",
        r"if False:\n\1",
    ),
    Mutation(
        "what is left has no time",
        stopping,
        r"(stopping = process\.enter\(State\.STOPPING\)\n +process\.deadlines = Deadlines\(stop=now) \+ .*",
        r"\1)",
    ),
    Mutation(
        "what is left gets SIGKILL at once",
        stopping,
        r"0, process\.program\.stopsignal(, Scope\.TREE, spared_group)",
        r"0, SIGKILL\1",
    ),
    Mutation("what is left is never killed", stopping, r"if process\.pid is None:\n( +return \[Kill)", r"if 0:\n\1"),
    Mutation("descendants are not announced", stopping, r"(: list\[Action\] = )\[AnnounceDescendants.*\]", r"\1[]"),
    Mutation("an end is forgotten over what is left", ending, r"return _over\(process, ended, now\)", "return []"),
    Mutation("what is asked for meanwhile changes nothing", process, r"self\.pending_end = replace\(.*\)", "pass"),
    Mutation("what is another user's is waited for", ending, r"return descendants_gone\(process, now\)", "return []"),
    # The end by itself, in time, and with a status
    Mutation("nothing is critical", exit_policy, r"if end\.program\.critical and .*:", "if False:"),
    Mutation(
        "critical programs may end well",
        exit_policy,
        r"if end\.program\.critical and .*:",
        "if end.program.critical and (fatal or not end.expected):",
    ),
    Mutation("the status is that of the first failure", exit_policy, r"if self\.cause\.code is not None", "if False"),
    Mutation(
        "any_exit is for the unexpected",
        exit_policy,
        r"case ShutdownWhen\.ANY_EXIT if .*:",
        "case ShutdownWhen.ANY_EXIT if fatal or not end.expected:",
    ),
    Mutation(
        "any_fatal is for all that end",
        exit_policy,
        r"case ShutdownWhen\.ANY_FATAL if .*:",
        "case ShutdownWhen.ANY_FATAL:",
    ),
    Mutation("one that is done is all done", exit_policy, r"if all\(group\.over", "if any(group.over"),
    Mutation("a process that is done makes a group done", groups, r"return all\((.* and)", r"return any(\1"),
    Mutation("what comes back has ended", exit_policy, r"case State\.EXITED if not .*:", "case State.EXITED:"),
    Mutation("it ends in its own name", fleet, r"self\._exit_policy\.cause = cause", "pass"),
    Mutation(
        "the last failure counts",
        exit_policy,
        r"next\(iter\(self\.failed\.values\(\)\), 0\)",
        "[0, *self.failed.values()][-1]",
    ),
    Mutation("a failure is not made good again", exit_policy, r"self\.forget\(action\.name\)", "pass"),
    Mutation(
        "a failure may have code 0",
        exit_policy,
        r"= code or 1",
        "= code or 0",
    ),
    Mutation("a signal is no code", ending, r"128 \+ status\.signal", "status.signal"),
    Mutation("no program gives its code", exit_policy, r"return process\.exit_code or 0 if", "return 0 if"),
    Mutation("the end is not hurried", shutdown, r"shorten_stop\(process, now \+ present, now\)", "pass"),
    Mutation(
        "the end is hurried too late",
        shutdown,
        r"remains = max\(0\.0, self\._end_at - reserve - now\)",
        "remains = self._end_at - now",
    ),
    Mutation("the end is not kept", shutdown, r"now >= self\._end_at:", "now >= self._end_at + 9:"),
    Mutation("nothing is due at the end", shutdown, r"(self\._waves else None), self\._end_at\)", r"\1,)"),
    Mutation("a wave waits for what survives SIGKILL", shutdown, r"now < self\._wave_until", "True"),
    Mutation(
        "it leaves before its time is over",
        shutdown,
        r"self\.over = not \(lives_on or .*\)",
        "self.over = True",
    ),
    Mutation("a reload has to hurry", fleet, r"if not restart:\n( +self\._shutdown\.limit)", r"if True:\n\1"),
    Mutation("hurry takes its time", hooks, r"stop=min\(", "stop=max("),
    Mutation("processes that still run are not named", fleet, r"exit_code\(\), self\.unsettled\(\)", "exit_code()"),
    # The fleet
    Mutation(
        "a spawn is carried out that is no longer wanted",
        fleet,
        r"process is not None and process\.awaits\(.*\)",
        "True",
    ),
    Mutation("an order of the past is carried out", fleet, r" and process\.program is order\.program", ""),
    Mutation(
        "a spawned process has no owner",
        fleet,
        r"self\._by_pid\[pid\] = process(\n +return spawned)",
        r"pass\1",
    ),
    Mutation(
        "a reaped pid keeps its owner",
        fleet,
        r"process = self\._by_pid\.pop\(pid, None\)",
        "process = self._by_pid.get(pid)",
    ),
    Mutation(
        "nobody hears that a signal was refused", news, r"return kill_failed\(process, reason, now\)", "return []"
    ),
    Mutation("a deadline is served when it has passed", deadlines, r"self\.earliest > now", "self.earliest >= now"),
    Mutation("only one deadline is served", due, r"for process in due for", "for process in due[:1] for"),
    Mutation("the last deadline is the next", fleet, r"min\(deadlines", "max(deadlines"),
    Mutation(
        "groups start as they stand in the file",
        fleet,
        r"sorted\(self\.groups\.values\(\), key=.*priority\)",
        "self.groups.values()",
    ),
    Mutation("boot starts everything", fleet, r" if p\.program\.autostart and .*", ""),
    Mutation(
        "a process that leaves can be started", fleet, r"process is None or process\.leaving or", "process is None or"
    ),
    Mutation(
        "start works during shutdown",
        fleet,
        r"process\.leaving or self\.state is not MasterState\.RUNNING:",
        "process.leaving:",
    ),
    Mutation(
        "a new group is not started",
        membership,
        r"(processes\.values\(\):\n +if) process\.program\.autostart:",
        r"\1 False:",
    ),
    Mutation("a group cannot come back before it has left", membership, r"members and not members\.leaving", "members"),
    Mutation(
        "a group that comes back is not announced", membership, r"\[\*back, \*(self\.change.*)\]", r"[*back[:1], *\1]"
    ),
    Mutation(
        "a removed group goes on",
        membership,
        r"return self\._let_leave\(list\(members\.processes\.values\(\)\), now\)",
        "return []",
    ),
    Mutation(
        "a process that leaves is forgotten before it has ended",
        membership,
        r"if not \(process\.leaving and process\.settled\):([\s\S]+?)if process\.settled:",
        r"if not process.leaving:\1if True:",
    ),
    Mutation(
        "nothing says that a group has gone",
        membership,
        r"actions\.append\(AnnounceGroup\(name, added=False\)\)",
        "pass",
    ),
    Mutation(
        "a group keeps its definition",
        membership,
        r"(before), members\.spec = (members\.processes), group",
        r"\1 = \2",
    ),
    Mutation("a changed group is not announced", membership, r"if is_new else actions", "if False else actions"),
    Mutation("a group that stays as it is is announced", membership, r"if is_new else actions", "if True else actions"),
    Mutation("a group keeps its order", membership, r"members\.processes = \{\}", "pass"),
    Mutation("a new program of a group is not started", membership, r"elif new\.autostart:", "elif False:"),
    Mutation("replaced is changed in place", membership, r"if restart:", "if False:"),
    Mutation("changed in place is replaced", membership, r"if restart:", "if restart or program != process.program:"),
    Mutation(
        "a process that is back in the file still leaves",
        membership,
        r"process\.leaving = False\n( +process\.wanted)",
        r"pass\n\1",
    ),
    Mutation("a process that is back in the file is down", membership, r"process\.wanted = program\..*", "pass"),
    Mutation("shutdown leaves it wanted", fleet, r"process\.wanted = False\n( +# A pending)", r"\1"),
    Mutation("shutdown leaves a retry to its wave", fleet, r"if process\.pid is None:", "if False:"),
    Mutation("the lowest priority stops first", shutdown, r"self\._waves\.pop\(\)", "self._waves.pop(0)"),
    Mutation("waves do not wait", shutdown, r"if self\._stopping and \(", "if False and ("),
    Mutation(
        "a group stops in the order of its start",
        shutdown,
        r"reversed\(group\.processes\.values\(\)\)",
        "group.processes.values()",
    ),
    Mutation(
        "one group of a wave is enough",
        shutdown,
        r"actions \+= stop\(process, now\)\n( +self\.share)",
        r"actions += stop(process, now)\n            break\n\1",
    ),
    Mutation(
        "the second request is like the first",
        fleet,
        r"(case MasterState\.SHUTDOWN) if not restart:",
        r"\1 if restart:",
    ),
    Mutation(
        "a reload cannot become a shutdown",
        fleet,
        r"case MasterState\.RESTARTING if not restart:",
        "case MasterState.RESTARTING if False:",
    ),
    Mutation("a reload does not come back", fleet, r"restart = self\.state is .*", "restart = False"),
    Mutation("it quits before it is done", shutdown, r"if not self\._waves:", "if len(self._waves) < 2:"),
    Mutation("it never quits", fleet, r"(RUNNING and) not self\._shutdown\.over", r"\1 self._shutdown.over"),
]


def core_with(mutation: Mutation | None, modules: tuple[ModuleType, ...] = MODULES) -> type:
    """The class Fleet of a copy of the core that has that fault; the last of the modules is that of Fleet."""
    copies: dict[str, Names] = {}
    for module in modules:
        copies[module.__name__] = copy_of(module, mutation, copies)
    found = copies[fleet.__name__]["Fleet"]
    assert isinstance(found, type)
    return found


def found_after(
    fleet_class: type,
    budget: int = BUDGET,
    imagine: Callable[[Random], Scenario] = scenario,
    watch: Callable[[World], Watcher] = Invariants,
) -> int | None:
    """How many scenarios it took to find a fault; None: it was not found."""
    for seed in range(budget):
        try:
            World(imagine(Random(seed)), watch, fleet_class).run()
        except Exception:  # noqa: BLE001 - a core that breaks down is found out, too
            return seed + 1
    return None


@pytest.mark.slow
@each(MUTATIONS)
def test_a_seeded_fault_is_found(mutation):
    """The simulation finds each of these faults within its budget."""
    assert found_after(core_with(mutation)) is not None, f"the simulation does not find that {mutation.claim}"


def test_without_a_fault_nothing_is_found():
    """The same copy of the core, unharmed, passes the same scenarios."""
    assert found_after(core_with(None), UNHARMED) is None


def test_there_are_enough_faults():
    """No two mutations do the same, and they touch every module."""
    assert len({(m.piece, m.instead) for m in MUTATIONS}) == len(MUTATIONS) >= 15
    assert {m.module for m in MUTATIONS} == set(MODULES) - ELSEWHERE
