"""What comes out of the core: orders for the engine, and announcements of what has changed. Frozen facts only."""

from dataclasses import dataclass, field
from signal import Signals
from typing import Literal, NamedTuple

from procman.core.events import ExitStatus
from procman.core.spec import Address, Condition, GroupSpec, Hook, HookCommand, ProcessSpec, Scope, SocketSpec
from procman.core.states import MasterState, State

# Why policy stops a process, as its hooks are told.
StopReason = Literal["", "unready", "timeout", "dependency", "unhealthy", "memory", "age", "idle"]


@dataclass(frozen=True, slots=True)
class Spawn:
    """Start a process, and answer with `Spawned` or `SpawnFailed`.

    Orders are carried out one after the other, so a stop may overtake this one: ask `Fleet.awaits` right before.
    """

    name: str
    program: ProcessSpec
    attempt: int  # counts the spawns of this process
    after_failure: bool = False  # the first start after an unexpected end or a failed start


@dataclass(frozen=True, slots=True)
class Probe:
    """Look whether a condition of a process holds, and answer with a `ProbeResult`.

    At most one look per process is under way. Its answer is void when the process has left STARTING.
    """

    name: str
    run: int  # `Process.attempt`
    number: int  # the position of the condition
    condition: Condition
    pid: int


@dataclass(frozen=True, slots=True)
class Measure:
    """Look how much memory a process and all that it has started use, and answer with `MemoryMeasured`."""

    name: str
    run: int  # `Process.attempt`
    pid: int


@dataclass(frozen=True, slots=True)
class CheckHealth:
    """Look whether a process is well, and answer with `HealthSeen`.

    At most one look per process is under way. Its answer is void when the process has left RUNNING.
    """

    name: str
    run: int  # `Process.attempt`
    look: int  # counts the looks of the run
    condition: Condition
    timeout: float  # how long the look may take, in seconds
    pid: int


@dataclass(frozen=True, slots=True)
class RunUnhealthyCommand:
    """Run the command of on_unhealthy=exec:…; nobody waits for its end."""

    name: str
    run: int
    pid: int
    words: str  # why


@dataclass(frozen=True, slots=True)
class OpenSocket:
    """Listen there, or, where that is done, in the way that is said now. Who needs it tries again if that fails."""

    address: Address
    spec: SocketSpec


@dataclass(frozen=True, slots=True)
class CloseSocket:
    """Nobody needs it any more."""

    address: Address


@dataclass(frozen=True, slots=True)
class AwaitConnection:
    """Tell by one `ConnectionSeen` when a connection waits at one of these; without any: not any more."""

    name: str
    addresses: tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class LookAtSockets:
    """Look whether there is a connection to a process, or has been one since the last look; `SocketsSeen` answers."""

    name: str
    run: int  # `Process.attempt`
    addresses: tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class RunWatchCommand:
    """Run the command of watch_action=exec:…; nobody waits for its end."""

    name: str
    run: int
    pid: int
    words: str  # what has changed


@dataclass(frozen=True, slots=True)
class ScheduleAt:
    """Tell by `ScheduleDue` when the next time of its schedule has come: after `since`, and in no range of `behind`.

    There is one such order for a process; another one takes its place. Without a program, there is none any more.
    """

    name: str
    program: ProcessSpec | None
    since: float | None = None  # seconds since the epoch; None: now, or as the order before, if that is earlier
    behind: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Kill:
    """Send a signal to a process, or to its descendants."""

    name: str
    pid: int  # 0: the process itself has ended; its descendants are meant
    signal: Signals | int
    scope: Scope
    overdue: bool = False  # stopwaitsecs are over, or are not waited for
    hurried: bool = field(default=False, compare=False)  # overdue because they are not waited for
    spared_group: int = 0  # this process group got the signal before, and does not get it again


@dataclass(frozen=True, slots=True)
class RunHook:
    """Run a command of a hook, and answer with `HookEnded`."""

    name: str
    run: int  # `Process.attempt`
    hook: Hook
    place: int  # of the command in the hook
    command: HookCommand
    number: int  # of the commands of this process, as its answer has it
    pid: int  # of the process; 0: there is none
    status: ExitStatus | None = None  # how it has ended, if it has
    by_itself: bool = False  # that was not asked for
    why: StopReason = ""  # where policy stops it


@dataclass(frozen=True, slots=True)
class EndHook:
    """Kill a command of a hook, with all that it has started; what it answers is void."""

    name: str
    hook: Hook
    number: int
    reason: str  # in words
    late: bool = False  # its time is over; else what it was for goes on without it


@dataclass(frozen=True, slots=True)
class SkipHook:
    """A hook is not run that should be."""

    name: str
    hook: Hook
    reason: str  # in words


@dataclass(frozen=True, slots=True)
class AnnounceRefresh:
    """Policy has a process read its configuration again; `AnnounceRefreshed` says what came of it."""

    name: str
    words: str  # why


@dataclass(frozen=True, slots=True)
class AnnounceRefreshed:
    """A process was to read its configuration again; it has, or that has failed."""

    name: str
    ok: bool
    words: str  # what has failed


