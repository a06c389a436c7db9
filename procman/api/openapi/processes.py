"""The endpoints about processes, their logs and terminals, and operations on them."""

from typing import Literal

from procman.api.openapi.endpoint import BYTES, NOTHING, Endpoint, Given, lines_of
from procman.api.shapes.answers import OperationAnswer, PauseAnswer, RollingAnswer, ScaleAnswer
from procman.api.shapes.chaos import ChaosInfo
from procman.api.shapes.configuration import SectionSettings
from procman.api.shapes.health import HealthCheckInfo, HealthLookInfo
from procman.api.shapes.journal import RunInfo
from procman.api.shapes.master import OperationInfo
from procman.api.shapes.output import LogPiece, RunEvent, TerminalClient, TerminalEvent
from procman.api.shapes.processes import (
    FiguresInfo,
    GivenInfo,
    GraphInfo,
    HookInfo,
    LimitsInfo,
    ProcessInfo,
    RotationInfo,
    SocketInfo,
    WatchInfo,
)
from procman.api.shapes.rolling import RollingInfo, ScaleInfo
from procman.api.shapes.schedules import JobRunInfo, ScheduleInfo
from procman.api.shapes.why import DriftAnswer, WhyAnswer

OF_NAMED = {"name": Given(str, "of what this SPEC names")}
TIMEOUT = Given(
    float | None, "seconds; after that it answers with what is known, and the operation goes on (none)", least=0
)
_WAIT = {"wait": Given(bool, "for the outcome (true; of logs always)"), "timeout": TIMEOUT}
_OPS = {
    "start": ("starts them", {"alone": Given(bool, "not what they depend on (false)")}),
    "stop": ("stops them", {"cascade": Given(bool, "what depends on them, too (false)")}),
    "restart": ("restarts them", NOTHING),
    "retry": ("starts those that have failed", NOTHING),
    "signal": ("sends them a signal", {"signal": Given(str, 'such as "HUP"', required=True)}),
    "refresh": ("reloads them, by their hook or signal for that", NOTHING),
    "clear": ("empties their logs", NOTHING),
    "rotate": ("rotates their log files", NOTHING),
    "reopen": ("opens their log files again", NOTHING),
}
TAIL = {
    "tail": Given(int, "the last N bytes (1600; with follow 1024)"),
    "offset": Given(int, "from that byte, as supervisor's readProcessStdoutLog; a negative one counts from the end"),
    "length": Given(int, "how many bytes from `offset` (0: all)"),
    "follow": Given(Literal["1"], "a stream that does not end"),
}
_ENVIRONMENT = Given(dict[str, str], "further variables")
_SIZE = {"rows": Given(int, "as it is", least=1, most=1000), "columns": Given(int, "as it is", least=1, most=1000)}
_NAMES = Given(list[str], "SPECs", required=True)
_ROLLING = {"names": Given(list[str], "SPECs or programs", required=True)}

