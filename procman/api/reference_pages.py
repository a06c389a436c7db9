"""The interfaces for programs as reference pages: /v1 from `openapi`, XML-RPC from the table of its methods."""

import inspect
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from textwrap import wrap
from typing import Any

from procman.api import health
from procman.api.error_codes import CODES, FORBIDDEN
from procman.api.faults import Fault
from procman.api.openapi.page import endpoints_block
from procman.api.openapi.shape_comments import Field, shapes_told
from procman.api.xmlrpc.adapter import XmlRpc
from procman.api.xmlrpc.method import Entry
from procman.api.xmlrpc.structs import CONFIG_FIELDS, PROCESS_FIELDS

_HTTP = """\
# The HTTP interface

Every server of the master (`[unix_http_server]`, `[inet_http_server]`, and the private socket of a file that names
neither) answers JSON under `/v1`. It is what procmanctl uses; it is stable within version 1, to which fields and
endpoints may be added.

```sh
curl --unix-socket "${XDG_RUNTIME_DIR:-/run}"/procman/*.sock http://localhost/v1/processes
curl --unix-socket "${XDG_RUNTIME_DIR:-/run}"/procman/*.sock -X POST http://localhost/v1/processes/web/restart
```

That is the private socket of the only master. If there are several, its name begins with the name of the file;
without `XDG_RUNTIME_DIR` it is in `/run/procman` for root, and in `/tmp/procman-UID` for others.

- Where the server has a user name and a password, send them with HTTP's basic authentication; else the answer is 401.
  Where it has `access = roles`, send `Authorization: Bearer TOKEN`; a unix socket needs neither, as the kernel says who
  connects. What a client may not do is FORBIDDEN (403), and what it may not see is not there.
- A body, if any, is one JSON object. A missing key has the default in brackets.
- Connections are kept alive. A request that arrives too slowly is refused; an idle connection is not closed.
"""

_NOTES = """\
SPEC is a name, group:name, group:*, all, or a glob, percent-encoded; CHANNEL is stdout or stderr. For programs, all
of this is in the OpenAPI document [openapi.json](openapi.json), which the master serves at `/v1/openapi.json`.
"""

_BESIDE_V1 = """\
## Beside /v1

`/` is the web page, `/RPC2` [XML-RPC](xml-rpc.md), and `/logtail/NAME` and `/mainlogtail` are
[its streams](xml-rpc.md#beside-xml-rpc). `GET /metrics` has the [metrics](metrics.md) for Prometheus.
"""

_ERRORS = """\
## Errors

An error answers with its HTTP status and `{"error": {"code": CODE, "message": TEXT}}`. The same codes are the `status`
of each [Result](#result) of an operation on processes, which answers 200 whatever the results are. The numbers are
those of [XML-RPC](xml-rpc.md). An unknown path is 404 and an unknown method 405, both with code `UNKNOWN_METHOD`.
What is not HTTP, or too large, is refused in plain text.

| code | number | HTTP status | |
|---|---|---|---|
"""

_XML = """\
# The XML-RPC interface

The interface of supervisor 4.3.0, at `/RPC2` of every server, for its existing clients: supervisorctl,
`supervisor.xmlrpc.SupervisorTransport`, monitors, libraries of other languages. Where the server has a user name and a
password, send them with HTTP's basic authentication.

```python
from xmlrpc.client import ServerProxy

server = ServerProxy("http://127.0.0.1:9001/RPC2")
print(server.supervisor.getAllProcessInfo())
```

Names are `process`, `group:process`, or `group:*` where a method takes all of a group. Parameters in brackets may be
left out; `wait` (true) is whether to answer only when it has been done. A method for several processes answers with a
struct for each: `name`, `group`, `status` (the number of a fault, 80 for success) and `description`. It is never a
fault as a whole because of one of them.

A method whose role the client does not have is fault FORBIDDEN; *of all programs* are methods about the master itself.
Where a server has `access = roles`, `getAllProcessInfo` has only what the client may see, and what is hidden from it is
BAD_NAME. With a password, `username` may call all methods, and `readonly_username` those of `read`, logs too.

New programs should use [the HTTP interface](http-api.md), which offers more, and live events.

"""

_STRUCTS = """\
## Structs
"""

