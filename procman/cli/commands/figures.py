"""`status --long`: what each process and its descendants use, as a table.

rich draws it on a terminal; elsewhere the columns are plain, and neither rich nor this is imported for `status` alone.
"""

from __future__ import annotations

from procman.cli import show

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from collections.abc import Iterable

    from procman.api.shapes import FiguresInfo, ProcessInfo
    from procman.cli.ctl_session import Session

HEAD = ("NAME", "STATE", "PID", "PROCESSES", "THREADS", "RSS", "CPU", "FDS", "RESTARTS", "LOST")
_STYLES = {"RUNNING": "green", "STARTING": "yellow", "STOPPING": "yellow", "BACKOFF": "red", "FATAL": "bold red"}


def table(session: Session, chosen: list[ProcessInfo]) -> None:
    """Ask for the figures of all of them, and show them."""
    known: list[FiguresInfo] = session.client.call("GET", "/v1/figures")["figures"]
    figures = {info["namespec"]: info for info in known}
    session.put(figures=[figures[info["namespec"]] for info in chosen if info["namespec"] in figures])
    rows = [_row(info, figures.get(info["namespec"])) for info in chosen]
    if session.as_json or not rows:
        return
    if session.terminal:
        _draw(rows)
        return
    widths = [max(len(row[column]) for row in (HEAD, *rows)) for column in range(len(HEAD))]
    for row in (HEAD, *rows):
        session.say("  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())


def _row(info: ProcessInfo, figures: FiguresInfo | None) -> tuple[str, ...]:
    used = ("", "", "", "", "")
    if figures is not None:
        fds = figures["fds"]
        used = (
            str(figures["processes"]),
            str(figures["threads"]),
            _size(figures["rss"]),
            f"{figures['cpu']:.2f}s",
            "?" if fds is None else str(fds),
        )
    pid = str(info["pid"] or "")
    return (info["namespec"], info["statename"], pid, *used, str(info["restarts"]), _size(info["lost"]))


def _size(count: int) -> str:
    if not count:
        return "0"
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:  # noqa: PLR2004 - the binary thousand
            return f"{count:.0f} {unit}"
        count //= 1024
    return f"{count:.0f} GiB"


def _draw(rows: Iterable[tuple[str, ...]]) -> None:
    from rich.console import Console  # noqa: PLC0415 - 50 ms, for this table only
    from rich.table import Table  # noqa: PLC0415 - the same
    from rich.text import Text  # noqa: PLC0415 - the same

    drawn = Table(box=None, header_style="bold")
    for name in HEAD:
        drawn.add_column(name, justify="left" if name in ("NAME", "STATE") else "right")
    for name, state, *rest in rows:
        drawn.add_row(Text(show.safe(name)), Text(state, style=_STYLES.get(state, "")), *rest)
    Console().print(drawn)
