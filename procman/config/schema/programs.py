"""The options of a program, each declared once and nowhere else.

The readers, the checks, the reference page, the JSON schema and what `update` does are derived from the fields that
carry an `option`. Within a class they stand in the order in which supervisor reads them, so that of several complaints
the first is the one supervisor would have made. Plain facts in here: no I/O.
"""

import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Literal

from procman.config.schema import kinds
from procman.config.schema.kinds.numbers import MIB
from procman.config.schema.log_rotation import LogRotation
from procman.config.schema.options import AUTO, Effect, option, required
from procman.core.spec import Autorestart, Condition, EarlyExit, Edge, Leftovers, ProcessType, Scope

DEFAULT_PRIORITY = 999


@dataclass(frozen=True, slots=True, kw_only=True)
class Program(LogRotation):
    """One process slot: a program after `numprocs`, expansions and defaults. Also the options all programs share."""

    name: str
    group: str
    section: str = ""
    uid: int | None = None
    stdout_also: tuple[str, ...] = ()  # where it goes besides stdout_logfile
    stderr_also: tuple[str, ...] = ()
    # Names in `environment` whose values are the master's; only where something comes between these and its own.
    from_master: tuple[str, ...] = ()

    priority: int = option(
        kinds.INTEGER,
        "Low numbers start first and stop last. A program that is its own group gives the group its priority "
        "(an event listener's group has -1 by default).",
        default=DEFAULT_PRIORITY,
        effect=Effect.NONE,
    )
    type: ProcessType = option(
        kinds.PROCESS_TYPE,
        "service is to stay up; oneshot does something and ends: it is RUNNING when it is spawned, and done when it "
        "ends with one of exitcodes, however quickly. Any other end is a failed try (see startretries). It runs once "
        "in the life of the master, and again when asked to, or when its definition changes.",
        default=ProcessType.SERVICE,
    )
    run_timeout: float | None = option(
        kinds.DURATION,
        "How long a run of a one-shot may take; then it is stopped and the try has failed. Default: for ever.",
        default=None,
        effect=Effect.NONE,
    )
    unknown_exit: Literal["failure", "success"] = option(
        kinds.UNKNOWN_EXIT,
        "What the end of a one-shot counts as whose exit status cannot be known: the master was killed meanwhile, and "
        "the kernel is older than Linux 6.15.",
        default="failure",
        effect=Effect.NONE,
    )
    autostart: bool = option(kinds.BOOLEAN, "Start it with the master.", default=True, effect=Effect.NONE)
    autorestart: Autorestart = option(
        kinds.AUTORESTART,
        "Start it again when it has ended by itself: always, never, or when the exit code is not one of exitcodes.",
        default=Autorestart.UNEXPECTED,
        effect=Effect.NONE,
    )
    startsecs: float = option(
        kinds.SECONDS,
        "How long it has to stay up to count as RUNNING; 0 means RUNNING as soon as it is spawned. With ready, the "
        "default is 0.",
        default=1,
        effect=Effect.NONE,
    )
    ready: tuple[Condition, ...] = option(
        kinds.READY,
        "What has to hold, once, before it counts as RUNNING; several are separated by commas, or a list in TOML. "
        "listen:[HOST:]PORT or listen:/PATH (a process of its own tree listens there), tcp:[HOST:]PORT, unix:/PATH "
        "(a connection is accepted), http://…, http+unix:///SOCKET:/PATH (see probe_http_status), exec:COMMAND (it "
        "succeeds), log:TEXT (a line of its output holds it; * is anything), file:/PATH (newer than its start), "
        "notify (READY=1 on NOTIFY_SOCKET), fd (a newline on the descriptor PROCMAN_READY_FD) or fd:3 (on that one), "
        "delay:TIME.",
        default=(),
        effect=Effect.NONE,
        per_process=True,
    )
    start_timeout: float | None = option(
        kinds.TIMEOUT,
        "With ready: how long it may take from its start until it is ready; then it is stopped, and the start has "
        "failed. none waits for ever. Default: 60s with ready.",
        default=None,
        effect=Effect.NONE,
    )
    ready_interval: float = option(
        kinds.DURATION,
        "The pause between two checks whether it is ready.",
        default=0.5,
        effect=Effect.NONE,
    )
    probe_http_status: tuple[tuple[int, int], ...] = option(
        kinds.STATUSES,
        "The statuses of an http:// condition of ready or health that count. Redirects are not followed.",
        default=((200, 399),),
        effect=Effect.NONE,
    )
    startretries: int = option(
        kinds.RETRIES,
        "How often a failed start is retried before FATAL; forever never gives up. Default of a one-shot: 0.",
        default=3,
        effect=Effect.NONE,
    )
    stopsignal: signal.Signals = option(
        kinds.SIGNAL, "The signal that asks it to end.", default=signal.SIGTERM, effect=Effect.NONE
    )
    stopwaitsecs: float = option(
        kinds.SECONDS, "How long to wait after that before SIGKILL.", default=10, effect=Effect.NONE
    )
    stopasgroup: bool = option(
        kinds.BOOLEAN,
        "Send the stop signal to its whole process group; implies killasgroup.",
        default=False,
        effect=Effect.NONE,
    )
    killasgroup: bool = option(
        kinds.BOOLEAN,
        "Send SIGKILL to its whole process group. Default: as stopasgroup.",
        default=False,
        effect=Effect.NONE,
    )
    stop_scope: Scope = option(
        kinds.SCOPE,
        "Which processes receive the stop signal: the process, its process group, or its whole tree, including "
        "descendants in sessions of their own and those left behind by a process that ended before. With tree it "
        "counts as stopped when all of them have ended. Default: group with stopasgroup, else process.",
        default=Scope.PROCESS,
        effect=Effect.NONE,
    )
    kill_scope: Scope = option(
        kinds.SCOPE,
        "Which processes receive SIGKILL. Default: group with killasgroup, and never less than stop_scope.",
        default=Scope.PROCESS,
        effect=Effect.NONE,
    )
    leftovers: Leftovers = option(
        kinds.LEFTOVERS,
        "What happens to descendants that still run when it has ended: keep lets them run; stop sends them the stop "
        "signal (unless they got it before) and SIGKILL after stopwaitsecs, before it is started again.",
        default=Leftovers.KEEP,
        effect=Effect.NONE,
    )
    critical: bool = option(
        kinds.BOOLEAN,
        "Shut the master down, with this program's exit status, when the program is FATAL, or has ended (whatever its "
        "exit code) and autorestart does not start it again. A stop on request does not count, and neither does an "
        "end after which it is started again: set autorestart=false to make the first one count. "
        "With a schedule it ends nothing: /readyz fails until a run succeeds.",
        default=False,
        effect=Effect.NONE,
    )
    exitcodes: tuple[int, ...] = option(
        kinds.EXITCODES,
        "The exit codes that are expected, for autorestart=unexpected; also signals, by name.",
        default=(0,),
        effect=Effect.NONE,
    )
    norestart_exitcodes: tuple[int, ...] = option(
        kinds.EXITCODES,
        "Exit codes and signals after which it is not started again, whatever autorestart and startretries say, such "
        "as that of an error in its own configuration.",
        default=(),
        effect=Effect.NONE,
    )
    early_exit: EarlyExit = option(
        kinds.EARLY_EXIT,
        "What an end before startsecs is: failure (a failed start, whatever the exit code), or judge (an end with one "
        "of exitcodes counts as an ordinary end, as it does later).",
        default=EarlyExit.FAILURE,
        effect=Effect.NONE,
    )
    backoff: tuple[float, float] | None = option(
        kinds.BACKOFF,
        "How long to wait before the next start. linear: 1, 2, 3 … seconds after failed starts, and not at all after "
        "other ends. A range such as 500ms..60s, or a constant such as 5s: after each end of a run that was younger "
        "than backoff_reset, too.",
        default=None,
        effect=Effect.NONE,
    )
    backoff_factor: float = option(
        kinds.FACTOR,
        "By how much each delay of a range in backoff is longer than the one before.",
        default=2.0,
        effect=Effect.NONE,
    )
    backoff_jitter: float = option(
        kinds.PERCENT,
        "With a range in backoff, how much longer a delay may be by chance, so that programs that have failed together "
        "are not started together.",
        default=0.1,
        effect=Effect.NONE,
    )
    backoff_reset: float | None = option(
        kinds.DURATION,
        "After a run of that age, backoff starts again at its first delay. Default: the longest delay, at least 10s.",
        default=None,
        effect=Effect.NONE,
    )
    restart_limit: tuple[int, float] | None = option(
        kinds.RESTART_LIMIT,
        "How many restarts and retries within how long are too many, such as 5/10m. What an operator or an update asks "
        "for does not count.",
        default=None,
        effect=Effect.NONE,
    )
    on_restart_limit: tuple[Literal["fatal", "wait", "shutdown"], float] = option(
        kinds.ON_RESTART_LIMIT,
        "What happens when restart_limit is reached: fatal gives it up, wait:5m tries again after that time, shutdown "
        "also ends the master.",
        default=("fatal", 0),
        effect=Effect.NONE,
    )
    debug_restart: Mapping[str, str] = option(
        kinds.ENVIRONMENT,
        "Variables that are added to its environment for the first start after an unexpected end or a failed start, "
        "for example to have it write a more detailed log.",
        default={},
        effect=Effect.NONE,
    )
    depends_on: tuple[Edge, ...] = option(
        kinds.EDGES,
        "What it waits for before it starts: programs, groups, or group:process. NAME@ready waits until it is RUNNING, "
        "NAME@healthy until its health check has succeeded, NAME@started until it has a pid, NAME@done until a "
        "one-shot has succeeded, NAME@exited until it has ended by itself; NAME alone is done for one-shots, else "
        "ready. All processes of a name count. What is down is started, too. With a ? behind it, it is waited for only "
        "while it is on its way, and is not started for this.",
        default=(),
        effect=Effect.NONE,
    )
    depends_timeout: float | None = option(
        kinds.DURATION,
        "How long it may wait for them; then it is FATAL until all of them are there. Default: for ever.",
        default=None,
        effect=Effect.NONE,
    )
    on_dependency_restart: tuple[Literal["ignore", "restart", "reload", "signal"], int] = option(
        kinds.ON_DEPENDENCY_RESTART,
        "What happens to it when something in depends_on has gone and is there again in another run: nothing (ignore); "
        "or once all of them are there, it is restarted (restart), reads its configuration again as its option reload "
        "says (reload), or gets a signal (signal:HUP).",
        default=("ignore", 0),
        effect=Effect.NONE,
    )
    on_dependency_stop: Literal["ignore", "stop"] = option(
        kinds.ON_DEPENDENCY_STOP,
        "What happens to it when something in depends_on is stopped on request, or has failed for good: nothing "
        "(ignore), or it is stopped, too, before the other one if possible, and starts again with it (stop).",
        default="ignore",
        effect=Effect.NONE,
    )
    pty: bool = option(
        kinds.BOOLEAN,
        "Give it a pseudo-terminal as stdin, stdout and stderr, so that procmanctl attach shows it as in a window of "
        "its own; what it writes to either of the two goes where its stdout goes.",
        default=False,
    )
    redirect_stderr: bool = option(kinds.BOOLEAN, "Send what it writes to stderr to its stdout.", default=False)
    stdout_capture_maxbytes: int = option(
        kinds.SIZE,
        "How much is kept between <!--XSUPERVISOR:BEGIN--> and END for PROCESS_COMMUNICATION events; 0 is off.",
        default=0,
        effect=Effect.REOPEN,
    )
    stdout_events_enabled: bool = option(
        kinds.BOOLEAN, "Send a PROCESS_LOG_STDOUT event for what it writes.", default=False, effect=Effect.REOPEN
    )
    stderr_capture_maxbytes: int = option(
        kinds.SIZE, "The same as stdout_capture_maxbytes for stderr.", default=0, effect=Effect.REOPEN
    )
    stderr_events_enabled: bool = option(
        kinds.BOOLEAN, "Send a PROCESS_LOG_STDERR event for what it writes.", default=False, effect=Effect.REOPEN
    )
    log_format: str | None = option(
        kinds.LOG_FORMAT,
        "How its lines look on the console; the master's log_format when not given.",
        default=None,
        effect=Effect.REOPEN,
    )
    log_timestamp: str | None = option(
        kinds.LOG_TIMESTAMP,
        "The timestamp of its lines on the console; the master's log_timestamp when not given.",
        default=None,
        effect=Effect.REOPEN,
    )
    log_overflow: str | None = option(
        kinds.LOG_OVERFLOW,
        "What happens when the console is not read; the master's log_overflow when not given.",
        default=None,
        effect=Effect.REOPEN,
    )
    serverurl: str | None = option(
        kinds.TEXT, "Its SUPERVISOR_SERVER_URL; AUTO is the address of the master.", default=None
    )
    user: str | None = option(kinds.USER, "The user it runs as (the master has to be root).", default=None)
    umask: int | None = option(kinds.OCTAL, "Its umask; the master's when not given.", default=None)
    environment: Mapping[str, str] = option(
        kinds.ENVIRONMENT,
        "Its environment variables, added to those of the master and of the master's environment=.",
        default={},
        per_process=True,
    )
    env_file: tuple[str, ...] = option(
        kinds.ENV_FILES,
        "Files of variables (NAME=VALUE), read before each start; several are separated by commas, or a list in TOML, "
        "and the last one that has a variable counts. They begin at directory. With ? before it a file may be missing; "
        "with raw: all behind the = is the value, quotes and # included. Environment wins over them.",
        default=(),
        per_process=True,
    )
    env_from: tuple[str, ...] = option(
        kinds.ENV_FROM,
        "Variables whose values are the contents of files, read before each start, without one newline at the end: "
        "DB_PASSWORD=/run/secrets/db; separated by commas, or a table in TOML. With ? before it the file may be "
        "missing. They win over env_file.",
        default=(),
        per_process=True,
    )
    credentials: tuple[str, ...] = option(
        kinds.CREDENTIALS,
        "Files that it finds copies of in the folder $CREDENTIALS_DIRECTORY, which only its user can read and which "
        "goes with the run: db:/run/secrets/db, or tls.key alone for a file of that name in procman's own "
        "$CREDENTIALS_DIRECTORY or in /run/secrets. With ? before it the file may be missing.",
        default=(),
        per_process=True,
    )
    environment_inherit: tuple[str, ...] = option(
        kinds.INHERITED,
        "Which variables of the master's environment it gets: all, none, or names such as PATH, LANG, LC_*. Without "
        "PATH it gets /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin.",
        default=("all",),
    )
    environment_unset: tuple[str, ...] = option(
        kinds.VARIABLE_NAMES,
        "Variables of the master's environment that it does not get: names such as SSH_*, LS_COLORS.",
        default=(),
    )
    user_env: bool = option(
        kinds.BOOLEAN,
        "Set HOME, USER, LOGNAME and SHELL to those of its user, instead of the master's.",
        default=False,
    )
    directory: str | None = option(
        kinds.PATH, "Its working directory; the master's when not given.", default=None, per_process=True
    )
    stdout_logfile: str | None = option(
        kinds.LOGFILE,
        "Where its stdout goes: a file, - for the master's stdout (like /dev/stdout), NONE, or AUTO for a file in "
        "childlogdir; several are separated by commas, or a list in TOML.",
        default=AUTO,
        effect=Effect.REOPEN,
        per_process=True,
    )
    stdout_logfile_backups: int = option(
        kinds.INTEGER, "How many rotated files are kept.", default=10, effect=Effect.REOPEN, per_process=True
    )
    stdout_logfile_maxbytes: int = option(
        kinds.SIZE,
        "The size at which it is rotated; 0 never rotates.",
        default=50 * MIB,
        effect=Effect.REOPEN,
        per_process=True,
    )
    stdout_syslog: bool = option(
        kinds.BOOLEAN, "Send its stdout to syslog as well.", default=False, effect=Effect.REOPEN, per_process=True
    )
    stderr_logfile: str | None = option(
        kinds.LOGFILE,
        "Where its stderr goes, like stdout_logfile; not used with redirect_stderr. In TOML the default is the console "
        "if stdout goes to the console.",
        default=AUTO,
        effect=Effect.REOPEN,
        per_process=True,
    )
    stderr_logfile_backups: int = option(
        kinds.INTEGER, "How many rotated files are kept.", default=10, effect=Effect.REOPEN, per_process=True
    )
    stderr_logfile_maxbytes: int = option(
        kinds.SIZE,
        "The size at which it is rotated; 0 never rotates.",
        default=50 * MIB,
        effect=Effect.REOPEN,
        per_process=True,
    )
    stderr_syslog: bool = option(
        kinds.BOOLEAN, "Send its stderr to syslog as well.", default=False, effect=Effect.REOPEN, per_process=True
    )
    command: str = field(
        metadata=required(
            kinds.COMMAND,
            "What to run: words and quotes as in a shell, but without a shell. In TOML also a list of words.",
            per_process=True,
        )
    )

    @property
    def is_given(self) -> bool:
        """Whether something has to be read before it can be started."""
        return bool(self.env_file or self.env_from or self.credentials or self.user_env)

    @property
    def filters_environment(self) -> bool:
        """Whether it does not get all of the master's variables."""
        return bool(self.environment_unset) or self.environment_inherit != (kinds.ALL,)

    def inherits(self, variable: str) -> bool:
        """Whether it gets a variable of that name from the master's environment, where that has it."""
        if any(fnmatchcase(variable, pattern) for pattern in self.environment_unset):
            return False
        match self.environment_inherit:
            case (kinds.ALL,):
                return True
            case (kinds.NONE,):
                return False
            case patterns:
                return any(fnmatchcase(variable, pattern) for pattern in patterns)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slots:
    """How many processes one program section makes, and their names."""

    numprocs: int | None = option(
        kinds.NUMPROCS,
        "How many processes to run; auto: one for each CPU, by the affinity of the master and the quota of its cgroup "
        "(rounded up), and at most numprocs_max. procmanctl scale changes it until the file does, or a reload.",
        default=1,
    )
    numprocs_max: int | None = option(
        kinds.CONCURRENCY,
        "No more than these by procmanctl scale and numprocs = auto. Default: no limit for those who may configure, "
        "and numprocs for those who may only operate.",
        default=None,
    )
    numprocs_start: int = option(kinds.INTEGER, "The number of the first, for %(process_num)d.", default=0)
    process_name: str = option(
        kinds.TEXT,
        "The name of each process; with numprocs above 1 it must contain %(process_num)d.",
        default="%(program_name)s",
        per_process=True,
    )
