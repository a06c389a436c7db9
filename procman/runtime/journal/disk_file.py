"""The file of a journal: JSON lines in PATH and PATH.1. It may block: `JournalFile` calls it on the thread of its disk.

Beside records there are marks, one in some KiB and one at a clean end: {"reserved": N} says that numbers up to N may
have been used when the master is killed, {"ended": N} that N was the last one. So no number is used twice. A mark also
has the id of the last operation ("op"), so that these go on as well.
"""

import fcntl
import json
import os
import stat
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, NoReturn

from procman.logs.write_failure import WriteFailure, write_all
from procman.runtime.journal.record import Record, from_json, is_number
from procman.system.safe_open import open_folder, open_log

# The end of a file that is read for the last numbers, and how much may be written between two marks; in bytes.
TAIL = 1 << 16
MARK_AFTER = 1 << 14
# How many numbers are reserved at a time.
BLOCK = 4000
# How often to check that the file still has a name, in seconds.
CHECK_INTERVAL = 1.0

_FLAGS = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NONBLOCK | os.O_NOCTTY
_MINE = 0o600

REMOVED = "the file was removed"

Numbers = tuple[int, int]  # the first and the last that a line stands for


class Missing(NamedTuple):
    """Records that could not be written; a gap record stands for them as soon as one can be."""

    first: int
    last: int
    records: int
    reason: str
    time: float
    mono: float


@dataclass(frozen=True, slots=True)
class End:
    """Where the file of an earlier master ended."""

    last: int  # the number of its last record; 0: there is none
    used: int  # no number up to this one may be used again
    is_clean: bool  # whether no record was lost
    note: str = ""  # for the log
    operation: int = 0  # the id of its last operation; 0: none is known


@dataclass(slots=True)
class _Numbers:
    """What the last lines of a file tell; 0: nothing."""

    last: int = 0  # the number of the last record
    marked: int = 0  # the number that the last mark has
    ended: bool = False  # whether the file was closed
    operation: int = 0  # the highest id of an operation

    def __bool__(self) -> bool:
        return bool(self.last or self.marked)


