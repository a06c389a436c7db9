"""The same bytes to the sockets of supervisord and procman: the statuses that a client gets."""

import base64
import contextlib
import socket
import xmlrpc.client
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.free_ports import free_port
from tests.support.listening_sockets import listening
from tests.support.side_by_side import PROCMAN, SUPERVISORD, running

pytest.importorskip("supervisor.http", reason="the oracle is not installed: pip install supervisor")

CONFIG = """\
[supervisord]
logfile=%(here)s/master.log
pidfile=%(here)s/master.pid
childlogdir=%(here)s
[unix_http_server]
file=%(here)s/s
username=me
password={{SHA}}e5e9fa1ba31ecd1ae84f75caaa474f3a663f05f4
[inet_http_server]
port=127.0.0.1:{first}
username=me
password=secret
[inet_http_server:open]
port=localhost:{second}
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[program:web]
command=sleep 1000
startsecs=0
"""

CALL = xmlrpc.client.dumps((), "supervisor.getState").encode()
PATIENCE = 60


def basic(login: str) -> str:
    return "Authorization: Basic " + base64.b64encode(login.encode()).decode()


def request(line: str, *headers: str, body: bytes = b"") -> bytes:
    length = [f"Content-Length: {len(body)}"] if body else []
    return "\r\n".join([line, "Host: localhost", *length, *headers, "", ""]).encode() + body


POST = "POST /RPC2 HTTP/1.1"
SAME = {
    "a call": request(POST, body=CALL),
    "a call by HTTP/1.0": request("POST /RPC2 HTTP/1.0", body=CALL),
    "a call with a slash behind": request("POST /RPC2/ HTTP/1.1", body=CALL),
    "a call as npm's client sends it": request(POST, "Authorization: Basic undefined:undefined", body=CALL),
    "a call by GET": request("GET /RPC2 HTTP/1.1"),
    "a call by HEAD": request("HEAD /RPC2 HTTP/1.1"),
    "a call without a length": request(POST),
    "no XML": request(POST, body=b"hello"),
    "no method": request(POST, body=b"<methodCall><params/></methodCall>"),
    "a log": request("GET /logtail/web HTTP/1.1"),
    "a log's channel": request("GET /logtail/web/stderr HTTP/1.1"),
    "a log of a group": request("GET /logtail/web:web/stdout HTTP/1.1"),
    "a log of a group, quoted": request("GET /logtail/web%3Aweb HTTP/1.1"),
    "the master's log": request("GET /mainlogtail HTTP/1.1"),
    "no such program": request("GET /logtail/nope HTTP/1.1"),
    "no such channel": request("GET /logtail/web/nope HTTP/1.1"),
    "a log of nobody": request("GET /logtail/ HTTP/1.1"),
    "the page": request("GET / HTTP/1.1"),
    "the page by its name": request("GET /index.html HTTP/1.1"),
    "nothing there": request("GET /nothing HTTP/1.1"),
    "a way out": request("GET /../../../etc/passwd HTTP/1.1"),
    "no host": b"GET / HTTP/1.1\r\n\r\n",
}
LOGINS = {
    "nobody": [],
    "right": [basic("me:secret")],
    "right, in small letters": [basic("me:secret").replace("Basic", "basic")],
    "a wrong password": [basic("me:Secret")],
    "a wrong name": [basic("Me:secret")],
    "another scheme": ["Authorization: Digest username=me"],
    "no scheme": ["Authorization: me:secret"],
    "nothing behind the scheme": ["Authorization: Basic"],
}
# supervisord's status is of no use here; see docs/differences.md.
DIFFERENT = {
    "a login without a password": (request("GET / HTTP/1.1", basic("me")), 500, 401),
    "a login that is not base64": (request("GET / HTTP/1.1", "Authorization: Basic ===="), 500, 401),
    "a length that is none": (request(POST, basic("me:secret"), "Content-Length: x"), 500, 400),
    "a method that is not known": (request("DELETE / HTTP/1.1", basic("me:secret"), body=b"x"), 400, 405),
}


