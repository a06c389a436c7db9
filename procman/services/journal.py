"""What clients ask of the journal: the records since a number or a time, of some processes, of some kinds."""

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from procman.config.spelling import did_you_mean
from procman.core.fleet import Fleet
from procman.errors import BadRequest, UnknownProcess
from procman.runtime.journal.journal import Records
from procman.runtime.journal.record import KINDS, Record
from procman.services.hidden_names import without_hidden
from procman.services.selectors import ALL, Selectors, split_namespec

__all__ = ["JournalService", "Query", "Record", "read_since"]

# Of what a client has sent, in a message.
LONGEST_SHOWN = 80
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
_PART = r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(ms|s|m|h|d)"
_CLOCK = ("%H:%M", "%H:%M:%S")
_DATES = ("%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S")
_LONGEST_SINCE = 40
SINCE = "a number of a record, 10m (ago), 14:02, 2026-11-29T14:02, or @ and seconds since the epoch"


@dataclass(frozen=True, slots=True)
class Query:
    """Which records are meant: those with a higher number than `seq`, not older than `time`."""

    seq: int = 0
    time: float = 0.0  # seconds since the epoch
    pages: bool = False  # with a limit: the first of them, not the last
    names: tuple[str, ...] = ()  # specs; none: all
    kinds: frozenset[str] = frozenset()  # none: all

    def takes(self, record: Record) -> bool:
        """Whether the record is among them, whatever its number; a gap is where it may hide one of them."""
        if record.time < self.time:
            return False
        if record.kind == "gap" and not record.name:
            return True
        if self.kinds and record.kind not in self.kinds and record.kind != "gap":
            return False
        return not self.names or any(_is_about(record, spec) for spec in self.names)


class JournalService:
    """Reads the journal for clients."""

    def __init__(self, journal: Records, fleet: Fleet, may: Callable[[str], bool] | None = None) -> None:
        """The fleet knows which names exist.

        With `may`, only records about processes that it takes, by namespec, are there, and none about the master.
        """
        self._journal = journal
        self._fleet = fleet
        self._may = may
        self._selectors = Selectors(fleet, may)

    def among(self, may: Callable[[str], bool] | None) -> "JournalService":
        """The same for a client to which other processes do not exist; None: all do."""
        return self if may is None else JournalService(self._journal, self._fleet, may)

    @property
    def last(self) -> int:
        """The latest number that was used."""
        return self._journal.last

    def query(self, since: str = "", names: Sequence[str] = (), kinds: Sequence[str] = ()) -> Query:
        """Read what a client has sent; raises BadRequest, and UnknownProcess for a name that nothing has or had."""
        for kind in kinds:
            if kind not in KINDS:
                shown = kind[:LONGEST_SHOWN]
                hint = did_you_mean(shown, KINDS)
                raise BadRequest(f"there is no kind {shown!r} of records{hint}; the kinds are {', '.join(KINDS)}")
        for spec in names:
            if not self._is_known(spec):
                raise UnknownProcess(spec)
        seq, moment = read_since(since)
        wanted = tuple(names) if ALL not in names else ()
        return Query(seq, moment, pages=bool(seq), names=wanted, kinds=frozenset(kinds))

    async def reaching(self, query: Query) -> "JournalService":
        """The same with what the file has, where the query goes back further than the memory."""
        if not (query.seq or query.time):
            return self
        return JournalService(await self._journal.reaching(query.seq, query.time), self._fleet, self._may)

    async def about(self, names: Sequence[str]) -> "JournalService":
        """The same with all that the file has about these processes, and about none."""
        return JournalService(await self._journal.reaching(0, 0.0, tuple(names)), self._fleet, self._may)

    def find(self, query: Query, limit: int) -> list[Record]:
        """The records, the oldest first: the last `limit` of them, or with `pages` the first."""
        found = [record for record in self._journal.records(query.seq) if query.takes(record) and self._shows(record)]
        return found[:limit] if query.pages else found[-limit:]

    def news(self, query: Query, position: int) -> tuple[int, list[Record]]:
        """What has come after that number: the number to go on from, and the records among it."""
        last = self._journal.last
        new = self._journal.records(position)
        return last, [record for record in new if query.takes(record) and self._shows(record)]

    def follow(self, wake: Callable[[], None]) -> Callable[[], None]:
        """Call it when there is something new; returns how to end that."""
        return self._journal.follow(lambda _: wake())

    def one(self, seq: int) -> Record | None:
        """The record of that number, if it is kept."""
        return self._journal.find(seq)

    def chain(self, seq: int | None) -> list[Record]:
        """The record, what it follows from, and so on."""
        return [without_hidden(record, self._may) for record in self._journal.chain(seq)]

    def of(self, name: str) -> list[Record]:
        """All that is kept about one process, the oldest first."""
        return [record for record in self._journal.records() if record.name == name]

    def life_of(self, name: str) -> list[Record]:
        """The same, and where a master has begun: what the one before it left is taken over after that, or is gone."""
        begun = ("master", "began")
        return [
            record for record in self._journal.records() if record.name == name or (record.kind, record.reason) == begun
        ]

    def _is_known(self, spec: str) -> bool:
        if spec == ALL or self._selectors.matching(spec):
            return True
        records = (record for record in self._journal.latest_first() if record.name or record.group)
        return any(_is_about(record, spec) for record in records if self._shows(record))

    def _shows(self, record: Record) -> bool:
        """A gap is shown, too: it has numbers, and no names."""
        if self._may is None or (record.kind == "gap" and not record.name):
            return True
        return bool(record.name) and self._may(record.name)


