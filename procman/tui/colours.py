"""The colours of the screen, on a dark and on a light background. No I/O here."""

from dataclasses import dataclass

from rich.style import Style

from procman.tui.fleet import Standing

RED = Style(color="red")
BAD = Style(color="red", bold=True)
LOST = Style(color="red", bold=True, reverse=True)


@dataclass(frozen=True, slots=True)
class Colours:
    """Those that depend on the background; red can be read on each."""

    theme: str  # of Textual, for the prompts and the palette
    moving: Style
    up: Style
    done: Style  # also of keys
    names: tuple[Style, ...]  # of programs, in logs of several, one after the other

    @property
    def notable(self) -> Style:
        """For what should be noticed, and is no failure."""
        return self.moving + Style(bold=True)

    def of(self, standing: Standing) -> Style:
        """That of a process which stands so."""
        match standing:
            case Standing.FAILED:
                return BAD
            case Standing.MOVING:
                return self.moving
            case Standing.UP:
                return self.up
            case Standing.DONE:
                return self.done
            case Standing.DOWN:
                return Style(dim=True)


def _colours(theme: str, moving: str, up: str, done: str, *names: str) -> Colours:
    return Colours(
        theme, Style(color=moving), Style(color=up), Style(color=done), tuple(Style(color=name) for name in names)
    )


# The terminal's own, which its user may have chosen.
DARK = _colours("ansi-dark", "yellow", "green", "cyan", "cyan", "yellow", "green", "magenta", "blue")
# On white, most terminals' own yellow, green and cyan have a contrast of 2:1. These have more than 4:1, and are the
# same everywhere: brown, green, blue, teal, purple.
LIGHT = _colours(
    "ansi-light",
    "color(130)",
    "color(28)",
    "color(25)",
    "color(30)",
    "color(130)",
    "color(28)",
    "color(90)",
    "color(25)",
)
# Where there are only the terminal's own 16: yellow and cyan cannot be read.
LIGHT_16 = _colours("ansi-light", "magenta", "green", "blue", "blue", "magenta", "green")


def colours_of(*, is_light: bool, has_256: bool) -> Colours:
    """Those for that background, on a terminal that has 256 colours or more, or only its own 16."""
    if not is_light:
        return DARK
    return LIGHT if has_256 else LIGHT_16
