"""status --watch: the table, and again at each change.

On a terminal it stays in place, on the terminal's other screen, which a new size does not tear; the last table remains
when it ends. Elsewhere each change is a line.
"""

from __future__ import annotations

import os
import select
import time
from collections import Counter
from math import inf
from shutil import get_terminal_size

from procman.cli.other_screen import OtherScreen, Suspended, suspend
from procman.cli.procmanctl_commands.status import choose, read_words, unknown_text
from procman.cli.procmanctl_commands.status_forms import is_long, view_of
from procman.cli.terminal_text import safe
from procman.cli.until_answered import AWAY_ERRORS, EVERY, until_answered
from procman.cli.whole_lines import SentEvents
from procman.client.api_client import Unreachable

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from collections.abc import Iterator

    from procman.api.shapes.processes import ProcessInfo
    from procman.cli.invocation import Invocation
    from procman.cli.procmanctl_commands.status import View
    from procman.client.api_client import Stream
    from procman.errors import ProcmanError

# Seconds between two questions: at least, however much changes; and at most, because what is up grows older.
_LEAST = 1.0
_MOST = 2.0
# How soon a new size of the terminal is seen, in seconds.
_TICK = 0.25
_BROKEN = frozenset({"BACKOFF", "FATAL", "UNKNOWN"})


def watch(invocation: Invocation, words: list[str]) -> None:
    """Show the table, and again at each change until Ctrl-C; off a terminal, only what has changed."""
    read = read_words(invocation, words)
    if read is None:
        return
    given, names = read
    try:
        if invocation.terminal and not invocation.as_json and os.environ.get("TERM") != "dumb":
            # Whether there is a master that lets us in is said before the screen is taken.
            choose(invocation, names)
            _on_screen(invocation, _Table(invocation, names, view_of(given), whole=is_long(given)))
        else:
            _print_changes(invocation, names, view_of(given))
    except KeyboardInterrupt:
        invocation.say("")


def _print_changes(invocation: Invocation, words: list[str], view: View) -> None:
    first = True
    with invocation.client.stream("GET", "/v1/events") as stream:
        for gone, changed in _messages(stream):
            chosen, _ = choose(invocation, words)
            if not first:
                chosen = [info for info in chosen if info["namespec"] in changed]
            if invocation.as_json:
                invocation.write_line({"processes": chosen, "gone": gone})
            elif chosen:
                for line in view(invocation, chosen):
                    invocation.say(line)
            for name in gone:
                invocation.say_safe(f"{name}: removed")
            invocation.flush()
            first = False


def _messages(stream: Stream) -> Iterator[tuple[list[str], set[str]]]:
    """The names that are gone, and those to which something has happened, of each message."""
    reader = SentEvents()
    for data in stream:
        for _, content in reader.feed(data):
            yield content.get("gone", []), {info["namespec"] for info in content["processes"]}


def _on_screen(invocation: Invocation, table: _Table) -> None:
    invocation.flush()
    try:
        while True:
            try:
                with OtherScreen(colour=invocation.colour) as screen:
                    while True:
                        _follow(invocation, table, screen)
            except Suspended:
                suspend()
    finally:
        for line in table.fitting(get_terminal_size().lines)[:-1]:
            invocation.say(line)


def _follow(invocation: Invocation, table: _Table, screen: OtherScreen) -> None:
    """Show what happens until the master is gone, and wait for the next one."""

    def away(error: ProcmanError) -> None:
        table.away = error.reason if isinstance(error, Unreachable) else str(error)
        screen.draw(table.fitting(screen.rows))

    def connect() -> Stream:
        return invocation.client.stream("GET", "/v1/events")

    try:
        with until_answered(connect, at_most=inf, on_away=away) as stream:
            _show_changes(stream, table, screen)
    except AWAY_ERRORS as error:
        away(error)
        time.sleep(EVERY)


def _show_changes(stream: Stream, table: _Table, screen: OtherScreen) -> None:
    """Ask for the table as long as this stream tells of changes."""
    arrives = select.poll()
    arrives.register(stream.fileno(), select.POLLIN)
    changed = True
    asked_at = -inf
    while True:
        if time.monotonic() - asked_at >= (_LEAST if changed else _MOST):
            table.ask()
            asked_at, changed = time.monotonic(), False
            screen.draw(table.fitting(screen.rows))
        elif screen.is_stale:
            screen.draw(table.fitting(screen.rows))
        if stream.is_buffered or arrives.poll(_TICK * 1000):
            if next(stream, None) is None:
                raise Unreachable("", "the master has ended")
            changed = True


class _Table:
    """What is shown."""

    def __init__(self, invocation: Invocation, words: list[str], view: View, *, whole: bool) -> None:
        """`whole`: the view has lines that are about no single process, so none of it can be left out."""
        self.lines: list[str] = []  # of all processes
        self.away = ""  # why the master does not answer
        self._invocation = invocation
        self._words = words
        self._view = view
        self._whole = whole
        self._chosen: list[ProcessInfo] = []
        self._unknown: list[str] = []
        self._clock = "never"

    def ask(self) -> None:
        """Ask the master what there is now."""
        self._chosen, self._unknown = choose(self._invocation, self._words)
        self.lines = self._view(self._invocation, self._chosen)
        self._clock = time.strftime("%H:%M:%S")
        self.away = ""

    def fitting(self, rows: int) -> list[str]:
        """The lines that have room, and below them what has none, and when that was so."""
        below = [safe(unknown_text(word)) for word in self._unknown]
        room = max(0, rows - 1 - len(below))
        shown, left_out = self.lines[:room], self.lines[room:]
        hidden = ""
        if left_out and not self._whole and len(self.lines) == len(self._chosen):
            order = sorted(zip(self._chosen, self.lines, strict=True), key=lambda row: _rank(row[0]))
            shown = [line for _, line in order[:room]]
            states = Counter(info["statename"] for info, _ in order[room:])
            hidden = f"not shown: {', '.join(f'{count} {state}' for state, count in states.items())}; "
        if self.away:
            last = f"as of {self._clock}: {self.away}; trying again (Ctrl-C to exit)"
        else:
            last = f"{hidden}{self._clock} (Ctrl-C to exit)"
        return [*shown, *below, safe(last)]


def _rank(info: ProcessInfo) -> int:
    """What is not as it should be has room first, and then what is up."""
    state = info["statename"]
    if state in _BROKEN or info["wanted"] != (state == "RUNNING"):
        return 0
    return 1 if state == "RUNNING" else 2
