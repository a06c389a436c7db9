"""The latest records in memory, within a bound, and what is said where older ones gave way.

The bound is in bytes, by an estimate of what each record takes. The oldest give way, and of one name (a process that
crashes again and again, or whatever has no name) no more than half of the bound is kept. Readers get a record of kind
"gap" for what gave way: its number is that of the last one that is missing there.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from procman.runtime.journal.record import Record, from_json

RING_BYTES = 1024 * 1024
# What a record takes beside its texts and data: itself, its numbers, and its places in the ring.
RECORD_BYTES = 520
# What its data takes: the mapping, and each value in it.
DATA_BYTES = 248
VALUE_BYTES = 40
# So many numbers of records that have given way may wait in the order for their turn.
_SPARE = 1000

ALL_GAVE_WAY = "older records were dropped for newer ones"
HALF_IS_USED = "its older records were dropped: one name may use half of the ring"
NAMELESS_HALF_IS_USED = "older records that are of no process were dropped: these may use half of the ring"
GAVE_WAY = frozenset({ALL_GAVE_WAY, HALF_IS_USED, NAMELESS_HALF_IS_USED})


class _Gap:
    """Records that are not kept any more."""

    __slots__ = ("first", "last", "records")

    def __init__(self, first: int, last: Record, records: int) -> None:
        self.first = first  # the number of the first
        self.last = last
        self.records = records  # how many there are

    def join(self, other: "_Gap") -> None:
        """Stand for those of the other, too."""
        self.first = min(self.first, other.first)
        self.records += other.records
        if other.last.seq > self.last.seq:
            self.last = other.last

    def plain(self) -> list[Any]:
        """For a snapshot."""
        return [self.first, self.last.to_json(), self.records]


class _Account:
    """What the ring holds of one name."""

    __slots__ = ("bytes", "gap", "numbers", "sizes")

    def __init__(self) -> None:
        self.bytes = 0
        self.numbers: deque[int] = deque()  # the oldest first
        self.sizes: deque[int] = deque()
        self.gap: _Gap | None = None


class Ring:
    """Records by their numbers, which ascend."""

    def __init__(self, capacity: int = RING_BYTES) -> None:
        self._capacity = capacity
        self._half = capacity // 2
        self._records: dict[int, Record] = {}
        self._order: deque[int] = deque()  # the numbers, the oldest first; some may have given way
        self._bytes = 0
        self._accounts: dict[str, _Account] = {}
        self._gap: _Gap | None = None
        self._last: Record | None = None

    def __len__(self) -> int:
        return len(self._records)

    @property
    def bytes(self) -> int:
        """What the records take, by the estimate."""
        return self._bytes

    def add(self, record: Record) -> Record:
        """Keep it; returns what is kept: with a count, if it equals the one before in all but number and time."""
        last = self._last
        if last is not None and last.cause == record.cause and last.name == record.name and last[3:15] == record[3:15]:
            record = record._replace(times=last.times + record.times)
            if last.seq in self._records:
                self._forget(last)
        seq, size = record.seq, size_of(record)
        self._records[seq] = self._last = record
        self._order.append(seq)
        account = self._accounts.get(record.name)
        if account is None:
            account = self._accounts[record.name] = _Account()
        account.numbers.append(seq)
        account.sizes.append(size)
        account.bytes += size
        self._bytes += size
        if account.bytes > self._half:
            self._bring_to_half(account)
        while self._bytes > self._capacity:
            self._drop_oldest()
        return record

    def load(self, older: Iterable[Record]) -> None:
        """Keep these, too: they were written down before those that are here."""
        here, gap = list(self._records.values()), self._gap
        first = here[0].seq if here else None
        self.__init__(self._capacity)  # type: ignore[misc]
        self._gap = gap
        for record in older:
            if first is None or record.seq < first:
                self.add(record)
        for record in here:
            self.add(record)

    def reaches(self, seq: int, time: float) -> bool:
        """Whether all is kept that has a higher number, and is not older; `time` is in seconds since the epoch."""
        if any(gap.seq > seq and gap.time >= time for gap in self._gaps(seq)):
            return False
        oldest = next(iter(self._records.values()), None)
        return oldest is not None and (oldest.seq <= seq + 1 or oldest.time < time)

    def find(self, seq: int) -> Record | None:
        """The record of that number; None where it is not kept (any more)."""
        return self._records.get(seq)

    def latest_first(self) -> Iterator[Record]:
        """All that are kept, the latest first; no gaps."""
        return reversed(self._records.values())

    def since(self, seq: int) -> list[Record]:
        """Those with a higher number, and the gaps among them, the oldest first."""
        found = []
        for record in reversed(self._records.values()):
            if record.seq <= seq:
                break
            found.append(record)
        found.reverse()
        gaps = self._gaps(seq)
        return sorted([*gaps, *found], key=_seq) if gaps else found

    def snapshot(self) -> dict[str, Any]:
        """Plain data for `restore`."""
        gaps = {name: account.gap.plain() for name, account in self._accounts.items() if account.gap is not None}
        return {
            "records": [record.to_json() for record in self._records.values()],
            "gap": None if self._gap is None else self._gap.plain(),
            "gaps": gaps,
        }

    def restore(self, data: Mapping[str, Any]) -> None:
        """Go on from what `snapshot` returned."""
        for plain in data["records"]:
            self.add(from_json(plain))
        if data["gap"] is not None:
            self._gap = _read_gap(data["gap"])
        for name, gap in data["gaps"].items():
            if name in self._accounts:
                self._accounts[name].gap = _read_gap(gap)

    # ---- private

    def _gaps(self, seq: int) -> list[Record]:
        found = []
        whole, seen = self._gap, seq
        if whole is not None and whole.last.seq > seq:
            found.append(_gap_record(whole, max(whole.first, seq + 1), "", ALL_GAVE_WAY))
            seen = whole.last.seq
        for name, account in self._accounts.items():
            gap = account.gap
            if gap is not None and gap.last.seq > seen:
                reason = HALF_IS_USED if name else NAMELESS_HALF_IS_USED
                found.append(_gap_record(gap, max(gap.first, seen + 1), name, reason))
        return found

    def _bring_to_half(self, account: _Account) -> None:
        numbers, sizes, gap = account.numbers, account.sizes, account.gap
        while account.bytes > self._half and len(numbers) > 1:
            record = self._records.pop(numbers.popleft())
            size = sizes.popleft()
            account.bytes -= size
            self._bytes -= size
            if gap is None:
                gap = account.gap = _Gap(record.seq, record, 0)
            gap.last = record
            gap.records += record.times
        if len(self._order) > 2 * len(self._records) + _SPARE:
            self._order = deque(self._records)

    def _drop_oldest(self) -> None:
        record = self._records.pop(self._order.popleft(), None)
        if record is None:
            return
        account = self._accounts[record.name]
        size = account.sizes.popleft()
        account.numbers.popleft()
        account.bytes -= size
        self._bytes -= size
        gap = self._gap
        if gap is None:
            gap = self._gap = _Gap(record.seq, record, 0)
        if account.gap is not None:
            # All that is left is newer than this gap.
            gap.join(account.gap)
            account.gap = None
        gap.last = record
        gap.records += record.times
        if not account.numbers:
            del self._accounts[record.name]

    def _forget(self, last: Record) -> None:
        del self._records[last.seq]
        account = self._accounts[last.name]
        size = account.sizes.pop()
        account.numbers.pop()
        account.bytes -= size
        self._bytes -= size


def size_of(record: Record) -> int:
    """What it takes of the memory, as an estimate that is rather too high."""
    size, data = RECORD_BYTES + len(record.reason), record.data
    if data:
        size += DATA_BYTES
        for value in data.values():
            size += VALUE_BYTES
            if type(value) is list:
                size += sum(80 + (len(item) if isinstance(item, str) else 0) for item in value)
            elif type(value) is str:
                size += len(value)
    return size


def _gap_record(gap: _Gap, first: int, name: str, reason: str) -> Record:
    last = gap.last
    data: dict[str, Any] = {"from": first, "to": last.seq, "reason": reason}
    if first == gap.first:
        data["records"] = gap.records
    return Record(last.seq, last.time, last.mono, "gap", name=name, data=data)


def _read_gap(plain: list[Any]) -> _Gap:
    first, last, records = plain
    return _Gap(first, from_json(last), records)


def _seq(record: Record) -> int:
    return record.seq