_FAULTS = """\
## Faults

The text of a fault is its name, followed by a colon and details. Beside the faults of each method, every call can fail
with UNKNOWN_METHOD and INCORRECT_PARAMETERS. While the master shuts down or restarts, every call but
`sendRemoteCommEvent` and those of `system` fails with SHUTDOWN_STATE. What is not XML-RPC is HTTP status 400.

| number | name | |
|---|---|---|
"""

_BESIDE = """\
## Beside XML-RPC

`GET /logtail/NAME`, `GET /logtail/NAME/stderr` and `GET /mainlogtail` are streams: the last 1024 bytes of a log, and
then everything that is added, in chunks, without end. The status is 404 if there is no such process or log.

## Differences

- A log that is not UTF-8, or that holds control characters, is escaped (`\\xff`). supervisord answers with HTTP
  status 500, or with XML that cannot be parsed.
- A request with a DTD or entities is refused, and so is a string in place of a number.
- `system.methodHelp` lists the parameters in supervisor's form (`@param string name`); the rest is procman's own.
- Starting a process that is still being stopped: `startProcess` is fault ABNORMAL_TERMINATION, also with `wait` false,
  where supervisord answers true and does nothing. `startProcessGroup` and `startAllProcesses` start it once it has
  ended.
- `stopProcess` and the like answer as soon as it is done. supervisord checks once a second.
- `restart` with a file that cannot be used is fault CANT_REREAD, and everything goes on. supervisord stops everything,
  and then fails to start.
- `getSupervisorVersion` is the version of supervisor whose interface this is. `GET /v1/master` has procman's.

[differences.md](../differences.md) has the rest.
"""

_OF_XML_RPC = (Fault.INCORRECT_PARAMETERS, Fault.SIGNATURE_UNSUPPORTED, Fault.SUCCESS)  # never an answer of /v1

_START = (Fault.BAD_NAME, Fault.NO_FILE, Fault.NOT_EXECUTABLE, Fault.ALREADY_STARTED, Fault.SPAWN_ERROR)
_READ = (Fault.BAD_ARGUMENTS, Fault.BAD_NAME, Fault.NO_FILE, Fault.FAILED)

FAULTS: dict[str, tuple[Fault, ...]] = {
    "supervisor.readLog": (Fault.BAD_ARGUMENTS, Fault.NO_FILE, Fault.FAILED),
    "supervisor.clearLog": (Fault.NO_FILE, Fault.FAILED),
    "supervisor.restart": (Fault.CANT_REREAD,),
    "supervisor.reloadConfig": (Fault.CANT_REREAD,),
    "supervisor.addProcessGroup": (Fault.BAD_NAME, Fault.ALREADY_ADDED),
    "supervisor.removeProcessGroup": (Fault.BAD_NAME, Fault.STILL_RUNNING),
    "supervisor.startProcess": (*_START, Fault.ABNORMAL_TERMINATION),
    "supervisor.startProcessGroup": (Fault.BAD_NAME,),
    "supervisor.stopProcess": (Fault.BAD_NAME, Fault.NOT_RUNNING, Fault.FAILED),
    "supervisor.stopProcessGroup": (Fault.BAD_NAME,),
    "supervisor.signalProcess": (Fault.BAD_NAME, Fault.BAD_SIGNAL, Fault.NOT_RUNNING, Fault.FAILED),
    "supervisor.signalProcessGroup": (Fault.BAD_NAME,),
    "supervisor.getProcessInfo": (Fault.BAD_NAME,),
    "supervisor.readProcessStdoutLog": _READ,
    "supervisor.readProcessStderrLog": _READ,
    "supervisor.tailProcessStdoutLog": (Fault.BAD_NAME,),
    "supervisor.tailProcessStderrLog": (Fault.BAD_NAME,),
    "supervisor.clearProcessLogs": (Fault.BAD_NAME, Fault.FAILED),
    "supervisor.sendProcessStdin": (Fault.BAD_NAME, Fault.NO_FILE, Fault.FAILED, Fault.NOT_RUNNING),
    "system.methodHelp": (Fault.SIGNATURE_UNSUPPORTED,),
    "system.methodSignature": (Fault.SIGNATURE_UNSUPPORTED,),
}
"""The faults of each method, beside those of all. Old names stand for the same methods."""


