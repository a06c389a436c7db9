"""Compares the kernel's counts of out-of-memory kills before and after the end of a process.

Bounded: counters of one cgroup for each process of the fleet, and only for one that has a cgroup of its own.
"""

import time
from collections.abc import Callable

from procman.core.actions import Announce
from procman.core.states import State
from procman.system.memory_events import (
    MemoryChange,
    MemoryCounters,
    MemoryEvents,
    Whose,
    memory_events_of,
    own_memory_events,
)

# The kernel may end several processes at once, and their ends are heard of one after the other, in seconds.
TOGETHER = 1.0


class MemoryWatch:
    """Pass announcements to `hear`; ask with `change` right after an end."""

    def __init__(
        self,
        ours: MemoryEvents | None = None,
        of_process: Callable[[int, MemoryEvents], MemoryEvents | None] = memory_events_of,
        clock: Callable[[], float] = time.monotonic,
        at_end: Callable[[str], tuple[str, MemoryCounters] | None] = lambda _: None,
    ) -> None:
        """`ours` are the counters of the master's own cgroup, None: find them; `of_process` finds those of a pid.

        `at_end` has the cgroup that procman has made for the last run of a process, and its counts when that ended.
        """
        self._at_end = at_end
        self._ours = ours or own_memory_events()
        self._of_process = of_process
        self._clock = clock
        self._last = self._ours.look()
        self._moved: tuple[float, MemoryCounters] | None = None  # when the counts last grew, and from what
        self._programs: dict[str, tuple[MemoryEvents, MemoryCounters]] = {}

    def hear(self, news: Announce) -> None:
        """Look at the cgroup of a process that has come up: a wrapper (cgexec, systemd-run) has made it by then.

        Without startsecs it comes up too early for that; and it may come up hundreds of times in a second.
        """
        if news.after is State.RUNNING and news.pid and news.program.startsecs > 0:
            own = self._of_process(news.pid, self._ours)
            if own is not None:
                self._programs[news.name] = (own, own.look())
        elif news.after is State.STARTING:
            self.forget(news.name)

    def forget(self, name: str) -> None:
        """The process has gone, or its next run begins."""
        self._programs.pop(name, None)

    def change(self, name: str) -> MemoryChange:
        """What was counted around the end of this process, which has just been announced.

        Of its own cgroup since it was up, where it has one; else of the master's since the last end that was asked
        about, or since the start of the master.
        """
        _, counted = self._at_end(name) or ("", None)
        if counted is not None and counted.kills is not None:
            return MemoryChange(Whose.PROGRAM, MemoryCounters(0, 0), counted)  # it was made for this run
        own, before = self._programs.get(name, (None, None))
        if own is not None and before is not None:
            found = MemoryChange(own.whose, before, own.look())
            if found.known:
                return found
        return self._change_of_ours()

    def folder_of(self, name: str) -> str:
        """The cgroup that counts for this process, its own or the master's; "" where none does."""
        folder, counted = self._at_end(name) or ("", None)
        if counted is not None and counted.kills is not None:
            return folder
        own, _ = self._programs.get(name, (None, None))
        return (own or self._ours).folder or ""

    def _change_of_ours(self) -> MemoryChange:
        now, before, after = self._clock(), self._last, self._ours.look()
        self._last = after
        if after.kills != before.kills:
            self._moved = (now, before)
        elif self._moved is not None:
            moved_at, from_there = self._moved
            if now - moved_at <= TOGETHER:
                before = from_there
            else:
                self._moved = None
        return MemoryChange(self._ours.whose, before, after)
