"""The screen of `procmanctl top` without a terminal: keys are pressed, and its lines are read."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from textual.events import Key
from textual.pilot import Pilot

from procman.client.api_client import Client
from procman.tui.app import TopApp
from procman.tui.content_pane import ContentPane
from procman.tui.look import UNICODE
from procman.tui.process_table import ProcessTable
from tests.support.log_lines import PATIENCE


class TopScreen:
    """What is on it."""

    def __init__(self, app: TopApp, pilot: Pilot[None]) -> None:
        self.app = app
        self.pilot = pilot
        self.table = app.query_one(ProcessTable)
        self.pane = app.query_one(ContentPane)

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def press_at_once(self, *keys: str) -> None:
        """As fast as they are pasted: none waits for what the one before does."""
        for key in keys:
            character = {"enter": "\r", "slash": "/", "colon": ":"}.get(key, key)
            self.app.post_message(Key(key, character))
        await self.pilot.pause()

    async def until(self, happens: Callable[[], object]) -> None:
        """Wait until it is so."""
        deadline = time.monotonic() + PATIENCE
        while not happens():
            assert time.monotonic() < deadline, f"not seen:\n{self.text}\n{self.answer}"
            await self.pilot.pause(0.02)

    async def shows(self, text: str) -> None:
        """Wait until the pane has the text."""
        await self.until(lambda: text in self.pane.text())

    async def says(self, text: str) -> None:
        """Wait until the line of answers has the text."""
        await self.until(lambda: text in self.answer)

    @property
    def answer(self) -> str:
        return self.line("answer")

    def line(self, name: str) -> str:
        return str(self.app.screen_stack[0].query_one(f"#{name}").render())

    @property
    def rows(self) -> list[str]:
        """The lines of the table, without its title."""
        return [self.table.render_line(y).text for y in range(1, len(self.table.names) + 1)]

    @property
    def text(self) -> str:
        return "\n".join([self.line("heading"), *self.rows, self.pane.title, self.pane.text()])


@asynccontextmanager
async def top_screen(url: str, *, size: tuple[int, int], token: str | None, **options: Any) -> AsyncIterator[TopScreen]:
    app = TopApp(lambda: Client(url, token=token), UNICODE, **options)
    async with app.run_test(size=size) as pilot:
        screen = TopScreen(app, pilot)
        await screen.until(lambda: screen.table.cursor)
        yield screen


def on_screen(
    url: str,
    act: Callable[[TopScreen], Awaitable[None]],
    *,
    size: tuple[int, int] = (120, 30),
    token: str | None = None,
    **options: Any,
) -> None:
    """Do it on a screen that is connected to the master there; the options are those of TopApp."""

    async def run() -> None:
        async with top_screen(url, size=size, token=token, **options) as screen:
            await act(screen)

    asyncio.run(run())
