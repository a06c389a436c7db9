"""What systemd and the launching process of a daemon are told of the master."""

import asyncio
import os
import socket

import pytest

from procman.core.actions import AnnounceMaster
from procman.core.events import BootRequested, ShutdownRequested, SpawnFailed
from procman.core.fleet import Fleet
from procman.daemon.service_notify import ServiceNotifier
from procman.system.notify import Notifier
from tests.support.notifications import notify
from tests.support.programs import group


class Launcher:
    """The launching process, which waits to hear whether the daemon is up."""

    def __init__(self):
        self.heard = []

    def ready(self):
        self.heard.append("ready")

    def failed(self, text, status):
        self.heard.append((text, status))
        return True


@pytest.fixture
def systemd(tmp_path):
    """The socket of NOTIFY_SOCKET, bound."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.bind(str(tmp_path / "notify"))
        bound.setblocking(False)
        yield bound


def notifier(systemd):
    return Notifier({"NOTIFY_SOCKET": systemd.getsockname()})


def received(systemd):
    """The fields of all messages since the last call."""
    fields = []
    while True:
        try:
            fields += systemd.recv(65536).decode().split("\n")
        except BlockingIOError:
            return [field for field in fields if not field.startswith("MONOTONIC_USEC")]


def test_systemd_is_told_that_all_is_up_with_a_summary(systemd):
    """Processes that are wanted and do not run count; failing ones are named."""
    fleet = Fleet((group("web"), group("db")))
    fleet.handle(BootRequested(), 0.0)
    fleet.handle(SpawnFailed("db", "no such file"), 0.0)

    async def main():
        ServiceNotifier(notifier(systemd)).up(fleet)

    asyncio.run(main())
    fields = received(systemd)
    assert "READY=1" in fields
    assert "STATUS=0 of 2 processes running; failing: db" in fields


def test_a_daemon_names_its_pid_to_systemd_and_reports_to_its_launcher_once(systemd):
    """Systemd has started the launcher, whose pid it knows."""
    launcher = Launcher()

    async def main():
        service = ServiceNotifier(notifier(systemd), launcher)
        assert service.is_awaited
        service.up(Fleet())
        assert not service.is_awaited
        service.up(Fleet())

    asyncio.run(main())
    assert launcher.heard == ["ready"]
    assert received(systemd).count(f"MAINPID={os.getpid()}") == 1


def test_a_failure_is_printed_by_the_launcher_if_there_is_one(systemd):
    """Without one, the caller prints it."""
    launcher = Launcher()
    assert ServiceNotifier(notifier(systemd), launcher).failed("cannot", 2)
    assert launcher.heard == [("cannot", 2)]
    assert not ServiceNotifier(notifier(systemd)).failed("cannot", 2)
    assert received(systemd).count("STATUS=cannot") == 2


def test_a_shutdown_is_reported_as_stopping_and_a_reload_as_reloading(systemd):
    """With the number of processes that are still to be stopped."""
    for restart, field in ((False, "STOPPING=1"), (True, "RELOADING=1")):
        fleet = Fleet((group("web"),))
        fleet.handle(BootRequested(), 0.0)

        async def main(fleet=fleet, restart=restart):
            service = ServiceNotifier(notifier(systemd))
            service.up(fleet)
            received(systemd)
            for action in fleet.handle(ShutdownRequested(restart=restart), 0.0):
                if isinstance(action, AnnounceMaster):
                    service.tell(notify(action))
            service.close()

        asyncio.run(main())
        assert field in received(systemd)


def test_the_end_is_reported_with_the_exit_status(systemd):
    """`systemctl status` keeps showing it."""
    ServiceNotifier(notifier(systemd)).ended(3)
    assert received(systemd) == ["STATUS=everything has been stopped; leaving with exit status 3"]
