"""A table for a terminal, drawn by rich."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from procman.cli import terminal_text

_WIDEST = 10_000  # columns: rich is never to cut a line


def rich_lines(
    rows: list[dict[str, str]], heads: list[str], *, left_aligned: tuple[str, ...], colour: bool
) -> list[str]:
    """The lines of a table with these heads; the cells of each row are by head, a STATE has its colour."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for head in heads:
        table.add_column(head, justify="left" if head in left_aligned else "right", no_wrap=True)
    for row in rows:
        state = Text.from_ansi(terminal_text.coloured(row["STATE"], row["STATE"]))
        table.add_row(*(state if head == "STATE" else Text(row[head]) for head in heads))
    console = Console(width=_WIDEST, color_system="standard" if colour else None, force_terminal=colour)
    with console.capture() as captured:
        console.print(table)
    return [line.rstrip() for line in captured.get().splitlines()]
