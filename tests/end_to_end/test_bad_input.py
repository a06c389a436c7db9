"""Bad input to the real master: each gets a proper answer, and other clients are not affected."""

import base64
import contextlib
import http.client
import json
import os
import socket
import struct
import xmlrpc.client
from collections.abc import Iterator

import pytest

from tests.support.free_ports import free_port
from tests.support.log_lines import PATIENCE
from tests.support.running_master import SLEEPER, RunningMaster, python

WAYS = ("unix", "tcp")
MIB = 1024 * 1024
BODY_MOST = MIB  # http/limits.py
LOG_MOST = 16 * MIB  # logs/reading.py
TURNS = 2000  # of the master's loop, within which it has noticed closed connections
RIGHT = "Basic " + base64.b64encode(b"me:secret").decode()

GET = b"GET /v1/master HTTP/1.1\r\nHost: localhost\r\n\r\n"
FLOOD = python("import os\nwhile True: os.write(1, b'x' * 1023 + bytes([10]))")


class ServingMaster(RunningMaster):
    """A master with a unix socket, one on loopback, and one on loopback with a password."""

    def __init__(self, folder) -> None:
        self.port, self.guarded_port = free_port(), free_port()
        super().__init__(
            folder,
            f"[program:web]\ncommand={SLEEPER}\nstartsecs=0\nstdout_logfile={folder}/web.log\n"
            f"[program:flood]\ncommand={FLOOD}\nstartsecs=0\nautostart=false\n"
            f"stdout_logfile={folder}/flood.log\nstdout_logfile_maxbytes=1MB\nstdout_logfile_backups=1\n"
            f"[inet_http_server]\nport=127.0.0.1:{self.port}\n"
            f"[inet_http_server:guarded]\nport=127.0.0.1:{self.guarded_port}\nusername=me\npassword=secret\n",
        )
        self.wait_for("web entered RUNNING")
        self.ctl("reread")  # when that is answered the logs are open, too
        # Stays connected: what it asks opens and closes nothing while the descriptors are counted.
        self.observer = self.http("unix")

    def close(self) -> None:
        self.observer.close()
        super().close()

    def connect(self, way: str) -> socket.socket:
        client = socket.socket(socket.AF_UNIX if way == "unix" else socket.AF_INET)
        client.connect(self.socket if way == "unix" else ("127.0.0.1", self.port))
        client.settimeout(PATIENCE)
        return client

    def http(self, way: str) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection("localhost", self.port)
        connection.sock = self.connect(way)
        return connection

    def ask(self, way: str, method: str, target: str, body: bytes = b"") -> tuple[int, bytes]:
        with contextlib.closing(self.http(way)) as connection:
            connection.request(method, target, body)
            answer = connection.getresponse()
            return answer.status, answer.read()

    def turn(self) -> None:
        """Return after a turn of its loop."""
        try:
            self.observer.request("GET", "/v1/processes/web")
            answer = self.observer.getresponse()
        except (http.client.RemoteDisconnected, ConnectionError):
            # It was the one that sat idle longest when there were too many; this connects it again.
            self.observer.close()
            self.observer.request("GET", "/v1/processes/web")
            answer = self.observer.getresponse()
        assert (answer.status, bool(answer.read())) == (200, True)

    def fds(self) -> dict[str, str]:
        """What each of its descriptors refers to."""
        found = {}
        for fd in os.listdir(f"/proc/{self.pid}/fd"):
            with contextlib.suppress(FileNotFoundError):  # closed since
                found[fd] = os.readlink(f"/proc/{self.pid}/fd/{fd}")
        return found

    def rss(self) -> int:
        with open(f"/proc/{self.pid}/statm") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def is_well(self) -> None:
        """It answers other clients, and its log reports no trouble."""
        for way in WAYS:
            assert self.ask(way, "GET", "/v1/processes/web")[0] == 200
        assert "cannot answer" not in self.text
        assert "Traceback" not in self.text

    @contextlib.contextmanager
    def unmoved(self, memory: int = 32 * MIB) -> Iterator[None]:
        """After the block it has as many descriptors as before; in between it gains no more than that much memory."""
        self.turn()
        fds, rss = self.fds(), self.rss()
        yield
        assert self.rss() - rss < memory
        self.is_well()
        for _ in range(TURNS):
            self.turn()  # it notices closed connections
            if len(self.fds()) <= len(fds):
                return
        raise AssertionError(f"{self.fds()}, and before {fds}")


