"""The JSON that travels between the master and its clients: field names, types, and the endpoints.

Only types and constants in here, so that a client may import it at no cost. Times are seconds since the epoch.

    GET   /v1/master                         MasterInfo
    POST  /v1/master/shutdown                {"operation": ID}; answers before the stop begins
    POST  /v1/master/upgrade                 {"operation": ID, "upgrades": n}; the master executes its own code again in
                                             a moment, and programs go on; it is done when GET /v1/master says n
    POST  /v1/master/reload                  {"operation": ID}; all programs stop, the file is read again, they start
    GET   /v1/master/config                  {"sections": [SectionSettings]}: the master itself, then each server,
                                             and the notify sections
    GET   /v1/stop-plan                      StopPlanInfo of the active groups
            ?budget=10s                      compared with that time instead of docker's and Kubernetes'
    GET   /v1/health                         HealthInfo; what /readyz answers by its status
            ?file=1                          also whether the configuration on the disk could be used now
    GET   /v1/processes                      {"processes": [ProcessInfo]}
    GET   /v1/processes/SPEC                 {"processes": [ProcessInfo]}
    GET   /v1/processes/SPEC/health          {"checks": [HealthCheckInfo]} of those that have a health check
    POST  /v1/processes/SPEC/health/now      {"looks": [HealthLookInfo]}: looks at each now, and does not count it
    POST  /v1/processes/SPEC/health/pause    {"seconds": N, "reason": ""} -> {"paused": [NAMESPEC]}; with 0 they are
                                             looked at again: {"resumed": [NAMESPEC]}
    GET   /v1/why                            WhyAnswer: of all that is not as it should be, those first that others wait
                                             for
            ?name=SPEC                       of what it names; "procman" is the master itself
    GET   /v1/drift                          DriftAnswer: what running processes have otherwise than a start now would
                                             give them
            ?name=SPEC                       of what it names
    GET   /v1/figures                        {"figures": [FiguresInfo]} of those that have a process
    GET   /v1/limits                         {"limits": [LimitsInfo]} of those that have any
    GET   /v1/graph                          {"processes": [GraphInfo]} in the order in which they start
    GET   /v1/events                         text/event-stream without end; ten messages a second at most
            event: snapshot                  Snapshot; if there are very many processes, the rest follows at once
            event: change                    Change, as it happens
    GET   /v1/journal                        {"records": [JournalRecord], "next": SEQ}: the oldest first; ask again with
                                             since=SEQ for what comes next
            ?since=SEQ                       those with a higher number; the first of them, if they are too many
            ?since=10m                       or 14:02, 2026-11-29T14:02, @EPOCH: those since then; the last of them
            &name=SPEC,SPEC                  of these processes and groups, which may be gone
            &kind=KIND,KIND                  of these kinds
            &limit=N                         so many at most (1000)
            &follow=1                        a stream that does not end, of lines of JSON; with Accept:
                                             text/event-stream, events named record with their SEQ as id. Without
                                             `since`, `limit` says how many it begins with (none)
    GET   /v1/journal/states                 {"at": N, "known_since": seconds or null, "processes": [PastInfo]}: the
                                             table as it was
            ?at=N                            then, in seconds since the epoch
            &name=SPEC,SPEC                  of these processes, which may be gone
    GET   /v1/journal/spans                  {"since": N, "until": N, "known_since": seconds or null, "processes":
                                             [PastSpans]}
            ?since=N&until=N                 during that time, in seconds since the epoch
            &name=SPEC,SPEC                  of these processes, which may be gone
    GET   /v1/journal/why                    PastReasonInfo
            ?at=N&name=SPEC                  of one process, then
    GET   /v1/processes/SPEC/runs            {"runs": [RunInfo]}: of each process, the oldest first, as far as the
                                             journal has them
    POST  /v1/processes/SPEC/OP              {"operation": ID, "results": [Result]}; OP is start, stop, restart, signal,
                                             clear, or rotate or reopen (its log files)
    POST  /v1/processes/OP                   the same for {"names": [SPEC, ...]}
            the body of both: {"wait": bool (true; of logs always), "timeout": seconds (none),
            "signal": "HUP" (for signal)};
            after `timeout` it answers with what is known, and {"pending": [namespec]}; the operation goes on
    POST  /v1/processes/SPEC/run             one process, now: lines of JSON, each a RunEvent, to the end of the run; it
                                             goes on if the client leaves
            the body: {"args": [str], "env": {NAME: str}, "follow": bool (true)}; false: {"operation": ID} at once
    GET   /v1/processes/SPEC/run             the same of the run that is under way
    POST  /v1/processes/SPEC/attach          one process with a terminal: lines of JSON, each a TerminalEvent, until it
                                             has settled; you are attached as long as the connection lasts
            the body: {"rows": int, "columns": int} (as they are)
    GET   /v1/processes/SPEC/attach          the same for one that only reads
    POST  /v1/processes/SPEC/debug           the same of a run for this client; when that has ended, or the connection,
                                             the process is as it was before
            the body: {"command": [str] (its own), "env": {NAME: str}, "rows": int, "columns": int}
    GET   /v1/terminals                      {"terminals": [TerminalClient]}: all that are attached
    POST  /v1/terminals/NUMBER/input         {}; types the body at the terminal of that client, see TerminalEvent
    POST  /v1/terminals/NUMBER/size          {} for {"rows": int, "columns": int}
    GET   /v1/operations                     {"operations": [OperationInfo]}, the latest first; of those that have ended
                                             100 at most are kept
    GET   /v1/operations/ID                  OperationInfo
            ?timeout=N                       when it has ended, or after N seconds
    GET   /v1/crashes                        {"crashes": [CrashInfo], "note": str}, the latest first; `note` says why
                                             some may be missing, "" if none is
            ?name=SPEC                       of these processes, also of those that have left the configuration
    GET   /v1/crashes/SEQ                    CrashReport; SEQ may also be the journal's number of an end in between
    GET   /v1/schedules                      {"schedules": [ScheduleInfo]}, the one that comes first at first
            ?name=SPEC                       of these processes
            &count=N                         the next N times of each (1, at most 1000)
    GET   /v1/runs                           {"runs": [JobRunInfo]}: the last runs of one-shots, the oldest first
            ?name=SPEC                       of these processes
    GET   /v1/processes/SPEC/config          {"sections": [SectionSettings]}: of each process, its group's first
    POST  /v1/processes/SPEC/stdin           {}; writes the body to the process's stdin
    GET   /v1/processes/SPEC/log/CHANNEL     bytes; CHANNEL is stdout or stderr
            ?tail=N                          the last N bytes (1600)
            ?offset=N&length=N               as supervisor's readProcessStdoutLog
            ?follow=1                        a stream that does not end
    GET   /v1/logs                           several logs as one: lines of JSON, each a LogPiece
            ?name=SPEC,SPEC&channel=stdout   of these (all; both channels)
            ?lines=N                         the last N lines of each (10)
            ?since=SECONDS                   what was written since then (since the epoch), to within a second
            ?follow=1                        and what comes
    GET   /v1/log                            the master's own log, with the same queries
    POST  /v1/log/clear                      {}
    POST  /v1/log/reopen                     {}; what SIGUSR2 does
    GET   /v1/config                         {"processes": [ConfigInfo]}; what `avail` shows
    POST  /v1/config/reread                  Changes; reads the file and changes nothing that runs
    POST  /v1/config/update                  {"operation": ID, "steps": [Step]} for {"groups": [NAME] (all),
                                             "dry_run": bool (false; else there is no operation), "timeout": seconds}
    GET   /v1/notify                         {"sections": [NotifyInfo]}
    POST  /v1/notify/NAME/test               NotifyResult; sends a test message, once; BAD_NAME
    POST  /v1/events/remote                  {} for {"type": str, "data": str}: REMOTE_COMMUNICATION to event listeners
    POST  /v1/groups/NAME/add                {"operation": ID, "result": "added"}; ALREADY_ADDED or BAD_NAME
    POST  /v1/groups/NAME/remove             {"operation": ID, "result": "removed"}; STILL_RUNNING or BAD_NAME

SPEC is a name, group:name, group:*, all, or a glob, percent-encoded.
An error answers with its HTTP status and {"error": ErrorBody}: 404 for BAD_NAME, 409 where the state forbids it,
403 for a read-only account (FORBIDDEN), 400 for what cannot be understood, 503 while shutting down.
"""

