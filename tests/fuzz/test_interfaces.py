"""A real master answers any request in the interface's own format, and stays healthy.

Requests that end the master are left out; all others act on programs that may be stopped, signalled and removed.
"""

import contextlib
import http.client
import json
import re
import socket
import xmlrpc.client
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from procman.api.faults import Fault
from procman.api.reference_pages import methods
from tests.support.fuzz_inputs import damaged
from tests.support.log_lines import PATIENCE
from tests.support.running_master import SLEEPER, RunningMaster

PROGRAMS = "".join(
    f"[program:{name}]\ncommand={SLEEPER}\nstartsecs=0\nstopwaitsecs=1\n" for name in ("web", "worker", "spare")
)
ENDS = {"/v1/master/shutdown", "/v1/master/reload", "/v1/master/upgrade", "supervisor.shutdown", "supervisor.restart"}


class FuzzedMaster(RunningMaster):
    def ask(self, method: str, target: str, body: bytes = b"") -> tuple[int, bytes, str]:
        """Status, body and content type; of a stream only the head."""
        connection = http.client.HTTPConnection("localhost", timeout=PATIENCE)
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(PATIENCE)
        connection.sock.connect(self.socket)
        with contextlib.closing(connection):
            connection.request(method, target, body)
            answer = connection.getresponse()
            said = answer.read() if answer.length is not None else b""
            return answer.status, said, answer.headers.get("Content-Type", "")

    def is_well(self) -> None:
        """The master runs, and its log reports no error of its own."""
        assert self.ask("GET", "/v1/master")[0] == 200
        assert "cannot answer" not in self.text
        assert "Traceback" not in self.text
        assert " CRIT " not in self.text


@pytest.fixture(scope="module")
def master(tmp_path_factory) -> Iterator[FuzzedMaster]:
    master = FuzzedMaster(tmp_path_factory.mktemp("asked"), PROGRAMS)
    master.wait_for("spare entered RUNNING")
    yield master
    assert master.process.poll() is None
    master.close()


@pytest.fixture(scope="module")
def endpoints() -> list[tuple[str, str]]:
    """Method and pattern of every endpoint of /v1, with parameters in capitals."""
    from procman.api.openapi.document import TAGS

    rows = [
        (row.method, re.sub(r"\{(\w+)\}", lambda found: found[1].upper(), row.path))
        for endpoints in TAGS.values()
        for row in endpoints
    ]
    return [row for row in rows if row[1] not in ENDS]


NAMES = st.one_of(
    st.sampled_from(["web", "worker:worker", "spare:*", "all", "*", "w?b", "[", "[!", "web:", ":", "", "..", "%", "/"]),
    st.text(max_size=8),
)
NUMBERS = st.one_of(st.integers(), st.sampled_from(["", "-0", "1e3", "9" * 5000, "\u0663", "nan", "0x10"])).map(str)
QUERIES = st.dictionaries(
    st.sampled_from(["tail", "offset", "length", "follow", "budget", "action", "processname", "limit", "x"]),
    st.one_of(NUMBERS, NAMES),
    max_size=3,
)
SIGNALS = st.sampled_from(["CONT", "SIGHUP", "0", "-1", "999", "", "SIG", "\u0661", "none"])
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), NAMES, SIGNALS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=6,
)
OBJECTS = st.fixed_dictionaries(
    {},
    optional={
        "names": st.one_of(st.lists(NAMES, max_size=3), JSON),
        "wait": st.one_of(st.booleans(), JSON),
        "signal": st.one_of(SIGNALS, JSON),
        "groups": st.one_of(st.lists(NAMES, max_size=3), JSON),
        "confirm": st.one_of(st.floats(), JSON),
        "operation": st.one_of(st.integers(), JSON),
        "plan": st.one_of(st.just({"format": "procman update plan", "version": 1}), JSON),
        "dry_run": st.one_of(st.booleans(), JSON),
        "type": st.one_of(st.text(max_size=9), JSON),
        "data": st.one_of(st.text(max_size=9), JSON),
    },
).map(lambda value: json.dumps(value).encode())
BODIES = st.one_of(OBJECTS, OBJECTS, damaged([b'{"names": ["web"], "wait": true}']), st.binary(max_size=20))


def filled(pattern: str, names: list[str]) -> str:
    """A path for that pattern, whose words in capitals are parameters."""
    given = iter(names)
    return re.sub(r"\b[A-Z]{2,}\b", lambda _: quote(next(given), safe=""), pattern)


