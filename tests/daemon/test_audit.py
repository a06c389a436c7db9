"""What syslog is told of clients."""

import socket

import pytest

from procman.core.attribution import Actor
from procman.daemon.audit import KINDS, PRIORITY, Audit, audit_line
from procman.logs.syslog import Syslog
from procman.runtime.journal.record import KINDS as ALL_KINDS
from procman.runtime.journal.record import Record

ANN = Actor("client", 1001, 1001, 812, "ann", "procmanctl", "/run/s")


def record(kind, reason="", **more):
    return Record(41, 0.0, 0.0, kind, reason=reason, actor=ANN, **more)


@pytest.mark.parametrize(
    ("record", "line"),
    [
        (
            record("op-begin", "restart", data={"targets": ["web", "db"]}),
            "audit: restart web db, by uid 1001 (ann, procmanctl, pid 812) [#41]",
        ),
        (
            record("access-denied", "it takes the role admin", times=3),
            "audit: refused: it takes the role admin, 3 times, by uid 1001 (ann, procmanctl, pid 812) [#41]",
        ),
        (
            record("access-denied", "it takes the role admin", data={"status": 403, "asked": "GET /v1/config"}),
            "audit: refused GET /v1/config: it takes the role admin, by uid 1001 (ann, procmanctl, pid 812) [#41]",
        ),
        (
            record("terminal", "attached", name="web"),
            "audit: terminal of web: attached, by uid 1001 (ann, procmanctl, pid 812) [#41]",
        ),
        (record("op-begin", "shutdown")._replace(actor=None), "audit: shutdown, by nobody [#41]"),
    ],
)
def test_a_line_says_who_asked_for_what(record, line):
    """It has the operation and its targets, or the reason of the refusal, the client, and the number in the journal."""
    assert audit_line(record) == line


def test_only_what_clients_do_is_told(tmp_path):
    """Of all kinds of records three are sent, with the facility authpriv, and without control characters."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as daemon:
        daemon.bind(str(tmp_path / "log"))
        daemon.setblocking(False)
        audit = Audit(Syslog("", address=str(tmp_path / "log"), priority=PRIORITY))
        for kind in ALL_KINDS:
            audit.take(record(kind, "a\nb\x1b[0m"))
        audit.close()
        lines = [daemon.recv(1000).decode() for _ in KINDS]
        with pytest.raises(BlockingIOError):
            daemon.recv(1000)
    assert all(line.startswith("<85>") and " procman[" in line and "a?b?[0m" in line for line in lines)
