"""What the core decides on: the definition of a process, of a group, and of the master's end.

These are the fields that a decision depends on, and no others: no defaults, no kinds and no help texts. `config.schema`
subclasses them, declares each field as an option, and adds what only the edges need. The core passes a definition on as
it got it; `runtime.definitions` gives the edges the whole of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from signal import Signals
from typing import Literal, NamedTuple

# `startretries = forever`; it fits into the integers of XML-RPC.
FOREVER = 2**31 - 1


# `started`: it has a pid. `ready`: it is RUNNING. `healthy`: it is RUNNING, and its health check has succeeded. `done`:
# a one-shot has succeeded, and does not run now. `exited`: it has ended by itself since it was last started.
EdgeCondition = Literal["started", "ready", "healthy", "done", "exited"]


UnhealthyAction = Literal["restart", "stop", "signal", "reload", "exec", "shutdown", "none"]
# What the master's own health makes of that of a process.
HealthLevel = Literal["ready", "live", "none"]


class OnUnhealthy(NamedTuple):
    """What is done about a process that is unhealthy."""

    what: UnhealthyAction = "restart"
    signal: int = 0
    command: str = ""  # no decision depends on it


class WatchAction(NamedTuple):
    """What is done when a watched file has changed."""

    what: Literal["restart", "reload", "signal", "exec"] = "restart"
    signal: int = 0
    command: str = ""  # no decision depends on it


# What comes of a scheduled time when the run before is under way, and of one that has passed unseen.
Overlap = Literal["skip", "queue", "restart"]
Missed = Literal["skip", "once"]


class Schedule(NamedTuple):
    """When a program runs by itself."""

    text: str  # as written; that another one means other times is all that the core knows of it
    every: float | None = None  # seconds from one run to the next; None: by the clock on the wall


class ProcessType(Enum):
    """What a program is for."""

    SERVICE = "service"  # it is to stay up
    ONESHOT = "oneshot"  # it does something and ends: an exit code in exitcodes is success, however quick


class Autorestart(Enum):
    """Whether a process that has ended by itself is started again."""

    NEVER = False
    ALWAYS = True
    UNEXPECTED = "unexpected"  # unless its exit status is one of exitcodes


class EarlyExit(Enum):
    """What an end before startsecs is."""

    FAILURE = "failure"  # a failed start, whatever the exit code
    JUDGE = "judge"  # exitcodes decide, as they do later


class Scope(IntEnum):
    """Which processes a signal reaches."""

    PROCESS = 0  # the process that was started
    GROUP = 1  # its process group: what it has started, unless that made a group or session of its own
    TREE = 2  # all its descendants, also those that made sessions of their own


class Leftovers(Enum):
    """What becomes of processes that a program has started and that are still there when it has ended."""

    KEEP = "keep"
    STOP = "stop"


class ReadyKind(Enum):
    """How it is known that a program is ready."""

    NOTIFY = "notify"  # it says READY=1 on its socket
    FD = "fd"  # it writes a newline to a descriptor
    LISTEN = "listen"  # a process of its tree listens there
    TCP = "tcp"  # a connection is accepted
    UNIX = "unix"
    HTTP = "http"  # the status is as expected
    HTTP_UNIX = "http+unix"
    EXEC = "exec"  # a command succeeds
    LOG = "log"  # a line of its output
    FILE = "file"  # a file is newer than the run
    DELAY = "delay"  # time
    LISTENER = "listener"  # an event listener says READY; nobody writes it: where a program needs that, it is implied
    WATCHDOG = "watchdog"  # it says WATCHDOG=1 on its socket again and again; only of `health`


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of `ready`, or that of `health`."""

    kind: ReadyKind
    text: str = ""  # as written; no decision depends on it
    delay: float = 0.0  # of ReadyKind.DELAY: seconds after the spawn


class Hook(Enum):
    """When a program has commands of its own run, by the name of the option that lists them."""

    PRE_START = "pre_start"  # before it is spawned
    POST_START = "post_start"  # it is RUNNING; beside everything
    PRE_STOP = "pre_stop"  # before the stop signal, while it lives
    STOP_COMMAND = "stop_command"  # instead of the stop signal
    BEFORE_KILL = "before_kill"  # before SIGKILL
    POST_STOP = "post_stop"  # it has ended, or its start was broken off, and nothing else happens before
    ON_FAILURE = "on_failure"  # it is down because it has failed; beside everything
    RELOAD = "reload"  # it is to read its configuration again; beside everything


class HookCommand(NamedTuple):
    """One command of a hook."""

    text: str = ""  # as written, without its prefixes; no decision depends on it
    may_fail: bool = False  # its failure counts as success
    as_master: bool = False  # it runs as the master's user


