"""The crash reports of a master, for all front ends: in memory, and in a folder where the configuration names one."""

from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from procman.config.schema.programs import Program
from procman.core.fleet import Fleet
from procman.errors import OperationError, Reason
from procman.logs.protocol import Log
from procman.runtime.bus import Notification
from procman.runtime.journal.journal import Journal
from procman.services.actors import describe_actor
from procman.services.crash_reports.collector import Collector, LastOutput, Sources
from procman.services.crash_reports.digests import Digests
from procman.services.crash_reports.kept_reports import KeptReports, find
from procman.services.crash_reports.report import CrashReport, from_plain
from procman.services.crash_reports.report_files import ReportFiles
from procman.services.ends import Ends
from procman.services.explanations import Explanations
from procman.services.figures import LastLooks
from procman.services.selectors import ALL

# So long a client that asks for one waits for what is still being found out, in seconds.
WAIT = 2.0
_MOST_NAMED = 10

Plain = dict[str, Any]


class CrashReports:
    """Subscribe `hear` to the bus after `Ends` and the journal."""

    hears = Collector.hears

    def __init__(
        self,
        fleet: Fleet,
        ends: Ends,
        journal: Journal,
        *,
        explanations: Explanations,
        log: Log,
        looks: LastLooks,
        most: int,
        folder: str | None,
        last_output: LastOutput,
        environment_of: Callable[[Program], Mapping[bytes, bytes]],
        directory: Callable[[], str],
        on_end: Callable[[], object] = lambda: None,
    ) -> None:
        """The fleet is only read.

        Args:
            fleet: has the processes.
            ends: knows how they ended.
            journal: knows who asked for what.
            explanations: finds out more.
            log: gets a line when reports cannot be written.
            looks: has the latest figures of each process.
            most: so many are kept.
            folder: where they are written; None: they are in memory alone.
            last_output: gives what a run has written last.
            environment_of: gives what a program is started with.
            on_end: is called when there is no `obstacle` any more.
            directory: in which a program without one runs.
        """
        self._journal = journal
        self._digests = Digests()
        self._environment_of = environment_of
        self._kept = KeptReports(most)
        self._files = ReportFiles(folder, most, log, self.plain, on_end) if folder and most else None
        sources = Sources(last_output, directory, self._asked_by, looks, self._explain)
        self._collector = Collector(fleet, ends, sources, self._take, self._kept.latest)
        self.go_on = self._collector.go_on
        self._explanations = explanations
        self._makes_any = most > 0

    def hear(self, notification: Notification) -> None:
        """Take note; make a report where it is due."""
        if self._makes_any:
            self._collector.hear(notification)

    @property
    def obstacle(self) -> str | None:
        """Why an upgrade cannot happen now."""
        return None if self._files is None else self._files.obstacle

    def latest(self, name: str) -> CrashReport | None:
        """The latest report about the process of that namespec."""
        return self._kept.latest(name)

    def number_of_last_run(self, name: str) -> int | None:
        """Of the report that the end of the latest run of that process is part of; None: there is none."""
        report = self._collector.of_last_run(name)
        return report.seq if report is not None and report.is_kept else None

    def plain(self, report: CrashReport) -> Plain:
        """All of it, as plain data."""
        return report.to_plain(self._digests, self._environment_of)

    async def reports(self, spec: str = ALL) -> tuple[list[CrashReport], str]:
        """Those about what `spec` names, from the oldest to the latest; and why some may be missing, "" if none is.

        A name, group:name, group:*, the name of a group, or a glob; processes that have left the fleet count, too.
        """
        kept = list(self._kept)
        note = ""
        if self._files is not None:
            earlier, note = await self._files.read()
            known = {(report.seq, round(report.first_ended, 3)) for report in kept}
            kept = [one for one in earlier if (one.seq, round(one.first_ended, 3)) not in known] + kept
            kept.sort(key=lambda report: report.ended)
        return [report for report in kept if _is_meant(report, spec)], note

    async def one(self, seq: int) -> CrashReport:
        """The report of that number; raises OperationError(UNKNOWN_REPORT)."""
        record = self._journal.find(seq)
        name = record.name if record is not None else ""
        report = find(reversed(list(self._kept)), seq, name)
        if report is None and self._files is not None:
            earlier, _ = await self._files.read()
            report = find(reversed(earlier), seq, name)
        if report is None:
            raise OperationError(await self._unknown(seq), Reason.UNKNOWN_REPORT)
        await self._collector.settled(report, WAIT)
        return report

    async def _unknown(self, seq: int) -> str:
        there, _ = await self.reports()
        if not there:
            return f"there is no crash report {seq}, and no other: nothing has ended unexpectedly"
        latest = ", ".join(f"{one.seq} ({one.name})" for one in reversed(there[-_MOST_NAMED:]))
        more = len(there) - _MOST_NAMED
        return f"there is no crash report {seq}; there are {latest}" + (f" and {more} more" if more > 0 else "")

    # ---- for the life of the master

    def snapshot(self) -> Plain:
        """Plain data for another process image to go on with."""
        return {
            "salt": self._digests.salt.hex(),
            "reports": [self.plain(report) for report in self._kept],
            **self._collector.snapshot(),
        }

    def restore(self, data: Plain | None) -> None:
        """Go on from what `snapshot` returned; reports of a form that is not understood are left out."""
        if data is None:
            return
        self._collector.restore(data)
        self._digests.salt = bytes.fromhex(data["salt"])
        for plain in data["reports"]:
            try:
                report = from_plain(plain)
            except (KeyError, TypeError, AttributeError, ValueError):
                continue
            self._kept.add(report)
            if self._files is not None and not report.file:
                self._files.save(report)

    async def close(self, within: float) -> None:
        """The master ends: what is not written yet is waited for, `within` seconds at most."""
        self._collector.close()
        if self._files is not None:
            await self._files.close(self._kept, within)

    # ---- private

    def _take(self, report: CrashReport, is_new: bool) -> None:
        if is_new:
            self._kept.add(report)
        else:
            self._kept.changed(report)
        if self._files is not None and report.is_kept:
            self._files.save(report)

    async def _explain(self, name: str, within: float) -> dict[str, str]:
        finding = await self._explanations.settled(name, within)
        core = self._explanations.core_of(name)
        return {
            "explanation": finding.sentence if finding is not None else "",
            "core_file": core.path if core is not None else "",
            "core_handler": core.handler if core is not None else "",
        }

    def _asked_by(self, seq: int) -> str:
        """Who asked for what led to this record; "": nobody, or it is forgotten."""
        for record in self._journal.chain(seq):
            if record.actor is not None and record.actor.kind not in ("policy", "boot"):
                root = self._journal.chain(record.seq)[-1]
                asked = ""
                if root.kind == "op-begin" and root.data:
                    asked = f"{root.reason} {' '.join(root.data.get('targets', ()))}".strip()
                return describe_actor(record.actor, asked)
        return ""


def _is_meant(report: CrashReport, spec: str) -> bool:
    group = report.facts.get("group", "")
    if spec in (ALL, report.name, group) or spec == f"{group}:*":
        return True
    return any(mark in spec for mark in "*?[") and fnmatchcase(report.name, spec)
