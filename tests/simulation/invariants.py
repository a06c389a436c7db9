"""What must hold after every step of the simulation. Each rule is one method, named for what must be true.

Everything is judged from outside: by events, orders, announcements and the kernel's table. Of the fleet only its public
fields are read, so that a rule does not share an error with the code it judges.

Better whole than within the limits: all rules share one memory of what has happened.
"""

from collections import defaultdict
from dataclasses import dataclass
from signal import SIGKILL

from procman.config.schema.programs import Program
from procman.core.actions import (
    Action,
    Announce,
    AnnounceDescendants,
    AnnounceGroup,
    AnnounceGroupChanged,
    AnnounceMaster,
    KeepDescendants,
    Kill,
    ProcessRemoved,
    Quit,
    Spawn,
)
from procman.core.deadlines import Deadlines
from procman.core.events import (
    Adopted,
    BootRequested,
    DeadlineReached,
    DescendantsGone,
    Event,
    Exited,
    GroupAdded,
    GroupChanged,
    GroupRemoved,
    KillFailed,
    RestartRequested,
    RetryRequested,
    RunRemembered,
    ShutdownRequested,
    SignalRequested,
    Spawned,
    SpawnFailed,
    StartRequested,
    StopRequested,
)
from procman.core.process import Process
from procman.core.spec import GroupSpec, Leftovers, Scope, ShutdownWhen
from procman.core.states import SETTLED, TRANSITIONS, UP, MasterState, Phase, State
from procman.services.explain import around_of, explain
from tests.simulation.fake_kernel import FOREVER, Child, World
from tests.simulation.oneshot_rules import OneshotRules, is_done, is_oneshot
from tests.simulation.readiness_rules import ReadinessRules
from tests.simulation.restart_rules import RestartRules, comes_back, expected, is_judged, listed

# Sums of binary fractions are not exact, and a timer may ring a clock's resolution early.
A_HAIR = 1e-6
# Between two SIGKILLs where stopwaitsecs says less.
KILL_AGAIN = 1.0

# What a process waits for in that state, if it waits.
DEADLINE = {
    State.STARTING: {"start", "look", "unready"},
    State.RUNNING: {"run"},
    State.BACKOFF: {"retry"},
    State.STOPPING: {"stop"},
}
DEADLINES = frozenset().union(*DEADLINE.values())

ENDED = frozenset({State.BACKOFF, State.EXITED, State.STOPPED})


class Violation(AssertionError):
    """Something that must always be true was not."""


@dataclass(frozen=True)
class Before:
    """A process as it was before an event."""

    process: Process
    state: State
    pid: int | None
    deadline: float | None
    wanted: bool
    leaving: bool
    never_started: bool
    program: Program
    descendants: bool  # what it left behind is waited for
    deadlines: Deadlines
    left: bool  # an earlier run has left something behind that a stop is to reach


@dataclass(frozen=True)
class Shown:
    """A claim about a process, which becomes text only where it does not hold: that takes longer than to look."""

    process: Process

    def __str__(self) -> str:
        p = self.process
        return f"{p.name} is {p.state.name} with pid {p.pid} and {p.deadlines}"


