"""The pane beside the table: lines of text that are followed, searched and copied."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import ClassVar

from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.strip import Strip

from procman.tui.colours import RED
from procman.tui.drawn_lines import BOLD, DIM, PLAIN, DrawnLines, strip_of
from procman.tui.look import Look
from procman.tui.text_buffer import Line, TextBuffer, plain

_MATCH = Style(reverse=True)
_SIDEWAYS = 20  # columns


class TextPane(DrawnLines):
    """Shows a TextBuffer. It follows the end until somebody scrolls up, and again once they are back there."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "scroll_by(-1)", show=False),
        Binding("down", "scroll_by(1)", show=False),
        Binding("pageup", "scroll_page(-1)", show=False),
        Binding("pagedown", "scroll_page(1)", show=False),
        Binding("home", "jump(0)", show=False),
        Binding("end", "jump(-1)", show=False),
        Binding("left", "sideways(-1)", show=False),
        Binding("right", "sideways(1)", show=False),
    ]

    def __init__(self, look: Look) -> None:
        super().__init__(look, id="pane")
        self.buffer = TextBuffer()
        self.title = ""
        self.follow = True
        self.left = 0  # the first column that is seen, where lines are not broken
        self._found: int | None = None  # the row to which a search has gone
        self._places: dict[str, int] = {}  # of names among those that are shown

    def count(self) -> int:
        """One for each row."""
        return len(self.buffer.rows)

    def show(self, title: str, lines: Iterable[Line], *, follow: bool) -> None:
        """Show other text from its beginning, or from its end on."""
        self.title = title
        self.follow = follow
        self.left = 0
        self._found = None
        self.buffer.clear()
        self._places.clear()
        self.top = 0
        self.add(lines)

    def replace(self, lines: Iterable[Line]) -> None:
        """Show newer text of the same, without scrolling."""
        self.buffer.clear()
        self.add(lines)

    def add(self, lines: Iterable[Line]) -> None:
        """Add lines at the end."""
        dropped = self.buffer.extend(lines)
        self.top = self.last_top if self.follow else max(self.top - dropped, 0)
        self.redraw()

    def search(self, query: str) -> None:
        """Have that found, beginning with what is seen; "" ends the search."""
        self.buffer.query = query
        self.lay_out()
        if query and not self.next_match(1):
            self.next_match(-1)

    def next_match(self, step: int) -> bool:
        """Go to the next line that has what was searched for (1), or the one before (-1); False: there is none."""
        begin = self.top - 1 if step > 0 else self.top + self.page
        if self._found is not None and self.top <= self._found < self.top + self.page:
            begin = self._found
        row = self.buffer.next_match(begin, step)
        if row is None:
            return False
        if not self.top <= row < self.top + self.page:
            self._go_to(row)
        self._found = row
        self.settle()
        return True

    def text(self) -> str:
        """All that can be scrolled to, without colours."""
        numbers = dict.fromkeys(number for number, _ in self.buffer.rows)
        return "\n".join(line.head + plain(line.text) for line in (self.buffer.lines[each] for each in numbers))

    def action_scroll_by(self, step: int) -> None:
        """Scroll by so many rows."""
        self._go_to(self.top + step)
        self.settle()

    def action_scroll_page(self, step: int) -> None:
        """Scroll by a screen."""
        self.action_scroll_by(step * max(self.page - 1, 1))

    def action_jump(self, place: int) -> None:
        """Go to the beginning, or to the end (-1)."""
        self.action_scroll_by(self.count() if place < 0 else -self.count())

    def action_sideways(self, step: int) -> None:
        """Scroll to the side, where lines are not broken."""
        if not self.buffer.wrap:
            self.left = max(self.left + step * _SIDEWAYS, 0)
            self.redraw()

    def on_resize(self) -> None:
        """Lines break elsewhere."""
        if self.buffer.width != self.size.width:
            self.buffer.width = self.size.width
            self.lay_out()
        self.settle()

    def on_focus(self) -> None:
        """The title looks otherwise."""
        self.redraw()

    def on_blur(self) -> None:
        """Likewise."""
        self.redraw()

    def on_mouse_scroll_down(self) -> None:
        """With --mouse."""
        self.action_scroll_by(3)

    def on_mouse_scroll_up(self) -> None:
        """With --mouse."""
        self.action_scroll_by(-3)

    def draw_head(self, width: int) -> Strip:
        """The title, and where one is in the text."""
        where = ["following"] if self.follow else []
        if self.buffer.query:
            where.append(f"/{self.buffer.query}: {self.buffer.found}")
        if not self.follow and self.count() > self.page:
            where.append(f"{min(self.top + self.page, self.count())}/{self.count()}")
        right = "  ".join(where)
        title = self.title
        room = width - len(right) - 1
        if len(title) > room:
            title = title[: max(room - 1, 0)] + self.look.cut
        style = BOLD + Style(reverse=True) if self.has_focus else BOLD + DIM
        return strip_of((f"{title:<{max(room, 0)}} {right}", style))

    def draw(self, number: int, width: int) -> Strip:
        """One row of a line."""
        place, begin = self.buffer.rows[number]
        line = self.buffer.lines[place]
        head = line.head if begin == 0 else " " * (len(line.head) + line.hang)
        start = begin if self.buffer.wrap else self.left
        end = start + max(width - len(head), 1)
        if number + 1 < self.count() and self.buffer.wrap and (after := self.buffer.rows[number + 1])[0] == place:
            end = after[1]
        if self.buffer.query or "\x1b" in line.text or not line.text.isascii():
            body = _drawn(line.text, self.buffer.query).crop(start, end)
        else:
            # A long line has many rows, and to crop all of it for each is slow.
            body = strip_of((line.text[start:end], PLAIN))
        return Strip.join([strip_of((head, self._colour(line))), body])

    def _colour(self, line: Line) -> Style:
        if line.stderr:
            return RED
        if not line.source:
            return DIM
        # Names have their colours one after the other; red is for stderr.
        place = self._places.setdefault(line.source, len(self._places))
        return self.look.colours.names[place % len(self.look.colours.names)]

    def lay_out(self) -> None:
        """Break the lines again, with the same one at the top."""
        self._found = None
        first = self.buffer.rows[self.top][0] if self.top < self.count() else 0
        self.buffer.lay_out()
        self.top = next((row for row, (line, _) in enumerate(self.buffer.rows) if line >= first), 0)
        self.settle()

    def _go_to(self, row: int) -> None:
        self.top = max(0, min(row, self.last_top))
        self.follow = self.top >= self.last_top

    def settle(self) -> None:
        """Have the end in view if it is followed, and draw what has changed."""
        if self.follow:
            self.top = self.last_top
        self.redraw()


@lru_cache(maxsize=512)
def _drawn(text: str, query: str) -> Strip:
    """A whole line with its colours, and what is searched for in it."""
    shown = Text.from_ansi(text) if "\x1b" in text else Text(text)
    if query:
        shown.highlight_regex(re.compile(re.escape(query), re.IGNORECASE), _MATCH)
    console = _console()
    return Strip([Segment(text, style or PLAIN) for text, style, _ in shown.render(console) if text])


@lru_cache(maxsize=1)
def _console() -> Console:
    return Console(width=80, color_system=None)
