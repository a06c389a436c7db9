"""`procmanctl debug`: a program in front of a client, once, with all that it has otherwise; then all is as before.

The program is stopped, and its definition is replaced by one that differs only in how it is watched: it has a terminal,
may take any time, and may end in any way. So user, directory, environment, limits and sockets are those of the program,
by the same code. When the client has gone, or the run has ended, the definition comes back, and the program starts
again if it was wanted up before.

Where the definition is another one by then (an update came in between), that one stays. A master that is killed leaves
a program behind whose definition is not that of the file, so the next one stops it, or starts it as it is meant to be.
"""

import asyncio
import shlex
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from procman.config.schema.programs import Program
from procman.core.actions import Announce, ProcessRemoved
from procman.core.attribution import Actor
from procman.core.events import GroupChanged, StartRequested, StopRequested
from procman.core.process import Process
from procman.core.spec import FOREVER, Autorestart, EarlyExit, ProcessType
from procman.core.states import State
from procman.errors import BadRequest, OperationFailed, Reason, WrongState
from procman.runtime.bus import Notification
from procman.runtime.definitions import DEBUG_MARK, group_of, program_of
from procman.runtime.engine import Engine
from procman.runtime.output_router import OutputRouter
from procman.services.master import MasterService
from procman.services.operations import Operation, Outcome
from procman.services.runs import Asked, Run, check, look_for
from procman.services.selectors import Narrowable
from procman.services.status import StatusBoard
from procman.services.terminals import Client, TerminalService

# It waits so long, in seconds, before a start that never comes: its definition is another one again by then.
_NEVER_AGAIN = (600.0, 600.0)
_ANY_END = (*range(256), *range(-64, 0))

# What is paused: all that would end it, start it again, or follow from its end. Other hooks run as ever.
_PAUSED: Mapping[str, Any] = {
    "type": ProcessType.SERVICE,
    "run_timeout": None,
    "schedule": None,
    "run_on_start": False,
    "autostart": False,
    "autorestart": Autorestart.ALWAYS,
    "startsecs": 0,
    "startretries": FOREVER,
    "ready": (),
    "start_timeout": None,
    "health": None,
    "watchdog": None,
    "early_exit": EarlyExit.FAILURE,
    "exitcodes": _ANY_END,
    "norestart_exitcodes": (),
    "backoff": _NEVER_AGAIN,
    "backoff_jitter": 0.0,
    "backoff_reset": 1e9,
    "restart_limit": None,
    "on_dependency_restart": ("ignore", 0),
    "on_dependency_stop": "ignore",
    "memory_restart": None,
    "max_age": None,
    "watch": (),
    "lazy": False,
    "idle_stop": None,
    "on_failure": (),
    "critical": False,
    "debug_restart": {},
    "redirect_stderr": True,
    "pty": True,
}


@dataclass(frozen=True, slots=True)
class DebugAsked:
    """What a client wants to run, and where."""

    spec: str
    command: tuple[str, ...] = ()  # () is that of the program
    environment: Mapping[str, str] = field(default_factory=dict)
    size: tuple[int, int] | None = None  # rows and columns


@dataclass(slots=True)
class _Session:
    """One program that is being debugged."""

    process: Process
    original: Program
    variant: Program
    was_wanted: bool
    was_scheduled: bool  # its schedule was on
    operation: Operation
    over: "asyncio.Future[Outcome]"
    is_ending: bool = False

    @property
    def goes_on(self) -> bool:
        """Is it started again in the end? One with a schedule goes on with that, and no run is made up for."""
        return self.was_wanted if self.original.schedule is None else self.was_scheduled

    @property
    def resumed(self) -> Program | None:
        """Its definition, which switches its schedule on; None: that was not on.

        It is on before it is down, so what waits for its next run goes on waiting.
        """
        return replace(self.original, autostart=True) if self.original.schedule and self.was_scheduled else None


