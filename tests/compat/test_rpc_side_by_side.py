"""The same XML-RPC calls to supervisord and to procman, through supervisor's own transport."""

import contextlib
import http.client
import os
import re
import signal
import socket
import xmlrpc.client
from concurrent.futures import ThreadPoolExecutor

import pytest

from procman.api.faults import Fault
from procman.api.reference_pages import FAULTS, methods
from tests.support.ctl_script import write_config
from tests.support.side_by_side import PROCMAN, SUPERVISORD, running

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
    ("supervisor.getAllConfigInfo",),
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
    # that has not run yet
    ("supervisor.readProcessStdoutLog", "manual", 0, 0),
    ("supervisor.tailProcessStdoutLog", "manual", 0, 100),
    ("supervisor.readProcessStderrLog", "manual", 1, 0),
    ("supervisor.startProcess", "nope"),
    ("supervisor.startProcess", "nope:*"),
    ("supervisor.startProcess", "site:nope"),
    ("supervisor.startProcess", "missing"),
    ("supervisor.startProcess", "notexec"),
    ("supervisor.startProcess", "exits1"),
    ("supervisor.startProcess", "manual", True),
    ("supervisor.startProcess", "manual"),
    # The name comes back as it was written.
    ("supervisor.startProcess", "manual:manual"),
    ("supervisor.startProcess", "exits1:exits1"),
    ("supervisor.stopProcess", "exits1:exits1"),
    ("supervisor.startProcess", "site:*"),
    ("supervisor.startProcessGroup", "nope"),
    ("supervisor.startProcessGroup", "pool"),
    ("supervisor.startProcessGroup", "pool"),
    ("supervisor.signalProcess", "manual", "CONT"),
    ("supervisor.signalProcess", "manual", "0"),
    ("supervisor.signalProcess", "missing", "0"),
    ("supervisor.signalProcessGroup", "pool", "0"),
    ("supervisor.signalProcess", "manual", "-1"),
    ("supervisor.signalProcess", "manual", "65"),
    ("supervisor.signalProcess", "manual", "18"),
    ("supervisor.signalProcess", "manual", "NOPE"),
    ("supervisor.signalProcess", "exits1", "CONT"),
    ("supervisor.signalProcess", "manual", 18),
    ("supervisor.signalProcess", "pool:*", "CONT"),
    ("supervisor.signalProcess", "nope:*", "CONT"),
    ("supervisor.signalProcessGroup", "pool", "NOPE"),
    ("supervisor.signalProcessGroup", "pool:*", "CONT"),
    ("supervisor.signalProcessGroup", "pool", "CONT"),
    ("supervisor.signalProcessGroup", "nope", "CONT"),
    ("supervisor.stopProcess", "manual"),
    ("supervisor.stopProcess", "manual"),
    ("supervisor.stopProcess", "nope"),
    ("supervisor.stopProcessGroup", "pool"),
    ("supervisor.stopProcessGroup", "nope"),
    ("supervisor.stopProcess", "pool:*"),
    ("supervisor.stopProcess", "nope:"),
    ("supervisor.startProcessGroup", "pool:*"),
    ("supervisor.stopProcessGroup", "pool:"),
    # what becomes of each of several
    ("supervisor.startProcessGroup", "missing"),
    ("supervisor.startProcessGroup", "notexec", False),
    ("supervisor.startProcessGroup", "exits1"),
    ("supervisor.startProcessGroup", "stubborn", False),
    ("supervisor.stopProcessGroup", "stubborn"),
    ("supervisor.stopAllProcesses",),
    ("supervisor.signalAllProcesses", "CONT"),
    ("supervisor.startProcess", "sleeper", False),
    ("supervisor.startProcess", "site:*", False),
    ("supervisor.signalAllProcesses", "CONT"),
    ("supervisor.signalAllProcesses", "18"),
    ("supervisor.signalAllProcesses", "NOPE"),
    ("supervisor.signalAllProcesses",),
    ("supervisor.startAllProcesses",),
    ("supervisor.clearProcessLogs", "site:*"),
    ("supervisor.clearLog", 1),
    ("supervisor.clearLog",),
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
    ("supervisor.clearProcessLog", "nope"),
    ("supervisor.clearAllProcessLogs",),
    ("supervisor.readMainLog", 0, -1),
    (
        "system.multicall",
        [
            {"methodName": "supervisor.getState", "params": []},
            {"methodName": "supervisor.startProcess", "params": ["manual"]},
            {"methodName": "supervisor.getProcessInfo", "params": ["nope"]},
            {"methodName": "system.multicall", "params": [[]]},
            {"methodName": "nope"},
            {"methodName": "supervisor.getState", "params": {}},
            {"methodName": "supervisor.getState", "params": 3},
            {},
        ],
    ),
    # Slow calls within it are waited for, one after the other, and what fails late is a fault as well.
    (
        "system.multicall",
        [
            {"methodName": "supervisor.startProcess", "params": ["stubborn"]},
            {"methodName": "supervisor.stopProcess", "params": ["stubborn"]},
            {"methodName": "supervisor.getProcessInfo", "params": ["stubborn"]},
            {"methodName": "supervisor.startProcess", "params": ["exits1"]},
            {"methodName": "supervisor.stopProcessGroup", "params": ["site"]},
            {"methodName": "supervisor.startProcessGroup", "params": ["missing"]},
            {"methodName": "supervisor.getProcessInfo", "params": ["site:one"]},
        ],
    ),
)
# What is another in each master, or at each moment.
ITS_OWN = {"pid", "start", "stop", "now", "description", "command"}


