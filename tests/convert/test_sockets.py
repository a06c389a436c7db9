"""Sockets in other engines: socket units for systemd, ports and a Service for containers, and what is lost."""

import pytest

from procman.convert import compose, kubernetes, systemd
from tests.support.export_checks import configured, target

FILE = """
[socket:http]
listen=tcp://*:8080, unix:///run/web.sock
mode=0660
backlog=4096
[socket:admin]
listen=tcp://127.0.0.1:8081
hold=wanted
[program:web]
command=/bin/web
user=daemon
sockets=http, admin
[program:docs]
command=/bin/docs
sockets=admin
lazy=true
idle_stop=10m
"""


@pytest.fixture
def exported(tmp_path):
    def export(engine, *, split=True):
        return engine.export(configured(tmp_path, FILE, users={"daemon": 1}), target(split=split))

    return export


def the_file(exported, end: str) -> str:
    """The one whose name ends so."""
    (found,) = [text for name, text in exported.files.items() if name.endswith(end)]
    return found


def test_systemd_opens_them_itself(exported):
    """A unit for each section; a lazy service is started by it, and by nothing else."""
    units = exported(systemd)
    http = the_file(units, "-http.held.socket")
    for line in (
        "ListenStream=0.0.0.0:8080",
        "ListenStream=/run/web.sock",
        "FileDescriptorName=http",
        "Backlog=4096",
        "SocketMode=0660",
        "SocketUser=daemon",
    ):
        assert f"\n{line}\n" in http
    web, docs = the_file(units, "-web.service"), the_file(units, "-docs.service")
    (sockets,) = [line for line in web.splitlines() if line.startswith("Sockets=")]
    assert [name.rpartition("-")[2] for name in sockets.split()] == ["http.held.socket", "admin.held.socket"]
    assert "[Install]" in web
    assert "[Install]" not in docs
    wanted = [line for line in the_file(units, ".target").splitlines() if line.startswith("Wants=")]
    assert [line.rpartition("-")[2] for line in wanted] == ["web.service", "admin.held.socket"]
    assert any("idle_stop is lost" in note for note in units.notes)
    assert any("hold=wanted is lost" in note for note in units.notes)


@pytest.mark.parametrize("split", [True, False])
def test_kubernetes_leads_to_the_ports(exported, split):
    """What listens on loopback cannot be reached from outside."""
    files = exported(kubernetes, split=split)
    service = the_file(files, "-service.yaml")
    assert "kind: Service" in service
    assert "targetPort: 8080" in service
    text = "".join(files.files.values())
    assert "containerPort: 8080" in text
    assert "8081" not in text
    if split:
        assert any("have the program listen there itself" in note for note in files.notes)
        assert any("lazy and idle_stop are lost" in note for note in files.notes)


@pytest.mark.parametrize("split", [True, False])
def test_compose_publishes_the_ports(exported, split):
    """Under their own numbers."""
    assert '"8080:8080"' in the_file(exported(compose, split=split), "compose.yaml")
