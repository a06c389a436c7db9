"""The same XML-RPC calls to supervisord and to procman, through supervisor's own transport."""

import http.client
import socket
import xmlrpc.client

import pytest
from peers import PROCMAN, SUPERVISORD, running

from procman.api.describe import FAULTS, methods
from procman.api.shapes import Fault

supervisor_xmlrpc = pytest.importorskip(
    "supervisor.xmlrpc", reason="the oracle is not installed: pip install supervisor"
)

CALLS = (
    ("supervisor.getAPIVersion",),
    ("supervisor.getVersion",),
    ("supervisor.getSupervisorVersion",),
    ("supervisor.getIdentification",),
    ("supervisor.getState",),
    ("supervisor.getState", 1),
    ("supervisor.startProcess",),
    ("supervisor.nope",),
    ("nope",),
    ("supervisor._update", "x"),
    ("supervisor.getState.__class__",),
    ("system.methodSignature", "nope"),
    ("system.methodHelp", "nope"),
    ("system.methodSignature", "supervisor.startProcess"),
    ("system.methodSignature", "supervisor.getAllProcessInfo"),
    ("supervisor.getProcessInfo", "nope"),
    ("supervisor.getProcessInfo", ""),
    ("supervisor.getProcessInfo", "site:*"),
    ("supervisor.getProcessInfo", "site:one"),
    ("supervisor.getProcessInfo", "manual"),
    ("supervisor.startProcess", "nope"),
    ("supervisor.startProcess", "nope:*"),
    ("supervisor.startProcess", "site:nope"),
    ("supervisor.startProcess", "missing"),
    ("supervisor.startProcess", "notexec"),
    ("supervisor.startProcess", "exits1"),
    ("supervisor.startProcess", "manual", True),
    ("supervisor.startProcess", "manual"),
    ("supervisor.startProcess", "site:*"),
    ("supervisor.startProcessGroup", "nope"),
    ("supervisor.startProcessGroup", "pool"),
    ("supervisor.startProcessGroup", "pool"),
    ("supervisor.signalProcess", "manual", "CONT"),
    ("supervisor.signalProcess", "manual", "18"),
    ("supervisor.signalProcess", "manual", "NOPE"),
    ("supervisor.signalProcess", "exits1", "CONT"),
    ("supervisor.signalProcessGroup", "pool", "CONT"),
    ("supervisor.signalProcessGroup", "nope", "CONT"),
    ("supervisor.stopProcess", "manual"),
    ("supervisor.stopProcess", "manual"),
    ("supervisor.stopProcess", "nope"),
    ("supervisor.stopProcessGroup", "pool"),
    ("supervisor.stopProcessGroup", "nope"),
    ("supervisor.stopProcess", "pool:*"),
    ("supervisor.readProcessStdoutLog", "sleeper", 0, 0),
    ("supervisor.readProcessStdoutLog", "sleeper", -3, 0),
    ("supervisor.readProcessStdoutLog", "sleeper", -3, 2),
    ("supervisor.readProcessStdoutLog", "sleeper", 1, -1),
    ("supervisor.readProcessLog", "sleeper", 1, 3),
    ("supervisor.readProcessStderrLog", "sleeper", 0, 100),
    ("supervisor.readProcessStdoutLog", "nolog", 0, 0),
    ("supervisor.readProcessStdoutLog", "nope", 0, 0),
    ("supervisor.readLog", -3, 2),
    ("supervisor.tailProcessStdoutLog", "sleeper", 0, 100),
    ("supervisor.tailProcessStdoutLog", "sleeper", 0, 3),
    ("supervisor.tailProcessStdoutLog", "sleeper", 100, 3),
    ("supervisor.tailProcessStderrLog", "sleeper", 2, 10),
    ("supervisor.tailProcessLog", "nope", 0, 10),
    ("supervisor.sendProcessStdin", "sleeper", "hello"),
    ("supervisor.sendProcessStdin", "manual", "hello"),
    ("supervisor.sendProcessStdin", "nope", "hello"),
    ("supervisor.sendRemoteCommEvent", "type", "data"),
    ("supervisor.sendRemoteCommEvent", "type"),
    ("supervisor.addProcessGroup", "site"),
    ("supervisor.addProcessGroup", "nope"),
    ("supervisor.removeProcessGroup", "site"),
    ("supervisor.removeProcessGroup", "nope"),
    ("supervisor.reloadConfig",),
    ("supervisor.clearProcessLogs", "sleeper"),
    ("supervisor.clearProcessLogs", "nope"),
    ("supervisor.getAllConfigInfo",),
    (
        "system.multicall",
        [
            {"methodName": "supervisor.getState", "params": []},
            {"methodName": "supervisor.startProcess", "params": ["manual"]},
            {"methodName": "supervisor.getProcessInfo", "params": ["nope"]},
            {"methodName": "system.multicall", "params": [[]]},
            {"methodName": "nope"},
            {},
        ],
    ),
)
# What is another in each master, or at each moment.
ITS_OWN = {"pid", "start", "stop", "now", "description", "logfile", "stdout_logfile", "stderr_logfile", "command"}


