"""What goes into the core: what has happened, and what was asked for.

Frozen facts only. A process is named by its namespec: "web", or "group:name" where the two differ.
"""

from dataclasses import dataclass

from procman.core.spec import GroupSpec


# Events with the same fields share the methods that a dataclass generates: a master makes each class when it boots.
@dataclass(frozen=True, slots=True)
class BareEvent:
    """An event that has nothing to say but that it has happened."""


@dataclass(frozen=True, slots=True)
class ProcessEvent:
    """An event that names a process, and nothing else."""

    name: str


@dataclass(frozen=True, slots=True)
class RollingEvent:
    """A request about a rolling restart that there is."""

    program: str  # `ProcessSpec.program`
    operation: int = 0  # the id of the request


@dataclass(frozen=True, slots=True)
class ExitStatus:
    """How a process ended: by a code, or by a signal (then `code` is -1, as supervisor has it)."""

    code: int
    signal: int | None = None
    core_dumped: bool = False
    known: bool = True  # False: it was not our child, and its status is unknown (`code` is -1, too)


class BootRequested(BareEvent):
    """Start whatever has autostart, in the order of the priorities."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class StartRequested:
    """Start a process, with its count of failures reset, and what it depends on; with `alone` nothing else.

    Of a process with a schedule, that is switched on, unless it is to `run` now.
    """

    name: str
    alone: bool = False
    run: bool = False


class StopRequested(ProcessEvent):
    """Stop a process; it stays down until it is asked for."""

    __slots__ = ()


class RestartRequested(ProcessEvent):
    """Stop it if it is up, and start it when it has settled."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class RollingRequested:
    """Restart these processes of a program, so many at a time."""

    program: str  # `ProcessSpec.program`
    names: tuple[str, ...]
    batch: int
    operation: int = 0  # its id


class RollingContinued(RollingEvent):
    """Go on with a rolling restart that has stopped."""

    __slots__ = ()


class RollingAborted(RollingEvent):
    """End the rolling restart, and give what it has changed the definitions back that were there before."""

    __slots__ = ()


class RetryRequested(ProcessEvent):
    """Start it now, if it waits for the next try or was given up; begin its counts anew."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class SignalRequested:
    """Send a signal that is not meant to end the process."""

    name: str
    signal: int


class RefreshRequested(ProcessEvent):
    """Have it read its configuration again, as its option reload says."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Spawned:
    """An ordered `Spawn` succeeded."""

    name: str
    pid: int


@dataclass(frozen=True, slots=True)
class SpawnFailed:
    """An ordered `Spawn` did not; `reason` is for people, `code` is what a shell would exit with."""

    name: str
    reason: str
    code: int = 126


@dataclass(frozen=True, slots=True)
class Adopted:
    """A process of an earlier master still runs; it was started `age` seconds ago."""

    name: str
    pid: int
    age: float
    ready: bool = False  # it was RUNNING then
    post_start: bool = False  # its post_start had not ended
    ready_after: float | None = None  # so many seconds after its start it was; None: that is not known


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """What came of a `Probe`; also a condition that holds and was not asked about.

    It counts for that run of the process only.
    """

    name: str
    run: int  # `Process.attempt`
    number: int  # the position of the condition
    ok: bool
    words: str = ""  # what was seen, with the address, such as "tcp:5432 refused"


@dataclass(frozen=True, slots=True)
class HealthSeen:
    """What came of a `CheckHealth`; it counts for that run and that look only."""

    name: str
    run: int  # `Process.attempt`
    look: int
    ok: bool
    words: str = ""  # what was seen, with the address, such as "tcp:5432 refused"
    timed_out: bool = False  # there was no answer in time
    asleep: float = 0.0  # the longest time, during the look, that procman itself did nothing, in seconds


@dataclass(frozen=True, slots=True)
class HealthPauseRequested:
    """Do not look whether a process is well for so many seconds; 0: look again from now on."""

    name: str
    seconds: float
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Notified:
    """A program has sent something over its notification socket; it counts for that run only."""

    name: str
    run: int
    fields: tuple[tuple[str, str], ...]  # names and values, as sent


@dataclass(frozen=True, slots=True)
class MemoryMeasured:
    """What came of a `Measure`; it counts for that run of the process only."""

    name: str
    run: int  # `Process.attempt`
    used: int | None  # bytes; None: that may not be seen


@dataclass(frozen=True, slots=True)
class ConnectionSeen:
    """A connection waits that an `AwaitConnection` was about; or that cannot be waited for."""

    name: str
    place: int  # the position of its socket in `ProcessSpec.addresses`; -1: a socket of it cannot be opened


@dataclass(frozen=True, slots=True)
class SocketsSeen:
    """What came of a `LookAtSockets`; it counts for that run of the process only."""

    name: str
    run: int  # `Process.attempt`
    busy: bool  # there is a connection, or has been one since the look before; also where that cannot be known


