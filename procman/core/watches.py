"""What is done when files change that a process watches. No I/O and no clock here.

- Nothing happens before watch_debounce has gone by without a change; after CEILING times of it, it happens in any case.
- What is RUNNING is restarted, or what else watch_action says. What has failed (BACKOFF, FATAL) or has ended is started
  again, whatever that says: a corrected file is the reason to try again. What was stopped stays so.
- A change while it starts is followed by one more restart when it is up. One before that needs nothing: what is started
  afterwards sees the files as they are by then. Only a command (exec) is run in any case, when it is up.
- It is no failure: it begins all counts of restarts anew.
- With watch_cascade, what depends on it is restarted, too, and stops before it.
- With restart_strategy=rolling, the processes of a program are restarted one batch after the other, and what depends on
  them when all of them are ready. Another change meanwhile is followed by one more rolling restart.
- A program that changes its own files would go on like that for ever. MOST times within WINDOW, each one a moment after
  the one before and by a file of that one, suspend the watch until it is asked to start, or there is an update.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from procman.core.actions import (
    Action,
    Announce,
    AnnounceRefresh,
    AnnounceRolling,
    AnnounceWatch,
    Kill,
    RunWatchCommand,
)
from procman.core.dependencies import Dependencies
from procman.core.events import (
    DeadlineReached,
    Event,
    FilesChanged,
    GroupChanged,
    RestartRequested,
    RetryRequested,
    RollingRequested,
    Spawned,
    StartRequested,
    WatchesRenewed,
)
from procman.core.process import Process
from procman.core.requests import restart, retry, start
from procman.core.rolling import Rollings
from procman.core.spec import Scope, batch_size
from procman.core.states import State

# So many times of watch_debounce the first change waits at most.
CEILING = 10
# A loop: so many times within so many seconds, and how soon a change comes after the start or the time before.
MOST = 5
WINDOW = 30.0
SOON = 5.0
# So many files of one change are told apart.
MOST_FILES = 100


Data = dict[str, Any]


@dataclass(slots=True)
class Pending:
    """Files have changed, and nothing is done about it yet."""

    began: float
    due: float
    files: set[int]
    count: int
    first: str = ""  # the name of one of them
    held: bool = False  # until the process is up, or has failed to come up


class Watches:
    """Those of a fleet."""

    def __init__(self, processes: Mapping[str, Process], graph: Dependencies, rollings: Rollings) -> None:
        """Processes, edges and rolling restarts are those of the fleet at any time."""
        self._processes = processes
        self._graph = graph
        self._rollings = rollings
        self._cascading: dict[str, str] = {}  # by a program that is restarted so: the process whose files have changed
        self._pending: dict[str, Pending] = {}
        self._done: dict[str, list[tuple[float, frozenset[int]]]] = {}  # what may be a loop: when, and by which files
        self._suspended: set[str] = set()

    def is_suspended(self, name: str) -> bool:
        """Are changes not looked at any more, as they come from the program itself?"""
        return name in self._suspended

    @property
    def any_suspended(self) -> bool:
        """Are there such processes?"""
        return bool(self._suspended)

    def is_due(self, name: str) -> bool:
        """Have files changed about which nothing is done yet?"""
        return name in self._pending

    def deadlines(self) -> list[float]:
        """When to call `serve`."""
        return [pending.due for pending in self._pending.values() if not pending.held]

    # ---- events

    def note(self, event: FilesChanged, now: float) -> list[Action]:
        """Files have changed."""
        process = self._processes.get(event.name)
        if process is None or not process.definition.watch or event.name in self._suspended:
            return []
        pending = self._pending.get(event.name)
        if pending is None:
            pending = self._pending[event.name] = Pending(now, now, set(), 0, event.first)
        known = len(pending.files.intersection(event.files))
        pending.files.update(event.files[:MOST_FILES] if len(pending.files) < MOST_FILES else ())
        pending.count += max(event.count - known, 0)
        quiet = process.definition.watch_debounce
        pending.held = False
        pending.due = min(now + quiet, pending.began + CEILING * quiet)
        return []

    def serve(self, now: float) -> list[Action]:
        """What is due."""
        due = [name for name, pending in self._pending.items() if pending.due <= now and not pending.held]
        return self._act(due, now) if due else []

    def follow(self, event: Event, actions: Iterable[Action], now: float) -> list[Action]:
        """What comes of what has happened and was decided."""
        followed: list[Action] = []
        match event:
            case Spawned(name) if not self._processes[name].program.pre_start:
                self._has_seen(name)
            case StartRequested(name) | RestartRequested(name) | RetryRequested(name):
                followed += self._resume([name])
            case GroupChanged(group):
                followed += self._resume([program.namespec for program in group.programs])
            case WatchesRenewed():
                followed += self._resume(sorted(self._suspended))
            case _:
                pass
        if self._pending or self._cascading:
            followed += self._go_on(tuple(actions), now)
        return followed

    def started(self, actions: Iterable[Action]) -> None:
        """All is decided: what begins to start now sees the files as they are."""
        if self._pending:
            for action in actions:
                if isinstance(action, Announce) and action.after is State.STARTING:
                    self._has_seen(action.name)

    def forget(self, name: str) -> None:
        """The process has left."""
        self._pending.pop(name, None)
        self._done.pop(name, None)
        self._suspended.discard(name)
        self._cascading = {program: one for program, one in self._cascading.items() if one != name}

    def end(self) -> None:
        """The master shuts down."""
        self._pending.clear()
        self._cascading.clear()

    # ---- over an upgrade, and in a recording

    def snapshot(self) -> Data:
        """Plain data for `restore`; empty where nothing has changed."""
        if not (self._pending or self._done or self._suspended or self._cascading):
            return {}
        return {
            # Names of files are not in it: no recording holds a path.
            "pending": {
                name: [one.began, one.due, sorted(one.files), one.count, one.held]
                for name, one in self._pending.items()
            },
            "done": {name: [[when, sorted(files)] for when, files in times] for name, times in self._done.items()},
            "suspended": sorted(self._suspended),
            **({"cascading": dict(self._cascading)} if self._cascading else {}),
        }

    def restore(self, data: Data) -> None:
        """Go on from what `snapshot` returned."""
        self._pending = {
            name: Pending(began, due, set(files), count, held=held)
            for name, (began, due, files, count, held) in data.get("pending", {}).items()
        }
        self._done = {
            name: [(when, frozenset(files)) for when, files in times] for name, times in data.get("done", {}).items()
        }
        self._suspended = set(data.get("suspended", ()))
        self._cascading = dict(data.get("cascading", {}))

    # ---- the pieces of the above

    def _go_on(self, actions: Iterable[Action], now: float) -> list[Action]:
        """With what had to wait for a process, or for a rolling restart."""
        changed = [self._processes[one.name] for one in actions if isinstance(one, Announce)]
        names = {process.name for process in changed}
        programs = {process.program.program for process in changed if self._rolls(process)}
        due = []
        for name, pending in self._pending.items():  # what is held is due
            program = self._processes[name].program.program
            # A rolling restart that has stopped has found a fault: what is up stays so until the next change.
            may = name in names if program not in programs else not self._rollings.has_stopped(program)
            if pending.held and may:
                pending.held = False
                due.append(name)
        followed = self._act(due, now)
        for one in actions:
            if isinstance(one, AnnounceRolling) and one.what in ("done", "ended"):
                process = self._processes.get(self._cascading.pop(one.program, ""))
                followed += self._cascade(process, now) if process is not None and one.what == "done" else []
        return followed

    def _act(self, names: Iterable[str], now: float) -> list[Action]:
        """Do something about them, if this is the time."""
        rolled: dict[str, list[str]] = {}
        actions = [action for name in names for action in self._act_on(name, rolled, now)]
        for program, members in rolled.items():
            if self._processes[members[0]].program.watch_cascade:
                self._cascading[program] = members[0]
            actions += self._roll(members, now)
        return actions

    def _act_on(self, name: str, rolled: dict[str, list[str]], now: float) -> list[Action]:
        """Of one; `rolled` gets those that are restarted in turn, by program."""
        pending, process = self._pending.pop(name), self._processes.get(name)
        if process is None or not process.definition.watch or process.leaving:
            return []
        what, program = _what(process), process.program.program
        in_turn = what in ("act", "start") and process.program.watch_action.what == "restart" and self._rolls(process)
        # One that has stopped has found a fault, which this change may mend.
        busy = in_turn and self._rollings.is_unfinished(program)
        if what == "wait" or (busy and what == "act") or (in_turn and self._is_on_its_way(program)):
            pending.held = True
            self._pending[name] = pending
            return []
        if what == "nothing":
            return []
        words = _words(pending)
        if self._is_loop(process, pending, now):
            self._suspended.add(name)
            del self._done[name]
            return [AnnounceWatch(name, "suspended", words, pending.count)]
        if in_turn and not busy:
            rolled.setdefault(program, []).append(name)
            return [AnnounceWatch(name, "start" if what == "start" else "restart", words, pending.count)]
        if what == "start":
            news = AnnounceWatch(name, "start", words, pending.count)
            begun = retry(process, now) if process.state is State.BACKOFF else start(process, now, run=True)
            return [news, *begun]
        return [
            AnnounceWatch(name, process.program.watch_action.what, words, pending.count),
            *self._do(process, words, now),
        ]

    def _has_seen(self, name: str) -> None:
        """It begins to start after the changes that are known."""
        process = self._processes.get(name)
        if name in self._pending and process is not None and process.definition.watch_action.what != "exec":
            del self._pending[name]

    def _do(self, process: Process, words: str, now: float) -> list[Action]:
        """Carry out watch_action."""
        name, pid, todo = process.name, process.pid or 0, process.program.watch_action
        match todo.what:
            case "restart":
                return [*self._cascade(process, now), *restart(process, now)]
            case "reload":
                return [AnnounceRefresh(name, words)]  # core.side_hooks carries it out
            case "signal":
                return [Kill(name, pid, todo.signal, Scope.PROCESS)]
            case "exec":
                return [RunWatchCommand(name, process.attempt, pid, words)]

    def _cascade(self, process: Process, now: float) -> list[Action]:
        """Restart what depends on it."""
        if not process.program.watch_cascade:
            return []
        actions: list[Action] = []
        rolled: dict[str, list[str]] = {}
        for other in self._graph.stop_order(self._graph.dependents(process.name)):
            if other.wanted and other.pid is not None and other.state in (State.STARTING, State.RUNNING):
                if self._rolls(other):
                    rolled.setdefault(other.program.program, []).append(other.name)
                    continue
                begun = [] if other.leaving else restart(other, now)
                actions += [a._replace(because=process.name) if isinstance(a, Announce) else a for a in begun]
        return [*actions, *(action for members in rolled.values() for action in self._roll(members, now))]

    def _rolls(self, process: Process) -> bool:
        """Are the processes of its program restarted in turn?"""
        program = process.program
        if program.restart_strategy != "rolling" or program.is_oneshot:
            return False
        return any(one.program.program == program.program and one is not process for one in self._processes.values())

    def _is_on_its_way(self, program: str) -> bool:
        """Is one of its processes going down to come up again, or coming up?"""
        if self._rollings.is_going(program):
            return True
        processes = (one for one in self._processes.values() if one.program.program == program and one.wanted)
        return any(one.state in (State.STARTING, State.STOPPING) for one in processes)

    def _roll(self, names: list[str], now: float) -> list[Action]:
        program = self._processes[names[0]].program
        request = RollingRequested(program.program, tuple(names), batch_size(program.rolling_batch, len(names)))
        return [*self._rollings.ask(request, now), *self._rollings.follow(DeadlineReached(), now)]

    def _is_loop(self, process: Process, pending: Pending, now: float) -> bool:
        """Has that happened too often in a row? If not, it counts from now on."""
        done = [one for one in self._done.get(process.name, ()) if now - one[0] < WINDOW]
        last = max((when for when, _ in done), default=None)
        latest = max(when for when in (process.born, last, float("-inf")) if when is not None)
        if pending.began - latest > SOON or (done and not done[-1][1] & pending.files):
            done = []
        if len(done) >= MOST:
            return True
        self._done[process.name] = [*done, (now, frozenset(pending.files))]
        return False

    def _resume(self, names: Iterable[str]) -> list[Action]:
        actions: list[Action] = []
        for name in names:
            self._done.pop(name, None)
            if name in self._suspended:
                self._suspended.discard(name)
                actions.append(AnnounceWatch(name, "resumed"))
        return actions


def _what(process: Process) -> Literal["act", "start", "wait", "nothing"]:
    """What may be done about a process in its state."""
    match process.state:
        case State.RUNNING if process.wanted and process.pid is not None:
            return "wait" if process.ties.deferred else "act"
        case State.BACKOFF if process.wanted:
            return "start"
        case State.FATAL if process.wanted and not process.ties.blocked:
            return "start"
        case State.EXITED:
            return "start"
        case State.STARTING | State.STOPPING if process.wanted:
            return "wait"
        case _:
            return "nothing"  # it is down by request, or is going to be started anyway


def _words(pending: Pending) -> str:
    first = pending.first or "a file"
    return f"{first} changed" + (f" ({pending.count} files)" if pending.count > 1 else "")
