"""Waits for a master that is away: it is upgraded, or was killed and is started anew."""

from __future__ import annotations

import time

from procman.client.api_client import Unreachable

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    T = TypeVar("T")

# How long it may be away, in seconds.
AWAY = 30.0
# Seconds between two questions.
EVERY = 0.5


def until_answered(
    ask: Callable[[], T], *, at_most: float = AWAY, on_away: Callable[[Unreachable], object] = lambda _: None
) -> T:
    """What `ask` returns, which is called again as long as it raises Unreachable, but `at_most` seconds.

    `on_away` is called before each wait, with the reason.
    """
    began = time.monotonic()
    while True:
        try:
            return ask()
        except Unreachable as error:
            if time.monotonic() - began > at_most:
                raise
            on_away(error)
            time.sleep(EVERY)