class Invariants:
    """Watches one world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.fleet = world.fleet
        self.config: dict[str, GroupSpec] = {group.name: group for group in world.scenario.groups}
        self.wanted: dict[str, bool] = dict.fromkeys(self.fleet.processes, False)
        self.announced: dict[str, State] = dict.fromkeys(self.fleet.processes, State.STOPPED)
        self.announced_groups = set(self.config)
        self.failures: dict[str, int] = defaultdict(int)
        self.signalled_left: dict[str, float] = {}  # when what it had left was signalled last
        self.stop_due: dict[str, float] = {}  # when SIGKILL is allowed
        self.up_at: dict[str, float] = {}  # when the present run has been up for startsecs
        self.pids: set[int] = set()  # of all times
        self.abandoned: set[int] = set()  # pids of UNKNOWN processes whose group has gone
        self.sigkilled: set[str] = set()  # and not gone yet, for all that is known
        self.ended: set[int] = set()  # reaped, their end not yet announced
        self.waited: dict[str, Exited] = {}  # ended, their descendants not
        self.left: dict[str, bool] = {}  # down, and some of their tree is still up, for all that the fleet knows
        self.stopping_left: set[str] = set()  # as these were down, what they have left is being stopped
        self.asked_meanwhile: set[str] = set()  # for these a request has said what comes next
        self.codes: dict[str, int] = {}  # how each ended the last time
        self.failed: dict[str, int] = {}  # down because they failed, first come first
        self.by_itself = False  # has a program brought the shutdown about?
        self.critical: str | None = None  # the critical one that has
        self.critical_code: int | None = None  # and how it ended
        self.explained: dict[str, tuple[object, ...]] = {}  # what each was like when it was last explained
        self.shutdown_due: float | None = None
        self.end_at: float | None = None  # when shutdown_timeout is over
        self.event: Event = BootRequested()
        self.before: dict[str, Before] = {}
        self.restarts = RestartRules(self.must)
        self.oneshots = OneshotRules(self.must)
        self.readiness = ReadinessRules(self.must, world.scenario.late)
        self.groups_before: dict[str, GroupSpec] = {}
        self.master_before = MasterState.RUNNING

    def must(self, truth: object, claim: object) -> None:
        """Raises Violation, with the last part of the history, unless it is true."""
        if not truth:
            raise Violation(f"at {self.world.now:.6f}: {claim}\n{self.world.recent()}")

    # ---- when each is looked at

    def event_comes(self, event: Event) -> None:
        self.event = event
        self.master_before = self.fleet.state
        self.groups_before = {name: members.spec for name, members in self.fleet.groups.items()}
        self.before = {
            name: Before(
                p,
                p.state,
                p.pid,
                p.next_deadline,
                p.wanted,
                p.leaving,
                p.attempt == 0,
                p.program,
                p.phase is Phase.LEFTOVERS,
                p.deadlines,
                p.left_behind,
            )
            for name, p in self.fleet.processes.items()
        }

        self.readiness.event_comes(event, self.fleet.processes, self.world.now)

    def decided(self, event: Event, actions: list[Action]) -> None:
        self.must(isinstance(actions, list), "an answer is a list of actions")
        self._note_what_is_asked_for(event)
        if isinstance(event, RunRemembered):
            self.announced[event.name] = self.fleet.processes[event.name].state
        self._announcements_chain_up(actions)
        self._groups_are_announced(actions)
        self._changed_groups_are_announced(actions)
        self._an_end_is_announced_once(event, actions)
        self._descendants_that_go_on_are_kept(event, actions)
        self._autorestart_is_obeyed(actions)
        self._it_ends_by_itself_when_it_should(actions)
        self._backing_off_counts(actions)
        self._running_takes_startsecs(event, actions)
        self._a_stop_comes_with_its_signal(event, actions)
        self._boot_is_in_order(event, actions)
        self._a_start_starts(event, actions)
        self._the_master_does_as_asked(event)
        self._waves_are_in_order(event, actions)
        self._nothing_starts_after_shutdown(actions)
        self._the_exit_status_is_right(actions)
        self._no_deadline_is_forgotten(event, actions)
        self._what_is_left_of_a_tree_is_stopped_with_it(event)
        self._wanted_is_what_was_asked_for(actions)
        due = {name: process.deadlines.retry for name, process in self.fleet.processes.items()}
        self.restarts.decided(event, actions, self.world.now, due)
        self.oneshots.decided(event, actions, self.world.now, self.fleet.processes)
        self.readiness.decided(actions, self.fleet.processes, self.world.now)

    def carried_out(self) -> None:
        self._what_is_left_is_asked_once()
        self._states_agree_with_their_fields()
        self._the_kernel_agrees()
        self._processes_are_those_of_the_config()
        self._why_is_never_empty()

    def spawning(self, order: Spawn) -> None:
        self.must(self.fleet.state is MasterState.RUNNING, f"{order.name} is spawned after shutdown was asked for")
        alive = [c for c in self.world.children.values() if c.name == order.name and c.pid not in self.abandoned]
        self.must(not alive, f"{order.name} is spawned while it has a process")
        self.must(order.name not in self.waited, f"{order.name} is spawned while its descendants are waited for")
        process = self.fleet.processes.get(order.name)
        self.must(process is not None, f"{order.name} is spawned and has gone")
        self.must(process and order.program == process.program, f"{order.name} is spawned by a definition of the past")

    def killing(self, order: Kill) -> None:
        if not order.pid:
            self.must(order.scope is Scope.TREE, f"{order} reaches no process")
            gone = order.name not in self.world.descendants
            # The stop signal and SIGKILL of one step, when the time is over: the first may have been enough.
            at_once = self.signalled_left.get(order.name) == self.world.now
            self.signalled_left[order.name] = self.world.now
            allowed = not gone or self.left.get(order.name) or at_once
            self.must(allowed, f"{order.name} has no descendants, and they are signalled")
            return
        child = self.world.children.get(order.pid)
        self.must(child is not None, f"pid {order.pid} is signalled and is not there")
        self.must(child and child.name == order.name, f"pid {order.pid} is signalled and is not {order.name}'s")
        self.must(order.pid not in self.abandoned, f"pid {order.pid} is signalled and was given up")

    def reaped(self, child: Child) -> None:
        owner = self.fleet.owner(child.pid)
        if child.pid in self.abandoned:
            self.abandoned.remove(child.pid)
            self.must(owner is None, f"pid {child.pid} was given up and is still owned")
        else:
            self.must(owner is not None and owner.name == child.name, f"pid {child.pid} of {child.name} is not owned")
            self.ended.add(child.pid)

    def at_rest(self) -> None:
        self.must(not self.ended, f"the end of {self.ended} was never announced")
        if self.fleet.state is MasterState.RUNNING:
            self.must(self.world.quit is None, "it quits unasked")
            self._wanted_state_is_reached()
            self._update_is_done()
        else:
            self._shutdown_has_ended()

    # ---- after every decision

    def _announcements_chain_up(self, actions: list[Action]) -> None:
        for name in self.fleet.processes.keys() - self.before.keys():
            self.announced[name] = State.STOPPED
            self.failures[name] = 0
            self.left[name] = False
        for action in actions:
            if isinstance(action, Announce):
                name, before, after = action.name, action.before, action.after
                self.must(after in TRANSITIONS[before], f"{name}: {before.name} cannot become {after.name}")
                self.must(self.announced[name] is before, f"{name} was announced {self.announced[name].name} before")
                self.announced[name] = after
        for name, process in self.fleet.processes.items():
            self.must(self.announced[name] is process.state, f"{name} is {process.state.name}, which was not announced")

    def _groups_are_announced(self, actions: list[Action]) -> None:
        for action in actions:
            if isinstance(action, AnnounceGroup):
                known = action.name in self.announced_groups
                self.must(known is not action.added, f"{action.name} is announced twice")
                self.announced_groups ^= {action.name}
        self.must(self.announced_groups == set(self.fleet.groups), "a group comes or goes unannounced")
        gone = {n for n, b in self.before.items() if self.fleet.processes.get(n) is not b.process}
        told = [action.name for action in actions if isinstance(action, ProcessRemoved)]
        self.must(sorted(told) == sorted(gone), f"{sorted(gone)} have gone, {told} are said to")
        for name, before in self.before.items():
            if name in gone:
                self.must(before.leaving or self._asked_to_go(name), f"{name} has gone unasked")
                state = before.process.state
                self.must(state in SETTLED, f"{name} has gone and was {state.name}")
                if state is State.UNKNOWN and before.process.pid is not None:
                    self.abandoned.add(before.process.pid)

    def _changed_groups_are_announced(self, actions: list[Action]) -> None:
        told = [action.group for action in actions if isinstance(action, AnnounceGroupChanged)]
        before = self.groups_before
        changed = [m.spec for name, m in self.fleet.groups.items() if before.get(name, m.spec) != m.spec]
        self.must(told == changed, f"{len(changed)} groups have changed, {len(told)} are said to")

    def _descendants_that_go_on_are_kept(self, event: Event, actions: list[Action]) -> None:
        kept = [action for action in actions if isinstance(action, KeepDescendants)]
        expected = []
        if isinstance(event, Exited) and event.descendants:
            name, before = next((name, before) for name, before in self.before.items() if before.pid == event.pid)
            if not self._waits(before, event):
                expected = [KeepDescendants(name, stop_later=self.left[name])]
        self.must(kept == expected, f"{kept} for {event}")

    def _asked_to_go(self, name: str) -> bool:
        return all(program.namespec != name for group in self.config.values() for program in group.programs)

    def _an_end_is_announced_once(self, event: Event, actions: list[Action]) -> None:
        ends = [a for a in actions if isinstance(a, Announce) and a.pid and a.after in ENDED]
        waits = [a for a in actions if isinstance(a, AnnounceDescendants)]
        if isinstance(event, Exited):
            self.ended.discard(event.pid)
            name = next(name for name, before in self.before.items() if before.pid == event.pid)
            self.codes[name] = 128 + event.status.signal if event.status.signal else event.status.code
            self.must(bool(waits) is self._waits(self.before[name], event), f"{waits} for {event}")
            if waits:
                self.must(
                    not ends and waits == [AnnounceDescendants(name, event.status, event.descendants)],
                    "it has not ended",
                )
                self.waited[name] = event
            else:
                self._is_the_end(event, ends)
                before = self.before[name]
                given_up = before.state is State.UNKNOWN
                self.left[name] = bool(event.descendants) and before.program.stop_scope is Scope.TREE and not given_up
        elif isinstance(event, (DescendantsGone, KillFailed)) and event.name in self.stopping_left:
            self.stopping_left.remove(event.name)
            self.left[event.name] = False
            stops = [a.after for a in actions if isinstance(a, Announce) and a.name == event.name]
            self.must(stops[:1] == [State.STOPPED], f"nothing is left of {event.name}, which does {stops}")
        elif isinstance(event, (DescendantsGone, KillFailed)) and event.name in self.waited:
            self.left[event.name] = False
            self._is_the_end(self.waited.pop(event.name), ends)
            if event.name in self.asked_meanwhile:
                self.asked_meanwhile.remove(event.name)
                self.must(
                    ends[0].after is State.STOPPED, f"{event.name} was asked to stop, and has {ends[0].after.name}"
                )
        else:
            self.must(not ends and not waits, "an end is announced that has not happened")
            if isinstance(event, DescendantsGone):
                self.left[event.name] = False

    def _is_the_end(self, event: Exited, ends: list[Announce]) -> None:
        self.must(len(ends) == 1, f"the end of pid {event.pid} is announced {len(ends)} times")
        self.must(ends[0].pid == event.pid, f"the end of pid {event.pid} is announced as that of {ends[0].pid}")
        self.must(ends[0].status == event.status, f"pid {event.pid} ended otherwise than announced")

    def _waits(self, before: Before, event: Exited) -> bool:
        if not event.descendants or before.state is State.UNKNOWN:
            return False
        stops = before.state is State.STOPPING and before.program.stop_scope is Scope.TREE
        return stops or before.program.leftovers is Leftovers.STOP

    def _autorestart_is_obeyed(self, actions: list[Action]) -> None:
        for action in actions:
            if isinstance(action, Announce) and action.after is State.EXITED:
                name, program = action.name, action.program
                assert action.status is not None
                is_expected = expected(action.status, program)
                self.must(action.expected is is_expected, f"{name}: code {action.status.code} is called otherwise")
                again = self.before[name].wanted and comes_back(action.status, program)
                follows = [
                    a.after
                    for a in actions
                    if isinstance(a, Announce)
                    and a.name == name
                    and a.before is State.EXITED
                    # What it has left may be stopped by a shutdown.
                    and a.after in {State.STARTING, State.BACKOFF}
                ]
                self.must(bool(follows) is again, f"{name} exited, and autorestart is {program.autorestart.name}")
                may_wait = (
                    is_oneshot(program)
                    or program.backoff is not None
                    or not self.restarts.limit_allows(name, program, self.world.now)
                    or self.restarts.may_brake(name)
                )
                self.must(may_wait or follows in ([], [State.STARTING]), f"{name} is to start at once")
                self.wanted[name] = again

    def _it_ends_by_itself_when_it_should(self, actions: list[Action]) -> None:
        if self.master_before is not MasterState.RUNNING:
            return
        ends = [a for a in actions if isinstance(a, Announce) and a.after in (State.EXITED, State.FATAL)]
        for end in ends:
            fatal = end.after is State.FATAL
            follows = [
                a.after for a in actions if isinstance(a, Announce) and a.name == end.name and a.before is end.after
            ]
            if not fatal and {State.STARTING, State.BACKOFF}.intersection(follows):
                continue  # it comes back, or its last word is FATAL
            if fatal and self._is_limited(end) and end.program.on_restart_limit[0] == "shutdown" and not self.by_itself:
                self.by_itself, self.critical = True, end.name
            if end.program.critical and not is_done(end) and not self.by_itself:
                self.by_itself, self.critical = True, end.name
            match self.world.scenario.master.shutdown_when:
                case ShutdownWhen.ANY_EXIT if not is_done(end):
                    self.by_itself = True
                case ShutdownWhen.ANY_FATAL:
                    self.by_itself |= fatal
                case ShutdownWhen.ALL_DONE:
                    self.by_itself |= all(state in SETTLED for state in self._states_after(end, actions))
        if self.by_itself:
            self.wanted = dict.fromkeys(self.wanted, False)

    def _is_limited(self, end: Announce) -> bool:
        return " restart" in end.reason and not self.restarts.limit_allows(end.name, end.program, self.world.now)

    def _states_after(self, end: Announce, actions: list[Action]) -> list[State]:
        states = {name: before.state for name, before in self.before.items()}
        for action in actions:
            if isinstance(action, Announce):
                states[action.name] = action.after
            if action is end:
                break
        return list(states.values())

    def _the_exit_status_is_right(self, actions: list[Action]) -> None:
        if isinstance(self.event, SpawnFailed):
            self.codes[self.event.name] = self.event.code
        for action in actions:
            if isinstance(action, ProcessRemoved):
                self.failed.pop(action.name, None)
                self.codes.pop(action.name, None)
            if isinstance(action, Announce):
                failed = action.after is State.FATAL or (action.after is State.EXITED and not action.expected)
                if failed:
                    self.failed[action.name] = self.codes[action.name] or 1
                elif action.after in {State.STARTING, State.BACKOFF}:
                    self.failed.pop(action.name, None)
                if action.name == self.critical and action.after in {State.EXITED, State.FATAL}:
                    self.critical_code = self.failed.get(action.name, self.codes[action.name])
            if isinstance(action, Quit):
                said = self.world.scenario.master.exit_code_from
                expected = self.codes.get(said or "", 0)
                if said is None and self.critical_code is not None:
                    expected = self.critical_code
                elif said == "first_failure" or (said is None and self.by_itself):
                    expected = next(iter(self.failed.values()), 0)
                self.must(action.code == expected, f"it quits with {action.code}, not {expected}")

    def _backing_off_counts(self, actions: list[Action]) -> None:
        now = self.world.now
        for at, action in enumerate(actions):
            if not isinstance(action, Announce):
                continue
            name = action.name
            once = is_oneshot(action.program)
            if action.after is State.BACKOFF and (action.before is not State.EXITED or once):
                self.failures[name] += 1
                count = self.failures[name]
                follows = [a.after for a in actions[at + 1 :] if isinstance(a, Announce) and a.name == name]
                process = self.fleet.processes.get(name)
                if follows[:1] == [State.FATAL]:
                    limited = not self.restarts.limit_allows(name, action.program, now)
                    limited |= once and bool(action.program.norestart_exitcodes)
                    never = action.status is not None and listed(action.status, action.program.norestart_exitcodes)
                    limited |= never and self.readiness.has_conditions(name)
                    self.must(limited or count > action.program.startretries, f"{name} gives up after {count} tries")
                elif not follows:
                    self.must(count <= action.program.startretries, f"{name} does not give up after {count} tries")
                    due = process.next_deadline if process else None
                    usual = due is not None and abs(due - now - count) < A_HAIR
                    other = action.program.backoff is not None or action.program.restart_limit is not None
                    self.must(usual or other or self.restarts.may_brake(name), f"{name} waits until {due}")
                self.must(action.reason, f"{name} backs off without a reason")
            elif action.after is State.FATAL:
                self.must(action.tries == self.failures[name], f"{name} is said to have failed {action.tries} times")
                self.must(action.reason, f"{name} is FATAL without a reason")
                tried = actions[at - 1]
                self.must(
                    isinstance(tried, Announce) and tried.status == action.status, f"{name} is FATAL for another end"
                )
            if action.after in (State.FATAL, State.STOPPED, State.EXITED if action.expected else State.FATAL):
                self.failures[name] = 0
            if action.after is State.RUNNING and not once:
                self.failures[name] = 0

    def _running_takes_startsecs(self, event: Event, actions: list[Action]) -> None:
        now = self.world.now
        if isinstance(event, Spawned):
            startsecs = self.fleet.processes[event.name].program.startsecs
            self.up_at[event.name] = now + startsecs
        if isinstance(event, Adopted):
            startsecs = self.fleet.processes[event.name].program.startsecs
            self.up_at[event.name] = now + startsecs - event.age
        for action in actions:
            if isinstance(action, Announce) and action.before is State.STARTING:
                up_at = self.up_at.get(action.name, now)
                ended = next((a.status for a in actions if isinstance(a, Announce) and a.after is State.EXITED), None)
                judged = ended is not None and is_judged(ended, action.program)
                if action.after is State.RUNNING and not judged:
                    self.must(now >= up_at - A_HAIR, f"{action.name} is RUNNING before its startsecs")
                if action.after is State.BACKOFF and action.pid:
                    early = now < up_at or not self.readiness.is_ready(action.name, now)
                    self.must(early, f"{action.name} exited 'too quickly' after its startsecs")

    def _is_asked_for(self, kill: Kill, event: SignalRequested) -> bool:
        asked = (event.name, event.signal, Scope.PROCESS, False)
        return (kill.name, kill.signal, kill.scope, kill.overdue) == asked

    def _a_stop_comes_with_its_signal(self, event: Event, actions: list[Action]) -> None:
        now = self.world.now
        again = isinstance(event, ShutdownRequested) and not event.restart
        out_of_time = self.end_at is not None and any(isinstance(action, Quit) for action in actions)
        killing_now = (again and self.master_before is MasterState.SHUTDOWN) or out_of_time
        entered = [a for a in actions if isinstance(a, Announce) and a.after is State.STOPPING]
        kills = [a for a in actions if isinstance(a, Kill)]
        if isinstance(event, SignalRequested):
            ends = self.fleet.state is not MasterState.RUNNING
            self.must(ends or not entered, "a signal is not a stop")
            asked = [kill for kill in kills if self._is_asked_for(kill, event)][:1]
            kills = [kill for kill in kills if all(kill is not one for one in asked)]
            # At the end it may be time for others to be killed, or to be stopped, as well.
            in_time = {action.name for action in entered} | {kill.name for kill in kills if kill.overdue}
            for kill in kills:
                self.must(ends and kill.name in in_time, f"{kill} is not what was asked for")
        # At the end it may be time for the SIGKILL of one that is only being told, with a stopwaitsecs of 0, say.
        first = [kill for kill in kills if not kill.overdue or self.fleet.state is MasterState.RUNNING]
        self.must(len({kill.name for kill in first}) == len(first), "two signals in one step")
        left = [action.name for action in actions if isinstance(action, AnnounceDescendants)]
        self.sigkilled |= {kill.name for kill in kills if kill.overdue}
        self.sigkilled -= {a.name for a in actions if isinstance(a, Announce) and a.after is State.STARTING}
        for action in entered:
            is_down = action.before in SETTLED | {State.BACKOFF} or self.before[action.name].pid is None
            only_left = self.left.get(action.name) and is_down
            self.must(bool(action.pid) is not bool(only_left), f"{action.name} is STOPPING with pid {action.pid}")
            if only_left:
                self.stopping_left.add(action.name)
            for child in (*self.world.children.values(), *self.world.descendants.get(action.name, [])):
                if child.name == action.name:
                    child.stop_signals_below = 0  # this stop is another one
            sent = [kill for kill in kills if kill.name == action.name]
            stops = [kill for kill in sent if kill.overdue is killing_now]
            self.must(len(stops) == 1, f"{action.name} is STOPPING, and is stopped by {sent}")
        for kill in kills:
            program = self._definition_when_signalled(kill.name, entered)
            if kill.overdue:
                self.must(kill.signal == SIGKILL, f"{kill} is no SIGKILL")
                scope = program.kill_scope if kill.pid else Scope.TREE
                self.must(kill.scope is scope, f"{kill} and kill_scope={scope.name}")
                due = self.stop_due.get(kill.name, now)
                in_time = killing_now or self.end_at is not None or now >= due - A_HAIR
                self.must(in_time, f"{kill.name} gets SIGKILL and has until {due}")
                self.stop_due[kill.name] = now + max(program.stopwaitsecs, KILL_AGAIN)
            else:
                stops = any(a.name == kill.name for a in entered)
                self.must(stops or kill.name in left, f"{kill} is sent and stops nothing")
                self.must(kill.signal == program.stopsignal, f"{kill.name} has stopsignal={program.stopsignal.name}")
                scope = program.stop_scope if kill.pid else Scope.TREE
                self.must(kill.scope is scope, f"{kill} and stop_scope={scope.name}")
                if stops:
                    self.stop_due[kill.name] = now + program.stopwaitsecs

    def _definition_when_signalled(self, name: str, entered: list[Announce]) -> Program:
        for action in entered:
            if action.name == name:
                return action.program
        return self.fleet.processes[name].program

    def _boot_is_in_order(self, event: Event, actions: list[Action]) -> None:
        if isinstance(event, BootRequested) and self.master_before is MasterState.RUNNING:
            groups = sorted(self.config.values(), key=lambda group: group.priority)
            down = {name for name, before in self.before.items() if before.state in SETTLED - {State.UNKNOWN}}
            programs = [p for group in groups for p in group.programs if p.namespec in down]
            done = self.oneshots.remembered
            expected = [p.namespec for p in programs if p.autostart and p.namespec not in done]
            ordered = [a.name for a in actions if isinstance(a, Spawn)]
            self.must(ordered == expected, f"boot starts {ordered}, not {expected}")

    def _a_start_starts(self, event: Event, actions: list[Action]) -> None:
        if isinstance(event, RetryRequested) and self.master_before is MasterState.RUNNING:
            before = self.before.get(event.name)
            waits = before is not None and before.state in {State.BACKOFF, State.FATAL} and not before.leaving
            ordered = any(isinstance(a, Spawn) and a.name == event.name for a in actions)
            self.must(ordered is waits, f"{event.name} is tried again, or is not")
        if isinstance(event, (StartRequested, RestartRequested)) and self.master_before is MasterState.RUNNING:
            before = self.before.get(event.name)
            stops_first = isinstance(event, RestartRequested) and before is not None and before.left
            down = before is not None and before.state in SETTLED - {State.UNKNOWN}
            if down and not before.leaving and stops_first:
                stopping = self.fleet.processes[event.name].state is State.STOPPING
                self.must(stopping, f"what {event.name} has left is not stopped before it is started again")
            elif down and not before.leaving:
                ordered = any(isinstance(a, Spawn) and a.name == event.name for a in actions)
                self.must(ordered, f"{event.name} is {before.state.name} and is not started")

    def _the_master_does_as_asked(self, event: Event) -> None:
        asked = self.master_before
        if isinstance(event, ShutdownRequested) and asked is not MasterState.SHUTDOWN:
            asked = MasterState.RESTARTING if event.restart else MasterState.SHUTDOWN
        if self.by_itself and asked is MasterState.RUNNING:
            asked = MasterState.SHUTDOWN
        self.must(self.fleet.state is asked, f"the master is {self.fleet.state.name}, not {asked.name}")

    def _waves_are_in_order(self, event: Event, actions: list[Action]) -> None:
        if self.fleet.state is not self.master_before:
            timeout = self.world.scenario.master.shutdown_timeout
            if timeout is not None and self.fleet.state is MasterState.SHUTDOWN:
                self.end_at = self.world.now + timeout
            told = [a for a in actions if isinstance(a, AnnounceMaster)]
            self.must([a.state for a in told] == [self.fleet.state], "the end is not announced")
            if self.master_before is MasterState.RUNNING:
                self.shutdown_due = self.world.now + self._longest_shutdown()
        if self.fleet.state is MasterState.RUNNING:
            return
        if isinstance(event, ShutdownRequested) and self.master_before is MasterState.SHUTDOWN and not event.restart:
            self.shutdown_due = min(self.shutdown_due or 0.0, self.world.now + self._longest_killing())
            return
        if isinstance(event, (StopRequested, GroupRemoved, SignalRequested)):
            return
        by_group: dict[str, list[str]] = defaultdict(list)
        by_policy = {a.name for a in actions if isinstance(a, Announce) and a.after is State.STOPPING and a.reason}
        for action in actions:
            if isinstance(action, Kill) and action.name in by_policy:
                continue  # a run that takes too long is stopped whenever that is
            before = self.before[action.name] if isinstance(action, Kill) else None
            left = before is not None and before.left and before.pid is None and before.state is not State.STOPPING
            if isinstance(action, Kill) and (action.pid or left) and not action.overdue:
                wave = self._priority(action.name)
                by_group[self._group(action.name)].append(action.name)
                for name, process in self.fleet.processes.items():
                    # With a shutdown_timeout one that does not even go of SIGKILL does not cost the others theirs.
                    given_up = self.end_at is not None and name in self.sigkilled
                    if self._priority(name) > wave and not given_up:
                        self.must(process.settled, f"{action.name} is stopped before {name} has settled")
                    if self._priority(name) == wave:
                        self.must(process.state not in UP, f"{action.name} is stopped and {name} is not")
        for group, names in by_group.items():
            backwards = [name for name in reversed(self.fleet.groups[group].processes) if name in names]
            self.must(names == backwards, f"{group} is stopped in the order of {names}")

    def _group(self, name: str) -> str:
        return self.fleet.processes[name].program.group

    def _priority(self, name: str) -> int:
        return self.fleet.groups[self._group(name)].spec.priority

    def _nothing_starts_after_shutdown(self, actions: list[Action]) -> None:
        if self.fleet.state is not MasterState.RUNNING:
            spawns = [a.name for a in actions if isinstance(a, Spawn) and self.fleet.awaits(a)]
            self.must(not spawns, f"the spawn of {spawns} is ordered after shutdown was asked for")
        quits = [a for a in actions if isinstance(a, Quit)]
        if quits:
            self.must(self.world.quit is None and len(quits) == 1, "it quits twice")
            self.must(actions[-1] is quits[0], "something is ordered after the end")
            self.must(self.fleet.state is not MasterState.RUNNING, "it quits unasked")
            again = self.fleet.state is MasterState.RESTARTING
            self.must(quits[0].restart is again, "it comes back unasked, or does not come back")

    def _no_deadline_is_forgotten(self, event: Event, actions: list[Action]) -> None:
        if not isinstance(event, DeadlineReached):
            return
        due = [n for n, b in self.before.items() if b.deadline is not None and b.deadline <= self.world.now]
        self.must(due or self.end_at is not None or not actions, "something happens before its time")
        for name in due:
            process, before = self.before[name].process, self.before[name]
            moved = (process.state, process.deadlines) != (before.state, before.deadlines)
            self.must(moved, f"the deadline of {name} at {before.deadline} was not served")

    # ---- what is wanted, as the requests have it

    def _note_what_is_asked_for(self, event: Event) -> None:
        running = self.master_before is MasterState.RUNNING
        if isinstance(event, ShutdownRequested) and running:
            self.asked_meanwhile |= self.waited.keys()
        elif isinstance(event, StopRequested) or (isinstance(event, StartRequested | RestartRequested) and running):
            before = self.before.get(event.name)
            if before is not None and not before.leaving and event.name in self.waited:
                self.asked_meanwhile.add(event.name)
        match event:
            case BootRequested() if running:
                for group in self.config.values():
                    self._want_by_default(group.programs)
            case StartRequested(name) | RestartRequested(name):
                before = self.before.get(name)
                if running and before is not None and not before.leaving:
                    # Whether one in UNKNOWN is still alive cannot be known, and there must never be two.
                    self.wanted[name] = before.state is not State.UNKNOWN
            case RetryRequested(name):
                before = self.before.get(name)
                tried = before is not None and before.state in {State.BACKOFF, State.FATAL}
                if running and before is not None and tried and not before.leaving:
                    self.wanted[name] = True
                    self.failures[name] = 0
            case Adopted(name):
                self.wanted[name] = True
            case StopRequested(name):
                self.wanted[name] = False
            case GroupAdded(group) if running and group.name not in self.config:
                self.config[group.name] = group
                self.wanted |= {program.namespec: program.autostart for program in group.programs}
            case GroupChanged(group, replace) if running and group.name in self.config:
                old = {program.namespec for program in self.config[group.name].programs}
                self.config[group.name] = group
                for name in old:
                    self.wanted[name] &= any(program.namespec == name for program in group.programs)
                for program in group.programs:
                    self._want_changed(program, old, replaced=program.namespec in replace)
            case GroupRemoved(name):
                if name in self.config:
                    for program in self.config.pop(name).programs:
                        self.wanted[program.namespec] = False
            case ShutdownRequested():
                self.wanted = dict.fromkeys(self.wanted, False)

    def _want_by_default(self, programs: tuple[Program, ...]) -> None:
        for program in programs:
            # One that was adopted may be in UNKNOWN before the boot.
            if program.autostart and program.namespec not in self.oneshots.remembered:
                self.wanted[program.namespec] = self.before[program.namespec].state is not State.UNKNOWN

    def _want_changed(self, program: Program, old: set[str], *, replaced: bool) -> None:
        name = program.namespec
        before = self.before.get(name)
        if name not in old or before is None:
            self.wanted[name] = program.autostart
        elif replaced and before.left and before.state in SETTLED - {State.UNKNOWN}:
            self.wanted[name] = program.autostart and before.state in (State.EXITED, State.FATAL)
        elif before.never_started or (replaced and before.state in (State.EXITED, State.FATAL)):
            # A process that was stopped on request stays stopped; one that ended by itself gets its chance.
            self.wanted[name] |= program.autostart
        elif replaced and before.state in UP:
            self.wanted[name] = True

    def _what_is_left_of_a_tree_is_stopped_with_it(self, event: Event) -> None:
        for name, process in self.fleet.processes.items():
            self.must(
                process.left_behind is self.left.get(name, False), f"{name} has left something: {process.left_behind}"
            )
            meant = isinstance(event, StopRequested) and event.name == name
            if (meant or process.leaving) and process.left_behind and process.pid is None:
                self.must(process.state is State.STOPPING, f"what {name} has left is not stopped with it")
            before = self.before.get(name)
            if isinstance(event, GroupChanged) and before is not None and process.program is not before.program:
                self.must(not (before.left and name in event.replace), f"{name} is replaced, and not what it has left")

    def _wanted_is_what_was_asked_for(self, actions: list[Action]) -> None:
        for name, process in self.fleet.processes.items():
            claim = f"{name} was {'' if self.wanted[name] else 'not '}asked to be up"
            self.must(process.wanted is self.wanted[name], claim)

    # ---- when the orders have been carried out

    def _what_is_left_is_asked_once(self) -> None:
        elders = [child for left in self.world.descendants.values() for child in left]
        for child in (*self.world.children.values(), *elders):
            self.must(child.stop_signals_below <= 1, f"what {child.name} has started gets a second stop signal")
        for name in self.waited.keys() & self.world.descendants.keys() - self.sigkilled:
            told = all(child.stop_signals_below for child in self.world.descendants[name])
            self.must(told, f"what {name} has left behind has not been asked to leave")

    def _states_agree_with_their_fields(self) -> None:
        for name, p in self.fleet.processes.items():
            has_pid, has_deadline = p.pid is not None, p.next_deadline is not None
            shown = Shown(p)
            named = {deadline for deadline in DEADLINES if getattr(p.deadlines, deadline) is not None}
            self.must(named <= DEADLINE.get(p.state, set()), shown)
            match p.state:
                case State.STARTING if not has_pid:
                    orders = sum(order.name == name and self.fleet.awaits(order) for order in self.world.spawns)
                    self.must(orders >= 1, f"{name} is STARTING without an order")
                    self.must(not has_deadline, shown)
                case State.STARTING:
                    # Without one, it waits for its wave of a shutdown, or it is to be told that it is ready.
                    self.must(has_pid and (has_deadline or not p.wanted), shown)
                case State.STOPPING:
                    without = name in self.waited or name in self.stopping_left
                    self.must(has_pid is not without and has_deadline, shown)
                case State.RUNNING:
                    self.must(has_pid and has_deadline is (p.deadlines.run is not None), shown)
                case State.BACKOFF:
                    self.must(not has_pid and has_deadline, shown)
                case State.UNKNOWN:
                    self.must(has_pid and not has_deadline and p.reason, shown)
                case State.STOPPED | State.EXITED | State.FATAL:
                    self.must(not has_pid and not has_deadline, shown)
                    self.must(p.reason or p.state is not State.FATAL, f"{name} is FATAL without a reason")
        deadlines = [p.next_deadline for p in self.fleet.processes.values() if p.next_deadline is not None]
        if self.end_at is not None and self.world.quit is None:
            # And when the next wave begins, which is not public.
            deadlines.append(self.end_at)
            self.must((self.fleet.next_deadline() or 0.0) <= min(deadlines), "the next deadline is another one")
        else:
            self.must(self.fleet.next_deadline() == min(deadlines, default=None), "the next deadline is another one")

    def _the_kernel_agrees(self) -> None:
        for name, process in self.fleet.processes.items():
            if process.pid is not None:
                child = self.world.children.get(process.pid)
                self.must(child is not None and child.name == name, f"{name} has pid {process.pid}, which is not its")
        self.pids |= self.world.children.keys()
        for pid in self.pids - self.world.children.keys():
            self.must(self.fleet.owner(pid) is None, f"pid {pid} is free and still has an owner")
        for child in self.world.children.values():
            if child.pid not in self.abandoned:
                process = self.fleet.processes.get(child.name)
                self.must(process is not None, f"{child.name} has gone and its pid {child.pid} has not")
                self.must(process and process.pid == child.pid, f"{child.name} has lost its pid {child.pid}")
                self.must(self.fleet.owner(child.pid) is process, f"pid {child.pid} has another owner")

    def _processes_are_those_of_the_config(self) -> None:
        expected = {p.namespec: p for group in self.config.values() for p in group.programs}
        staying = {name: p for name, p in self.fleet.processes.items() if not p.leaving}
        self.must(staying.keys() == expected.keys(), f"there are {sorted(staying)}, not {sorted(expected)}")
        for name, process in staying.items():
            # What replaces it is decided, even if it has to wait until the process has settled.
            definition = process.successor or process.program
            # Most are the same object, and to compare all fields of two takes long.
            same = definition is expected[name] or definition == expected[name]
            self.must(same, f"{name} has a definition of the past")

    # ---- when nothing would happen any more

    def _wanted_state_is_reached(self) -> None:
        for name, process in self.fleet.processes.items():
            state, wanted = process.state, self.wanted[name]
            shown = f"{name} is {state.name} in the end, and is {'' if wanted else 'not '}wanted"
            self.must(state in SETTLED or state is State.RUNNING, shown)
            if wanted:
                self.must(state in (State.RUNNING, State.FATAL, State.UNKNOWN), shown)
            else:
                self.must(state is not State.RUNNING, shown)
        for child in self.world.children.values():
            self.must(child.behaviour == FOREVER or child.behaviour.lives is None, f"{child.name} is at rest too early")

    def _update_is_done(self) -> None:
        self.must(self.fleet.groups.keys() == self.config.keys(), "there are other groups than in the config")
        for name, group in self.config.items():
            members = self.fleet.groups[name]
            order = [program.namespec for program in group.programs]
            self.must(members.spec == group, f"group {name} has a definition of the past")
            self.must(list(members.processes) == order, f"group {name} is in the order of {list(members.processes)}")
            for program in group.programs:
                process = self.fleet.processes[program.namespec]
                if process.state is State.RUNNING:
                    self.must(process.program == program, f"{process.name} runs by a definition of the past")
                    child = self.world.children[process.pid or 0]
                    same = child.program.command == program.command
                    self.must(same, f"{process.name} runs {child.program.command}, not {program.command}")

    def _shutdown_has_ended(self) -> None:
        assert self.world.quit is not None, "shutdown never ends"
        children = [self.world.children.get(self.fleet.processes[name].pid or 0) for name in self.world.quit.unsettled]
        stubborn = any(child is None or child.behaviour.sigkills > 1 for child in children)
        for name in self.world.quit.unsettled:
            self.must(self.end_at is not None and self.world.now >= self.end_at, f"{name} is left before its time")
            self.must(name in self.sigkilled, f"{name} is left and had no SIGKILL")
            self.must(stubborn or self.world.scenario.late, f"{name} is left and had its SIGKILL too late")
        left = {name for name, process in self.fleet.processes.items() if not process.settled}
        self.must(
            left == set(self.world.quit.unsettled), f"{left} are left, and {self.world.quit.unsettled} are said to be"
        )
        for name, process in self.fleet.processes.items():
            self.must(
                process.settled or name in self.world.quit.unsettled, f"{name} is {process.state.name} at the end"
            )
            gone = process.pid is None or process.state is State.UNKNOWN or name in self.world.quit.unsettled
            self.must(gone, f"{name} is left behind")
            stopped = not process.left_behind or process.state is State.UNKNOWN or name in self.world.quit.unsettled
            self.must(stopped, f"what {name} has left behind was not stopped")
        due = self.shutdown_due or 0.0
        if self.end_at is not None:
            due = min(due, self.end_at + self.world.scenario.late)
        self.must(self.world.now <= due + A_HAIR, f"shutdown has taken until {self.world.now}, not {due}")

    def _longest_shutdown(self) -> float:
        waves: dict[int, float] = defaultdict(float)
        for before in self.before.values():
            priority = self.fleet.groups[before.process.program.group].spec.priority
            waves[priority] = max(waves[priority], self._longest_stop(before, kill_now=False))
        return sum(waves.values())

    def _longest_killing(self) -> float:
        return max((self._longest_stop(before, kill_now=True) for before in self.before.values()), default=0.0)

    def _longest_stop(self, before: Before, *, kill_now: bool) -> float:
        """stopwaitsecs, and what the kernel and a late loop add to it."""
        late = self.world.scenario.late
        name = before.process.name
        # If some of them may not be signalled, that is certain only when the signal reaches no other.
        again = (
            max(before.process.program.stopwaitsecs, KILL_AGAIN) if len(self.world.descendants.get(name, [])) > 1 else 0
        )
        if before.descendants:
            assert before.deadline is not None
            return again + (0.0 if kill_now else max(0.0, before.deadline - self.world.now)) + 2 * late
        child = self.world.children.get(before.pid or 0)
        wait = before.process.program.stopwaitsecs
        if child is None:
            left = before.left or self.left.get(name)
            return again + (0.0 if kill_now else wait) + 2 * late if left else 0.0
        first = 0.0 if kill_now else wait
        if before.state is State.STOPPING and before.deadline is not None and not kill_now:
            first = max(first, before.deadline - self.world.now)
        kills = child.behaviour.sigkills
        if (child.behaviour.descendant is not None or before.left) and before.process.minds_descendants:
            # They have as long as it has again when they are found only after SIGKILL.
            kills += 1
        return again + first + (kills - 1) * max(wait, KILL_AGAIN) + (kills + 1) * late

    def _why_is_never_empty(self) -> None:
        """Whatever a process does, there is a reason for it, and something that comes next."""
        around = around_of(self.fleet, self.world.now)
        for name, p in self.fleet.processes.items():
            what = (self.fleet.state, p.state, p.phase, p.wanted, p.pid is None, p.leaving, p.successor is None)
            if self.explained.get(name) == what:
                continue  # to explain it again takes time, and says the same
            self.explained[name] = what
            why = explain(p, around)
            said = [why.sentence, why.short, why.next, *(link.text for link in why.because)]
            self.must(why.because and all(said), f"there is no reason why {name} is {p.state.name}")
            self.must("None" not in " ".join(said), f"{said} says None")
            down_as_asked = p.state is State.STOPPED and not p.wanted
            up_as_asked = p.state is State.RUNNING and p.wanted
            self.must(why.as_wanted or not (down_as_asked or up_as_asked), f"{name}, as asked, is said not to be")
            wrong = p.wanted is not (p.state is State.RUNNING)
            failed = p.state is State.UNKNOWN or p.phase is Phase.LEFTOVERS
            settled = not p.wanted and p.state in SETTLED
            self.must(not why.as_wanted or settled or not (wrong or failed), f"{name} is said to be as it should be")
