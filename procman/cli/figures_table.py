"""The table of `status --long`: what each process and its descendants use.

On a terminal rich draws it, names are never cut, the least important columns are left out if it is too wide, and a
pager shows it if it is longer than the screen. Elsewhere it has all columns.
"""

from __future__ import annotations

import time
from shutil import get_terminal_size

from procman.cli import terminal_text
from procman.cli.invocation import Invocation
from procman.cli.pager import paged
from procman.cli.text_width import width_of

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from typing import Any

    from procman.api.shapes.processes import FiguresInfo, ProcessInfo

HEAD = ("NAME", "STATE", "PID", "CPU%", "CPU", "RSS", "PROCESSES", "THREADS", "FDS", "RESTARTS", "LOST")
# The columns to leave out if the table is wider than the terminal, in this order.
_DISPENSABLE = ("THREADS", "FDS", "PROCESSES", "LOST", "PID", "RESTARTS", "CPU", "RSS", "CPU%")
_LEFT_ALIGNED = ("NAME", "STATE")
_GAP = "  "  # as rich has it between columns

# How long the processes are watched to see what they use now, in seconds.
SPAN = 1.0


def figure_lines(invocation: Invocation, chosen: list[ProcessInfo]) -> list[str]:
    """Ask for the figures of these processes twice, and make a table of them; nothing for --json."""
    figures = _watched(invocation, {info["namespec"] for info in chosen})
    invocation.put(figures=[figures[info["namespec"]] for info in chosen if info["namespec"] in figures])
    if invocation.as_json or not chosen:
        return []
    rows = [_row(info, figures.get(info["namespec"])) for info in chosen]
    if not invocation.terminal:
        return drawn(rows)
    cells = [[terminal_text.safe(cell) for cell in row] for row in rows]
    return drawn(cells, get_terminal_size().columns, colour=invocation.colour)


def show_in_pager(invocation: Invocation, lines: list[str]) -> bool:
    """Show these lines in a pager if they are more than the terminal has; False if they are still to be printed."""
    if not invocation.terminal or len(lines) < get_terminal_size().lines:
        return False
    invocation.flush()
    return paged("\n".join([*lines, ""]))


def with_percent(before: FiguresInfo | None, after: FiguresInfo, seconds: float) -> dict[str, Any]:
    """Add the CPU time used in between, in percent; None if the process did not run all the time."""
    percent = None
    if before is not None and before["pid"] == after["pid"] and seconds > 0:
        # The CPU time of a descendant that has ended may be missing from the sum.
        percent = round(max(after["cpu"] - before["cpu"], 0) / seconds * 100, 1)
    return {**after, "cpu_percent": percent}


def drawn(rows: list[list[str]], width: int | None = None, *, colour: bool = False) -> list[str]:
    """The lines of the table; without a `width` all columns and no colour, else as many columns as fit."""
    widths = {head: max(width_of(row[i]) for row in (HEAD, *rows)) for i, head in enumerate(HEAD)}
    if width is None:
        return [_line(dict(zip(HEAD, row, strict=True)), widths) for row in (HEAD, *rows)]
    for head in _DISPENSABLE:
        if sum(widths.values()) + len(_GAP) * (len(widths) - 1) <= width:
            break
        del widths[head]
    # rich takes 50 ms, and off a terminal nobody needs it.
    from procman.cli.rich_table import rich_lines  # noqa: PLC0415

    shown = [{head: cell for head, cell in zip(HEAD, row, strict=True) if head in widths} for row in rows]
    return rich_lines(shown, list(widths), left_aligned=_LEFT_ALIGNED, colour=colour)


def _watched(invocation: Invocation, names: set[str]) -> dict[str, dict[str, Any]]:
    """The figures of these processes after SPAN."""
    before, began = _figures(invocation), time.monotonic()
    if names.isdisjoint(before):
        return {}
    time.sleep(SPAN)
    after, ended = _figures(invocation), time.monotonic()
    return {name: with_percent(before.get(name), info, ended - began) for name, info in after.items()}


def _figures(invocation: Invocation) -> dict[str, FiguresInfo]:
    known: list[FiguresInfo] = invocation.client.call("GET", "/v1/figures")["figures"]
    return {info["namespec"]: info for info in known}


def _row(info: ProcessInfo, figures: dict[str, Any] | None) -> list[str]:
    used = [""] * 6
    if figures is not None:
        percent, fds = figures["cpu_percent"], figures["fds"]
        used = [
            "" if percent is None else f"{percent:.1f}",
            f"{figures['cpu']:.2f}s",
            _size(figures["rss"]),
            str(figures["processes"]),
            str(figures["threads"]),
            "?" if fds is None else str(fds),
        ]
    pid = str(info["pid"] or "")
    return [info["namespec"], info["statename"], pid, *used, str(info["restarts"]), _size(info["lost"])]


def _size(count: int) -> str:
    if not count:
        return "0"
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:  # noqa: PLR2004 - the binary thousand
            return f"{count:.0f} {unit}"
        count //= 1024
    return f"{count:.0f} GiB"


def _line(row: dict[str, str], widths: dict[str, int]) -> str:
    cells = []
    for head, width in widths.items():
        blanks = " " * (width - width_of(row[head]))
        cells.append(row[head] + blanks if head in _LEFT_ALIGNED else blanks + row[head])
    return _GAP.join(cells).rstrip()
