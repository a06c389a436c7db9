"""Actor and cause: what each action follows from, and at whose request.

The core decides without them. This class stands beside the fleet: it is told each event before the fleet handles it, is
asked for the origin of each action, and is told the number under which the action was published. From any number, a
reader who follows the causes comes to a root: a request (which has an actor), or an end of a process that nothing here
has brought about.

- A request brings its origin along. What it leads to has the same actor and operation.
- What happened (an end, a deadline) follows from the latest that was published about that process.
- An end follows from the signal that procman sent before. An end without one is a root, and its actor is None.
- A start after a stop follows from the request that wants the process up, not from the one that stopped it.
- What a deadline or an end brings about by itself has the actor POLICY.
- What is done about a process that was found to be unhealthy has the actor HEALTH, and follows from that.
- A run at a time of a schedule has the actor SCHEDULE, and follows from the announcement that the time has come.
- A start of a lazy process by a connection has the actor CONNECTION, and follows from the announcement of that.
- What is done about files that have changed has the actor WATCH, and follows from the announcement of that.
- What a change of another process brings about by itself has the actor DEPENDENCY, and follows from that change.
"""

from typing import Any, Literal, NamedTuple

from procman.core.actions import (
    Announce,
    AnnounceGroup,
    AnnounceGroupChanged,
    AnnounceHealth,
    AnnounceMaster,
    AnnounceRefresh,
    AnnounceRolling,
    AnnounceSchedule,
    AnnounceSockets,
    AnnounceWatch,
    EndHook,
    Kill,
    ProcessRemoved,
    Quit,
    RunHook,
    Told,
)
from procman.core.events import (
    Adopted,
    BootRequested,
    DeadlineReached,
    Event,
    Exited,
    GroupAdded,
    GroupChanged,
    GroupRemoved,
    HealthPauseRequested,
    RefreshRequested,
    RestartRequested,
    RetryRequested,
    RollingAborted,
    RollingContinued,
    RollingRequested,
    ShutdownRequested,
    SignalRequested,
    StartRequested,
    StopRequested,
)
from procman.core.states import State

ActorKind = Literal[
    "client",
    "signal",
    "policy",
    "boot",
    "update",
    "rollback",
    "upgrade",
    "schedule",
    "health",
    "dependency",
    "watch",
    "connection",
]


class Actor(NamedTuple):
    """Who or what asked for something."""

    kind: ActorKind
    uid: int | None = None  # of a client of a unix socket, as are gid, pid and command
    gid: int | None = None
    pid: int | None = None
    user: str = ""  # the name of the account: of the uid, or of the login over TCP
    command: str = ""  # the client's process name
    via: str = ""  # the door: a socket and the peer's address, a signal's name


class Origin(NamedTuple):
    """What something follows from."""

    actor: Actor | None = None  # None: nobody
    cause: int | None = None  # a number of the stream of notifications
    operation: int | None = None  # the id of the operation that it belongs to


NOBODY = Origin()
POLICY = Actor("policy")
HEALTH = Actor("health")
BOOT = Actor("boot")
DEPENDENCY = Actor("dependency")
SCHEDULE = Actor("schedule")
CONNECTION = Actor("connection")
WATCH = Actor("watch")

# Looked up by type, as hundreds of events are handled in a second where programs end at once.
_REQUESTS = frozenset(
    {
        BootRequested,
        StartRequested,
        StopRequested,
        RestartRequested,
        RefreshRequested,
        RetryRequested,
        RollingRequested,
        RollingContinued,
        RollingAborted,
        SignalRequested,
        HealthPauseRequested,
        GroupAdded,
        GroupRemoved,
        GroupChanged,
        ShutdownRequested,
    }
)
# Of these the journal has no record, so that nothing may name their numbers as its cause.
_UNRECORDED = (AnnounceRefresh, RunHook, EndHook)
_NOT_ABOUT_ONE = (AnnounceGroup, AnnounceGroupChanged, AnnounceMaster, Quit)


