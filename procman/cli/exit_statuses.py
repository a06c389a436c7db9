"""The exit statuses of each command, and the object that it prints under `--json`, for the reference page.

Tests compare both with what the commands do, and check that no command is missing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Entry:
    """One command."""

    json: str  # in Markdown, with the names of `api/shapes`
    exits: Mapping[int, str] = field(default_factory=dict)  # in addition to 0 and to those that all commands share


NO_MASTER = {
    4: "the master's socket or port refuses the connection",
    7: "there is no such socket",
    1: "the master cannot be reached for another reason",
}

_OPERATION = '`{"results": [Result]}`'
_GROUPS = '`{"results": [{"group": str, "result": str}]}`'
_TAIL = '`{"name": str, "channel": str, "data": str}`'
_LEFT = '`{"left": true}`'
_NOT_STARTED = "it did not start, or ended at once"

PROCMANCTL: Mapping[str, Entry] = {
    "add": Entry(_GROUPS, {1: "no such group; an active group is no error"}),
    "attach": Entry(
        "TerminalEvents, one line for each",
        {
            1: "or what the program exits with; no such process, or it has no terminal",
            2: "or what the program exits with; bad usage, or this is no terminal",
            7: "or what the program exits with; it is not running, or the master has gone",
        },
    ),
    "avail": Entry('`{"processes": [ConfigInfo]}`', {1: "arguments were given"}),
    "chaos": Entry(
        "`ChaosInfo`",
        {1: "something was not as expected, or you said no; no such process, or it is not running", 2: "bad usage"},
    ),
    "clear": Entry(_OPERATION, {1: "no such process, or its logs cannot be emptied"}),
    "config": Entry(
        '`{"sections": [SectionSettings]}`; with `--drift` `DriftAnswer`',
        {1: "no such process; with `--drift` as drift"},
    ),
    "confirm": Entry(
        '`{"operation": int, "result": "kept"}`', {1: "no update waits for it, it was rolled back, or bad arguments"}
    ),
    "crash": Entry("`CrashReport`", {1: "no such report, or bad arguments"}),
    "crashes": Entry('`{"crashes": [CrashInfo], "note": str}`', {1: "no such process"}),
    "debug": Entry(
        "TerminalEvents, one line for each",
        {
            1: "or what the program exits with; no such process, or it cannot be run",
            2: "or what the program exits with; bad usage, or this is no terminal",
            7: "or what the program exits with; the master has gone",
        },
    ),
    "diff": Entry(
        '`{"changes": [PlannedChangeInfo], "needs_reload": [OptionChangeInfo]}`',
        {1: "something differs", 2: "no such group, the file cannot be used, or no master answers"},
    ),
    "drift": Entry("`DriftAnswer`", {1: "something differs", 2: "no such process or group"}),
    "events": Entry(
        '`{"records": [JournalRecord], "next": int}`; with `-f` one JournalRecord for each line',
        {1: "no such process, or bad arguments", 2: "no such kind, or a time that cannot be read"},
    ),
    "exit": Entry(_LEFT),
    "fg": Entry(
        '`{"name": str, "channel": "stdout" or "stderr", "data": str}`, one line for each piece',
        {1: "no such process, or it is not running"},
    ),
    "health": Entry(
        '`HealthInfo`; of names `{"checks": [HealthCheckInfo]}`, with `--now` `{"looks": [HealthLookInfo]}`, with '
        '`--pause` `{"paused": [str]}` or `{"resumed": [str]}`',
        {1: "a wanted process is not up; one of the named ones is unhealthy, or has no health check; bad arguments"},
    ),
    "help": Entry('`{"commands": [str]}`, for a topic `{"topic": str, "text": str}`'),
    "graph": Entry('`{"processes": [GraphInfo]}`', {1: "no such process"}),
    "history": Entry('`{"runs": [RunInfo]}`', {1: "no such process, or no name was given"}),
    "is-running": Entry(
        '`{"processes": [ProcessInfo]}`',
        {2: "no name was given", 3: "one of them is not RUNNING", 4: "no such process or group"},
    ),
    "kill": Entry(_OPERATION, {1: "no such process or signal", 2: "no name was given", 7: "a process is not running"}),
    "logs": Entry(
        '`LogPiece` in each line; of `rotate` and `reopen` `{"results": [Result]}`',
        {1: "no such process, or a log cannot be rotated", 2: "bad usage"},
    ),
    "maintail": Entry(
        '`{"name": "supervisord", "channel": null, "data": str}`; with `-f` one line for each piece',
        {1: "bad arguments, or no log"},
    ),
    "metrics": Entry('`{"metrics": str}`, the whole text', {1: "arguments were given"}),
    "next": Entry('`{"schedules": [ScheduleInfo]}`', {1: "no such process", 2: "bad arguments"}),
    "notify": Entry(
        '`{"sections": [NotifyInfo]}`; of test `{"results": [NotifyResult]}`',
        {1: "bad arguments; no such section, or a test message was not sent"},
    ),
    "open": Entry('`{"processes": [ProcessInfo]}`'),
    "pid": Entry(
        '`{"pid": int}`, for processes `{"processes": [{"group": str, "name": str, "pid": int}]}`',
        {1: "no such process", 7: "a named process has no pid"},
    ),
    "quit": Entry(_LEFT),
    "refresh": Entry(
        _OPERATION,
        {
            1: "no such process or group, no name was given, or it has no option reload, or failed",
            7: "it is not running",
        },
    ),
    "reload": Entry(
        '`{"result": "reloading"}`', {1: "arguments were given, or the file cannot be used (nothing changes)"}
    ),
    "remove": Entry(_GROUPS, {1: "no such group, or a process of it still runs"}),
    "reread": Entry("`Changes`", {1: "arguments were given, or the file cannot be used"}),
    "restart": Entry(
        '`{"stopped": [Result], "started": [Result]}`; with `--rolling` `{"operation": int, "results": [Result]}`',
        {
            1: "no such process, or no name was given; with `--rolling` also: another one is under way",
            2: "no such group",
            7: f"{_NOT_STARTED}; with `--rolling`: it has stopped at a process that is not ready",
        },
    ),
    "retry": Entry(
        _OPERATION,
        {
            1: "no such process or group, or no name was given; what is up needs no try, and is no error",
            7: f"it is STOPPED or EXITED (start it), or {_NOT_STARTED}",
        },
    ),
    "run": Entry(
        'RunEvents, one line for each: `{"event": "began", "name": str, "operation": int}`, then '
        '`{"event": "output", "channel": str, "data": str, "missed": int}`, at last '
        '`{"event": "ended", "statename": str, "done": bool, "code": int, "text": str}`; with `--detach` '
        '`{"operation": int}`',
        {
            1: "or what the program exits with; no such process, it is up, or it cannot be run",
            2: "or what the program exits with; bad usage",
            7: "or what the program exits with; the master has gone, and does not come back",
            124: "it took longer than run_timeout, and exited with 0 when it was stopped",
            126: "the command exists but cannot be run",
            127: "there is no such command",
            130: "left by a second Ctrl-C; signal N ends a run with 128 + N",
        },
    ),
    "runs": Entry('`{"runs": [JobRunInfo]}`', {1: "no such process"}),
    "scale": Entry(
        '`{"scales": [ScaleInfo]}`',
        {
            1: "no such program, its processes cannot be told apart, or numprocs_max",
            2: "an argument that cannot be read",
            7: "a rolling restart of it is under way, or has stopped",
        },
    ),
    "shutdown": Entry('`{"result": "shutting down"}`', {1: "arguments were given"}),
    "signal": Entry(_OPERATION, {1: "no such process or signal, or bad arguments", 7: "a process is not running"}),
    "start": Entry(
        _OPERATION, {1: "no such process, or no such file", 2: "no such group, or no name was given", 7: _NOT_STARTED}
    ),
    "status": Entry(
        '`{"processes": [ProcessInfo]}`; with `--long` also `"figures": [FiguresInfo], "terminals": [TerminalClient], '
        '"hooks": [HookInfo], "given": [GivenInfo], "sockets": [SocketInfo], "watches": [WatchInfo], '
        '"rotations": [RotationInfo], "schedules": [ScheduleInfo], "rolling": [RollingInfo], "scales": [ScaleInfo], '
        '"warnings": [str]`, '
        "and in each FiguresInfo the CPU in percent of one second as cpu_percent; with `--at` "
        '`{"at": float, "known_since": float or null, "processes": [PastInfo]}`',
        {
            3: "one of them is STOPPED or EXITED (but for what is done, or is lazy), FATAL or UNKNOWN",
            4: "no such process or group",
        },
    ),
    "stop": Entry(_OPERATION, {1: "no such process or group, or no name was given; a stopped process is no error"}),
    "timeline": Entry(
        '`{"since": float, "until": float, "known_since": float or null, "processes": [PastSpans]}`',
        {1: "no such process", 2: "a time that cannot be read"},
    ),
    "top": Entry("none", {1: "this is no terminal, or Textual is not installed", 2: "`--json`, or an unknown theme"}),
    "upgrade": Entry(
        '`{"result": "upgraded", "version": text, "pid": number}`',
        {1: "arguments were given, or it is not possible now (nothing changes)"},
    ),
    "stop-plan": Entry("`StopPlanInfo`", {1: "bad arguments; with `--budget`: a shutdown may take longer"}),
    "tail": Entry(f"{_TAIL}; with `-f` one line for each piece", {1: "no such process, no log, or bad arguments"}),
    "update": Entry(
        '`{"steps": [Step]}`; with `--dry-run` or `--plan` `{"plan": PlanInfo}`; with `--confirm` also '
        '`"operation": int, "result": "kept" or "rolled back"`, with `--no-wait` `"pending": PendingInfo`; with '
        '`--abort` `{"operation": int, "result": "rolled back"}`',
        {
            1: "the file or the plan cannot be used (nothing was changed), no such group, or it was rolled back",
            2: "with `--dry-run`: there is something to do; an unknown flag",
            7: "a rolling restart has stopped at a process that is not ready",
        },
    ),
    "version": Entry('`{"version": str}`', {1: "arguments were given"}),
    "whoami": Entry("`WhoamiInfo`", {1: "arguments were given"}),
    "why": Entry(
        "`WhyAnswer`; with `--at` `PastReasonInfo`",
        {
            1: "something is not as it should be, or was not",
            2: "no such process or group, or a time that cannot be read",
        },
    ),
}

# Of `procman` itself and of `procman WORD`.
_IMPORT = {
    0: "all of it means the same here, or nearly",
    1: "something is lost; the report says what, and why",
    2: "a file cannot be read, the output exists already, or bad usage",
}

PROCMAN: Mapping[str, Mapping[int, str]] = {
    "": {
        0: "it stopped as requested, unless `exit_code_from` chooses another status",
        2: "bad usage, an unusable configuration, or a failed start",
    },
    "check": {
        0: "the file is good; warnings do not count without `--strict`",
        1: "with `--budget`: a shutdown may take longer; with `--max`: a program is rated above it; with `--strict`: "
        "there is a warning",
        2: "the file cannot be used, or bad usage",
    },
    "run": {
        0: "the command exited with 0; other statuses are passed on, and signal N becomes 128 + N. With `-d`: it was "
        "up for `--wait`, or will be restarted; if it ended before that, as without `-d`",
        2: "bad usage; or the given log, pid file, directory or user cannot be used",
        126: "the command exists but cannot be run",
        127: "there is no such command",
    },
    "stop": {
        0: "it has ended, or was not running",
        1: "it has not ended within `--timeout`, and is still stopping",
        2: "bad usage, or the signal could not be sent",
    },
    "reload": {0: "it was signalled", 2: "it is not running, bad usage, or the signal could not be sent"},
    "status": {0: "it runs", 3: "it is not running", 2: "bad usage"},
    "replay": {
        0: "this procman decides as the recorded one did",
        1: "it decides otherwise",
        2: "the file cannot be read, or is no recording; or bad usage",
    },
    "simulate": {
        0: "simulated",
        1: "something that was to happen could not, such as the kill of a process that is not running",
        2: "the file cannot be used, or bad usage",
    },
    "test": {
        0: "all tests have passed",
        1: "a test has failed",
        2: "one of the files cannot be used, there is no such test, or bad usage",
    },
    "explain": {0: "success", 2: "there is no such option, section or command"},
    "completion": {0: "success", 2: "there is no such shell, the file cannot be written, or bad usage"},
    "schema": {0: "success", 2: "bad usage"},
    "init": {
        0: "written",
        1: "written by an import, and something was lost; or nothing was written, as the answer was no",
        2: "a configuration is here already, or a file cannot be read",
    },
    "import": {2: "always: name an engine"},
    "import supervisord": _IMPORT,
    "import procfile": _IMPORT,
    "import compose": _IMPORT,
    "import systemd": _IMPORT,
    "import process-compose": _IMPORT,
    "import pm2": _IMPORT,
    "import circus": _IMPORT,
    "export": {2: "always: name an engine"},
    "export kubernetes": {0: "written", 2: "the file cannot be used, or bad usage"},
    "export compose": {0: "written", 2: "the file cannot be used, or bad usage"},
    "export systemd": {0: "written", 2: "the file cannot be used, or bad usage"},
}
