"""Collects the processes that have ended, and what is left of their trees; tells the engine of each in order.

The output of a process is read to its end before its end is told, and the ends of the members of a tree are told before
the end of the tree.
"""

from collections.abc import Callable

from procman.core.events import DescendantsGone, Event, Exited, ExitStatus
from procman.core.fleet import Fleet
from procman.core.process import Process
from procman.runtime.bus import Bus
from procman.runtime.children import Children, RunningCommand
from procman.runtime.launcher import Streams
from procman.runtime.ledger import Ledger
from procman.runtime.process_trees import Trees
from procman.system.reaper import Reaped, Rusage, reap

REAP_AT_ONCE = 64


class ProcessEnds:
    """The ends of all processes that the master reaps or watches."""

    def __init__(
        self,
        fleet: Fleet,
        bus: Bus,
        streams: Streams,
        trees: Trees,
        *,
        children: Children,
        ledger: Ledger,
        tell: Callable[[Event], None],
    ) -> None:
        """`tell` takes an event in, and returns before it is handled."""
        self.orphans = 0  # that were reaped
        self._fleet = fleet
        self._bus = bus
        self._streams = streams
        self._trees = trees
        self._children = children
        self._ledger = ledger
        self._tell = tell
        self._usages: dict[int, Rusage] = {}  # by pid, of those whose ends are still to be handled

    def collect(self) -> int:
        """Reap what has ended, REAP_AT_ONCE processes at most, and tell of it; returns how many they were."""
        count = 0
        ended: list[tuple[Process, Reaped]] = []
        for reaped in reap(REAP_AT_ONCE):
            count += 1
            process = self._take(reaped)
            if process is not None:
                ended.append((process, reaped))
        if count:
            self._note(ended)
        return count

    def adopted_ended(self, reaped: Reaped) -> None:
        """The same for one that is not our child."""
        process = self._take(reaped)
        self._note([(process, reaped)] if process is not None else [])

    def usage_of(self, pid: int) -> Rusage | None:
        """What an ended process has used, once; None if nobody knows."""
        return self._usages.pop(pid, None)

    def descendants_gone(self, names: list[str]) -> None:
        """The awaited descendants of these have all ended."""
        if names and self._trees.ends.expected:
            # How the last of them ended is reported first.
            self.collect()
        for name in names:
            # Theirs may be the last words.
            self._streams.ended(name)
            self._tell(DescendantsGone(name))

    def publish_members(self) -> None:
        """Say which members of trees have ended and were reaped by their own parents."""
        for member in self._trees.ends.take_reaped_elsewhere():
            self._bus.publish(member)

    def _take(self, reaped: Reaped) -> Process | None:
        """The process of the fleet that it was, None for a helper command or an orphan."""
        self._ledger.ended(reaped.pid)
        known = self._children.reaped(reaped)
        if isinstance(known, RunningCommand):
            known.on_end(reaped)
            return None
        process = self._fleet.owner(reaped.pid)
        if process is None:
            self.orphans += 1
            self._bus.publish(reaped)
            if (member := self._trees.ends.reaped(reaped)) is not None:
                self._bus.publish(member)
            return None
        # First the last words, then the news of the death.
        self._streams.ended(process.name)
        return process

    def _note(self, ended: list[tuple[Process, Reaped]]) -> None:
        """One look at what is left of all of them, and of those that ended before."""
        names = [process.name for process, _ in ended]
        descendants = self._trees.process_ended(
            names, [process.name for process, _ in ended if process.minds_descendants]
        )
        for process, reaped in ended:
            status = ExitStatus(reaped.code, reaped.signal, reaped.core_dumped, reaped.known)
            if reaped.usage is not None:
                self._usages[reaped.pid] = reaped.usage
            self._tell(Exited(reaped.pid, status, descendants.get(process.name, ())))
        self.descendants_gone(self._trees.emptied())
        self.publish_members()
