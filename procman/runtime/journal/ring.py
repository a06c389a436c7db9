"""The latest records in memory, within a bound, and what is said where older ones gave way.

The bound is in bytes, by an estimate of what each record takes. The oldest give way, and of one name (a process that
crashes again and again, or whatever has no name) no more than half of the bound is kept. Readers get a record of kind
"gap" for what gave way: its number is that of the last one that is missing there.
"""

from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from procman.runtime.journal.record import Record, from_json

RING_BYTES = 1024 * 1024
# What a record takes beside its texts and data: itself, its numbers, and its places in the ring.
RECORD_BYTES = 500
# What its data takes: the mapping, and each value in it.
DATA_BYTES = 248
VALUE_BYTES = 40

ALL_GAVE_WAY = "older records gave way to newer ones"
HALF_IS_USED = "its older records gave way: one name may use half of the ring"
NAMELESS_HALF_IS_USED = "older records that are of no process gave way: these may use half of the ring"


class Gap(NamedTuple):
    """Records that are not kept any more."""

    first: int  # their numbers, both included
    last: int
    records: int
    time: float  # of the last
    mono: float


class _Account:
    """What the ring holds of one name."""

    __slots__ = ("bytes", "gap", "numbers")

    def __init__(self) -> None:
        self.bytes = 0
        self.numbers: deque[int] = deque()  # the oldest first
        self.gap: Gap | None = None


class Ring:
    """Records by their numbers, which ascend."""

    def __init__(self, capacity: int = RING_BYTES) -> None:
        self._capacity = capacity
        self._records: OrderedDict[int, Record] = OrderedDict()
        self._bytes = 0
        self._accounts: dict[str, _Account] = {}
        self._gap: Gap | None = None
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
        self._records[record.seq] = self._last = record
        size = size_of(record)
        account = self._accounts.get(record.name)
        if account is None:
            account = self._accounts[record.name] = _Account()
        account.numbers.append(record.seq)
        account.bytes += size
        self._bytes += size
        if account.bytes * 2 > self._capacity:
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
        return {
            "records": [record.to_json() for record in self._records.values()],
            "gap": self._gap,
            "gaps": {name: account.gap for name, account in self._accounts.items() if account.gap is not None},
        }

    def restore(self, data: Mapping[str, Any]) -> None:
        """Go on from what `snapshot` returned."""
        for plain in data["records"]:
            self.add(from_json(plain))
        self._gap = None if data["gap"] is None else Gap(*data["gap"])
        for name, gap in data["gaps"].items():
            if name in self._accounts:
                self._accounts[name].gap = Gap(*gap)

    # ---- private

    def _gaps(self, seq: int) -> list[Record]:
        found = []
        whole = self._gap
        seen = seq if whole is None else max(seq, whole.last)
        if whole is not None and whole.last > seq:
            found.append(_gap_record(whole, max(whole.first, seq + 1), "", ALL_GAVE_WAY))
        for name, account in self._accounts.items():
            gap = account.gap
            if gap is not None and gap.last > seen:
                reason = HALF_IS_USED if name else NAMELESS_HALF_IS_USED
                found.append(_gap_record(gap, max(gap.first, seen + 1), name, reason))
        return found

    def _bring_to_half(self, account: _Account) -> None:
        while account.bytes * 2 > self._capacity and len(account.numbers) > 1:
            record = self._records.pop(account.numbers.popleft())
            size = size_of(record)
            account.bytes -= size
            self._bytes -= size
            account.gap = _grown(account.gap, record)

    def _drop_oldest(self) -> None:
        _, record = self._records.popitem(last=False)
        size = size_of(record)
        account = self._accounts[record.name]
        account.numbers.popleft()
        account.bytes -= size
        self._bytes -= size
        if not account.numbers:
            del self._accounts[record.name]
        if account.gap is not None:
            # All that is left is newer than this gap.
            self._gap, account.gap = _joined(self._gap, account.gap), None
        self._gap = _grown(self._gap, record)

    def _forget(self, last: Record) -> None:
        del self._records[last.seq]
        size = size_of(last)
        account = self._accounts[last.name]
        account.numbers.pop()
        account.bytes -= size
        self._bytes -= size


def size_of(record: Record) -> int:
    """What it takes of the memory, as an estimate that is rather too high."""
    size = RECORD_BYTES + len(record.reason)
    data = record.data
    if data:
        size += DATA_BYTES
        for value in data.values():
            size += VALUE_BYTES
            if isinstance(value, str):
                size += len(value)
            elif isinstance(value, list):
                size += 64 * len(value)
    return size


def _grown(gap: Gap | None, record: Record) -> Gap:
    if gap is None:
        return Gap(record.seq, record.seq, record.times, record.time, record.mono)
    return Gap(gap.first, record.seq, gap.records + record.times, record.time, record.mono)


def _joined(gap: Gap | None, other: Gap) -> Gap:
    if gap is None:
        return other
    later = gap if gap.last > other.last else other
    return later._replace(first=min(gap.first, other.first), records=gap.records + other.records)


def _gap_record(gap: Gap, first: int, name: str, reason: str) -> Record:
    data: dict[str, Any] = {"from": first, "to": gap.last, "reason": reason}
    if first == gap.first:
        data["records"] = gap.records
    return Record(gap.last, gap.time, gap.mono, "gap", name=name, data=data)


def _seq(record: Record) -> int:
    return record.seq
