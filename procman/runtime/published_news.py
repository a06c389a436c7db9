"""Publishes what the engine does and what has happened, and notes what each follows from."""

from procman.core.actions import Announcement, Kill
from procman.core.attribution import Attribution, Origin
from procman.core.events import Adopted, Exited, KillFailed, Spawned, SpawnFailed
from procman.runtime.bus import Bus, GivenFromFiles, HookRan, ProcessEnded
from procman.system.reaper import Rusage


class PublishedNews:
    """Keeps the bus and the attribution in step: each news has its origin, and is one for what follows from it."""

    def __init__(self, bus: Bus, attribution: Attribution) -> None:
        """Publishes on the bus."""
        self._bus = bus
        self._attribution = attribution

    def action(self, action: Announcement | Kill) -> Origin:
        """Something was decided; returns what it follows from."""
        origin = self._attribution.origin_of(action)
        # Before anything that a subscriber may post about it is handled: that waits for its turn.
        self._attribution.published(action, origin, self._bus.publish(action, origin))
        return origin

    def end(self, name: str, end: Exited, usage: Rusage | None) -> Origin:
        """A process has ended; returns the origin of what follows from that."""
        origin = self._attribution.origin_of_end(name, end.status.signal)
        seq = self._bus.publish(ProcessEnded(name, end.pid, end.status, end.descendants, usage), origin)
        self._attribution.happened(name, origin, seq)
        return self._attribution.latest(name)

    def happened(
        self,
        event: Spawned | Adopted | SpawnFailed | KillFailed | GivenFromFiles | HookRan,
        origin: Origin | None = None,
    ) -> None:
        """Something has happened to a process; it follows from its latest news where no other `origin` is given."""
        if origin is None:
            origin = self._attribution.latest(event.name)
        seq = self._bus.publish(event, origin)
        self._attribution.happened(event.name, origin, seq, new_run=isinstance(event, (Spawned, Adopted)))
