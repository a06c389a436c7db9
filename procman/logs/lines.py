"""Bytes into whole lines, and terminal colours out of them, whatever the borders of the chunks.

Pure: no I/O and no clock here. Nothing is dropped by a `LineSplitter`; what it holds back is never more than one line.
"""

import re

# An over-long line is written in pieces. Each piece but the last ends with the first mark, each but the first begins
# with the second, so that a reader sees that the line breaks are not the program's own.
GOES_ON = b" [...]\n"
CONTINUED = b"[...] "


class LineSplitter:
    """Cuts a stream into whole lines; a line of more than `max_line` bytes comes in marked pieces."""

    __slots__ = ("_inside", "_rest", "max_line")

    def __init__(self, max_line: int = 65536) -> None:
        self.max_line = max(max_line, 4)  # a UTF-8 character must fit into one piece
        self._rest = b""  # the line that is not finished yet
        self._inside = False  # a piece of it is out already

    def feed(self, data: bytes) -> list[bytes]:
        """Return the lines that are whole now, each with its newline."""
        return [line + b"\n" for line in self.feed_block(data).split(b"\n")[:-1]]

    def feed_block(self, data: bytes) -> bytes:
        """Return the same lines in one piece; a stream that floods is not looked at line by line."""
        if self._rest:
            data = self._rest + data
        end = data.rfind(b"\n") + 1
        whole, self._rest = data[:end], data[end:]
        if self._inside or len(whole) > self.max_line:
            whole = self._shorten(whole)
        if len(self._rest) > self.max_line:
            pieces, self._rest = self._cut(self._rest)
            whole += pieces
        return whole

    def flush(self) -> bytes:
        """Return the line that was never finished, without a newline, and begin anew."""
        rest = CONTINUED + self._rest if self._inside else self._rest
        self._rest, self._inside = b"", False
        return rest

    def _shorten(self, whole: bytes) -> bytes:
        """Mark what is too long in a block of whole lines, from newline to newline in steps of `max_line`."""
        out = []
        start = 0
        while start < len(whole):
            # One search for the last newline in reach covers all the short lines before it.
            end = start + whole[start : start + self.max_line + 1].rfind(b"\n") + 1
            if self._inside:
                # What continues an over-long line needs its mark, so this line is looked at by itself.
                end = whole.find(b"\n", start) + 1
                if end - start - 1 <= self.max_line:
                    out.append(CONTINUED + whole[start:end])
                    self._inside = False
                    start = end
                    continue
                end = start
            if end == start:
                end = whole.find(b"\n", start) + 1
                pieces, rest = self._cut(whole[start : end - 1])
                out.append(pieces + CONTINUED + rest + b"\n")
                self._inside = False
            else:
                out.append(whole[start:end])
            start = end
        return b"".join(out)

    def _cut(self, line: bytes) -> tuple[bytes, bytes]:
        """Cut marked pieces off a line until what is left of it is short enough."""
        out = []
        start = 0
        while len(line) - start > self.max_line:
            end = start + self.max_line
            for end in range(end, end - 4, -1):
                if line[end] & 0xC0 != 0x80:  # not in the middle of a UTF-8 character
                    break
            else:
                end = start + self.max_line  # not UTF-8 at all
            if self._inside:
                out.append(CONTINUED)
            out.append(line[start:end])
            out.append(GOES_ON)
            self._inside = True
            start = end
        return b"".join(out), line[start:]


_CSI = re.compile(rb"\x1b\[[0-?]*[ -/]*[@-~]")  # ECMA-48, 5.4: colours, cursor movements, modes
_CSI_BEGUN = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*)?\Z")
_CSI_LONGEST = 64  # what begins like a sequence and is longer is text


class AnsiStripper:
    """Takes the terminal's control sequences (CSI) out of a stream, also where a chunk ends inside one."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        """Return the text of `data`; what may be the beginning of a sequence is held back until the next call."""
        if self._held:
            data, self._held = self._held + data, b""
        if b"\x1b" not in data:
            return data
        data = _CSI.sub(b"", data)
        last = data.rfind(b"\x1b", -_CSI_LONGEST)
        if last >= 0 and _CSI_BEGUN.match(data, last):
            data, self._held = data[:last], data[last:]
        return data

    def flush(self) -> bytes:
        """Return what was held back: the stream ended inside a sequence."""
        held, self._held = self._held, b""
        return held
