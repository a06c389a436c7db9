"""Makes crash reports of what the bus tells.

A loop of crashes must not become slower by its reports: equal ends that follow each other are folded into one report,
and only one in LOOK_EVERY seconds is looked at closely. What may wait for a disk is done beside the loop.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

from procman.config.schema.programs import Program
from procman.core.actions import Announce, AnnounceDescendants, ProcessRemoved
from procman.core.events import Adopted, Spawned, SpawnFailed
from procman.core.fleet import Fleet
from procman.core.states import State
from procman.runtime.bus import BusEvent, Notification, ProcessEnded
from procman.runtime.definitions import program_of
from procman.runtime.process_trees import OrphanedDescendants
from procman.services.crash_reports.facts import (
    Known,
    describe,
    is_alike,
    kind_of,
    left_behind,
    may_be_a_crash,
    restart_reason,
)
from procman.services.crash_reports.last_lines import OUTPUT_BYTES
from procman.services.crash_reports.report import CrashKind, CrashReport, Output
from procman.services.crash_reports.restart_counts import RestartCounts
from procman.services.crash_reports.run import Run
from procman.services.endings import End
from procman.services.ends import Ends
from procman.services.figures import LastLooks
from procman.services.status import StatusBoard

# Equal ends of a process are one report if they are not further apart, in seconds.
FOLD_WITHIN = 10.0
# Of equal ends one is looked at closely within so many seconds.
LOOK_EVERY = 1.0
# So many reports of one process are begun within MINUTE seconds; further ends are counted in its latest one.
MOST_NEW = 10
MINUTE = 60.0
# So many different ends of one process are told apart at a time.
MOST_KEYS = 8
# What is left behind is reported with the end if it is told within so many seconds.
LEFTOVERS_WITHIN = 3.0
# So many reports wait for what disks have to tell, each so many seconds; further ones do without.
MOST_TASKS = 50
ANSWER_WITHIN = 10.0
_ENDED = frozenset({State.EXITED, State.BACKOFF, State.STOPPED})
_EXPLAINED = ("exit", "early-exit", "failed-start")


class LastOutput(Protocol):
    """Gives the end of what a run has written; see `OutputRouter.last_output`."""

    def __call__(
        self, name: str, pid: int, length: int, then: Callable[[Any, bytes | None, int], None]
    ) -> Iterable[str]:
        """Call `then` for each channel; returns the channels."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the collector looks."""

    last_output: LastOutput
    folder: Callable[[], str]  # in which a program without a directory runs
    asked_by: Callable[[int], str]  # who asked for what the notification of that number follows from, in words
    looks: LastLooks
    explain: Callable[[str, float], Awaitable[dict[str, str]]]  # further facts about the last end, in so many seconds


@dataclass(slots=True)
class _Ends:
    """Ends of one process that are alike."""

    report: CrashReport
    kind: CrashKind
    program: Program
    news: Announce  # of the first
    failure: str
    last: float  # by the steady clock
    looked: float

    def note(self, run: Run, now: float) -> None:
        """One more has come."""
        report = self.report
        report.times += 1
        report.last_seq, report.ended, self.last = run.seq, run.ended, now


@dataclass(slots=True)
class _OfProcess:
    alike: dict[object, _Ends] = field(default_factory=dict)
    begun: deque[float] = field(default_factory=lambda: deque(maxlen=MOST_NEW))
    latest: _Ends | None = None


def _latest(of: _OfProcess) -> _Ends | None:
    return max(of.alike.values(), key=lambda ends: ends.last, default=None)