def http_page() -> str:
    """The reference page of /v1."""
    parts = [_HTTP, "## Endpoints", "", "```", endpoints_block(), "```", "", _NOTES]
    parts += [_BESIDE_V1, (inspect.getdoc(health) or "").partition("\n\n")[2], "", "## Shapes", ""]
    parts += ["Times are seconds since the epoch unless stated otherwise.", ""]
    for name, about, fields in shapes_told():
        rows = [_row(field) for field in fields]
        parts += [f"### {name}", "", about, "", "| field | type | |", "|---|---|---|", *rows, ""]
    parts.append(_ERRORS.rstrip("\n"))
    statuses = {code.word: code.status for code in CODES.values()} | {FORBIDDEN: HTTPStatus.FORBIDDEN}
    for fault, meaning in _meanings().items():
        if fault not in _OF_XML_RPC:
            status = "404 or 405" if fault is Fault.UNKNOWN_METHOD else f"{statuses[fault.name]:d}"
            parts.append(f"| `{fault.name}` | {fault:d} | {status} | {meaning} |")
    return "\n".join([*parts, ""])


def xml_rpc_page() -> str:
    """The reference page of XML-RPC."""
    parts = [_XML, "## Methods", "", "| method | role | | faults |", "|---|---|---|---|"]
    named: dict[int, str] = {}
    for name, entry in methods().items():
        known_as = named.setdefault(id(entry), name)
        faults = ", ".join(fault.name for fault in FAULTS.get(name, ()))
        about = entry.about if known_as == name else f"An old name of `{known_as}`."
        parts.append(f"| {_code(_call(name, entry))} | {entry.needs} | {about} | {faults} |")
    parts += ["", _STRUCTS, *_structs(), "", _FAULTS.rstrip("\n")]
    parts += [f"| {fault:d} | `{fault.name}` | {meaning} |" for fault, meaning in _meanings().items()]
    return "\n".join([*parts, "", _BESIDE])


def methods() -> Mapping[str, Entry]:
    """The table of XML-RPC's methods. An `XmlRpc` uses its services only when a client calls."""
    nothing: Any = None
    return XmlRpc(**dict.fromkeys(inspect.signature(XmlRpc).parameters, nothing)).methods


# ------------------------------------------------------------------------------------------------ the shapes of /v1


def _meanings() -> dict[Fault, str]:
    """The comments behind the faults."""
    lines = inspect.getsource(Fault).splitlines()
    told = [line.partition("#") for line in lines if " = " in line]
    return {Fault[name.split()[0]]: about.strip() for name, _, about in told}


def _row(field: Field) -> str:
    kind, about = field.type, field.about
    if kind.startswith("NotRequired["):
        kind = kind.removeprefix("NotRequired[").removesuffix("]")
        about = f"may be absent; {about}" if about else "may be absent"
    if kind.startswith("Literal["):
        kind = kind.removeprefix("Literal[").removesuffix("]").replace("'", '"').replace('", "', '" or "')
    return f"| `{field.name}` | {_code(kind)} | {about.replace('|', chr(92) + '|')} |"


# ------------------------------------------------------------------------------------------------ XML-RPC


def _call(name: str, entry: Entry) -> str:
    """As it is called: `boolean supervisor.startProcess(string name, [boolean wait])`."""
    given = [f"{kind} {parameter}" for kind, parameter in entry.parameters()]
    shown = [text if number < entry.required else f"[{text}]" for number, text in enumerate(given)]
    return f"{entry.signature[0]} {name}({', '.join(shown)})"


def _structs() -> Iterator[str]:
    known = {field.name: field for name, _, fields in shapes_told() if name == "ProcessInfo" for field in fields}
    yield from ("`getProcessInfo`, and each of `getAllProcessInfo`:", "", "| member | type | |", "|---|---|---|")
    for member in PROCESS_FIELDS:
        kind = {"str": "string"}.get(known[member].type, known[member].type)
        yield f"| `{member}` | {kind} | {known[member].about} |"
    yield ""
    yield "Each of `getAllConfigInfo`: `group`, `group_prio`, `process_prio`, `inuse` (is the group active?), and these"
    yield "[options of the program](options.md):"
    yield from wrap(", ".join(f"`{name}`" for name in sorted({*CONFIG_FIELDS, "exitcodes", "stopsignal"})) + ".", 120)
    yield ""
    yield "An option that is not set is `none`, because XML-RPC has no null. An AUTO log is shown as the path of its"
    yield "file, and as `auto` where the group is not active."


def _code(text: str) -> str:
    """As a cell of a table; a pipe would end it, even within code."""
    return f"`{text.replace('|', chr(92) + '|')}`"
