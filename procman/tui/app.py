"""The screen: a table of processes, a pane beside it, and what the keys do."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.command import CommandPalette, Provider
from textual.containers import Container
from textual.events import Resize

from procman.api.shapes.access import WhoamiInfo
from procman.cli.procmanctl_commands.whoami import lines_of
from procman.cli.terminal_text import safe
from procman.client.api_client import Client
from procman.errors import ProcmanError
from procman.tui import bars
from procman.tui.arrangement import Arrangement
from procman.tui.changer import Changer
from procman.tui.colours import BAD, colours_of
from procman.tui.content_pane import ContentPane
from procman.tui.feed import ask
from procman.tui.fleet import Fleet
from procman.tui.heading import Heading
from procman.tui.key_sheet import KeySheet
from procman.tui.keys import KEYS
from procman.tui.look import Look
from procman.tui.one_line import OneLine
from procman.tui.palette import Commands
from procman.tui.pane_keys import PANE_KEYS
from procman.tui.process_table import ProcessTable
from procman.tui.prompt import Prompt
from procman.tui.remembered import Remembered
from procman.tui.typed_ahead import TypedAhead
from procman.tui.views import View


class TopApp(TypedAhead):
    """`procmanctl top`."""

    CSS_PATH = "app.tcss"
    TITLE = "procman"
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {Commands}
    ENABLE_COMMAND_PALETTE = False  # the key is one of KEYS
    # Textual declares it without ClassVar.
    HORIZONTAL_BREAKPOINTS: list[tuple[int, str]] | None = [(0, "-narrow"), (110, "-wide")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(key.keys, key.action, key.about, show=False) for key in KEYS if key.action
    ]

    def __init__(
        self,
        connect: Callable[[], Client],
        look: Look,
        *,
        shown: str = "",
        is_light: bool = False,
        remembered: Remembered = Remembered(),  # noqa: B008 - it is frozen
        remember: Callable[[Remembered], None] = lambda _: None,
    ) -> None:
        """`connect` makes a client of its own for each thread; `shown` is the filter at first.

        `is_light`: the background is; `remember` keeps what somebody chooses.
        """
        # The terminal's own colours, so that the screen is as light or as dark as everything else there.
        super().__init__(ansi_color=True)
        self._connect = connect
        self._look = look
        self._is_light = is_light
        self._remembered = remembered
        self._remember = remember
        self.fleet = Fleet()
        self._heading = Heading(look, self.fleet, connect)
        self._table = ProcessTable(look, self.fleet)
        self._table.arrangement = Arrangement(remembered.order, remembered.reverse, shown)
        self._pane = ContentPane(look, connect)
        self._about = OneLine(id="about")
        self._answer = OneLine(id="answer")
        self._footer = OneLine(id="footer")
        self._changer = Changer(self, connect, self.fleet, self._say)
        self._take_colours()
        self.animation_level = "none"

    def compose(self) -> ComposeResult:
        """One line above, the table and the pane, three lines below."""
        yield self._heading
        with Container(id="body"):
            yield self._table
            yield self._pane
        yield self._about
        yield self._answer
        yield self._footer

    def on_mount(self) -> None:
        """Begin."""
        self.set_class(self._look.plain, "-plain")
        # After Ctrl-Z and fg the terminal has nothing of what was drawn.
        self.app_resume_signal.subscribe(self, lambda _: self.action_show("all"))
        self._table.focus()
        self._show_bars()

    def on_resize(self, event: Resize) -> None:
        """Other keys have room in the footer."""
        self._show_bars(event.size.width)

    def on_heading_changed(self, message: Heading.Changed) -> None:
        """Show what has happened."""
        self._table.update()
        self._pane.changed(message.names)
        self._tell()

    def on_heading_connected(self, message: Heading.Connected) -> None:
        """Show everything anew."""
        self._table.stale = False
        if message.words:
            self._say(message.words, True)
        self._show_bars()
        self._pane.load()

    def on_heading_lost(self, message: Heading.Lost) -> None:
        """Say why; what the table has is old from now on."""
        self._table.stale = True
        self._table.redraw()
        self._say(message.words, False)

    def on_process_table_moved(self) -> None:
        """Show the other process in the pane."""
        self._pane.show_names(self._table.targets())
        self._tell()

    def on_process_table_marked(self) -> None:
        """Show those that are marked."""
        self._pane.show_names(self._table.targets())
        self._show_bars()

    def action_mark(self, what: str) -> None:
        """Mark the process under the cursor, or all that are shown."""
        if what == "one":
            self._table.toggle_mark()
        else:
            self._table.mark(set(self._table.names))

    def action_unmark(self) -> None:
        """Take the marks away; without any, the search of the pane, or the filter."""
        if self._table.marked:
            self._table.mark(set())
        elif self.screen.focused is self._pane and self._pane.buffer.query:
            self._pane.search("")
        else:
            self._filter("")

    # Whether it *has* the focus is known to the pane a moment later, when the next key may have come already.
    async def action_search(self) -> None:
        """Ask for the filter, or for what to find in the pane."""
        in_pane = self.screen.focused is self._pane
        before = self._pane.buffer.query if in_pane else self._table.arrangement.filter
        heard = self._pane.search if in_pane else self._filter
        hint = "text; n and N go on" if in_pane else "web*, @failed, @stopped"

        def done(typed: str | None) -> None:
            heard(before if typed is None else typed)

        prompt = Prompt("Search:" if in_pane else "Filter:", types=True, value=before, hint=hint, heard=heard)
        await self.open_field(prompt, done)

    def action_arrange(self, what: str) -> None:
        """Sort by the next column, or turn the order round."""
        arrangement = self._table.arrangement
        if what == "next":
            self._table.choose(replace(arrangement, order=arrangement.next_order(), reverse=False))
        else:
            self._table.choose(replace(arrangement, reverse=not arrangement.reverse))
        order, reverse = self._table.arrangement.order, self._table.arrangement.reverse
        self._keep(order=order, reverse=reverse)
        self._say(f"sorted by {order}{', turned round' if reverse else ''}", True)

    def action_view(self, view: View) -> None:
        """Show that in the pane."""
        self._pane.show_view(view)

    async def action_change(self, operation: str) -> None:
        """Change something, after a question."""
        await self._changer.begin(operation, self._table.targets())

    def action_pane(self, what: str) -> None:
        """Do what a key of the pane does."""
        if said := PANE_KEYS[what](self._pane):
            self._say(said, True)

    def action_show(self, what: str) -> None:
        """The pane alone or both; colours for the other background; all of it anew."""
        match what:
            case "pane":
                zoomed = not self.screen.has_class("-zoomed")
                self.screen.set_class(zoomed, "-zoomed")
                (self._pane if zoomed else self._table).focus()
            case "light":
                self._is_light = not self._is_light
                self._take_colours()
                self._table.redraw()
                self._pane.redraw()
                self._tell()
                self._show_bars()
                theme = "light" if self._is_light else "dark"
                self._keep(theme=theme)
                self._say(f"colours for a {theme} background", True)
            case _:
                self.refresh(repaint=True, layout=True)

    def action_keys(self) -> None:
        """Show all keys, and what this client may do."""

        def shown(outcome: WhoamiInfo | ProcmanError) -> None:
            about = [str(outcome)] if isinstance(outcome, ProcmanError) else lines_of(outcome)[:3]
            self.push_screen(KeySheet([safe(line) for line in about], self._look.colours))

        ask(self, self._connect, lambda client: client.call("GET", "/v1/whoami"), shown)

    async def action_find(self) -> None:
        """Find a command, or a process."""
        await self.open_field(CommandPalette(placeholder="a command, or a process"))

    def _filter(self, text: str) -> None:
        self._table.choose(replace(self._table.arrangement, filter=text))
        self._show_bars()

    def _take_colours(self) -> None:
        """Those for the background. Each is drawn when its line is drawn again."""
        has_256 = self.console.color_system in ("256", "truecolor")
        colours = colours_of(is_light=self._is_light, has_256=has_256)
        self._look = self._heading.look = self._table.look = self._pane.look = replace(self._look, colours=colours)
        self.theme = colours.theme

    def _keep(self, **chosen: Any) -> None:
        self._remembered = replace(self._remembered, **chosen)
        self._remember(self._remembered)

    def _say(self, text: str, well: bool) -> None:
        self._answer.tell(Text(f" {safe(text)}", "" if well else BAD))

    def _tell(self) -> None:
        """Say in a whole line what the table has no room for."""
        info = self.fleet.processes.get(self._table.cursor or "")
        self._about.tell(Text() if info is None else bars.about(info, self.fleet, self._look))

    def _show_bars(self, width: int | None = None) -> None:
        self._heading.show(self._table.arrangement, len(self._table.marked))
        self._footer.tell(bars.footer(read_only=self.fleet.read_only, width=width or self.size.width))
