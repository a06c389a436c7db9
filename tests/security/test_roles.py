"""Which role may use which endpoint and which method, of its own program and of another one, on the real master."""

import hashlib
import http.client
import itertools
import json
import time
import xmlrpc.client
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import pytest

from procman.access.roles import ROLES, Needs, Scope
from procman.api.reference_pages import methods
from tests.security.test_who_may import ANSWERS, tell_table
from tests.support.free_ports import free_port
from tests.support.log_lines import PATIENCE
from tests.support.running_master import SLEEPER, RunningMaster

# The role that each endpoint needs, and for what: "some" programs, which are judged by name, or the whole "fleet".
NEEDS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "none anyone": (
        *(("GET", path) for path in ("/", "/index.html", "/ok.html", "/static/{edition}/{file}", "/static/{file}")),
        *itertools.product(("GET", "POST"), ("/RPC2", "/RPC2/")),
        ("GET", "/v1/whoami"),
    ),
    "metrics some": (("GET", "/livez"), ("GET", "/readyz"), ("GET", "/metrics")),
    "read some": tuple(
        ("GET", f"/v1/{path}")
        for path in (
            *("master", "health", "processes", "processes/{spec}", "processes/{spec}/health", "processes/{spec}/runs"),
            *(
                "processes/{spec}/config",
                "figures",
                "graph",
                "limits",
                "given",
                "hooks",
                "why",
                "drift",
                "schedules",
                "runs",
                "config",
            ),
            *(
                "given",
                "hooks",
                "rolling",
                "scale",
                "sockets",
                "watches",
                "rotations",
                "openapi.json",
                "events",
                "journal",
                "journal/states",
                "journal/spans",
                "journal/why",
                "terminals",
                "chaos/{id}",
            ),
            *("operations", "operations/{id}", "config/plan", "config/confirmation"),
        )
    ),
    "read fleet": (("GET", "/v1/master/config"), ("GET", "/v1/stop-plan"), ("GET", "/v1/notify")),
    "logs some": (
        ("GET", "/tail.html"),
        ("GET", "/logtail/{name}"),
        ("GET", "/logtail/{name}/{channel}"),
        ("GET", "/v1/logs"),
        ("GET", "/v1/crashes"),
        ("GET", "/v1/crashes/{seq}"),
        ("GET", "/v1/processes/{spec}/log/{channel}"),
        ("GET", "/v1/processes/{spec}/run"),
        ("GET", "/v1/processes/{spec}/attach"),
    ),
    "logs fleet": (("GET", "/mainlogtail"), ("GET", "/v1/log")),
    "operate some": (
        ("POST", "/"),
        ("POST", "/index.html"),
        ("POST", "/v1/processes/{op}"),
        ("POST", "/v1/processes/{spec}/{op}"),
        ("POST", "/v1/processes/{spec}/run"),
        ("POST", "/v1/rolling/restart"),
        ("POST", "/v1/scale"),
        ("POST", "/v1/rolling/continue"),
        ("POST", "/v1/processes/{spec}/health/now"),
        ("POST", "/v1/processes/{spec}/health/pause"),
    ),
    "configure some": (
        ("POST", "/v1/rolling/abort"),
        ("POST", "/v1/config/update"),
        ("POST", "/v1/config/apply"),
        ("POST", "/v1/config/confirm"),
        ("POST", "/v1/config/abort"),
        ("POST", "/v1/groups/{name}/add"),
        ("POST", "/v1/groups/{name}/remove"),
    ),
    "configure fleet": (
        ("POST", "/v1/config/reread"),
        ("POST", "/v1/log/clear"),
        ("POST", "/v1/log/reopen"),
        ("POST", "/v1/master/reload"),
        ("POST", "/v1/notify/{name}/test"),
    ),
    "admin some": (
        ("POST", "/v1/processes/{spec}/stdin"),
        ("POST", "/v1/processes/{spec}/attach"),
        ("POST", "/v1/processes/{spec}/debug"),
        ("POST", "/v1/processes/{spec}/chaos"),
        ("POST", "/v1/terminals/{number}/input"),
        ("POST", "/v1/terminals/{number}/size"),
    ),
    "admin fleet": (
        ("POST", "/v1/events/remote"),
        ("POST", "/v1/master/shutdown"),
        ("POST", "/v1/master/upgrade"),
    ),
}
ROWS = {row: needs for needs, rows in NEEDS.items() for row in rows}

