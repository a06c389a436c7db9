"""Which processes are reported as changed, and when the bus is listened to."""

from types import SimpleNamespace

import pytest

from procman.core.actions import Announce, AnnounceGroup, AnnounceMaster, Kill, ProcessRemoved
from procman.core.events import Spawned
from procman.core.spec import Scope
from procman.core.states import MasterState, State
from procman.services.changes import Changes
from tests.support.notifications import new_bus
from tests.support.programs import program

PROCESSES = SimpleNamespace(names=lambda group: [f"{group}:a", f"{group}:b"])


@pytest.mark.parametrize(
    ("event", "reported"),
    [
        (Announce("web", program(), State.STARTING, State.RUNNING, 7), [(["web"], False)]),
        (Spawned("web", 7), [(["web"], False)]),
        (ProcessRemoved("web"), [(["web"], False)]),
        (AnnounceGroup("pool", added=True), [(["pool:a", "pool:b"], False)]),
        (AnnounceGroup("pool", added=False), []),
        (AnnounceMaster(MasterState.SHUTDOWN, ()), [([], True)]),
        (Kill("web", 7, 15, Scope.PROCESS), []),
    ],
)
def test_an_event_changes_processes_or_the_master(event, reported):
    bus, found = new_bus(), []
    Changes(bus, PROCESSES).subscribe(lambda names, master: found.append((list(names), master)))
    bus.publish(event)
    assert found == reported


def test_the_bus_is_listened_to_only_for_a_listener():
    bus = new_bus()
    changes = Changes(bus, PROCESSES)
    assert bus.idle
    unsubscribe = changes.subscribe(lambda *_: None)
    assert not bus.idle
    unsubscribe()
    assert bus.idle
