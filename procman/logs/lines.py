"""Bytes into whole lines, and terminal colours out of them, whatever the borders of the chunks.

Pure: no I/O and no clock here. Nothing is dropped by a `LineSplitter`; what it holds back is never more than one line.
"""

import re

# The most that is shown of the last line of a program that has failed, in characters.
MAX_SHOWN = 300

# An over-long line is written in pieces. Each piece but the last ends with the first mark, each but the first begins
# with the second, so that a reader sees that the line breaks are not the program's own.
CONTINUES = b" [...]\n"
CONTINUED = b"[...] "


class LineSplitter:
    """Cuts a stream into whole lines; a line of more than `max_line` bytes comes in marked pieces."""

    __slots__ = ("_inside", "_rest", "max_line")

    def __init__(self, max_line: int = 65536) -> None:
        self.max_line = max(max_line, 4)  # a UTF-8 character must fit into one piece
        self._rest = b""  # the line that is not finished yet
        self._inside = False  # a piece of it was returned already

    def feed(self, data: bytes) -> list[bytes]:
        """Return the lines that are whole now, each with its newline."""
        return [line + b"\n" for line in self.feed_block(data).split(b"\n")[:-1]]

    def feed_block(self, data: bytes) -> bytes:
        """Return the same lines in one block; a stream that floods is not split line by line."""
        if self._rest:
            data = self._rest + data
        end = data.rfind(b"\n") + 1
        whole, self._rest = data[:end], data[end:]
        if self._inside or (len(whole) > self.max_line and not self._is_short(whole)):
            whole = self._shorten(whole)
        if len(self._rest) > self.max_line:
            pieces, self._rest = self._cut(self._rest)
            whole += pieces
        return whole

    @property
    def snapshot(self) -> tuple[bytes, bool]:
        """What is held back of a line, and whether a piece of that line was returned already."""
        return self._rest, self._inside

    def restore(self, rest: bytes, *, inside: bool) -> None:
        """Go on from there."""
        self._rest, self._inside = rest, inside

    def flush(self) -> bytes:
        """Return the unfinished line, without a newline, and begin again."""
        rest = CONTINUED + self._rest if self._inside else self._rest
        self._rest, self._inside = b"", False
        return rest

    def _is_short(self, whole: bytes) -> bool:
        """Whether certainly no line is too long; a cheap test for one read behind an unfinished line."""
        middle = whole.rfind(b"\n", 0, self.max_line + 1) + 1
        return middle > 0 and len(whole) - middle <= self.max_line + 1

    def _shorten(self, whole: bytes) -> bytes:
        """Cut and mark over-long lines in a block of whole lines."""
        out = []
        start = 0
        while start < len(whole):
            # The last newline within reach covers all the short lines before it.
            end = 0 if self._inside else whole.rfind(b"\n", start, start + self.max_line + 1) + 1
            if end:
                out.append(whole[start:end])
            else:
                end = whole.index(b"\n", start) + 1
                pieces, rest = self._cut(whole[start : end - 1])
                out += pieces, CONTINUED, rest, b"\n"
                self._inside = False
            start = end
        return b"".join(out)

    def _cut(self, line: bytes) -> tuple[bytes, bytes]:
        """Cut marked pieces off a line until the rest of it is short enough."""
        out: list[bytes] = []
        start = 0
        while len(line) - start > self.max_line:
            end = _character_boundary(line, start + self.max_line)
            out += CONTINUED if self._inside else b"", line[start:end], CONTINUES
            self._inside = True
            start = end
        return b"".join(out), line[start:]


def _character_boundary(text: bytes, position: int) -> int:
    """Return the last position, up to the given one, that is not inside a UTF-8 character."""
    for boundary in range(position, position - 4, -1):
        if text[boundary] & 0xC0 != 0x80:  # noqa: PLR2004 - 10xxxxxx, a byte that continues a character
            return boundary
    return position  # not UTF-8 at all


_CSI = re.compile(rb"\x1b\[[0-?]*[ -/]*[@-~]")  # ECMA-48, 5.4: colours, cursor movements, modes
_CSI_BEGINNING = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*)?\Z")
_CSI_MAX = 64  # a longer one is text


class AnsiStripper:
    """Removes the terminal's control sequences (CSI) from a stream, including those split between chunks."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held = b""

    @property
    def is_idle(self) -> bool:
        """Whether nothing is held back."""
        return not self._held

    def feed(self, data: bytes) -> bytes:
        """Return the text of `data`; what may be the beginning of a sequence is held back until the next call."""
        if self._held:
            data, self._held = self._held + data, b""
        if b"\x1b" not in data:
            return data
        # Before anything is removed: what only looks like a beginning when a sequence has gone from its middle is text.
        last = data.rfind(b"\x1b", -_CSI_MAX)
        if last >= 0 and _CSI_BEGINNING.match(data, last):
            data, self._held = data[:last], data[last:]
        return _CSI.sub(b"", data)

    def flush(self) -> bytes:
        """Return what was held back: the stream ended inside a sequence."""
        held, self._held = self._held, b""
        return held


def last_line(data: bytes) -> str:
    """The last line that is not blank, for people: without colours and control characters, and cut if it is long."""
    return next(iter(last_lines(data, 1, MAX_SHOWN)), "")


def last_lines(data: bytes, count: int, longest: int) -> list[str]:
    """So many of the last lines, blank ones left out, in their order; each of `longest` characters at most."""
    found: list[str] = []
    for line in reversed(_CSI.sub(b"", data).decode(errors="replace").splitlines()):
        text = "".join(character if character.isprintable() else " " for character in line).strip()
        if text:
            found.append(text if len(text) <= longest else f"{text[:longest]}…")
            if len(found) == count:
                break
    return found[::-1]
