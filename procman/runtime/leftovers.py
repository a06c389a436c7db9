"""Reports leftovers that nothing stops: once for all programs that ended within a second."""

import asyncio

from procman.core.actions import Announce
from procman.core.states import State
from procman.runtime.bus import Bus, Notification
from procman.runtime.process_trees import OrphanedDescendants, Trees

# Seconds from the end of a process to the report.
REPORT_AFTER = 1.0


class LeftoverReporter:
    """Subscribes to the bus, and publishes there."""

    def __init__(self, bus: Bus, trees: Trees) -> None:
        """`trees` finds the leftovers."""
        self._bus = bus
        self._trees = trees
        self._timer: asyncio.TimerHandle | None = None
        bus.subscribe(self._hear, State.BACKOFF, State.EXITED, State.STOPPED)

    def close(self) -> None:
        """Report nothing more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _hear(self, notification: Notification) -> None:
        event = notification.event
        if isinstance(event, Announce) and event.status is not None and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(REPORT_AFTER, self._report)

    def _report(self) -> None:
        self._timer = None
        for name, pids in self._trees.take_leftovers().items():
            self._bus.publish(OrphanedDescendants(name, pids))