from typing import Any, Literal, NotRequired, TypedDict


class ProcessInfo(TypedDict):
    """One process: the fields of supervisor's getProcessInfo, and more."""

    name: str
    group: str
    namespec: str  # "web", or "group:name" where the two differ
    description: str  # "pid 14, uptime 0:01:02", "Nov 23 09:00 AM", "Exited too quickly …"
    state: int
    statename: str
    start: int
    stop: int
    now: int
    uptime: int  # seconds by the steady clock, whatever the wall clock did meanwhile; 0: no process
    pid: int  # 0: none
    exitstatus: int  # -1: killed by a signal
    ending: str  # how the last run, or try, ended: "exit status 1", "terminated by SIGKILL"; "": none has
    last_words: str  # where that run failed: the last line that it wrote to stderr, or else to stdout
    last_words_on: str  # stdout or stderr
    spawnerr: str
    logfile: str  # the same as stdout_logfile, for old clients
    stdout_logfile: str
    stderr_logfile: str
    redirect_stderr: bool  # stderr has no log of its own
    wanted: bool  # should it be up?
    restarts: int  # starts by autorestart since the master began
    flapping_until: int  # until then it is shown as flapping: autorestart keeps restarting it; 0: it is not flapping
    lost: int  # bytes of its output that could not be written anywhere
    why: str  # where it has failed, or does not stay up: the `short` of its WhyInfo
    # What it does within its state: waiting, blocked, bound, unready (not ready yet), unhealthy, done, leftovers,
    # scheduled (its schedule is on, and no run is under way); "": its state says it all.
    phase: str
    done: bool  # a one-shot that has succeeded, and does not run now
    ready: bool | None  # whether all conditions of its option ready have held in this run; null: it has none
    healthy: bool | None  # whether its health check succeeds; null: it has none, or that is not known (yet)
    status_text: str  # what the run has said of itself (STATUS= on its notification socket)
    waits_for: list[str]  # what keeps it from starting, as it was written: db@ready
    next: (
        float | None
    )  # when it runs next by its schedule, in seconds since the epoch; null: it has none, or that is off


