"""What must hold of hooks, judged from orders, answers, announcements and the kernel's table.

Of the fleet only public fields are read. Each rule is one method, named for what must be true.
"""

import re
from collections import Counter
from signal import SIGKILL

from procman.core.actions import (
    Action,
    Announce,
    AnnounceRefreshed,
    EndHook,
    Kill,
    ProcessRemoved,
    Quit,
    RunHook,
    SkipHook,
    Spawn,
)
from procman.core.events import (
    Adopted,
    EndedUnseen,
    Event,
    GroupAdded,
    GroupChanged,
    HookEnded,
    Notified,
    RefreshRequested,
    ShutdownRequested,
    SignalRequested,
    Spawned,
    StopRequested,
)
from procman.core.process import Process
from procman.core.spec import Hook, ProcessSpec, ReadyKind
from procman.core.states import SETTLED, TRANSITIONS, MasterState, Phase, State
from procman.services.explain import around_of, explain
from tests.simulation.fake_kernel import Child, World
from tests.simulation.invariants import Violation

A_HAIR = 1e-6
SIDE = frozenset({Hook.POST_START, Hook.ON_FAILURE, Hook.RELOAD})
PHASES = {hook.value for hook in Hook} - {hook.value for hook in SIDE}
ENDS = frozenset({State.STOPPED, State.EXITED, State.BACKOFF, State.FATAL})


