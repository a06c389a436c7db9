"""Looks at what may hang or takes long (disks, all of /proc), on a thread, one after the other; for the running loop.

One look waits for each key at most: a later one replaces it. One that hangs stops further looks, and nothing else.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from procman.system.blocking import BlockingCall, NoThread

T = TypeVar("T")


@dataclass(slots=True)
class _Look:
    ask: Callable[[], Any]
    tell: Callable[[Any], None]
    asks_no_disk: bool


class LookQueue:
    """Makes looks; what one raises of OSError or ValueError is dropped with it: what it looked at has gone."""

    def __init__(self) -> None:
        """To be made, and used, where there is a loop."""
        self._waiting: dict[str, _Look] = {}
        self._busy = False
        self._idle = asyncio.Event()
        self._idle.set()

    def add(self, key: str, ask: Callable[[], T], tell: Callable[[T], None], *, asks_no_disk: bool = False) -> None:
        """Call `ask` on the thread, and `tell` with its answer on the loop.

        Where the system has no more threads, a look that asks no disk is made on the loop, and others not at all.
        """
        self._waiting[key] = _Look(ask, tell, asks_no_disk)
        self._idle.clear()
        self._next()

    def drop(self, key: str) -> None:
        """Make no look for it that has not begun."""
        self._waiting.pop(key, None)

    async def settled(self, within: float) -> bool:
        """Wait until no look is under way, so many seconds at most; whether that is so."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), within)
        return self._idle.is_set()

    def _next(self) -> None:
        while not self._busy and self._waiting:
            self._begin(self._waiting.pop(next(iter(self._waiting))))
        if not self._busy:
            self._idle.set()

    def _begin(self, look: _Look) -> None:
        loop = asyncio.get_running_loop()

        def ended() -> None:
            with suppress(RuntimeError):  # the loop has been closed meanwhile
                loop.call_soon_threadsafe(lambda: self._has_ended(look, call.result))

        try:
            call = BlockingCall(look.ask, ended)
        except NoThread:
            if look.asks_no_disk:
                look.tell(look.ask())
            return
        self._busy = True

    def _has_ended(self, look: _Look, result: Callable[[], Any]) -> None:
        self._busy = False
        try:
            with suppress(OSError, ValueError):
                look.tell(result())
        finally:
            self._next()