PROCESSES = (
    Endpoint("GET", "/v1/processes", {"processes": list[ProcessInfo]}, "all of them"),
    Endpoint("GET", "/v1/processes/{spec}", {"processes": list[ProcessInfo]}, "those that are named"),
    Endpoint("POST", "/v1/processes/{spec}/{op}", OperationAnswer, "does OP with what is named", body=_WAIT, ops=_OPS),
    Endpoint(
        "POST",
        "/v1/processes/{op}",
        OperationAnswer,
        "the same for several names",
        body={"names": _NAMES, **_WAIT},
        ops=_OPS,
    ),
    Endpoint(
        "GET", "/v1/processes/{spec}/health", {"checks": list[HealthCheckInfo]}, "of those that have a health check"
    ),
    Endpoint(
        "POST",
        "/v1/processes/{spec}/health/now",
        {"looks": list[HealthLookInfo]},
        "looks at each now, and does not count it",
    ),
    Endpoint(
        "POST",
        "/v1/processes/{spec}/health/pause",
        PauseAnswer,
        "does not look at them for a time",
        body={
            "seconds": Given(float, "0: they are looked at again", required=True, least=0),
            "reason": Given(str, 'for people (""); up to 200 characters'),
        },
    ),
    Endpoint(
        "GET", "/v1/processes/{spec}/config", {"sections": list[SectionSettings]}, "of each process, its group's first"
    ),
    Endpoint("POST", "/v1/processes/{spec}/stdin", NOTHING, "writes the body to the process's stdin", body=BYTES),
    Endpoint("GET", "/v1/processes/{spec}/log/{channel}", BYTES, "the log of one process", query=TAIL),
    Endpoint(
        "GET",
        "/v1/processes/{spec}/runs",
        {"runs": list[RunInfo]},
        "of each process, the oldest first, as far as the journal has them",
    ),
    Endpoint(
        "POST",
        "/v1/processes/{spec}/run",
        lines_of(RunEvent),
        "runs one process now, until that run has ended; it goes on if the client leaves",
        body={
            "args": Given(list[str], "further arguments"),
            "env": _ENVIRONMENT,
            "follow": Given(bool, "(true) false: it answers at once, with the id of the operation"),
        },
        also=({"operation": int},),
    ),
    Endpoint("GET", "/v1/processes/{spec}/run", lines_of(RunEvent), "the same of the run that is under way"),
    Endpoint(
        "POST",
        "/v1/processes/{spec}/attach",
        lines_of(TerminalEvent),
        "one process with a terminal, until it has settled; you are attached as long as the connection lasts",
        body=_SIZE,
    ),
    Endpoint("GET", "/v1/processes/{spec}/attach", lines_of(TerminalEvent), "the same for one that only reads"),
    Endpoint(
        "POST",
        "/v1/processes/{spec}/debug",
        lines_of(TerminalEvent),
        "the same of a run for this client; when that has ended, or the connection, the process is as it was before",
        body={"command": Given(list[str], "instead of its own"), "env": _ENVIRONMENT, **_SIZE},
    ),
    Endpoint(
        "POST",
        "/v1/processes/{spec}/chaos",
        ChaosInfo,
        "makes one process fail, and watches it and what depends on it",
        body={
            "what": Given(Literal["kill", "stop", "unready"], "the fault", required=True),
            "seconds": Given(float, "how long stop and unready last (0)", least=0),
            "dry": Given(bool, "only what should follow (false)"),
        },
    ),
    Endpoint(
        "GET",
        "/v1/chaos/{id}",
        ChaosInfo,
        "one of the last 20",
        query={"timeout": Given(int, "when it is over, or after N seconds (at most 60)")},
    ),
    Endpoint("GET", "/v1/terminals", {"terminals": list[TerminalClient]}, "all that are attached"),
    Endpoint(
        "POST",
        "/v1/terminals/{number}/input",
        NOTHING,
        "types the body at the terminal of that client, see TerminalEvent",
        body=BYTES,
    ),
    Endpoint(
        "POST",
        "/v1/terminals/{number}/size",
        NOTHING,
        "its size",
        body={name: one._replace(required=True, about="") for name, one in _SIZE.items()},
    ),
    Endpoint(
        "GET",
        "/v1/logs",
        lines_of(LogPiece),
        "several logs as one",
        query={
            "name": Given(str, "SPECs, separated by commas (all)"),
            "channel": Given(str, "stdout or stderr (both)"),
            "lines": Given(int, "the last N lines of each (10)", least=0, most=100_000),
            "since": Given(
                float,
                "what was written since then (since the epoch), to within a second",
                least=0,
                most=999_999_999_999,
            ),
            "follow": Given(Literal["1"], "and what comes"),
        },
    ),
    Endpoint(
        "GET",
        "/v1/why",
        WhyAnswer,
        "of all that is not as it should be, those first that others wait for",
        query={"name": Given(str, 'of what this SPEC names; "procman" is the master itself')},
    ),
    Endpoint(
        "GET",
        "/v1/drift",
        DriftAnswer,
        "what running processes have otherwise than a start now would give them",
        query=OF_NAMED,
    ),
    Endpoint("GET", "/v1/figures", {"figures": list[FiguresInfo]}, "of those that have a process"),
    Endpoint("GET", "/v1/limits", {"limits": list[LimitsInfo]}, "of those that have any", query=OF_NAMED),
    Endpoint(
        "GET", "/v1/hooks", {"hooks": list[HookInfo]}, "which there are, what runs, how each ended last", query=OF_NAMED
    ),
    Endpoint(
        "GET",
        "/v1/rotations",
        {"rotations": list[RotationInfo]},
        "of the log files that are open",
        query=OF_NAMED,
    ),
    Endpoint("GET", "/v1/watches", {"watches": list[WatchInfo]}, "of those that watch files", query=OF_NAMED),
    Endpoint(
        "GET", "/v1/given", {"given": list[GivenInfo]}, "of those that are given something from files", query=OF_NAMED
    ),
    Endpoint("GET", "/v1/graph", {"processes": list[GraphInfo]}, "in the order in which they start"),
    Endpoint("GET", "/v1/sockets", {"sockets": list[SocketInfo]}, "where procman listens for programs", query=OF_NAMED),
    Endpoint(
        "GET",
        "/v1/schedules",
        {"schedules": list[ScheduleInfo]},
        "the one that comes first at first",
        query={**OF_NAMED, "count": Given(int, "the next N times of each (1)", least=1, most=1000)},
    ),
    Endpoint(
        "GET", "/v1/runs", {"runs": list[JobRunInfo]}, "the last runs of one-shots, the oldest first", query=OF_NAMED
    ),
    Endpoint("GET", "/v1/scale", {"scales": list[ScaleInfo]}, "the programs that may have several processes"),
    Endpoint(
        "POST",
        "/v1/scale",
        ScaleAnswer,
        "sets their number; more than numprocs_max is FAILED; without that, more than the file says takes configure",
        body={"scale": Given(str, '"web=4", "web+1" or "web-1"', required=True), "timeout": TIMEOUT},
    ),
    Endpoint(
        "GET",
        "/v1/rolling",
        {"rolling": list[RollingInfo]},
        "the rolling restarts that go on, have stopped, or can be put back",
        query=OF_NAMED,
    ),
    Endpoint(
        "POST",
        "/v1/rolling/restart",
        RollingAnswer,
        "ROLLING where it has stopped, or another one is under way",
        body={**_ROLLING, "batch": Given(str | None, '"2" or "25%" (rolling_batch)'), **_WAIT},
    ),
    Endpoint("POST", "/v1/rolling/continue", RollingAnswer, "goes on where it has stopped", body={**_ROLLING, **_WAIT}),
    Endpoint(
        "POST",
        "/v1/rolling/abort",
        RollingAnswer,
        "ends it, and puts the earlier definition back",
        body={**_ROLLING, **_WAIT},
    ),
    Endpoint(
        "GET",
        "/v1/operations",
        {"operations": list[OperationInfo]},
        "the latest first; of those that have ended 100 at most are kept",
    ),
    Endpoint(
        "GET",
        "/v1/operations/{id}",
        OperationInfo,
        "one of them",
        query={"timeout": Given(int, "when it has ended, or after N seconds")},
    ),
)