class GraphEdgeInfo(TypedDict):
    """One dependency."""

    target: str  # as it was written: a program, a group, or group:process
    condition: str  # started, ready or exited
    optional: bool
    processes: list[str]  # the namespecs of the target
    holds: bool  # now


class GraphInfo(TypedDict):
    """A process and what it depends on."""

    namespec: str
    statename: str
    phase: str  # as in ProcessInfo
    wanted: bool
    level: int  # 0 where it depends on nothing
    needed_by: list[str]  # the namespecs of what depends on it directly
    edges: list[GraphEdgeInfo]


class RunEvent(TypedDict):
    """One line of the answer to POST and GET /v1/processes/{spec}/run: began, output (many), ended."""

    event: str  # began, output, ended
    name: NotRequired[str]  # began: the namespec
    operation: NotRequired[int | None]  # began: its id; None: another client has asked for the run
    channel: NotRequired[str]  # output: stdout or stderr
    data: NotRequired[str]  # output: bytes that are not UTF-8 stand as lone surrogates (Python's surrogateescape)
    missed: NotRequired[int]  # output: bytes that were left out after it, as they were not read in time
    statename: NotRequired[str]  # ended
    done: NotRequired[bool]  # ended: a one-shot that has succeeded
    code: NotRequired[int]  # ended: as a shell would have it; 124: timed out, and it exited with 0
    text: NotRequired[str]  # ended: how, in words


class TerminalEvent(TypedDict):
    """One line of the answer to /v1/processes/{spec}/attach and /debug: attached, output (many), ended."""

    event: str  # attached, output, ended
    id: NotRequired[int]  # attached: of this client, for its input and its size
    name: NotRequired[str]  # attached: the namespec
    data: NotRequired[str]  # output, and the past with attached: as in RunEvent
    missed: NotRequired[int]  # output: bytes that were left out after it, as they were not read in time
    statename: NotRequired[str]  # ended
    code: NotRequired[int]  # ended: as a shell would have it
    text: NotRequired[str]  # ended: how, in words