class Reload(NamedTuple):
    """How a running program is told to read its configuration again: by one of the two."""

    signal: int = 0
    commands: tuple[HookCommand, ...] = ()


class Edge(NamedTuple):
    """One dependency of a process: it is started when all of these processes are as the condition says."""

    target: str  # as it was written: a program, a group, or group:process
    condition: EdgeCondition | None  # None: not resolved yet
    optional: bool  # waited for only while it is on its way, and never started for this
    processes: tuple[str, ...] = ()  # the namespecs of the target

    def __str__(self) -> str:
        condition = f"@{self.condition}" if self.condition else ""
        return f"{self.target}{condition}{'?' if self.optional else ''}"


class Address(NamedTuple):
    """One place where a socket listens."""

    url: str  # tcp://HOST:PORT or unix:///PATH
    owner: str = ""  # with reuseport: the process that has it for itself


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketSpec:
    """A listening socket that the master holds for programs."""

    name: str
    listen: tuple[str, ...] = ()  # URLs; it is one socket for each
    hold: Literal["always", "wanted"] = "always"  # wanted: while a process that uses it is wanted, or is up
    reuseport: bool = False  # each process has its own

    def addresses(self, process: str) -> tuple[Address, ...]:
        """Where it listens for that process, in the order in which that gets them."""
        return tuple(Address(url, process if self.reuseport else "") for url in self.listen)


class ShutdownWhen(Enum):
    """What ends the master by itself."""

    NEVER = "never"
    ALL_DONE = "all_done"  # nothing runs any more, and nothing will
    ANY_EXIT = "any_exit"  # a program has ended and is not started again
    ANY_FATAL = "any_fatal"  # a program has been given up


