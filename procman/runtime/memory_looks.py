"""Looks at the memory of processes for the core's orders (`memory_restart`): all that are due together in one look.

The look is made beside the loop. What may not be seen, as /proc hides the processes of others, is said once.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from procman.core.actions import Measure, ProcessRemoved
from procman.core.events import MemoryMeasured
from procman.core.fleet import Fleet
from procman.runtime.bus import Notification
from procman.runtime.call_queue import CallQueue, TakesTooLong
from procman.runtime.definitions import program_of
from procman.runtime.process_trees import Trees
from procman.system.cgroup import Leaf
from procman.system.proc import CannotLook

if TYPE_CHECKING:
    from procman.system.tree_usage import Members

# How long a look may take, in seconds. 1,000 processes take 0.1 s; with pss, and a lot of memory, much longer.
WITHIN = 20.0


class MemoryLooks:
    """Nothing here wakes up unless the core orders it."""

    hears = (ProcessRemoved,)

    def __init__(
        self,
        fleet: Fleet,
        trees: Trees,
        *,
        post: Callable[[MemoryMeasured], None],
        log: Callable[[str], None],
        on_end: Callable[[], object] = lambda: None,
    ) -> None:
        """The fleet is only read; `post` takes the answers, `on_end` is called when there is no `obstacle` any more."""
        self._fleet = fleet
        self._trees = trees
        self._post = post
        self._log = log
        self._beside = CallQueue(WITHIN, on_end)
        self._orders: dict[str, Measure] = {}
        self._task: asyncio.Task[None] | None = None
        self._hidden: set[str] = set()  # those whose memory may not be seen

    def measure(self, order: Measure) -> None:
        """Look, and post the answer."""
        self._orders[order.name] = order
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._work())

    def hear(self, notification: Notification) -> None:
        """A process has left."""
        if isinstance(notification.event, ProcessRemoved):
            self._hidden.discard(notification.event.name)

    @property
    def obstacle(self) -> str | None:
        """Why an upgrade cannot happen now: the kernel waits for a thread that hangs, and the master with it."""
        return "the memory of a program is being looked at" if self._beside.busy else None

    def close(self) -> None:
        """Answer nothing more."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _work(self) -> None:
        from procman.system.tree_usage import memories  # noqa: PLC0415 - see `daemon.features`

        await asyncio.sleep(0)  # those that are due at the same moment come in the same turn
        while self._orders:
            orders, self._orders = self._orders, {}
            try:
                found = await self._beside.do(partial(memories, {o.name: self._members(o) for o in orders.values()}))
            except (CannotLook, TakesTooLong):
                found = {}
            for name, order in orders.items():
                used = found.get(name)
                self._note(order, used)
                self._post(MemoryMeasured(name, order.run, used))
        self._task = None

    def _members(self, order: Measure) -> "Members":
        from procman.system.tree_usage import Members  # noqa: PLC0415 - likewise

        tree = self._trees.tree_of(order.name)
        process = self._fleet.processes.get(order.name)
        shared_once = process is not None and program_of(process.program).memory_measure == "pss"
        return Members(order.pid, None if tree is None or tree.cgroup is None else Leaf(tree.cgroup), shared_once)

    def _note(self, order: Measure, used: int | None) -> None:
        """Say once of each process that nothing can be seen; one that has ended meanwhile is no reason for that."""
        process = self._fleet.processes.get(order.name)
        if used is not None:
            self._hidden.discard(order.name)
        elif process is not None and process.pid == order.pid and order.name not in self._hidden:
            self._hidden.add(order.name)
            self._log(
                f"{order.name}: its memory may not be seen (/proc hides it, or does not answer): memory_restart does "
                "nothing; run the master as root, or mount /proc without hidepid"
            )
