"""The line at the top, which is also the connection: it follows the master's stream, and asks for figures."""

import time
from collections.abc import Callable, Collection
from typing import Any

from textual.message import Message

from procman.api.shapes.processes import FiguresInfo
from procman.cli.whole_lines import SentEvents
from procman.client.api_client import Client, Unreachable
from procman.errors import ProcmanError
from procman.tui import bars
from procman.tui.arrangement import Arrangement
from procman.tui.feed import Came, Ended, Feed, ask
from procman.tui.fleet import Fleet
from procman.tui.look import Look
from procman.tui.one_line import OneLine

# The master tells no more often than this, in seconds, however much happens. Nobody reads faster.
_CHANGES = "/v1/events?interval=0.25"
# Figures are asked for so often, in seconds; but a master that takes long for them gets a pause 20 times as long.
_FIGURES = 2.0
_PAUSE = 20
# Seconds after which a master that is there is said not to answer: it may be stopped, or too busy.
PATIENCE = 10.0
# How soon to try again when the master has gone, in seconds: at once, as after an upgrade, then more rarely.
_AGAIN = (0.2, 0.5, 1.0, 2.0)


class Heading(OneLine):
    """Keeps the fleet as the master tells it, over all ends of the connection."""

    class Changed(Message):
        """Something has happened to these processes; without any, there are new figures."""

        def __init__(self, names: Collection[str]) -> None:
            super().__init__()
            self.names = names

    class Connected(Message):
        """The master answers; `words` say so."""

        def __init__(self, words: str) -> None:
            super().__init__()
            self.words = words

    class Lost(Message):
        """It does not answer any more."""

        def __init__(self, words: str) -> None:
            super().__init__()
            self.words = words

    def __init__(self, look: Look, fleet: Fleet, connect: Callable[[], Client]) -> None:
        super().__init__(id="heading")
        self.look = look
        self._fleet = fleet
        self._connect = connect
        self._feed: Feed | None = None
        self._lost_at: float | None = None
        self._tries = 0
        self._silent = False
        self._arrangement = Arrangement()
        self._marked = 0

    def on_mount(self) -> None:
        """Begin."""
        self._follow()
        self._measure()

    def on_unmount(self) -> None:
        """Leave nothing behind."""
        if self._feed is not None:
            self._feed.close()

    def show(self, arrangement: Arrangement, marked: int) -> None:
        """Tell what of the fleet is shown."""
        self._arrangement, self._marked = arrangement, marked
        self.draw()

    def draw(self) -> None:
        """Show how things stand."""
        lost = "NO CONNECTION" if self._lost_at is not None else "NO ANSWER" if self._silent else ""
        self.tell(bars.heading(self._fleet, self._arrangement, self._marked, self.look, lost))

    def on_came(self, message: Came) -> None:
        """Take what the master tells."""
        message.stop()
        if message.feed is self._feed:
            changed: set[str] = set()
            for name, content in message.items:
                changed |= self._take(name, content)
            if message.items:
                self.draw()
                self.post_message(self.Changed(changed))
        message.feed.taken()

    def on_ended(self, message: Ended) -> None:
        """Say that it has gone, and try again."""
        message.stop()
        if message.feed is not self._feed:
            return
        if self._lost_at is None:
            self._lost_at = time.monotonic()
        self.post_message(self.Lost(f"{message.reason}; trying again"))
        self.draw()
        self.set_timer(_AGAIN[min(self._tries, len(_AGAIN) - 1)], self._follow)
        self._tries += 1

    def _follow(self) -> None:
        self._feed = Feed(self, self._connect, _CHANGES, SentEvents())

    def _take(self, name: str, content: Any) -> set[str]:
        now = time.monotonic()
        if name != "snapshot":
            self._fleet.change(content, now)
            return {info["namespec"] for info in content["processes"]} | set(content.get("gone", ()))
        self._fleet.begin(content, now)
        words = ""
        if self._lost_at is not None:
            words = f"connected again, after {now - self._lost_at:.0f} s"
        self._lost_at, self._tries = None, 0
        self.post_message(self.Connected(words))
        return set(content["names"])

    def _measure(self) -> None:
        def read(client: Client) -> tuple[list[FiguresInfo], float]:
            began = time.monotonic()
            figures: list[FiguresInfo] = client.call("GET", "/v1/figures", patience=PATIENCE)["figures"]
            return figures, time.monotonic() - began

        def taken(outcome: tuple[list[FiguresInfo], float] | ProcmanError) -> None:
            pause = _FIGURES
            self._silent = isinstance(outcome, Unreachable)
            self.draw()
            if not isinstance(outcome, ProcmanError):
                figures, took = outcome
                pause = max(pause, took * _PAUSE)
                self._fleet.measure(figures, time.monotonic())
                self.post_message(self.Changed(()))
            self.set_timer(pause, self._measure)

        ask(self, self._connect, read, taken)
