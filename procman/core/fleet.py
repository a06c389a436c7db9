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

from procman.core.actions import Action, AnnounceMaster, Kill, Quit, Spawn
from procman.core.coming_up import adopted, spawned
from procman.core.dependencies import Dependencies
from procman.core.dependents import Dependents
from procman.core.due import serve_deadlines
from procman.core.ending import exited
from procman.core.events import (
    AboutAll,
    Adopted,
    BootRequested,
    ClockStepped,
    ConnectionSeen,
    DeadlineReached,
    DescendantsGone,
    EndedUnseen,
    Event,
    Exited,
    FilesChanged,
    GroupAdded,
    GroupChanged,
    GroupRemoved,
    HealthPauseRequested,
    HealthSeen,
    HookEnded,
    KillFailed,
    MemoryMeasured,
    Notified,
    ProbeResult,
    RefreshRequested,
    RestartRequested,
    RetryRequested,
    RollingAborted,
    RollingContinued,
    RollingRequested,
    RunRemembered,
    ScheduleDue,
    ScheduleRemembered,
    ShutdownRequested,
    SignalRequested,
    SocketsSeen,
    Spawned,
    SpawnFailed,
    StartRequested,
    StopRequested,
    WatchesRenewed,
)
from procman.core.exit_policy import DEFAULT_POLICY, Cause, ExitPolicy
from procman.core.groups import ActiveGroup
from procman.core.hook_chain import prepare
from procman.core.membership import Membership
from procman.core.news import note
from procman.core.process import Process
from procman.core.renewals import Renewals
from procman.core.requests import begin_service, call_off, hurry, kill, restart, retry, signal, start, stop
from procman.core.restarting import spawn_failed
from procman.core.rolling import Rollings, read_rollings, write_rollings
from procman.core.schedules import Schedules
from procman.core.shutdown import Shutdown
from procman.core.side_hooks import SideHooks
from procman.core.snapshot import Data, DefinitionReaders, Writer, definition, read, write
from procman.core.sockets import Sockets
from procman.core.spec import GroupSpec, MasterPolicy, ProcessSpec
from procman.core.start_limit import StartLimit
from procman.core.states import MasterState, State
from procman.core.switching import switch_off
from procman.core.uses import Uses
from procman.core.watches import Watches


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
        self.groups = dict[str, ActiveGroup]()
        self.processes: dict[str, Process] = {}
        self.state = MasterState.RUNNING
        self._by_pid: dict[int, Process] = {}
        self._exit_policy = ExitPolicy(policy, self.groups, self.processes)
        self.dependencies = Dependencies(self.groups, self.processes)
        self._uses = Uses()
        self._side_hooks = SideHooks(self.processes)
        self._dependents = Dependents(self.dependencies, self.processes, self._side_hooks.refresh)
        self.rollings = Rollings(self.groups, self.processes, self._define)
        self._renewals = Renewals(self.processes, self.rollings.is_going)
        self._start_limit = StartLimit(policy.start_concurrency, self.processes)
        self._shutdown = Shutdown(
            policy.shutdown_timeout,
            self.groups,
            self.processes,
            self.dependencies.wave,
            waits=lambda: self._side_hooks.waits,
        )
        self._membership = Membership(
            self.groups,
            self.processes,
            self.dependencies,
            self.rollings,
            new=self._new,
            define=self._define,
            going_with=self._going_with,
            take_along=self._dependents.take_along,
            forget=self._forget,
        )
        self.schedules = Schedules(self.processes)
        self.sockets = Sockets(self.processes)
        self.watches = Watches(self.processes, self.dependencies, self.rollings)
        for group in groups:
            self._membership.activate(group)

    def handle(self, event: Event, now: float) -> list[Action]:
        """Take in what has happened or is asked for; the orders that follow are to be carried out in their order."""
        stops_by = self._stops_by(event)
        actions = self._decide(event, now)
        if self.state is MasterState.RUNNING:
            actions = self._follow(event, actions, now)
        uses = self._uses
        if uses.side_hooks:
            actions += self._side_hooks.follow(event, actions, now, ending=self.state is not MasterState.RUNNING)
        decided = len(actions)
        cause = self._exit_policy.note(actions)
        if self._membership.any_leaves:
            actions += self._membership.forget_settled(now)
        if cause and self.state is MasterState.RUNNING:
            self._exit_policy.cause = cause
            actions += self._shut_down(now, restart=False, cause=cause.text)
        if uses.side_hooks:
            actions += self._side_hooks.goes_on(actions[decided:])
        if self.state is not MasterState.RUNNING and not self._shutdown.over:
            actions += self._end(actions, now, more_time=self._stops_by(event) != stops_by)
        if uses.sockets:
            actions = self.sockets.follow(actions, self.state)
        actions = self._start_limit.pass_on(actions)
        return prepare(actions, self.processes, now) if uses.pre_start else actions

    def snapshot(self, write_definition: Writer = definition) -> Data:
        """All that another fleet needs to go on from here; `write_definition` makes plain data of a definition."""
        data = write(self.groups.values(), self._exit_policy.failed, self.seed, write_definition)
        order = list(self.processes)
        if order != [name for group in self.groups.values() for name in group.processes]:
            # After an update; what is due at the same moment is served in this order.
            data["order"] = order
        if sides := self._side_hooks.snapshot():
            data["side_hooks"] = sides
        if due := self.schedules.snapshot():
            data["schedules"] = due
        if self.sockets.held:
            data["sockets"] = True
        if self.rollings:
            data["rollings"] = write_rollings(self.rollings.by_program.values(), write_definition)
        if watches := self.watches.snapshot():
            data["watches"] = watches
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
            self._uses.note(process.program)
            self._define(process, process.definition)
        self._by_pid = {process.pid: process for process in self.processes.values() if process.pid is not None}
        self._membership.any_leaves = any(process.leaving for process in self.processes.values())
        self._side_hooks.restore(data.get("side_hooks", ()))
        self.schedules.restore(data.get("schedules", {}))
        self.rollings.by_program = read_rollings(data.get("rollings", ()), readers)
        self.watches.restore(data.get("watches", {}))
        if (ending := data.get("ending")) is not None:
            try:
                self.state = MasterState[ending["state"]]
                self._exit_policy.cause = None if ending["cause"] is None else Cause(*ending["cause"])
                self.dependencies.dissolve()
                self._shutdown.restore(ending)
            except (KeyError, TypeError) as error:
                raise ValueError(f"cannot go on from this fleet: {error!r}") from None
        if data.get("sockets"):
            self.sockets.restore(self.state)

    def pending_orders(self, now: float) -> list[Action]:
        """After `restore`: the orders that are to be carried out (again), those of starts in their order."""
        spawns = self._start_limit.restore(
            Spawn(process.name, process.program, process.attempt)
            for process in self.in_start_order()
            if process.awaits(process.attempt)
        )
        return [*self.sockets.pending(), *prepare(list(spawns), self.processes, now)]

    def next_deadline(self) -> float | None:
        """When to come back with `DeadlineReached`; None: not at all."""
        deadlines = [when for p in self.processes.values() if (when := p.deadlines.earliest) is not None]
        if (due := self.schedules.next_deadline()) is not None:
            deadlines.append(due)
        deadlines += self.watches.deadlines()
        return min(deadlines + self._shutdown.deadlines() + self._side_hooks.deadlines(), default=None)

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
                return exited(process, status, now, descendants) if process else []
            case Spawned(name, pid):
                process = self.processes[name]
                self._by_pid[pid] = process
                return spawned(process, pid, now)
            case SpawnFailed(name, reason, code):
                return spawn_failed(self.processes[name], reason, code, now)
            case DeadlineReached():
                served = serve_deadlines(self.processes.values(), now)
                return [
                    *served,
                    *self._side_hooks.serve_deadlines(now),
                    *self.schedules.serve(now),
                    *self.watches.serve(now),
                ]
            case ScheduleDue() | ScheduleRemembered():
                return self.schedules.note(event, now) if self.state is MasterState.RUNNING else []
            case (
                ProbeResult(name=name)
                | HealthSeen(name=name)
                | HealthPauseRequested(name=name)
                | Notified(name=name)
                | MemoryMeasured(name=name)
                | ConnectionSeen(name=name)
                | SocketsSeen(name=name)
                | DescendantsGone(name)
                | HookEnded(name=name)
                | KillFailed(name)
                | RunRemembered(name)
                | EndedUnseen(name)
            ):
                process = self.processes.get(name)
                return note(event, process, now) if process else []
            case StartRequested() | RestartRequested() | RetryRequested():
                return self._switch_on(event, now)
            case StopRequested(name):
                process = self.processes.get(name)
                return self._switch_off(event, process, now) if process else []
            case SignalRequested(name, signum):
                process = self.processes.get(name)
                return signal(process, signum) if process else []
            case RollingRequested() | RollingContinued() | RollingAborted():
                return self.rollings.ask(event, now) if self.state is MasterState.RUNNING else []
            case RefreshRequested(name):
                process = self.processes.get(name)
                return self._side_hooks.refresh(process, now) if process else []
            case Adopted(name, pid):
                process = self.processes[name]
                self._by_pid[pid] = process
                return adopted(process, event, now)
            case _:
                return self._decide_on_all(event, now)

    def _switch_on(self, event: StartRequested | RestartRequested | RetryRequested, now: float) -> list[Action]:
        process = self.processes.get(event.name)
        if process is None or process.leaving or self.state is not MasterState.RUNNING:
            return []
        process.ties.pulls = True
        match event:
            case StartRequested(_, alone, run):
                # What is up needs nothing more to start, neither now nor when policy restarts it.
                process.ties.pulls = process.state is not State.RUNNING
                return start(process, now, alone=alone, run=run)
            case RestartRequested():
                return restart(process, now)
            case RetryRequested():
                return retry(process, now)

    def _switch_off(self, event: StopRequested, process: Process, now: float) -> list[Action]:
        again = process.state is State.STOPPING and not process.wanted
        rolled = self.rollings.stop_asked(event)
        bound = self._dependents.stop_bound(process.name, now) if self.state is MasterState.RUNNING else ()
        actions = [*rolled, *bound, *switch_off(process), *stop(process, now)]
        return [*actions, *hurry(process, now)] if again else actions

    def _decide_on_all(self, event: AboutAll, now: float) -> list[Action]:
        """What is about groups, or the master."""
        match event:
            case BootRequested():
                if self.state is not MasterState.RUNNING:
                    return []
                starting = [
                    p for p in self.in_start_order() if p.program.autostart and (not p.done or p.program.schedule)
                ]
                for process in starting:
                    process.ties.pulls = True
                actions = [action for process in starting for action in begin_service(process, now)]
                return [*actions, *(action for p in starting for action in self.schedules.run_on_start(p, now))]
            case ClockStepped():
                return self.schedules.stepped(event) if self.state is MasterState.RUNNING else []
            case FilesChanged():
                return self.watches.note(event, now) if self.state is MasterState.RUNNING else []
            case WatchesRenewed():
                return []
            case GroupAdded(group):
                return self._membership.add(group, now) if self.state is MasterState.RUNNING else []
            case GroupRemoved(name):
                return self._membership.remove(name, now)
            case GroupChanged(group, replace, operation):
                running = self.state is MasterState.RUNNING
                return self._membership.change(group, replace, now, operation) if running else []
            case ShutdownRequested(restart):
                return self._shut_down(now, restart=restart)

    def _stops_by(self, event: Event) -> float | None:
        """When a program that says something gets SIGKILL."""
        process = self.processes.get(event.name) if isinstance(event, Notified) else None
        return process.deadlines.stop if process is not None else None

    def _going_with(self, processes: list[Process]) -> dict[str, tuple[Process, str]]:
        """What goes down with them. In a shutdown, the waves have the order."""
        return self._dependents.going_with_any(processes) if self.state is MasterState.RUNNING else {}

    def _new(self, program: ProcessSpec) -> Process:
        return Process(program, brake=self._brake, seed=self.seed)

    def _forget(self, process: Process) -> None:
        self._by_pid.pop(process.pid or 0, None)
        self._exit_policy.forget(process.name)
        self.watches.forget(process.name)

    def _define(self, process: Process, program: ProcessSpec) -> None:
        self.dependencies.define(process, program)
        self._uses.note(program)
        if program.sockets:
            self.sockets.has_new_user()

    # ---- what follows from it

    def _follow(self, event: Event, actions: list[Action], now: float) -> list[Action]:
        uses = self._uses
        if uses.renewals:
            actions += self._renewals.follow(event, now)
        if self.rollings:
            actions += self.rollings.follow(event, now)
        if uses.watches:
            actions += self.watches.follow(event, actions, now)
        if uses.dependencies:
            actions += self._dependents.follow(event, actions, now)
        if uses.schedules:
            before = len(actions)
            actions = self.schedules.follow(event, actions, now)
            if len(actions) > before and uses.dependencies:
                actions += self._dependents.follow(DeadlineReached(), actions[before:], now)
        if uses.watches:
            self.watches.started(actions)
        return actions

    # ---- the end

    def _end(self, decided: list[Action], now: float, *, more_time: bool) -> list[Action]:
        """The next steps of the shutdown; `more_time`: it was asked for, and there is no more of shutdown_timeout."""
        if more_time:
            self._shutdown.share(now)
        killed = {action.name for action in decided if isinstance(action, Kill) and action.overdue}
        actions = self._shutdown.advance(now, killed)
        actions += self._side_hooks.goes_on(actions)
        if self._shutdown.over:
            actions += self._side_hooks.end_all("the master ends")
            restart = self.state is MasterState.RESTARTING
            actions.append(Quit(restart, self._exit_policy.exit_code(), self.unsettled()))
        return actions

    def _shut_down(self, now: float, *, restart: bool, cause: str = "") -> list[Action]:
        if not restart:
            self._shutdown.limit(now)
        match self.state:
            case MasterState.RUNNING:
                self.state = MasterState.RESTARTING if restart else MasterState.SHUTDOWN
                actions: list[Action] = [AnnounceMaster(self.state, self.unsettled(), cause)]
                self._shutdown.begin()
                actions += [*self.schedules.end(), *self.rollings.end_all()]
                self.watches.end()
                self.dependencies.dissolve()
                for process in self.processes.values():
                    process.wanted = False
                    # A pending start or retry must not happen while other waves stop.
                    if process.pid is None:
                        actions += call_off(process, now)
                return actions
            case MasterState.RESTARTING if not restart:
                self.state = MasterState.SHUTDOWN
                self._shutdown.share(now)
                return [AnnounceMaster(self.state, self.unsettled())]
            case MasterState.SHUTDOWN if not restart:
                killed = [action for process in self.processes.values() for action in kill(process, now)]
                return [*killed, *self._side_hooks.end_all("it is killed")]
            case _:
                return []
