"""What must be true of actor and cause, after every step of the simulation: each rule is one method.

The watcher does for `Attribution` what the engine does: it tells it each event, numbers what is published, and asks for
the origin of each action. It judges by the requests that were made and the signals that were sent, which it sees.
"""

from dataclasses import dataclass
from signal import SIGKILL
from typing import Any

from procman.core.actions import (
    Action,
    Announce,
    AnnounceGroup,
    AnnounceGroupChanged,
    AnnounceMaster,
    AnnounceRolling,
    AnnounceWatch,
    KeepDescendants,
    Kill,
    Probe,
    ProcessRemoved,
    Quit,
    Spawn,
)
from procman.core.attribution import BOOT, NOBODY, POLICY, Actor, Attribution, Origin
from procman.core.events import (
    Adopted,
    BootRequested,
    Event,
    Exited,
    GroupAdded,
    GroupChanged,
    GroupRemoved,
    KillFailed,
    RestartRequested,
    RetryRequested,
    RollingAborted,
    RollingContinued,
    RollingRequested,
    ShutdownRequested,
    SignalRequested,
    Spawned,
    SpawnFailed,
    StartRequested,
    StopRequested,
)
from procman.core.states import State
from tests.simulation.fake_kernel import Child, World
from tests.simulation.invariants import Violation

REQUESTS = (
    BootRequested,
    StartRequested,
    StopRequested,
    RestartRequested,
    RetryRequested,
    SignalRequested,
    RollingRequested,
    RollingContinued,
    RollingAborted,
    GroupAdded,
    GroupRemoved,
    GroupChanged,
    ShutdownRequested,
)


@dataclass(frozen=True)
class Asked:
    """Somebody has asked for something: it is the root of what it leads to."""

    event: Event


@dataclass(frozen=True)
class End:
    """A process was reaped."""

    name: str


