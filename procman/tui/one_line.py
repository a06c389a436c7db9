"""A line of text that is drawn only when it is another one."""

from rich.text import Text
from textual.widgets import Static


class OneLine(Static):
    """Shows it, as far as there is room."""

    DEFAULT_CSS = """
    OneLine { height: 1; width: 100%; text-wrap: nowrap; text-overflow: ellipsis; }
    """

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual calls it so
        super().__init__(id=id)
        self._shown = Text()

    def tell(self, text: Text) -> None:
        """Show another one."""
        if text != self._shown:
            self._shown = text
            self.update(text, layout=False)