# The same of the methods of XML-RPC.
METHODS: Mapping[str, str] = {
    "none anyone": "system.listMethods system.methodHelp system.methodSignature system.multicall",
    "read some": "getAPIVersion getVersion getSupervisorVersion getIdentification getState getPID getAllConfigInfo "
    "getProcessInfo getAllProcessInfo",
    "logs some": "readProcessLog readProcessStdoutLog readProcessStderrLog tailProcessLog tailProcessStdoutLog "
    "tailProcessStderrLog",
    "logs fleet": "readLog readMainLog",
    "operate some": "startProcess startProcessGroup startAllProcesses stopProcess stopProcessGroup stopAllProcesses "
    "signalProcess signalProcessGroup signalAllProcesses clearProcessLog clearProcessLogs clearAllProcessLogs",
    "configure some": "addProcessGroup removeProcessGroup",
    "configure fleet": "clearLog reloadConfig restart",
    "admin some": "sendProcessStdin",
    "admin fleet": "sendRemoteCommEvent shutdown",
}

# These end the master, or are a stream without an end: what comes of them where they are allowed is tested elsewhere.
ENDING = {"/v1/master/shutdown", "/v1/master/reload", "/v1/master/upgrade"}


class Token(NamedTuple):
    """One that a section of the file is about."""

    role: str
    programs: str
    logs: bool = False

    @property
    def word(self) -> str:
        return f"{self.role}-{'all' if self.programs == '*' else self.programs}{'-logs' if self.logs else ''}"

    def may(self, needs: str) -> bool:
        """For a program that is its own, or for all."""
        role, scope = needs.split()
        logs = role == "logs"
        enough = ROLES.index(self.role) >= ROLES.index("read" if logs else role)
        shows = not logs or self.logs or ROLES.index(self.role) >= ROLES.index("operate")
        return scope == "anyone" or (enough and shows and (scope != "fleet" or self.programs == "*"))


TOKENS = [
    *(Token(role, programs) for role in ROLES for programs in ("*", "web")),
    Token("read", "web", logs=True),
    Token("read", "*", logs=True),
]


class WithRoles(RunningMaster):
    """A master with a section for each role, of all programs and of one."""

    def __init__(self, folder) -> None:
        self.port = free_port()
        sections = []
        for token in TOKENS:
            (folder / token.word).write_text(hashlib.sha256(token.word.encode()).hexdigest() + "\n")
            sections.append(
                f"[access:{token.word}]\ntoken_file={folder}/{token.word}\nallow={token.role}\n"
                f"programs={token.programs}\n" + ("logs=true\n" if token.logs else "")
            )
        programs = "".join(f"[program:{name}]\ncommand={SLEEPER}\nstartsecs=0\n" for name in ("web", "secret"))
        super().__init__(
            folder, f"{programs}[inet_http_server]\nport=127.0.0.1:{self.port}\naccess=roles\n{''.join(sections)}"
        )
        self.wait_for("web entered RUNNING")
        self.wait_for("secret entered RUNNING")
        self.client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)

    def ask(self, token: Token, method: str, target: str, body: str = "") -> tuple[int, str]:
        """The status, and the body of an answer that has an end."""
        self.client.request(method, target, body.encode(), {"Authorization": f"Bearer {token.word}"})
        answer = self.client.getresponse()
        if answer.length is None:
            self.client.close()
            return answer.status, ""
        return answer.status, answer.read().decode()

    def rpc(self, token: Token, method: str, *parameters: object) -> object:
        """The result of a method, or the number and the text of its fault."""
        _, body = self.ask(token, "POST", "/RPC2", xmlrpc.client.dumps(parameters, method))
        try:
            return xmlrpc.client.loads(body)[0][0]
        except xmlrpc.client.Fault as fault:
            return fault.faultCode, fault.faultString