@pytest.fixture(scope="module")
def master(tmp_path_factory) -> Iterator[ServingMaster]:
    master = ServingMaster(tmp_path_factory.mktemp("asked"))
    yield master
    assert master.process.poll() is None
    master.close()


def call(name: str, parameters: str = "") -> bytes:
    return f"<methodCall><methodName>{name}</methodName><params>{parameters}</params></methodCall>".encode()


def parameter(value: str) -> str:
    return f"<param><value>{value}</value></param>"


STATE = call("supervisor.getState")
LAUGHS = b'<!DOCTYPE x [<!ENTITY a "ha">' + b"".join(
    b'<!ENTITY %c "%s">' % (letter + 1, b"&%c;" % letter * 10) for letter in b"abcdefghij"
)
UNREADABLE = {
    "nothing": b"",
    "blank": b" \r\n",
    "no XML": b"hello",
    "JSON": b'{"jsonrpc": "2.0"}',
    "NUL": b"\0" * 100,
    "cut off": STATE[:-5],
    "two documents": STATE + STATE,
    "wrong nesting": b"<methodCall><methodName>supervisor.getState</methodCall></methodName>",
    "no method": b"<methodCall><params/></methodCall>",
    "empty method": call(""),
    "an answer": xmlrpc.client.dumps((1,), methodresponse=True).encode(),
    "a fault": xmlrpc.client.dumps(xmlrpc.client.Fault(1, "x")).encode(),
    "entity bomb": LAUGHS + b"]>" + call("supervisor.&k;"),
    "entity bomb in UTF-16": (LAUGHS + b"]>" + call("supervisor.&k;")).decode().encode("utf-16"),
    "external entity": b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>' + call("&a;"),
    "external DTD": b'<!DOCTYPE x SYSTEM "http://127.0.0.1:1/x.dtd">' + STATE,
    "unknown entity": call("supervisor.&x;"),
    "bytes that are not UTF-8": call("supervisor.getProcessInfo", parameter("<string>\u00ff</string>"))
    .decode()
    .encode("latin-1"),
    "unknown encoding": b'<?xml version="1.0" encoding="x-none"?>' + STATE,
    "encoding that is no text": b'<?xml version="1.0" encoding="zlib"?>' + STATE,
    "control character": call("supervisor.getProcessInfo", parameter("&#0;")),
    "very deep": b"<a>" * 100_000,
    "deep arrays": call(
        "supervisor.getState", parameter("<array><data><value>" * 100 + "</value></data></array>" * 100)
    ),
    "huge number": call("supervisor.readLog", parameter(f"<int>{'9' * 100_000}</int>") + parameter("<int>0</int>")),
    "no number": call("supervisor.readLog", parameter("<int>x</int>") + parameter("<int>0</int>")),
    "no truth": call("supervisor.startProcess", parameter("web") + parameter("<boolean>2</boolean>")),
    "unknown type": call("supervisor.getState", parameter("<python>x</python>")),
    "not base64": call("supervisor.getProcessInfo", parameter("<base64>x</base64>")),
    "many attributes": b"<methodCall " + b" ".join(b'a%d=""' % number for number in range(50_000)) + b"/>",
    "many elements": b"<methodCall>" + b"<i/>" * 200_000,
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", UNREADABLE)
def test_what_is_no_call_is_400(master, way, name):
    """A body that is no XML-RPC call gets a 400 with one line of reason, and the connection stays open."""
    with contextlib.closing(master.http(way)) as connection:
        connection.request("POST", "/RPC2", UNREADABLE[name])
        answer = connection.getresponse()
        said = answer.read().decode()
        assert (answer.status, said.count("\n"), len(said) < 300) == (400, 1, True), said
        connection.request("POST", "/RPC2", STATE)
        assert xmlrpc.client.loads(connection.getresponse().read())[0][0]["statename"] == "RUNNING"
    master.is_well()


FAULTS = {
    "unknown method": (call("supervisor.x"), 1),
    "no namespace": (call("getState"), 1),
    "private": (call("supervisor._start"), 1),
    "special": (call("supervisor.__init__"), 1),
    "three parts": (call("supervisor.getState.x"), 1),
    "letters of any script": (call("größe.große"), 1),
    "a very long name": (call("x" * 500_000), 1),
    "too many parameters": (call("supervisor.getState", parameter("1") * 10_000), 2),
    "too few": (call("supervisor.getProcessInfo"), 2),
    "text for a number": (call("supervisor.readLog", parameter("0") * 2), 2),
    "number for text": (call("supervisor.getProcessInfo", parameter("<int>1</int>")), 10),
    "truth for text": (call("supervisor.getProcessInfo", parameter("<boolean>1</boolean>")), 2),
    "number for input": (
        call("supervisor.sendProcessStdin", parameter("web") + parameter("<int>1</int>")),
        2,
    ),
    "nothing for text": (call("supervisor.getProcessInfo", parameter("<nil/>")), 2),
    "infinity": (call("supervisor.readLog", parameter("<double>1e999</double>") * 2), 2),
    "no offset": (call("supervisor.readLog", parameter(f"<i8>{2**63}</i8>") + parameter("<int>0</int>")), 2),
    "bytes that are no text": (call("supervisor.getProcessInfo", parameter("<base64>/w==</base64>")), 2),
    "an offset beyond any log": (
        call("supervisor.readLog", parameter(f"<i8>{2**63 - 1}</i8>") + parameter("<int>1</int>")),
        30,
    ),
    "negative length": (call("supervisor.readLog", parameter("<int>0</int>") + parameter("<int>-1</int>")), 3),
    "unknown process": (call("supervisor.startProcess", parameter("x" * 500_000)), 10),
    "path for a name": (call("supervisor.getProcessInfo", parameter("../../etc/passwd")), 10),
    "recursive multicall": (call("system.multicall", parameter("<int>1</int>")), 2),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_call_that_makes_no_sense_is_a_fault(master, name):
    """A call with wrong parameters is a fault with supervisor's number."""
    body, code = FAULTS[name]
    status, said = master.ask("unix", "POST", "/RPC2", body)
    assert status == 200
    with pytest.raises(xmlrpc.client.Fault) as fault:
        xmlrpc.client.loads(said)
    assert fault.value.faultCode == code
    master.is_well()


READABLE = {
    "comment": STATE.replace(b"<params>", b"<!-- x --><params>"),
    "CDATA": STATE.replace(b"supervisor.getState", b"<![CDATA[supervisor.getState]]>"),
    "UTF-16": STATE.decode().encode("utf-16"),
    "latin-1": b'<?xml version="1.0" encoding="iso-8859-1"?>' + STATE,
    "no params": b"<methodCall><methodName>supervisor.getState</methodName></methodCall>",
    "processing instruction": b"<?php x?>" + STATE,
    "a byte order mark": b"\xef\xbb\xbf" + STATE,
}


@pytest.mark.parametrize("name", READABLE)
def test_what_is_only_unusual_is_understood(master, name):
    """Unusual but valid XML, as some clients write it, is understood."""
    _, said = master.ask("tcp", "POST", "/RPC2", READABLE[name])
    assert xmlrpc.client.loads(said)[0][0]["statename"] == "RUNNING"


def test_bytes_are_text_to_a_process(master):
    """Base64 is accepted as text for stdin, as in supervisor: clients use it for characters that XML cannot hold."""
    body = xmlrpc.client.dumps(("web", xmlrpc.client.Binary(b"\x1b[A\n")), "supervisor.sendProcessStdin")
    assert xmlrpc.client.loads(master.ask("unix", "POST", "/RPC2", body.encode())[1])[0] == (True,)


@pytest.mark.parametrize(
    ("target", "body"),
    [
        ("/v1/processes/start", b""),
        ("/v1/processes/start", b"[]"),
        ("/v1/processes/start", b"{"),
        ("/v1/processes/start", b"\xff\xfe"),
        ("/v1/processes/start", b"[" * 100_000),
        ("/v1/processes/start", b'{"names":' * 50_000),
        ("/v1/processes/start", b'{"names": ' + b"9" * 100_000 + b"}"),
        ("/v1/processes/start", b'{"names": "web"}'),
        ("/v1/processes/start", b'{"names": [1]}'),
        ("/v1/processes/web/start", b'{"wait": 1}'),
        ("/v1/processes/web/start", b'{"wait": NaN}'),
        ("/v1/config/update", b'{"groups": {}}'),
        ("/v1/events/remote", b'{"type": 1}'),
    ],
)
def test_json_that_makes_no_sense_is_400(master, target, body):
    """Bad JSON gets a 400 that says what was expected."""
    status, said = master.ask("unix", "POST", target, body)
    assert (status, json.loads(said)["error"]["code"]) == (400, "BAD_ARGUMENTS")
    master.is_well()


@pytest.mark.parametrize(
    "query", ["offset=x", "offset=9" + "9" * 5000, f"offset={2**64}", "tail=", "offset=0&length=1e3"]
)
def test_a_query_that_is_no_number_is_400(master, query):
    """A query for part of a log that is not a number gets a 400."""
    assert master.ask("unix", "GET", f"/v1/log?{query}")[0] == 400
    master.is_well()


def post(size: int | str, more: bytes = b"") -> bytes:
    return f"POST /RPC2 HTTP/1.1\r\nHost: localhost\r\nContent-Length: {size}\r\n".encode() + more + b"\r\n"


CHUNKED = b"POST /RPC2 HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
REFUSED = {
    "10 MB": (post(10_000_000) + b"x" * 10_000_000, 413),
    "10 MB in chunks": (CHUNKED + (b"10000\r\n" + b"x" * 65536 + b"\r\n") * 160, 413),
    "a chunk of 10 MB": (CHUNKED + b"989680\r\n" + b"x" * 10_000_000, 413),
    "a length beyond all": (post("9" * 20), 413),
    "a length with more digits than a number has": (post("9" * 5000), 400),
    "a length that is none": (post("ten"), 400),
    "a negative length": (post(-1), 400),
    "two lengths": (post(len(STATE), b"Content-Length: 7\r\n") + STATE, 400),
    "a length and chunks": (post(len(STATE), b"Transfer-Encoding: chunked\r\n") + STATE, 400),
    "a size of a chunk that is none": (CHUNKED + b"x\r\n", 400),
    "a chunk that is longer than it says": (CHUNKED + b"1\r\nabc\r\n", 400),
    "no length": (b"POST /RPC2 HTTP/1.1\r\nHost: localhost\r\n\r\n", 411),
    "headers of 20 kB": (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 20_000 + b"\r\n\r\n", 431),
    "headers without an end": (b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: x\r\n" * 200_000, 431),
    "200 headers": (b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: x\r\n" * 200 + b"\r\n", 431),
    "a target of 20 kB": (b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 431),
    "a header without a name": (b"GET / HTTP/1.1\r\nHost: localhost\r\n: x\r\n\r\n", 400),
    "a NUL": (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: \0\r\n\r\n", 400),
    "another protocol": (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", 400),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    "a tunnel": (b"CONNECT localhost:22 HTTP/1.1\r\nHost: localhost\r\n\r\n", 501),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_taken_is_refused(master, way, name):
    """A refused request gets its status even if the client sends everything before it reads, and is not buffered."""
    data, status = REFUSED[name]
    with master.unmoved(), contextlib.closing(master.connect(way)) as client:
        client.sendall(data)
        said = client.makefile("rb").read() if status != 411 else client.recv(4096)
        assert said.startswith(b"HTTP/1.1 %d " % status), said[:200]
        assert status != 413 or b"larger than 1048576 bytes" in said


@pytest.mark.parametrize("target", ["/v1/processes/web/stdin", "/v1/config/update", "/RPC2"])
def test_a_body_over_the_limit_is_told_the_limit(master, target):
    """A body over the limit is refused with the limit at every endpoint; one of just that size is processed."""
    status, said = master.ask("unix", "POST", target, b"x" * (BODY_MOST + 1))
    assert (status, said) == (413, b"the request's body is larger than 1048576 bytes\n")
    assert master.ask("unix", "POST", target, b" " * BODY_MOST)[0] in (200, 400)


def test_input_that_nobody_reads_is_refused_in_the_end(master):
    """Unread input for a process is bounded: further input is refused, and memory does not grow."""
    with master.unmoved():
        statuses = [master.ask("unix", "POST", "/v1/processes/web/stdin", b"x" * BODY_MOST)[0] for _ in range(20)]
    assert statuses[-1] == 500
    assert set(statuses) <= {200, 500}


@pytest.mark.parametrize("way", WAYS)
def test_a_request_that_ends_early_is_400(master, way):
    """A request that ends early gets a 400 if the client still reads."""
    with master.unmoved():
        for data in (b"GET / HT", GET[:-2], post(100) + b"x", CHUNKED + b"64\r\nx"):
            with contextlib.closing(master.connect(way)) as client:
                client.sendall(data)
                client.shutdown(socket.SHUT_WR)
                assert client.makefile("rb").read().startswith(b"HTTP/1.1 400 ")
            gone = master.connect(way)
            gone.sendall(data)
            gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset, over TCP
            gone.close()


def test_what_is_sent_behind_a_request_is_the_next_one(master):
    """Bytes after the stated length are a new, bad request: neither part of the body nor smuggled."""
    with contextlib.closing(master.connect("tcp")) as client:
        client.sendall(post(len(STATE)) + STATE + b"<more>")
        client.shutdown(socket.SHUT_WR)
        said = client.makefile("rb").read()
        assert said.startswith(b"HTTP/1.1 200 ")
        assert said.count(b"HTTP/1.1 ") == 2
        assert b"HTTP/1.1 400 " in said


@pytest.mark.parametrize("way", WAYS)
def test_requests_that_are_sent_ahead_are_answered_in_order(master, way):
    """Hundreds of pipelined requests are answered in order, with a bounded buffer."""
    paths = [f"/nothing-{number}" for number in range(1000)]
    wanted = b"".join(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() for path in paths)
    with master.unmoved(), contextlib.closing(master.connect(way)) as client, client.makefile("rb") as reading:
        client.sendall(wanted)
        for path in paths:
            assert reading.readline().split()[1] == b"404"
            length = 0
            while (line := reading.readline().strip()) != b"":
                length = int(line.split()[1]) if line.lower().startswith(b"content-length:") else length
            assert path.encode() in reading.read(length)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET /v1/pro",
        b"GET / HTTP/1.1\r\nX: " + b"x" * 15_000,
        post(BODY_MOST) + b"x" * (BODY_MOST - 1),
        GET,
    ],
    ids=["idle", "half a line", "half a head", "most of a megabyte", "idle after a request"],
)
def test_hundreds_who_do_not_go_on_are_in_nobodys_way(master, way, sent):
    """Hundreds of stalled requests are kept within a bound, new clients are served, and nothing is left afterwards."""
    with contextlib.ExitStack() as clients, master.unmoved(64 * MIB):
        for _ in range(200):
            client = clients.enter_context(contextlib.closing(master.connect(way)))
            client.sendall(sent)
        master.is_well()
        if way == "unix":
            assert master.ctl("status", "web").returncode == 0
        clients.close()


def test_more_clients_than_there_is_room_for_make_room_for_each_other(master):
    """Of hundreds of idle clients, those idle longest are dropped; the master stays within its descriptors."""
    with contextlib.ExitStack() as clients, master.unmoved():
        fds = len(master.fds())
        for _ in range(600):
            clients.enter_context(contextlib.closing(master.connect("unix"))).sendall(GET)
            assert len(master.fds()) < fds + 256 + 128
        master.is_well()
        clients.close()


def test_a_flood_of_wrong_passwords_locks_nobody_out(master):
    """A flood of wrong passwords gets 401s with supervisor's realm, and the right password still works."""

    def ask(login: str) -> tuple[int, str | None]:
        connection = http.client.HTTPConnection("127.0.0.1", master.guarded_port, timeout=PATIENCE)
        with contextlib.closing(connection):
            connection.request("POST", "/RPC2", STATE, {"Authorization": login})
            answer = connection.getresponse()
            return answer.status, answer.headers["WWW-Authenticate"]

    with master.unmoved():
        for number in range(500):
            answer = ask("Basic " + base64.b64encode(f"me:{number}".encode()).decode())
            assert answer == (401, 'Basic realm="default"')
            if number % 100 == 0:
                assert ask(RIGHT)[0] == 200


def test_who_has_no_password_cannot_make_it_hold_a_body(master):
    """Without a password, the refusal comes before the body, which is not buffered."""
    with master.unmoved(), contextlib.ExitStack() as clients:
        for _ in range(100):
            client = clients.enter_context(
                contextlib.closing(socket.create_connection(("127.0.0.1", master.guarded_port)))
            )
            client.settimeout(PATIENCE)
            client.sendall(post(BODY_MOST) + b"x" * 100_000)
            assert client.recv(100).startswith(b"HTTP/1.1 401 ")
        clients.close()


@pytest.mark.parametrize("way", WAYS)
def test_who_reads_a_large_answer_slowly_is_waited_for_within_a_bound(master, way):
    """Many slow readers of large answers cost bounded memory, and other clients read their logs."""
    log = master.folder / "web.log"
    log.write_bytes(b"x" * LOG_MOST)
    target = "/v1/processes/web/log/stdout?offset=0"
    with contextlib.ExitStack() as clients, master.unmoved(128 * MIB):
        for _ in range(30):
            client = clients.enter_context(contextlib.closing(master.connect(way)))
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.sendall(f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            assert client.recv(1) == b"H"
        status, data = master.ask(way, "GET", target)
        assert (status, len(data)) == (200, LOG_MOST)
        clients.close()
    log.write_bytes(b"")


def test_a_multicall_cannot_be_made_to_answer_without_end(master):
    """A multicall whose answer would be too large gets a fault, and other clients are served meanwhile."""
    log = master.folder / "web.log"
    log.write_bytes(b"x" * MIB)
    calls = [{"methodName": "supervisor.readProcessStdoutLog", "params": ["web", 0, 0]}] * 1000
    body = xmlrpc.client.dumps((calls,), "system.multicall").encode()
    with master.unmoved(64 * MIB), contextlib.closing(master.http("tcp")) as connection:
        connection.request("POST", "/RPC2", body)
        master.is_well()
        (answers,) = xmlrpc.client.loads(connection.getresponse().read())[0]
    read = [answer for answer in answers if isinstance(answer, str)]
    refused = [answer for answer in answers if not isinstance(answer, str)]
    assert (len(read), len(refused)) == (4, 996)
    assert "ask in several calls" in refused[0]["faultString"]
    log.write_bytes(b"")


@pytest.mark.parametrize("target", ["/logtail/flood", "/v1/processes/flood/log/stdout?follow=1", "/v1/events"])
def test_who_never_reads_a_stream_keeps_nobody_waiting(master, target):
    """A client that never reads its stream delays neither the flooding program nor other readers, at bounded memory."""
    assert master.ask("unix", "POST", "/v1/processes/flood/restart")[0] == 200
    with contextlib.ExitStack() as clients, master.unmoved(64 * MIB):
        for way in WAYS * 5:
            client = clients.enter_context(contextlib.closing(master.connect(way)))
            client.sendall(f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            assert client.recv(1) == b"H"
        # The program writes on: more than all buffers on the way could hold.
        with contextlib.closing(master.http("unix")) as connection:
            connection.request("GET", "/logtail/flood")
            reading = connection.getresponse()
            for _ in range(32):
                assert len(reading.read(MIB)) == MIB
        master.is_well()
        clients.close()
    assert master.ask("unix", "POST", "/v1/processes/flood/stop")[0] == 200


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.slow
def test_who_hangs_up_in_the_middle_leaves_nothing_behind(master, way):
    """A client that disconnects during an answer, a stream or a stop leaves nothing behind, and the stop is done."""
    log = master.folder / "web.log"
    log.write_bytes(b"x" * LOG_MOST)
    with master.unmoved(128 * MIB):
        for target in ("/v1/processes/web/log/stdout?offset=0", "/mainlogtail", "/v1/events"):
            for _ in range(5):
                client = master.connect(way)
                client.sendall(f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
                assert client.recv(1) == b"H"
                client.close()
        seen = master.so_far()
        client = master.connect(way)
        client.sendall(b"POST /v1/processes/web/restart HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n")
        client.close()
        master.wait_for("web entered RUNNING", after=seen)
    log.write_bytes(b"")