def read_since(text: str, now: float | None = None) -> tuple[int, float]:
    """The number, and the time in seconds since the epoch, after which records are meant; raises BadRequest.

    A time of day is the latest one that has been; dates and times of day are local to the master, as its log is.
    """
    text = text.strip()
    if not text:
        return 0, 0.0
    present = time.time() if now is None else now
    if text.isascii() and text.isdecimal():
        if len(text) <= len(str(2**63)) - 1:
            return int(text), 0.0
    elif len(text) <= _LONGEST_SINCE:
        if re.fullmatch(f"(?:{_PART})+", text):
            return 0, present - sum(float(number) * _UNITS[unit] for number, unit in re.findall(_PART, text))
        if re.fullmatch(r"@[0-9]{1,12}(\.[0-9]{1,9})?", text):
            return 0, float(text[1:])
        moment = _date(text, present)
        if moment is not None:
            return 0, moment
    raise BadRequest(f"cannot read since={text[:LONGEST_SHOWN]!r}: expected {SINCE}")


def _date(text: str, now: float) -> float | None:
    today = time.localtime(now)
    for form in (*_CLOCK, *_DATES):
        try:
            read = time.strptime(text, form)
            if form not in _CLOCK:
                return time.mktime(read)
            for days in (0, 1):
                day = (today.tm_year, today.tm_mon, today.tm_mday - days)
                moment = time.mktime((*day, read.tm_hour, read.tm_min, read.tm_sec, 0, 0, -1))
                if moment <= now:
                    return moment
        except (ValueError, OverflowError):
            continue
    return None


def _is_about(record: Record, spec: str) -> bool:
    """As `Selectors.matching`, for processes and groups that may not exist any more."""
    group, name = split_namespec(spec)
    if name is None:
        return record.group == group
    if any(char in spec for char in "*?["):
        return bool(record.name) and (
            fnmatchcase(record.name.rpartition(":")[2], spec)
            or fnmatchcase(record.name if ":" in record.name else f"{record.group}:{record.name}", spec)
        )
    full = group if group == name else f"{group}:{name}"
    return record.name == full or (record.group == spec and not record.name)