class DebugService(Narrowable):
    """All of them; one for each program."""

    def __init__(
        self,
        engine: Engine,
        master: MasterService,
        status: StatusBoard,
        outputs: OutputRouter,
        *,
        terminals: TerminalService,
        silent_among: Callable[[list[Program]], Awaitable[set[str]]],
    ) -> None:
        """`terminals` has the clients; `silent_among` gives the namespecs of those whose disk does not answer."""
        self._engine = engine
        self._master = master
        self._status = status
        self._outputs = outputs
        self._terminals = terminals
        self._silent_among = silent_among
        self._sessions: dict[str, _Session] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def obstacle(self) -> str | None:
        """Why an upgrade cannot happen now: its client would not come back, and nothing would end the session."""
        name = next(iter(self._sessions), None)
        return None if name is None else f"{name} is being debugged"

    async def begin(self, asked: DebugAsked, actor: Actor | None = None) -> Client:
        """Start it in front of a client; raises OperationError where that cannot be."""
        self._master.refuse_while_ending()
        process = self._terminals.one(asked.spec)
        check(Asked(asked.spec, asked.command, asked.environment))
        original = program_of(process.definition)
        variant = debugged(original, asked)
        if not await self._silent_among([variant]):
            look_for(variant)
        self._master.refuse_while_ending()
        self._refuse(process)
        words = [process.name, *(["--", shlex.join(asked.command)] if asked.command else [])]
        operation = self._master.operations.begin("debug", words, actor)
        over: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        session = _Session(process, original, variant, process.wanted, process.timing.on, operation, over)
        self._sessions[process.name] = session
        operation.expect(0, Outcome(original.name, original.group), over)
        operation.accept()
        try:
            return await self._put_in_front(session, asked, actor)
        except BaseException:
            self._end(session)
            raise

    async def _put_in_front(self, session: _Session, asked: DebugAsked, actor: Actor | None) -> Client:
        process, name = session.process, session.process.name
        await self._down(session)
        if process.definition != session.original or process.leaving:
            raise WrongState(f"the definition of {name} has changed: try again", Reason.FAILED)
        self._define(session, session.variant)
        if asked.size is not None:
            self._outputs.terminals.resize(name, *asked.size)
        run = Run(self._engine, self._outputs, self._status, process, None, is_over=lambda _: _is_over(session))
        client = self._terminals.admit(name, run, actor, debugs=True)
        client.then = lambda: self._end(session)
        self._engine.post(StartRequested(name, alone=True), session.operation.origin)
        return client

    def _refuse(self, process: Process) -> None:
        name = process.name
        if name in self._sessions:
            raise WrongState(f"{name} is being debugged already", Reason.ALREADY_STARTED)
        if group_of(self._engine.fleet.groups[process.program.group].spec).listener is not None:
            raise BadRequest(f"{name} is an event listener, which talks to procman and not to a terminal")
        if process.state is State.UNKNOWN:
            raise OperationFailed(f"{name} is in an unknown process state")

    def _define(self, session: _Session, program: Program) -> None:
        """Give it this definition, in place: it is down."""
        self._engine.post(self._changed(session, program), session.operation.origin)

    def _changed(self, session: _Session, program: Program, *restarted: str) -> GroupChanged:
        name = session.process.name
        spec = self._engine.fleet.groups[program.group].spec
        programs = tuple(program if one.namespec == name else one for one in spec.programs)
        return GroupChanged(replace(spec, programs=programs), frozenset(restarted))

    async def _down(self, session: _Session, resumed: Program | None = None) -> None:
        """Stop it, and wait until it has settled; `resumed` is its definition from then on."""
        process = session.process
        if process.settled and resumed is None:
            return
        event = self._changed(session, resumed, process.name) if resumed else StopRequested(process.name)

        def down(notification: Notification) -> bool | None:
            gone = isinstance(notification.event, ProcessRemoved)
            return True if gone or (isinstance(notification.event, Announce) and process.settled) else None

        settled = self._engine.bus.wait_for(down, name=process.name)
        self._engine.post(event, session.operation.origin)
        await asyncio.wait({settled}, timeout=0 if process.settled else None)
        settled.cancel()

    def _end(self, session: _Session) -> None:
        """The client has gone, or the run has ended: everything is as before, soon."""
        if session.is_ending:
            return
        session.is_ending = True
        task = asyncio.get_running_loop().create_task(self._restore(session))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _restore(self, session: _Session) -> None:
        process, name = session.process, session.process.name
        try:
            if self._is_there(session) and process.definition == session.variant:
                await self._down(session, session.resumed)
            if self._is_there(session) and process.definition in (session.variant, session.resumed):
                self._put_back(session)
            elif self._is_there(session) and session.goes_on and process.settled and not process.leaving:
                # It was never started, as something came in between.
                self._engine.post(StartRequested(name), session.operation.origin)
        finally:
            self._sessions.pop(name, None)
            if not session.over.done():
                session.over.set_result(Outcome(session.original.name, session.original.group))

    def _put_back(self, session: _Session) -> None:
        """It is down: give it its own definition again, and have it go on as it did before."""
        original = session.original
        if original.schedule is not None and not session.goes_on:
            # A schedule that is new is switched on, unless it comes without autostart.
            self._define(session, replace(original, autostart=False))
        self._define(session, original)
        if session.goes_on:
            self._engine.post(StartRequested(original.namespec), session.operation.origin)

    def _is_there(self, session: _Session) -> bool:
        return self._engine.fleet.processes.get(session.process.name) is session.process

    def _narrow(self, may: Callable[[str], bool]) -> None:
        self._terminals = self._terminals.among(may)


def debugged(program: Program, asked: DebugAsked) -> Program:
    """The program as it runs for a client."""
    environment = {**program.environment, **asked.environment, DEBUG_MARK: "1"}
    command = shlex.join(asked.command) if asked.command else program.command
    return replace(program, **_PAUSED, environment=environment, command=command)


def _is_over(session: _Session) -> bool:
    process = session.process
    if process.definition != session.variant:
        return True
    return process.pid is None and process.state not in (State.STARTING, State.RUNNING, State.STOPPING)