class DiskFile:
    """Writes and reads the two files; all calls are for one thread."""

    def __init__(
        self,
        path: str,
        maxbytes: int,
        report: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
        last_operation: Callable[[], int] = lambda: 0,
    ) -> None:
        """`report` gets a text when a failure begins, and when it ends; `last_operation` is the id for the marks."""
        self.path = path
        self.missing: Missing | None = None
        self.reserved = 0  # what the last mark on the disk says
        self._maxbytes = maxbytes
        self._report = report
        self._clock = clock
        self._last_operation = last_operation
        self._failure = WriteFailure(report, clock)
        self._rotate_failure = WriteFailure(report, clock)
        self._fd = -1
        self._size = 0
        self._since_mark = 0
        self._torn = False  # the last line has no end
        self._first = 0  # the number of the first record in the file, as far as it is known
        self._last = 0
        self._check_at = 0.0

    def find_end(self) -> End:
        """Open it, cut off a line that a kill has torn, and find the last numbers; raises OSError, and reports it."""
        try:
            return self._find_end()
        except OSError as error:
            self._failed(error, [])
            raise

    def load(self, limit: int) -> tuple[list[Record], int]:
        """The last records of both files, `limit` bytes of them, and how many lines make no sense."""
        pieces = []
        for path in (self.path, f"{self.path}.1"):
            try:
                fd = open_log(path, os.O_RDONLY | os.O_NONBLOCK)
            except OSError:
                break
            try:
                data, whole = _tail(fd, limit)
            finally:
                os.close(fd)
            # The first line may be a part of one.
            pieces.append(data if whole else data.partition(b"\n")[2])
            limit -= len(data)
            if limit <= 0 or not whole:
                break
        records, strange = [], 0
        for line in b"".join(reversed(pieces)).splitlines():
            try:
                record = record_in(line)
            except ValueError:
                strange += 1
            else:
                if record is not None:
                    records.append(record)
        return records, strange

    def write(self, entries: Sequence[Record], reserve: int) -> None:
        """Write them; what cannot be written is missing, and said as soon as something can. Raises nothing.

        `reserve` is the number up to which others may be used before the next write.
        """
        lines = [((record.seq, record.seq), _line(record.to_json())) for record in entries]
        if not self._is_open(lines):
            return
        if self.missing is not None:
            lines.insert(0, ((0, 0), _gap_line(self.missing)))
        said = self.missing
        marks = reserve != self.reserved or self._since_mark >= MARK_AFTER
        if marks:
            lines.append(((0, 0), self._mark("reserved", reserve)))
        data = b"".join(line for _, line in lines)
        if self._torn:
            data = b"\n" + data
        left, error = write_all(lambda piece: os.write(self._fd, piece), data)
        self._size += len(data) - left
        self._since_mark += len(data) - left
        if error is not None:
            self._failed(error, self._cut_to_line(lines, len(data) - left - self._torn, said))
            return
        self._torn = False
        if said is not None:
            self.missing = None
        if entries:
            self._first, self._last = self._first or entries[0].seq, entries[-1].seq
        if marks:
            self.reserved, self._since_mark = reserve, 0
        count = 0 if said is None else said.records
        self._failure.end(f"journal {self.path} can be written again; {_records(count)} missing in it")
        if 0 < self._maxbytes <= self._size:
            self._rotate(reserve)

    def note_missing(self, missing: Missing) -> None:
        """These were not given to it."""
        self._grow(missing)

    def reopen(self) -> None:
        """Open the path again, even right after a failure: the file was moved away."""
        self._close_fd()
        self._failure.retry_now()
        self._rotate_failure.retry_now()
        self._first = 0

    def end(self, last: int) -> None:
        """Close it; `last` is the last number that was used."""
        self.write((), self.reserved)
        if self._fd >= 0 and self.missing is None:
            write_all(lambda piece: os.write(self._fd, piece), self._mark("ended", last))
        self._close_fd()

    # ---- private

    def _mark(self, kind: str, number: int) -> bytes:
        operation = self._last_operation()
        return _line({kind: number, "op": operation} if operation else {kind: number})

    def _find_end(self) -> End:
        self._open()
        data, whole = _tail(self._fd, TAIL)
        found = _numbers(data.splitlines())
        note = ""
        if data and not data.endswith(b"\n"):
            cut = len(data) - data.rfind(b"\n") - 1
            if whole or cut < len(data):
                os.ftruncate(self._fd, self._size - cut)
                self._size -= cut
                note = f"cut off a line at the end of journal {self.path} that was not written to its end"
            else:
                self._torn = True
        if not found:
            try:
                before = open_log(f"{self.path}.1", os.O_RDONLY | os.O_NONBLOCK)
            except FileNotFoundError:
                pass
            else:
                with os.fdopen(before, "rb", closefd=True) as file:
                    found = _numbers(_tail(file.fileno(), TAIL)[0].splitlines())
        self._first = _numbers(_head(self._fd).splitlines()[:1]).last or found.last
        self._last = found.last
        if data and not found:
            # Whatever it is, it may be the rest of a journal.
            return End(0, 0, is_clean=False, note=f"cannot find a number in journal {self.path}")
        used = found.marked if found.marked >= found.last else found.last + BLOCK
        return End(found.last, used, is_clean=found.ended or not found, note=note, operation=found.operation)

    def _is_open(self, lines: list[tuple[Numbers, bytes]]) -> bool:
        try:
            if self._fd >= 0 and self._clock() >= self._check_at:
                self._check_removed()
            if self._fd < 0:
                if self._failure.is_backing_off:
                    self._miss(lines, self._failure.text or "")
                    return False
                self._open()
        except OSError as error:
            self._failed(error, lines)
            return False
        return True

    def _open(self) -> None:
        fd = open_log(self.path, _FLAGS, _MINE)
        try:
            found = os.fstat(fd)
            _claim(fd, found)
        except BaseException:
            os.close(fd)
            raise
        self._fd, self._size = fd, found.st_size
        self._check_at = self._clock() + CHECK_INTERVAL
        self._since_mark = MARK_AFTER  # a file begins with a mark, or goes on with one

    def _check_removed(self) -> None:
        """A file without a name can be read by nobody."""
        self._check_at = self._clock() + CHECK_INTERVAL
        if os.fstat(self._fd).st_nlink:
            return
        self._close_fd()
        if self._last:
            first = self._first or self._last
            self._grow(Missing(first, self._last, self._last - first + 1, REMOVED, time.time(), self._clock()))
        self._first = 0
        self._report(f"journal {self.path} was removed and is created again; what was in it is missing")

    def _cut_to_line(
        self, lines: list[tuple[Numbers, bytes]], written: int, said: Missing | None
    ) -> list[tuple[Numbers, bytes]]:
        """After a write that ended too early: the lines that are lost. What is left of one is cut off."""
        kept = 0
        for place, (numbers, line) in enumerate(lines):
            if kept + len(line) > written:
                torn = written - kept
                try:
                    os.ftruncate(self._fd, self._size - max(torn, 0))
                    self._size -= max(torn, 0)
                except OSError:
                    self._torn = self._torn or torn > 0
                return lines[place:]
            kept += len(line)
            if numbers == (0, 0) and said is not None and place == 0:
                self.missing = None
            elif numbers[1]:
                self._first, self._last = self._first or numbers[0], numbers[1]
        return []

    def _failed(self, error: OSError, lost: list[tuple[Numbers, bytes]]) -> None:
        self._close_fd()
        reason = error.strerror or str(error)
        self._miss(lost, reason)
        self._failure.begin(
            f"cannot write journal {self.path}: {reason}; everything goes on, and records are missing in it"
        )

    def _miss(self, lines: list[tuple[Numbers, bytes]], reason: str) -> None:
        numbers = [pair for pair, _ in lines if pair[1]]
        if numbers:
            self._grow(Missing(numbers[0][0], numbers[-1][1], len(numbers), reason, time.time(), self._clock()))

    def _grow(self, more: Missing) -> None:
        known = self.missing
        if known is not None:
            first, count = min(known.first, more.first), known.records + more.records
            more = more._replace(first=first, last=max(known.last, more.last), records=count, reason=known.reason)
        self.missing = more

    def _rotate(self, reserve: int) -> None:
        if self._rotate_failure.is_backing_off:
            return
        try:
            folder = open_folder(self.path)
            try:
                name = os.path.basename(self.path)
                os.rename(name, f"{name}.1", src_dir_fd=folder, dst_dir_fd=folder)
            finally:
                os.close(folder)
        except OSError as error:
            self._rotate_failure.begin(
                f"cannot rotate journal {self.path}: {error.strerror}; it grows until this is mended"
            )
            return
        self._rotate_failure.end(f"journal {self.path} is rotated again")
        self._close_fd()
        self._first = 0
        self.write((), reserve)

    def _close_fd(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def _claim(fd: int, found: os.stat_result) -> None:
    """Let no other master write it, and no other user read it; raises OSError."""
    if not stat.S_ISREG(found.st_mode):
        raise OSError(0, "it is not a file")
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise OSError(0, "another master writes it") from None
    if found.st_mode & 0o077:
        os.fchmod(fd, _MINE)


def _line(plain: dict[str, Any]) -> bytes:
    # Escapes what is no ASCII, lone surrogates too: each line is one in every encoding.
    return json.dumps(plain, separators=(",", ":")).encode() + b"\n"


def _gap_line(missing: Missing) -> bytes:
    data = {"from": missing.first, "to": missing.last, "records": missing.records, "reason": missing.reason}
    return _line(Record(missing.last, missing.time, missing.mono, "gap", data=data).to_json())


def record_in(line: bytes) -> Record | None:
    """The record in a line of the file; None for a mark. Raises ValueError where it is something else."""
    try:
        plain = _read_line(line)
        return None if "reserved" in plain or "ended" in plain else from_json(plain)
    except (TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"this is no line of a journal: {error}") from None


def _read_line(line: bytes) -> Any:
    # NaN and Infinity are no JSON, and must not get into answers.
    return json.loads(line, parse_constant=_refuse)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


def _tail(fd: int, limit: int) -> tuple[bytes, bool]:
    """The end of a file, and whether that is all of it."""
    size = os.fstat(fd).st_size
    start = max(0, size - limit)
    data = b""
    while piece := os.pread(fd, size - start - len(data), start + len(data)):
        data += piece
    return data, start == 0


def _head(fd: int) -> bytes:
    return os.pread(fd, TAIL, 0)


def _numbers(lines: Sequence[bytes]) -> _Numbers:
    found = _Numbers()
    for line in reversed(lines):
        if found.last and found.marked:
            break
        try:
            plain = _read_line(line)
            seq, reserved, end = plain.get("seq"), plain.get("reserved"), plain.get("ended")
            operation = plain.get("op")
        except (ValueError, AttributeError, RecursionError):
            continue
        if is_number(seq):
            found.last = found.last or seq
        elif is_number(reserved):
            found.marked = found.marked or reserved
        elif is_number(end):
            found.ended = not found
            found.marked = found.marked or end
        if is_number(operation):
            found.operation = max(found.operation, operation)
    return found


def _records(count: int) -> str:
    return "no record is" if not count else f"{count} record{' is' if count == 1 else 's are'}"
