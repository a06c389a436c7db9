"""All processes together: the order in which they start, and what an update does. No I/O and no clock here.

One door: `handle(event, now)` answers with the orders to carry out, and `next_deadline()` says when to come back with
`DeadlineReached`. The rules:

- Groups start in the order of their priorities, and the processes within a group in the order of theirs; but what
  others depend on starts before them (`core.dependencies`).
- After `ShutdownRequested` nothing is started any more, and it ends with exactly one `Quit`. `core.shutdown` has the
  order and the time in which everything stops, `core.exit_policy` what brings it about besides, and the exit status.
- An event about a process that is no longer there is not an error: events arrive a little late.
"""

from collections.abc import Iterator

from procman.core.actions import (
    Action,
    AnnounceGroup,
    AnnounceGroupChanged,
    AnnounceMaster,
    Kill,
    ProcessRemoved,
    Quit,
    Spawn,
)
from procman.core.dependencies import Dependencies
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
    Notified,
    ProbeResult,
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
from procman.core.exit_policy import Cause, ExitPolicy
from procman.core.groups import ActiveGroup
from procman.core.process import Process, serve_deadlines
from procman.core.shutdown import Shutdown
from procman.core.snapshot import Data, DefinitionReaders, Writer, definition, read, write
from procman.core.spec import GroupSpec, MasterPolicy, ProcessSpec, ShutdownWhen
from procman.core.start_limit import StartLimit
from procman.core.states import MasterState, State

DEFAULT_POLICY = MasterPolicy(
    shutdown_timeout=None,
    shutdown_when=ShutdownWhen.NEVER,
    exit_code_from=None,
    start_concurrency=None,
    restart_brake=True,
)


