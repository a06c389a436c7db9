"""What must hold of sockets and of programs that connections start, judged from events, orders and announcements."""

from collections import Counter

from procman.core.actions import (
    Action,
    Announce,
    AnnounceInPlace,
    AnnounceSockets,
    AwaitConnection,
    CloseSocket,
    OpenSocket,
    ProcessRemoved,
    Spawn,
)
from procman.core.events import (
    BootRequested,
    ConnectionSeen,
    Event,
    GroupAdded,
    GroupChanged,
    GroupRemoved,
    RestartRequested,
    ShutdownRequested,
    SocketsSeen,
    StartRequested,
    StopRequested,
)
from procman.core.idling import IDLE, LONGEST_PAUSE, LOOKS, SHORTEST_PAUSE
from procman.core.process import Process
from procman.core.spec import Address
from procman.core.states import SETTLED, MasterState, State
from procman.services.explain import around_of, explain
from tests.simulation.invariants import Violation

A_HAIR = 1e-6
# How long a look may take in these scenarios, with a timer that is late.
LATE = 0.5


class SocketRules:
    """Watches one world. It is better whole than within the limits: the rules share what they remember."""

    def __init__(self, world):
        self.world = world
        self.counts: Counter[str] = Counter()
        self._held: set[Address] = set()  # by orders
        self._awaited: dict[str, tuple[Address, ...]] = {}
        self._listened: set[str] = set()  # before the event
        self._used_at: dict[str, float] = {}  # by process that is RUNNING
        self._idle: set[str] = set()  # those that are being stopped for that
        self._event: Event | None = None

    def must(self, truth: object, claim: str) -> None:
        if not truth:
            raise Violation(f"at {self.world.now:.6f}: {claim}\n{self.world.recent()}")

    def event_comes(self, event: Event) -> None:
        self._event = event
        self._listened = {name for name, process in self.world.fleet.processes.items() if process.listens}
        if isinstance(event, StartRequested | StopRequested | RestartRequested):
            self._idle.discard(event.name)
        elif isinstance(event, GroupChanged | GroupRemoved | ShutdownRequested):
            self._idle.clear()
        if isinstance(event, SocketsSeen):
            process = self.world.fleet.processes[event.name]
            if event.busy and event.run == process.attempt and process.state is State.RUNNING:
                self._used_at[event.name] = self.world.now

    def decided(self, event: Event, actions: list[Action]) -> None:
        for action in actions:
            match action:
                case OpenSocket(address):
                    self._held.add(address)
                    self.counts["opened"] += 1
                case CloseSocket(address):
                    self.must(address in self._held, f"{address} is closed, and was not held")
                    self._is_not_in_use(address)
                    self._held.discard(address)
                    self.counts["closed"] += 1
                case AwaitConnection(name, addresses):
                    self._awaited.pop(name, None)
                    if addresses:
                        self._awaited[name] = addresses
                case Spawn(name, program):
                    missing = set(program.addresses) - self._held
                    self.must(not missing, f"{name} is to be spawned before {missing} is opened")
                case Announce():
                    self._announced(action, event)
                case AnnounceInPlace(name, before, after):
                    if before.idle_stop != after.idle_stop:
                        self._used_at[name] = self.world.now
                case ProcessRemoved(name):
                    self._used_at.pop(name, None)
                case _:
                    pass
        if isinstance(event, StopRequested) and event.name in self._listened:
            told = [action for action in actions if isinstance(action, AnnounceSockets) and action.what == "off"]
            self.must(told, f"{event.name} does not wait for a connection any more, and nobody is told")
            self.counts["off"] += 1
        if isinstance(event, ConnectionSeen) and event.name in self._listened:
            state = self.world.fleet.processes[event.name].state
            self.must(state is State.STARTING, f"{event.name} has a connection, and is {state.name}")
            self.counts["connection" if event.place >= 0 else "cannot listen"] += 1

    def _announced(self, news: Announce, event: Event) -> None:
        name, now = news.name, self.world.now
        if news.after is State.STARTING and name in self._listened and isinstance(event, ConnectionSeen):
            self.must(event.name == name, f"a connection to {event.name} starts {name}")
        if news.after is State.STARTING and news.program.lazy:
            by_itself = isinstance(event, BootRequested | GroupAdded | SocketsSeen)
            by_itself = by_itself or (isinstance(event, GroupChanged) and name in self._listened)
            self.must(not by_itself, f"{name} is lazy, and is started by {event}")
        if news.after is State.RUNNING:
            self._used_at[name] = now
        elif news.before is State.RUNNING:
            self._used_at.pop(name, None) if news.after is not State.STOPPING else None
        if news.after is State.STOPPING and news.reason.startswith(IDLE):
            limit = news.program.idle_stop
            self.must(limit is not None and news.program.lazy, f"{name} is idle, and may be")
            self.must(self.world.fleet.processes[name].wanted, f"{name} is not wanted, and is stopped for being idle")
            self.must(
                now - self._used_at[name] >= limit - A_HAIR,
                f"{name} is stopped as idle {now - self._used_at[name]:.3f} s after somebody has used it",
            )
            self._idle.add(name)
            self.counts["idle"] += 1
        elif news.before is State.STOPPING:
            process = self.world.fleet.processes.get(name)
            if name in self._idle:
                self.must(process is not None and process.use.listening, f"{name} was idle, and does not listen again")
                self.counts["listens again"] += 1
            self._idle.discard(name)
        ended_well = news.after is State.EXITED and news.expected and news.program.lazy
        if ended_well and self.world.fleet.processes[name].wanted:
            self.must(self.world.fleet.processes[name].listens, f"{name} has ended as expected, and does not listen")
            self.counts["listens after its end"] += 1

    def _is_not_in_use(self, address: Address) -> None:
        for child in self.world.children.values():
            mine = child.end is None and address in child.program.addresses
            self.must(not mine or self._has_left(child), f"{address} is closed, and {child.name} runs with it")

    def _has_left(self, child) -> bool:
        """It was forgotten, as it could not be signalled."""
        return child.name not in self.world.fleet.processes

    def carried_out(self) -> None:
        fleet, now = self.world.fleet, self.world.now
        listening = {name for name, process in fleet.processes.items() if process.listens}
        self.must(set(self._awaited) == listening, f"{listening} listen, and {set(self._awaited)} are awaited")
        for name in listening:
            process = fleet.processes[name]
            at_rest = process.wanted and process.pid is None and process.state in SETTLED
            self.must(at_rest and process.next_deadline is None, f"{name} listens, and is {process}")
            self.must(process.program.lazy, f"{name} listens, and is not lazy")
            self.must(self._awaited[name] == process.program.addresses, f"{name} listens at other addresses")
            self.must(set(process.program.addresses) <= self._held, f"{name} listens, and its sockets are not held")
            why = explain(process, around_of(fleet, now))
            self.must(why.as_wanted and why.because, f"it is not explained why {name} is down")
        if fleet.state is MasterState.RUNNING:
            self._is_held_as_it_should()
        for name, process in fleet.processes.items():
            self._is_not_idle_for_too_long(name, process)

    def _is_held_as_it_should(self) -> None:
        wanted: set[Address] = set()
        may: set[Address] = set()
        for process in self.world.fleet.processes.values():
            for program in (process.program, process.successor):
                for spec in program.sockets if program else ():
                    addresses = set(spec.addresses(process.name))
                    may |= addresses
                    down = process.settled and process.pid is None
                    given_up = down and (not process.wanted or process.state is State.FATAL)
                    if spec.hold == "always" or not given_up:
                        wanted |= addresses
        self.must(wanted <= self._held, f"{wanted - self._held} should be held")
        self.must(self._held <= wanted, f"{self._held - wanted} is held, and need not be")

    def _is_not_idle_for_too_long(self, name: str, process: Process) -> None:
        limit = process.program.idle_stop
        if process.state is not State.RUNNING or limit is None or not process.wanted:
            return
        pause = min(max(limit / LOOKS, SHORTEST_PAUSE), LONGEST_PAUSE)
        over = self._used_at[name] + limit + pause + LATE
        self.must(self.world.now <= over, f"{name} has been idle since {self._used_at[name]:.3f}, and is still up")

    def refused(self, connection) -> None:
        """Somebody has connected, and nothing listens."""
        held = [address for address in self._held if address.url == connection.url]
        occupied = connection.url in dict(self.world.scenario.occupied)  # tried again with the next start
        self.must(not held or occupied, f"a connection to {connection.url} is refused, and the socket is held")
        self.counts["refused"] += 1

    def spawning(self, order: Spawn) -> None:
        pass

    def killing(self, order) -> None:
        pass

    def reaped(self, child) -> None:
        pass

    def at_rest(self) -> None:
        if self.world.fleet.state is MasterState.SHUTDOWN:
            self.must(not self._held, f"the master has ended, and {self._held} are held")
