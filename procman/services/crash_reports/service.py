"""The door to the crash reports of a master, for all front ends.

What they need is imported when the first is due, or asked for: most masters run for long before something crashes.
"""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from procman.core.actions import Announce
from procman.core.fleet import Fleet
from procman.runtime.bus import Notification, Subscriber
from procman.services.crash_reports.kinds import kind_of
from procman.services.crash_reports.runs import Run, Runs
from procman.services.ends import Ends
from procman.services.last_looks import LastLooks
from procman.services.selectors import ALL

if TYPE_CHECKING:
    from procman.services.crash_reports.keeper import Keeper
    from procman.services.crash_reports.parts import Parts
    from procman.services.crash_reports.report import CrashReport

Plain = dict[str, Any]
May = Callable[[str], bool]


class CrashReports:
    """Subscribe `hear` to the bus after `Ends` and the journal."""

    hears = Runs.hears

    def __init__(self, fleet: Fleet, ends: Ends, parts: "Callable[[], Parts]", *, looks: LastLooks, most: int) -> None:
        """Fleet and ends are only read.

        Args:
            fleet: has the processes.
            ends: knows how they ended.
            parts: gives what the reports are made of, once.
            looks: gets a glance at what is about to be killed.
            most: so many reports are kept; 0: none are made.
        """
        self._ends = ends
        self._parts = parts
        self._looks = looks
        self._runs = Runs(fleet, self._ended, on_kill=self._glance, on_left=self._left, on_removed=self._forget)
        self._made: Keeper | None = None
        self._numbers: dict[str, int] = {}  # of the reports of the last runs that another process image has seen
        self.go_on = self._runs.go_on
        # Take note, and make a report where it is due.
        self.hear: Subscriber = self._runs.hear if most else _make_none

    @property
    def obstacle(self) -> str | None:
        """Why an upgrade cannot happen now."""
        return None if self._made is None else self._made.obstacle

    def latest(self, name: str) -> "CrashReport | None":
        """The latest report about the process of that namespec."""
        return None if self._made is None else self._made.latest(name)

    def number_of_last_run(self, name: str) -> int | None:
        """Of the report that the end of the latest run of that process is part of; None: there is none."""
        run = self._runs.latest(name)
        if run is None:  # another process image has seen it end
            before = self.latest(name)
            return before.seq if before is not None and before.seq == self._numbers.get(name) else None
        report = run.report
        return report.seq if report is not None and report.is_kept else None

    def plain(self, report: "CrashReport") -> Plain:
        """All of it, as plain data."""
        return self._keeper.plain(report)

    async def reports(self, spec: str = ALL, may: May | None = None) -> "tuple[list[CrashReport], str]":
        """Those about what `spec` names, from the oldest to the latest; and why some may be missing, "" if none is.

        A name, group:name, group:*, the name of a group, or a glob; processes that have left the fleet count, too.
        With `may`, only those about processes that it takes, by namespec.
        """
        return await self._keeper.reports(spec, may)

    async def one(self, seq: int, may: May | None = None) -> "CrashReport":
        """The report of that number; raises OperationError(UNKNOWN_REPORT)."""
        return await self._keeper.one(seq, may)

    # ---- for the life of the master

    def snapshot(self) -> Plain:
        """Plain data for another process image to go on with."""
        kept = {} if self._made is None else self._made.snapshot()
        names = dict.fromkeys((*self._numbers, *self._runs.names))
        last = {name: seq for name in names if (seq := self.number_of_last_run(name)) is not None}
        return {"restarts": self._runs.restarts.snapshot(time.monotonic()), "last": last, **kept}

    def restore(self, data: Plain | None) -> None:
        """Go on from what `snapshot` returned; None: from nothing."""
        if data is not None:
            self._runs.restarts.restore(data.get("restarts", {}), time.monotonic())
            self._numbers = data.get("last", {})
            if data.get("reports"):
                self._keeper.restore(data)

    async def close(self, within: float) -> None:
        """The master ends: what is not written yet is waited for, `within` seconds at most."""
        if self._made is not None:
            await self._made.close(within)

    # ---- private

    @property
    def _keeper(self) -> "Keeper":
        if self._made is None:
            from procman.services.crash_reports.keeper import Keeper  # noqa: PLC0415 - a whole feature

            self._made = Keeper(self._parts(), self._runs.restarts.within_hour)
        return self._made

    def _ended(self, news: Announce, run: Run) -> str | None:
        if self._made is None:
            end = self._ends.last(news.name) if news.status is not None else None
            if kind_of(news, end, run) is None:
                return None  # a stop by a signal, say, which is how most programs end
        return self._keeper.collector.ended(news, run)

    def _glance(self, name: str, pid: int) -> None:
        from procman.system.glance import glance  # noqa: PLC0415 - few programs have to be killed

        seen = glance(pid)
        if seen is not None:
            self._looks.note_one(name, pid, seen)

    def _left(self, name: str, pids: tuple[int, ...]) -> None:
        if self._made is not None:
            self._made.collector.left(name, pids)

    def _forget(self, name: str) -> None:
        if self._made is not None:
            self._made.collector.forget(name)


def _make_none(_: Notification) -> None:
    """No reports are wanted."""
