"""Clients in front of the terminal of a program: what it writes goes to all of them, what they type comes together.

A client gets the last part of the past, and then everything, also of runs to come, until the program has settled. It is
one reader of the program's output among others: the log has all of it as well, and a client that does not read makes
the program wait for some seconds at most (see `logs.tap`). It is attached as long as its connection lasts.
"""

from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

from procman.core.attribution import Actor, Origin
from procman.core.process import Process
from procman.core.states import UP, State
from procman.errors import BadRequest, Reason, WrongState
from procman.runtime.definitions import program_of
from procman.runtime.engine import Engine
from procman.runtime.output_router import OutputRouter
from procman.services.actors import describe_actor
from procman.services.runs import Began, Run, RunEvent
from procman.services.selectors import Narrowable, Selectors
from procman.services.status import StatusBoard

# How much of the past a client is shown, in bytes: some screens.
PAST = 8192
MOST_CLIENTS = 64  # of all programs together
MOST = 10_000  # rows or columns

# Takes down in the journal: a reason, the namespec, the group, more data, and who.
Note = Callable[[str, str, str, Mapping[str, Any], Origin], None]


@dataclass(frozen=True, slots=True)
class Attached:
    """The first event of a client."""

    number: int  # by which it types and changes the size
    name: str
    past: bytes


@dataclass(frozen=True, slots=True)
class ClientFacts:
    """One client that is attached."""

    number: int
    name: str
    who: str
    only_reads: bool
    debugs: bool  # the program runs for this client, once


Event = Attached | RunEvent


class Client:
    """One of them; whoever has made it closes it."""

    def __init__(
        self,
        number: int,
        name: str,
        run: Run,
        actor: Actor | None,
        *,
        past: bytes,
        on_close: "Callable[[Client], None]",
    ) -> None:
        self.number = number
        self.name = name
        self.actor = actor
        self.only_reads = False
        self.debugs = False
        self.then: Callable[[], None] = lambda: None  # called when it has gone
        self._run = run
        self._past = past
        self._on_close: Callable[[Client], None] | None = on_close

    async def events(self) -> AsyncGenerator[Event]:
        """What happens, until the program has settled."""
        try:
            yield Attached(self.number, self.name, self._past)
            async for event in self._run.events():
                if not isinstance(event, Began):
                    yield event
        finally:
            self.close()

    def close(self) -> None:
        """It has gone; the program goes on."""
        self._run.close()
        on_close, self._on_close = self._on_close, None
        if on_close is not None:
            on_close(self)
            self.then()


class TerminalService(Narrowable):
    """All clients of a master."""

    def __init__(self, engine: Engine, status: StatusBoard, outputs: OutputRouter, note: Note) -> None:
        """`note` takes down who came and went."""
        self._engine = engine
        self._status = status
        self._outputs = outputs
        self._note = note
        self._selectors = Selectors(engine.fleet)
        self._numbers = count(1)
        self._clients: dict[int, Client] = {}

    def attach(self, spec: str, actor: Actor | None, *, size: tuple[int, int] | None, only_reads: bool) -> Client:
        """A client in front of the terminal of the one process of that name; raises OperationError."""
        process = self.one(spec)
        name = process.name
        if not program_of(process.program).pty:
            raise BadRequest(f"{name} has no terminal: write pty = true, or follow it with procmanctl tail -f {name}")
        if process.state not in UP and process.state is not State.STOPPING:
            raise WrongState(f"{name} is not running: procmanctl start {name} starts it", Reason.NOT_RUNNING)
        past = self._outputs.terminals.last_part(name, PAST)
        run = Run(self._engine, self._outputs, self._status, process, None)
        client = self.admit(name, run, actor, past=past, only_reads=only_reads)
        if size is not None and not only_reads:
            self._outputs.terminals.resize(name, *size, redraw=True)
        return client

    def admit(
        self,
        name: str,
        run: Run,
        actor: Actor | None,
        *,
        past: bytes = b"",
        only_reads: bool = False,
        debugs: bool = False,
    ) -> Client:
        """A client of that run; raises WrongState if there are too many."""
        if len(self._clients) >= MOST_CLIENTS:
            run.close()
            raise WrongState(f"{MOST_CLIENTS} clients are attached already: let one leave", Reason.ALREADY_STARTED)
        client = Client(next(self._numbers), name, run, actor, past=past, on_close=self._left)
        client.only_reads, client.debugs = only_reads, debugs
        self._clients[client.number] = client
        self._take_down("attached", client)
        return client

    def one(self, spec: str) -> Process:
        """The one process that it names; raises UnknownProcess, or BadRequest if there are several."""
        return self._selectors.only(spec)

    def write(self, number: int, data: bytes) -> None:
        """What a client has typed; raises OperationError."""
        self._outputs.stdin.write(self._writer(number).name, data)

    def resize(self, number: int, rows: int, columns: int) -> None:
        """The window of a client has another size: the latest that says so decides for all."""
        self._outputs.terminals.resize(self._writer(number).name, rows, columns)

    def clients(self, name: str | None = None) -> list[ClientFacts]:
        """All that are attached, or those of one process."""
        return [
            ClientFacts(client.number, client.name, describe_actor(client.actor), client.only_reads, client.debugs)
            for client in self._clients.values()
            if name in (None, client.name)
        ]

    def close(self) -> None:
        """The master ends, or goes on as another image: its clients have to come again."""
        for client in tuple(self._clients.values()):
            client.close()

    def _writer(self, number: int) -> Client:
        client = self._clients.get(number)
        if client is None:
            raise WrongState("you are not attached any more: attach again", Reason.NOT_RUNNING)
        if client.only_reads:
            raise BadRequest("this client only reads: attach without --read-only")
        return client

    def _left(self, client: Client) -> None:
        del self._clients[client.number]
        self._take_down("detached", client)

    def _take_down(self, reason: str, client: Client) -> None:
        process = self._engine.fleet.processes.get(client.name)
        group = "" if process is None else process.program.group
        data = {"read_only": True} if client.only_reads else {"debug": True} if client.debugs else {}
        self._note(reason, client.name, group, data, Origin(client.actor))
