"""The journal: takes what the bus publishes, keeps the latest records in memory, and passes each on.

A record is a plain tuple until somebody reads it. The ring holds `RING_BYTES` at most, by an estimate of what each
record takes; the oldest give way.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator

from procman.runtime.bus import Notification
from procman.runtime.journal.record import Record
from procman.runtime.journal.translation import Translator

RING_BYTES = 1024 * 1024
# What a record takes beside its texts.
RECORD_BYTES = 400

Reader = Callable[[Record], None]


class Journal:
    """The records of one master, the oldest first."""

    def __init__(self, translator: Translator) -> None:
        """Subscribe `hear` to the bus before all other subscribers: what they ask about is here then."""
        self._translator = translator
        self._time = asyncio.get_running_loop().time
        self._ring: deque[Record] = deque()
        self._bytes = 0
        self._readers: list[Reader] = []

    def hear(self, notification: Notification) -> None:
        """Take down what has happened."""
        record = self._translator.record_of(notification, self._time())
        if record is not None:
            self.add(record)

    def add(self, record: Record) -> None:
        """Take down a record that comes from elsewhere; its `seq` is from the sequence of the bus."""
        self._ring.append(record)
        self._bytes += _size(record)
        while self._bytes > RING_BYTES:
            self._bytes -= _size(self._ring.popleft())
        for reader in tuple(self._readers):
            reader(record)

    def follow(self, reader: Reader) -> Callable[[], None]:
        """Call it with each record from now on; returns how to end that."""
        self._readers.append(reader)
        return lambda: self._readers.remove(reader)

    def records(self, since: int = 0) -> list[Record]:
        """Those that are kept with a higher number than `since`, the oldest first."""
        return [record for record in self._ring if record.seq > since]

    def latest_first(self) -> Iterator[Record]:
        """Those that are kept, the latest first."""
        yield from reversed(self._ring)

    def find(self, seq: int) -> Record | None:
        """The record of that number; None where it is not kept (any more)."""
        return next((record for record in self.latest_first() if record.seq == seq), None)

    def chain(self, seq: int | None) -> list[Record]:
        """The record, what it follows from, and so on to the root, as far as they are kept."""
        found: list[Record] = []
        while seq is not None and (record := self.find(seq)) is not None:
            found.append(record)
            seq = record.cause
        return found


def _size(record: Record) -> int:
    return RECORD_BYTES + len(record.reason) + (64 * len(record.data) if record.data else 0)
