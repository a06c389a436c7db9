"""What somebody has chosen, kept for the next time in `procman/top.json` of their state directory.

It is a convenience: where it cannot be read or written, the screen is as it is at first.
"""

import json
import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass

from procman.tui.arrangement import ORDERS

THEMES = ("auto", "light", "dark")


@dataclass(frozen=True, slots=True)
class Remembered:
    """The choices."""

    theme: str = "auto"  # one of THEMES
    order: str = "state"  # one of ORDERS
    reverse: bool = False


def place(environ: Mapping[str, str]) -> str | None:
    """Where they are kept; None: nowhere, as there is no home, or it is somebody else's, as under sudo."""
    home = environ.get("HOME", "")
    folder = environ.get("XDG_STATE_HOME", "") or os.path.join(home, ".local/state")
    try:
        if not os.path.isabs(folder) or os.stat(home).st_uid != os.geteuid():
            return None
    except OSError:
        return None
    return os.path.join(folder, "procman/top.json")


def read(path: str) -> Remembered:
    """What is kept there, as far as it makes sense."""
    try:
        with open(path, encoding="utf-8") as stream:
            found = json.loads(stream.read(4096))
    except (OSError, ValueError, RecursionError):
        return Remembered()
    if not isinstance(found, dict):
        return Remembered()
    theme, order, first = found.get("theme"), found.get("order"), Remembered()
    return Remembered(
        theme if theme in THEMES else first.theme,
        order if isinstance(order, str) and order in ORDERS else first.order,
        found.get("reverse") is True,
    )


def write(path: str, remembered: Remembered) -> None:
    """Keep it."""
    folder = os.path.dirname(path)
    with suppress(OSError):
        os.makedirs(folder, mode=0o700, exist_ok=True)
        # Another screen may read it at the same time.
        with tempfile.NamedTemporaryFile("w", dir=folder, prefix="top-", delete=False, encoding="utf-8") as stream:
            json.dump(asdict(remembered), stream)
        os.replace(stream.name, path)
