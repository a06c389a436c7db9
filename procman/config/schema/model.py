"""The typed configuration, which is also the option table: an option is declared here once, and nowhere else.

The readers, the checks, the reference page, the JSON schema and what `update` does are derived from the fields that
carry an `option`. Within a class they stand in the order in which supervisor reads them, so that of several complaints
the first is the one supervisor would have made. Plain facts in here: no I/O.
"""

import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from procman.config.problems import Problem
from procman.config.schema import kinds
from procman.config.schema.options import AUTO, Effect, Option, Orphans, option, options_of, required
from procman.core.spec import Autorestart, GroupSpec, Leftovers, MasterPolicy, ProcessSpec, Scope, ShutdownWhen

__all__ = [
    "AUTO",
    "SECTIONS",
    "Config",
    "Ctl",
    "Effect",
    "FcgiOptions",
    "FcgiSocket",
    "Group",
    "GroupOptions",
    "InetServer",
    "ListenerOptions",
    "Master",
    "Orphans",
    "Program",
    "RpcInterface",
    "SectionType",
    "Slots",
    "UnixServer",
]

LISTENER_PRIORITY = -1  # listeners start before all others and stop after them
DEFAULT_PRIORITY = 999
MIB = 1024 * 1024
DAEMON_UMASK = 0o022  # where the file names none