class HookRules:
    """Watches one world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.states: dict[str, State] = {}
        self.running: dict[tuple[str, int], tuple[RunHook, float]] = {}  # with when it was begun
        self.place: dict[tuple[str, Hook], int] = {}  # of the command that comes next
        self.prepared: dict[str, int] = {}  # how many commands of pre_start have succeeded for the start under way
        self.commands: dict[tuple[str, Hook], int] = {}  # how many there are in the hook that was begun
        self.owed: dict[str, str] = {}  # what post_stop has to follow
        self.had: dict[str, set[Hook]] = {}  # what the present stop has had, or was told to skip
        self.killed: set[str] = set()  # got SIGKILL in this stop
        self.hurried: set[str] = set()
        self.refreshes: Counter[str] = Counter()
        self.up: set[str] = set()  # their post_start may run
        self.counts: Counter[str] = Counter()
        self.end_at: float | None = None
        self.before: dict[str, tuple[State, bool]] = {}
        self.master_before = MasterState.RUNNING
        self.explained: dict[str, object] = {}
        self.limits: dict[tuple[str, int], float] = {}
        self.redefined: set[str] = set()  # while it starts, or stops
        self.answered: tuple[RunHook, bool] | None = None  # whose end comes with this event, and whether it may go on
        self.said: dict[str, int] = {}  # of a refresh: 1 when RELOADING=1 has come, 2 when READY=1 has since then

    def must(self, truth: object, claim: str) -> None:
        if not truth:
            raise Violation(f"at {self.world.now:.6f}: {claim}\n{self.world.recent()}")

    @property
    def processes(self) -> dict[str, Process]:
        return self.world.fleet.processes

    def spec(self, name: str) -> ProcessSpec:
        return self.processes[name].program

    # ---- when each is looked at

    def event_comes(self, event: Event) -> None:
        self.before = {name: (process.state, process.wanted) for name, process in self.processes.items()}
        self.master_before = self.world.fleet.state
        self.answered = None
        match event:
            case HookEnded(name, number) if (name, number) in self.running:
                order, _ = self.running.pop((name, number))
                self.answered = order, event.ok or order.command.may_fail
                self.counts[f"{order.hook.value} {'ends' if event.ok else 'fails'}"] += 1
                if order.hook is Hook.PRE_START and (event.ok or order.command.may_fail):
                    self.prepared[name] = self.prepared.get(name, 0) + 1
                if not event.ok and not order.command.may_fail:
                    self.place.pop((name, order.hook), None)
            case Spawned(name) | Adopted(name):
                self.owed[name] = "a run"
            case EndedUnseen(name) if self.before.get(name, (None,))[0] is State.STOPPED:
                self.owed[name] = "a run of another master"
            case RefreshRequested(name) if name in self.processes:
                if not self.refreshes[name]:
                    self.said.pop(name, None)
                self.refreshes[name] += 1
            case Notified(name, run, fields) if name in self.processes and run == self.processes[name].attempt:
                if ("RELOADING", "1") in fields:
                    self.said.setdefault(name, 1)
                if ("READY", "1") in fields and name in self.said:
                    self.said[name] = 2
            case GroupChanged(group) | GroupAdded(group):
                self.redefined |= {program.namespec for program in group.programs}
            case _:
                pass

    def decided(self, event: Event, actions: list[Action]) -> None:
        timeout = self.world.scenario.master.shutdown_timeout
        if self.world.fleet.state is MasterState.SHUTDOWN and self.end_at is None and timeout is not None:
            self.end_at = self.world.now + timeout
        for action in actions:
            match action:
                case Announce():
                    self._announced(event, action)
                case RunHook():
                    self._begins(action, event, actions)
                case EndHook(name, hook, number, reason, late):
                    self._ends(name, hook, number, reason)
                    is_late = "timed out" in reason or "did not end in time" in reason
                    self.must(late is is_late, f"{hook} of {name} is{'' if late else ' not'} late: {reason}")
                case SkipHook(name, hook):
                    self.counts["skipped"] += 1
                    if hook is Hook.POST_STOP:
                        self.owed.pop(name, None)
                    self.had.setdefault(name, set()).add(hook)
                case Kill():
                    self._is_in_its_turn(action, event)
                case AnnounceRefreshed(name, ok, words):
                    if ok and self._answers(name):
                        self.must(self.said.get(name) == 2, f"{name} is refreshed, and has not said so")
                    self.counts["refreshed" if ok else "not refreshed"] += 1
                    self.must(ok is not bool(words), f"{name}: {action}")
                    if self.refreshes[name]:
                        self.refreshes[name] -= 1
                    else:
                        self.must(self.spec(name).on_dependency_restart[0] == "reload", f"{name}: nobody has asked")
                case ProcessRemoved(name):
                    self._forget(name)
                case Quit():
                    left = [order for order, _ in self.running.values()]
                    self.must(not left, f"it quits, and {left} run")
                    self._nothing_is_cut_short(actions)
                case _:
                    pass
        self._orders_wait(actions)
        self._the_second_request_hurries(event)
        self._failure_is_told(event, actions)
        if self.answered is not None:
            self._goes_on(*self.answered, actions)

    def carried_out(self) -> None:
        ours = {(name, number) for name, number in self.running}
        kernels = {(name, number) for name, number in self.world.commands}
        self.must(ours == kernels, f"{ours} should run, and {kernels} do")
        for name, process in self.processes.items():
            self._phase_is_what_runs(name, process)
        late = self.world.scenario.late
        for order, began in self.running.values():
            spec = self.processes[order.name].program if order.name in self.processes else None
            if spec is None or order.hook is Hook.STOP_COMMAND:
                continue
            limit = max(6.0, spec.hook_timeout, spec.reload_timeout)
            self.must(self.world.now <= began + limit + late + A_HAIR, f"{order} has run since {began}")

    def spawning(self, order: Spawn) -> None:
        name = order.name
        runs = [one for one, _ in self.running.values() if one.name == name and one.hook not in SIDE]
        self.must(not runs, f"{name} is spawned while {runs} run")
        alive = [child for child in self.world.children.values() if child.name == name]
        self.must(not alive or self.processes[name].state is not State.UNKNOWN, f"{name} is spawned twice")
        asked = self.commands.get((name, Hook.PRE_START))
        if asked is not None:
            done = self.prepared.get(name, 0)
            self.must(done >= asked, f"{name} is spawned after {done} of {asked} commands of its pre_start")
        else:
            wants = self.spec(name).pre_start and name not in self.redefined
            self.must(not wants, f"{name} is spawned without its pre_start")
        self.must(self.world.fleet.state is MasterState.RUNNING, f"{name} is spawned in a shutdown")

    def killing(self, order: Kill) -> None:
        pass

    def reaped(self, child: Child) -> None:
        pass

    def at_rest(self) -> None:
        self.must(not self.running or self.world.quit is not None, f"{list(self.running)} run for ever")
        if self.world.fleet.state is not MasterState.RUNNING:
            self.must(self.world.quit is not None, "the shutdown does not end")
            return
        for name, process in self.processes.items():
            at_rest = process.state in SETTLED or process.state is State.RUNNING or process.phase is Phase.WAITING
            self.must(at_rest, f"{name} is {process.state.name} ({process.phase.value}) for ever")
            self.must(not self.refreshes[name], f"nothing was said of the refresh of {name}")
            owed = name in self.owed and process.state is not State.RUNNING and process.pid is None
            self.must(not (owed and self.spec(name).post_stop), f"the post_stop of {name} is owed for ever")

    # ---- one action

    def _announced(self, event: Event, news: Announce) -> None:
        name, before, after = news.name, news.before, news.after
        self.must(after in TRANSITIONS[before], f"{name}: {before.name} cannot become {after.name}")
        waited = [one.hook for one, _ in self.running.values() if one.name == name and one.hook not in SIDE]
        if not (after is State.STOPPING and before is State.STARTING):
            self.must(not waited, f"{name} becomes {after.name} while {waited} runs")
        if after is State.STARTING:
            self.redefined.discard(name)
            self.prepared.pop(name, None)
            self.commands.pop((name, Hook.PRE_START), None)
            self.hurried.discard(name)
        if after is State.STOPPING:
            self.redefined.discard(name)
            self.had[name] = set()
            self.killed.discard(name)
        if after in ENDS and before not in (State.EXITED, State.BACKOFF) and news.program.post_stop:
            self.must(
                name not in self.owed, f"{name} is {after.name}, and post_stop has not followed {self.owed.get(name)}"
            )
        if after in ENDS:
            self.owed.pop(name, None)
        if after is State.RUNNING:
            self.up.add(name)
        elif before is State.RUNNING:
            self.up.discard(name)
        self.states[name] = after

    def _begins(self, order: RunHook, event: Event, actions: list[Action]) -> None:
        name, hook = order.name, order.hook
        self.counts[hook.value] += 1
        same = [one for one, _ in self.running.values() if one.name == name and one.hook is hook]
        self.must(not same, f"{order} begins while {same} run")
        if hook not in SIDE:
            waited = [one for one, _ in self.running.values() if one.name == name and one.hook not in SIDE]
            self.must(not waited, f"{order} begins while {waited} runs")
        expected = self.place.get((name, hook), 0) if order.place else 0
        self.must(order.place == expected, f"{order} is not command {expected}")
        self.place[name, hook] = order.place + 1
        process = self.processes[name]
        if order.place == 0:
            self.commands[name, hook] = len(process.program.commands_of(hook))
        self.running[name, order.number] = order, self.world.now
        self.limits[name, order.number] = process.program.hook_timeout
        match hook:
            case Hook.PRE_START:
                self.must(self.master_before is MasterState.RUNNING, f"{name} is prepared in a shutdown")
                self.owed[name] = "a pre_start"
                if order.place == 0:
                    self.prepared[name] = 0
            case Hook.POST_STOP:
                if order.place == 0:
                    self.must(name in self.owed, f"post_stop of {name} follows nothing")
                self.owed.pop(name, None)
                self.must(order.name not in self._pids(), f"post_stop of {name} runs while it lives")
            case Hook.PRE_STOP | Hook.STOP_COMMAND | Hook.BEFORE_KILL:
                self.must(order.pid in self.world.children, f"{order} is about no process")
                self.must(name not in self.killed, f"{order} comes after SIGKILL")
                self.had.setdefault(name, set()).add(hook)
            case Hook.POST_START:
                self.must(name in self.up, f"post_start of {name}, which is {self.states.get(name)}")
                again = isinstance(event, Adopted) and event.name == name and not event.post_start
                self.must(not again, f"{name} is adopted, and its post_start had ended")
            case _:
                pass

    def _orders_wait(self, actions: list[Action]) -> None:
        """No order to spawn leaves the fleet before its time; one that is void by the end of the step does no harm."""
        spawned = {action.name for action in actions if isinstance(action, Spawn)}
        early = [one for one, _ in self.running.values() if one.name in spawned and one.hook is Hook.PRE_START]
        self.must(not early, f"the order to spawn does not wait for {early}")

    def _goes_on(self, order: RunHook, well: bool, actions: list[Action]) -> None:
        """After a command that has done its part comes the next one, and after a failure what the hook stands for."""
        name, hook = order.name, order.hook
        process = self.processes.get(name)
        if process is None:
            return
        if well and order.place + 1 < self.commands.get((name, hook), 0):
            begun = [(one.name, one.hook, one.place) for one in actions if isinstance(one, RunHook)]
            over = hook in SIDE and process.state is not State.RUNNING
            self.must(over or (name, hook, order.place + 1) in begun, f"nothing follows {order}")
        elif not well and hook is Hook.STOP_COMMAND and process.state is State.STOPPING and process.pid is not None:
            signals = [one.signal for one in actions if isinstance(one, Kill) and one.name == name]
            self.must(process.program.stopsignal in signals, f"{name} gets no stop signal after {order}")

    def _answers(self, name: str) -> bool:
        """Does it say when it has read its configuration again?"""
        ready = any(condition.kind is ReadyKind.NOTIFY for condition in self.spec(name).ready)
        return ready and name not in self.redefined

    def _nothing_is_cut_short(self, actions: list[Action]) -> None:
        """The end of the master waits for each on_failure, as long as there is time."""
        if self.end_at is not None and self.world.now >= self.end_at - A_HAIR:
            return
        cut = [one for one in actions if isinstance(one, EndHook) and one.hook is Hook.ON_FAILURE]
        cut = [one for one in cut if one.reason == "the master ends"]
        self.must(not cut, f"it quits, and does not wait for {cut}")

    def _pids(self) -> set[str]:
        owned = {process.pid for process in self.processes.values()}
        return {child.name for pid, child in self.world.children.items() if pid in owned and child.end is None}

    def _ends(self, name: str, hook: Hook, number: int, reason: str) -> None:
        self.must(reason, f"{hook} of {name} is ended without a reason")
        known = self.running.pop((name, number), None)
        self.must(known is not None, f"command {number} of {name} is ended, and does not run")
        assert known is not None
        self.counts[f"{hook.value} killed"] += 1
        order, began = known
        if order.hook is Hook.PRE_START and order.command.may_fail and "timed out" in reason:
            self.prepared[name] = self.prepared.get(name, 0) + 1
        limit = self.limits[name, number]
        if (
            "timed out" in reason
            and hook is not Hook.BEFORE_KILL
            and self.end_at is None
            and name not in self.redefined
        ):
            self.must(self.world.now >= began + limit - A_HAIR, f"{hook} of {name} had until {began + limit}")

    def _is_in_its_turn(self, kill: Kill, event: Event) -> None:
        """The hooks of a stop come before what they are for."""
        name = kill.name
        if not kill.pid or self.states.get(name) is not State.STOPPING or name not in self.processes:
            return
        had, spec = self.had.get(name, set()), self.spec(name)
        waited = [one.hook for one, _ in self.running.values() if one.name == name and one.hook not in SIDE]
        if kill.signal == SIGKILL and kill.overdue:
            if name not in self.killed and not kill.hurried and spec.before_kill and name not in self.hurried:
                self.must(Hook.BEFORE_KILL in had, f"{name} gets SIGKILL before its before_kill")
            self.must(not waited, f"{name} gets SIGKILL while {waited} runs")
            self.killed.add(name)
        elif (
            not kill.overdue
            and kill.signal == spec.stopsignal
            and not isinstance(event, RefreshRequested | SignalRequested)
        ):
            if spec.pre_stop and name not in self.redefined:
                self.must(Hook.PRE_STOP in had, f"{name} gets its stop signal before its pre_stop")
            if spec.stop_command and name not in self.redefined:
                self.must(Hook.STOP_COMMAND in had, f"{name} gets its stop signal instead of its stop_command")
            self.must(not waited, f"{name} gets its stop signal while {waited} runs")

    def _the_second_request_hurries(self, event: Event) -> None:
        match event:
            case StopRequested(name) if self.before.get(name) == (State.STOPPING, False):
                self.counts["second stop"] += 1
                self.hurried.add(name)
                self._waits_for_no_hook(name)
            case GroupChanged(group) | GroupAdded(group):
                self.redefined |= {program.namespec for program in group.programs}
            case ShutdownRequested(restart=False) if self.master_before is MasterState.SHUTDOWN:
                for name in self.processes:
                    self._waits_for_no_hook(name)
                self.must(not self.running, f"{list(self.running)} run after a second request")
            case _:
                pass

    def _waits_for_no_hook(self, name: str) -> None:
        waited = [one.hook for one, _ in self.running.values() if one.name == name and one.hook not in SIDE]
        self.must(not waited, f"{name} waits for {waited}, and was asked to stop a second time")

    def _failure_is_told(self, event: Event, actions: list[Action]) -> None:
        begun = [a.name for a in actions if isinstance(a, RunHook) and a.hook is Hook.ON_FAILURE and a.place == 0]
        if self.master_before is not MasterState.RUNNING:
            self.must(not begun, f"on_failure of {begun} begins in a shutdown")
            return
        expected = []
        for news in actions:
            if not isinstance(news, Announce) or news.name not in self.processes:
                continue
            process = self.processes[news.name]
            late = re.fullmatch(r"blocked: \S+ was not there in time", news.reason)
            blocked = news.reason.startswith("blocked") and not late
            fatal = news.after is State.FATAL and not blocked
            ended = news.after is State.EXITED and not news.expected and not process.wanted
            comes_back = any(
                isinstance(a, Announce) and a.name == news.name and a.before is State.EXITED for a in actions
            )
            if (fatal or (ended and not comes_back)) and process.program.on_failure:
                expected.append(news.name)
        ends = any(isinstance(action, Quit) for action in actions) or self.world.fleet.state is not MasterState.RUNNING
        self.must(begun == expected or ends, f"on_failure of {begun} begins, and should of {expected}")

    def _phase_is_what_runs(self, name: str, process: Process) -> None:
        waited = [one.hook.value for one, _ in self.running.values() if one.name == name and one.hook not in SIDE]
        phase = process.phase.value if process.phase.value in PHASES else None
        self.must(waited == ([phase] if phase else []), f"{name} says {phase}, and {waited} runs")
        if phase is not None:
            where = State.STARTING if phase == Hook.PRE_START.value else State.STOPPING
            self.must(process.state is where, f"{name} is {process.state.name} while {phase} runs")
            self.must(process.deadlines.earliest is not None, f"{name} waits for {phase} for ever")
        if process.state is State.STOPPING:
            self.must(process.deadlines.earliest is not None, f"{name} is STOPPING for ever")
        side = {one.hook for one, _ in self.running.values() if one.name == name} & {Hook.POST_START, Hook.RELOAD}
        self.must(not side or process.state is State.RUNNING, f"{side} of {name} run, and it is {process.state.name}")
        what = (process.state, process.phase, process.wanted, process.pid is None)
        if phase is not None and self.explained.get(name) != what:
            self.explained[name] = what
            why = explain(process, around_of(self.world.fleet, self.world.now))
            said = [why.sentence, why.short, why.next, *(link.text for link in why.because)]
            self.must(why.because and all(said), f"there is no reason why {name} is {process.state.name} ({phase})")

    def _forget(self, name: str) -> None:
        for table in (self.owed, self.prepared, self.had, self.states):
            table.pop(name, None)
        self.refreshes.pop(name, None)
        for key in [key for key in self.commands if key[0] == name]:
            del self.commands[key]
