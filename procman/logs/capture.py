"""Capture mode: what a program writes between <!--XSUPERVISOR:BEGIN--> and <!--XSUPERVISOR:END--> is a message.

Pure: no I/O and no clock here. A token may be split between chunks anywhere; at most the beginning of a token is held
back until the next chunk. Inside a message BEGIN is text, and outside END is.
"""

from enum import Enum

BEGIN = b"<!--XSUPERVISOR:BEGIN-->"
END = b"<!--XSUPERVISOR:END-->"


class Part(Enum):
    """What a piece of a stream is."""

    LOG = "log"  # for the log
    INSIDE = "inside"  # part of a message
    MESSAGE = "message"  # a message is complete here; has no bytes of its own


class CaptureSplitter:
    """Cuts a stream at the tokens. All bytes but the tokens come out again, in order."""

    __slots__ = ("_held", "inside")

    def __init__(self) -> None:
        self.inside = False  # a message has begun and not ended
        self._held = b""  # it may be the beginning of a token

    def feed(self, data: bytes) -> list[tuple[Part, bytes]]:
        """Return the pieces of `data`; only a MESSAGE is empty."""
        if self._held:
            data, self._held = self._held + data, b""
        pieces = []
        start = 0
        while True:
            token, part = (END, Part.INSIDE) if self.inside else (BEGIN, Part.LOG)
            found = data.find(token, start)
            if found < 0:
                break
            if found > start:
                pieces.append((part, data[start:found]))
            if self.inside:
                pieces.append((Part.MESSAGE, b""))
            self.inside = not self.inside
            start = found + len(token)
        end = _text_end(data, token, start)
        if end > start:
            pieces.append((part, data[start:end]))
        self._held = data[end:]
        return pieces

    @property
    def is_idle(self) -> bool:
        """Whether nothing is held back, and no message has begun."""
        return not self.inside and not self._held

    def flush(self) -> list[tuple[Part, bytes]]:
        """Return what was held back: it is no token. A message that has begun stays unfinished."""
        held, self._held = self._held, b""
        return [(Part.INSIDE if self.inside else Part.LOG, held)] if held else []


class CapturedMessage:
    """What is kept of a message while it is written, by supervisor's rule.

    A piece that would make it longer than `maxbytes` first pushes out as many bytes as it has itself, from the
    beginning. So the end is kept, and a single piece is kept even if it is longer than `maxbytes`: most messages are
    one write and arrive whole, however small the option. It never holds more than `maxbytes` or one piece.
    """

    __slots__ = ("_kept", "maxbytes")

    def __init__(self, maxbytes: int) -> None:
        self.maxbytes = maxbytes  # may be changed at any time
        self._kept = bytearray()

    def append(self, data: bytes) -> int:
        """Add a piece; return how many bytes it pushed out."""
        dropped = 0
        if len(self._kept) + len(data) > self.maxbytes:
            dropped = min(len(data), len(self._kept))
            # A bytearray loses its head by moving a pointer.
            del self._kept[:dropped]
        self._kept += data
        return dropped

    def take(self) -> bytes:
        """Return what is kept, and begin again."""
        kept = bytes(self._kept)
        self._kept.clear()
        return kept


def _text_end(data: bytes, token: bytes, start: int) -> int:
    """Return where the text certainly ends: what follows may be the beginning of the token."""
    # In either token "<" is the first character and no other.
    begun = data.rfind(b"<", max(start, len(data) - len(token) + 1))
    return begun if begun >= 0 and token.startswith(data[begun:]) else len(data)
