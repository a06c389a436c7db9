"""top: a screen with all programs and their logs, for a terminal. Textual, which draws it, comes with an extra."""

from __future__ import annotations

import os
import sys
from locale import getencoding

from procman.cli.invocation import GENERIC, INVALID_ARGS, SUCCESS, Invocation

_WITHOUT = "procmanctl status --watch shows the table and follows what changes"


def top(invocation: Invocation, words: list[str]) -> None:
    """`top [--mouse] [FILTER…]`."""
    names = [word for word in words if word != "--mouse"]
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
    app = TopApp(invocation.new_client, look, shown=" ".join(names))
    app.run(mouse="--mouse" in words)
    invocation.exitstatus = app.return_code or SUCCESS
