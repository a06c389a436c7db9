r"""One listener's side of the pipe: what it writes, taken apart. Pure: bytes in, what they mean out.

The rules, which are those of supervisord 4.3.0:

- It begins ACKNOWLEDGED. There the six bytes "READY\n" are expected, and make it READY.
- When an event is sent it is BUSY, until "RESULT n\n" and n bytes have come. The result handler decides how it goes on:
  ACKNOWLEDGED again, or UNKNOWN.
- Anything else makes it UNKNOWN: another word where READY belongs, a line without a number where RESULT n belongs,
  anything at all while it is READY. UNKNOWN lasts until the process ends, and whatever comes is thrown away.
- Of the line only the part behind its first seven bytes is looked at.

Unlike there, lines and results have bounds, and a result of 0 bytes is complete at once.
"""

from binascii import a2b_base64, b2a_base64
from dataclasses import dataclass
from enum import Enum
from typing import Any

READY = b"READY\n"
RESULT = b"RESULT "

# A number of more digits is none for Python (sys.int_info), nor for supervisord; with it the line is shorter than this.
MAX_LINE = 8192
# "OK" has two bytes. Whatever result handlers read, they are no transport for files.
MAX_RESULT = 1024 * 1024


class ListenerState(Enum):
    """Where a listener stands."""

    ACKNOWLEDGED = "has begun, or has answered; is not ready yet"
    READY = "waits for an event"
    BUSY = "has an event"
    UNKNOWN = "has broken the protocol, and gets no events any more"


@dataclass(frozen=True, slots=True)
class Changed:
    """It went from one state to another by what it wrote."""

    before: ListenerState
    after: ListenerState


@dataclass(frozen=True, slots=True)
class Result:
    """Its whole answer to the event; to be judged, and answered with `Conversation.judged`."""

    data: bytes


@dataclass(frozen=True, slots=True)
class BadLine:
    """Where its answer should have begun; it is about to be UNKNOWN."""

    line: bytes


Heard = Changed | Result | BadLine


class Conversation:
    """What is said between one process and the pool. Feed it what the process writes, and take `next` until None."""

    __slots__ = ("_buffer", "_length", "state")

    def __init__(self) -> None:
        self.state = ListenerState.ACKNOWLEDGED
        self._buffer = bytearray()  # no longer than MAX_RESULT, or MAX_LINE, and one chunk
        self._length: int | None = None  # of the result that is being read

    def snapshot(self) -> list[Any]:
        """Plain data: the state, the bytes that are not understood yet, and the length of the result being read."""
        return [self.state.name, b2a_base64(self._buffer, newline=False).decode(), self._length]

    def restore(self, data: list[Any]) -> None:
        """Go on from what `snapshot` returned."""
        state, buffer, self._length = data
        self.state, self._buffer = ListenerState[state], bytearray(a2b_base64(buffer))

    def feed(self, data: bytes) -> None:
        """Take in a chunk of its stdout."""
        if self.state is not ListenerState.UNKNOWN:
            self._buffer += data

    def next(self) -> Heard | None:
        """Return what comes next of what has been fed; None: nothing that is complete."""
        match self.state:
            case ListenerState.ACKNOWLEDGED if len(self._buffer) >= len(READY):
                if not self._buffer.startswith(READY):
                    return self._break()
                del self._buffer[: len(READY)]
                return self._become(ListenerState.READY)
            case ListenerState.READY if self._buffer:
                return self._break()
            case ListenerState.BUSY:
                return self._answer()
            case _:
                return None

    def sent(self) -> None:
        """An event is on its way to it."""
        assert self.state is ListenerState.READY
        self.state = ListenerState.BUSY

    def judged(self, *, understood: bool) -> Changed:
        """Go on after a `Result` or a `BadLine`; one that was not understood is the last."""
        self._length = None
        return self._become(ListenerState.ACKNOWLEDGED) if understood else self._break()

    def _answer(self) -> Heard | None:
        if self._length is None:
            end = self._buffer.find(b"\n", 0, MAX_LINE)
            if end < 0:
                return None if len(self._buffer) < MAX_LINE else BadLine(bytes(self._buffer[:MAX_LINE]))
            line = bytes(self._buffer[:end])
            length = _number(line[len(RESULT) :])
            if length is None:
                return BadLine(line)
            del self._buffer[: end + 1]
            self._length = length
        if len(self._buffer) < self._length:
            return None
        data = bytes(self._buffer[: self._length])
        del self._buffer[: self._length]
        return Result(data)

    def _break(self) -> Changed:
        self._buffer.clear()
        return self._become(ListenerState.UNKNOWN)

    def _become(self, after: ListenerState) -> Changed:
        before, self.state = self.state, after
        return Changed(before, after)


def _number(text: bytes) -> int | None:
    try:
        number = int(text)
    except ValueError:
        return None
    return number if 0 <= number <= MAX_RESULT else None
