"""How many processes may be starting at once (start_concurrency). No I/O and no clock here.

An order to spawn counts from when it is passed on until its process has left STARTING; what is beyond the limit waits
for its turn, first come first served.
"""

from collections import deque
from collections.abc import Iterable, Mapping

from procman.core.actions import Action, Announce, Spawn
from procman.core.process import Process
from procman.core.states import State


class StartLimit:
    """Holds back orders to spawn."""

    def __init__(self, limit: int | None, processes: Mapping[str, Process]) -> None:
        """None is no limit; the processes are those of the fleet at any time."""
        self._limit = limit
        self._processes = processes
        self._starting: set[str] = set()
        self._queue: deque[Spawn] = deque()

    def pass_on(self, actions: list[Action]) -> list[Action]:
        """The same without the orders that have to wait, and with those whose turn has come."""
        if self._limit is None:
            return actions
        passed: list[Action] = []
        for action in actions:
            if isinstance(action, Announce) and action.before is State.STARTING:
                self._starting.discard(action.name)
            if not isinstance(action, Spawn):
                passed.append(action)
            elif action.name in self._starting:
                passed.append(action)  # with other options
            else:
                self._queue.append(action)
                self._processes[action.name].ties.queued = True
        return passed + self._next()

    def restore(self, orders: Iterable[Spawn]) -> list[Spawn]:
        """Those of the orders of another process image that are to be carried out now."""
        if self._limit is None:
            return list(orders)
        self._starting = {
            process.name
            for process in self._processes.values()
            if process.state is State.STARTING and process.pid is not None
        }
        self._queue = deque(orders)
        for order in self._queue:
            self._processes[order.name].ties.queued = True
        return self._next()

    def _next(self) -> list[Spawn]:
        ready: list[Spawn] = []
        # One that waits for its dependencies again has given its turn away.
        self._starting = {
            name for name in self._starting if name in self._processes and not self._processes[name].ties.waiting
        }
        while self._queue and len(self._starting) < (self._limit or 1):
            order = self._queue.popleft()
            process = self._processes.get(order.name)
            if process is not None and process.awaits(order.attempt) and process.program is order.program:
                process.ties.queued = False
                self._starting.add(order.name)
                ready.append(order)
        return ready