@pytest.fixture(scope="module")
def master(tmp_path_factory) -> Iterator[WithRoles]:
    master = WithRoles(tmp_path_factory.mktemp("roles"))
    yield master
    master.client.close()
    master.close()


def plain(needs: Needs) -> str:
    role = "logs" if needs.logs else needs.role
    return f"{role} {({Scope.ANYONE: 'anyone', Scope.SOME: 'some', Scope.FLEET: 'fleet'})[needs.scope]}"


def test_every_endpoint_has_a_role_here(tmp_path):
    """Every endpoint of the master declares what it needs, and no other than is expected."""
    told = tell_table(tmp_path, "[one.needs.role, one.needs.scope.name, one.needs.logs]")
    found = {(method, pattern): plain(Needs(needs[0], Scope[needs[1]], needs[2])) for method, pattern, needs in told}
    assert found == ROWS


def test_every_method_has_a_role_here():
    """Every method of XML-RPC declares what it needs, and no other than is expected."""
    expected = {
        name if "." in name else f"supervisor.{name}": needs
        for needs, names in METHODS.items()
        for name in names.split()
    }
    assert {name: plain(entry.needs) for name, entry in methods().items()} == expected


def named(target: str, body: str, name: str) -> tuple[str, str]:
    """The same request about another program."""
    return target.replace("/web", f"/{name}").replace("=web", f"={name}"), body.replace('"web"', f'"{name}"')


@pytest.mark.parametrize("token", TOKENS, ids=lambda token: token.word)
def test_each_role_may_use_what_it_is_for(master, token):
    """For its own program each role may use what it is for, and gets a 403 with a reason from everything else."""
    for (method, pattern), needs in ROWS.items():
        target, body, status = ANSWERS[method, pattern]
        if token.may(needs):
            allowed = pattern in ENDING or master.ask(token, method, target, body)[0] != 403
            assert allowed or (pattern == "/v1/config/update" and token.programs == "web"), (method, pattern)
        elif pattern in ("/livez", "/readyz"):
            assert master.ask(token, method, target, body) == (200, "ok\n")
        else:
            found, said = master.ask(token, method, target, body)
            assert found == 403, (method, pattern, status)
            assert "procmanctl whoami" in said


@pytest.mark.parametrize("token", [one for one in TOKENS if one.programs == "web"], ids=lambda token: token.word)
def test_a_hidden_program_does_not_exist(master, token):
    """The answer about a program that a client may not see is that about one that does not exist."""
    for (method, pattern), needs in ROWS.items():
        target, body, _ = ANSWERS[method, pattern]
        if needs.endswith("fleet") or (target, body) == named(target, body, "x"):
            continue
        hidden = master.ask(token, method, *named(target, body, "secret"))
        absent = master.ask(token, method, *named(target, body, "absent"))
        shown = without_number(hidden[1]), without_number(absent[1].replace("absent", "secret"))
        assert (hidden[0], shown[0]) == (absent[0], shown[1]), (method, pattern)


def without_number(text: str) -> str:
    """An answer without the id of its operation, and without its time."""
    try:
        answer = json.loads(text)
    except ValueError:
        return text
    return str({key: value for key, value in answer.items() if key not in ("operation", "next", "at")})


@pytest.mark.parametrize("token", [one for one in TOKENS if one.programs == "web"], ids=lambda token: token.word)
def test_no_answer_names_a_hidden_program(master, token):
    """Nothing that a client may read has the name of a program that it may not see."""
    everything = Token("admin", "*")
    both = '{"names": ["web", "secret"], "signal": "KILL"}'
    assert master.ask(everything, "POST", "/v1/processes/restart", both)[0] == 200
    assert master.ask(everything, "POST", "/v1/processes/signal", both)[0] == 200
    assert "secret" in master.ask(everything, "GET", "/v1/why?name=web")[1]
    more = ["/v1/why?name=web", f"/v1/journal/why?at={time.time():.3f}&name=web", "/v1/logs", "/v1/crashes?name=web"]
    crashes = json.loads(master.ask(everything, "GET", "/v1/crashes?name=web")[1])["crashes"]
    more += [f"/v1/crashes/{one['seq']}" for one in crashes]
    for target in more:
        assert "secret" not in master.ask(token, "GET", target)[1], target
    for (method, pattern), needs in ROWS.items():
        target, body, _ = ANSWERS[method, pattern]
        # The description of the interface is the same for everybody, and has that word.
        if method == "GET" and token.may(needs) and pattern != "/v1/openapi.json":
            status, said = master.ask(token, method, target, body)
            if pattern == "/v1/operations":
                # What the client itself has named is there, with what came of it.
                found = [(one["targets"], one["results"]) for one in json.loads(said)["operations"]]
                assert all(results[0]["status"] == "BAD_NAME" for targets, results in found if "secret" in targets)
                said = str([results for targets, results in found if targets != ["secret"]])
            assert "secret" not in said, (status, pattern)
    for name in ("web", "secret", "absent"):
        assert "secret:" not in str(master.rpc(token, "supervisor.getProcessInfo", name))
    assert "secret" not in str(master.rpc(token, "supervisor.getAllProcessInfo"))
    assert "secret" not in str(master.rpc(token, "supervisor.getAllConfigInfo"))


