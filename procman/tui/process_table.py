"""The table of processes: a line for each, with a cursor."""

import time
from collections.abc import Callable
from typing import ClassVar

from rich.cells import cell_len
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.events import Click
from textual.message import Message
from textual.strip import Strip

from procman.cli.terminal_text import safe
from procman.tui.arrangement import Arrangement
from procman.tui.columns import GAP, Plan, detail_of, fitted, heads, planned
from procman.tui.drawn_lines import BOLD, DIM, PLAIN, DrawnLines, strip_of
from procman.tui.fleet import Fleet, Standing
from procman.tui.look import Look

_SIGN_WIDTH = 4  # a mark, a blank, the sign of the standing, a blank
_CURSOR = Style(reverse=True)
_BLURRED = Style(underline=True)


class ProcessTable(DrawnLines):
    """Shows what `arrangement` chooses of the fleet. The cursor stays with its process, wherever that moves."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", show=False),
        Binding("down", "move(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
        Binding("home", "jump(0)", show=False),
        Binding("end", "jump(-1)", show=False),
    ]

    class Moved(Message):
        """The cursor is on another process, or on none."""

    class Marked(Message):
        """Other processes are marked."""

    def __init__(self, look: Look, fleet: Fleet, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(look, id="table")
        self.fleet = fleet
        self.arrangement = Arrangement()
        self.marked: set[str] = set()
        self.names: list[str] = []
        self.cursor: str | None = None
        self.stale = False  # the master does not answer: how things stand now is not known
        self._moved = False  # by somebody: until then the cursor stays at the top, where what has failed appears
        self._clock = clock
        self._plan = Plan(0, (), 0)

    def count(self) -> int:
        """One for each process that is shown."""
        return len(self.names)

    def update(self) -> None:
        """The fleet, the marks or the arrangement have changed."""
        self.marked &= self.fleet.processes.keys()
        place = self._place()
        self.names = self.arrangement.names(self.fleet, self.marked)
        if self.cursor not in self.fleet.processes or self.cursor not in self.names or not self._moved:
            self._put_cursor(place if self._moved else 0)
        self._keep_in_view()
        longest = max((cell_len(name) for name in self.names), default=0)
        shown = [self.fleet.processes[name] for name in self.names]
        self._plan = planned(
            self.size.width - _SIGN_WIDTH,
            longest,
            detail=any(map(detail_of, shown[: 2 * self.page])),
            restarts=any(info["restarts"] for info in shown),
        )
        self.redraw()

    def choose(self, arrangement: Arrangement) -> None:
        """Show another choice, or another order."""
        self.arrangement = arrangement
        self.update()

    def targets(self) -> list[str]:
        """What an action is about: all that are marked, in the order of the table, or else that of the cursor."""
        if self.marked:
            shown = [name for name in self.names if name in self.marked]
            return shown + sorted(self.marked - set(shown))
        return [] if self.cursor is None else [self.cursor]

    def go_to(self, name: str) -> None:
        """Put the cursor on that process; a filter that hides it is taken away."""
        if name not in self.names:
            self.choose(Arrangement(self.arrangement.order, self.arrangement.reverse))
        if name in self.names:
            self._go(self.names.index(name))

    def toggle_mark(self) -> None:
        """Mark the process under the cursor, or take its mark away, and go to the next one."""
        if self.cursor is not None:
            self.mark(self.marked ^ {self.cursor})
            self.action_move(1)

    def mark(self, names: set[str]) -> None:
        """Have these marked, and no others."""
        self.marked = set(names)
        self.update()
        self.post_message(self.Marked())

    def action_move(self, step: int) -> None:
        """Move the cursor by so many lines."""
        self._go(self._place() + step)

    def action_page(self, step: int) -> None:
        """Move it by a screen."""
        self._go(self._place() + step * self.page)

    def action_jump(self, place: int) -> None:
        """Move it to the first line, or to the last one (-1)."""
        self._go(place if place >= 0 else len(self.names) - 1)

    def on_resize(self) -> None:
        """Other columns may have room."""
        self.update()

    def on_focus(self) -> None:
        """The cursor looks otherwise."""
        self.redraw()

    def on_blur(self) -> None:
        """Likewise."""
        self.redraw()

    def on_click(self, event: Click) -> None:
        """With --mouse: put the cursor there."""
        if 1 <= event.y <= len(self.names) - self.top:
            self._go(self.top + event.y - 1)

    def on_mouse_scroll_down(self) -> None:
        """With --mouse."""
        self.action_move(3)

    def on_mouse_scroll_up(self) -> None:
        """With --mouse."""
        self.action_move(-3)

    def draw_head(self, width: int) -> Strip:
        """The titles of the columns."""
        plan, arrangement = self._plan, self.arrangement
        arrow = self.look.ascending if arrangement.reverse else self.look.descending
        titles = heads(plan, arrangement.order, arrow)
        text = f"{' ' * _SIGN_WIDTH}{titles['NAME']:<{plan.name}}"
        for column in plan.columns:
            title = titles[column.head]
            title = f"{title:>{column.width}}" if column.right else f"{title:<{column.width}}"
            text += f"{' ' * (GAP - max(len(title) - column.width, 0))}{title}"
        hidden = len(self.names) - self.page
        seen = f"{self.top + 1}-{self.top + self.page} of {len(self.names)}" if hidden > 0 else ""
        room = width - len(text) - len(seen)
        if room < 1 and seen:
            text = text[: width - len(seen) - 1]
            room = 1
        return strip_of((text + " " * max(room, 0) + seen, BOLD + DIM))

    def draw(self, number: int, width: int) -> Strip:
        """The line of one process."""
        name = self.names[number]
        fleet, plan, now = self.fleet, self._plan, self._clock()
        info = fleet.processes.get(name)
        if info is None:
            return Strip.blank(width, PLAIN)  # it has just gone, and the next update takes its line away
        standing = fleet.standings[name]
        colour = self.look.colours.of(standing)
        quiet = DIM if standing is Standing.DOWN else PLAIN
        parts = [(self.look.marked if name in self.marked else " ", self.look.colours.notable), (" ", PLAIN)]
        parts += [(self.look.sign(standing), colour), (" ", PLAIN)]
        parts.append((fitted(safe(name), plan.name, self.look.cut), BOLD if name in self.marked else quiet))
        for column in plan.columns:
            cell = column.cell(fleet, info, now)[: column.width]
            cell = f"{cell:>{column.width}}" if column.right else f"{cell:<{column.width}}"
            parts += [(" " * GAP, PLAIN), (cell, colour if column.head == "STATE" else quiet)]
        if plan.detail:
            text = detail_of(info, short=True)
            if len(text) > plan.detail:
                text = text[: plan.detail - 1] + self.look.cut
            parts += [(" " * GAP, PLAIN), (text, DIM if standing is not Standing.FAILED else PLAIN)]
        strip = strip_of(*parts).adjust_cell_length(width, PLAIN)
        if self.stale:
            strip = strip_of((strip.text, DIM))
        if name != self.cursor:
            return strip
        # Of one colour: reversed, each of them would be a patch.
        return strip_of((strip.text, _CURSOR)) if self.has_focus else strip.apply_style(_BLURRED)

    def _place(self) -> int:
        return self.names.index(self.cursor) if self.cursor in self.names else 0

    def _go(self, place: int) -> None:
        self._moved = True
        self._put_cursor(place)
        self._keep_in_view()
        self.redraw()

    def _put_cursor(self, place: int) -> None:
        before = self.cursor
        self.cursor = self.names[max(0, min(place, len(self.names) - 1))] if self.names else None
        if self.cursor != before:
            self.post_message(self.Moved())

    def _keep_in_view(self) -> None:
        place = self._place()
        self.top = max(min(self.top, place), place - self.page + 1, 0)
