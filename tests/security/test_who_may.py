"""Which login may use which endpoint of the real master, on both kinds of sockets."""

import base64
import contextlib
import hashlib
import http.client
import json
import socket
import subprocess
import sys
import xmlrpc.client
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.support.free_ports import free_port
from tests.support.log_lines import PATIENCE
from tests.support.master_process import environment
from tests.support.running_master import SLEEPER, STUBBORN, RunningMaster

RIGHT, READER = "me:secret", "guest:guess"
WRONG = ("me:guess", "guest:secret", "undefined:undefined", "me", "", ":")
WAYS = ("unix", "tcp")

# What the right login gets: by row of the table, the target to ask for, the body to send, the status that comes back.
# In this order: one that ends something stands behind those that need it.
ANSWERS: Mapping[tuple[str, str], tuple[str, str, int]] = {
    ("GET", "/"): ("/", "", 200),
    ("POST", "/"): ("/", "", 200),
    ("GET", "/index.html"): ("/index.html", "", 200),
    ("POST", "/index.html"): ("/index.html", "", 200),
    ("GET", "/static/{edition}/{file}"): ("/static/0/main.js", "", 404),
    ("GET", "/static/{file}"): ("/static/main.js", "", 200),
    ("GET", "/tail.html"): ("/tail.html?processname=web", "", 200),
    ("GET", "/ok.html"): ("/ok.html", "", 200),
    ("GET", "/livez"): ("/livez", "", 200),
    ("GET", "/readyz"): ("/readyz", "", 200),
    ("GET", "/RPC2"): ("/RPC2", "", 400),
    ("GET", "/RPC2/"): ("/RPC2/", "", 400),
    ("POST", "/RPC2"): ("/RPC2", xmlrpc.client.dumps((), "supervisor.getState"), 200),
    ("POST", "/RPC2/"): ("/RPC2/", xmlrpc.client.dumps((), "supervisor.getState"), 200),
    ("GET", "/logtail/{name}"): ("/logtail/web", "", 200),
    ("GET", "/logtail/{name}/{channel}"): ("/logtail/web/stderr", "", 200),
    ("GET", "/mainlogtail"): ("/mainlogtail", "", 200),
    ("GET", "/metrics"): ("/metrics", "", 200),
    ("GET", "/v1/master"): ("/v1/master", "", 200),
    ("GET", "/v1/whoami"): ("/v1/whoami", "", 200),
    ("GET", "/v1/health"): ("/v1/health", "", 200),
    ("GET", "/v1/stop-plan"): ("/v1/stop-plan", "", 200),
    ("GET", "/v1/processes"): ("/v1/processes", "", 200),
    ("GET", "/v1/processes/{spec}"): ("/v1/processes/web", "", 200),
    ("GET", "/v1/figures"): ("/v1/figures", "", 200),
    ("GET", "/v1/operations"): ("/v1/operations", "", 200),
    ("GET", "/v1/operations/{id}"): ("/v1/operations/999", "", 404),
    ("GET", "/v1/events"): ("/v1/events", "", 200),
    ("GET", "/v1/journal"): ("/v1/journal", "", 200),
    ("GET", "/v1/journal/states"): ("/v1/journal/states?at=0", "", 200),
    ("GET", "/v1/journal/spans"): ("/v1/journal/spans?since=0&until=1", "", 200),
    ("GET", "/v1/journal/why"): ("/v1/journal/why?at=0&name=web", "", 200),
    ("GET", "/v1/why"): ("/v1/why", "", 200),
    ("GET", "/v1/graph"): ("/v1/graph", "", 200),
    ("GET", "/v1/limits"): ("/v1/limits", "", 200),
    ("GET", "/v1/hooks"): ("/v1/hooks", "", 200),
    ("GET", "/v1/sockets"): ("/v1/sockets", "", 200),
    ("GET", "/v1/scale"): ("/v1/scale", "", 200),
    ("POST", "/v1/scale"): ("/v1/scale", '{"scale": "web"}', 400),
    ("GET", "/v1/rolling"): ("/v1/rolling", "", 200),
    ("POST", "/v1/rolling/restart"): ("/v1/rolling/restart", '{"names": ["web"]}', 200),
    ("POST", "/v1/rolling/continue"): ("/v1/rolling/continue", '{"names": ["web"]}', 409),
    ("POST", "/v1/rolling/abort"): ("/v1/rolling/abort", '{"names": ["web"]}', 409),
    ("GET", "/v1/openapi.json"): ("/v1/openapi.json", "", 200),
    ("GET", "/v1/given"): ("/v1/given", "", 200),
    ("GET", "/v1/watches"): ("/v1/watches", "", 200),
    ("GET", "/v1/rotations"): ("/v1/rotations", "", 200),
    ("GET", "/v1/drift"): ("/v1/drift", "", 200),
    ("GET", "/v1/schedules"): ("/v1/schedules", "", 200),
    ("GET", "/v1/runs"): ("/v1/runs", "", 200),
    ("GET", "/v1/logs"): ("/v1/logs", "", 200),
    ("GET", "/v1/terminals"): ("/v1/terminals", "", 200),
    ("GET", "/v1/processes/{spec}/health"): ("/v1/processes/web/health", "", 400),
    ("GET", "/v1/processes/{spec}/attach"): ("/v1/processes/web/attach", "", 400),
    ("GET", "/v1/chaos/{id}"): ("/v1/chaos/999999", "", 404),
    ("GET", "/v1/crashes"): ("/v1/crashes", "", 200),
    ("GET", "/v1/crashes/{seq}"): ("/v1/crashes/999999", "", 404),
    ("GET", "/v1/processes/{spec}/run"): ("/v1/processes/web/run", "", 200),
    ("GET", "/v1/processes/{spec}/runs"): ("/v1/processes/web/runs", "", 200),
    ("GET", "/v1/processes/{spec}/log/{channel}"): ("/v1/processes/web/log/stdout", "", 200),
    ("GET", "/v1/log"): ("/v1/log", "", 200),
    ("GET", "/v1/config"): ("/v1/config", "", 200),
    ("GET", "/v1/master/config"): ("/v1/master/config", "", 200),
    ("GET", "/v1/notify"): ("/v1/notify", "", 200),
    ("GET", "/v1/processes/{spec}/config"): ("/v1/processes/web/config", "", 200),
    ("POST", "/v1/processes/{op}"): ("/v1/processes/signal", '{"names": ["web"], "signal": "CONT"}', 200),
    ("POST", "/v1/processes/{spec}/{op}"): ("/v1/processes/web/restart", "", 200),
    ("POST", "/v1/processes/{spec}/run"): ("/v1/processes/web/run", "{}", 409),
    ("POST", "/v1/processes/{spec}/stdin"): ("/v1/processes/web/stdin", "x", 200),
    ("POST", "/v1/processes/{spec}/chaos"): ("/v1/processes/web/chaos", "{}", 400),
    ("POST", "/v1/processes/{spec}/attach"): ("/v1/processes/web/attach", "{}", 400),
    # A body that cannot be read: a session would take web away from what comes next.
    ("POST", "/v1/processes/{spec}/debug"): ("/v1/processes/web/debug", '{"command": 1}', 400),
    ("POST", "/v1/terminals/{number}/input"): ("/v1/terminals/999/input", "x", 409),
    ("POST", "/v1/terminals/{number}/size"): ("/v1/terminals/999/size", '{"rows": 1, "columns": 1}', 409),
    ("POST", "/v1/processes/{spec}/health/now"): ("/v1/processes/web/health/now", "{}", 400),
    ("POST", "/v1/processes/{spec}/health/pause"): ("/v1/processes/web/health/pause", "{}", 400),
    ("POST", "/v1/log/clear"): ("/v1/log/clear", "", 200),
    ("POST", "/v1/log/reopen"): ("/v1/log/reopen", "", 200),
    ("POST", "/v1/config/reread"): ("/v1/config/reread", "", 200),
    ("GET", "/v1/config/plan"): ("/v1/config/plan", "", 200),
    ("GET", "/v1/config/confirmation"): ("/v1/config/confirmation", "", 200),
    ("POST", "/v1/config/update"): ("/v1/config/update", "{}", 200),
    ("POST", "/v1/config/apply"): ("/v1/config/apply", "{}", 400),
    ("POST", "/v1/config/confirm"): ("/v1/config/confirm", "{}", 404),
    ("POST", "/v1/config/abort"): ("/v1/config/abort", "{}", 404),
    ("POST", "/v1/notify/{name}/test"): ("/v1/notify/ops/test", "", 404),
    ("POST", "/v1/events/remote"): ("/v1/events/remote", '{"type": "x", "data": "y"}', 200),
    ("POST", "/v1/groups/{name}/add"): ("/v1/groups/web/add", "", 409),
    ("POST", "/v1/groups/{name}/remove"): ("/v1/groups/web/remove", "", 409),
    ("POST", "/v1/master/shutdown"): ("/v1/master/shutdown", "", 200),
    # The stubborn program keeps it up for so long.
    ("POST", "/v1/master/reload"): ("/v1/master/reload", "", 503),
    ("POST", "/v1/master/upgrade"): ("/v1/master/upgrade", "", 503),
}
# Probes send no password; they learn the status without details.
UNGUARDED = (("GET", "/livez"), ("GET", "/readyz"))

