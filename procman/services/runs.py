"""Runs of a program that a client asks for and follows: its output, and how it ended.

A run is an operation like others: it goes on when its client leaves. The client gets all that is written; if it reads
slowly, the program waits (see `logs.tap`). What a run gets besides (arguments, variables) is not kept after it, and the
values of variables are never recorded.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from procman.config.schema.programs import Program
from procman.config.secrets import masked
from procman.core.actions import Announce, ProcessRemoved
from procman.core.attribution import Actor
from procman.core.process import Process
from procman.core.states import UP, State
from procman.errors import BadRequest, OperationError, OperationFailed, Reason, WrongState
from procman.runtime.bus import Notification
from procman.runtime.definitions import group_of, program_of
from procman.runtime.engine import Engine
from procman.runtime.launch import find_program
from procman.runtime.launcher import RunExtras
from procman.runtime.output_router import OutputRouter
from procman.services.explain_texts import duration
from procman.services.master import MasterService
from procman.services.operations import Operation, Outcome
from procman.services.selectors import Narrowable, Selectors
from procman.services.status import StatusBoard
from procman.system.commands import CannotSpawn

# What timeout(1) exits with where the command had to be stopped.
TIMED_OUT = 124
# A run may have so many arguments and variables together, of so many characters in all.
MOST_EXTRAS = 1000
MOST_CHARACTERS = 100_000


@dataclass(frozen=True, slots=True)
class Began:
    """A run is under way."""

    name: str
    operation: int | None  # None: another client has asked for it


@dataclass(frozen=True, slots=True)
class Output:
    """A piece of what it has written."""

    channel: str  # stdout or stderr
    data: bytes
    missed: int = 0  # bytes that were left out after it, as the client did not read


@dataclass(frozen=True, slots=True)
class Ended:
    """How it ended; `code` is what a shell would have."""

    state: State
    done: bool
    code: int
    text: str  # how, in words


RunEvent = Began | Output | Ended


@dataclass(frozen=True, slots=True)
class Asked:
    """What a client wants to run."""

    spec: str
    args: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)

    def in_words(self, name: str) -> list[str]:
        """As a command line, without the values of variables."""
        words = [name, *(f"--env {variable}=…" for variable in self.environment)]
        return [*words, "--", *map(masked, self.args)] if self.args else words


class RunService(Narrowable):
    """All that front ends do with runs."""

    def __init__(
        self,
        engine: Engine,
        master: MasterService,
        status: StatusBoard,
        outputs: OutputRouter,
        silent_among: Callable[[list[Program]], Awaitable[set[str]]],
    ) -> None:
        """`silent_among` gives the namespecs of those whose disk does not answer."""
        self._engine = engine
        self._master = master
        self._status = status
        self._outputs = outputs
        self._selectors = Selectors(engine.fleet)
        self._silent_among = silent_among

    async def begin(self, asked: Asked, actor: Actor | None = None) -> "Run":
        """Run it now; raises OperationError where that cannot be."""
        self._master.refuse_while_ending()
        process = self._selectors.only(asked.spec)
        check(asked)
        program = program_of(process.definition)
        if not await self._silent_among([program]):
            look_for(program)
        self._master.refuse_while_ending()
        self._refuse(process, asked)
        operation = self._master.operations.begin("run", asked.in_words(process.name), actor)
        run = Run(self._engine, self._outputs, self._status, process, operation)
        self._engine.run(process.name, RunExtras(asked.args, asked.environment), operation.origin)
        run.watch()
        return run

    def attach(self, spec: str) -> "Run":
        """Follow the run that is under way."""
        process = self._selectors.only(spec)
        if process.state not in UP and process.state is not State.STOPPING:
            raise WrongState(
                f"{process.name} is not running: procmanctl run {process.name} runs it", Reason.NOT_RUNNING
            )
        return Run(self._engine, self._outputs, self._status, process, None)

    def _refuse(self, process: Process, asked: Asked) -> None:
        name = process.name
        if group_of(self._engine.fleet.groups[process.program.group].spec).listener is not None:
            raise BadRequest(f"{name} is an event listener, whose output is for procman: start it instead")
        if process.state is State.UNKNOWN:
            raise OperationFailed(f"{name} is in an unknown process state")
        if process.state in UP or process.state is State.STOPPING:
            pid = f" (pid {process.pid})" if process.pid else ""
            if not process.program.is_oneshot:
                text = f"{name} is a service and is up{pid}: procmanctl restart {name} restarts it"
            elif asked.args or asked.environment:
                text = f"a run of {name} is under way{pid}: wait for its end, or stop it with procmanctl stop {name}"
            else:
                text = f"a run of {name} is under way{pid}: procmanctl run --attach {name} follows it"
            raise WrongState(text, Reason.ALREADY_STARTED)


def _settled(process: Process) -> bool:
    return process.settled


class Run:
    """One of them, for one client; its output is kept for it from the beginning until `events` ends."""

    def __init__(
        self,
        engine: Engine,
        outputs: OutputRouter,
        status: StatusBoard,
        process: Process,
        operation: Operation | None,
        *,
        is_over: Callable[[Process], bool] = _settled,
    ) -> None:
        """`is_over`: has what is to be followed ended?"""
        self._is_over = is_over
        self.operation = operation
        self._engine = engine
        self._outputs = outputs
        self._status = status
        self._process = process
        self._news = asyncio.Event()
        self._removed = False
        self._taps = outputs.taps.open(process.name, self._news.set)
        self._unsubscribe = engine.bus.subscribe(self._hear, Announce, ProcessRemoved)

    def watch(self) -> None:
        """Have the operation end with the run."""
        assert self.operation is not None
        process = self._process
        good = Outcome(process.program.name, process.program.group)

        def verdict(notification: Notification) -> Outcome | None:
            # The fleet has decided all that follows when it is told.
            return self._outcome() if notification.event is not None and process.settled else None

        if process.settled:
            self.operation.reach(0, self._outcome())
        else:
            self.operation.expect(0, good, self._engine.bus.wait_for(verdict, name=process.name))
        self.operation.accept()

    async def events(self) -> AsyncIterator[RunEvent]:
        """What happens, to the end of the run."""
        try:
            yield Began(self._process.name, None if self.operation is None else self.operation.id)
            while True:
                self._news.clear()
                over = self._removed or self._is_over(self._process)
                if over:
                    self._outputs.taps.drain(self._process.name, self._taps)
                quiet = True
                for channel, tap in self._taps.items():
                    data, missed = tap.take()
                    if data or missed:
                        quiet = False
                        yield Output(channel, data, missed)
                if quiet and over:
                    break
                if quiet:
                    await self._news.wait()
            yield self._ended()
        finally:
            self.close()

    def close(self) -> None:
        """The client has gone, or wants none of it; the run goes on."""
        self._unsubscribe()
        self._outputs.taps.close(self._process.name, self._taps)
        self._taps = {}

    def _hear(self, notification: Notification) -> None:
        event = notification.event
        if isinstance(event, Announce | ProcessRemoved) and event.name == self._process.name:
            self._removed = self._removed or isinstance(event, ProcessRemoved)
            self._news.set()

    def _ended(self) -> Ended:
        process = self._process
        code = process.exit_code or 0
        if process.timed_out and not code:
            code = TIMED_OUT
        status = self._status.of(process)
        if process.done:
            text = f"done in {duration(self._status.times(process.name).ran_for)}"
        else:
            text = status.ending or process.reason or process.state.value
        return Ended(process.state, process.done, code, text)

    def _outcome(self) -> Outcome:
        process = self._process
        program = process.program
        if process.done or (process.state in (State.STOPPED, State.EXITED) and not process.reason):
            return Outcome(program.name, program.group)
        return Outcome(program.name, program.group, Reason.ENDED_TOO_SOON, process.reason or "it has failed")


def check(asked: Asked) -> None:
    """Raise BadRequest if its arguments and variables are too many, or cannot be given to a program."""
    size = sum(map(len, asked.args)) + sum(len(name) + len(value) for name, value in asked.environment.items())
    if len(asked.args) + len(asked.environment) > MOST_EXTRAS or size > MOST_CHARACTERS:
        raise BadRequest(f"a run takes at most {MOST_EXTRAS} arguments and variables, of {MOST_CHARACTERS} characters")
    for name in asked.environment:
        if not name or "=" in name or "\0" in name:
            raise BadRequest(f"cannot set the variable {name[:80]!r}: expected NAME=VALUE")
    texts = (*asked.args, *asked.environment, *asked.environment.values())
    if any("\0" in text for text in texts):
        raise BadRequest("cannot pass on a null character: take it out")
    try:
        "".join(texts).encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise BadRequest("cannot pass on half of a surrogate pair: take it out") from None


def look_for(program: Program) -> None:
    """Raise OperationError if its command is not there, or cannot be executed."""
    try:
        find_program(program)
    except CannotSpawn as why:
        reason = Reason.NO_COMMAND if why.not_found else Reason.NOT_EXECUTABLE
        raise OperationError(f"cannot run {program.namespec}: {why}", reason) from None