class AttributionRules:
    """Watches one world."""

    def __init__(self, world: World, attribution_class: type[Any] = Attribution) -> None:
        self.world = world
        self.attribution = attribution_class()
        self.told: dict[int, tuple[object, Origin]] = {}
        self.seq = 0
        self.request: Origin | None = None  # whose the event is that is being handled
        self.wanted_by: dict[str, Origin] = {}  # by process: the last request that decided whether it is up
        self.all_wanted_by = NOBODY
        self.signals: dict[int, list[int]] = {}  # that were sent to each pid of a process that is there
        self.refused: list[str] = []  # names of processes whose KillFailed was told and is not handled yet
        self.master_told: int | None = None
        self._subject_before: str | None = None  # the process that the event is about

    def must(self, truth: object, claim: str) -> None:
        if not truth:
            raise Violation(f"at {self.world.now:.6f}: {claim}\n{self.world.recent()}")

    # ---- when each is looked at

    def event_comes(self, event: Event) -> None:
        subject = self._subject_before = self._subject(event)
        origin = self.request = None
        self.turns: set[str] = set()  # of a rolling restart, or of a watch, in this event
        if isinstance(event, REQUESTS):
            origin = self.request = self._ask(event)
        elif isinstance(event, Exited) and subject is not None:
            origin = self._an_end_is_a_root_unless_it_was_brought_about(subject, event)
        elif isinstance(event, Adopted):
            self._happens(event, Origin(BOOT), new_run=True)
        elif isinstance(event, KillFailed) and event.name in self.refused:
            self.refused.remove(event.name)  # was told at once
        elif isinstance(event, Spawned | SpawnFailed | KillFailed):
            self._happens(event, self.attribution.latest(event.name), new_run=isinstance(event, Spawned))
        self.attribution.begin(event, origin or NOBODY, subject)

    def decided(self, event: Event, actions: list[Action]) -> None:
        for action in actions:
            if isinstance(action, Spawn | Probe | KeepDescendants):
                continue
            origin = self.attribution.origin_of(action)
            seq = self._publish(action, origin)
            self._somebody_is_behind_it(action, origin)
            self._its_chain_ends_at_a_root(seq)
            if isinstance(action, Announce | Kill | ProcessRemoved):
                self._what_a_request_does_at_once_is_of_that_request(event, action, origin)
            if isinstance(action, Announce) and action.after is State.STARTING:
                self._a_start_is_of_the_one_that_wants_it_up(event, action, origin, seq)
            if isinstance(action, Kill):
                self._sigkill_follows_from_the_stop(action, seq)
            if isinstance(action, Announce) and action.after is State.STOPPING:
                self._a_stop_without_a_request_is_of_a_shutdown(event, action, seq)
            if isinstance(action, Quit | AnnounceGroup | AnnounceGroupChanged) and self.request is not None:
                mine = origin[::2] == self.request[::2]
                self.must(mine, f"{action} is not of the request that brings it about")
            self.attribution.published(action, origin, seq)
            self._note(action, origin, seq)
            if isinstance(action, Announce):
                wants = self.wanted_by.get(action.name, self.all_wanted_by)
                self.must(self.attribution.wanted_by(action.name) == wants, f"who wants {action.name} up is forgotten")

    def carried_out(self) -> None:
        pass

    def spawning(self, order: Spawn) -> None:
        pass

    def killing(self, order: Kill) -> None:
        if order.pid:
            self.signals.setdefault(order.pid, []).append(int(order.signal))
            if self.world.children[order.pid].behaviour.refuses:
                self._happens(KillFailed(order.name, "refused"), self.attribution.latest(order.name), new_run=False)
                self.refused.append(order.name)

    def reaped(self, child: Child) -> None:
        pass

    def at_rest(self) -> None:
        pass

    # ---- the rules

    def _somebody_is_behind_it(self, action: Action, origin: Origin) -> None:
        self.must(origin.actor is not None, f"nobody is behind {action}")
        if origin.actor is not None and origin.actor.kind == "client":
            self.must(origin.operation is not None, f"{action} is of a client, and of no operation")

    def _its_chain_ends_at_a_root(self, seq: int) -> None:
        number: int | None = seq
        root: object = None
        while number is not None:
            self.must(number in self.told, f"#{number} is a cause and was never told")
            root, origin = self.told[number]
            self.must(origin.cause is None or origin.cause < number, f"#{number} follows from #{origin.cause}")
            number = origin.cause
        is_root = isinstance(root, Asked | End | Adopted | AnnounceWatch)
        self.must(is_root, f"#{seq} ({self.told[seq][0]}) ends at {root}, which is no root")

    def _what_a_request_does_at_once_is_of_that_request(self, event: Event, action: Any, origin: Origin) -> None:
        if self.request is not None and self.request.operation is not None:
            self.must(
                origin.operation == self.request.operation and origin.actor == self.request.actor,
                f"{action} is of operation {origin.operation}, and {event} is of {self.request.operation}",
            )

    def _an_end_is_a_root_unless_it_was_brought_about(self, name: str, event: Exited) -> Origin:
        origin: Origin = self.attribution.origin_of_end(name, event.status.signal)
        sent = self.signals.pop(event.pid, [])
        stops = self.world.state(name) is State.STOPPING
        if not sent:
            self.must(origin == NOBODY, f"the end of {name} has a cause, and it was never signalled")
        elif (stops and sent) or event.status.signal == sent[-1]:
            self.must(origin.cause is not None, f"the end of {name} has no cause, and it was signalled: {sent}")
            assert origin.cause is not None
            kill, _ = self.told[origin.cause]
            self.must(isinstance(kill, Kill) and kill.pid == event.pid, f"the end of {name} follows from {kill}")
        else:
            self.must(origin == NOBODY, f"{name} has ended by itself, and that has a cause")
        seq = self._publish(End(name), origin)
        self.attribution.happened(name, origin, seq)
        latest: Origin = self.attribution.latest(name)
        return latest

    def _a_start_is_of_the_one_that_wants_it_up(self, event: Event, action: Announce, origin: Origin, seq: int) -> None:
        if self.request is not None:
            return
        wants = self.wanted_by.get(action.name, self.all_wanted_by)
        if isinstance(event, Adopted):
            self.must(origin.actor == BOOT, f"{action.name} is adopted, and {origin.actor} is behind it")
        elif action.name in self.turns:
            same = (origin.actor, origin.operation) == (wants.actor, wants.operation)
            self.must(same, f"{action.name} has its turn, and {origin} is behind it")
        elif action.before is State.STOPPED:
            self.must(origin == wants, f"{action.name} is started by {origin}, and {wants} wants it up")
            self.must(self.attribution.wanted_by(action.name) == wants, "it is not known who wants it up")
        else:
            self.must(origin.actor == POLICY, f"{action.name} comes back by itself, and {origin.actor} is behind it")
            self.must(origin.operation is None, f"{action.name} comes back by itself, in an operation")
            self.must(self.told[seq][1].cause is not None, f"{action.name} comes back for no reason")

    def _sigkill_follows_from_the_stop(self, kill: Kill, seq: int) -> None:
        if kill.overdue and self.request is None and kill.signal == SIGKILL and not kill.hurried:
            chain = [self.told[number][0] for number in self._chain(seq)[1:]]
            own = [what for what in chain if getattr(what, "name", None) == kill.name]
            self.must(own, f"SIGKILL to {kill.name} follows from nothing that happened to it")

    def _a_stop_without_a_request_is_of_a_shutdown(self, event: Event, action: Announce, seq: int) -> None:
        if self.request is None:
            chain = self._chain(seq)
            if action.reason:  # run_timeout, or not ready in time
                self.must(self.told[seq][1].actor == POLICY, f"{action} is not of policy")
                return
            wants = self.wanted_by.get(action.name, self.all_wanted_by)
            if isinstance(event, Exited) and self._subject_before == action.name:
                own_end = any(self.told[number][0] == End(action.name) for number in chain)
                self.must(own_end, f"what {action.name} has left is stopped, and its end has no part in it")
            else:
                self.must(wants.cause in chain, f"{action.name} is stopped for what its chain does not reach")

    # ---- what has happened

    def _ask(self, event: Event) -> Origin:
        if isinstance(event, BootRequested):
            actor, operation = BOOT, None
        else:
            actor, operation = Actor("client", pid=self.seq + 1), self.seq + 1
        seq = self._publish(Asked(event), Origin(actor, None, operation))
        origin = Origin(actor, seq, operation)
        match event:
            case StartRequested(name) | StopRequested(name) | RestartRequested(name) | RetryRequested(name):
                self.wanted_by[name] = origin
            case BootRequested() | ShutdownRequested():
                self.all_wanted_by = origin
                self.wanted_by.clear()
            case GroupAdded(group):
                self.wanted_by.update((program.namespec, origin) for program in group.programs)
            case GroupChanged(_, replace):
                self.wanted_by.update((name, origin) for name in replace)
            case _:
                pass
        return origin

    def _note(self, action: Action, origin: Origin, seq: int) -> None:
        if isinstance(action, AnnounceMaster):
            self.master_told = seq
            self.all_wanted_by = Origin(origin.actor, seq, origin.operation)
            self.wanted_by.clear()
        elif isinstance(action, ProcessRemoved):
            self.wanted_by.pop(action.name, None)
        elif (isinstance(action, AnnounceRolling) and action.what == "restarting") or (
            isinstance(action, AnnounceWatch) and action.what in ("restart", "start")
        ):
            self.wanted_by[action.name] = Origin(origin.actor, seq, origin.operation)
            self.turns.add(action.name)
        elif isinstance(action, Announce) and self.request is not None:
            self.wanted_by[action.name] = self.attribution._base if self.master_told else self.request

    def _happens(self, event: Any, origin: Origin, *, new_run: bool) -> None:
        seq = self._publish(event, origin)
        self.attribution.happened(event.name, origin, seq, new_run=new_run)
        self._its_chain_ends_at_a_root(seq)
        if new_run:
            known = [self.attribution.origin_of_end(event.name, signal) for signal in range(1, 32)]
            self.must(set(known) == {NOBODY}, f"a new run of {event.name} has been signalled already")

    def _publish(self, what: object, origin: Origin) -> int:
        self.seq += 1
        self.told[self.seq] = what, origin
        return self.seq

    def _chain(self, seq: int) -> list[int]:
        found: list[int] = []
        number: int | None = seq
        while number is not None:
            found.append(number)
            number = self.told[number][1].cause
        return found

    def _subject(self, event: Event) -> str | None:
        if isinstance(event, Exited):
            process = self.world.fleet.owner(event.pid)
            return process.name if process else None
        return None if isinstance(event, GroupRemoved) else getattr(event, "name", None)
