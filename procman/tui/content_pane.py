"""The pane with what it shows: it follows a stream, or asks again when something has changed."""

import time
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any

from procman.cli.whole_lines import JsonLines
from procman.client.api_client import Client
from procman.errors import ProcmanError
from procman.tui.feed import Came, Ended, Feed, ask
from procman.tui.look import Look
from procman.tui.text_buffer import Line
from procman.tui.text_pane import TextPane
from procman.tui.views import Asked, LogLines, View, fetch, record_lines, stream_path, title

if TYPE_CHECKING:
    from textual.timer import Timer

# Seconds for which the cursor has to rest before another log is opened.
_RESTS = 0.15
_UNKNOWN = "no process"


class ContentPane(TextPane):
    """Shows one view of the processes that it is given."""

    def __init__(self, look: Look, connect: Callable[[], Client]) -> None:
        super().__init__(look)
        self._connect = connect
        self.view: View = "log"
        self.times = False
        self._names: tuple[str, ...] = ()
        self._shown: Asked | None = None
        self._feed: Feed | None = None
        self._log_lines: LogLines | None = None
        self._timer: Timer | None = None
        self._asking = False
        self._stale = False

    def show_view(self, view: View) -> None:
        """Show another view of the same processes."""
        self.view = view
        self.load()

    def show_names(self, names: Sequence[str]) -> None:
        """Show the view of other processes, once that has not changed again for a moment."""
        if tuple(names) == self._names:
            return
        self._names = tuple(names)
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(_RESTS, self.load)

    def changed(self, names: Collection[str]) -> None:
        """Something has happened to these processes."""
        # What a process depends on is told in its graph, too.
        concerned = bool(names) if self.view == "graph" else not set(names).isdisjoint(self._names)
        if concerned and self.view in ("why", "graph", "crashes"):
            self._fetch()

    def load(self) -> None:
        """Show it from its beginning, as when the master is there again."""
        self.close()
        # Events are those of all processes, unless some are marked.
        names = self._names if self.view != "events" or len(self._names) > 1 else ()
        asked = Asked(self.view, names, self.size.width, self.times)
        self._shown = asked
        if not names and self.view != "events":
            self.show(asked.view, [Line(_UNKNOWN)], follow=False)
            return
        path = stream_path(asked)
        self.show(title(asked), [], follow=path is not None)
        if path is None:
            self._fetch()
            return
        self._log_lines = LogLines(asked)
        self._feed = Feed(self, self._connect, path, JsonLines())

    def on_unmount(self) -> None:
        """Leave nothing behind."""
        self.close()

    def close(self) -> None:
        """Ask for nothing more."""
        if self._feed is not None:
            self._feed.close()
            self._feed = None

    def on_came(self, message: Came) -> None:
        """Show what has been written, or has happened."""
        message.stop()
        if message.feed is self._feed:
            self.add(line for item in message.items for line in self._lines_of(item))
        message.feed.taken()

    def on_ended(self, message: Ended) -> None:
        """Say why there is no more; when the master is there again, it is shown anew."""
        message.stop()
        if message.feed is self._feed:
            self.add([Line(f"[{message.reason}]")])

    def _lines_of(self, item: Any) -> list[Line]:
        if self.view == "events":
            return record_lines(item, time.time())
        return [] if self._log_lines is None else self._log_lines.take(item)

    def _fetch(self) -> None:
        """Ask for the view as a whole; one request at a time."""
        self._stale = self._asking
        asked = self._shown
        if self._asking or asked is None:
            return
        self._asking = True

        def shown(outcome: list[Line] | ProcmanError) -> None:
            self._asking = False
            if asked is self._shown:
                self.replace([Line(str(outcome))] if isinstance(outcome, ProcmanError) else outcome)
            if self._stale or asked is not self._shown:
                self._stale = False
                if self.view in ("why", "graph", "crashes"):
                    self._fetch()

        ask(self, self._connect, lambda client: fetch(client, asked, self.look), shown)
