"""The sheet of all keys."""

from collections.abc import Sequence
from textwrap import wrap
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.events import Resize
from textual.screen import ModalScreen
from textual.widgets import Static

from procman.tui.colours import Colours
from procman.tui.keys import sheet

_WIDTH = 18
_BESIDE = 4  # columns: the padding, and the indent of a key
_LEAST = 20


class KeySheet(ModalScreen[None]):
    """Covers the screen until a key closes it; its lines scroll where there is no room for all."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,q,enter,f1", "dismiss", show=False),
        Binding("ctrl+c", "app.quit", show=False),
    ]
    DEFAULT_CSS = """
    KeySheet { background: ansi_default; }
    KeySheet VerticalScroll { padding: 0 1; scrollbar-size: 0 0; background: ansi_default; }
    """

    def __init__(self, about: Sequence[str], colours: Colours) -> None:
        """`about` are lines that stand above: to which master this is connected, and what this client may do."""
        super().__init__()
        self._about = about
        self._colours = colours

    def compose(self) -> ComposeResult:
        """The lines."""
        with VerticalScroll():
            yield Static()

    def on_resize(self, event: Resize) -> None:
        """Lines break elsewhere, and go on below their beginning."""
        self.query_one(Static).update(self._text(event.size.width - _BESIDE))

    def _text(self, width: int) -> Text:
        text = Text("\n".join(["Keys (Esc goes back)", *self._about]) + "\n")
        for group, keys in sheet():
            text.append(f"\n{group}\n", style="bold")
            for shown, about in keys:
                text.append(f"  {shown:<{_WIDTH}}", self._colours.done)
                rows = wrap(about, max(width - _WIDTH, _LEAST))
                text.append(f"\n{' ' * (_WIDTH + 2)}".join(rows) + "\n")
        return text
