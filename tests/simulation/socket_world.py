"""A kernel that holds listening sockets, connections to them, and programs that take these or do not."""

from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from procman.config.schema.groups import Group
from procman.config.schema.master import Master
from procman.config.schema.programs import Program
from procman.config.schema.sockets import Socket
from procman.core.actions import Action, AwaitConnection, CloseSocket, LookAtSockets, OpenSocket
from procman.core.events import (
    ConnectionSeen,
    GroupChanged,
    GroupRemoved,
    RestartRequested,
    ShutdownRequested,
    SocketsSeen,
    SpawnFailed,
    StartRequested,
    StopRequested,
)
from procman.core.spec import Address, Autorestart, ProcessType
from tests.simulation.fake_kernel import Behaviour, Scenario, World

END = 60.0  # seconds: looks and connections would go on for ever
_CONNECTS = ("connects", "connects", "connects", "stays")


@dataclass(frozen=True, kw_only=True)
class Connection:
    """Somebody connects to a socket."""

    at: float
    url: str
    lasts: float  # how long it lasts, from when a program takes it


@dataclass(frozen=True, kw_only=True)
class SocketScenario(Scenario):
    connections: tuple[Connection, ...] = ()
    occupied: tuple[tuple[str, float], ...] = ()  # addresses that somebody else has until then


@dataclass(slots=True)
class _Open:
    waiting: list[Connection] = field(default_factory=list)


class SocketWorld(World):
    """`sockets` are the open ones; its watcher is told of connections that find none (`refused`)."""

    def __init__(self, scenario: SocketScenario, *arguments: Any) -> None:
        super().__init__(scenario, *arguments)
        self.sockets: dict[Address, _Open] = {}
        self.taken: list[Connection] = []
        self.awaited: dict[str, tuple[Address, ...]] = {}
        self._used_until: dict[str, float] = {}  # by URL
        self._occupied = dict(scenario.occupied)
        for connection in scenario.connections:
            self._at(connection.at, lambda connection=connection: self._connect(connection))

    def is_used(self, name: str) -> bool:
        """Is anybody connected to the process now?"""
        addresses = self.fleet.processes[name].program.addresses
        return any(
            self._used_until.get(one.url, -1.0) > self.now or (one in self.sockets and self.sockets[one].waiting)
            for one in addresses
        )

    def can_open(self, address: Address) -> bool:
        """Nobody else has it."""
        return self._occupied.get(address.url, -1.0) <= self.now

    def _connect(self, connection: Connection) -> None:
        found = [one for address, one in self.sockets.items() if address.url == connection.url]
        if not found:
            if self._watcher:
                self._watcher.refused(connection)
            return
        found[connection.lasts.as_integer_ratio()[0] % len(found)].waiting.append(connection)
        self._serve()
        self._tell()

    def _serve(self) -> None:
        """What runs takes what waits."""
        for child in self.children.values():
            process = self.fleet.processes.get(child.name)
            if child.end is None and process is not None and process.pid == child.pid:
                for address in child.program.addresses:
                    for connection in self.sockets[address].waiting if address in self.sockets else ():
                        until = self.now + connection.lasts
                        self._used_until[address.url] = max(self._used_until.get(address.url, 0.0), until)
                        self.taken.append(connection)
                    if address in self.sockets:
                        self.sockets[address].waiting.clear()

    def _tell(self) -> None:
        for name, addresses in list(self.awaited.items()):
            at = next(
                (at for at, one in enumerate(addresses) if one in self.sockets and self.sockets[one].waiting), None
            )
            if at is not None:
                del self.awaited[name]
                self.post(ConnectionSeen(name, at))

    def _spawn(self, order):
        if self.fleet.awaits(order):
            for address in order.program.addresses:
                if address not in self.sockets:
                    if not self.can_open(address):
                        self._events.appendleft(SpawnFailed(order.name, "cannot listen there"))
                        return
                    self.sockets[address] = _Open()
        super()._spawn(order)
        self._serve()

    def _carry_out(self, action: Action) -> None:
        match action:
            case OpenSocket(address):
                if self.can_open(address):
                    self.sockets.setdefault(address, _Open())
            case CloseSocket(address):
                self.sockets.pop(address, None)
            case AwaitConnection(name, addresses):
                self.awaited.pop(name, None)
                if addresses and all(one in self.sockets or self.can_open(one) for one in addresses):
                    for one in addresses:
                        self.sockets.setdefault(one, _Open())
                    self.awaited[name] = addresses
                    self._at(self.now, self._tell)
                elif addresses:
                    self._events.append(ConnectionSeen(name, -1))
            case LookAtSockets(name, run):
                when = self.now + self._random.choice((0.0, 0.0, 0.02, 0.3))
                self._at(when, lambda: self._looked(name, run))
            case _:
                super()._carry_out(action)

    def _looked(self, name: str, run: int) -> None:
        if name in self.fleet.processes:
            lies = self._random.random() < 0.05  # an answer about another run
            self.post(SocketsSeen(name, run - 1 if lies else run, False if lies else self.is_used(name)))
            if lies:
                self.post(SocketsSeen(name, run, self.is_used(name)))


