"""The reports that are kept in memory: bounded in number and in bytes, and no program pushes out those of others.

No I/O and no clock here.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from procman.services.crash_reports.report import CrashReport

MOST_BYTES = 1 << 20


class Item(NamedTuple):
    """Something that is kept for a process."""

    name: str
    weight: int  # bytes


def surplus(items: Iterable[Item], most: int, most_bytes: int) -> list[int]:
    """Which of the items, given from the oldest to the latest, are to go; by their places.

    It is always the oldest of the process that has the most of them.
    """
    kept = dict(enumerate(items))
    counts = Counter(item.name for item in kept.values())
    weight = sum(item.weight for item in kept.values())
    gone: list[int] = []
    while kept and (len(kept) > most or weight > most_bytes):
        largest = max(counts.values())
        place = next(place for place, item in kept.items() if counts[item.name] == largest)
        item = kept.pop(place)
        counts[item.name] -= 1
        weight -= item.weight
        gone.append(place)
    return gone


class KeptReports:
    """From the oldest to the latest."""

    def __init__(self, most: int) -> None:
        """Keep so many at most."""
        self.most = most
        self._kept: list[CrashReport] = []
        # Counted along: a thousand programs may end at once, and each report would weigh all others.
        self._counts: Counter[str] = Counter()
        self._weight = 0

    def __iter__(self) -> Iterator[CrashReport]:
        return iter(tuple(self._kept))

    def add(self, report: CrashReport) -> None:
        """Keep it; others may have to go."""
        self._kept.append(report)
        self._counts[report.name] += 1
        self._weigh(report)

    def changed(self, report: CrashReport) -> None:
        """Its output may have grown, so that others have to go."""
        if report.is_kept:
            self._weigh(report)

    def _weigh(self, report: CrashReport) -> None:
        self._weight -= report.charged
        report.charged = report.weight
        self._weight += report.charged
        while self._kept and (len(self._kept) > self.most or self._weight > MOST_BYTES):
            largest = max(self._counts.values())
            oldest = next(one for one in self._kept if self._counts[one.name] == largest)
            self._kept.remove(oldest)
            self._weight -= oldest.charged
            oldest.is_kept = False
            self._counts[oldest.name] -= 1
            if not self._counts[oldest.name]:
                del self._counts[oldest.name]

    def latest(self, name: str) -> CrashReport | None:
        """Of the process of that namespec."""
        return next((report for report in reversed(self._kept) if report.name == name), None)


def find(reports: Iterable[CrashReport], seq: int, name: str = "") -> CrashReport | None:
    """The report of that number, or else the one of equal ends among which it is; `name` is the process, if known."""
    reports = list(reports)
    exact = next((one for one in reports if seq in (one.seq, one.last_seq)), None)
    if exact is not None:
        return exact
    around = [one for one in reports if one.seq < seq < one.last_seq and name in ("", one.name)]
    return around[-1] if len(around) == 1 or (around and name) else None
