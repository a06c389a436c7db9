"""Lines of text for a pane of a given width: bounded, wrapped or not, and searched. No I/O here."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from rich.cells import cell_len

_COLOUR = re.compile(r"\x1b\[[0-9;:]*m")

MOST_LINES = 10_000
_DROPPED = MOST_LINES // 5  # at once, so that it is rarely done


@dataclass(frozen=True, slots=True)
class Line:
    """One line; `text` may have colours (SGR codes), and nothing else that acts on a terminal."""

    text: str
    head: str = ""  # stands before it; the rows into which it is broken are indented as far
    hang: int = 0  # and by so many columns more
    source: str = ""  # the process that has written it
    stderr: bool = False


@dataclass(slots=True)
class TextBuffer:
    """The lines, and the rows of a screen that they fill."""

    width: int = 80
    wrap: bool = True
    query: str = ""
    only_matches: bool = False
    found: int = 0  # how many lines have the query
    lines: list[Line] = field(default_factory=list)
    rows: list[tuple[int, int]] = field(default_factory=list)  # the line of each, and where in it the row begins

    def clear(self) -> None:
        """Forget all lines."""
        self.lines.clear()
        self.lay_out()

    def extend(self, lines: Iterable[Line]) -> int:
        """Add lines at the end, and drop the oldest if there are too many; returns how many rows that has dropped."""
        begin = len(self.lines)
        self.lines.extend(lines)
        self._lay_out(begin)
        if len(self.lines) <= MOST_LINES:
            return 0
        old = max(len(self.lines) - MOST_LINES, _DROPPED)
        dropped = next((row for row, (line, _) in enumerate(self.rows) if line >= old), len(self.rows))
        # The others stay broken as they are: that is most of the work.
        self.rows = [(line - old, start) for line, start in self.rows[dropped:]]
        if self.query:
            self.found -= sum(map(self.matches, range(old)))
        del self.lines[:old]
        return dropped

    def lay_out(self) -> None:
        """Break all lines again: the width, the search or the wrapping is another one."""
        self.rows.clear()
        self.found = 0
        self._lay_out(0)

    def matches(self, line: int) -> bool:
        """Whether a line has what is searched for; small and capital letters are alike."""
        return bool(self.query) and self.query.lower() in plain(self.lines[line].text).lower()

    def next_match(self, row: int, step: int) -> int | None:
        """The next row after (step 1) or before (step -1) that one whose line has what is searched for."""
        here = self.rows[row][0] if 0 <= row < len(self.rows) else -1
        end = len(self.rows)
        places = range(max(row + 1, 0), end) if step > 0 else range(min(row, end) - 1, -1, -1)
        for place in places:
            line, begin = self.rows[place]
            if begin == 0 and line != here and self.matches(line):
                return place
        return None

    def _lay_out(self, begin: int) -> None:
        for number in range(begin, len(self.lines)):
            if self.query:
                matches = self.matches(number)
                self.found += matches
                if self.only_matches and not matches:
                    continue
            self.rows.append((number, 0))
            if self.wrap:
                line = self.lines[number]
                self.rows.extend((number, start) for start in _breaks(line.text, self.width, len(line.head), line.hang))


def _breaks(text: str, width: int, head: int, hang: int) -> list[int]:
    """The columns at which a line is broken: behind a blank, unless that leaves a row half empty."""
    text = plain(text)
    length = cell_len(text)
    room = max(width - head, 1)
    found, start = [], 0
    while length - start > room:
        # Where some letters take two columns, or none, the place of a blank says nothing.
        blank = -1 if length != len(text) else text.rfind(" ", start + room // 2, start + room + 1)
        start = start + room if blank < 0 else blank + 1
        found.append(start)
        room = max(width - head - hang, 1)
    return found


def plain(text: str) -> str:
    """The text without its colours."""
    return _COLOUR.sub("", text) if "\x1b" in text else text