def plain(value):
    """A result in a form that both masters can agree on."""
    match value:
        case dict():
            return {key: named(key, plain(inner)) for key, inner in value.items() if key not in ITS_OWN}
        case [{"status": _}, *_]:
            # The order within a group is random.
            return sorted((plain(inner) for inner in value), key=lambda result: result["name"])
        case list():
            return [plain(inner) for inner in value]
        case _:
            return value


def named(key, value):
    """The path of an AUTO log without the directory, procman's mark and the random letters."""
    if not key.endswith("logfile"):
        return value
    return re.sub(r"---([0-9a-f]{8}-)?(\w+)-\w{8}\.log$", r"---\2-X.log", value.rpartition("/")[2])


@contextlib.contextmanager
def connected(folder):
    transport = supervisor_xmlrpc.SupervisorTransport(None, None, f"unix://{folder}/ctl.sock")
    try:
        yield xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport)
    finally:
        transport.close()


def ask(folder, calls=CALLS):
    with connected(folder) as proxy:
        return [(method, *parameters, answer_of(proxy, folder, method, parameters)) for method, *parameters in calls]


def answer_of(proxy, folder, method, parameters):
    try:
        answer = getattr(proxy, method)(*parameters)
    except xmlrpc.client.Fault as fault:
        return {"fault": fault.faultCode, "text": fault.faultString.replace(str(folder), "FOLDER")}
    return plain(answer)


def test_every_call_has_the_same_answer():
    """Every call has the same result, or the same fault code and text."""
    with running(SUPERVISORD) as theirs, running(PROCMAN) as ours, ThreadPoolExecutor(2) as both:
        answers, said = both.map(ask, (theirs, ours))
        pairs = zip(answers, said, strict=True)
        assert [pair for pair in pairs if pair[0] != pair[1]] == []
    assert [answer for answer in said if not is_documented(*answer)] == []


def test_the_path_of_an_auto_log_is_told_after_a_reread_too():
    """After a reread, getAllConfigInfo has the same path of an AUTO log as getProcessInfo."""
    with running(PROCMAN) as folder, connected(folder) as proxy:
        proxy.supervisor.reloadConfig()
        infos = {f"{info['group']}:{info['name']}": info for info in proxy.supervisor.getAllProcessInfo()}
        told = {f"{info['group']}:{info['name']}": info for info in proxy.supervisor.getAllConfigInfo()}
        for channel in ("stdout_logfile", "stderr_logfile"):
            for name in ("sleeper:sleeper", "manual:manual"):
                assert told[name][channel] == infos[name][channel]
                while not os.path.exists(told[name][channel]):  # the thread of the disk makes it
                    os.sched_yield()
        proxy.supervisor.stopProcess("sleeper")
        proxy.supervisor.removeProcessGroup("sleeper")
        gone = next(info for info in proxy.supervisor.getAllConfigInfo() if info["name"] == "sleeper")
        assert (gone["inuse"], gone["stdout_logfile"]) == (False, "auto")


def is_documented(method, *rest):
    """Whether the reference lists the fault for the method, or for all methods."""
    answer = rest[-1]
    if not (isinstance(answer, dict) and "fault" in answer):
        return True
    table = methods()
    names = [name for name in table if method in table and table[name] is table[method]]
    known = {fault for name in names for fault in FAULTS.get(name, ())}
    return Fault(answer["fault"]) in known | {Fault.UNKNOWN_METHOD, Fault.INCORRECT_PARAMETERS}