class TerminalClient(TypedDict):
    """Of GET /v1/terminals: a client that is attached."""

    id: int
    name: str  # the namespec
    client: str  # such as "uid 0 (root, procmanctl, pid 812)"
    read_only: bool
    debugs: bool  # the program runs for this client, once


class LogPiece(TypedDict):
    """One line of the answer to GET /v1/logs: a piece of one of several logs. An empty one of each comes first."""

    name: str  # the namespec
    channel: str  # stdout or stderr
    time: float | None  # until when it was written (seconds since the epoch, to within a second); None: now
    data: str  # bytes that are not UTF-8 stand as lone surrogates (Python's surrogateescape)
    missed: int  # bytes before it that were left out, as they were not read in time


class WhyLink(TypedDict):
    """One step of the chain from what is seen to its root."""

    # end, request, policy, signal, leftovers, terminal, readiness, startsecs, queue, gate, shutdown, wave, trouble,
    # file, dependency
    kind: str
    text: str
    name: NotRequired[str]  # the namespec of the process that it is about, where that is another one


class WhyOption(TypedDict):
    """An option that decides."""

    option: str
    shown: str  # as a file would have it
    source: str  # file, default, command line; earlier: the file has changed since
    file: str | None
    line: int | None
    place: str  # for people: "procman.toml:12", "default"


class WhyInfo(TypedDict):
    """Why a process, or the master, is as it is. Texts that do not apply are empty."""

    name: str  # a namespec, or "procman"
    statename: str
    phase: str  # "leftovers": it has ended, and what it has started is being stopped
    wanted: bool  # should it be up?
    as_wanted: bool
    sentence: str  # "web is FATAL for 4 m, and should be up (wanted by boot)"
    short: str  # "FATAL: 4 failed starts in 9 s; exit status 1, last words: …"
    age: float | None  # seconds in this state
    entered: float | None  # the same since the epoch
    wanted_by: str  # who decided whether it should be up: "boot", "uid 0 (root, procmanctl stop web, pid 812)"
    wanted_since: float | None
    because: list[WhyLink]  # the root last
    end: str  # how the last run ended
    last_words: str  # what it wrote last, where it failed
    last_words_on: str  # stdout or stderr
    since: str  # the time of day, and what it followed from
    next: str  # what happens next
    next_in: float | None  # in so many seconds; null: at no certain time
    options: list[WhyOption]
    defined: str  # file and line
    changed: list[str]  # options that the file, as it was last read, has otherwise than this process
    drift: list[str]  # "started with another DB_PASSWORD than the file has now"
    commands: list[str]  # what to type


class WhyAnswer(TypedDict):
    """Explanations."""

    as_wanted: bool  # nothing is otherwise than it should be
    processes: int  # how many were looked at
    explanations: list[WhyInfo]


class DriftInfo(TypedDict):
    """What a running process has otherwise than a start now would give it: names only, no values."""

    name: str  # a namespec
    pid: int
    drifted: bool  # whether there is anything
    gone_from_file: bool  # the configuration has no such process any more
    options: list[str]  # "command", "environment LANG": the configuration on the disk has others
    environment: list[str]  # variables whose files (env_file, env_from) have other values
    credentials: list[str]  # whose files are others
    trouble: str  # why it could not be started now; "": it could
    binary: str  # "its binary /usr/bin/app was replaced"; "": it is the same
    libraries: list[str]  # paths of those that were replaced or deleted


class DriftAnswer(TypedDict):
    """The running processes that were looked at."""

    drifts: list[DriftInfo]
    file_problems: list[str]  # why the configuration on the disk could not be read; then it is as it was last read


class PastInfo(TypedDict):
    """One process as it was at a moment of the past, as far as the journal tells."""

    name: str
    group: str
    namespec: str
    statename: str | None  # null: not known; the description says why
    description: str  # as in ProcessInfo
    pid: int  # 0: none, or not known
    since: float | None  # when it entered the state; null: not known
    uptime: int | None  # of its run, then; null: not known, or no process
    run: int  # the number of its run; 0: not known
    reason: str
    seq: int | None  # the record of the journal by which it entered the state


