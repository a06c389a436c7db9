"""top: a screen with all programs and their logs, for a terminal. Textual, which draws it, comes with an extra."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from locale import getencoding

from procman.cli.invocation import GENERIC, INVALID_ARGS, SUCCESS, Invocation

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from procman.tui.remembered import Remembered

_THEMES = ("auto", "light", "dark")
_WITHOUT = "procmanctl status --watch shows the table and follows what changes"


def top(invocation: Invocation, words: list[str]) -> None:
    """`top [--mouse] [--theme auto|light|dark] [FILTER…]`."""
    theme, names = _read(words)
    if theme is not None and theme not in _THEMES:
        problem = f"Error: --theme takes {', '.join(_THEMES[:-1])} or {_THEMES[-1]}"
        invocation.problem(problem, code="BAD_ARGUMENTS", exitstatus=INVALID_ARGS)
        return
    if invocation.as_json:
        invocation.problem(
            "Error: top is a screen, and has no JSON; status --watch --json has",
            code="BAD_ARGUMENTS",
            exitstatus=INVALID_ARGS,
        )
        return
    if not (invocation.terminal and sys.stdin.isatty()):
        invocation.problem(f"Error: top needs a terminal; {_WITHOUT}", code="BAD_ARGUMENTS", exitstatus=GENERIC)
        return
    # Whether there is a master, and whether it lets us in, is said before the screen is taken.
    invocation.client.call("GET", "/v1/whoami")
    try:
        # A whole optional feature: Textual takes a quarter of a second.
        from procman.cli import terminal_background  # noqa: PLC0415 - as below
        from procman.tui.app import TopApp  # noqa: PLC0415
    except ModuleNotFoundError as error:
        # The zipapp has neither.
        if (error.name or "").partition(".")[0] != "textual" and error.name != "procman.tui":
            raise
        invocation.problem(
            f"Error: top needs Textual: pip install 'procman[tui]', or pip install textual; without it, {_WITHOUT}"
        )
        return
    from procman.tui.look import look_of  # noqa: PLC0415 - as above

    look = look_of(os.environ, getencoding())
    remembered, remember = _remembered(theme)
    # A plain terminal is dark, and may not understand the question.
    is_light = remembered.theme == "light" or (
        remembered.theme == "auto" and not look.plain and terminal_background.is_light(os.environ) is True
    )
    app = TopApp(
        invocation.new_client,
        look,
        shown=" ".join(names),
        is_light=is_light,
        remembered=remembered,
        remember=remember,
    )
    app.run(mouse="--mouse" in words)
    invocation.exitstatus = app.return_code or SUCCESS


def _read(words: list[str]) -> tuple[str | None, list[str]]:
    """The theme, None where none is given, and the filters."""
    theme, names, rest = None, [], iter(words)
    for word in rest:
        head, equals, value = word.partition("=")
        if head == "--theme":
            theme = value if equals else next(rest, "")
        elif word != "--mouse":
            names.append(word)
    return theme, names


def _remembered(theme: str | None) -> tuple[Remembered, Callable[[Remembered], None]]:
    """What was chosen the last time, or now, and what keeps later choices."""
    from procman.tui import remembered  # noqa: PLC0415 - as above

    path = remembered.place(os.environ)
    found = remembered.Remembered() if path is None else remembered.read(path)
    keep: Callable[[Remembered], None] = partial(remembered.write, path) if path is not None else lambda _: None
    if theme is not None and theme != found.theme:
        found = replace(found, theme=theme)
        keep(found)
    return found, keep