# Runs no master: it tells its table instead.
TELL_TABLE = """
import json, os, sys
from procman.access.roles import reaches
from procman.cli.procman import main
from procman.daemon.serving import Serving

async def tell(self, _):
    rows = [[one.method, one.pattern, {needs}] for one in self._routes.router.routes]
    os.write(1, json.dumps(rows).encode())
    os._exit(0)

Serving.start = tell
main(["-c", sys.argv[1]])
"""


def tell_table(folder, needs: str) -> list[list[Any]]:
    """Method and path of every route, as the master builds them, and an expression about it."""
    file = folder / "f.conf"
    file.write_text(f"[supervisord]\nlogfile={folder}/log\npidfile={folder}/pid\nsilent=true\n")
    told = subprocess.run(
        [sys.executable, "-c", TELL_TABLE.replace("{needs}", needs), str(file)],
        env=environment(folder),
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    rows: list[list[Any]] = json.loads(told.stdout)
    return rows


@pytest.fixture(scope="module")
def roles(tmp_path_factory) -> dict[tuple[str, str], str]:
    """Whether every route takes an account that may change things, or one that only reads."""
    kind = '"control" if reaches(one.needs.role, "operate") else "read"'
    return {(method, pattern): role for method, pattern, role in tell_table(tmp_path_factory.mktemp("table"), kind)}


class Guarded(RunningMaster):
    """A master whose sockets need a password, except one on loopback."""

    def __init__(self, folder) -> None:
        self.port, self.open_port = free_port(), free_port()
        sha = hashlib.sha1(b"guess").hexdigest()
        users = f"username=me\npassword=secret\nreadonly_username=guest\nreadonly_password={{SHA}}{sha}\n"
        super().__init__(
            folder,
            f"[program:web]\ncommand={SLEEPER}\nstartsecs=0\n"
            f"[program:slow]\ncommand={STUBBORN}\nstartsecs=0\nstopwaitsecs=100\n"
            f"[unix_http_server]\n{users}"
            f"[inet_http_server]\nport=127.0.0.1:{self.port}\n{users}"
            f"[inet_http_server:open]\nport=localhost:{self.open_port}\n",
        )
        self.wait_for("web entered RUNNING")
        self.wait_for("slow entered RUNNING")

    def connection(self, way: str) -> http.client.HTTPConnection:
        port = self.open_port if way == "open" else self.port
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        if way == "unix":
            connection.sock = socket.socket(socket.AF_UNIX)
            connection.sock.settimeout(PATIENCE)
            connection.sock.connect(self.socket)
        return connection

    def ask(self, way: str, method: str, target: str, body: str = "", login: str | None = None, **headers: str) -> int:
        """The status of an answer; streams are not read to the end."""
        return self.answer(way, method, target, body, login, **headers)[0]

    def answer(
        self, way: str, method: str, target: str, body: str = "", login: str | None = None, **headers: str
    ) -> tuple[int, bytes]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if login is not None:
            named["Authorization"] = basic(login)
        with contextlib.closing(self.connection(way)) as connection:
            connection.request(method, target, body.encode(), named)
            answer = connection.getresponse()
            return answer.status, answer.read() if answer.length is not None else b""

    def rpc(self, login: str) -> xmlrpc.client.ServerProxy:
        return xmlrpc.client.ServerProxy(f"http://{login}@127.0.0.1:{self.port}")


def basic(login: str) -> str:
    return "Basic " + base64.b64encode(login.encode()).decode()


@pytest.fixture(scope="module")
def master(tmp_path_factory) -> Iterator[Guarded]:
    master = Guarded(tmp_path_factory.mktemp("guarded"))
    yield master
    master.close()


def test_every_endpoint_has_an_answer_here(roles):
    """Every endpoint has an expected answer here, and so is tried with every login below."""
    assert set(roles) == set(ANSWERS), "say in ANSWERS what the right login gets"
    assert {role for (method, _), role in roles.items() if method == "GET"} == {"read"}
    # An XML-RPC call is always a POST; its methods have roles of their own.
    assert {pattern for (method, pattern), role in roles.items() if (method, role) == ("POST", "read")} == {
        "/RPC2",
        "/RPC2/",
    }


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("login", [None, *WRONG])
def test_who_does_not_log_in_gets_nothing(master, roles, way, login):
    """Without a valid password, every path, existing or not, is a 401."""
    for method, pattern in roles:
        target, body, status = ANSWERS[method, pattern]
        expected = status if (method, pattern) in UNGUARDED else 401
        assert master.ask(way, method, target, body, login) == expected, (method, pattern)
    for method, target in (
        ("GET", "/nothing"),
        ("PUT", "/"),
        ("OPTIONS", "*"),
        ("POST", "/livez"),
        ("GET", "/readyz/"),
    ):
        assert master.ask(way, method, target, "", login) == 401


@pytest.mark.parametrize("way", WAYS)
def test_who_may_only_look_may_look_at_everything(master, roles, way):
    """A read-only user can read everything, and gets a 403 with a reason for everything else."""
    for (method, pattern), role in roles.items():
        target, body, status = ANSWERS[method, pattern]
        if role == "read":
            assert master.ask(way, method, target, body, READER) == status, (method, pattern)
        else:
            found, said = master.answer(way, method, target, body, READER)
            assert found == 403, (method, pattern)
            assert json.loads(said)["error"]["code"] == "FORBIDDEN"
    assert master.ask(way, "GET", "/nothing", "", READER) == 404
    assert master.ask(way, "HEAD", "/v1/processes", "", READER) == 200


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("action", ["stopall", "restartall", "stop&processname=web", "clearlog&processname=web"])
def test_who_may_only_look_may_not_use_the_old_addresses_either(master, way, action):
    """A read-only user cannot use the GET addresses of supervisor's page that change something."""
    assert master.ask(way, "GET", f"/index.html?action={action}", "", READER) == 403
    assert master.ask(way, "GET", "/index.html?action=refresh", "", READER) == 301


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("login", "may"), [(READER, False), (RIGHT, True)])
def test_who_asks_is_told_what_they_may(master, way, login, may):
    """The answer says which role the user has, so the page hides the buttons of read-only users."""
    _, said = master.answer(way, "GET", "/v1/master", "", login)
    assert json.loads(said)["may_control"] is may
    with contextlib.closing(master.connection(way)) as connection:
        connection.request("GET", "/v1/events", headers={"Authorization": basic(login)})
        answer = connection.getresponse()
        line = next(line for line in answer if line.startswith(b"data: "))
        assert json.loads(line[6:])["master"]["may_control"] is may