class SpanInfo(TypedDict):
    """A time in which a process was in one state, cut to the time that was asked for."""

    start: float
    end: float
    statename: str | None  # null: not known
    reason: str
    seq: int | None  # the record of the journal by which it entered the state


class PastSpans(TypedDict):
    """What one process was in, one after the other; where it did not exist, there is no span."""

    namespec: str
    group: str
    spans: list[SpanInfo]


class FiguresInfo(TypedDict):
    """What a process and all that it has started use."""

    namespec: str
    pid: int
    processes: int
    threads: int
    rss: int  # bytes; shared pages count for each of them
    cpu: float  # seconds
    fds: int | None  # null if the master may not see them


class LimitsInfo(TypedDict):
    """The limits of a process, and what its cgroup counts; null: not known, or no limit. Memory is in bytes."""

    namespec: str
    options: dict[str, str]  # those that are set, as a file has them
    left_out: list[str]  # what could not be set for its present or its last run, with the reasons
    cgroup: str  # the folder of its own cgroup; "": it has none
    measured: int | None  # what memory_restart has found last
    memory: int | None  # in use, with what the kernel keeps of files
    memory_peak: int | None
    memory_max: int | None
    memory_high: int | None
    pids: int | None  # processes and threads
    pids_max: int | None
    throttled: int | None  # how often its processor time (cpu_max) was used up


class Result(TypedDict):
    """What became of one process in an operation."""

    name: str
    group: str
    status: str  # a code of an error, or SUCCESS
    description: str


class ConfigInfo(TypedDict):
    """One configured process, as `avail` shows it."""

    name: str
    group: str
    inuse: bool
    autostart: bool
    group_prio: int
    process_prio: int
    command: str  # without what looks like a secret in it


class SettingInfo(TypedDict):
    """One option as it is in effect, or one variable of `environment`. Secrets are "********"."""

    option: str
    variable: NotRequired[str]  # the name of the variable
    value: Any  # a number, true or false, a text, a list of them, or null where it is not set
    shown: str  # as a file would have it
    source: Literal["file", "default", "command line", "earlier"]  # earlier: the file has changed since
    file: str | None
    line: int | None


class SectionSettings(TypedDict):
    """The options of the master, a server, a notify section, a process, or those that a group's processes share."""

    section: str  # in supervisor's words: "supervisord", "program:web"
    name: str  # the namespec of the process, "group:*", or "" for the master and its servers
    settings: list[SettingInfo]


class Changes(TypedDict):
    """What a reread found, by group."""

    added: list[str]
    changed: list[str]
    removed: list[str]
    notify: list[str]  # the names of the notify sections that differ


class Step(TypedDict):
    """One thing that `update` did (or would do), in the order it was done."""

    group: str  # or "notify:NAME", a notify section
    name: NotRequired[str]  # a process of the group; absent where the whole group is meant
    action: Literal["added", "removed", "stopped", "updated", "replaced", "changed in place", "logs re-opened", "error"]
    options: NotRequired[list[str]]  # what was changed in the file
    message: NotRequired[str]  # of an error; without one there is no such group


class ErrorBody(TypedDict):
    """The inside of {"error": …}."""

    code: str
    message: str


class OperationInfo(TypedDict):
    """Something that changes something, from when it was asked for; it goes on whether or not its client waits."""

    id: int  # never used again, over reloads and upgrades too; with a journal in a file, over kills as well
    kind: Literal[
        "start",
        "run",
        "stop",
        "restart",
        "retry",
        "debug",
        "signal",
        "refresh",
        "clear",
        "rotate",
        "reopen",
        "update",
        "add",
        "remove",
        "reload",
        "shutdown",
        "upgrade",
    ]
    targets: list[str]  # as they were named: SPECs, or groups
    actor: str  # who asked, such as "uid 0, pid 4711" over a unix socket; "": not known
    began: float
    ended: float | None  # null while it goes on
    state: Literal["running", "done", "failed"]  # failed: as a whole, see `error`; of one process its Result tells
    results: list[Result]  # of the processes for which it is known
    pending: list[str]  # namespecs of those for which it is not
    steps: list[Step]  # of an update: what has been done so far
    error: NotRequired[ErrorBody]


