"""All processes together: who starts first, who stops when, and what an update does. No I/O and no clock here.

One door: `handle(event, now)` answers with the orders to carry out, and `next_deadline()` says when to come back with
`DeadlineReached`. The rules:

- Groups start in the order of their priorities, and the processes within a group in the order of theirs.
- They stop in waves: all groups of the highest priority number at once, within a group in reverse order without
  waiting; the next wave when this one has settled. (supervisord stops one group after the other.)
- After `ShutdownRequested` nothing is started any more, and it ends with exactly one `Quit`.
- With a `shutdown_timeout` each wave has its share of what remains of it, in proportion to the waits that are still to
  come, so that SIGKILL reaches all of them in time; when it is over the master leaves, whatever is left.
- A policy (`shutdown_when`) brings the shutdown about as well. So does the end of a `critical` process that is not
  started again, whatever its exit code, unless somebody stopped it; that code is then the master's.
- An event about a process that has left meanwhile is no error: the world is always a little behind.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from procman.core.actions import (
    Action,
    Announce,
    AnnounceGroup,
    AnnounceGroupChanged,
    AnnounceMaster,
    Kill,
    ProcessRemoved,
    Quit,
    Spawn,
)
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
    ShutdownRequested,
    SignalRequested,
    Spawned,
    SpawnFailed,
    StartRequested,
    StopRequested,
)
from procman.core.groups import ActiveGroup
from procman.core.process import Process
from procman.core.snapshot import Data, DefinitionReaders, read, write
from procman.core.spec import GroupSpec, MasterPolicy, ProcessSpec, ShutdownWhen
from procman.core.states import MasterState, State

# What the master needs for itself at the end of a shutdown_timeout, in seconds, and the most of it that this may be.
LAST_WORDS = 0.5
LAST_WORDS_SHARE = 0.1

FIRST_FAILURE = "first_failure"

DEFAULT_POLICY = MasterPolicy(shutdown_timeout=None, shutdown_when=ShutdownWhen.NEVER, exit_code_from=None)


@dataclass(frozen=True, slots=True)
class Cause:
    """Why the master ends by itself: in words, and the exit code of the critical process, if that is why."""

    text: str
    code: int | None = None


class Fleet:
    """Every process of the master. Read `groups`, `processes` and `state` freely; change them through `handle` only."""

    def __init__(self, groups: tuple[GroupSpec, ...] = (), policy: MasterPolicy = DEFAULT_POLICY) -> None:
        """`groups` are active from the beginning, in the order of the configuration; `BootRequested` starts them."""
        self.groups: dict[str, ActiveGroup] = {}
        self.processes: dict[str, Process] = {}
        self.state = MasterState.RUNNING
        self._by_pid: dict[int, Process] = {}
        self._waves: list[int] = []  # the group priorities still to be stopped, the next one last
        self._stopping: list[Process] = []  # the wave that is being stopped now
        self._retiring = False  # does anybody leave?
        self._quit = False
        self._policy = policy
        self._cause: Cause | None = None  # set when a program has brought the shutdown about
        self._failed: dict[str, int] = {}  # the exit codes of those that are down because they failed, first come first
        self._end_at: float | None = None  # when the master leaves, whatever is left
        self._wave_until: float | None = None  # when the next wave begins, whatever is left of this one
        for group in groups:
            self._enlist(group)

    def handle(self, event: Event, now: float) -> list[Action]:
        """Take in what has happened or is asked for; the orders that follow are to be carried out in their order."""
        actions = self._decide(event, now)
        cause = self._note_ends(actions)
        if self._retiring:
            actions += self._dismiss()
        if cause and self.state is MasterState.RUNNING:
            self._cause = cause
            actions += self._shut_down(now, restart=False, cause=cause.text)
        if self.state is not MasterState.RUNNING and not self._quit:
            killed = {action.name for action in actions if isinstance(action, Kill) and action.overdue}
            actions += self._next_wave(now, killed)
        return actions

    def snapshot(self) -> Data:
        """What it is, for another one to go on from; only of one that is RUNNING."""
        return write(self.groups.values(), self._failed)

    def restore(self, data: Data, readers: DefinitionReaders) -> None:
        """Go on from what `snapshot` has told, also of older versions; raises ValueError where it is something else."""
        groups, self._failed = read(data, readers)
        self.groups = {members.spec.name: members for members in groups}
        self.processes = {name: p for members in groups for name, p in members.processes.items()}
        self._by_pid = {process.pid: process for process in self.processes.values() if process.pid is not None}
        self._retiring = any(process.leaving for process in self.processes.values())

    def next_deadline(self) -> float | None:
        """When to come back with `DeadlineReached`; None: not at all."""
        deadlines = [when for p in self.processes.values() if (when := p.deadlines.earliest) is not None]
        if not self._quit:
            deadlines += [
                when for when in (self._wave_until if self._waves else None, self._end_at) if when is not None
            ]
        return min(deadlines, default=None)

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
        for members in sorted(self.groups.values(), key=lambda m: m.spec.priority):
            yield from members.processes.values()

    def time_left(self, now: float) -> float:
        """How many seconds of the shutdown_timeout remain; without end where there is none."""
        return math.inf if self._end_at is None else max(0.0, self._end_at - now)

    def unsettled(self) -> tuple[str, ...]:
        """The namespecs of those that something will still happen to."""
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
            case Adopted(name, pid, age):
                process = self.processes[name]
                self._by_pid[pid] = process
                return process.adopted(pid, age, now)
            case SpawnFailed(name, reason, code):
                return self.processes[name].spawn_failed(reason, code, now)
            case KillFailed(name, reason):
                process = self.processes.get(name)
                return process.kill_failed(reason, now) if process else []
            case DeadlineReached():
                return self._overdue(self.processes.values(), now)
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

    def _overdue(self, processes: Iterable[Process], now: float) -> list[Action]:
        due = [p for p in processes if p.deadlines.due(now) is not None]
        return [action for process in due for action in process.deadline_reached(now)]

    # ---- groups come, change and go

    def _enlist(self, group: GroupSpec) -> ActiveGroup:
        members = ActiveGroup(group)
        for program in group.programs:
            members.processes[program.namespec] = Process(program)
        self.groups[group.name] = members
        self.processes.update(members.processes)
        return members

    def _add(self, group: GroupSpec, now: float) -> list[Action]:
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

    def _change(self, group: GroupSpec, replace: frozenset[str], now: float) -> list[Action]:
        members = self.groups.get(group.name)
        if members is None or members.leaving or self.state is not MasterState.RUNNING:
            return []
        is_new, before, members.spec = group != members.spec, members.processes, group
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
                self._failed.pop(name, None)
                del self.groups[process.program.group].processes[name]
                actions.append(ProcessRemoved(name))
        for name, members in list(self.groups.items()):
            if members.leaving and not members.processes:
                del self.groups[name]
                actions.append(AnnounceGroup(name, added=False))
        self._retiring = any(p.leaving for p in self.processes.values())
        return actions

    # ---- what brings the end about, and what the exit status will be

    def _note_ends(self, actions: list[Action]) -> Cause | None:
        """Remember who is down because he failed; why that ends the master, or None where it does not."""
        cause = None
        for action in actions:
            if not isinstance(action, Announce):
                continue
            match action.after:
                case State.STARTING:
                    self._failed.pop(action.name, None)
                case State.FATAL:
                    self._failed[action.name] = self.processes[action.name].exit_code or 1
                    cause = cause or self._ends_master(action)
                case State.EXITED if not self.processes[action.name].wanted:
                    if not action.expected:
                        self._failed[action.name] = self.processes[action.name].exit_code or 1
                    cause = cause or self._ends_master(action)
                case _:
                    pass
        return cause

    def _ends_master(self, end: Announce) -> Cause | None:
        """`end` is of a process that will not be started again, and that nobody has stopped."""
        fatal = end.after is State.FATAL
        how = "is FATAL" if fatal else f"has ended{'' if end.expected else ' unexpectedly'}"
        if end.program.critical:
            code = self._failed.get(end.name, self.processes[end.name].exit_code)
            return Cause(f"{end.name} is critical and {how}", code)
        if not self.groups[end.program.group].spec.counts:
            return None
        match self._policy.shutdown_when:
            case ShutdownWhen.ANY_EXIT:
                return Cause(f"{end.name} {how} and shutdown_when=any_exit")
            case ShutdownWhen.ANY_FATAL if fatal:
                return Cause(f"{end.name} {how} and shutdown_when=any_fatal")
            case ShutdownWhen.ALL_DONE if self._all_done():
                return Cause(f"{end.name} {how}, as the last one, and shutdown_when=all_done")
            case _:
                return None

    def _all_done(self) -> bool:
        others = (members for members in self.groups.values() if members.spec.counts)
        return all(process.settled for members in others for process in members.processes.values())

    def _exit_code(self) -> int:
        wanted = self._policy.exit_code_from
        if wanted is None and self._cause is not None:
            if self._cause.code is not None:
                return self._cause.code
            wanted = FIRST_FAILURE
        if wanted == FIRST_FAILURE:
            return next(iter(self._failed.values()), 0)
        process = self.processes.get(wanted or "")
        return process.exit_code or 0 if process is not None else 0

    # ---- the end

    def _shut_down(self, now: float, *, restart: bool, cause: str = "") -> list[Action]:
        timeout = self._policy.shutdown_timeout
        if timeout is not None and not restart and self._end_at is None:
            self._end_at = now + timeout
        match self.state:
            case MasterState.RUNNING:
                self.state = MasterState.RESTARTING if restart else MasterState.SHUTDOWN
                actions: list[Action] = [AnnounceMaster(self.state, self.unsettled(), cause)]
                for process in self.processes.values():
                    process.wanted = False
                    # Who waits for its next try, or for its spawn, must not get it while other waves stop.
                    if process.pid is None:
                        actions += process.call_off()
                self._waves = sorted({members.spec.priority for members in self.groups.values()})
                return actions
            case MasterState.RESTARTING if not restart:
                self.state = MasterState.SHUTDOWN
                self._hurry(now)
                return [AnnounceMaster(self.state, self.unsettled())]
            case MasterState.SHUTDOWN if not restart:
                return [action for process in self.processes.values() for action in process.kill(now)]
            case _:
                return []

    def _next_wave(self, now: float, killed: set[str]) -> list[Action]:
        """What follows at the end of all from what has happened; `killed` are those that have just got SIGKILL."""
        actions: list[Action] = []
        others = (process for process in self.processes.values() if process.name not in killed)
        if self._end_at is not None and now >= self._end_at:
            # Nobody goes on for want of time, not even one whose turn has not come.
            for process in others:
                if not process.settled or process.left_behind:
                    actions += process.kill(now)
            return [*actions, self._quit_now()]
        if self._wave_until is not None and now >= self._wave_until:
            # Something else may have happened before it was said that it is time. Nobody is given up without SIGKILL.
            actions += self._overdue(others, now)
        while True:
            # Popping what has settled, instead of counting, keeps the stop of a thousand programs linear.
            while self._stopping and self._stopping[-1].settled:
                self._stopping.pop()
            if self._stopping and (self._wave_until is None or now < self._wave_until):
                return actions
            if not self._waves:
                # Who does not even go of SIGKILL is waited for as long as there is time.
                return actions if self._end_at and self.unsettled() else [*actions, self._quit_now()]
            priority = self._waves.pop()
            self._stopping.clear()
            for members in self.groups.values():
                if members.spec.priority == priority:
                    wave = list(reversed(members.processes.values()))
                    self._stopping += wave
                    for process in wave:
                        actions += process.stop(now)
            self._hurry(now)

    def _hurry(self, now: float) -> None:
        """Cut the waits of the present wave to its share of what remains of the shutdown_timeout."""
        if self._end_at is None or self._policy.shutdown_timeout is None:
            return
        reserve = min(LAST_WORDS, LAST_WORDS_SHARE * self._policy.shutdown_timeout)
        remains = max(0.0, self._end_at - reserve - now)
        present = max((process.longest_stop(now) for process in self._stopping), default=0.0)
        later = sum(self._longest_stop(priority, now) for priority in self._waves)
        if present + later > remains:
            present = remains * present / (present + later)
            for process in self._stopping:
                process.shorten_stop(now + present)
        # Half of the reserve is for those that take a moment to go of SIGKILL.
        self._wave_until = now + max(present, remains - later) + reserve / 2

    def _longest_stop(self, priority: int, now: float) -> float:
        groups = (members for members in self.groups.values() if members.spec.priority == priority)
        return max(
            (process.longest_stop(now) for members in groups for process in members.processes.values()), default=0.0
        )

    def _quit_now(self) -> Quit:
        self._quit = True
        return Quit(self.state is MasterState.RESTARTING, self._exit_code(), self.unsettled())