def socket_scenario(random: Random) -> SocketScenario:
    """Programs with sockets of their own or in common, connections to them, and what may be asked for meanwhile."""
    pick = random.choice
    specs = []
    for name in ("x", "y"):
        hold, reuseport = pick(("always", "wanted")), random.random() < 0.2
        specs.append(Socket(name=name, listen=(f"tcp://{name}:1",), hold=hold, reuseport=reuseport))
    groups, behaviours = [], {}
    for name in "ab":
        programs = [_program(random, name, member, specs) for member in ("one", "two")[: random.randint(1, 2)]]
        behaviours |= {p.namespec: tuple(_behaviour(random) for _ in range(random.randint(1, 3))) for p in programs}
        groups.append(Group(name=name, programs=tuple(programs)))
    names, first = sorted(behaviours), tuple(groups)
    requests = [(random.uniform(0, 6), _request(random, names, groups, specs)) for _ in range(random.randint(0, 4))]
    spent = sum(delay for delay, _ in requests)
    requests.append((max(0.0, END - spent), ShutdownRequested(restart=pick((False, False, True)))))
    urls = [url for spec in specs for url in (*spec.listen, "tcp://z:1")]
    connections = tuple(
        Connection(at=random.uniform(0, 30), url=pick(urls), lasts=pick((0.0, 0.1, 1.0, 4.0)))
        for _ in range(random.randint(0, 8))
    )
    return SocketScenario(
        groups=first,
        master=Master(),
        behaviours=behaviours,
        requests=tuple(requests),
        connections=connections,
        occupied=tuple((url, random.uniform(0, 3)) for url in urls if random.random() < 0.1),
        late=pick((0.0, 0.0, 0.05)),
        slice=pick((1000, 1)),
        turn=pick((0.0, 0.02)),
        seed=random.randint(0, 1_000_000),
    )


def _program(random: Random, group: str, name: str, specs: list[Socket]) -> Program:
    pick = random.choice
    sockets = tuple(random.sample(specs, random.randint(0, 2)))
    lazy = bool(sockets) and random.random() < 0.6
    return Program(
        name=name,
        group=group,
        command=f"/bin/{random.random()}",
        type=ProcessType.SERVICE,
        autostart=random.random() < 0.8,
        autorestart=pick(list(Autorestart)),
        startsecs=pick((0, 0, 1)),
        startretries=pick((1, 5)),
        stopwaitsecs=pick((1, 3)),
        sockets=sockets,
        lazy=lazy,
        idle_stop=pick((None, 0.2, 2.0, 5.0)) if lazy else None,
    )


def _changed(random: Random, program: Program, specs: list[Socket]) -> Program:
    """Another definition of it, mostly with the same sockets."""
    new = _program(random, program.group, program.name, specs)
    if random.random() < 0.6:
        lazy = bool(program.sockets) and random.random() < 0.5
        new = replace(new, sockets=program.sockets, lazy=lazy, idle_stop=new.idle_stop if lazy else None)
    return new


def _behaviour(random: Random) -> Behaviour:
    return Behaviour(
        lives=random.choice([None] * 4 + [0.5, 3.0]),
        code=random.choice((0, 0, 1)),
        obeys_after=random.choice((0.0, 0.4, 2.0)),
    )


def _request(random: Random, names: list[str], groups: list[Group], specs: list[Socket]):
    pick = random.choice
    kind = pick(("start", "start", "stop", "stop", "restart", "change", "change", "remove"))
    match kind:
        case "start":
            return StartRequested(pick(names))
        case "stop":
            return StopRequested(pick(names))
        case "restart":
            return RestartRequested(pick(names))
        case "remove":
            return GroupRemoved(pick(groups).name)
    group = pick(groups)
    others = [*specs, Socket(name="z", listen=("tcp://z:1",))]
    after = tuple(_changed(random, program, others) for program in group.programs)
    before = {program.namespec: program for program in group.programs}
    changed = frozenset(
        one.namespec
        for one in after
        if [spec.listen for spec in one.sockets] != [spec.listen for spec in before[one.namespec].sockets]
        or [spec.reuseport for spec in one.sockets] != [spec.reuseport for spec in before[one.namespec].sockets]
        or random.random() < 0.3
    )
    new = replace(group, programs=after)
    groups[groups.index(group)] = new
    return GroupChanged(new, changed)