class NotifyInfo(TypedDict):
    """A notify section; its URL is never shown."""

    name: str
    on: list[str]
    programs: list[str]
    by: Literal["webhook", "exec"]
    command: str  # of exec, without what looks like a secret in it; "" for a web hook
    sent: int  # messages, since the master began
    failed: int  # that were refused for good
    dropped: int  # there were too many, or they were too old
    waiting: int  # are to be sent, or tried again
    reported: list[str]  # namespecs that were told of, and have not recovered
    last_error: str  # "": none
    last_error_at: float  # 0: never
    last_sent_at: float  # 0: never


class NotifyResult(TypedDict):
    """What came of a test message."""

    name: str
    sent: bool
    words: str  # "HTTP 200", "exit status 0", or what went wrong


class ActorInfo(TypedDict):
    """Who or what asked for something. What is not known, or does not apply, is left out."""

    kind: Literal[
        "client", "signal", "policy", "boot", "update", "upgrade", "schedule", "health", "dependency", "watch"
    ]
    uid: NotRequired[int]  # of a client of a unix socket, as are gid, pid and command
    gid: NotRequired[int]
    pid: NotRequired[int]
    user: NotRequired[str]  # the account of the uid, or the login over TCP
    command: NotRequired[str]  # the name of the client's process
    via: NotRequired[str]  # the socket, and over TCP the client's address; the name of a signal


_Left = TypedDict("_Left", {"from": NotRequired[str]})


class JournalRecord(_Left):
    """One thing that has happened. What does not apply is left out.

    With `to` there is `from`, which is no name in Python.
    """

    seq: int  # a number that is never used again; they ascend, with gaps for what deserves no record
    time: float  # to the millisecond
    mono: float  # seconds of the steady clock, for intervals within one boot of the machine
    kind: str  # state, spawn, exit, signal and others: see docs/reference/journal.md
    group: NotRequired[str]
    name: NotRequired[str]  # the namespec of a process
    run: NotRequired[int]  # which start of the process it belongs to
    to: NotRequired[str]  # of kind state: such as RUNNING
    phase: NotRequired[str]  # what it does in that state, where the state does not say it
    reason: NotRequired[str]
    cause: NotRequired[int]  # the seq of what it follows from
    op: NotRequired[int]  # the id of the operation that it belongs to
    actor: NotRequired[ActorInfo]  # absent: nobody asked for it
    data: NotRequired[dict[str, Any]]  # what else belongs to that kind
    times: NotRequired[int]  # how many equal ones in a row it stands for; seq and time are those of the last


class PastReasonInfo(TypedDict):
    """Why a process was in its state at a moment of the past, as far as the journal tells."""

    process: PastInfo
    wanted: bool | None  # whether it should have been up; null: not known
    wanted_by: str  # who had asked for that, in words
    ending: str  # how its last run before had ended; "": not known, or there was none
    ended: float | None
    chain: list[JournalRecord]  # the record of the state, what it follows from, and so on


class RunInfo(TypedDict):
    """One life of a process. What the journal does not have (any more) is null, or empty."""

    namespec: str
    group: str
    run: int
    pid: int | None
    seq: int | None  # of the record of its start
    began: float | None
    start: str  # why it was started, or who asked for it
    ended: float | None  # null: it runs
    end_seq: int | None
    seconds: float | None  # how long it ran
    ending: str  # "exit status 3", "terminated by SIGKILL", "could not be started: …"; "": it runs
    stop: str  # who stopped it; "": nobody here


class ScheduleTime(TypedDict):
    """One time of a schedule."""

    time: float  # seconds since the epoch
    text: str  # "2026-11-24 02:00:00 +01:00 CET"


class ScheduleInfo(TypedDict):
    """The next times of the schedule of one process."""

    namespec: str
    schedule: str  # as written
    words: str  # "At 02:00 every day, Europe/Berlin"
    zone: str
    on: bool
    next: str  # "next run Nov 24 02:00 CET (in 3 h)"; "": none comes, or it is off
    times: list[ScheduleTime]  # with their jitter; none where it is off


