"""The JSON that travels between the master and its clients: field names, types, and the endpoints.

Only types and constants in here, so that a client may import it at no cost. Times are seconds since the epoch.

    GET   /v1/master                         MasterInfo
    POST  /v1/master/shutdown                {}; answers before the stop begins
    POST  /v1/master/reload                  {}; all programs stop, the file is read again, they start
    GET   /v1/processes                      {"processes": [ProcessInfo]}
    GET   /v1/processes/SPEC                 {"processes": [ProcessInfo]}
    GET   /v1/figures                        {"figures": [FiguresInfo]} of those that have a process
    POST  /v1/processes/SPEC/OP              {"results": [Result]}; OP is start, stop, restart, signal or clear
    POST  /v1/processes/OP                   the same for {"names": [SPEC, ...]}
            the body of both: {"wait": bool (true), "signal": "HUP" (for signal)}
    POST  /v1/processes/SPEC/stdin           {}; the body, as it is, goes to the process
    GET   /v1/processes/SPEC/log/CHANNEL     bytes; CHANNEL is stdout or stderr
            ?tail=N                          the last N bytes (1600)
            ?offset=N&length=N               as supervisor's readProcessStdoutLog
            ?follow=1                        a stream that does not end
    GET   /v1/log                            the master's own log, with the same queries
    POST  /v1/log/clear                      {}
    POST  /v1/log/reopen                     {}; what SIGUSR2 does
    GET   /v1/config                         {"processes": [ConfigInfo]}; what `avail` shows
    POST  /v1/config/reread                  Changes; reads the file and changes nothing that runs
    POST  /v1/config/update                  {"steps": [Step]} for {"groups": [NAME] (all), "dry_run": bool (false)}
    POST  /v1/groups/NAME/add                {"result": "added"}, or an error ALREADY_ADDED or BAD_NAME
    POST  /v1/groups/NAME/remove             {"result": "removed"}, or an error STILL_RUNNING or BAD_NAME

SPEC is a name, group:name, group:*, all, or a glob, percent-encoded.
An error answers with its HTTP status and {"error": ErrorBody}: 404 for BAD_NAME, 409 where the state forbids it,
400 for what cannot be understood, 503 while shutting down.
"""

from enum import IntEnum
from typing import Literal, NotRequired, TypedDict


class Fault(IntEnum):
    """What can be wrong with one operation, with supervisor's numbers (they travel over XML-RPC)."""

    UNKNOWN_METHOD = 1
    INCORRECT_PARAMETERS = 2
    BAD_ARGUMENTS = 3
    SIGNATURE_UNSUPPORTED = 4
    SHUTDOWN_STATE = 6
    BAD_NAME = 10
    BAD_SIGNAL = 11
    NO_FILE = 20
    NOT_EXECUTABLE = 21
    FAILED = 30
    ABNORMAL_TERMINATION = 40
    SPAWN_ERROR = 50
    ALREADY_STARTED = 60
    NOT_RUNNING = 70
    SUCCESS = 80
    ALREADY_ADDED = 90
    STILL_RUNNING = 91
    CANT_REREAD = 92


class ProcessInfo(TypedDict):
    """One process; the fields of supervisor's getProcessInfo, and what it does not tell."""

    name: str
    group: str
    namespec: str  # "web", or "group:name" where the two differ
    description: str  # "pid 14, uptime 0:01:02", "Nov 23 09:00 AM", "Exited too quickly …"
    state: int
    statename: str
    start: int
    stop: int
    now: int
    pid: int  # 0: none
    exitstatus: int  # -1: killed by a signal
    spawnerr: str
    logfile: str  # the same as stdout_logfile, for old clients
    stdout_logfile: str
    stderr_logfile: str
    wanted: bool  # should it be up?
    restarts: int  # starts by autorestart since the master began
    lost: int  # bytes of its output that no sink could take


class FiguresInfo(TypedDict):
    """What a process and all that it has started use."""

    namespec: str
    pid: int
    processes: int
    threads: int
    rss: int  # bytes; shared pages count for each of them
    cpu: float  # seconds
    fds: int | None  # None where they may not be seen


class Result(TypedDict):
    """What became of one process in an operation on one or many."""

    name: str
    group: str
    status: str  # name of a Fault; SUCCESS
    description: str


class ConfigInfo(TypedDict):
    """One configured process, as `avail` shows it."""

    name: str
    group: str
    inuse: bool
    autostart: bool
    group_prio: int
    process_prio: int
    command: str


class Changes(TypedDict):
    """What a reread found, by group."""

    added: list[str]
    changed: list[str]
    removed: list[str]


class Step(TypedDict):
    """One thing that `update` did (or would do), in the order it was done."""

    group: str
    name: NotRequired[str]  # a process of the group; absent where the whole group is meant
    action: Literal["added", "removed", "stopped", "updated", "replaced", "changed in place", "logs re-opened", "error"]
    options: NotRequired[list[str]]  # what was changed in the file
    message: NotRequired[str]  # of an error; without one there is no such group


class MasterInfo(TypedDict):
    """The master itself."""

    pid: int
    version: str
    api_version: str
    identifier: str
    state: int
    statename: str
    config_file: str
    start: int
    processes: int
    reaped_orphans: int


class ErrorBody(TypedDict):
    """The inside of {"error": …}."""

    code: str
    message: str
