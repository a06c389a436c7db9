"""The texts of the lines above and below: what the master is, how many stand how, what was answered. No I/O here."""

import os.path

from rich.style import Style
from rich.text import Text

from procman.api.shapes.processes import ProcessInfo
from procman.cli.terminal_text import safe
from procman.tui.arrangement import Arrangement
from procman.tui.colours import LOST
from procman.tui.columns import detail_of
from procman.tui.fleet import Fleet, Standing
from procman.tui.keys import KEYS
from procman.tui.look import Look

_WORDS = {
    Standing.FAILED: "failed",
    Standing.MOVING: "changing",
    Standing.UP: "up",
    Standing.DONE: "done",
    Standing.DOWN: "down",
}


def heading(fleet: Fleet, arrangement: Arrangement, marked: int, look: Look, lost: str) -> Text:
    """The line at the top; `lost` is why there is no connection, or ""."""
    text = Text()
    if lost:
        text.append(f" {lost} ", LOST)
        text.append(" ")
    master = fleet.master
    name = "procman" if master is None else os.path.basename(master["config_file"]) or master["identifier"]
    text.append(safe(name), Style(bold=True))
    if master is not None and master["statename"] != "RUNNING":
        text.append(f" {master['statename'].lower()}", look.colours.notable)
    counts = fleet.counts()
    for standing, word in _WORDS.items():
        if standing in counts:
            text.append(f"  {look.sign(standing)} {counts[standing]} {word}", look.colours.of(standing))
    if fleet.read_only:
        text.append("  read-only", look.colours.notable)
    if marked:
        text.append(f"  {marked} marked", Style(bold=True))
    if arrangement.filter:
        text.append(f"  /{safe(arrangement.filter)}", Style(bold=True))
    return text


def about(info: ProcessInfo, fleet: Fleet, look: Look) -> Text:
    """The line about the process under the cursor: its name, its state, and all that is told of that."""
    style = look.colours.of(fleet.standings[info["namespec"]])
    told = detail_of(info)
    text = Text(f" {safe(info['namespec'])} ")
    text.stylize(Style(bold=True))
    text.append("DONE" if info.get("done") else info["statename"], style)
    return text.append(f": {told}" if told else "")


def footer(*, read_only: bool, width: int) -> Text:
    """The keys that are needed most, as many as have room."""
    text = Text()
    shown = [key for key in KEYS if key.short and not (read_only and key.changes)]
    # The last ones say where all the others are, so they always have room.
    last = [key for key in shown if key.action in ("keys", "quit")]
    room = width - sum(len(key.shown.split(",")[0]) + len(key.short) + 3 for key in last)
    for key in [*(key for key in shown if key not in last), *last]:
        name = key.shown.split(",")[0]
        room -= 0 if key in last else len(name) + len(key.short) + 3
        if key in last or room >= 0:
            text.append(f" {name} ", Style(bold=True))
            text.append(f"{key.short} ", Style(dim=True))
    return text