@dataclass(frozen=True, slots=True, kw_only=True)
class Master(MasterPolicy):
    """The master itself: `[supervisord]`, in TOML `[procman]`."""

    minfds: int = option(
        kinds.INTEGER, "File descriptors that have to be available; the limit is raised to it.", default=1024
    )
    minprocs: int = option(
        kinds.INTEGER, "Processes that have to be available; the limit is raised to it.", default=200
    )
    directory: str | None = option(kinds.DIRECTORY, "Where the master changes to at its start.", default=None)
    user: str | None = option(kinds.USER, "The user the master becomes when it is started as root.", default=None)
    umask: int | None = option(
        kinds.OCTAL,
        "The master's umask. Without it a master keeps the one that it was started with; a daemon has 022.",
        default=None,
    )
    logfile: str = option(kinds.FILE, "The master's own log; `syslog` sends it there.", default="supervisord.log")
    logfile_maxbytes: int = option(
        kinds.SIZE, "The size at which that log is rotated; 0 never rotates.", default=50 * MIB
    )
    logfile_backups: int = option(kinds.INTEGER, "How many rotated logs are kept.", default=10)
    loglevel: str = option(
        kinds.LOGLEVEL,
        "How much the master logs: critical, error, warn, info, debug, trace or blather.",
        default="info",
    )
    pidfile: str = option(kinds.FILE, "Where the master writes its pid.", default="supervisord.pid")
    identifier: str = option(
        kinds.TEXT, "The name clients and event listeners know this master by.", default="supervisor"
    )
    nodaemon: bool = option(
        kinds.BOOLEAN,
        "Accepted for compatibility: false does not put the master into the background, which daemon does.",
        default=False,
    )
    daemon: bool = option(
        kinds.BOOLEAN,
        "Go to the background (as --daemon does): the command returns when the master is up, or says why it cannot be.",
        default=False,
    )
    silent: bool = option(kinds.BOOLEAN, "Do not repeat the master's log on standard output.", default=False)
    childlogdir: str = option(
        kinds.DIRECTORY,
        "Where AUTO log files are made; the system's temporary folder. As PID 1, where that is in memory (tmpfs), all "
        "of them together are kept within 16 MiB.",
        default="/tmp",  # noqa: S108 - `load` puts the real one in
    )
    nocleanup: bool = option(
        kinds.BOOLEAN, "Keep the AUTO log files of earlier runs of this configuration.", default=False
    )
    strip_ansi: bool = option(
        kinds.BOOLEAN, "Take terminal colours out of what the programs write to their logs.", default=False
    )
    shutdown_timeout: float | None = option(
        kinds.DURATION,
        "How long a shutdown may take from the signal to the master's end. The stopwaitsecs of each wave are cut to "
        "its share of what remains. Without it the sum of their longest is taken.",
        default=None,
    )
    shutdown_when: ShutdownWhen = option(
        kinds.SHUTDOWN_WHEN,
        "What ends the master by itself: all_done (nothing runs any more, nor will), any_exit (a program has ended and "
        "is not started again), any_fatal (one has been given up), or never. Event listeners do not count.",
        default=ShutdownWhen.NEVER,
    )
    exit_code_from: str | None = option(
        kinds.TEXT,
        "The master's exit status: that of the process NAME (128+n when signal n ended it), of first_failure (of those "
        "that are down because they failed, the one that failed first), or none (always 0). When it is not given: that "
        "of the critical program that has ended the master, first_failure if shutdown_when has, else none.",
        default=None,
    )
    orphans: Orphans = option(
        kinds.ORPHANS,
        "What becomes of programs that a master before this one has left running because it was killed: adopt (they "
        "go on, with their pid and their logs), stop (they are stopped before they are started again), or ignore (a "
        "second one is started beside each).",
        default=Orphans.ADOPT,
    )
    log_format: str = option(
        kinds.LOG_FORMAT,
        "How lines of programs look on the console (the master's stdout and stderr): as they are, behind the name of "
        "their program, or as a JSON or logfmt record. The master's own lines there follow it.",
        default="raw",
    )
    log_timestamp: str = option(
        kinds.LOG_TIMESTAMP,
        "The time that lines of programs get there, and in records the master's own: none, iso (UTC) or epoch_ms.",
        default="none",
    )
    log_overflow: str = option(
        kinds.LOG_OVERFLOW,
        "When nobody reads the console: block (a program that writes there waits) or drop (what does not fit is lost, "
        "counted, and said).",
        default="block",
    )
    environment: Mapping[str, str] = option(
        kinds.ENVIRONMENT, "Variables for every program, and for %(ENV_X)s in all other sections.", default={}
    )
    profile_options: str | None = option(
        kinds.TEXT, "Accepted for compatibility; does nothing.", default=None, inert=True
    )
    uid: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Program(ProcessSpec):
    """One process slot: a program after `numprocs`, expansions and defaults. Also the options all programs share."""

    name: str
    group: str
    section: str = ""
    uid: int | None = None
    stdout_also: tuple[str, ...] = ()  # where it goes besides stdout_logfile
    stderr_also: tuple[str, ...] = ()

    priority: int = option(
        kinds.INTEGER,
        "Low numbers start first and stop last. It is the group's too, where the program makes its own group "
        "(an event listener's group has -1 when nothing is said).",
        default=DEFAULT_PRIORITY,
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
        "How long it has to stay up to count as RUNNING; 0 needs no time at all.",
        default=1,
        effect=Effect.NONE,
    )
    startretries: int = option(
        kinds.INTEGER, "How often a failed start is tried again before FATAL.", default=3, effect=Effect.NONE
    )
    stopsignal: signal.Signals = option(
        kinds.SIGNAL, "The signal that asks it to leave.", default=signal.SIGTERM, effect=Effect.NONE
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
        "Whom the stop signal reaches: the process, its process group, or its whole tree, with descendants that made "
        "sessions of their own, and with what it has left behind if it ended before; with tree it counts as stopped "
        "when all of them have gone. Default: group with stopasgroup, else process.",
        default=Scope.PROCESS,
        effect=Effect.NONE,
    )
    kill_scope: Scope = option(
        kinds.SCOPE,
        "Whom SIGKILL reaches. Default: group with killasgroup, and never less than stop_scope.",
        default=Scope.PROCESS,
        effect=Effect.NONE,
    )
    leftovers: Leftovers = option(
        kinds.LEFTOVERS,
        "What becomes of descendants that are still there when it has ended: keep, or stop (they get the stop signal "
        "unless they have had it, stopwaitsecs, and SIGKILL, before it is started again).",
        default=Leftovers.KEEP,
        effect=Effect.NONE,
    )
    critical: bool = option(
        kinds.BOOLEAN,
        "The master cannot do without it: it shuts down, with this program's exit status, when this is FATAL, or has "
        "ended (whatever its exit code) and autorestart does not start it again. A stop by hand does not count. Nor do "
        "ends after which it is started again, however many: autorestart=false makes the first one count.",
        default=False,
        effect=Effect.NONE,
    )
    exitcodes: tuple[int, ...] = option(
        kinds.EXITCODES,
        "The exit codes that are expected, for autorestart=unexpected.",
        default=(0,),
        effect=Effect.NONE,
    )
    redirect_stderr: bool = option(kinds.BOOLEAN, "Send what it writes to stderr to its stdout.", default=False)
    stdout_capture_maxbytes: int = option(
        kinds.SIZE,
        "How much is kept between <!--XSUPERVISOR:BEGIN--> and END for PROCESS_COMMUNICATION events; 0 is off.",
        default=0,
        effect=Effect.REOPEN,
    )
    stdout_events_enabled: bool = option(
        kinds.BOOLEAN,
        "Send a PROCESS_LOG_STDOUT event for what it writes.",
        default=False,
        effect=Effect.REOPEN,
    )
    stderr_capture_maxbytes: int = option(
        kinds.SIZE, "The same as stdout_capture_maxbytes for stderr.", default=0, effect=Effect.REOPEN
    )
    stderr_events_enabled: bool = option(
        kinds.BOOLEAN,
        "Send a PROCESS_LOG_STDERR event for what it writes.",
        default=False,
        effect=Effect.REOPEN,
    )
    log_format: str | None = option(
        kinds.LOG_FORMAT,
        "How its lines look on the console; the master's log_format when not given.",
        default=None,
        effect=Effect.REOPEN,
    )
    log_timestamp: str | None = option(
        kinds.LOG_TIMESTAMP,
        "The time its lines get there; the master's log_timestamp when not given.",
        default=None,
        effect=Effect.REOPEN,
    )
    log_overflow: str | None = option(
        kinds.LOG_OVERFLOW,
        "What it does when nobody reads the console; the master's log_overflow when not given.",
        default=None,
        effect=Effect.REOPEN,
    )
    serverurl: str | None = option(
        kinds.TEXT, "What it gets as SUPERVISOR_SERVER_URL; AUTO is the master's own.", default=None
    )
    user: str | None = option(kinds.USER, "The user it runs as (the master has to be root).", default=None)
    umask: int | None = option(kinds.OCTAL, "Its umask; the master's when not given.", default=None)
    environment: Mapping[str, str] = option(
        kinds.ENVIRONMENT,
        "Its variables, laid over the master's environment= and the master's own.",
        default={},
        per_process=True,
    )
    directory: str | None = option(
        kinds.PATH, "Where it is started; the master's own when not given.", default=None, per_process=True
    )
    stdout_logfile: str | None = option(
        kinds.LOGFILE,
        "Where its stdout goes: a file, - for the master's own stdout (as /dev/stdout), NONE, or AUTO for a file in "
        "childlogdir; several with commas between them, or as a list in TOML.",
        default=AUTO,
        effect=Effect.REOPEN,
        per_process=True,
    )
    stdout_logfile_backups: int = option(
        kinds.INTEGER,
        "How many rotated files are kept.",
        default=10,
        effect=Effect.REOPEN,
        per_process=True,
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
        "Where its stderr goes, as stdout_logfile; nowhere with redirect_stderr. In TOML, when it is not given and "
        "stdout goes to the console: to the console, too.",
        default=AUTO,
        effect=Effect.REOPEN,
        per_process=True,
    )
    stderr_logfile_backups: int = option(
        kinds.INTEGER,
        "How many rotated files are kept.",
        default=10,
        effect=Effect.REOPEN,
        per_process=True,
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
            "What to run: words and quotes as in a shell, but no shell is run. In TOML also a list of words.",
            per_process=True,
        )
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Slots:
    """How many processes one program section makes, and their names."""

    numprocs: int = option(kinds.INTEGER, "How many processes to run.", default=1)
    numprocs_start: int = option(kinds.INTEGER, "The number of the first, for %(process_num)d.", default=0)
    process_name: str = option(
        kinds.TEXT,
        "The name of each process; with numprocs above 1 it has to hold %(process_num)d.",
        default="%(program_name)s",
        per_process=True,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerOptions:
    """What only an event listener has."""

    buffer_size: int = option(
        kinds.INTEGER, "How many events wait for a busy listener; the oldest is dropped.", default=10
    )
    result_handler: str = option(
        kinds.PLUGIN, "What judges a listener's answer.", default="supervisor.dispatchers:default_handler"
    )
    events: tuple[str, ...] = field(
        metadata=required(kinds.EVENTS, "The event types it wants; an abstract one stands for all below it.")
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class FcgiOptions:
    """What only a FastCGI program has, as the file says it; see `FcgiSocket` for what comes of it."""

    socket_backlog: int | None = option(kinds.INTEGER, "The listen(2) backlog, 1 to 65535.", default=None)
    socket_owner: str | None = option(
        kinds.OWNER, "Who owns a unix socket: user or user:group; the program's user.", default=None
    )
    socket_mode: int | None = option(kinds.OCTAL, "The mode of a unix socket (0700).", default=None)
    socket: str = field(
        metadata=required(kinds.TEXT, "The socket its processes share: tcp://host:port or unix:///absolute/path.")
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class FcgiSocket:
    """The listening socket that all processes of a FastCGI program get as fd 0."""

    kind: Literal["tcp", "unix"]
    url: str
    host: str | None = None
    port: int | None = None
    path: str | None = None
    mode: int | None = None
    owner: str | None = None
    owner_ids: tuple[int, int] | None = None
    backlog: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupOptions:
    """`[group:x]`: programs that are started, stopped and named together."""

    programs: tuple[str, ...] = option(
        kinds.STRINGS, "The programs in it; they no longer make groups of their own.", default=()
    )
    priority: int = option(
        kinds.INTEGER,
        "Groups with low numbers start first and stop last.",
        default=DEFAULT_PRIORITY,
        effect=Effect.NONE,
    )


GroupKind = Literal["program", "group", "fcgi-program", "eventlistener"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group(GroupSpec):
    """Processes under one name; a program that is in no `[group:x]` is a group of its own."""

    name: str
    kind: GroupKind = "program"
    priority: int = DEFAULT_PRIORITY
    programs: tuple[Program, ...] = ()
    listener: ListenerOptions | None = None
    socket: FcgiSocket | None = None

    @property
    def counts(self) -> bool:
        """Event listeners serve other programs, and do not keep a master up."""
        return self.listener is None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnixServer:
    """`[unix_http_server]`: a control socket in the file system."""

    section: str = "unix_http_server"
    file: str = field(metadata=required(kinds.PATH, "The path of the socket."))
    username: str | None = option(kinds.SECRET, "The user name clients have to send.", default=None)
    password: str | None = option(kinds.SECRET, "The password; {SHA} and 40 digits is a hash of it.", default=None)
    readonly_username: str | None = option(
        kinds.SECRET, "The name of a second user, who may look at everything and change nothing.", default=None
    )
    readonly_password: str | None = option(kinds.SECRET, "That user's password, in the same forms.", default=None)
    chown: str | None = option(kinds.OWNER, "Who owns the socket: user or user:group.", default=None)
    chmod: int = option(kinds.OCTAL, "The mode of the socket.", default=0o700)
    chown_ids: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InetServer:
    """`[inet_http_server]`: control over TCP. `host` is "" for every interface."""

    section: str = "inet_http_server"
    host: str = ""
    username: str | None = option(kinds.SECRET, "The user name clients have to send.", default=None)
    password: str | None = option(kinds.SECRET, "The password; {SHA} and 40 digits is a hash of it.", default=None)
    readonly_username: str | None = option(
        kinds.SECRET, "The name of a second user, who may look at everything and change nothing.", default=None
    )
    readonly_password: str | None = option(kinds.SECRET, "That user's password, in the same forms.", default=None)
    allow_unauthenticated: bool = option(
        kinds.BOOLEAN,
        "Listen on more than loopback even without a username: everybody who can reach it may then run programs as the "
        "master's user.",
        default=False,
    )
    port: int = field(
        metadata=required(
            kinds.ADDRESS,
            "Where to listen: a port, or host:port. *:9001, or the port alone, is every IPv4 interface; [::]:9001 is "
            "every interface, IPv4 too.",
        )
    )

    @property
    def is_open(self) -> bool:
        """Other machines can reach it, and it asks for nothing that only some know."""
        return not self.is_locked and not kinds.is_loopback(self.host)

    @property
    def is_locked(self) -> bool:
        """It asks for a password. An empty name asks nobody, and an empty password (a variable's) keeps nobody out."""
        return bool(self.username and self.password)

    @property
    def shown(self) -> str:
        """HOST:PORT for messages: "*:9001", "[::1]:9001"."""
        return f"{bracketed(self.host) or '*'}:{self.port}"


def bracketed(host: str) -> str:
    """A host as it stands before a colon and a port."""
    return f"[{host}]" if ":" in host else host


@dataclass(frozen=True, slots=True, kw_only=True)
class Ctl:
    """The client's settings: `[supervisorctl]`, in TOML `[procmanctl]`."""

    serverurl: str | None = option(
        kinds.URL, "Where the master listens; the socket of this file's master when not given.", default=None
    )
    prompt: str = option(kinds.TEXT, "The prompt of the shell.", default="procman")
    username: str | None = option(kinds.SECRET, "The user name to send.", default=None)
    password: str | None = option(kinds.SECRET, "The password to send.", default=None)
    history_file: str | None = option(kinds.PATH, "Where the shell keeps what was typed.", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Include:
    """`[include]`, in TOML `include = [...]` at the top: further files, read in order, of which later ones win."""

    files: tuple[str, ...] = field(metadata=required(kinds.PATTERNS, "File names and patterns, relative to this file."))


@dataclass(frozen=True, slots=True, kw_only=True)
class RpcInterface:
    """`[rpcinterface:x]`: supervisor's RPC plug-ins. Further options are handed to the plug-in."""

    name: str
    factory: str
    options: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """A whole configuration that has passed every check."""

    file: str = field(compare=False)
    here: str = field(compare=False)
    files: tuple[str, ...] = field(default=(), compare=False)
    master: Master = field(default_factory=Master)
    servers: tuple[UnixServer | InetServer, ...] = ()
    rpcinterfaces: tuple[RpcInterface, ...] = ()
    groups: tuple[Group, ...] = ()
    ctl: Ctl = field(default_factory=Ctl)
    serverurl: str | None = None  # what children get as SUPERVISOR_SERVER_URL; None without a server in the file
    warnings: tuple[Problem, ...] = field(default=(), compare=False)
    remarks: tuple[str, ...] = field(default=(), compare=False)  # what supervisor would log of the reading, as it would
    wants_background: bool = field(default=False, compare=False)  # the file says nodaemon=false
    # File and line of what the files say, by section and option; "command line" for what stands there.
    origins: Mapping[str, Mapping[str, tuple[str, int | None]]] = field(default_factory=dict, compare=False)
    # By section, the names in %(…)s whose values are where the file was read, and not in it: ENV_X, host_node_name.
    borrowed: Mapping[str, tuple[str, ...]] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionType:
    """One sort of section: its names in both forms, and where its options are declared."""

    ini: str
    toml: str
    about: str
    tables: tuple[type, ...] = ()
    named: bool = False  # [program:x]
    extra: Mapping[str, Option] = field(default_factory=dict)  # options whose names are no Python names
    open: bool = False  # further options are for a plug-in

    @property
    def options(self) -> dict[str, Option]:
        """Everything that may stand in such a section."""
        return {name: known for table in self.tables for name, known in options_of(table).items()} | dict(self.extra)


RPC_FACTORY = "supervisor.rpcinterface_factory"
CTL_FACTORY = "supervisor.ctl_factory"


def _plugin(name: str, about: str) -> dict[str, Option]:
    return {name: required(kinds.PLUGIN, about)["option"]}


SECTIONS: dict[str, SectionType] = {
    known.ini: known
    for known in (
        SectionType(ini="supervisord", toml="procman", about="The master itself.", tables=(Master,)),
        SectionType(
            ini="program", toml="program", about="A program to keep running.", tables=(Program, Slots), named=True
        ),
        SectionType(
            ini="group",
            toml="group",
            about="Programs that are started, stopped and named together.",
            tables=(GroupOptions,),
            named=True,
        ),
        SectionType(
            ini="eventlistener",
            toml="eventlistener",
            about="A program that is told of events on its stdin.",
            tables=(Program, Slots, ListenerOptions),
            named=True,
        ),
        SectionType(
            ini="fcgi-program",
            toml="fcgi-program",
            about="A FastCGI program, whose processes share a listening socket.",
            tables=(Program, Slots, FcgiOptions),
            named=True,
        ),
        SectionType(
            ini="unix_http_server",
            toml="unix_http_server",
            about="The control socket. Without one procman makes a private one.",
            tables=(UnixServer,),
        ),
        SectionType(ini="inet_http_server", toml="inet_http_server", about="Control over TCP.", tables=(InetServer,)),
        SectionType(ini="supervisorctl", toml="procmanctl", about="The settings of the client.", tables=(Ctl,)),
        SectionType(ini="include", toml="include", about="Further files to read.", tables=(Include,)),
        SectionType(
            ini="rpcinterface",
            toml="rpcinterface",
            about="Supervisor's RPC plug-ins; procman's XML-RPC interface is always there.",
            named=True,
            extra=_plugin(RPC_FACTORY, "What makes the interface."),
            open=True,
        ),
        SectionType(
            ini="ctlplugin",
            toml="ctlplugin",
            about="Plug-ins of supervisorctl; accepted, and not used by procmanctl.",
            named=True,
            extra=_plugin(CTL_FACTORY, "What makes the plug-in."),
            open=True,
        ),
    )
}
