"""The journal: takes what the bus publishes, keeps the latest records in memory, and passes each on.

What it hears becomes records later, many at a time, or when somebody reads. A record is a plain tuple. With a file,
each record is also written there, beside the loop.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from procman.core.attribution import NOBODY, Origin
from procman.runtime.bus import Notification, Sequence
from procman.runtime.call_queue import TakesTooLong
from procman.runtime.journal.record import Record, RecordKind
from procman.runtime.journal.ring import RING_BYTES, Ring
from procman.runtime.journal.translation import Translator

if TYPE_CHECKING:
    from procman.runtime.journal.file import JournalFile
    from procman.runtime.journal.plain_records import Seen

__all__ = ["RING_BYTES", "Journal"]

# So many records are made at once, if nobody reads them before.
AT_ONCE = 100

Reader = Callable[[Record], None]


class Records(Protocol):
    """What can be asked: a journal, or one with what its file has in addition (`Journal.reaching`)."""

    @property
    def last(self) -> int:
        """The latest number that was used, by a record or anything else."""

    def follow(self, reader: Reader) -> Callable[[], None]:
        """Call it with each record from now on; returns how to end that."""

    def records(self, since: int = 0) -> list[Record]:
        """Those with a higher number than `since`, the oldest first, with the gaps among them."""

    def latest_first(self) -> Iterator[Record]:
        """The same, the latest first and without the gaps."""

    def find(self, seq: int) -> Record | None:
        """The record of that number; None where it is not kept (any more)."""

    def chain(self, seq: int | None) -> list[Record]:
        """The record, what it follows from, and so on to the root, as far as they are kept."""

    async def reaching(self, seq: int, time: float, names: tuple[str, ...] = ()) -> "Records":
        """What reaches back to that number and time, as far as it is possible."""


class Journal:
    """The records of one master, the oldest first."""

    def __init__(self, translator: Translator, sequence: Sequence | None = None, ring: Ring | None = None) -> None:
        """Subscribe `hear` to the bus before all other subscribers: what they ask about is here then.

        `sequence` is that of the bus; `ring` has what was kept before, and goes on over a reload.
        """
        self._translator = translator
        self._sequence = Sequence() if sequence is None else sequence
        self._loop = asyncio.get_running_loop()
        self._time = self._loop.time
        self._seen: list[Seen] = []  # of which no record has been made yet
        self._will_catch_up = False
        self._ring = Ring() if ring is None else ring
        self._file: JournalFile | None = None
        self._readers: list[Reader] = []

    # ---- what writes

    def hear(self, notification: Notification) -> None:
        """Take down what has happened; the record is made with others, or when somebody reads."""
        seen = self._translator.seen(notification, self._time())
        if seen is not None:
            self._seen.append(seen)
            if len(self._seen) >= AT_ONCE:
                self._catch_up()
            elif (self._file is not None or self._readers) and not self._will_catch_up:
                # Records are wanted in the turn of the loop in which they are made.
                self._will_catch_up = True
                self._loop.call_soon(self._catch_up)
        if self._file is not None:
            self._file.used(notification.seq)

    def note(
        self,
        kind: RecordKind,
        reason: str,
        *,
        name: str = "",
        group: str = "",
        data: Mapping[str, Any] | None = None,
        origin: Origin = NOBODY,
        times: int = 1,
    ) -> int:
        """Take down what nobody publishes, and return its number; `reason` may be any text."""
        seq = self._sequence.next()
        actor, cause, operation = origin
        reason = self._translator.text(reason)
        now, mono = time.time(), self._time()
        words = (group, name, 0, "", "", "", reason)
        self.add(Record(seq, now, mono, kind, *words, cause, operation, actor, data or None, times))
        if self._file is not None:
            self._file.used(seq)
        return seq

    def add(self, record: Record) -> None:
        """Take down a record that comes from elsewhere; its `seq` is from the sequence of the bus."""
        self._catch_up()
        self._add(record)

    # ---- what reads

    @property
    def last(self) -> int:
        """The latest number that was used, by a record or anything else."""
        return self._sequence.last

    def follow(self, reader: Reader) -> Callable[[], None]:
        """Call it with each record from now on; returns how to end that."""
        self._catch_up()
        self._readers.append(reader)

        def leave() -> None:
            self._catch_up()
            self._readers.remove(reader)

        return leave

    def records(self, since: int = 0) -> list[Record]:
        """Those that are kept with a higher number than `since`, the oldest first; what gave way is a gap among them.

        The number of a gap is that of the last record that is missing there.
        """
        self._catch_up()
        return self._ring.since(since)

    def latest_first(self) -> Iterator[Record]:
        """Those that are kept, the latest first."""
        self._catch_up()
        return self._ring.latest_first()

    def find(self, seq: int) -> Record | None:
        """The record of that number; None where it is not kept (any more)."""
        self._catch_up()
        return self._ring.find(seq)

    def chain(self, seq: int | None) -> list[Record]:
        """The record, what it follows from, and so on to the root, as far as they are kept."""
        return chain_in(self.find, seq)

    async def reaching(self, seq: int, time: float, names: tuple[str, ...] = ()) -> Records:
        """What reaches back to that number and time: where the memory does not, with what the file has.

        `time` is in seconds since the epoch. With `names` (namespecs), records about other processes may be left out.
        If the file cannot be read in time, it is what is in memory, with its gaps.
        """
        self._catch_up()
        if self._file is None or self._ring.reaches(seq, time):
            return self
        from procman.runtime.journal.read_back import Wanted  # noqa: PLC0415 - for clients that ask far back

        try:
            older = await self._file.read_back(Wanted(seq, time, names))
        except (OSError, TakesTooLong):
            return self
        return _WithFile(self, older) if older else self

    # ---- its file, and its end

    def begin(self, file: "JournalFile", handed: Mapping[str, Any] | None) -> None:
        """Write there from now on; `handed` is what `snapshot` of the master before the upgrade returned of its file.

        The numbers go on after those in the file, and what was written there before is read into the memory.
        """
        self._catch_up()
        self._file = file
        if handed is not None and file.restore(handed):
            return
        is_new = not len(self._ring)
        gap = file.begin()
        if gap is not None:
            self.add(gap)
        if is_new:
            file.load(self._ring.load)

    def reopen(self) -> None:
        """Open the file again, if there is one: it was moved away."""
        if self._file is not None:
            self._file.reopen()

    def close(self) -> None:
        """Nothing is taken down any more; what is in memory can still be read."""
        self._catch_up()
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def restore(self, data: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Go on from what `snapshot` returned ({}: of a master without a journal); returns what is of the file."""
        if not data:
            return None
        self._ring.restore(data)
        file: Mapping[str, Any] | None = data["file"]
        return file

    def snapshot(self) -> dict[str, Any]:
        """Plain data for another process image to go on with."""
        self._catch_up()
        return {**self._ring.snapshot(), "file": None if self._file is None else self._file.snapshot()}

    # ---- private

    def _catch_up(self) -> None:
        """Make records of what has been seen: many at a time cost half as much as one at a time."""
        self._will_catch_up = False
        if not self._seen:
            return
        seen, self._seen = self._seen, []
        make = self._translator.record_of
        for one in seen:
            self._add(make(one))

    def _add(self, record: Record) -> None:
        kept = self._ring.add(record)
        if self._file is not None:
            self._file.write(record)
        if self._readers:
            for reader in tuple(self._readers):
                reader(kept)


class _WithFile:
    """A journal with records that were read back from its file."""

    def __init__(self, journal: Journal, older: list[Record]) -> None:
        """`older` are in the order of their numbers."""
        self._journal = journal
        self._older = older
        self._by_number = {record.seq: record for record in older}
        self._written = older[-1].seq
        self.follow = journal.follow
        self.reaching = journal.reaching

    @property
    def last(self) -> int:
        return self._journal.last

    def records(self, since: int = 0) -> list[Record]:
        first = self._older[0].seq
        older = self._older if since < first else [record for record in self._older if record.seq > since]
        return older + self._journal.records(max(since, self._written))

    def latest_first(self) -> Iterator[Record]:
        return (record for record in reversed(self.records()) if record.kind != "gap")

    def find(self, seq: int) -> Record | None:
        return self._journal.find(seq) or self._by_number.get(seq)

    def chain(self, seq: int | None) -> list[Record]:
        return chain_in(self.find, seq)


def chain_in(find: Callable[[int], Record | None], seq: int | None) -> list[Record]:
    """The record, what it follows from, and so on to the root, as far as `find` knows them."""
    found: list[Record] = []
    while seq is not None and (record := find(seq)) is not None:
        found.append(record)
        seq = record.cause
    return found