class Attribution:
    """Knows the origin of each action. All processes are named by their namespecs."""

    def __init__(self) -> None:
        self._wanted_by: dict[str, Origin] = {}  # the latest request that decides whether it should be up
        self._all_wanted_by = NOBODY  # the latest that decided so for all of them: a boot or a shutdown
        self._latest: dict[str, Origin] = {}  # the latest that was published, as the origin of what follows from it
        self._changed: dict[str, Origin] = {}  # its latest change of state, as the origin of what follows from it
        self._signalled: dict[str, tuple[int, Origin]] = {}  # the latest signal to this run, and its origin
        self._stopping: set[str] = set()
        self._renewed: dict[str, Origin] = {}  # those that are stopped to start again, for what they depend on
        self._rolled_by: dict[str, Origin] = {}  # by program: the request for its rolling restart
        # Of the event that is being handled:
        self._is_request = False
        self._is_adoption = False
        self._is_end = False
        self._subject: str | None = None  # the process that it is about
        self._base = NOBODY
        self._found_ill: set[str] = set()  # by this event: what is done about it has the actor HEALTH
        self._timed: set[str] = set()  # those that a schedule or a connection has run now
        self._watched: set[str] = set()  # those about whose files something is done
        self._here: dict[str, Origin] = {}  # by process: the latest that was published for this event

    def wanted_by(self, name: str) -> Origin:
        """The request that decided whether the process should be up."""
        return self._wanted_by.get(name, self._all_wanted_by)

    @property
    def of_master(self) -> Origin:
        """What the master's present state follows from: its boot, or the request to shut down or reload."""
        return self._all_wanted_by

    def latest(self, name: str) -> Origin:
        """What something follows from that happens to the process now."""
        return self._latest.get(name, NOBODY)

    def of_state(self, name: str) -> Origin:
        """What the present state of the process follows from."""
        return self._changed.get(name, NOBODY)

    def origin_of_end(self, name: str, signal: int | None) -> Origin:
        """What an end of the process follows from; `signal` is the one that ended it.

        It is the latest signal that procman sent to this run, if the process was being stopped or died of that signal.
        """
        sent = self._signalled.get(name)
        if sent is not None and (name in self._stopping or sent[0] == signal):
            return sent[1]
        return NOBODY

    def begin(self, event: Event, origin: Origin, subject: str | None) -> None:
        """The fleet handles the event next; `subject` is the process that it is about, if it is about one.

        `origin` counts for requests, and for an end (see `origin_of_end`, with its own number as the cause).
        """
        self._here = {}
        if self._found_ill:
            self._found_ill.clear()
        self._timed.clear()
        if self._watched:
            self._watched.clear()
        self._subject = subject
        kind = type(event)
        self._is_request = kind in _REQUESTS
        self._is_adoption, self._is_end = kind is Adopted, kind is Exited
        if self._is_request:
            self._base = origin
            self._note_request(event, origin)
        elif kind is DeadlineReached:
            self._base = NOBODY
        elif self._is_end:
            self._base = origin if origin.actor is not None else Origin(POLICY, origin.cause, origin.operation)
        else:
            self._base = self.latest(subject) if subject is not None else origin

    def origin_of(self, action: Told) -> Origin:
        """What it follows from; call it right before the action is published."""
        if isinstance(action, Announce):  # most are
            if action.name in self._found_ill:
                return Origin(HEALTH, self.latest(action.name).cause)
            if action.name in self._watched and not self._is_request:
                return self._here[action.name]  # also of a rolling restart
            known = self._origin_of_change(action)
            if known is not None:
                return known
        elif isinstance(action, AnnounceRolling):
            return self._origin_of_rolling(action)
        elif isinstance(action, _NOT_ABOUT_ONE):
            return self._of_the_whole()
        elif isinstance(action, AnnounceHealth) or action.name in self._found_ill:
            return Origin(HEALTH, self.latest(action.name).cause)
        name = action.name
        if isinstance(action, AnnounceSchedule) and action.what not in ("on", "off", "dropped"):
            return Origin(SCHEDULE)
        if isinstance(action, AnnounceSockets) and action.what == "connection":
            return Origin(CONNECTION)
        if isinstance(action, AnnounceWatch) and not self._is_request:
            return Origin(WATCH)
        before = self._here.get(name)
        if before is not None:
            return before
        if self._is_request or name == self._subject:
            return self._base
        if isinstance(action, Kill) and not action.overdue:
            return self.wanted_by(name)
        return Origin(POLICY, self.latest(name).cause, self.latest(name).operation)

    def published(self, action: Told, origin: Origin, seq: int) -> None:
        """The action has that number now, and what comes next about its process follows from it."""
        follow = Origin(origin.actor, seq, origin.operation)
        # By type first: hundreds of these come in a second where programs end at once.
        if isinstance(action, Announce):
            name = action.name
            self._here[name] = self._latest[name] = self._changed[name] = follow
            if action.after is State.STOPPING:
                self._stopping.add(name)
                if origin.actor == DEPENDENCY:
                    self._renewed[name] = follow
                else:
                    self._renewed.pop(name, None)
                if name in self._found_ill and action.program.on_unhealthy.what == "stop":
                    self._wanted_by[name] = origin
            else:
                if action.after is State.STARTING:
                    self._renewed.pop(name, None)
                self._stopping.discard(name)
            if self._is_request and (not action.because or action.after is State.STARTING):
                self._wanted_by[name] = self._base
        elif isinstance(action, AnnounceMaster):
            # What the waves do follows from the announcement.
            self._base = self._all_wanted_by = follow
            self._wanted_by.clear()
        elif isinstance(action, AnnounceRolling):
            if action.what == "restarting":
                self._here[action.name] = self._latest[action.name] = self._wanted_by[action.name] = follow
                if not self._is_request:
                    self._watched.add(action.name)
        elif isinstance(action, ProcessRemoved):
            self._forget(action.name)
        elif isinstance(action, _UNRECORDED):
            self._here[action.name] = self._latest[action.name] = origin
        elif not isinstance(action, _NOT_ABOUT_ONE):
            self._here[action.name] = self._latest[action.name] = follow
            if isinstance(action, AnnounceSchedule) and action.what == "run":
                self._timed.add(action.name)
                self._wanted_by[action.name] = follow
            elif isinstance(action, AnnounceSockets) and action.what == "connection":
                self._timed.add(action.name)
            elif isinstance(action, AnnounceWatch) and not self._is_request:
                self._watched.add(action.name)
                if action.what in ("restart", "start"):
                    self._wanted_by[action.name] = follow
            elif isinstance(action, Kill) and action.pid and action.signal:
                self._signalled[action.name] = int(action.signal), follow
            elif isinstance(action, AnnounceHealth) and not action.healthy:
                self._found_ill.add(action.name)

    def happened(self, name: str, origin: Origin, seq: int, *, new_run: bool = False) -> None:
        """Something about the process that is no action was published; `new_run`: it was spawned, or adopted."""
        self._latest[name] = Origin(origin.actor, seq, origin.operation)
        if new_run:
            self._signalled.pop(name, None)

    # ---- over an upgrade

    def snapshot(self) -> dict[str, Any]:
        """Plain data for `restore`."""
        return {
            "wanted_by": {name: _plain(origin) for name, origin in self._wanted_by.items()},
            "all_wanted_by": _plain(self._all_wanted_by),
            "latest": {name: _plain(origin) for name, origin in self._latest.items()},
            "changed": {name: _plain(origin) for name, origin in self._changed.items()},
            "signalled": {name: [number, _plain(origin)] for name, (number, origin) in self._signalled.items()},
            "stopping": sorted(self._stopping),
            "renewed": {name: _plain(origin) for name, origin in self._renewed.items()},
            "rolled_by": {program: _plain(origin) for program, origin in self._rolled_by.items()},
        }

    def restore(self, data: dict[str, Any]) -> None:
        """Go on from what `snapshot` returned."""
        self._wanted_by = {name: _origin(plain) for name, plain in data["wanted_by"].items()}
        self._all_wanted_by = _origin(data["all_wanted_by"])
        self._latest = {name: _origin(plain) for name, plain in data["latest"].items()}
        self._changed = {name: _origin(plain) for name, plain in data.get("changed", data["latest"]).items()}
        self._signalled = {name: (number, _origin(plain)) for name, (number, plain) in data["signalled"].items()}
        self._stopping = set(data["stopping"])
        self._renewed = {name: _origin(plain) for name, plain in data.get("renewed", {}).items()}
        self._rolled_by = {program: _origin(plain) for program, plain in data.get("rolled_by", {}).items()}

    # ---- the pieces of the above

    def _origin_of_change(self, news: Announce) -> Origin | None:
        """Of a process from one state to another; None: it is that of any other action."""
        name = news.name
        if news.because and not self._is_request:
            cause = self._here.get(news.because) or self.latest(news.because)
            return Origin(DEPENDENCY, cause.cause, cause.operation)
        match news.after:
            case State.STARTING if name in self._timed:
                return self._here[name]
            case State.STARTING if not self._is_request:
                if self._is_adoption and name == self._subject:
                    return self._base
                if news.before is State.STOPPED:
                    if news.reason:  # policy has stopped it, to start it again
                        return Origin(POLICY, self._here.get(name, NOBODY).cause)
                    return self._renewed.get(name) or self.wanted_by(name)
                # autorestart, or the next try: whoever started the process before has no part in it.
                return Origin(POLICY, (self._here.get(name) or self.latest(name)).cause)
            case State.STOPPING if news.reason:
                return Origin(POLICY, self.latest(name).cause)  # run_timeout, or not ready in time
            case State.STOPPING if self._is_taken_down(name):
                return self.wanted_by(name)
            case _:
                return None

    def _is_taken_down(self, name: str) -> bool:
        """Whether it is a shutdown that stops the process, and not its own end, behind which something is left."""
        return not self._is_request and not (self._is_end and name == self._subject)

    def _origin_of_rolling(self, news: AnnounceRolling) -> Origin:
        if self._is_request:
            return self._base
        if news.what == "began":  # by nobody's request: files have changed, of it or of what it depends on
            watch = next((self._here[name] for name in self._watched), None)
            self._rolled_by[news.program] = watch or Origin(DEPENDENCY, self._base.cause)
        asked = self._rolled_by.get(news.program, NOBODY)
        if news.what == "restarting" or not news.name:
            return asked
        return Origin(asked.actor, self.latest(news.name).cause, asked.operation)

    def _of_the_whole(self) -> Origin:
        if self._is_request:
            return self._base
        cause = self._here.get(self._subject or "") or self._base
        # A deadline that ends a shutdown is about no process.
        return Origin(POLICY, (self._all_wanted_by if cause.cause is None else cause).cause)

    def _note_request(self, event: Event, origin: Origin) -> None:
        match event:
            case StartRequested(name) | StopRequested(name) | RestartRequested(name) | RetryRequested(name):
                self._wanted_by[name] = origin
                self._renewed.pop(name, None)
            case RollingRequested(program) | RollingContinued(program) | RollingAborted(program):
                self._rolled_by[program] = origin
            case BootRequested() | ShutdownRequested():
                self._all_wanted_by = origin
                self._wanted_by.clear()
                self._renewed.clear()
            case GroupAdded(group):
                self._wanted_by.update((program.namespec, origin) for program in group.programs)
            case GroupChanged(group, replace):
                self._wanted_by.update((name, origin) for name in replace)
                for spec in group.programs:
                    if spec.restart_strategy == "rolling":
                        self._rolled_by[spec.program] = origin
                for name in replace:
                    self._renewed.pop(name, None)
            case _:
                pass

    def _forget(self, name: str) -> None:
        self._wanted_by.pop(name, None)
        self._latest.pop(name, None)
        self._changed.pop(name, None)
        self._signalled.pop(name, None)
        self._stopping.discard(name)
        self._renewed.pop(name, None)


def _plain(origin: Origin) -> list[Any]:
    return [None if origin.actor is None else list(origin.actor), origin.cause, origin.operation]


def _origin(plain: list[Any]) -> Origin:
    actor, cause, operation = plain
    return Origin(None if actor is None else Actor(*actor), cause, operation)
