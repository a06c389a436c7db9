"""Lines to a syslog daemon, which the tests play themselves."""

import re
import socket
import threading

import pytest

from procman.logs.syslog import Syslog


@pytest.fixture
def daemon(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.bind(str(tmp_path / "log"))
        yield sock


def test_each_line_is_one_message_with_the_programs_name(daemon):
    """Priority user.info, a time, procman as the sender, then supervisor's "NAME line"."""
    sink = Syslog("web", address=daemon.getsockname())
    sink.write(b"one\ntw")
    sink.write(b"o\nrest")
    sink.close()
    messages = [daemon.recv(1000).decode() for _ in range(3)]
    assert re.fullmatch(r"<14>\w{3} [ \d]\d \d\d:\d\d:\d\d procman\[\d+\]: web one", messages[0])
    assert [message.rpartition(": ")[2] for message in messages] == ["web one", "web two", "web rest"]
    assert sink.lost == 0


def test_the_masters_own_lines_have_no_name(daemon):
    """They begin with their time and level, as supervisord's."""
    sink = Syslog("", address=daemon.getsockname())
    sink.write(b"2026-11-23 09:00:00,000 INFO text\n")
    sink.close()
    assert re.search(r" procman\[\d+\]: 2026-11-23 09:00:00,000 INFO text$", daemon.recv(1000).decode())


def test_a_missing_daemon_is_reported_once_and_found_later(tmp_path, clock):
    """A container has no /dev/log: lines are counted as lost; a daemon that starts is used within a second."""
    said = []
    address = str(tmp_path / "log")
    sink = Syslog("web", said.append, address=address, clock=clock)
    sink.write(b"one\n")
    sink.write(b"two\n")
    assert len(said) == 1
    assert "cannot write to syslog" in said[0]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(address)
        clock.now += 1
        sink.write(b"three\n")
        assert sock.recv(100).endswith(b"web three")
    assert said[1:] == [f"syslog at {address} can be written again; 8 bytes of it were lost"]
    sink.close()


def test_a_daemon_that_does_not_read_costs_lines_not_time(daemon):
    """A full socket loses whole lines, each counted."""
    said = []
    sink = Syslog("web", said.append, address=daemon.getsockname())
    sink.write(b"x\n" * 2000)
    received = 0
    try:
        while daemon.recv(1000):
            received += 2
    except BlockingIOError:
        pass
    assert 0 < received < 4000
    assert received + sink.lost == 4000
    assert len(said) == 1
    sink.close()


def test_a_burst_reaches_a_daemon_that_reads(daemon, said, monkeypatch):
    """The kernel queues ten messages: the daemon has time to read them."""
    monkeypatch.setattr("procman.logs.syslog.ROOM_TIMEOUT", 60)
    lines = [f"line {number}" for number in range(200)]
    daemon.setblocking(True)
    read = []
    reader = threading.Thread(target=lambda: read.extend(daemon.recv(100) for _ in lines), daemon=True)
    reader.start()
    sink = Syslog("web", said.append, address=daemon.getsockname())
    sink.write("".join(f"{line}\n" for line in lines).encode())
    reader.join(60)
    assert [message.decode().rpartition("web ")[2] for message in read] == lines
    assert (sink.lost, said) == (0, [])
    sink.close()