MAY_READ = {
    *("system.listMethods", "system.methodHelp", "system.methodSignature", "system.multicall"),
    *(f"supervisor.get{what}" for what in ("APIVersion", "SupervisorVersion", "Version", "Identification", "State")),
    *(f"supervisor.get{what}" for what in ("PID", "ProcessInfo", "AllProcessInfo", "AllConfigInfo")),
    *(f"supervisor.{does}Process{which}Log" for does in ("read", "tail") for which in ("", "Stdout", "Stderr")),
    *("supervisor.readLog", "supervisor.readMainLog"),
}


def test_each_method_of_xml_rpc_has_its_role(master):
    """XML-RPC methods that change something are a fault for read-only users, even in a multicall."""
    with master.rpc(READER) as reader:
        methods = reader.system.listMethods()
        assert set(methods) >= MAY_READ
        for name in methods:
            try:
                getattr(reader, name)()
            except xmlrpc.client.Fault as fault:
                said = fault.faultString
            else:
                said = ""
            assert ("read-only" in said) == (name not in MAY_READ), name
        answers = reader.system.multicall([{"methodName": name, "params": []} for name in methods])
        for name, answer in zip(methods, answers, strict=True):
            refused = isinstance(answer, dict) and answer.get("faultCode") == 403
            assert refused == (name not in MAY_READ), name
        again = {"methodName": "system.multicall", "params": [[{"methodName": "supervisor.shutdown", "params": []}]]}
        assert reader.system.multicall([again])[0]["faultCode"] == 2
        assert reader.supervisor.getProcessInfo("web")["statename"] == "RUNNING"
        assert reader.supervisor.readLog(0, 10)
    with master.rpc(RIGHT) as right:
        assert right.supervisor.signalProcess("web", "CONT") is True
        assert right.system.multicall([{"methodName": "supervisor.clearLog", "params": []}]) == [True]