class Peer:
    """One of the two masters and its sockets."""

    def __init__(self, folder: Path, first: int, second: int) -> None:
        self.unix, self.guarded, self.open = str(folder / "s"), ("127.0.0.1", first), ("127.0.0.1", second)
        with xmlrpc.client.ServerProxy(f"http://127.0.0.1:{second}") as server:
            # Neither tells a client when its programs have been started.
            while server.supervisor.getProcessInfo("web")["statename"] != "RUNNING":
                pass

    def ask(self, where: str | tuple[str, int], data: bytes) -> tuple[int, str]:
        """The status, and the realm of a login."""
        with socket.socket(socket.AF_UNIX if isinstance(where, str) else socket.AF_INET) as client:
            client.settimeout(PATIENCE)
            client.connect(where)
            client.sendall(data)
            head = b""
            while b"\r\n\r\n" not in head and (more := client.recv(4096)):
                head += more
        status, *headers = head.partition(b"\r\n\r\n")[0].decode().split("\r\n")
        realm = [header.partition(": ")[2] for header in headers if header.lower().startswith("www-authenticate:")]
        return int(status.split(" ")[1]), "".join(realm)


@pytest.fixture(scope="module")
def peers() -> Iterator[tuple[Peer, Peer]]:
    """Supervisord and procman."""
    with contextlib.ExitStack() as stack:
        yield tuple(stack.enter_context(peer(master)) for master in (SUPERVISORD, PROCMAN))


@contextlib.contextmanager
def peer(master: tuple[str, ...]) -> Iterator[Peer]:
    """One of them, running."""
    ports = free_port(), free_port()

    def write(folder: Path) -> Path:
        path = folder / "supervisord.conf"
        path.write_text(CONFIG.format(first=ports[0], second=ports[1]))
        return path

    with running(master, write) as folder:
        yield Peer(folder, *ports)


@pytest.mark.parametrize("name", SAME)
def test_a_request_is_answered_with_the_same_status(peers, name):
    """Requests have the same status without a password."""
    supervisord, procman = (peer.ask(peer.open, SAME[name]) for peer in peers)
    assert procman == supervisord


@pytest.mark.parametrize("way", ["unix", "guarded"])
@pytest.mark.parametrize("name", LOGINS)
def test_a_login_is_answered_with_the_same_status(peers, name, way):
    """Logins have the same status for calls, pages, logs and unknown paths, with clear and hashed passwords."""
    for line in (POST, "GET / HTTP/1.1", "GET /logtail/web HTTP/1.1", "GET /nothing HTTP/1.1"):
        data = request(line, *LOGINS[name], body=CALL if line is POST else b"")
        supervisord, procman = (peer.ask(getattr(peer, way), data) for peer in peers)
        assert procman == supervisord


@pytest.mark.parametrize("name", DIFFERENT)
def test_what_is_an_error_of_the_server_there_is_one_of_the_client_here(peers, name):
    """Where supervisord answers 500 for a bad request, procman answers 4xx; no other differences are known."""
    data, theirs, ours = DIFFERENT[name]
    assert [peer.ask(peer.guarded, data)[0] for peer in peers] == [theirs, ours]


PORTS = ("*:{}", "{}", ":{}", "127.0.0.1:{}", "LocalHost:{}", "0.0.0.0:{}")


def test_they_listen_on_the_same_addresses():
    """Every form of an address works in both, with several servers in one file; a star means IPv4."""
    found = []
    for master in (SUPERVISORD, PROCMAN):
        ports = [free_port() for _ in PORTS]
        servers = "".join(
            f"[inet_http_server:{number}]\nport={form.format(port)}\nusername=me\npassword=secret\n"
            for number, (form, port) in enumerate(zip(PORTS, ports, strict=True))
        )

        def write(folder: Path, servers: str = servers) -> Path:
            path = folder / "supervisord.conf"
            path.write_text(CONFIG.partition("[unix_http_server]")[0] + servers)
            return path

        with running(master, write) as folder:
            pid = int((folder / "master.pid").read_text())
            found.append({ports.index(port): address for address, port in listening(pid)})
    assert (
        found[0]
        == found[1]
        == {
            0: "0.0.0.0",
            1: "0.0.0.0",
            2: "0.0.0.0",
            3: "127.0.0.1",
            4: "127.0.0.1",
            5: "0.0.0.0",
        }
    )
