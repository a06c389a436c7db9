"""Makes crash reports of ends.

A loop of crashes must not become slower by its reports: equal ends that follow each other are folded into one report,
and only one in LOOK_EVERY seconds is looked at closely, or fewer in a loop that goes on. What may wait for a disk is
done beside the loop.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from procman.config.schema.programs import Program
from procman.core.actions import Announce
from procman.runtime.definitions import program_of
from procman.services.crash_reports.facts import (
    Known,
    describe,
    is_alike,
    left_behind,
)
from procman.services.crash_reports.kinds import CrashKind, kind_of
from procman.services.crash_reports.last_lines import OUTPUT_BYTES
from procman.services.crash_reports.parts import LastOutput
from procman.services.crash_reports.report import CrashReport, Output
from procman.services.crash_reports.runs import Run
from procman.services.endings import End
from procman.services.ends import Ends
from procman.services.last_looks import LastLooks

# Equal ends of a process are one report if they are not further apart, in seconds.
FOLD_WITHIN = 10.0
# Of equal ends one is looked at closely within so many seconds.
LOOK_EVERY = 1.0
# After each look at ends that are equal still, that time is doubled, up to this.
LOOK_AT_LEAST_EVERY = 8.0
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
_EXPLAINED = ("exit", "early-exit", "unready", "unhealthy", "timed-out", "failed-start")


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the collector looks."""

    last_output: LastOutput
    folder: Callable[[], str]  # in which a program without a directory runs
    asked_by: Callable[[int], str]  # who asked for what the notification of that number follows from, in words
    looks: LastLooks
    restarts: Callable[[str, float], dict[str, int]]  # of a process within the hour before, by reason
    explain: Callable[[str, float], Awaitable[dict[str, str]]]  # further facts about the last end, in so many seconds
    checks: Callable[[str, float], dict[str, Any]]  # what its health check and its hooks have shown, by a steady clock


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
    pause: float = LOOK_EVERY  # until the next look, in seconds

    def is_looked_at(self, now: float) -> bool:
        """Was one of them looked at a moment ago?"""
        return now - self.looked < self.pause

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
    """Of one fleet; its `Runs` tell it what has ended."""

    def __init__(
        self,
        ends: Ends,
        sources: Sources,
        on_report: Callable[[CrashReport, bool], None],
        latest: Callable[[str], CrashReport | None],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Reports are the caller's to keep.

        Args:
            ends: knows how they ended.
            sources: where it looks.
            on_report: gets each new report, with true, and each that has changed.
            latest: gives the latest report about the process of a namespec.
            clock: the steady one.
        """
        self._ends = ends
        self._sources = sources
        self._on_report = on_report
        self._latest = latest
        self._clock = clock
        self._of: dict[str, _OfProcess] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()  # something that was being found out is known

    def close(self) -> None:
        """Look for nothing any more."""
        for task in self._tasks:
            task.cancel()

    def ended(self, news: Announce, run: Run) -> CrashKind | None:
        """Take note of an end, and make a report where it is due; returns what sort of end it is."""
        # Each end of a loop that never ends costs the time between two runs.
        repeated = self._repeated(news, run)
        if repeated is not None:
            return repeated
        end = self._ends.last(news.name) if news.status is not None else None
        kind = kind_of(news, end, run)
        if kind is not None:
            self._report(news, kind, end, run)
        return kind

    def left(self, name: str, pids: tuple[int, ...]) -> None:
        """These processes have been left behind by one that has ended a moment ago."""
        of = self._of.get(name)
        ends = _latest(of) if of is not None else None
        if ends is not None and self._clock() - ends.last <= LEFTOVERS_WITHIN:
            ends.report.facts = {**ends.report.facts, "left_behind": left_behind(pids)}
            self._on_report(ends.report, False)

    def forget(self, name: str) -> None:
        """The process has left the fleet."""
        self._of.pop(name, None)

    # ---- reports

    def _repeated(self, news: Announce, run: Run) -> CrashKind | None:
        """The sort of an end that is like the one before, which was looked at a moment ago: it is only counted."""
        if run.stopped_for:
            return None  # how it has ended is the lesser part of it
        of = self._of.get(news.name)
        latest = of.latest if of is not None else None
        if latest is None or latest.news.after is not news.after or latest.program is not news.program:
            return None
        before, status = latest.news.status, news.status
        if status is None or before is None:
            if status is not before or latest.failure != run.failure:
                return None
        elif status.signal is not None or not status.known or status.code != before.code:
            return None  # of a signal it is to be known where it came from
        now = self._clock()
        if not latest.is_looked_at(now) or not latest.report.is_kept:
            return None
        latest.note(run, now)
        run.report = latest.report
        return latest.kind

    def _report(self, news: Announce, kind: CrashKind, end: End | None, run: Run) -> None:
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
            if ends.is_looked_at(now):
                of.latest = ends
                return
            ends.pause = min(2 * ends.pause, LOOK_AT_LEAST_EVERY)
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
            restarts=sources.restarts(name, now),
            checks=sources.checks(name, now),
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
