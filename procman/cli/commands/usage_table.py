"""`status --long`: what each process and its descendants use, as a table.

On a terminal it is as wide as that, with names whole and the least important columns left out, and what does not fit
on the screen is for a pager. Elsewhere all of it is there.
"""

from __future__ import annotations

import time

from procman.cli import render as show

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from typing import Any

    from procman.api.shapes import FiguresInfo, ProcessInfo
    from procman.cli.session import Session

HEAD = ("NAME", "STATE", "PID", "CPU%", "CPU", "RSS", "PROCESSES", "THREADS", "FDS", "RESTARTS", "LOST")
# What is left out, the first of them first, where the table would be wider than the terminal.
_DISPENSABLE = ("THREADS", "FDS", "PROCESSES", "LOST", "PID", "RESTARTS", "CPU", "RSS", "CPU%")
_LEFT_ALIGNED = ("NAME", "STATE")
_GAP = "  "

# For how long the processes are watched to see what they use now, in seconds.
SPAN = 1.0


def table(session: Session, chosen: list[ProcessInfo]) -> None:
    """Ask for the figures of all of them, twice, and show them."""
    figures = _watched(session, {info["namespec"] for info in chosen})
    session.put(figures=[figures[info["namespec"]] for info in chosen if info["namespec"] in figures])
    if session.as_json or not chosen:
        return
    rows = [_row(info, figures.get(info["namespec"])) for info in chosen]
    if not session.terminal:
        session.say("\n".join(drawn(rows)))
        return
    from shutil import get_terminal_size  # noqa: PLC0415 - only here

    screen = get_terminal_size()
    lines = drawn([[show.safe(cell) for cell in row] for row in rows], screen.columns, colour=session.colour)
    text = "\n".join(lines)
    if len(lines) >= screen.lines:
        from procman.cli import pager  # noqa: PLC0415 - only here

        session.flush()
        if pager.showed(f"{text}\n"):
            return
    session.say(text)


def with_percent(before: FiguresInfo | None, after: FiguresInfo, seconds: float) -> dict[str, Any]:
    """The figures, and what they say of the time in between: None of a process that was not there all of it."""
    percent = None
    if before is not None and before["pid"] == after["pid"] and seconds > 0:
        # What a descendant that has ended had used may not count any more.
        percent = round(max(after["cpu"] - before["cpu"], 0) / seconds * 100, 1)
    return {**after, "cpu_percent": percent}


def drawn(rows: list[list[str]], width: int | None = None, *, colour: bool = False) -> list[str]:
    """The lines of the table, of which none is wider than `width` where leaving columns out can help that."""
    widths = {head: max(_cells(row[i]) for row in (HEAD, *rows)) for i, head in enumerate(HEAD)}
    for head in _DISPENSABLE:
        if width is None or sum(widths.values()) + len(_GAP) * (len(widths) - 1) <= width:
            break
        del widths[head]
    lines = [_line(dict(zip(HEAD, row, strict=True)), widths, colour=colour) for row in rows]
    heads = _line({head: head for head in HEAD}, widths, colour=False)
    return [show.emphasized(heads) if colour else heads, *lines]


def _watched(session: Session, names: set[str]) -> dict[str, dict[str, Any]]:
    """The figures of those processes at the end of SPAN."""
    before, began = _figures(session), time.monotonic()
    if names.isdisjoint(before):
        return {}
    time.sleep(SPAN)
    after, ended = _figures(session), time.monotonic()
    return {name: with_percent(before.get(name), info, ended - began) for name, info in after.items()}


def _figures(session: Session) -> dict[str, FiguresInfo]:
    known: list[FiguresInfo] = session.client.call("GET", "/v1/figures")["figures"]
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


def _line(row: dict[str, str], widths: dict[str, int], *, colour: bool) -> str:
    cells = []
    for head, width in widths.items():
        blanks = " " * (width - _cells(row[head]))
        cell = show.coloured(row[head], row[head]) if colour and head == "STATE" else row[head]
        cells.append(cell + blanks if head in _LEFT_ALIGNED else blanks + cell)
    return _GAP.join(cells).rstrip()


def _cells(text: str) -> int:
    """How many columns of a terminal it fills: a letter of Chinese two, an accent of its own none."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width  # noqa: PLC0415 - names are rarely such

    return sum(0 if combining(letter) else 1 + (east_asian_width(letter) in "WF") for letter in text)
