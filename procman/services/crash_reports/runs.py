"""What is noted about the present run of each process, for the report of its end, and how often it is started again.

This is all of crash reports that a master does before something has crashed.
"""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from procman.config.secrets import masked
from procman.core.actions import Announce, AnnounceDescendants, Kill, ProcessRemoved
from procman.core.attribution import NOBODY, Actor, Origin
from procman.core.events import Adopted, Spawned, SpawnFailed
from procman.core.fleet import Fleet
from procman.core.states import State
from procman.runtime.bus import BusEvent, Notification, ProcessEnded
from procman.runtime.process_trees import OrphanedDescendants
from procman.services.crash_reports.restart_counts import RestartCounts
from procman.services.status import StatusBoard

if TYPE_CHECKING:
    from procman.services.crash_reports.report import CrashReport
    from procman.system.reaper import Rusage

_ENDED = frozenset({State.EXITED, State.BACKOFF, State.STOPPED})
_ASKED_BY = {"client": "operator", "signal": "operator"}


class Run:
    """One run of a process. Times are seconds since the epoch; 0.0: not known, or not yet."""

    __slots__ = (
        "ended",
        "failure",
        "left_behind",
        "number",
        "origin",
        "pid",
        "report",
        "running",
        "seq",
        "spawned",
        "stopped_for",
        "usage",
    )

    def __init__(self, pid: int, number: int, spawned: float) -> None:
        self.pid = pid
        self.number = number  # counts the spawns of the process
        self.spawned = spawned
        self.running = 0.0
        self.stopped_for = ""  # why policy has stopped it, in words
        # Of its end:
        self.seq = 0  # of the record in the journal; 0: it has not ended, or its report is made
        self.ended = 0.0
        self.origin: Origin = NOBODY
        self.usage: Rusage | None = None
        self.left_behind: tuple[int, ...] = ()
        self.failure = ""  # why it could not be spawned
        self.report: CrashReport | None = None  # that its end is part of


class Runs:
    """Subscribe `hear` after `Ends`."""

    hears = (
        Announce,
        Spawned,
        ProcessEnded,
        SpawnFailed,
        Kill,
        Adopted,
        AnnounceDescendants,
        OrphanedDescendants,
        ProcessRemoved,
    )

    def __init__(
        self,
        fleet: Fleet,
        on_end: Callable[[Announce, Run], str | None],
        *,
        on_kill: Callable[[str, int], None],
        on_left: Callable[[str, tuple[int, ...]], None],
        on_removed: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """The fleet is only read.

        Args:
            fleet: has the processes.
            on_end: gets each end that may deserve a report; returns what sort of end it was, None: one as it should be.
            on_kill: gets namespec and pid of a process that is about to be killed.
            on_left: gets the pids that a process has left behind a while ago.
            on_removed: gets the namespec of a process that has left the fleet.
            clock: the steady one.
        """
        self.restarts = RestartCounts()
        self._fleet = fleet
        self._on_end = on_end
        self._on_kill = on_kill
        self._on_left = on_left
        self._on_removed = on_removed
        self._clock = clock
        self._runs: dict[str, Run] = {}
        self._reasons: dict[str, str] = {}  # why the process is started next, if it is by itself

    def go_on(self, status: StatusBoard) -> None:
        """Take note of the runs that another process image of this master has seen begin."""
        for process in self._fleet.processes.values():
            if process.pid is not None:
                self._runs[process.name] = run = self._run(process.name, process.pid)
                run.spawned = status.began(process.name)

    @property
    def names(self) -> list[str]:
        """The namespecs of the processes that have had a run."""
        return list(self._runs)

    def latest(self, name: str) -> Run | None:
        """Of the process of that namespec, also one that has ended."""
        return self._runs.get(name)

    def hear(self, notification: Notification) -> None:
        """Take note."""
        event = notification.event
        # By type first: hundreds of these come in a second where programs end at once.
        if isinstance(event, Announce):
            self._announced(notification, event)
        elif isinstance(event, Spawned):
            self._runs[event.name] = self._run(event.name, event.pid)
        elif isinstance(event, ProcessEnded):
            run = self._runs.get(event.name)
            if run is None or run.pid != event.pid:
                run = self._runs[event.name] = self._run(event.name, event.pid)
                run.spawned = 0.0
            run.seq, run.origin, run.ended = notification.seq, notification.origin, time.time()
            run.usage, run.left_behind = event.usage, event.descendants
        elif isinstance(event, SpawnFailed):
            run = self._runs[event.name] = self._run(event.name, 0)
            run.seq, run.origin, run.ended = notification.seq, notification.origin, run.spawned
            run.failure = masked(event.reason)  # there may be a command in it
        elif isinstance(event, Kill):
            if event.overdue and event.pid:
                self._on_kill(event.name, event.pid)
        else:
            self._hear_the_rest(event)

    def _hear_the_rest(self, event: BusEvent) -> None:
        match event:
            case Adopted(name, pid, age):
                self._runs[name] = run = self._run(name, pid)
                run.spawned -= age
            case AnnounceDescendants(name=name, pids=pids) if name in self._runs:
                self._runs[name].left_behind = pids
            case OrphanedDescendants(name, pids):
                self._on_left(name, pids)
            case ProcessRemoved(name):
                self._runs.pop(name, None)
                self._reasons.pop(name, None)
                self.restarts.forget(name)
                self._on_removed(name)
            case _:
                pass

    def _run(self, name: str, pid: int) -> Run:
        process = self._fleet.processes.get(name)
        return Run(pid, process.attempt if process is not None else 0, time.time())

    def _announced(self, notification: Notification, news: Announce) -> None:
        name, after = news.name, news.after
        if after is State.STARTING:
            process = self._fleet.processes.get(name)
            if process is not None and process.attempt > 1:
                reason = _restart_reason(notification.actor, self._reasons.get(name, "exit"))
                self.restarts.count(name, reason, self._clock())
            return
        run = self._runs.get(name)
        if run is None:
            return
        if after is State.RUNNING:
            run.running = time.time()
        elif after is State.STOPPING:
            run.stopped_for = news.reason
        elif run.seq and after in _ENDED:
            self._reasons[name] = (self._on_end(news, run) if _may_be_a_crash(news, run) else None) or "exit"
            run.seq = 0  # FATAL follows BACKOFF, and STOPPED may: it is the same end


def _may_be_a_crash(news: Announce, run: Run) -> bool:
    """Whether there is more to ask about an end: in a loop of expected exits there is not."""
    status = news.status
    if status is None:
        return bool(run.failure)
    return news.after is State.BACKOFF or status.signal is not None or not news.expected


def _restart_reason(actor: Actor | None, last_end: str) -> str:
    """Why a process is started again: how it has ended, or who has asked."""
    if actor is None or actor.kind == "policy":
        return last_end
    return _ASKED_BY.get(actor.kind, actor.kind)