def test_all_methods_of_supervisor_are_there():
    """Procman has exactly the methods of supervisord."""
    with running(SUPERVISORD) as theirs, running(PROCMAN) as ours:
        names, said = (ask(folder, [("system.listMethods",)])[0][-1] for folder in (theirs, ours))
        assert said == names
        signatures = [("system.methodSignature", name) for name in names]
        assert ask(ours, signatures) == ask(theirs, signatures)
        texts = [("system.methodHelp", name) for name in names]
        # The types of the parameters and of the result are in the help of a method, too.
        helps = [
            [re.findall(r"@(param|return)\s+(\w+)", text) for *_, text in ask(folder, texts)]
            for folder in (ours, theirs)
        ]
        assert helps[0] == helps[1]
        assert all(helps[0])


# What each of them does would be refused, if it were not refused for the state the master is in.
WHILE_ENDING = (
    ("supervisor.shutdown", 1),
    ("supervisor.shutdown",),
    ("supervisor.restart",),
    *(
        (f"supervisor.{name}",)
        for name in (
            "getState",
            "getPID",
            "getIdentification",
            "getAPIVersion",
            "getVersion",
            "getSupervisorVersion",
            "clearLog",
            "reloadConfig",
            "startAllProcesses",
            "stopAllProcesses",
            "getAllConfigInfo",
            "getAllProcessInfo",
            "clearAllProcessLogs",
        )
    ),
    ("supervisor.readLog", 0, 3),
    ("supervisor.readProcessStdoutLog", "nope", 0, 0),
    ("supervisor.tailProcessStderrLog", "nope", 0, 0),
    *(
        (f"supervisor.{name}", "nope")
        for name in (
            "addProcessGroup",
            "removeProcessGroup",
            "startProcess",
            "startProcessGroup",
            "stopProcess",
            "stopProcessGroup",
            "getProcessInfo",
            "clearProcessLogs",
        )
    ),
    ("supervisor.signalProcess", "nope", "CONT"),
    ("supervisor.signalProcessGroup", "nope", "CONT"),
    ("supervisor.signalAllProcesses", "CONT"),
    ("supervisor.sendProcessStdin", "nope", "x"),
    ("supervisor.sendRemoteCommEvent", "x", "y"),
    ("system.listMethods",),
    ("system.methodSignature", "supervisor.getState"),
    ("system.multicall", [{"methodName": "supervisor.getState"}, {"methodName": "supervisor.sendRemoteCommEvent"}]),
    ("supervisor.nope",),
)
LASTING = """
[program:lasting]
command=sh -c 'trap "" TERM; echo ready > %(here)s/ready; exec sleep 1000'
startsecs=0
stopwaitsecs=1000
"""


DEAF = """
[program:deaf]
command=sh -c 'exec 0<&-; echo ready > %(here)s/ready; exec sleep 1000'
startsecs=0
"""


def write_lasting(folder, program=LASTING):
    path = write_config(folder)
    path.write_text(path.read_text() + program)
    os.mkfifo(folder / "ready")
    return path


def write_to_the_deaf(master):
    """Write to a program that has closed its input."""
    with running(master, lambda folder: write_lasting(folder, DEAF)) as folder:
        (folder / "ready").read_text()
        return ask(folder, [("supervisor.sendProcessStdin", "deaf:deaf", "hello")])


def test_a_closed_input_is_told_in_the_same_words():
    """Input for a program that has closed its own is the same fault, with the name as the client wrote it."""
    with ThreadPoolExecutor(2) as both:
        theirs, ours = both.map(write_to_the_deaf, (SUPERVISORD, PROCMAN))
    assert ours == theirs


def ask_while_ending(master):
    """Call every method while one of its programs does not end."""
    with running(master, write_lasting) as folder, connected(folder) as proxy:
        (folder / "ready").read_text()
        pid = proxy.supervisor.getProcessInfo("lasting")["pid"]
        try:
            assert proxy.supervisor.shutdown() is True
            return ask(folder, WHILE_ENDING)
        finally:
            os.kill(pid, signal.SIGKILL)


def test_while_it_ends_every_call_has_the_same_answer():
    """During shutdown, every call has the same answer: one fault for nearly all, results for `system`."""
    with ThreadPoolExecutor(2) as both:
        theirs, ours = both.map(ask_while_ending, (SUPERVISORD, PROCMAN))
    assert ours == theirs
    assert sum(answer[-1] == {"fault": 6, "text": "SHUTDOWN_STATE"} for answer in ours) == 30


def test_a_request_that_is_no_request_is_a_400_and_nobody_else_notices():
    """Bad XML, a DTD with entities, and a response instead of a call are a 400, and other clients are not affected."""
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
