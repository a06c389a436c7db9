"""The reports that there are: made when the first is due, or when somebody asks for one."""

from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any

from procman.errors import OperationError, Reason
from procman.runtime.digests import Digests
from procman.services.actors import describe_actor
from procman.services.crash_reports.collector import Collector, Sources
from procman.services.crash_reports.facts import health_results, hook_results
from procman.services.crash_reports.kept_reports import KeptReports, find
from procman.services.crash_reports.parts import Parts
from procman.services.crash_reports.report import CrashReport, from_plain
from procman.services.crash_reports.report_files import ReportFiles
from procman.services.selectors import ALL

# So long a client that asks for one waits for what is still being found out, in seconds.
WAIT = 2.0
_MOST_NAMED = 10

Plain = dict[str, Any]


class Keeper:
    """Keeps them in memory, and in a folder where the configuration names one."""

    def __init__(self, parts: Parts, restarts: Callable[[str, float], dict[str, int]]) -> None:
        """`restarts` gives those of a process within the hour before a time of the steady clock, by reason."""
        self._parts = parts
        self._digests = Digests()
        self._kept = KeptReports(parts.most)
        self._files: ReportFiles | None = None
        if parts.folder and parts.most:
            self._files = ReportFiles(parts.folder, parts.most, parts.log, self.plain, parts.on_end)
        sources = Sources(
            parts.last_output, parts.directory, self._asked_by, parts.looks, restarts, self._explain, self._checks
        )
        self.collector = Collector(parts.ends, sources, self._take, self._kept.latest)
        self.latest = self._kept.latest

    @property
    def obstacle(self) -> str | None:
        """Why an upgrade cannot happen now."""
        return None if self._files is None else self._files.obstacle

    def plain(self, report: CrashReport) -> Plain:
        """All of it, as plain data."""
        return report.to_plain(self._digests, self._parts.environment_of, self._parts.secrets_given)

    async def reports(self, spec: str = ALL, may: Callable[[str], bool] | None = None) -> tuple[list[CrashReport], str]:
        """Those about what `spec` names, from the oldest to the latest; and why some may be missing, "" if none is.

        A name, group:name, group:*, the name of a group, or a glob; processes that have left the fleet count, too.
        With `may`, only those about processes that it takes, by namespec.
        """
        kept = list(self._kept)
        note = ""
        if self._files is not None:
            earlier, note = await self._files.read()
            known = {(report.seq, round(report.first_ended, 3)) for report in kept}
            kept = [one for one in earlier if (one.seq, round(one.first_ended, 3)) not in known] + kept
            kept.sort(key=lambda report: report.ended)
        if may is not None:
            kept = [report for report in kept if may(report.name)]
        return [report for report in kept if _is_meant(report, spec)], note

    async def one(self, seq: int, may: Callable[[str], bool] | None = None) -> CrashReport:
        """The report of that number; raises OperationError(UNKNOWN_REPORT)."""
        record = self._parts.journal.find(seq)
        name = record.name if record is not None else ""
        report = find(reversed(list(self._kept)), seq, name)
        if report is None and self._files is not None:
            earlier, _ = await self._files.read()
            report = find(reversed(earlier), seq, name)
        if report is None or (may is not None and not may(report.name)):
            raise OperationError(await self._unknown(seq, may), Reason.UNKNOWN_REPORT)
        await self.collector.settled(report, WAIT)
        return report

    async def _unknown(self, seq: int, may: Callable[[str], bool] | None) -> str:
        there, _ = await self.reports(may=may)
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
        }

    def restore(self, data: Plain) -> None:
        """Go on from what `snapshot` returned; reports of a form that is not understood are left out."""
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
        self.collector.close()
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

    def _checks(self, name: str, now: float) -> Plain:
        process = self._parts.fleet.processes.get(name)
        health = process.health if process is not None else None
        return {"health": health_results(health, now), "hooks": hook_results(self._parts.hooks(name))}

    async def _explain(self, name: str, within: float) -> dict[str, str]:
        finding = await self._parts.explanations.settled(name, within)
        core = self._parts.explanations.core_of(name)
        return {
            "explanation": finding.sentence if finding is not None else "",
            "core_file": core.path if core is not None else "",
            "core_handler": core.handler if core is not None else "",
        }

    def _asked_by(self, seq: int) -> str:
        """Who asked for what led to this record; "": nobody, or it is forgotten."""
        for record in self._parts.journal.chain(seq):
            if record.actor is not None and record.actor.kind not in ("policy", "boot"):
                root = self._parts.journal.chain(record.seq)[-1]
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
