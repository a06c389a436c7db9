"""What the trees of all processes use of the machine: read beside the loop, when asked for, and kept for a while."""

import asyncio
import math
from collections.abc import Callable, Mapping
from functools import partial

from procman.core.fleet import Fleet
from procman.runtime.call_queue import CallQueue, TakesTooLong
from procman.services.last_looks import LastLooks
from procman.services.metrics.counters import Counters
from procman.system.proc import CannotLook
from procman.system.tree_usage import TreeUsage, usages

# For how long the figures are kept, in seconds: several clients that ask one after the other cost one look.
KEPT_FOR = 5.0
# How long a look may take, in seconds. 1,000 processes take 0.1 s.
WITHIN = 2.0


class TreeFigures:
    """Of one fleet."""

    def __init__(
        self,
        fleet: Fleet,
        counters: Counters,
        on_end: Callable[[], object] = lambda: None,
        looks: LastLooks | None = None,
    ) -> None:
        """`counters` are told of CPU time, `looks` remembers the rest; `on_end` is called when a look has ended."""
        self._looks = looks
        self._fleet = fleet
        self._counters = counters
        self._beside = CallQueue(WITHIN, on_end)
        self._one_at_a_time = asyncio.Lock()
        self._read_at = -math.inf
        self._found: Mapping[str, TreeUsage] = {}

    @property
    def is_looking(self) -> bool:
        """Whether a look is under way, also one that nobody waits for any more."""
        return self._beside.busy

    async def read(self) -> Mapping[str, TreeUsage]:
        """By namespec, of those that have a process; nothing where /proc cannot be read, or does not answer."""
        loop = asyncio.get_running_loop()
        async with self._one_at_a_time:
            if loop.time() - self._read_at >= KEPT_FOR:
                pids = {process.name: process.pid for process in self._fleet.processes.values() if process.pid}
                try:
                    self._found = await self._beside.do(partial(usages, pids))
                except (CannotLook, TakesTooLong):
                    self._found = {}
                self._read_at = loop.time()
                if self._looks is not None:
                    self._looks.note((name, pids[name], used) for name, used in self._found.items())
                for name, used in self._found.items():
                    self._counters.of(name).use_cpu(used.start, used.cpu)
        return self._found
