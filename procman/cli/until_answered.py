"""Waits for a master that is away: it is upgraded, or was killed and is started anew."""

from __future__ import annotations

import time

from procman.client.api_client import Unreachable
from procman.client.refusals import ShuttingDown

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from procman.errors import ProcmanError

    T = TypeVar("T")

# For how long, in seconds.
AWAY = 30.0
# Seconds between two questions.
EVERY = 0.5
# What is shown meanwhile.
AWAY_TEXT = "waiting for the next master"
# What a client raises then; a master that shuts down may have a successor.
AWAY_ERRORS = (Unreachable, ShuttingDown)


def until_answered(
    ask: Callable[[], T], *, at_most: float = AWAY, on_away: Callable[[ProcmanError], object] = lambda _: None
) -> T:
    """What `ask` returns, which is called again while no master answers or it shuts down, but `at_most` seconds.

    `on_away` is called before each wait, with the reason.
    """
    began = time.monotonic()
    while True:
        try:
            return ask()
        except AWAY_ERRORS as error:
            if time.monotonic() - began > at_most:
                raise
            on_away(error)
            time.sleep(EVERY)
