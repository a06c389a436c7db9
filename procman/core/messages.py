"""What goes into the core, and what comes out of it: events (past, or asked for) and actions (orders).

Frozen facts only. A process is named by its namespec: "web", or "group:name" where the two differ.
"""

from signal import Signals

from procman.config.model import Group, Program, Scope
from procman.core.states import MasterState, State
from procman.facts import fact


@fact
class ExitStatus:
    """How a process ended: by a code, or by a signal (then `code` is -1, as supervisor has it)."""

    code: int
    signal: int | None = None
    core_dumped: bool = False
    known: bool = True  # False: it was not our child, and nobody could tell (then `code` is -1, too)


# ---- events


@fact
class BootRequested:
    """Start whatever has autostart, in the order of the priorities."""


@fact
class StartRequested:
    """Somebody wants this process up; its count of failures begins anew."""

    name: str


@fact
class StopRequested:
    """Somebody wants this process down, and down it stays until it is asked for."""

    name: str


@fact
class RestartRequested:
    """Stop it if it is up, and start it when it has settled."""

    name: str


@fact
class SignalRequested:
    """Send a signal without meaning to end the process."""

    name: str
    signal: int


@fact
class Spawned:
    """An ordered `Spawn` succeeded."""

    name: str
    pid: int


@fact
class SpawnFailed:
    """An ordered `Spawn` did not; `reason` is for people, `code` is what a shell would exit with."""

    name: str
    reason: str
    code: int = 126


@fact
class Adopted:
    """A process that a master before this one has started is still there; it was started `age` seconds ago."""

    name: str
    pid: int
    age: float


@fact
class Exited:
    """A child of ours was reaped; `remains` are its descendants that have not ended, where anybody wants to know."""

    pid: int
    status: ExitStatus
    remains: tuple[int, ...] = ()


@fact
class RemainsGone:
    """What was left of a process (`Exited.remains`) has ended, too."""

    name: str


@fact
class KillFailed:
    """An ordered `Kill` was refused by the kernel (not because the process has gone, which is no failure)."""

    name: str
    reason: str


@fact
class DeadlineReached:
    """`next_deadline()` has come."""


@fact
class GroupAdded:
    """A group of the configuration becomes active; what has autostart starts."""

    group: Group


@fact
class GroupRemoved:
    """A group is to go: its processes are stopped, and forgotten when they have settled."""

    name: str


@fact
class GroupChanged:
    """A group has a new definition.

    `replace` names its processes (by namespec) that must be stopped for it to take effect; in all others the new
    options are taken over in place. Processes that the new definition lacks are stopped and forgotten; new ones start.
    """

    group: Group
    replace: frozenset[str]


@fact
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
    | SignalRequested
    | Spawned
    | SpawnFailed
    | Adopted
    | Exited
    | RemainsGone
    | KillFailed
    | DeadlineReached
    | GroupAdded
    | GroupRemoved
    | GroupChanged
    | ShutdownRequested
)


# ---- actions


@fact
class Spawn:
    """Start a process, and answer with `Spawned` or `SpawnFailed`.

    Orders are carried out one after the other, so a stop may overtake this one: ask `Fleet.awaits` right before.
    """

    name: str
    program: Program
    attempt: int  # counts the spawns of this process


@fact
class Kill:
    """Send a signal to a process, or to what has come of it."""

    name: str
    pid: int  # 0: the process itself has ended; what it left behind is meant
    signal: Signals | int
    scope: Scope
    overdue: bool = False  # it had its stopwaitsecs, or nobody wants to wait for them
    told: int = 0  # this process group has had the signal already, and gets it no second time


@fact
class Announce:
    """A process went from one state to another."""

    name: str
    program: Program
    before: State
    after: State
    pid: int  # of the process this is about; 0 when there is none
    tries: int = 0  # failed starts in a row
    expected: bool = True  # EXITED: was the code one of exitcodes
    status: ExitStatus | None = None  # where an end brought this about
    reason: str = ""  # why it could not be started, or is not known


@fact
class AnnounceRemains:
    """A process has ended, and what it left behind is waited for."""

    name: str
    status: ExitStatus
    pids: tuple[int, ...]


@fact
class AnnounceGroup:
    """A group came or went."""

    name: str
    added: bool


@fact
class Dismissed:
    """A process has left the fleet for good; another one may take its name later."""

    name: str


@fact
class AnnounceInPlace:
    """A running process has new options that need no restart."""

    name: str
    before: Program
    after: Program


@fact
class AnnounceMaster:
    """The master as a whole went into another state; `waiting` are those that have not settled yet."""

    state: MasterState
    waiting: tuple[str, ...]
    cause: str = ""  # where nobody asked for it: what has brought it about


@fact
class Quit:
    """All have settled, or had their time: the master may leave, or begin anew."""

    restart: bool
    code: int = 0  # the master's exit status
    left: tuple[str, ...] = ()  # those that have not settled; only with a shutdown_timeout


Action = Spawn | Kill | Announce | AnnounceRemains | AnnounceGroup | Dismissed | AnnounceInPlace | AnnounceMaster | Quit
