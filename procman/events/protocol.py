r"""Parses what an event listener writes. Pure: bytes in, messages out.

The rules, which are those of supervisord 4.3.0:

- It begins ACKNOWLEDGED. The six bytes "READY\n" make it READY.
- With an event it is BUSY, until "RESULT n\n" and n bytes have arrived. Then the result handler decides: ACKNOWLEDGED
  again, or UNKNOWN.
- Anything else makes it UNKNOWN: another word instead of READY, a line without a number instead of RESULT n, any output
  while it is READY. UNKNOWN lasts until the process ends, and all further output is ignored.
- Only the part of the line after its first seven bytes counts.

Unlike in supervisord, lines and results have bounds, and a result of 0 bytes is complete at once.
"""

from binascii import a2b_base64, b2a_base64
from dataclasses import dataclass
from enum import Enum
from typing import Any

READY = b"READY\n"
RESULT = b"RESULT "

# Python reads no number of more digits (sys.int_info), and so neither does supervisord; valid lines are shorter.
MAX_LINE = 8192
# "OK" has two bytes, and results are not meant to carry files.
MAX_RESULT = 1024 * 1024


class ListenerState(Enum):
    """The state of a listener."""

    ACKNOWLEDGED = "has begun, or has answered; is not ready yet"
    READY = "waits for an event"
    BUSY = "has an event"
    UNKNOWN = "has broken the protocol, and gets no events any more"


@dataclass(frozen=True, slots=True)
class Changed:
    """Its output has changed its state."""

    before: ListenerState
    after: ListenerState


@dataclass(frozen=True, slots=True)
class Result:
    """Its complete result, to be evaluated and passed to `Conversation.judged`."""

    data: bytes


@dataclass(frozen=True, slots=True)
class BadLine:
    """An invalid line instead of a result; the listener becomes UNKNOWN."""

    line: bytes


Heard = Changed | Result | BadLine


class Conversation:
    """The conversation of one process and the pool. Feed it the output of the process, and call `next` until None."""

    __slots__ = ("_buffer", "_length", "state")

    def __init__(self) -> None:
        self.state = ListenerState.ACKNOWLEDGED
        self._buffer = bytearray()  # no longer than MAX_RESULT, or MAX_LINE, and one chunk
        self._length: int | None = None  # bytes of the result being read

    def snapshot(self) -> list[Any]:
        """Plain data: the state, the unparsed bytes, and the length of the result being read."""
        return [self.state.name, b2a_base64(self._buffer, newline=False).decode(), self._length]

    def restore(self, data: list[Any]) -> None:
        """Continue from what `snapshot` returned."""
        state, buffer, self._length = data
        self.state, self._buffer = ListenerState[state], bytearray(a2b_base64(buffer))

    def feed(self, data: bytes) -> None:
        """Take in a chunk of its stdout."""
        if self.state is not ListenerState.UNKNOWN:
            self._buffer += data

    def next(self) -> Heard | None:
        """Return the next complete message; None if there is none."""
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
        """An event has been sent to it."""
        assert self.state is ListenerState.READY
        self.state = ListenerState.BUSY

    def judged(self, *, understood: bool) -> Changed:
        """Continue after a `Result` or a `BadLine`; an invalid one ends the conversation."""
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
