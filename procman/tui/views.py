"""What the pane can show, and how that is asked for. Texts are those of procmanctl."""

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from procman.api.shapes.journal import JournalRecord
from procman.api.shapes.output import LogPiece
from procman.cli import crash_text, graph_text, why_text
from procman.cli.journal_text import record_line
from procman.cli.terminal_text import LogCleaner, safe
from procman.cli.whole_lines import WholeLines
from procman.client.api_client import ApiError, Client, quoted
from procman.tui.look import Look
from procman.tui.text_buffer import Line

if TYPE_CHECKING:
    from procman.api.shapes.crashes import CrashInfo
    from procman.api.shapes.processes import GraphInfo
    from procman.api.shapes.why import WhyAnswer

View = Literal["log", "why", "graph", "events", "crashes"]

# A request has a name in its path, and a path has an end.
MOST_NAMES = 100
_PAST_LINES = 1000  # of all logs together
_FEWEST_LINES = 10  # of each log
_PAST_RECORDS = 300
_EXPLAINED = 20
_REPORTS = 3  # so many are shown whole
_LONGEST = 16384  # bytes of a line that are shown
_WIDEST_NAME = 24
# How far a broken line is indented; in a crash report, below the text beside its label.
_HANG = 4
_REPORT_HANG = 14


class Asked(NamedTuple):
    """What is to be shown."""

    view: View
    names: tuple[str, ...]  # the processes; none: all
    width: int
    times: bool


def stream_path(asked: Asked) -> str | None:
    """The stream of a view that is followed; None: it is asked for as a whole."""
    names = ",".join(map(quoted, asked.names[:MOST_NAMES]))
    match asked.view:
        case "log":
            lines = max(_PAST_LINES // max(len(asked.names[:MOST_NAMES]), 1), _FEWEST_LINES)
            return f"/v1/logs?name={names}&lines={lines}&follow=1"
        case "events":
            return f"/v1/journal?limit={_PAST_RECORDS}&follow=1{f'&name={names}' if names else ''}"
        case _:
            return None


def title(asked: Asked) -> str:
    """What stands above it."""
    shown = ", ".join(map(safe, asked.names[:MOST_NAMES]))
    if len(asked.names) > MOST_NAMES:
        shown += f" (of {len(asked.names)} only {MOST_NAMES})"
    count = f" of {len(asked.names)}" if len(asked.names) > 1 else ""
    return f"{asked.view}{count}: {shown}" if shown else asked.view


class LogLines:
    """Makes lines for the pane of what several programs write."""

    def __init__(self, asked: Asked, clock: Callable[[], float] = time.time) -> None:
        self._whole = WholeLines(_LONGEST)
        self._several = len(asked.names) > 1
        self._times = asked.times
        self._clock = clock
        self._width = min(max((len(name) for name in asked.names), default=0), _WIDEST_NAME)

    def take(self, piece: LogPiece) -> list[Line]:
        """The lines that are complete now."""
        lines = self._whole.take(piece)
        if piece["missed"]:
            lines.insert(0, f"[procman: {piece['missed']} bytes were not read in time]".encode())
        if not lines:
            return []
        head = self._head(piece)
        stderr = piece["channel"] == "stderr"
        return [Line(_text(line), head, source=piece["name"], stderr=stderr) for line in lines]

    def _head(self, piece: LogPiece) -> str:
        moment = self._clock() if piece["time"] is None else piece["time"]
        clock = time.strftime("%H:%M:%S ", time.localtime(moment)) if self._times else ""
        name = f"{safe(piece['name']):<{self._width}} | " if self._several else ""
        mark = "" if self._several or piece["channel"] == "stdout" else "! "
        return f"{clock}{name}{mark}"


def record_lines(record: JournalRecord, now: float) -> list[Line]:
    """The lines of one record of the journal."""
    return [Line(safe(line), hang=_HANG) for line in record_line(record, now).split("\n")]


def fetch(client: Client, asked: Asked, look: Look) -> list[Line]:
    """Ask for a view as a whole; raises ProcmanError."""
    names = asked.names[:_EXPLAINED]
    match asked.view:
        case "why":
            lines = _why(client, names, asked.width)
        case "graph":
            lines = _graph(client, asked.names, look)
        case _:
            lines = _crashes(client, names)
    return [Line(safe(line), hang=_REPORT_HANG if line.startswith("  ") else _HANG) for line in lines]


def _text(line: bytes) -> str:
    cleaner = LogCleaner()
    more = len(line) - _LONGEST
    text = cleaner.feed(line[:_LONGEST]) + cleaner.flush()
    return text.expandtabs() + (f" [and {more} bytes more]" if more > 0 else "")


def _why(client: Client, names: Sequence[str], width: int) -> list[str]:
    lines: list[str] = []
    for name in names:
        answer: WhyAnswer = client.call("GET", f"/v1/why?name={quoted(name)}")
        for info in answer["explanations"]:
            lines += [*([""] if lines else []), *why_text.lines(info, width)]
    return lines


def _graph(client: Client, names: Sequence[str], look: Look) -> list[str]:
    everything: list[GraphInfo] = client.call("GET", "/v1/graph")["processes"]
    chosen = [info for info in everything if info["namespec"] in names]
    behind = {name for info in chosen for name in info["needed_by"]} - set(names)
    lines = graph_text.lines(chosen, everything)
    if behind:
        needing = [info for info in everything if info["namespec"] in behind]
        lines += ["", "what depends on it:", *graph_text.lines(needing, everything)]
    if not behind and not any(info["edges"] for info in chosen):
        lines.append("it depends on nothing, and nothing depends on it")
    return [line.replace("└─", "`-").replace("├─", "|-") for line in lines] if look.plain else lines


def _crashes(client: Client, names: Sequence[str]) -> list[str]:
    found: list[CrashInfo] = []
    for name in names:
        found += client.call("GET", f"/v1/crashes?name={quoted(name)}")["crashes"]
    found.sort(key=lambda info: -info["ended"])
    lines = crash_text.table(found) or ["no crash reports: nothing has ended unexpectedly"]
    for info in found[:_REPORTS]:
        try:
            lines += ["", *crash_text.report(client.call("GET", f"/v1/crashes/{info['seq']}"))]
        except ApiError:
            continue  # it was dropped meanwhile
    return lines
