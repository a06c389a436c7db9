"""Keys that are typed fast, or pasted: they belong to the field that an earlier one of them has opened."""

from collections.abc import Callable
from typing import Any

from textual.app import App
from textual.events import Key
from textual.screen import Screen
from textual.widgets import Input


class TypedAhead(App[None]):
    """An app whose fields lose no key."""

    async def open_field(self, screen: Screen[Any], done: Callable[[Any], None] | None = None) -> None:
        """Show a screen in which something is typed; `done` is called with the answer."""
        # While this waits, the next keys wait, too.
        await self.push_screen(screen, done)
        # Textual does this a moment later.
        for field in screen.query(Input):
            screen.set_focus(field)

    def on_key(self, event: Key) -> None:
        """Take a key that was sent to what had the focus before, since a field keeps its own for itself."""
        if event.character and event.is_printable and isinstance(self.focused, Input):
            self.focused.insert_text_at_cursor(event.character)
