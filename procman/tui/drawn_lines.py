"""A widget that draws its lines itself: only those that are seen, and only those that have changed.

A table of Textual's has an object for each cell, and draws all that is seen at each change. Over a serial line, which
takes two seconds for a screen, that would never come to an end.
"""

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.scroll_view import ScrollView
from textual.strip import Strip

from procman.tui.look import Look

BOLD = Style(bold=True)
DIM = Style(dim=True)
PLAIN = Style()


class DrawnLines(ScrollView, can_focus=True):
    """Fixed lines at the top, and those below them that scroll. A subclass says how each is drawn."""

    DEFAULT_CSS = """
    DrawnLines { scrollbar-size: 0 0; overflow: hidden hidden; }
    """

    def __init__(self, look: Look, *, id: str) -> None:  # noqa: A002 - Textual calls it so
        super().__init__(id=id)
        self.look = look
        self.top = 0  # the first line that is seen below the fixed one
        self._drawn: dict[int, Strip] = {}

    def count(self) -> int:
        """How many lines there are to scroll through."""
        raise NotImplementedError

    def draw_head(self, width: int) -> Strip:
        """The fixed line at the top."""
        raise NotImplementedError

    def draw(self, number: int, width: int) -> Strip:
        """One of the other lines."""
        raise NotImplementedError

    @property
    def page(self) -> int:
        """How many lines are seen below the fixed one."""
        return max(self.size.height - 1, 1)

    @property
    def last_top(self) -> int:
        """The `top` at which the end is seen."""
        return max(self.count() - self.page, 0)

    def render_line(self, y: int) -> Strip:
        """Draw one line of the screen."""
        strip = self._drawn.get(y)
        if strip is None or strip.cell_length != self.size.width:
            strip = self._drawn[y] = self._strip(y)
        return strip

    def redraw(self) -> None:
        """Draw again what looks otherwise than it is drawn."""
        self.top = min(self.top, self.last_top)
        for y in range(self.size.height):
            strip = self._strip(y)
            if self._drawn.get(y) != strip:
                self._drawn[y] = strip
                self.refresh(Region(0, y, self.size.width, 1))

    def _strip(self, y: int) -> Strip:
        width = self.size.width
        if y == 0:
            strip = self.draw_head(width)
        elif (number := self.top + y - 1) < self.count():
            strip = self.draw(number, width)
        else:
            strip = Strip.blank(width, PLAIN)
        return strip.adjust_cell_length(width, PLAIN)


def strip_of(*parts: tuple[str, Style]) -> Strip:
    """A line of pieces of text."""
    return Strip([Segment(text, style) for text, style in parts if text])
