"""The master's stdout and stderr; one and the same `Console` if both lead to the same place."""

import asyncio
import os
import time
from collections.abc import Callable

from procman.logs.console import Console
from procman.logs.disk_workers import DiskWorkers


class Consoles:
    """Opens a console when it is first asked for."""

    def __init__(
        self,
        *,
        disks: DiskWorkers | None = None,
        on_problem: Callable[[str], None] = lambda _text: None,
        on_flushed: Callable[[], None] = lambda: None,
    ) -> None:
        """`on_flushed` is called when nothing waits any more at one of them. Without `disks`, writes to files block."""
        self._disks = disks
        self._on_problem = on_problem
        self._on_flushed = on_flushed
        self._loop: asyncio.AbstractEventLoop | None = None
        self._by_place: dict[object, Console] = {}

    def get(self, fd: int) -> Console:
        """Return the console behind descriptor 1 or 2."""
        try:
            status = os.fstat(fd)
            place: object = (status.st_dev, status.st_ino, status.st_rdev)
        except OSError:
            place = fd  # closed: the console itself reports that
        if place not in self._by_place:
            self._by_place[place] = Console(
                fd, self._loop, disks=self._disks, on_problem=self._on_problem, on_flushed=self._on_flushed
            )
        return self._by_place[place]

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """From now on let this loop write what waits."""
        self._loop = loop
        for console in self._by_place.values():
            console.attach(loop)

    def finish(self, timeout: float = 0.0) -> None:
        """Write what waits, within `timeout` seconds for each, and report what was dropped and what is lost.

        The reports have the rest of that time, for the pipe may be full of what was written just before.
        """
        left: dict[Console, float] = {}
        for console in self._by_place.values():
            deadline = time.monotonic() + timeout
            if not console.flush(timeout):
                console.abandon()
            console.dropped.report()
            left[console] = deadline - time.monotonic()
        for console, seconds in left.items():
            console.flush(seconds)

    def flush(self) -> bool:
        """Write what can be written now; True when nothing waits any more."""
        written = [console.flush() for console in self._by_place.values()]
        return all(written)

    def close(self, timeout: float = 0.0) -> None:
        """Close them, within `timeout` seconds for each."""
        for console in self._by_place.values():
            console.close(timeout)
        self._by_place.clear()
