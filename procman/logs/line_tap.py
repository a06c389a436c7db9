"""Looks for a text in the lines of a stream, for as long as that is waited for. Pure: no I/O and no clock here.

The text is literal, and `*` in it stands for anything: there are no regular expressions, so the time grows with the
output alone. Of each line the first LONGEST bytes are looked at, without colours.
"""

from collections.abc import Callable

from procman.logs.lines import AnsiStripper

LONGEST = 4096


class LineTap:
    """One text in one stream."""

    def __init__(self, text: str, found: Callable[[], object]) -> None:
        """`found` is called once, with the line that holds it still being read."""
        self._parts = [part.encode() for part in text.split("*") if part]
        self._found = found
        self._stripper = AnsiStripper()
        self._rest = b""  # the beginning of the line that is not finished
        self._skips = False  # the rest of that line
        self.done = False

    def feed(self, data: bytes) -> None:
        """The stream goes on with that."""
        if self.done:
            return
        data = self._stripper.feed(data)
        if self._skips:
            end = data.find(b"\n")
            if end < 0:
                return
            data, self._skips = data[end:], False
        lines = (self._rest + data).split(b"\n")
        self._rest = lines[-1][:LONGEST]
        self._skips = len(lines[-1]) >= LONGEST
        if any(self._is_in(line[:LONGEST]) for line in lines):
            self.done = True
            self._rest = b""
            self._found()

    def _is_in(self, line: bytes) -> bool:
        at = 0
        for part in self._parts:
            at = line.find(part, at)
            if at < 0:
                return False
            at += len(part)
        return True
