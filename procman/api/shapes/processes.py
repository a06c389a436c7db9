"""What is known of processes, now."""

from typing import Literal, NotRequired, TypedDict

from procman.api.shapes.access import Role


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
    # scheduled (its schedule is on, and no run is under way), listening (a connection starts it), retry (it is started
    # again after a delay), the name of a hook that it waits for; "": its state says it all.
    phase: str
    done: bool  # a one-shot that has succeeded, and does not run now
    ready: bool | None  # whether all conditions of its option ready have held in this run; null: it has none
    healthy: bool | None  # whether its health check succeeds; null: it has none, or that is not known (yet)
    status_text: str  # what the run has said of itself (STATUS= on its notification socket)
    waits_for: list[str]  # what keeps it from starting, as it was written: db@ready
    # When it runs next by its schedule, or is tried again, in seconds since the epoch; null: by itself it is not.
    next: float | None
    type: str  # service or oneshot
    role: NotRequired[Role]  # what this client may do with it; absent where it may do everything


class GraphEdgeInfo(TypedDict):
    """One dependency."""

    target: str  # as it was written: a program, a group, or group:process
    condition: str  # started, ready, healthy, done or exited
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
    uptime: int  # seconds; 0: no process
    took: float | None  # seconds that its start took to ready, or its run to done; null: neither, or nobody has seen it
    needed_by: list[str]  # the namespecs of what depends on it directly
    edges: list[GraphEdgeInfo]


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


class SocketInfo(TypedDict):
    """One address at which procman listens for a process."""

    namespec: str
    name: str  # of its section, [socket:NAME]
    url: str  # tcp://HOST:PORT or unix:///PATH
    own: bool  # with reuseport: no other process has this socket
    hold: str  # always or wanted
    backlog: int  # how many connections may wait
    is_open: bool
    waiting: int | None  # connections that no program has taken yet; null: not known, as of unix sockets
    why: str  # where it is not open: what has kept it from that, as far as that is known
    awaited: bool  # a connection to it starts the process (lazy)


class HookResultInfo(TypedDict):
    """How the command of a hook ended that was over last."""

    ended: float  # seconds since the epoch
    result: Literal["done", "failed", "ignored", "broken off", "skipped"]
    command: str  # without its arguments; "": it is about the whole hook
    words: str  # where it was not done: "./migrate exited 1"
    seconds: float | None  # that it took
    line: str  # the last one that it wrote, if it has failed


class HookInfo(TypedDict):
    """One hook of one process."""

    namespec: str
    hook: str  # the name of the option: pre_start
    commands: list[str]  # without their arguments; of a reload by a signal, the name of that
    runs: str  # the command that runs now; "": none
    since: float | None  # when that was begun
    last: HookResultInfo | None  # null: none has ended since the master began


class WatchChangeInfo(TypedDict):
    """What was done last about files that had changed."""

    what: str  # restart, start (it was down), reload, signal, exec or suspended
    words: str  # such as "src/app.py changed (3 files)"
    time: float  # seconds since the epoch


class WatchInfo(TypedDict):
    """The files that a process watches."""

    namespec: str
    watch: list[str]  # as a file has it, as is the next one
    ignore: list[str]
    action: str  # restart, reload, signal:HUP, or exec: with the name of the command
    # `starting`: not yet; `suspended`: the program has changed them itself again and again; `off`: by no_watch
    state: Literal["watching", "starting", "suspended", "failed", "off"]
    words: str  # why, where it is suspended, or has failed
    last: WatchChangeInfo | None  # null: nothing since the master began


class RotationInfo(TypedDict):
    """The log files of one channel of a process: when they are rotated, and how that went."""

    namespec: str
    stream: str  # stdout or stderr
    paths: list[str]
    # As a file has them, without stdout_logfile_ or stderr_logfile_: maxbytes and backups, and of rotate, compress,
    # max_age, max_total and name those that are set.
    options: dict[str, str]
    next: float | None  # by the clock, in seconds since the epoch; null: it is rotated by its size alone
    rotations: int  # since the counters began, see procman_start_time_seconds
    failures: int  # also of what it was rotated to: that could not be compressed, or removed
    last: float | None  # when it was last rotated, or could not be; null: never
    last_by: str  # size, clock or request
    last_problem: str  # why that failed, or what failed after it; "": nothing did
    problem: str  # what is wrong with these files now


class GivenInfo(TypedDict):
    """What a process is given from files, and which variables of the master it gets. There is never a value in it."""

    namespec: str
    options: dict[str, str]  # those that are set, as a file has them: env_file, credentials, environment_inherit
    variables: list[str]  # the names of those that its present run has from files


class Result(TypedDict):
    """What became of one process in an operation."""

    name: str
    group: str
    status: str  # a code of an error, or SUCCESS
    description: str
