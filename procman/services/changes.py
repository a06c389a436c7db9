"""Which processes something has happened to: what a front end needs that shows them as they are."""

from collections.abc import Callable, Iterable

from procman.core.actions import (
    Announce,
    AnnounceGroup,
    AnnounceGroupChanged,
    AnnounceHealth,
    AnnounceHealthPause,
    AnnounceInPlace,
    AnnounceMaster,
    AnnounceSockets,
    ProcessRemoved,
)
from procman.core.events import Spawned, SpawnFailed
from procman.runtime.bus import Bus, Notification
from procman.services.process_table import ProcessTable

# Is called with the namespecs of those that have changed, and whether the state of the master has.
Listener = Callable[[Iterable[str], bool], None]


class Changes:
    """Listens to the bus only while there is a listener here."""

    def __init__(self, bus: Bus, processes: ProcessTable) -> None:
        """`processes` knows which processes a group has."""
        self._bus = bus
        self._processes = processes

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call it with every change from now on; returns how to end that."""

        def hear(notification: Notification) -> None:
            names, master = self._changed(notification)
            if names or master:
                listener(names, master)

        return self._bus.subscribe(hear)

    def _changed(self, notification: Notification) -> tuple[Iterable[str], bool]:
        match notification.event:
            case (
                Announce(name=name)
                | AnnounceHealth(name=name)
                | AnnounceHealthPause(name=name)
                | AnnounceInPlace(name=name)
                | AnnounceSockets(name=name)
                | ProcessRemoved(name=name)
                | Spawned(name=name)
                | SpawnFailed(name=name)
            ):
                return (name,), False
            case AnnounceGroup(name=group, added=True):
                return self._processes.names(group), False
            case AnnounceGroupChanged(group=definition):
                # No announcement tells of a new process that does not start by itself.
                return self._processes.names(definition.name), False
            case AnnounceMaster():
                return (), True
            case _:
                return (), False