@dataclass(frozen=True, slots=True)
class HookEnded:
    """An ordered `RunHook` is over, or could not be begun."""

    name: str
    number: int  # `RunHook.number`
    ok: bool
    words: str = ""  # such as "./migrate exited 1"
    said: str = ""  # the last line that it wrote
    code: int = 0  # what a shell would exit with


class EndedUnseen(ProcessEvent):
    """It has ended while there was no master to see that, and its post_stop is to run yet. It comes before a boot."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class RunRemembered:
    """A one-shot has succeeded in this life of the master, as an earlier process of the master has recorded.

    It is not started by the boot, which comes later.
    """

    name: str
    code: int  # its exit code
    began: float  # seconds since the epoch, as is the next one; no decision depends on them
    ended: float


@dataclass(frozen=True, slots=True)
class FilesChanged:
    """Files that a process watches have changed, been made or been removed."""

    name: str
    files: tuple[int, ...]  # a number for each, always the same for the same file; not all of very many
    count: int = 1
    first: str = ""  # the name of one of them


class WatchesRenewed(BareEvent):
    """Files are watched again for all processes for which that was suspended."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class ScheduleDue:
    """The time of a schedule that was asked for by `ScheduleAt` has come; of several that have passed, the newest."""

    name: str
    time: float  # seconds since the epoch
    late: float  # for so many seconds it has been over when it was noticed
    missed: int = 0  # so many before it have passed, too


@dataclass(frozen=True, slots=True)
class ScheduleRemembered:
    """The times of a schedule up to `since` have been looked at, and `behind` are those of them that have come.

    By an earlier master; or, where `ScheduleAt` has left it open, `since` is when that was carried out.
    """

    name: str
    since: float  # seconds since the epoch, as are the others
    behind: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class ClockStepped:
    """Somebody has set the clock on the wall."""

    time: float  # what it shows now: seconds since the epoch


@dataclass(frozen=True, slots=True)
class Exited:
    """A child of ours was reaped; `descendants` are those of it that still run, where that matters."""

    pid: int
    status: ExitStatus
    descendants: tuple[int, ...] = ()


class DescendantsGone(ProcessEvent):
    """The last of the descendants that a process left behind (`Exited.descendants`) has ended."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class KillFailed:
    """An ordered `Kill` was refused by the kernel (that the process has gone is no failure)."""

    name: str
    reason: str


class DeadlineReached(BareEvent):
    """`next_deadline()` has come."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class GroupAdded:
    """A group of the configuration becomes active; what has autostart starts."""

    group: GroupSpec


@dataclass(frozen=True, slots=True)
class GroupRemoved:
    """A group is to go: its processes are stopped, and forgotten when they have settled."""

    name: str


@dataclass(frozen=True, slots=True)
class GroupChanged:
    """A group has a new definition.

    `replace` names its processes (by namespec) that must be stopped for it to take effect; in all others the new
    options are taken over in place. Processes that the new definition lacks are stopped and forgotten; new ones start.
    Where restart_strategy is rolling, those to be stopped are restarted one batch after the other.
    """

    group: GroupSpec
    replace: frozenset[str]
    operation: int = 0  # that has asked for it


@dataclass(frozen=True, slots=True)
class ShutdownRequested:
    """Stop everything and quit; asked a second time, kill everything now.

    With `restart` the master comes back with a fresh configuration after it.
    """

    restart: bool = False


Event = (
    BootRequested
    | StartRequested
    | StopRequested
    | RestartRequested
    | RollingRequested
    | RollingContinued
    | RollingAborted
    | RetryRequested
    | SignalRequested
    | RefreshRequested
    | Spawned
    | SpawnFailed
    | Adopted
    | RunRemembered
    | ScheduleDue
    | ScheduleRemembered
    | ClockStepped
    | FilesChanged
    | WatchesRenewed
    | ProbeResult
    | MemoryMeasured
    | HealthSeen
    | HealthPauseRequested
    | Notified
    | HookEnded
    | ConnectionSeen
    | SocketsSeen
    | EndedUnseen
    | Exited
    | DescendantsGone
    | KillFailed
    | DeadlineReached
    | GroupAdded
    | GroupRemoved
    | GroupChanged
    | ShutdownRequested
)

# What is known of one process, and what is about no single one, or needs none that is there.
News = (
    ProbeResult
    | HealthSeen
    | HealthPauseRequested
    | Notified
    | MemoryMeasured
    | HookEnded
    | ConnectionSeen
    | SocketsSeen
    | DescendantsGone
    | KillFailed
    | RunRemembered
    | EndedUnseen
)
AboutAll = (
    BootRequested
    | ClockStepped
    | FilesChanged
    | WatchesRenewed
    | GroupAdded
    | GroupRemoved
    | GroupChanged
    | ShutdownRequested
)