def batch_size(batch: tuple[int, bool], total: int) -> int:
    """How many of so many are restarted together; `batch` is a number, or a percentage that is rounded down."""
    number, is_percentage = batch
    return max(1, total * number // 100 if is_percentage else min(number, total))


def program_name(section: str, group: str) -> str:
    """What a user calls a program: its name, with that of its group where the two differ."""
    name = section.partition(":")[2].strip()
    return name if name == group else f"{group}:{name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessSpec:
    """One process slot, after `numprocs`, expansions and defaults. Times are in seconds."""

    name: str
    group: str
    section: str  # of the configuration: what numprocs makes of one is one program
    type: ProcessType
    run_timeout: float | None  # how long a run of a one-shot may take; None: for ever
    unknown_exit: Literal["failure", "success"]  # of a one-shot: an end whose exit status cannot be known
    autostart: bool
    autorestart: Autorestart
    startsecs: float
    ready: tuple[Condition, ...]  # all of these have to hold once before it is RUNNING
    start_timeout: float | None  # how long that may take; only with `ready`
    ready_interval: float  # between two rounds of looks
    startretries: int  # FOREVER: without an end
    backoff: tuple[float, float] | None  # the first and the longest delay; None: linear, and only after failed starts
    backoff_factor: float
    backoff_jitter: float  # the largest part of the delay that is added to it
    backoff_reset: float | None  # a run of that age begins the delays anew; None: the larger of 10 s and the maximum
    restart_limit: tuple[int, float] | None  # restarts within seconds
    on_restart_limit: tuple[Literal["fatal", "wait", "shutdown"], float]  # with the seconds to wait
    health: Condition | None  # what has to hold while it is RUNNING; None: nobody looks
    health_interval: float
    health_timeout: float
    health_retries: int  # failures in a row until it is unhealthy
    health_start_period: float  # after RUNNING, in which failures do not count
    on_unhealthy: OnUnhealthy
    watchdog: float | None  # how often it has to say WATCHDOG=1
    stopsignal: Signals
    stopwaitsecs: float
    stop_scope: Scope
    kill_scope: Scope
    leftovers: Leftovers
    critical: bool
    exitcodes: tuple[int, ...]  # a signal is its negative number
    norestart_exitcodes: tuple[int, ...]
    early_exit: EarlyExit
    depends_on: tuple[Edge, ...]
    depends_timeout: float | None  # how long it may wait for them; None: for ever
    on_dependency_restart: tuple[Literal["ignore", "restart", "reload", "signal"], int]  # with the number of the signal
    on_dependency_stop: Literal["ignore", "stop"]
    schedule: Schedule | None  # None: it runs when it is asked to
    schedule_tz: str  # with another one, the times are others, as with the next
    schedule_jitter: float
    schedule_overlap: Overlap
    schedule_missed: Missed
    schedule_deadline: float | None  # what cannot begin within so long after its time is missed
    run_on_start: bool  # run it when it is switched on by a boot
    memory_restart: int | None  # bytes; it is restarted when it uses more
    memory_interval: float  # between two looks at that
    max_age: float | None  # it is restarted when it has run for that long
    max_age_jitter: float  # the largest part of max_age that is added to it
    pre_start: tuple[HookCommand, ...]
    post_start: tuple[HookCommand, ...]
    pre_stop: tuple[HookCommand, ...]
    stop_command: tuple[HookCommand, ...]
    before_kill: tuple[HookCommand, ...]
    before_kill_timeout: float  # for all of them together
    post_stop: tuple[HookCommand, ...]
    on_failure: tuple[HookCommand, ...]
    hook_timeout: float  # for each command
    reload: Reload | None
    reload_timeout: float  # until it is done
    sockets: tuple[SocketSpec, ...]
    lazy: bool  # it is started by a connection
    idle_stop: float | None  # it is stopped when none of its sockets has had a connection for so long
    watch: tuple[str, ...]  # files and folders; no decision depends on which
    watch_debounce: float  # for so long nothing has to change
    watch_action: WatchAction
    watch_cascade: bool  # what depends on it is restarted with it
    restart_strategy: Literal["all", "rolling"]  # how an update restarts the processes of its program
    rolling_batch: tuple[int, bool]  # how many at once; True: percent

    @property
    def program(self) -> str:
        """The program that it is a process of, under the name of the group where the two differ."""
        return program_name(self.section or f":{self.name}", self.group)

    @property
    def namespec(self) -> str:
        """What a user types: "web" in a group of the same name, else "group:web"."""
        return self.name if self.group == self.name else f"{self.group}:{self.name}"

    @property
    def addresses(self) -> tuple[Address, ...]:
        """Where its sockets listen, in the order of its descriptors."""
        return tuple(address for spec in self.sockets for address in spec.addresses(self.namespec))

    def commands_of(self, hook: Hook) -> tuple[HookCommand, ...]:
        """What runs for a hook, one after the other."""
        match hook:
            case Hook.PRE_START:
                return self.pre_start
            case Hook.POST_START:
                return self.post_start
            case Hook.PRE_STOP:
                return self.pre_stop
            case Hook.STOP_COMMAND:
                return self.stop_command
            case Hook.BEFORE_KILL:
                return self.before_kill
            case Hook.POST_STOP:
                return self.post_stop
            case Hook.ON_FAILURE:
                return self.on_failure
            case Hook.RELOAD:
                return self.reload.commands if self.reload else ()

    def longest_hook(self, hook: Hook) -> float:
        """How long a hook may take at most, in seconds; stop_command has its part of stopwaitsecs."""
        if hook is Hook.BEFORE_KILL:
            return self.before_kill_timeout if self.before_kill else 0.0
        return 0.0 if hook is Hook.STOP_COMMAND else len(self.commands_of(hook)) * self.hook_timeout

    @property
    def hooks_of_stop(self) -> float:
        """How long the hooks of a stop may take at most, in seconds: what comes to stopwaitsecs."""
        return sum(map(self.longest_hook, (Hook.PRE_STOP, Hook.BEFORE_KILL, Hook.POST_STOP)))

    @property
    def is_oneshot(self) -> bool:
        """Is it to do something and end?"""
        return self.type is ProcessType.ONESHOT


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramTemplate:
    """What `numprocs` makes process slots of: a section of a program, before expansions.

    It is kept after loading, so that the number of processes may change without the file being read again.
    """

    section: str
    group: str
    numprocs: int
    numprocs_start: int
    process_name: str
    file_numprocs: int = 0  # what the file says, where it was scaled to another number
    numprocs_max: int | None = None
    texts: Mapping[str, object] = field(hash=False)  # the options that are expanded for each process, as written

    @property
    def program(self) -> str:
        """As `ProcessSpec.program`."""
        return program_name(self.section, self.group)

    @property
    def numbers(self) -> range:
        """The process numbers of its slots."""
        return range(self.numprocs_start, self.numprocs_start + self.numprocs)


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupSpec:
    """Processes under one name."""

    name: str
    priority: int
    programs: tuple[ProcessSpec, ...]

    @property
    def start_order(self) -> tuple[ProcessSpec, ...]:
        """Its processes in the order in which they start; a shutdown stops them in the reverse one."""
        return self.programs

    @property
    def counts(self) -> bool:
        """Do its processes count for `shutdown_when`?"""
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class MasterPolicy:
    """When the master ends, how long that may take, and what its exit status is."""

    shutdown_timeout: float | None
    shutdown_when: ShutdownWhen
    exit_code_from: str | None
    start_concurrency: int | None  # how many processes may be STARTING at once
    restart_brake: bool  # at least 1 s between the starts of a process that is started again and again
