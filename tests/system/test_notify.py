"""What the service manager is told, by a socket that plays it."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from procman.system.notify import STATUS_MAX, Notifier


@pytest.fixture
def manager():
    """A socket that listens, and the folder it is in."""
    # Not under tmp_path: the path of a socket has to be short.
    with tempfile.TemporaryDirectory(prefix="pm") as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(f"{folder}/notify")
        sock.setblocking(False)
        yield sock


def told(sock: socket.socket) -> list[str]:
    return sock.recv(65536).decode().split("\n")


def notifier(sock: socket.socket, **variables: str) -> Notifier:
    return Notifier({"NOTIFY_SOCKET": sock.getsockname(), **variables})


@pytest.mark.parametrize(
    ("tell", "fields"),
    [
        (lambda to: to.ready(), ["READY=1"]),
        (lambda to: to.ready("3 of 3 run"), ["READY=1", "STATUS=3 of 3 run"]),
        (lambda to: to.status("ü"), ["STATUS=ü"]),
        (lambda to: to.stopping(), ["STOPPING=1"]),
        (lambda to: to.stopping("waiting"), ["STOPPING=1", "STATUS=waiting"]),
        (lambda to: to.watchdog(), ["WATCHDOG=1"]),
        (lambda to: to.main_pid(42), ["MAINPID=42"]),
        (lambda to: to.failed(2), ["EXIT_STATUS=2"]),
        (lambda to: to.failed(1, "no room", 28), ["ERRNO=28", "EXIT_STATUS=1", "STATUS=no room"]),
    ],
)
def test_each_message(manager, tell, fields):
    """A datagram, with a line for each field."""
    assert tell(notifier(manager)) is True
    assert told(manager) == fields


def test_a_reload_says_when_it_began(manager):
    """On the clock that systemd compares it with: microseconds, monotonic."""
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    assert notifier(manager).reloading("again")
    name, stamp, status = told(manager)
    after = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    assert (name, status) == ("RELOADING=1", "STATUS=again")
    assert before <= int(stamp.removeprefix("MONOTONIC_USEC=")) <= after


def test_an_abstract_socket():
    """It begins with an @ where a NUL is meant."""
    name = f"procman-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(f"\0{name}")
        assert Notifier({"NOTIFY_SOCKET": f"@{name}"}).ready()
        assert told(sock) == ["READY=1"]


def test_a_status_is_one_line_of_a_bounded_length(manager):
    """A second one would be taken for a field, and systemd reads only so much."""
    to = notifier(manager)
    to.status("one\nREADY=1\n\n two")
    assert told(manager) == ["STATUS=one READY=1 two"]
    to.ready("\U0001f427" * 10_000 + "\udcff")
    message = manager.recv(65536)
    assert len(message) <= 4096
    assert message.decode() == "READY=1\nSTATUS=" + "\U0001f427" * STATUS_MAX
    to.status("bad \udcff")
    assert told(manager) == ["STATUS=bad ?"]


# ---- who is told, and who is not


def test_the_variables_are_taken_out():
    """So that no program speaks for the service, or feeds its watchdog."""
    environ = {"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "2000000", "WATCHDOG_PID": "1", "OTHER": "1"}
    assert Notifier(environ).listens
    assert environ == {"OTHER": "1"}


def test_the_processs_own_environment_is_the_default():
    """What children inherit has them no more."""
    code = "import os; from procman.system.notify import Notifier; Notifier(); print('NOTIFY_SOCKET' in os.environ)"
    env = {**os.environ, "NOTIFY_SOCKET": "/x", "PYTHONPATH": str(Path(__file__).parents[2])}
    assert subprocess.check_output([sys.executable, "-c", code], env=env) == b"False\n"


@pytest.mark.parametrize(
    "variables",
    [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "relative"}, {"NOTIFY_SOCKET": "vsock:2:1234"}],
)
def test_nobody_to_be_told(variables):
    """Each message is dropped, and says so."""
    to = Notifier({**variables, "WATCHDOG_USEC": "2000000"})
    assert not to.listens
    assert to.watchdog_every is None
    assert [to.ready(), to.status("x"), to.watchdog(), to.stopping()] == [False] * 4


@pytest.mark.parametrize("path", ["/no/such/socket", "/" + "x" * 200, "/dev/null"])
def test_a_manager_that_cannot_be_reached(path):
    """That stops nobody; a later one may get through."""
    to = Notifier({"NOTIFY_SOCKET": path})
    assert [to.ready(), to.ready()] == [False, False]


def test_a_manager_that_does_not_listen_holds_nobody_up(manager):
    """Its queue is full after some messages; the rest is dropped, and what comes after it has read arrives."""
    to = notifier(manager)
    sent = [to.watchdog() for _ in range(5000)]
    assert sent[0] is True
    assert sent[-1] is False
    manager.setblocking(True)
    for _ in range(sent.count(True)):
        assert told(manager) == ["WATCHDOG=1"]
    assert to.status("back")
    assert told(manager) == ["STATUS=back"]


def test_after_close_nobody_is_told(manager):
    """After the close nothing is sent, and no descriptor stays open."""
    before = os.listdir("/proc/self/fd")
    to = notifier(manager)
    to.ready()
    to.close()
    to.close()
    assert to.ready() is False
    assert os.listdir("/proc/self/fd") == before


# ---- the watchdog


@pytest.mark.parametrize(
    ("usec", "whose", "every"),
    [
        ("2000000", None, 1.0),
        ("3000000", "mine", 1.5),
        ("2000000", "another", None),
        ("0", None, None),
        ("", None, None),
        ("-1", None, None),
        ("soon", None, None),
        ("18446744073709551615", None, 2**64 / 2_000_000),
        ("9" * 5000, None, None),
    ],
)
def test_how_often_the_watchdog_wants_to_be_fed(manager, usec, whose, every):
    """Twice in its time; not at all where it is another process's, or cannot be understood."""
    pids = {"mine": os.getpid(), "another": os.getpid() + 1}
    variables = {"WATCHDOG_USEC": usec} if whose is None else {"WATCHDOG_USEC": usec, "WATCHDOG_PID": str(pids[whose])}
    assert notifier(manager, **variables).watchdog_every == every