def plain(value):
    match value:
        case dict():
            return {key: plain(inner) for key, inner in value.items() if key not in ITS_OWN}
        case [{"status": _}, *_]:
            # Who of a group was done first is chance.
            return sorted((plain(inner) for inner in value), key=lambda result: result["name"])
        case list():
            return [plain(inner) for inner in value]
        case _:
            return value


def ask(folder):
    answers = []
    transport = supervisor_xmlrpc.SupervisorTransport(None, None, f"unix://{folder}/ctl.sock")
    proxy = xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport)
    for method, *parameters in CALLS:
        try:
            answer = getattr(proxy, method)(*parameters)
        except xmlrpc.client.Fault as fault:
            answer = {"fault": fault.faultCode, "text": fault.faultString.replace(str(folder), "FOLDER")}
        answers.append((method, *parameters, plain(answer)))
    transport.close()
    return answers


def test_every_call_has_the_same_answer():
    """The same results, the same fault codes and texts."""
    with running(SUPERVISORD) as theirs, running(PROCMAN) as ours:
        said = ask(ours)
        pairs = zip(ask(theirs), said, strict=True)
        assert [pair for pair in pairs if pair[0] != pair[1]] == []
    assert [answer for answer in said if not is_documented(*answer)] == []


def is_documented(method, *rest):
    """Is the fault among those that the reference gives to the method, or to all of them?"""
    answer = rest[-1]
    if not (isinstance(answer, dict) and "fault" in answer):
        return True
    table = methods()
    names = [name for name in table if method in table and table[name] is table[method]]
    known = {fault for name in names for fault in FAULTS.get(name, ())}
    return Fault(answer["fault"]) in known | {Fault.UNKNOWN_METHOD, Fault.INCORRECT_PARAMETERS}


def test_all_methods_of_supervisor_are_there():
    """Whatever supervisord lists, procman lists too, and nothing else."""
    names = []
    for master in (SUPERVISORD, PROCMAN):
        with running(master) as folder:
            transport = supervisor_xmlrpc.SupervisorTransport(None, None, f"unix://{folder}/ctl.sock")
            names.append(set(xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport).system.listMethods()))
            transport.close()
    assert names[0] == names[1]


def test_a_request_that_is_no_request_is_a_400_and_nobody_else_notices():
    """Bad XML, a DTD with entities, an answer instead of a call."""
    bad = (
        b"<methodCall><methodName>supervisor.getState",
        b"not xml",
        b'<!DOCTYPE x [<!ENTITY a "aaaa">]><methodCall><methodName>&a;</methodName></methodCall>',
        b"<methodResponse><params/></methodResponse>",
        b"",
    )
    with running(PROCMAN) as folder:
        for body in bad:
            assert post(folder, body) == 400
        good = xmlrpc.client.dumps((), "supervisor.getState").encode()
        assert post(folder, good) == 200


def post(folder, body):
    connection = http.client.HTTPConnection("localhost")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(f"{folder}/ctl.sock")
    try:
        connection.request("POST", "/RPC2", body, {"Content-Type": "text/xml"})
        return connection.getresponse().status
    finally:
        connection.close()