@pytest.mark.parametrize("token", TOKENS, ids=lambda token: token.word)
def test_each_role_may_call_the_methods_it_is_for(master, token):
    """Methods that a role may not call are fault 403; of its own program it may call the others."""
    for needs, names in METHODS.items():
        for name in names.split():
            if "." in name or name in ("shutdown", "restart"):
                continue
            answer = master.rpc(token, f"supervisor.{name}", *PARAMETERS.get(name, ()))
            refused = isinstance(answer, tuple) and answer[0] == 403
            assert refused != token.may(needs), (name, answer)


PARAMETERS: Mapping[str, tuple[object, ...]] = {
    "getProcessInfo": ("web",),
    **{f"{op}Process{which}Log": ("web", 0, 10) for op in ("read", "tail") for which in ("", "Stdout", "Stderr")},
    "readLog": (0, 10),
    "readMainLog": (0, 10),
    "startProcess": ("web",),
    "startProcessGroup": ("web",),
    "stopProcess": ("absent",),
    "stopProcessGroup": ("absent",),
    "stopAllProcesses": (1, 2, 3),
    "signalProcess": ("web", "CONT"),
    "signalProcessGroup": ("web", "CONT"),
    "signalAllProcesses": ("CONT",),
    "clearProcessLog": ("web",),
    "clearProcessLogs": ("web",),
    "addProcessGroup": ("web",),
    "removeProcessGroup": ("web",),
    "sendProcessStdin": ("web", "x"),
    "sendRemoteCommEvent": ("type", "data"),
}


@pytest.mark.parametrize("name", ["web", "secret", "absent"])
def test_the_verbs_of_xml_rpc_keep_the_secret(master, name):
    """For a hidden program, each method has the fault that it has for a name that does not exist."""
    token = Token("configure", "web")
    for method, parameters in PARAMETERS.items():
        if parameters and parameters[0] == "web" and method != "sendProcessStdin":
            answer = master.rpc(token, f"supervisor.{method}", name, *parameters[1:])
            if name != "web":
                assert answer[0] == 10, (method, answer)  # BAD_NAME
                assert answer[1] in (f"BAD_NAME: {name}", "BAD_NAME"), (method, answer)


def test_an_update_of_nothing_is_one_of_everything(master):
    """A list without names means all groups, so it takes the role for all programs."""
    some, every = Token("configure", "web"), Token("configure", "*")
    for body in ("{}", '{"groups": []}', '{"groups": ["all"]}', '{"groups": ["web", "all"]}'):
        assert master.ask(some, "POST", "/v1/config/update", body)[0] == 403
        assert master.ask(every, "POST", "/v1/config/update", body)[0] == 200
    assert master.ask(some, "POST", "/v1/config/update", '{"groups": ["web"]}')[0] == 200


def test_the_rights_of_several_tokens_do_not_mix(master):
    """A request has the rights of the token that it carries, also on a connection that another one has used."""
    reader, admin = Token("read", "web"), Token("admin", "*")
    for _ in range(3):
        assert "secret" in master.ask(admin, "GET", "/v1/processes")[1]
        assert "secret" not in master.ask(reader, "GET", "/v1/processes")[1]
