"""One process: what is known of it. No I/O and no clock here.

`Process` is the record that these modules work on, each for one part of its life:

- `core.requests`: what is asked for.
- `core.starting`: from the wish to the order to spawn, by way of the wait for dependencies; and coming to rest.
- `core.coming_up`: from the spawn to RUNNING.
- `core.health_checks`: whether it is well while it is RUNNING.
- `core.ending`: what an end means, by what it was doing.
- `core.restarting`: after a failure or an end, when it starts again, or that it does not.
- `core.stopping`: the stop signal, SIGKILL, and what it has left behind.
- `core.due`: what happens when a deadline comes.
- `core.hooks` and `core.hook_chain`: the commands of its own that it waits for.

The rules of all of them:

- `wanted` says whether it should be up, `state` says what it is. Nothing is started because of a state alone.
- `deadlines` are when something happens by itself. They are cleared on entering a state (`enter`) and nowhere else.
- Each function takes the process and the time, and returns what is to be done.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from procman.core.actions import Announce
from procman.core.deadlines import NO_DEADLINES, Deadlines
from procman.core.events import ExitStatus
from procman.core.health import Health
from procman.core.hook_state import Hooks
from procman.core.readiness import Readiness
from procman.core.restarts import Restarts
from procman.core.spec import Leftovers, ProcessSpec, Scope
from procman.core.states import RESTING, SETTLED, TRANSITIONS, Phase, State
from procman.core.ties import Ties
from procman.core.timing import Timing


@dataclass(frozen=True, slots=True)
class PendingEnd:
    """How a process ended, kept until its descendants have ended, too, and its post_stop."""

    pid: int  # 0: it had ended before it was stopped
    status: ExitStatus | None
    before: State  # STOPPING: it was asked to stop, then or since
    failure: str = ""  # why it was not started


@dataclass(slots=True)
class Wear:
    """What is known of the memory of a run, and whether it is due for a restart: see `core.wear`."""

    looking: bool = False  # a look at its memory is under way
    looks: int = 0  # that were answered
    over: int = 0  # of these, the last ones in a row that have found too much
    used: int | None = None  # bytes, by the last one; None: not known
    due: Literal["", "memory", "age"] = ""  # why it is to be restarted as soon as it may
    renewing: Literal["", "memory", "age"] = ""  # it is being restarted for that

    @property
    def is_useless(self) -> bool:
        """It was due for its memory from the first looks on, so that a restart does not help."""
        return self.renewing == "memory" and self.looks <= self.over


@dataclass(slots=True)
class SocketUse:
    """What is known of the use of its sockets: see `core.sockets`."""

    listening: bool = False  # it is down, and starts with the next connection
    used_at: float | None = None  # when a connection was last seen in this run, or when that began
    looking: bool = False  # a look is under way
    idle: bool = False  # it is being stopped as nobody has connected


@dataclass(slots=True)
class Process:
    """One process slot: its program and its present condition. `now` is in seconds of a monotonic clock."""

    program: ProcessSpec
    state: State = State.STOPPED
    wanted: bool = False  # should it be up?
    pid: int | None = None
    deadlines: Deadlines = NO_DEADLINES
    failures: int = 0  # starts in a row that did not last startsecs
    attempt: int = 0  # how often it was ordered to be spawned
    restarts: int = 0  # how often autorestart brought it back
    exit_status: ExitStatus | None = None  # of the last run that reached RUNNING or was stopped
    exit_code: int | None = None  # of the last run, or try, as a shell would have it
    last_end: ExitStatus | None = None  # of the last run, or try; None if it could not be spawned
    pending_end: PendingEnd | None = None  # it has ended, and its descendants have not, or its post_stop
    stop_reached: Scope = Scope.PROCESS  # STOPPING: which processes the stop signal was sent to
    left_behind: bool = False  # descendants of an earlier run still run, as far as is known
    readiness: Readiness = field(default_factory=Readiness)  # of the present run, or the one before
    unready: str = ""  # STOPPING: why, as it was not ready in time; when it has ended, that was a failed start
    health: Health | None = None  # of the present run, or the one before; None: nobody has looked, or was to pause
    sick: str = ""  # STOPPING, BACKOFF: why, as it is restarted for being unhealthy
    status_text: str = ""  # what the present run has said of itself (STATUS=)
    born: float | None = None  # when the present run, or the one before, was spawned
    ready_after: float | None = None  # seconds from there until it was RUNNING; None: it was not, or before this master
    again: Restarts = field(default_factory=Restarts)
    limited: bool = False  # FATAL because of restart_limit
    timed_out: bool = False  # its last run has taken longer than run_timeout, and nothing was asked for since
    failed: bool = False  # the last run ended unexpectedly, or did not start; nothing was asked for since
    brake: bool = True
    seed: int = 0  # of the master, for jitter
    reason: str = ""  # why it is not in the wanted state; supervisor's spawnerr
    successor: ProcessSpec | None = None  # replaces `program` when the process has settled
    leaving: bool = False  # forgotten when it has settled
    ties: Ties = field(default_factory=Ties)
    wear: Wear = field(default_factory=Wear)  # of the present run, or the one before
    hooks: Hooks = field(default_factory=Hooks)
    timing: Timing = field(default_factory=Timing)
    use: SocketUse = field(default_factory=SocketUse)
    needed_by: Mapping[str, "Process"] = field(default_factory=dict, repr=False, compare=False)  # its dependents
    name: str = field(init=False)

    def __post_init__(self) -> None:
        self.name = self.program.namespec

    @property
    def settled(self) -> bool:
        """Nothing will happen by itself any more."""
        return self.state in SETTLED

    @property
    def phase(self) -> Phase:
        """What it is doing within its state."""
        if self.timing.on and self.state in RESTING:
            return Phase.SCHEDULED
        if self.done:
            return Phase.DONE
        if self.state is State.STARTING and self.pid is not None and not self.readiness.holds:
            return Phase.UNREADY
        if self.hooks.running is not None:
            return Phase(self.hooks.running.value)
        if self.pending_end is not None:
            return Phase.LEFTOVERS
        if self.state is State.STARTING and (self.ties.waiting or self.ties.queued):
            return Phase.WAITING
        if self.state is State.FATAL and self.ties.blocked:
            return Phase.BLOCKED
        if self.state is State.RUNNING and self.healthy is False:
            return Phase.UNHEALTHY
        if self.state is State.BACKOFF:
            return Phase.RETRY
        if self.listens:
            return Phase.LISTENING
        return Phase.BOUND if self.state is State.STOPPED and self.ties.bound else Phase.NONE

    @property
    def listens(self) -> bool:
        """It is down, and starts with the next connection to one of its sockets."""
        return self.use.listening and self.wanted and self.state in (State.STOPPED, State.EXITED)

    @property
    def goes_down(self) -> bool:
        """It is being stopped, or is going to be."""
        return self.state is State.STOPPING or self.ties.deferred

    @property
    def done(self) -> bool:
        """A one-shot whose last run has succeeded, and that does not run now."""
        return self.state is State.EXITED and not self.failed and self.program.is_oneshot

    @property
    def healthy(self) -> bool | None:
        """Whether its health check succeeds; None: there is none, or it is not known, or is not looked at."""
        health = self.health
        if health is None or self.state is not State.RUNNING or health.paused_until is not None:
            return None
        return health.healthy

    @property
    def next_deadline(self) -> float | None:
        """When something happens to it by itself; None: not at all."""
        return self.deadlines.earliest

    @property
    def waits_out_limit(self) -> bool:
        """Is it as long as on_restart_limit says that it waits, and not for its next try as usual?"""
        is_waiting = self.state is State.BACKOFF and self.deadlines.retry is not None
        # A restart that is within the limit is in its window.
        return is_waiting and self.program.restart_limit is not None and not self.again.window

    @property
    def definition(self) -> ProcessSpec:
        """What it is, or will be once it has settled."""
        return self.successor or self.program

    @property
    def minds_descendants(self) -> bool:
        """Does it matter, when it ends, whether it has left anything behind?"""
        return self.program.leftovers is Leftovers.STOP or self.program.stop_scope is Scope.TREE

    def awaits(self, attempt: int) -> bool:
        """Is the spawn of that number still to be carried out?"""
        is_to_be_spawned = self.state is State.STARTING and self.pid is None and not self.ties.waiting
        return is_to_be_spawned and self.hooks.running is None and self.attempt == attempt

    # ---- changes that every module around this one needs

    def asked_meanwhile(self) -> None:
        """A request decides what happens next, and no longer the way in which it ended."""
        self.timed_out = False
        self.unready = self.sick = ""
        self.use.idle = False
        if self.pending_end is not None:
            self.pending_end = replace(self.pending_end, before=State.STOPPING, failure="")

    def begin_anew(self) -> None:
        """An operator has asked for it: what policy has counted does not matter any more."""
        self.failed = False
        self.sick = ""
        self.use.idle = False
        self.ties.alone, self.ties.renewing = False, ""
        self.again.forget()

    def age(self, now: float) -> float:
        """How long the present run, or the one before, has lasted until then, in seconds."""
        return 0.0 if self.born is None else now - self.born

    def stops_later(self) -> bool:
        """Is something being stopped that depends on it?"""
        return any(other.goes_down for other in self.needed_by.values())

    def take_over(self) -> None:
        """The definition that waited for this is its own now."""
        if self.successor is not None:
            self.program, self.successor = self.successor, None

    def enter(
        self,
        after: State,
        *,
        pid: int = 0,
        tries: int | None = None,
        expected: bool = True,
        status: ExitStatus | None = None,
        reason: str = "",
        blocked: bool = False,
    ) -> Announce:
        """Go to another state. This is the only place where that happens; all deadlines end with the state before."""
        before, ties = self.state, self.ties
        ties.waiting = ties.queued = ties.blocked = ties.timed_out = False
        ties.bound = ties.bound and after in (State.STOPPING, State.STOPPED)
        ties.deferred = ties.deferred and after is State.RUNNING
        assert after in TRANSITIONS[before], f"{self.name}: {before.name} cannot become {after.name}"
        self.use.listening = False
        self.state = after
        self.deadlines = NO_DEADLINES
        return Announce(
            name=self.name,
            program=self.program,
            before=before,
            after=after,
            pid=pid,
            tries=self.failures if tries is None else tries,
            expected=expected,
            status=status,
            reason=reason,
            blocked=blocked,
        )
