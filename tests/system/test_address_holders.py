"""Who holds an address: of real sockets of this process, of children, and of nobody any more."""

import os
import socket
import subprocess
import sys

import pytest

from procman.system.address_holders import TcpPort, UnixPath, holders_of
from tests.support.free_ports import free_port

HOLDS = (
    "import socket, sys, os\n"
    "one = socket.create_server(('127.0.0.1', 0))\n"
    "os.fork() if len(sys.argv) > 1 else None\n"
    "print(one.getsockname()[1], flush=True)\nsys.stdin.read()\n"
)


@pytest.fixture
def port():
    """One that nobody holds."""
    return free_port()


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6], ids=["IPv4", "IPv6"])
def test_a_port_that_is_listened_on_has_its_process(family):
    """With its command and user."""
    with socket.create_server(("localhost", 0) if family is socket.AF_INET else ("::1", 0), family=family) as server:
        port = server.getsockname()[1]
        found = holders_of(TcpPort(port))
    (holder,) = found.processes
    assert (holder.pid, holder.uid, holder.others) == (os.getpid(), os.geteuid(), 0)
    assert os.path.basename(sys.executable)[:6] in holder.command
    assert os.getppid() in holder.ancestors


def test_the_same_port_of_another_address_is_not_in_the_way(port):
    """All addresses are in the way of one, and of all of them each one is."""

    def held(host: str) -> bool:
        return bool(holders_of(TcpPort(port, host)).processes)

    with socket.create_server(("127.0.0.1", port)):
        asked = ("127.0.0.1", "::ffff:127.0.0.1", "localhost", "", "a.name", "a\0", "127.0.0.2", "::1")
        assert [held(host) for host in asked] == [True] * 6 + [False] * 2
    with socket.create_server(("", port)):
        assert (held("127.0.0.1"), held("::1")) == (True, False)
    with socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True):
        assert (held("127.0.0.1"), held("::1")) == (True, True)


def test_a_udp_port_is_found_as_such(port):
    """TCP and UDP do not get in each other's way."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", port))
        assert [holder.pid for holder in holders_of(TcpPort(port, udp=True)).processes] == [os.getpid()]
        assert not holders_of(TcpPort(port)).processes


def test_of_several_processes_with_one_socket_the_eldest_is_named():
    """The others are counted: they are its workers. The tag of the environment is read."""
    command = [sys.executable, "-ISc", HOLDS, "fork"]
    environment = {**os.environ, "PROCMAN_ID": "supervisor/web/1.2.3"}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as process:
        port = int(process.stdout.readline())
        process.stdout.readline()
        (holder,) = holders_of(TcpPort(port)).processes
        assert (holder.pid, holder.others, holder.tag) == (process.pid, 1, "supervisor/web/1.2.3")
        process.stdin.close()


def test_a_port_that_nobody_holds(port):
    """Nothing is known of it."""
    assert not holders_of(TcpPort(port)).known


def test_connections_that_are_over_hold_a_port_for_a_while(port):
    """Whoever closes first keeps the address for a minute."""
    with socket.create_server(("127.0.0.1", port)) as server:
        client = socket.create_connection(("127.0.0.1", port))
        accepted, _ = server.accept()
        accepted.close()
        assert client.recv(1) == b""
        client.close()
    found = holders_of(TcpPort(port))
    assert (found.processes, found.closing) == ((), 1)


def test_a_unix_socket_has_its_process(tmp_path, monkeypatch):
    """By the path that it was bound to, and through a link to that."""
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "a b.sock"))
        server.listen()
        (tmp_path / "link").symlink_to("a b.sock")
        for name in ("a b.sock", "link"):
            assert [holder.pid for holder in holders_of(UnixPath(f"{tmp_path}/{name}")).processes] == [os.getpid()]
    found = holders_of(UnixPath(f"{tmp_path}/a b.sock"))
    assert (found.processes, found.stale_file) == ((), True)
    (tmp_path / "a b.sock").unlink()
    assert not holders_of(UnixPath(f"{tmp_path}/a b.sock")).known


def test_a_holder_that_cannot_be_seen_is_known_by_its_user(monkeypatch, port):
    """As for a master that is not root."""
    with socket.create_server(("127.0.0.1", port)):
        monkeypatch.setattr("procman.system.address_holders.all_pids", list)
        found = holders_of(TcpPort(port))
    assert (found.processes, found.hidden_uids) == ((), (os.geteuid(),))
    assert found.known


def test_without_proc_nothing_is_known(monkeypatch, port):
    """And nothing is raised."""
    monkeypatch.setattr("procman.system.address_holders.rows", lambda _: [])
    with socket.create_server(("127.0.0.1", port)):
        assert not holders_of(TcpPort(port)).known