@settings(max_examples=250)
@given(data=st.data())
def test_any_request_to_v1_is_answered_in_json(master, endpoints, data):
    """Any request to /v1 gets JSON or bytes of a log; errors are client errors with a code and a text."""
    method, pattern = data.draw(st.sampled_from(endpoints))
    path = filled(pattern, data.draw(st.lists(NAMES, min_size=2, max_size=2)))
    query = data.draw(QUERIES)
    target = path + ("?" + "&".join(f"{key}={quote(value, safe='')}" for key, value in query.items()) if query else "")
    status, said, kind = master.ask(method, target, data.draw(BODIES) if method == "POST" else b"")
    if kind == "application/json":
        answer = json.loads(said)
        assert (status >= 400) == ("error" in answer)
        if status >= 400:
            assert answer["error"]["code"] in Fault.__members__
            assert answer["error"]["message"]
    else:
        assert status == 200, said
    master.is_well()


TARGETS = st.one_of(
    st.sampled_from(["/", "/index.html", "/tail.html", "/ok.html", "/logtail/web", "/mainlogtail", "/livez", "/RPC2"]),
    st.lists(NAMES, max_size=4).map(lambda names: "/" + "/".join(quote(name, safe="") for name in names)),
    st.text(alphabet="/%.:;?&=+*abc019", max_size=15).map(lambda text: "/" + text),
)


@settings(max_examples=150)
@given(st.sampled_from(["GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "x"]), TARGETS, QUERIES, BODIES)
def test_any_path_is_answered(master, method, target, query, body):
    """Any path, of the page, its forms, streams or nothing, gets an answer other than 500."""
    if "?" not in target and query:
        target += "?" + "&".join(f"{key}={quote(value, safe='')}" for key, value in query.items())
    status, _, _ = master.ask(method, target, body)
    assert status in (200, 301, 400, 403, 404, 405, 501)
    master.is_well()


RPC_VALUES = st.recursive(
    st.one_of(
        *(NAMES.map(lambda text: re.sub(r"[^\t\n\r -\ud7ff\ue000-\ufffd]", "?", text)), SIGNALS, st.booleans()),
        *(st.integers(-(2**31), 2**31 - 1), st.floats(allow_nan=False), st.binary(max_size=5), st.none()),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("ab"), inner, max_size=2)),
    max_leaves=5,
)
METHODS = st.one_of(
    st.sampled_from(sorted(methods().keys() - ENDS)),
    st.sampled_from([".", "supervisor", "supervisor.", "supervisor._start", "system.__class__", "x.y.z", "\u00df"]),
)
PARAMETERS = st.lists(RPC_VALUES, max_size=4)


def dumped(name: str, parameters: list) -> bytes:
    return xmlrpc.client.dumps(tuple(parameters), name, allow_none=True).encode()


def outcome(said: bytes) -> object:
    """The result of a method, or the number of its fault."""
    try:
        return xmlrpc.client.loads(said)[0][0]
    except xmlrpc.client.Fault as fault:
        return Fault(fault.faultCode)


@settings(max_examples=250)
@given(METHODS, PARAMETERS)
def test_any_call_of_any_method_has_an_outcome(master, name, parameters):
    """Any XML-RPC call returns a value or one of supervisor's faults, in valid XML."""
    status, said, _ = master.ask("POST", "/RPC2", dumped(name, parameters))
    assert status == 200
    outcome(said)
    master.is_well()


@settings(max_examples=60)
@given(
    st.lists(
        st.one_of(
            st.fixed_dictionaries({"methodName": METHODS, "params": PARAMETERS}),
            st.fixed_dictionaries({}, optional={"methodName": RPC_VALUES, "params": RPC_VALUES}),
            RPC_VALUES,
        ),
        max_size=4,
    )
)
def test_any_multicall_has_an_outcome_for_each(master, calls):
    """A multicall returns a value or a fault for each of its calls."""
    said = master.ask("POST", "/RPC2", dumped("system.multicall", [calls]))[1]
    outcomes = outcome(said)
    assert isinstance(outcomes, Fault) or len(outcomes) == len(calls)
    master.is_well()


CALLS = [
    dumped("supervisor.getProcessInfo", ["web"]),
    dumped("supervisor.readLog", [0, 10]),
    dumped("system.multicall", [[{"methodName": "supervisor.getState", "params": []}]]),
]


@settings(max_examples=150)
@given(damaged(CALLS))
def test_any_xml_is_a_call_or_is_none(master, body):
    """Damaged XML is answered as a call, or refused with 400 in one line."""
    status, said, _ = master.ask("POST", "/RPC2", body)
    assert status in (200, 400)
    if status == 200:
        outcome(said)
    else:
        assert said.count(b"\n") == 1
    master.is_well()