class JobRunInfo(TypedDict):
    """One run of a one-shot. Times are seconds since the epoch."""

    namespec: str
    began: float
    ended: float | None  # null: it runs
    seconds: float | None  # how long it took
    time: float | None  # of its schedule, where that has brought it about
    by: str  # "schedule", "retry", or who has asked for it
    result: Literal["running", "success", "failure", "stopped"]
    ending: str  # "exit status 3", "timed out after 10 m; …"
    last_words: str  # where it has failed: the last line that it wrote


class HealthInfo(TypedDict):
    """Whether everything runs that should."""

    ready: bool
    missing: list[str]  # a line for each process that is wanted up and is not RUNNING
    warnings: list[str]  # with ?file=1: why the configuration on the disk could not be used now; no reason to fail


class HealthResultInfo(TypedDict):
    """What one look has shown."""

    ago: float  # seconds
    ok: bool | None  # null: it does not count, as the master itself was not awake
    words: str  # "tcp:5432 refused"


class HealthCheckInfo(TypedDict):
    """The health check of one process."""

    namespec: str
    check: str  # what is looked at, as it was written
    running: bool
    healthy: bool | None  # null: not known (yet)
    failures: int  # in a row
    retries: int  # so many make it unhealthy
    interval: float  # seconds
    on_unhealthy: str
    looking: bool  # a look is under way
    next_in: float | None  # seconds; null: none is planned
    paused_for: float | None  # seconds that remain; null: it is not paused
    pause_reason: str
    results: list[HealthResultInfo]  # the latest 20, the oldest first


class HealthLookInfo(TypedDict):
    """What a look beside the schedule has shown."""

    namespec: str
    healthy: bool
    words: str


class CrashInfo(TypedDict):
    """One crash report, as a table shows it: an unexpected end, or several equal ones that followed each other."""

    version: int  # of this form: 1
    seq: int  # its number: that of the (first) end in the journal
    last_seq: int  # that of the last one
    name: str  # the namespec of the process
    group: str
    times: int  # how many ends it stands for
    unreported: int  # further ends of the process that came too fast to have reports
    first_ended: float
    ended: float  # the last one
    kind: Literal["exit", "signal", "early-exit", "failed-start", "killed", "out-of-memory"]
    how: str  # in a sentence: "terminated by SIGKILL; not by procman; the container's memory limit was hit once …"
    run: int  # the number of the run, of several the latest that was looked at closely
    spawned: float | None  # null: not known
    age: float | None  # seconds from the spawn to the end


class ExitInfo(TypedDict):
    """How a process ended."""

    known: bool  # false: it was adopted from a killed master, and nobody told
    code: int | None  # null: by a signal
    signal: str | None  # such as "SIGSEGV"
    core: bool  # the kernel says that it has dumped core
    words: str  # supervisor's: "exit status 1"
    meaning: str  # of the code or the fault, where it has one


class SenderInfo(TypedDict):
    """Where the signal came from that has ended a process."""

    kind: Literal["itself", "procman", "others", "unknown"]
    words: str  # "us: stopwaitsecs over", "operator: uid 0 (root, procmanctl signal, pid 812)", "itself", "not us"
    why: (
        str | None
    )  # of procman's: stop, run_timeout, request, stopwaitsecs, shutdown share, shutdown_timeout or second request
    waited: float | None  # seconds since it was asked to stop
    asked_by: str  # who asked for it, if somebody did


class MemoryInfo(TypedDict):
    """The kernel's counters of memory around an end."""

    verdict: str  # certain: its own cgroup has counted it; likely: the one around it has; no; unknown: nothing counts
    whose: str  # cgroup it is: program, container, unit, session or machine; "": nobody has looked
    before: dict[str, int | None] | None  # oom_kill: processes ended; oom: how often the limit was hit
    after: dict[str, int | None] | None
    limit: int | None  # bytes


class UsageInfo(TypedDict):
    """What a run has used, with those of its children that it has waited for (getrusage(2))."""

    max_rss: int  # bytes, of the largest of them; what the master took when it started the run counts, too
    user: float  # seconds
    system: float
    major_faults: int  # pages that were read from a disk
    voluntary_switches: int  # it waited for something
    involuntary_switches: int  # its time on the processor was over


