"""All processes together: who starts first, who stops when, and what an update does. No I/O and no clock here.

One door: `handle(event, now)` answers with the orders to carry out, and `next_deadline()` says when to come back with
`DeadlineReached`. The rules:

- Groups start in the order of their priorities, and the processes within a group in the order of theirs.
- They stop in waves: all groups of the highest priority number at once, within a group in reverse order without
  waiting; the next wave when this one has settled. (supervisord stops one group after the other.)
- After `ShutdownRequested` nothing is started any more, and it ends with exactly one `Quit`.
- An event about a process that has left meanwhile is no error: the world is always a little behind.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from procman.config.model import Group, Program
from procman.core.messages import (
    Action,
    AnnounceGroup,
    AnnounceMaster,
    BootRequested,
    DeadlineReached,
    Dismissed,
    Event,
    Exited,
    GroupAdded,
    GroupChanged,
    GroupRemoved,
    KillFailed,
    Quit,
    RestartRequested,
    ShutdownRequested,
    SignalRequested,
    Spawn,
    Spawned,
    SpawnFailed,
    StartRequested,
    StopRequested,
)
from procman.core.process import Process
from procman.core.states import MasterState


@dataclass(slots=True)
class Members:
    """An active group: its definition, and its processes by namespec in the order in which they start."""

    group: Group
    processes: dict[str, Process] = field(default_factory=dict)
    leaving: bool = False


class Fleet:
    """Every process of the master. Read `groups`, `processes` and `state` freely; change them through `handle` only."""

    def __init__(self, groups: tuple[Group, ...] = ()) -> None:
        """`groups` are active from the beginning, in the order of the configuration; `BootRequested` starts them."""
        self.groups: dict[str, Members] = {}
        self.processes: dict[str, Process] = {}
        self.state = MasterState.RUNNING
        self._by_pid: dict[int, Process] = {}
        self._waves: list[int] = []  # the group priorities still to be stopped, the next one last
        self._stopping: list[Process] = []  # the wave that is being stopped now
        self._retiring = False  # does anybody leave?
        self._quit = False
        for group in groups:
            self._enlist(group)

    def handle(self, event: Event, now: float) -> list[Action]:
        """Take in what has happened or is asked for; the orders that follow are to be carried out in their order."""
        actions = self._decide(event, now)
        if self._retiring:
            actions += self._dismiss()
        if self.state is not MasterState.RUNNING and not self._quit:
            actions += self._next_wave(now)
        return actions

    def next_deadline(self) -> float | None:
        """When to come back with `DeadlineReached`; None: not at all."""
        return min((p.deadline for p in self.processes.values() if p.deadline is not None), default=None)

    def awaits(self, order: Spawn) -> bool:
        """Is this spawn still wanted? To be asked right before it is carried out."""
        process = self.processes.get(order.name)
        # A process that was removed and added again counts its spawns from 1 again, but has another program.
        return process is not None and process.awaits(order.attempt) and process.program is order.program

    def owner(self, pid: int) -> Process | None:
        """The process with that pid, if it is one of ours and not yet reaped."""
        return self._by_pid.get(pid)

    def in_start_order(self) -> Iterator[Process]:
        """All processes, by priority of the group, then of the process; ties in the order of the configuration."""
        for members in sorted(self.groups.values(), key=lambda m: m.group.priority):
            yield from members.processes.values()

    def unsettled(self) -> tuple[str, ...]:
        """The namespecs of those that something will still happen to."""
        return tuple(p.name for p in self.processes.values() if not p.settled)

    # ---- one event

    def _decide(self, event: Event, now: float) -> list[Action]:
        match event:
            case Exited(pid, status):
                process = self._by_pid.pop(pid, None)
                return process.exited(status, now) if process else []
            case Spawned(name, pid):
                process = self.processes[name]
                self._by_pid[pid] = process
                return process.spawned(pid, now)
            case SpawnFailed(name, reason):
                return self.processes[name].spawn_failed(reason, now)
            case KillFailed(name, reason):
                process = self.processes.get(name)
                return process.kill_failed(reason) if process else []
            case DeadlineReached():
                due = [p for p in self.processes.values() if p.deadline is not None and p.deadline <= now]
                return [action for process in due for action in process.deadline_reached(now)]
            case BootRequested():
                if self.state is not MasterState.RUNNING:
                    return []
                starting = (p for p in self.in_start_order() if p.program.autostart)
                return [action for process in starting for action in process.start()]
            case StartRequested(name) | RestartRequested(name):
                process = self.processes.get(name)
                if process is None or process.leaving or self.state is not MasterState.RUNNING:
                    return []
                return process.start() if isinstance(event, StartRequested) else process.restart(now)
            case StopRequested(name):
                process = self.processes.get(name)
                return process.stop(now) if process else []
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

    def _enlist(self, group: Group) -> Members:
        members = Members(group)
        for program in group.programs:
            members.processes[program.namespec] = Process(program)
        self.groups[group.name] = members
        self.processes.update(members.processes)
        return members

    def _add(self, group: Group, now: float) -> list[Action]:
        members = self.groups.get(group.name)
        if self.state is not MasterState.RUNNING or (members and not members.leaving):
            return []
        if members:
            # It is back before its processes have left; whoever waits for either hears of both.
            members.leaving = False
            back = [AnnounceGroup(group.name, added=False), AnnounceGroup(group.name, added=True)]
            return [*back, *self._change(group, frozenset(), now)]
        actions: list[Action] = [AnnounceGroup(group.name, added=True)]
        for process in self._enlist(group).processes.values():
            if process.program.autostart:
                actions += process.start()
        return actions

    def _remove(self, name: str, now: float) -> list[Action]:
        members = self.groups.get(name)
        if members is None:
            return []
        members.leaving = True
        self._retiring = True
        return self._retire(list(members.processes.values()), now)

    def _change(self, group: Group, replace: frozenset[str], now: float) -> list[Action]:
        members = self.groups.get(group.name)
        if members is None or members.leaving or self.state is not MasterState.RUNNING:
            return []
        before, members.group = members.processes, group
        now_named = {program.namespec for program in group.programs}
        actions = self._retire([p for name, p in before.items() if name not in now_named], now)
        # The new order of the group; who leaves stays in it until then.
        members.processes = {}
        for program in group.programs:
            name = program.namespec
            process = before.get(name)
            if process is None:
                process = members.processes[name] = self.processes[name] = Process(program)
                actions += process.start() if program.autostart else []
                continue
            members.processes[name] = process
            actions += self._redefine(process, program, now, restart=name in replace)
        members.processes |= {name: process for name, process in before.items() if name not in now_named}
        return actions

    @staticmethod
    def _redefine(process: Process, program: Program, now: float, *, restart: bool) -> list[Action]:
        if process.leaving:
            # It was on its way out and is in the file again.
            process.leaving = False
            process.wanted = program.autostart
            return process.replace(program, now)
        if restart:
            return process.replace(program, now)
        if program != process.definition:
            return process.change_in_place(program)
        return []

    def _retire(self, processes: list[Process], now: float) -> list[Action]:
        actions: list[Action] = []
        for process in reversed(processes):
            process.leaving = self._retiring = True
            actions += process.stop(now)
        return actions

    def _dismiss(self) -> list[Action]:
        """Forget those who are leaving and have settled, and the groups that are empty then."""
        actions: list[Action] = []
        for name, process in list(self.processes.items()):
            # One in UNKNOWN that still has a pid is forgotten too, or its group could never leave; it is reaped as
            # an orphan should it end after all.
            if process.leaving and process.settled:
                self._by_pid.pop(process.pid or 0, None)
                del self.processes[name]
                del self.groups[process.program.group].processes[name]
                actions.append(Dismissed(name))
        for name, members in list(self.groups.items()):
            if members.leaving and not members.processes:
                del self.groups[name]
                actions.append(AnnounceGroup(name, added=False))
        self._retiring = any(p.leaving for p in self.processes.values())
        return actions

    # ---- the end

    def _shut_down(self, now: float, *, restart: bool) -> list[Action]:
        match self.state:
            case MasterState.RUNNING:
                self.state = MasterState.RESTARTING if restart else MasterState.SHUTDOWN
                actions: list[Action] = [AnnounceMaster(self.state, self.unsettled())]
                for process in self.processes.values():
                    process.wanted = False
                    # Who waits for its next try, or for its spawn, must not get it while other waves stop.
                    if process.pid is None:
                        actions += process.stop(now)
                self._waves = sorted({members.group.priority for members in self.groups.values()})
                return actions
            case MasterState.RESTARTING if not restart:
                self.state = MasterState.SHUTDOWN
                return [AnnounceMaster(self.state, self.unsettled())]
            case MasterState.SHUTDOWN if not restart:
                return [action for process in self.processes.values() for action in process.kill(now)]
            case _:
                return []

    def _next_wave(self, now: float) -> list[Action]:
        actions: list[Action] = []
        while True:
            # Popping what has settled, instead of counting, keeps the stop of a thousand programs linear.
            while self._stopping and self._stopping[-1].settled:
                self._stopping.pop()
            if self._stopping:
                return actions
            if not self._waves:
                self._quit = True
                return [*actions, Quit(restart=self.state is MasterState.RESTARTING)]
            priority = self._waves.pop()
            for members in self.groups.values():
                if members.group.priority == priority:
                    wave = list(reversed(members.processes.values()))
                    self._stopping += wave
                    for process in wave:
                        actions += process.stop(now)