@pytest.mark.parametrize(
    "words", ["stop web", "restart all", "clear web", "signal HUP web", "reread", "update", "add web"]
)
def test_procmanctl_says_why_it_is_refused(master, words):
    """For a read-only user, procmanctl reports refusals with exit status 1, and read-only commands work."""
    refused = master.ctl("-u", "guest", "-p", "guess", *words.split())
    assert refused.returncode == 1
    assert "this account is read-only: log in with one that may make changes" in refused.stdout
    assert master.ctl("-u", "guest", "-p", "guess", "status", "web").returncode == 0
    assert master.ctl("-u", "guest", "-p", "wrong", "status").stdout == "Server requires authentication\n"


def test_another_sites_page_gets_nowhere(master, roles):
    """Requests of other sites fail: by DNS rebinding, by a posted form, or through a proxy to the unix socket."""
    for (method, pattern), role in roles.items():
        target, body, status = ANSWERS[method, pattern]
        refused = 403 if method == "POST" else status
        assert master.ask("open", method, target, body, Host="evil.example") == 403, (method, pattern)
        assert master.ask("open", method, target, body, Origin="http://evil.example") == refused, (method, pattern)
        for way, login in (("open", None), ("tcp", RIGHT), ("unix", RIGHT)):
            assert master.ask(way, method, target, body, login, Sec_Fetch_Site="cross-site") == refused, (way, pattern)
        if role == "read":
            assert master.ask("open", method, target, body, Host="app:9001") == status, (method, pattern)


def test_who_logs_in_may_do_everything(master, roles):
    """The control role may use every endpoint; the last one ends the master, so this test is the last."""
    over = False
    for method, pattern in sorted(roles, key=list(ANSWERS).index):
        target, body, status = ANSWERS[method, pattern]
        for way in WAYS:
            expected = 503 if over else status
            assert master.ask(way, method, target, body, RIGHT) == expected, (method, pattern, way)
            over = over or pattern == "/v1/master/shutdown"
