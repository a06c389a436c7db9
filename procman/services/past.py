"""What state each process was in, and when, as far as the records of the journal tell. No I/O and no clock here.

- A record says what a process went from and what it went to. So what it was in before its first record is known, too,
  back to the moment from which nothing is missing; and the state of now is known back to there, if nothing has changed.
- Where records are missing (a gap, a master that did not run), nothing is known. It is never guessed.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from procman.runtime.journal.record import Record

# What the journal says of the master, in `reason`.
BEGAN = "began"
ADDED = "group added"
ENDED = frozenset({"quit", "reload"})

WITH_PROCESS = frozenset({"STARTING", "RUNNING", "STOPPING", "UNKNOWN"})


class Span(NamedTuple):
    """A process was in one state all the while."""

    start: float  # seconds since the epoch: from then on it is known to have been in it
    end: float | None  # None: it is in it now
    state: str  # "" where it is not known
    since: float | None = None  # when it entered it; None: before `start`
    started: float | None = None  # when its run had been started, where it had a process
    pid: int = 0
    run: int = 0
    reason: str = ""
    seq: int | None = None  # the record by which it entered it

    @property
    def is_known(self) -> bool:
        """Whether anything is known of it."""
        return bool(self.state)


class Present(NamedTuple):
    """What a process is in now."""

    group: str
    state: str
    since: float | None = None
    started: float | None = None
    pid: int = 0
    run: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class History:
    """The spans of one process, the oldest first; where it did not exist, there is none."""

    name: str
    group: str
    spans: tuple[Span, ...]

    def at(self, time: float) -> Span | None:
        """The span of that moment; None: there was no such process."""
        for span in reversed(self.spans):
            if span.start <= time:
                return span if span.end is None or time < span.end else None
        return None


def histories(records: Sequence[Record], present: Mapping[str, Present], now: float) -> dict[str, History]:
    """Of every process that there is or was, by namespec; `records` are in the order of their numbers, with the gaps.

    The first span of what was there from the beginning is one of which nothing is known, from the beginning of time.
    """
    steady = _steady(records)
    groups = {name: known.group for name, known in present.items()}
    of_all: list[int] = []
    by_group: dict[str, list[int]] = {}
    by_name: dict[str, list[int]] = {name: [] for name in present}
    for place, record in enumerate(steady):
        if record.name:
            by_name.setdefault(record.name, []).append(place)
            if record.group:
                groups[record.name] = record.group
        elif record.kind == "master" or (record.kind == "gap" and _hides_states(record)):
            of_all.append(place)
        elif record.kind == "config" and record.reason == ADDED:
            by_group.setdefault(record.group, []).append(place)
    intact_until = {place: _intact_until(steady, gap) for place, gap in enumerate(steady) if gap.kind == "gap"}
    found = {}
    for name, places in by_name.items():
        group = groups.get(name, name.partition(":")[0])
        walk = _Walk(steady, intact_until, present.get(name))
        others = [*of_all, *by_group.get(group, ())]
        for place in sorted([*places, *others]) if others else places:
            walk.take(place)
        spans = walk.finish(now)
        if any(span.is_known for span in spans) or name in present:
            found[name] = History(name, group, tuple(spans))
    return found


def known_since(records: Sequence[Record]) -> float | None:
    """The moment from which on something is known; None: there are no records."""
    return records[0].time if records else None


def _steady(records: Sequence[Record]) -> list[Record]:
    """The same, where a clock that was set back does not make time run backwards."""
    latest, found = 0.0, []
    for record in records:
        latest = max(latest, record.time)
        found.append(record if record.time == latest else record._replace(time=latest))
    return found


class _Walk:
    """Goes through the records that concern one process."""

    def __init__(self, records: Sequence[Record], intact_until: Mapping[int, float], present: Present | None) -> None:
        """`intact_until`: for the place of each gap, the time of the last record before what is missing there."""
        self._records = records
        self._intact_until = intact_until
        self._present = present
        self._spans: list[Span] = []
        # The present span. If its state is "" and `_fills`, the next record says what it was.
        self._span: Span | None = None
        self._fills = False
        if records:
            first = records[0].time
            self._spans.append(Span(float("-inf"), first, ""))
            self._begin(first)

    def take(self, place: int) -> None:
        """The next record."""
        record = self._records[place]
        match record.kind:
            case "gap":
                self._miss(self._intact_until[place], record.time)
            case "master":
                self._master(place, record)
            case "state" if record.after and record.name:
                self._change(record)
            case "spawn" if self._span is not None and record.data and not record.data.get("failed"):
                age = float(record.data.get("age", 0.0))
                self._span = self._span._replace(pid=record.data.get("pid", 0), started=record.time - age)
            case "exit" | "signal" if self._span is not None and self._fills and record.data:
                self._span = self._span._replace(pid=self._span.pid or record.data.get("pid", 0))
            case "config":
                self._configured(record)
            case _:
                pass

    def finish(self, now: float) -> list[Span]:
        """All spans, up to now."""
        span, known = self._span, self._present
        if not self._records and known is not None:
            span, self._fills = Span(now, None, ""), True
            self._spans.append(Span(float("-inf"), now, ""))
        if span is not None and self._fills and known is not None:
            span = Span(
                span.start, None, known.state, known.since, known.started, known.pid, known.run, known.reason, None
            )
        if span is not None:
            self._add(span._replace(end=None if known is not None else now))
        return self._spans

    # ---- one record

    def _change(self, record: Record) -> None:
        data = record.data or {}
        span, started = self._span, None
        if span is not None and self._fills:
            pid = (span.pid or data.get("pid", 0)) if record.before in WITH_PROCESS else 0
            span = span._replace(state=record.before, pid=pid)
        if span is not None:
            self._close(span, record.time)
            started = span.started
        if record.after == "STARTING":
            started = record.time
        has_process = record.after in WITH_PROCESS
        self._fills = False
        self._span = Span(
            start=record.time,
            end=None,
            state=record.after,
            since=record.time,
            started=started,
            pid=data.get("pid", 0) if has_process else 0,
            run=record.run,
            reason=record.reason,
            seq=record.seq,
        )

    def _master(self, place: int, record: Record) -> None:
        if record.reason == BEGAN:
            if self._span is not None and place:
                self._miss(self._records[place - 1].time, record.time)
            else:
                self._begin(record.time)
        elif record.reason in ENDED and not record.after:
            self._leave(record.time)

    def _configured(self, record: Record) -> None:
        if record.name:
            if record.reason == "removed":
                self._leave(record.time)
        elif self._span is None or self._fills:
            # Before that there was none.
            self._spans = [span for span in self._spans if span.is_known]
            self._begin(record.time)

    # ---- spans

    def _begin(self, time: float) -> None:
        """From then on nothing is missing."""
        self._span, self._fills = Span(time, None, ""), True

    def _miss(self, before: float, until: float) -> None:
        """Nothing is known of the time between."""
        before = min(before, until)
        if self._span is not None:
            self._close(self._span, before)
            self._add(Span(max(before, self._span.start), until, ""))
        self._begin(until)

    def _leave(self, time: float) -> None:
        if self._span is not None:
            self._close(self._span, time)
        self._span, self._fills = None, False

    def _close(self, span: Span, time: float) -> None:
        self._add(span._replace(end=time))

    def _add(self, span: Span) -> None:
        if span.end is not None and span.start >= span.end:
            return
        before = self._spans[-1] if self._spans else None
        if before is not None and not (before.is_known or span.is_known) and before.end == span.start:
            self._spans[-1] = before._replace(end=span.end)
        else:
            self._spans.append(span)


def _intact_until(records: Sequence[Record], gap: Record) -> float:
    """The time of the last record before those that are missing there."""
    place = bisect_left(records, (gap.data or {}).get("from", gap.seq), key=lambda record: record.seq)
    return records[place - 1].time if place else float("-inf")


def _hides_states(gap: Record) -> bool:
    """Whether records of the states of processes may be missing: not where only those without a name gave way."""
    return bool(gap.name) or not str((gap.data or {}).get("reason", "")).startswith("older records that are of no")


def spans_between(history: History, since: float, until: float) -> Iterator[Span]:
    """The spans that reach into that time, cut to it."""
    for span in history.spans:
        end = until if span.end is None else min(span.end, until)
        start = max(span.start, since)
        if start < end:
            yield span._replace(start=start, end=end)
