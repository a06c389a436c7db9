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


def exported_text(folder, engine, text):
    return engine.export(configured(folder, text), target(split=True))


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
    assert "Port: 8081" not in text
    if split:
        assert any("have the program listen there itself" in note for note in files.notes)
        assert any("lazy and idle_stop are lost" in note for note in files.notes)


@pytest.mark.parametrize("split", [True, False])
def test_compose_publishes_the_ports(exported, split):
    """Under their own numbers."""
    assert '"8080:8080"' in the_file(exported(compose, split=split), "compose.yaml")


MANY = """
[program:web]
command=/bin/web %(process_num)d
numprocs=3
process_name=w%(process_num)d
sockets=http, local, files
restart_strategy=rolling

[program:b]
command=/bin/b
depends_on=web

[socket:http]
listen=tcp://*:8080

[socket:local]
listen=tcp://127.0.0.1:8081

[socket:files]
listen=unix:///run/web.sock
"""
OTHER = "[program:api]\ncommand=/bin/api\nsockets=http\n"


def test_one_container_of_a_pod_listens_on_a_port(tmp_path):
    """They share its network, so all others would fail for ever; the note says how to have as many as before."""
    found = exported_text(tmp_path, kubernetes, MANY)
    text = the_file(found, "shop.yaml")
    assert (text.count("/bin/web"), text.count('/bin/b"'), text.count("containerPort: 8080")) == (1, 1, 1)
    (note,) = [note for note in found.notes if "share its network" in note]
    assert note == (
        "[program:web]: 3 processes listen on port 8080 and 8081, and the containers of a pod share its network: only "
        "the first one is here; for all, give it a Deployment of its own with replicas 3 and strategy RollingUpdate, "
        "maxUnavailable 1, maxSurge 0"
    )
    assert not any("numprocs makes containers" in note for note in found.notes)


def test_two_programs_of_a_pod_with_one_port_are_noted(tmp_path):
    """Which of them is meant to have it, only the user knows."""
    notes = exported_text(tmp_path, kubernetes, MANY.replace("numprocs=3", "numprocs=1") + OTHER).notes
    assert (
        "[program:api], [program:web]: all listen on port 8080, and the containers of a pod share its network: only "
        "one of them can; make a Deployment for each"
    ) in notes


@pytest.mark.parametrize("differ", [True, False])
def test_compose_publishes_a_port_of_many_containers_under_numbers_of_its_own(tmp_path, differ):
    """One number of the host for all of them is refused by docker."""
    text = MANY if differ else MANY.replace(" %(process_num)d\n", "\n")
    found = exported_text(tmp_path, compose, text)
    written = the_file(found, "compose.yaml")
    assert written.count('ports: ["8080"]') == (3 if differ else 1)
    assert "8080:8080" not in written
    assert any("`docker compose port SERVICE 8080`" in note for note in found.notes)