class LookInfo(TypedDict):
    """The figures of a process and all that it had started when somebody last asked; of itself before our SIGKILL."""

    ago: float  # seconds before the end
    processes: int
    threads: int
    rss: int  # bytes
    cpu: float  # seconds
    fds: int | None  # open descriptors; null where they may not be seen
    state: str  # before our SIGKILL: what it did, such as "stopped by a signal (SIGSTOP, SIGTSTP)"; else ""


class LeftInfo(TypedDict):
    """A process that was left behind."""

    pid: int
    command: str  # the kernel's name for it; "": it has gone meanwhile


class OutputInfo(TypedDict):
    """The end of what a run has written to one stream."""

    bytes: int  # that it has written in all
    lines: list[str] | None  # 50 and 16 KiB at most, control characters escaped; null: they cannot be read


class CrashReport(CrashInfo):
    """Everything that was known of an end: the fields of CrashInfo, and these."""

    procman: str  # the version of the master
    pid: int  # 0: it could not be spawned
    running: float | None  # when it was up for startsecs; null: it was not
    exit: ExitInfo | None  # null: it could not be spawned
    explanation: str  # what is the matter, and what to do, where that was found out
    sender: SenderInfo | None  # null: it was no signal
    cause: int | None  # the journal's number of what it follows from
    operation: int | None  # the id of the operation that it belongs to
    oom: MemoryInfo  # was it ended for want of memory?
    usage: UsageInfo | None  # null: another process has reaped it
    left_behind: list[LeftInfo]  # 20 at most
    last_look: LookInfo | None  # null: nobody had asked while it ran
    output: dict[str, OutputInfo]  # by stream
    restarts: dict[str, int]  # within the last hour, by reason
    definition: str  # a digest of its options
    environment: dict[str, str]  # digests of the values by name; they tell changes, and nothing of the values
    directory: str
    uid: int
    user: str
    kernel: str
    cgroup: str  # the folder whose counters count for it
    core_file: str  # its path; "": there is none, or it is not to be found
    core_handler: str  # the program that gets cores here instead
    record: int  # the journal's number of the end that these facts are about
    file: str  # where the report is kept; "": in memory


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
    upgrades: int  # how many upgrades this process has been through
    may_control: bool  # whether this account may change things


class Snapshot(TypedDict):
    """The first message of /v1/events: everything. A process that is not in `names` does not exist (any more)."""

    master: MasterInfo
    names: list[str]  # the namespecs of all processes, by group and name
    processes: list[ProcessInfo]


class Change(TypedDict):
    """Later messages of /v1/events: the processes to which something has happened."""

    processes: list[ProcessInfo]
    gone: NotRequired[list[str]]  # namespecs of those that do not exist any more
    master: NotRequired[MasterInfo]  # if the state of the master itself has changed


class WaveInfo(TypedDict):
    """Groups that are stopped together."""

    priority: int
    level: int  # of one priority, the highest comes first; 0: they depend on nothing
    seconds: float  # the longest stopwaitsecs in it, with the hooks of the stop
    hooks: NotRequired[float]  # what of it is for hooks, where that is anything
    critical: list[str]  # namespecs of those that have it
    processes: int  # how many are in it


class ChangeInfo(TypedDict):
    """A line of the configuration that would have to change."""

    section: str  # as the file has it, with its brackets
    option: str
    before: float | None  # None: it is not set
    after: float


class BudgetInfo(TypedDict):
    """A stop plan compared with a time limit."""

    name: str  # "docker stop", "Kubernetes", or "budget" where one was given
    seconds: float
    fits: bool
    over: float  # how many seconds it is too long; 0: it fits
    changes: list[ChangeInfo]  # together they make it fit; empty where no stopwaitsecs above 0 would
    timeout: ChangeInfo | None  # alone it makes it fit


class StopPlanInfo(TypedDict):
    """How long a shutdown takes at worst."""

    seconds: float
    needed: float  # the same without shutdown_timeout: the sum of the waves, or of on_failure, and `master`
    master: float  # what the master itself needs
    shutdown_timeout: float | None
    waves: list[WaveInfo]  # in the order in which they are stopped
    budgets: list[BudgetInfo]