# A tuple is made in a third of the time, and there are three of these for each restart.
class Announce(NamedTuple):
    """A process went from one state to another."""

    name: str
    program: ProcessSpec
    before: State
    after: State
    pid: int  # of the process this is about; 0 when there is none
    tries: int = 0  # failed starts in a row
    expected: bool = True  # EXITED: was the code one of exitcodes
    status: ExitStatus | None = None  # where an end brought this about
    reason: str = ""  # why it could not be started, or is not known
    because: str = ""  # the process whose change has brought this about, if it is another one
    blocked: bool = False  # FATAL because what it depends on has failed, and not the process itself


@dataclass(frozen=True, slots=True)
class AnnounceHealth:
    """A process is healthy, or unhealthy, and was not before."""

    name: str
    program: ProcessSpec
    before: bool | None  # None: that was not known
    healthy: bool
    words: str  # what was seen, such as "http 503 (3 in a row)"


@dataclass(frozen=True, slots=True)
class AnnounceHealthPause:
    """The health of a process is not looked at for a while, or (`seconds` is 0) is looked at again."""

    name: str
    seconds: float
    reason: str


@dataclass(frozen=True, slots=True)
class AnnounceDescendants:
    """A process has ended; its descendants are waited for."""

    name: str
    status: ExitStatus
    pids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class KeepDescendants:
    """A process has ended; its descendants go on and are not waited for."""

    name: str
    stop_later: bool  # with the process, when that is next stopped


@dataclass(frozen=True, slots=True)
class AnnounceGroup:
    """A group came or went."""

    name: str
    added: bool


@dataclass(frozen=True, slots=True)
class AnnounceGroupChanged:
    """A group has a new definition; what must be stopped for it has been asked to."""

    group: GroupSpec


@dataclass(frozen=True, slots=True)
class ProcessRemoved:
    """A process has left the fleet; another one may take its name later."""

    name: str


@dataclass(frozen=True, slots=True)
class AnnounceInPlace:
    """A running process has new options that need no restart."""

    name: str
    before: ProcessSpec
    after: ProcessSpec


@dataclass(frozen=True, slots=True)
class AnnounceSchedule:
    """Something about the schedule of a process.

    It was switched on or off. A time of it has come, and a run follows; or, as a run is under way, it was left out
    (skipped), or waits (queued); or it has passed (missed); or what was queued is not run any more (dropped).
    """

    name: str
    what: Literal["on", "off", "run", "skipped", "queued", "missed", "dropped"]
    time: float = 0.0  # seconds since the epoch; 0: of no clock, or of several times
    count: int = 1  # of such times; skipped: at the end of a run, of all that were left out during it


@dataclass(frozen=True, slots=True)
class AnnounceSockets:
    """A lazy process waits for a connection, or does not any more; or one has come, and it is started for it."""

    name: str
    program: ProcessSpec
    what: Literal["listening", "connection", "off"]
    place: int = -1  # connection: the position of the socket in `ProcessSpec.addresses`


@dataclass(frozen=True, slots=True)
class AnnounceWatch:
    """Something about the files that a process watches.

    They have changed, and it is restarted, started again as it was down (start), reads its configuration again
    (reload), gets a signal or has a command run (exec). They change again and again by what that does, so they are not
    watched any more (suspended); or they are again (resumed).
    """

    name: str
    what: Literal["restart", "start", "reload", "signal", "exec", "suspended", "resumed"]
    words: str = ""  # such as "src/app.py changed (3 files)"
    count: int = 0


@dataclass(frozen=True, slots=True)
class AnnounceRolling:
    """Something about a rolling restart.

    It began, a process of it is restarted, is ready, all are; it has stopped at a process; it goes on; or it has ended
    before that.
    """

    program: str
    what: Literal["began", "restarting", "ready", "stopped", "continued", "done", "ended"]
    name: str = ""  # the process, by its namespec; "": it is about none
    operation: int = 0  # that has asked for it
    ready: int = 0  # so many have been restarted
    total: int = 0
    aborting: bool = False  # it puts definitions back
    reason: str = ""  # stopped, ended: why
    new_definition: bool = False  # it changes definitions, and does not only restart


@dataclass(frozen=True, slots=True)
class AnnounceMaster:
    """The master as a whole went into another state; `waiting` are those that have not settled yet."""

    state: MasterState
    waiting: tuple[str, ...]
    cause: str = ""  # if it was not requested: what has brought it about


@dataclass(frozen=True, slots=True)
class Quit:
    """All have settled, or their time is over: the master may end, or start over."""

    restart: bool
    code: int = 0  # the master's exit status
    unsettled: tuple[str, ...] = ()  # processes that still run; only with a shutdown_timeout


Announcement = (
    Announce
    | AnnounceHealth
    | AnnounceHealthPause
    | AnnounceDescendants
    | AnnounceGroup
    | AnnounceGroupChanged
    | ProcessRemoved
    | AnnounceInPlace
    | AnnounceSchedule
    | AnnounceSockets
    | AnnounceWatch
    | AnnounceRolling
    | AnnounceMaster
    | AnnounceRefresh
    | AnnounceRefreshed
    | RunHook
    | EndHook
    | SkipHook
    | Quit
)
# What is published when it is carried out, and follows from something (see `core.attribution`).
Told = Announcement | Spawn | Kill | KeepDescendants
SocketOrder = OpenSocket | CloseSocket | AwaitConnection | LookAtSockets
Action = (
    Spawn
    | Probe
    | Measure
    | CheckHealth
    | RunUnhealthyCommand
    | RunWatchCommand
    | ScheduleAt
    | SocketOrder
    | Kill
    | KeepDescendants
    | Announcement
)