class Collector:
    """Subscribe `hear` after `Ends`."""

    hears = (
        Announce,
        Spawned,
        ProcessEnded,
        SpawnFailed,
        Adopted,
        AnnounceDescendants,
        OrphanedDescendants,
        ProcessRemoved,
    )

    def __init__(
        self,
        fleet: Fleet,
        ends: Ends,
        sources: Sources,
        on_report: Callable[[CrashReport, bool], None],
        latest: Callable[[str], CrashReport | None],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """The fleet is only read.

        Args:
            fleet: has the processes.
            ends: knows how they ended.
            sources: where it looks.
            on_report: gets each new report, with true, and each that has changed.
            latest: gives the latest report about the process of a namespec.
            clock: the steady one.
        """
        self._fleet = fleet
        self._ends = ends
        self._sources = sources
        self._on_report = on_report
        self._latest = latest
        self._clock = clock
        self._restarts = RestartCounts()
        self._runs: dict[str, Run] = {}
        self._of: dict[str, _OfProcess] = {}
        self._reasons: dict[str, str] = {}  # why the process is started next, if it is by itself
        self._tasks: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()  # something that was being found out is known

    def go_on(self, status: StatusBoard) -> None:
        """Take note of the runs that another process image of this master has seen begin."""
        for process in self._fleet.processes.values():
            if process.pid is not None:
                self._runs[process.name] = run = self._run(process.name, process.pid)
                run.spawned = float(status.of(process).start)

    def of_last_run(self, name: str) -> CrashReport | None:
        """The report that the end of the latest run is part of; None: it runs, or has ended as it should."""
        run = self._runs.get(name)
        return run.report if run is not None else None

    def snapshot(self) -> dict[str, Any]:
        """Plain data for another process image to go on with."""
        return {"restarts": self._restarts.snapshot(self._clock())}

    def restore(self, data: dict[str, Any]) -> None:
        """Go on from what `snapshot` returned."""
        self._restarts.restore(data.get("restarts", {}), self._clock())

    def close(self) -> None:
        """Look for nothing any more."""
        for task in self._tasks:
            task.cancel()

    # ---- what the bus tells

    def hear(self, notification: Notification) -> None:
        """Take note; make a report where it is due."""
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
            run.failure = event.reason
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
                self._left(name, pids)
            case ProcessRemoved(name):
                for known in (self._runs, self._of, self._reasons):
                    known.pop(name, None)
                self._restarts.forget(name)
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
                reason = restart_reason(notification.actor, self._reasons.get(name, "exit"))
                self._restarts.count(name, reason, self._clock())
            return
        run = self._runs.get(name)
        if run is None:
            return
        if after is State.RUNNING:
            run.running = time.time()
        elif run.seq and after in _ENDED:
            # Each end of a loop that never ends costs the time between two runs.
            if not self._is_repeated(news, run):
                end = self._ends.last(name) if may_be_a_crash(news) else None
                kind = kind_of(news, end, run)
                self._reasons[name] = kind or "exit"
                if kind is not None:
                    self._ended(news, kind, end, run)
            run.seq = 0  # FATAL follows BACKOFF, and STOPPED may: it is the same end

    # ---- reports

    def _is_repeated(self, news: Announce, run: Run) -> bool:
        """Whether it is like the end before, and that was looked at a moment ago: then it is only counted."""
        of = self._of.get(news.name)
        latest = of.latest if of is not None else None
        if latest is None or latest.news.after is not news.after or latest.program is not news.program:
            return False
        before, status = latest.news.status, news.status
        if status is None or before is None:
            if status is not before or latest.failure != run.failure:
                return False
        elif status.signal is not None or not status.known or status.code != before.code:
            return False  # of a signal it is to be known where it came from
        now = self._clock()
        if now - latest.looked >= LOOK_EVERY or not latest.report.is_kept:
            return False
        self._reasons[news.name] = latest.kind
        latest.note(run, now)
        run.report = latest.report
        return True

    def _ended(self, news: Announce, kind: CrashKind, end: End | None, run: Run) -> None:
        now, program = self._clock(), program_of(news.program)
        known = Known(news.name, kind, news, end, run, program)
        of = self._of.get(news.name)
        if of is None:
            of = self._of[news.name] = _OfProcess()
        sent = end.sent.why if end is not None and end.sent is not None else None
        key = (kind, run.failure, news.status, end.sender if end is not None else None, sent)
        ends = of.alike.get(key)
        if ends is not None and (now - ends.last > FOLD_WITHIN or not ends.report.is_kept):
            ends = None
        if ends is None or ends.program is not program:
            ends = self._begin(of, key, known, now)
        else:
            ends.note(run, now)
            run.report = ends.report
            if now - ends.looked < LOOK_EVERY:
                of.latest = ends
                return
        of.latest = ends
        if ends is not None:
            run.report = ends.report
            ends.looked = now
            self._look(ends.report, known, is_new=ends.report.times == 1)

    def _begin(self, of: _OfProcess, key: object, known: Known, now: float) -> _Ends | None:
        """A report of its own, unless there are too many."""
        if len(of.begun) == MOST_NEW and now - of.begun[0] < MINUTE:
            latest = _latest(of)
            if latest is not None:
                latest.report.unreported += 1
            return None
        run = known.run
        report = self._begun_before(known)
        if report is None:
            of.begun.append(now)
            report = CrashReport(run.seq, known.name, run.ended, run.seq, run.ended)
        else:
            report.times, report.last_seq, report.ended = report.times + 1, run.seq, run.ended
        of.alike.pop(key, None)
        while len(of.alike) >= MOST_KEYS:
            del of.alike[next(iter(of.alike))]
        ends = of.alike[key] = _Ends(report, known.kind, known.program, known.news, run.failure, now, now)
        return ends

    def _begun_before(self, known: Known) -> CrashReport | None:
        """The report of equal ends that another process image of this master has begun a moment ago."""
        report = self._latest(known.name)
        if report is None or report.program is not None or known.run.ended - report.ended > FOLD_WITHIN:
            return None
        return report if is_alike(report.facts, known) else None

    def _look(self, report: CrashReport, known: Known, *, is_new: bool) -> None:
        run, name, sources = known.run, known.name, self._sources
        now = self._clock()
        report.facts = describe(
            known,
            now=now,
            cgroup=self._ends.memory.folder_of(name),
            asked_by=sources.asked_by(run.seq),
            folder=sources.folder(),
            last_look=sources.looks.of(name, run.pid),
            restarts=self._restarts.within_hour(name, now),
        )
        report.program, report.made = known.program, None
        self._gather_output(report, name, run.pid)
        self._on_report(report, is_new)
        if len(self._tasks) < MOST_TASKS:
            task = asyncio.get_running_loop().create_task(self._explain(report, name, run.seq))
            self._tasks.add(task)
            task.add_done_callback(self._task_ended)

    def _gather_output(self, report: CrashReport, name: str, pid: int) -> None:
        got: dict[str, Output] = {}
        report.output = {}

        def take(channel: str, data: bytes | None, wrote: int) -> None:
            asked_later = channel in got
            if asked_later and report.output.get(channel) is not got[channel]:
                return  # a later end has been looked at meanwhile
            got[channel] = Output(data, wrote)
            if asked_later:
                report.output = {**report.output, channel: got[channel]}
                self._changed.set()
                self._on_report(report, False)

        for channel in self._sources.last_output(name, pid, OUTPUT_BYTES, take) if pid else ():
            got.setdefault(channel, Output(None, 0, is_pending=True))
        report.output = dict(got)

    def _left(self, name: str, pids: tuple[int, ...]) -> None:
        of = self._of.get(name)
        ends = _latest(of) if of is not None else None
        if ends is not None and self._clock() - ends.last <= LEFTOVERS_WITHIN:
            ends.report.facts = {**ends.report.facts, "left_behind": left_behind(pids)}
            self._on_report(ends.report, False)

    # ---- what asks disks

    async def _explain(self, report: CrashReport, name: str, seq: int) -> None:
        known = await self._sources.explain(name, ANSWER_WITHIN)
        if report.facts["kind"] not in _EXPLAINED:
            known["explanation"] = ""  # it is about an earlier end
        if any(known.values()) and report.facts["record"] == seq:
            report.facts = {**report.facts, **known}
            self._on_report(report, False)

    async def settled(self, report: CrashReport, within: float) -> None:
        """Wait until all that is being found out about it is known, or cannot be; `within` seconds at most."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                while self._tasks or report.is_pending:
                    self._changed.clear()
                    await self._changed.wait()

    def _task_ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._changed.set()
