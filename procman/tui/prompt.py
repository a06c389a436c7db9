"""The line that asks: whether to change something, and for a word such as a signal or a filter."""

from collections.abc import Callable
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.screen import ModalScreen
from textual.widgets import Input, Label


class Prompt(ModalScreen[str | None]):
    """One line at the foot of the screen. Enter answers with what was typed, or with ""; Esc with None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "accept", show=False),
        Binding("escape", "refuse", show=False),
        Binding("ctrl+c", "app.quit", show=False),
    ]
    DEFAULT_CSS = """
    Prompt { background: transparent; }
    Prompt Horizontal { dock: bottom; height: 1; background: ansi_default; }
    Prompt Label { width: auto; text-style: bold; }
    Prompt Input { width: 1fr; border: none; padding: 0; height: 1; background: ansi_default; }
    Prompt Input:focus { border: none; }
    """

    def __init__(
        self, question: str, *, types: bool, value: str = "", hint: str = "", heard: Callable[[str], None] | None = None
    ) -> None:
        """`types`: a word is asked for, which begins with `value`; `heard` is told of it while it is being typed."""
        super().__init__()
        self._question = question
        self._types = types
        self._value = value
        self._hint = hint
        self._heard = heard

    def compose(self) -> ComposeResult:
        """The question, and a field for the answer."""
        with Horizontal():
            yield Label(Text(f" {self._question} "))
            if self._types:
                yield Input(self._value, placeholder=self._hint, select_on_focus=False)
            else:
                yield Label(Text("Enter: yes   Esc: no"))

    def on_input_changed(self, event: Input.Changed) -> None:
        """Show at once what it would do."""
        if self._heard is not None:
            self._heard(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter, in the field."""
        self.dismiss(event.value.strip())

    def action_accept(self) -> None:
        """Enter, without a field."""
        self.dismiss("")

    def action_refuse(self) -> None:
        """Esc."""
        self.dismiss(None)