class Fleet:
    """Every process of the master. Read `groups`, `processes` and `state` freely; change them through `handle` only."""

    def __init__(
        self, groups: tuple[GroupSpec, ...] = (), policy: MasterPolicy = DEFAULT_POLICY, seed: int = 0
    ) -> None:
        """`groups` are active from the beginning, in the order of the configuration; `BootRequested` starts them.

        `seed` differs from master to master, so that programs of many machines do not all retry at the same time.
        """
        self.seed = seed
        self._brake = policy.restart_brake
        self.groups: dict[str, ActiveGroup] = {}
        self.processes: dict[str, Process] = {}
        self.state = MasterState.RUNNING
        self._by_pid: dict[int, Process] = {}
        self._any_leaves = False  # is any process leaving?
        self._exit_policy = ExitPolicy(policy, self.groups, self.processes)
        self.dependencies = Dependencies(self.groups, self.processes)
        self._start_limit = StartLimit(policy.start_concurrency, self.processes)
        self._shutdown = Shutdown(policy.shutdown_timeout, self.groups, self.processes, self.dependencies.wave)
        for group in groups:
            self._activate(group)

    def handle(self, event: Event, now: float) -> list[Action]:
        """Take in what has happened or is asked for; the orders that follow are to be carried out in their order."""
        actions = self._decide(event, now)
        if (self.dependencies or isinstance(event, GroupChanged)) and self.state is MasterState.RUNNING:
            actions += self.dependencies.follow(event, actions, now)
        cause = self._exit_policy.note(actions)
        if self._any_leaves:
            actions += self._forget_settled()
        if cause and self.state is MasterState.RUNNING:
            self._exit_policy.cause = cause
            actions += self._shut_down(now, restart=False, cause=cause.text)
        is_ending = self.state is not MasterState.RUNNING and not self._shutdown.over
        if is_ending:
            killed = {action.name for action in actions if isinstance(action, Kill) and action.overdue}
            actions += self._shutdown.advance(now, killed)
            if self._shutdown.over:
                restart = self.state is MasterState.RESTARTING
                actions.append(Quit(restart, self._exit_policy.exit_code(), self.unsettled()))
        return self._start_limit.pass_on(actions)

    def snapshot(self, write_definition: Writer = definition) -> Data:
        """All that another fleet needs to go on from here; `write_definition` makes plain data of a definition."""
        data = write(self.groups.values(), self._exit_policy.failed, self.seed, write_definition)
        order = list(self.processes)
        if order != [name for group in self.groups.values() for name in group.processes]:
            # After an update; what is due at the same moment is served in this order.
            data["order"] = order
        if self.state is not MasterState.RUNNING:
            cause = self._exit_policy.cause
            ending = {"state": self.state.name, "cause": cause and [cause.text, cause.code]}
            data["ending"] = {**ending, **self._shutdown.snapshot()}
        return data

    def restore(self, data: Data, readers: DefinitionReaders) -> None:
        """Go on from what `snapshot` returned, also of an older version; raises ValueError if it is something else."""
        groups, self._exit_policy.failed, self.seed = read(data, readers)
        self.groups.clear()
        self.groups.update((group.spec.name, group) for group in groups)
        processes = {name: process for group in groups for name, process in group.processes.items()}
        self.processes.clear()
        self.processes.update((name, processes[name]) for name in data.get("order", ()) if name in processes)
        self.processes.update((name, process) for name, process in processes.items() if name not in self.processes)
        for process in self.processes.values():
            process.brake, process.seed = self._brake, self.seed
            self.dependencies.define(process, process.definition)
        self._by_pid = {process.pid: process for process in self.processes.values() if process.pid is not None}
        self._any_leaves = any(process.leaving for process in self.processes.values())
        if (ending := data.get("ending")) is not None:
            try:
                self.state = MasterState[ending["state"]]
                self._exit_policy.cause = None if ending["cause"] is None else Cause(*ending["cause"])
                self.dependencies.dissolve()
                self._shutdown.restore(ending)
            except (KeyError, TypeError) as error:
                raise ValueError(f"cannot go on from this fleet: {error!r}") from None

    def pending_spawns(self) -> list[Spawn]:
        """After `restore`: the orders to spawn that are to be carried out, in their order."""
        return self._start_limit.restore(
            Spawn(process.name, process.program, process.attempt)
            for process in self.in_start_order()
            if process.state is State.STARTING and process.pid is None and not process.ties.waiting
        )

    def next_deadline(self) -> float | None:
        """When to come back with `DeadlineReached`; None: not at all."""
        deadlines = [when for p in self.processes.values() if (when := p.deadlines.earliest) is not None]
        return min(deadlines + self._shutdown.deadlines(), default=None)

    def awaits(self, order: Spawn) -> bool:
        """Is this spawn still wanted? To be asked right before it is carried out."""
        process = self.processes.get(order.name)
        # A process that was removed and added again counts its spawns from 1 again, but has another program.
        return process is not None and process.awaits(order.attempt) and process.program is order.program

    def owner(self, pid: int) -> Process | None:
        """The process with that pid, unless it is not ours or was reaped."""
        return self._by_pid.get(pid)

    def in_start_order(self) -> Iterator[Process]:
        """All processes, by priority of the group, then of the process; ties in the order of the configuration.

        What others depend on comes before the first of them.
        """
        if self.dependencies:
            yield from self.dependencies.in_start_order(self.processes.values())
            return
        for members in sorted(self.groups.values(), key=lambda m: m.spec.priority):
            yield from members.processes.values()

    def time_left(self, now: float) -> float:
        """The seconds of the shutdown_timeout that remain; infinite without one."""
        return self._shutdown.time_left(now)

    def unsettled(self) -> tuple[str, ...]:
        """The namespecs of processes that have not settled."""
        return tuple(p.name for p in self.processes.values() if not p.settled)

    # ---- one event

    def _decide(self, event: Event, now: float) -> list[Action]:
        match event:
            case Exited(pid, status, descendants):
                process = self._by_pid.pop(pid, None)
                return process.exited(status, now, descendants) if process else []
            case DescendantsGone(name):
                process = self.processes.get(name)
                return process.descendants_gone(now) if process else []
            case Spawned(name, pid):
                process = self.processes[name]
                self._by_pid[pid] = process
                return process.spawned(pid, now)
            case Adopted(name, pid, age, ready):
                process = self.processes[name]
                self._by_pid[pid] = process
                return process.adopted(pid, age, now, ready=ready)
            case ProbeResult(name) | Notified(name):
                process = self.processes.get(name)
                return process.heard(event, now) if process else []
            case RunRemembered(name, code, _, _):
                process = self.processes.get(name)
                return process.remember_run(code) if process else []
            case SpawnFailed(name, reason, code):
                return self.processes[name].spawn_failed(reason, code, now)
            case KillFailed(name, reason):
                process = self.processes.get(name)
                return process.kill_failed(reason, now) if process else []
            case DeadlineReached():
                return serve_deadlines(self.processes.values(), now)
            case BootRequested():
                if self.state is not MasterState.RUNNING:
                    return []
                starting = [p for p in self.in_start_order() if p.program.autostart and not p.done]
                for process in starting:
                    process.ties.pulls = True
                return [action for process in starting for action in process.start(now)]
            case StartRequested(name) | RestartRequested(name) | RetryRequested(name):
                process = self.processes.get(name)
                if process is None or process.leaving or self.state is not MasterState.RUNNING:
                    return []
                process.ties.pulls = True
                match event:
                    case StartRequested(alone=alone):
                        return process.start(now, alone=alone)
                    case RestartRequested():
                        return process.restart(now)
                    case RetryRequested():
                        return process.retry(now)
            case StopRequested(name):
                process = self.processes.get(name)
                return [*self._stop_bound([process], now), *process.stop(now)] if process else []
            case SignalRequested(name, signum):
                process = self.processes.get(name)
                return process.signal(signum) if process else []
            case GroupAdded(group):
                return self._add(group, now)
            case GroupRemoved(name):
                return self._remove(name, now)
            case GroupChanged(group, replace):
                return self._change(group, replace, now)
            case ShutdownRequested(restart):
                return self._shut_down(now, restart=restart)

    # ---- groups come, change and go

    def _activate(self, group: GroupSpec) -> ActiveGroup:
        members = ActiveGroup(group)
        for program in group.programs:
            members.processes[program.namespec] = self._new(program)
        self.groups[group.name] = members
        self.processes.update(members.processes)
        for process in members.processes.values():
            self.dependencies.define(process, process.program)
        return members

    def _new(self, program: ProcessSpec) -> Process:
        return Process(program, brake=self._brake, seed=self.seed)

    def _add(self, group: GroupSpec, now: float) -> list[Action]:
        members = self.groups.get(group.name)
        if self.state is not MasterState.RUNNING or (members and not members.leaving):
            return []
        if members:
            # It is back before its processes have left; both are announced, as a client may wait for either.
            members.leaving = False
            back = [AnnounceGroup(group.name, added=False), AnnounceGroup(group.name, added=True)]
            return [*back, *self._change(group, frozenset(), now)]
        actions: list[Action] = [AnnounceGroup(group.name, added=True)]
        for process in self._activate(group).processes.values():
            if process.program.autostart:
                actions += process.start(now)
        return actions

    def _remove(self, name: str, now: float) -> list[Action]:
        members = self.groups.get(name)
        if members is None:
            return []
        members.leaving = True
        self._any_leaves = True
        return self._let_leave(list(members.processes.values()), now)

    def _change(self, group: GroupSpec, replace: frozenset[str], now: float) -> list[Action]:
        members = self.groups.get(group.name)
        if members is None or members.leaving or self.state is not MasterState.RUNNING:
            return []
        is_new = group != members.spec
        before, members.spec = members.processes, group
        now_named = {program.namespec for program in group.programs}
        gone = [process for name, process in before.items() if name not in now_named]
        # The new order of the group; processes that leave stay at its end until they have settled.
        members.processes = {}
        for program in group.programs:
            name = program.namespec
            process = before.get(name)
            if process is None:
                process = self.processes[name] = self._new(program)
            members.processes[name] = process
            self.dependencies.define(process, program)
        members.processes |= {process.name: process for process in gone}
        definitions = {program.namespec: program for program in group.programs}
        for process in gone:
            process.leaving = self._any_leaves = True
        actions = self._stop_bound(gone, now)
        staying = (members.processes[name] for name in definitions)
        for process in self.dependencies.stop_order([*reversed(gone), *staying]):
            new = definitions.get(process.name)
            if new is None:
                actions += self._let_leave([process], now)
            elif process.name in before:
                actions += self._redefine(process, new, now, restart=process.name in replace)
            elif new.autostart:
                actions += process.start(now)
        return [*actions, AnnounceGroupChanged(group)] if is_new else actions

    @staticmethod
    def _redefine(process: Process, program: ProcessSpec, now: float, *, restart: bool) -> list[Action]:
        if process.leaving:
            # It was on its way out and is in the file again.
            process.leaving = False
            process.wanted = program.autostart
            return process.replace(program, now)
        if restart:
            return process.replace(program, now)
        if program != process.definition:
            return process.change_in_place(program, now)
        return []

    def _let_leave(self, processes: list[Process], now: float) -> list[Action]:
        for process in processes:
            process.leaving = self._any_leaves = True
        actions = self._stop_bound(processes, now)
        for process in self.dependencies.stop_order(reversed(processes)):
            actions += process.stop(now)
        return actions

    def _stop_bound(self, processes: list[Process], now: float) -> list[Action]:
        """They are going to be stopped: first what is bound to them."""
        if not self.dependencies or self.state is not MasterState.RUNNING:
            return []
        return [action for process in processes for action in self.dependencies.stop_bound(process.name, now)]

    def _forget_settled(self) -> list[Action]:
        """Forget processes that leave and have settled, and groups that are empty then."""
        actions: list[Action] = []
        for name, process in list(self.processes.items()):
            # One in UNKNOWN that still has a pid is forgotten too, or its group could never leave; should it end
            # after all it is reaped as an orphan.
            if process.leaving and process.settled:
                self._by_pid.pop(process.pid or 0, None)
                del self.processes[name]
                self._exit_policy.forget(name)
                self.dependencies.forget(name)
                del self.groups[process.program.group].processes[name]
                actions.append(ProcessRemoved(name))
        for name, members in list(self.groups.items()):
            if members.leaving and not members.processes:
                del self.groups[name]
                actions.append(AnnounceGroup(name, added=False))
        self._any_leaves = any(p.leaving for p in self.processes.values())
        return actions

    # ---- the end

    def _shut_down(self, now: float, *, restart: bool, cause: str = "") -> list[Action]:
        if not restart:
            self._shutdown.limit(now)
        match self.state:
            case MasterState.RUNNING:
                self.state = MasterState.RESTARTING if restart else MasterState.SHUTDOWN
                actions: list[Action] = [AnnounceMaster(self.state, self.unsettled(), cause)]
                self._shutdown.begin()
                self.dependencies.dissolve()
                for process in self.processes.values():
                    process.wanted = False
                    # A pending start or retry must not happen while other waves stop.
                    if process.pid is None:
                        actions += process.call_off(now)
                return actions
            case MasterState.RESTARTING if not restart:
                self.state = MasterState.SHUTDOWN
                self._shutdown.share(now)
                return [AnnounceMaster(self.state, self.unsettled())]
            case MasterState.SHUTDOWN if not restart:
                return [action for process in self.processes.values() for action in process.kill(now)]
            case _:
                return []
