"""What the terminal can show: signs, colours, and whether it is a plain one such as a serial console. No I/O here."""

from collections.abc import Mapping
from dataclasses import dataclass

from procman.tui.colours import DARK, Colours
from procman.tui.fleet import Standing

# Terminals without a font of ours: the console of Linux, and what serial lines are usually said to be.
_PLAIN = frozenset({"linux", "vt100", "vt102", "vt220", "ansi", "dumb", "unknown", ""})

# Each takes one column; the second is ASCII.
_SIGNS = {
    Standing.FAILED: ("✗", "x"),
    Standing.MOVING: ("◌", "~"),
    Standing.UP: ("●", "+"),
    Standing.DONE: ("✓", "="),
    Standing.DOWN: ("○", "-"),
}


@dataclass(frozen=True, slots=True)
class Look:
    """The signs of a screen, each of which takes one column, and its colours."""

    plain: bool  # ASCII only
    divider: str
    cut: str  # stands for what has no room
    marked: str
    descending: str
    ascending: str
    colours: Colours = DARK

    def sign(self, standing: Standing) -> str:
        """The one of a process that stands so."""
        return _SIGNS[standing][self.plain]


UNICODE = Look(
    plain=False,
    divider="│",
    cut="…",
    marked="▸",
    descending="▼",
    ascending="▲",
)
ASCII = Look(
    plain=True,
    divider="|",
    cut="~",
    marked=">",
    descending="v",
    ascending="^",
)


def look_of(environ: Mapping[str, str], encoding: str) -> Look:
    """The look for a terminal of that name, whose locale has that encoding."""
    utf8 = encoding.lower().replace("-", "") == "utf8"
    return UNICODE if utf8 and environ.get("TERM", "") not in _PLAIN else ASCII
