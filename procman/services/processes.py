"""The operations on processes: start, stop, restart, signal, clear their logs.

An order is given at once. What comes of it is a future that announcements resolve, never a poll. What cannot be done at
all is an `OperationError`; for one process among many it is an `Outcome` with the reason.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from procman.config.schema.programs import Program
from procman.core.actions import Announce, AnnounceRefreshed, ProcessRemoved
from procman.core.attribution import Actor, Origin
from procman.core.events import (
    KillFailed,
    RefreshRequested,
    RestartRequested,
    RetryRequested,
    SignalRequested,
    StartRequested,
    StopRequested,
)
from procman.core.process import Process
from procman.core.states import SETTLED, SIGNALLABLE, UP, Phase, State
from procman.errors import NoLog, ProcmanError, Reason
from procman.runtime.bus import Notification
from procman.runtime.definitions import program_of
from procman.runtime.engine import Engine
from procman.runtime.launch import find_program
from procman.services.last_looks import LastLooks
from procman.services.master import MasterService
from procman.services.operations import Kind, Operation, Outcome
from procman.services.process_table import ProcessTable
from procman.services.selectors import ALL, Narrowable, Selectors, is_plain, split_namespec
from procman.services.status import StatusBoard
from procman.system.commands import CannotSpawn
from procman.system.signals import signal_number

# What waits for its next try, or has had the last one.
_RETRIED = frozenset({State.BACKOFF, State.FATAL})

# What an order to one process leads to: an outcome that is known at once, or one that will be.
_Answer = Outcome | asyncio.Future[Outcome]


async def _all_answer(_: list[Program]) -> set[str]:
    return set()


class ProcessService(Narrowable):
    """All that front ends do with processes; `table` has what they may know of them."""

    def __init__(
        self,
        engine: Engine,
        master: MasterService,
        status: StatusBoard,
        lost: Callable[[str], int],
        silent_among: Callable[[list[Program]], Awaitable[set[str]]] = _all_answer,
        *,
        looks: LastLooks | None = None,
    ) -> None:
        """Subscribes to the engine's bus for as long as it lives.

        Args:
            engine: what drives the processes.
            master: knows the operations, and refuses new ones while it shuts down.
            status: what is known of each process.
            lost: gives the bytes of its output that could not be written.
            silent_among: gives the namespecs of those whose disk does not answer (see `runtime.start_gate`).
            looks: gets the figures that clients ask for.
        """
        self._engine = engine
        self._fleet = engine.fleet
        self._operations = master.operations
        self._master = master
        self.table = ProcessTable(engine.fleet, status, lost, looks)
        self._selectors = Selectors(engine.fleet)
        self._silent_among = silent_among
        self._unsent: dict[str, str] = {}  # why the kernel refused the latest signal
        engine.bus.subscribe(self._hear, KillFailed, ProcessRemoved)

    def start(self, specs: Iterable[str], actor: Actor | None = None, *, alone: bool = False) -> Operation:
        """Start them together, and what they depend on unless they are to start `alone`.

        It ends when each is up, has failed, or is blocked.
        """
        operation = self._begin("start", specs, actor)
        self._operations.do(operation, self._start_all(operation, alone=alone))
        return operation

    def stop(self, specs: Iterable[str], actor: Actor | None = None, *, cascade: bool = False) -> Operation:
        """Stop them together, with `cascade` also what depends on them; it ends when each has ended.

        What depends on another one of them stops before that.
        """
        if cascade:
            specs = self._with_dependents(specs)
        operation = self._begin("stop", specs, actor)
        self._order(
            operation,
            lambda p: (
                p.state in UP or p.timing.on or p.listens or p.phase is Phase.BLOCKED or self._engine.has_left(p.name)
            ),
            self._stop,
            self._in_stop_order,
        )
        return operation

    def restart(self, specs: Iterable[str], actor: Actor | None = None) -> Operation:
        """Stop what is up, dependents first, and start all of them when they have settled, dependents last."""
        operation = self._begin("restart", specs, actor)
        self._order(operation, lambda _: True, self._restart, self._in_restart_order)
        return operation

    def retry(self, specs: Iterable[str], actor: Actor | None = None) -> Operation:
        """Start those at once that wait for their next try, or were given up."""
        operation = self._begin("retry", specs, actor)
        self._order(operation, lambda p: p.state in _RETRIED, self._retry)
        return operation

    def signal(self, specs: Iterable[str], signal: str, actor: Actor | None = None) -> Operation:
        """Send a signal, by name or number, without meaning to end anything; 0 only asks whether it could be sent."""
        operation = self._begin("signal", specs, actor)
        number = 0 if signal.strip() == "0" else signal_number(signal)

        def send(process: Process, origin: Origin) -> Outcome:
            if number is None:
                return _outcome(process, Reason.BAD_SIGNAL, signal)
            if process.state not in SIGNALLABLE:
                return _outcome(process, Reason.NOT_RUNNING, process.name)
            self._unsent.pop(process.name, None)
            self._engine.post(SignalRequested(process.name, number), origin)
            refusal = self._unsent.pop(process.name, None)
            return _outcome(process) if refusal is None else _outcome(process, Reason.FAILED, refusal)

        self._order(operation, lambda p: p.state in SIGNALLABLE, send)
        return operation

    def refresh(self, specs: Iterable[str], actor: Actor | None = None) -> Operation:
        """Have them read their configuration again, all at once; it ends when each has, or has failed to."""
        operation = self._begin("refresh", specs, actor)
        self._order(operation, lambda p: p.state is State.RUNNING and p.program.reload is not None, self._refresh)
        return operation

    def on_logs(
        self,
        kind: Kind,
        specs: Iterable[str],
        do: Callable[[str], Awaitable[None]],
        actor: Actor | None = None,
        *,
        picks: Callable[[str], bool] = lambda _: True,
    ) -> Operation:
        """Clear, rotate or reopen the logs of each, by `do(name)`; of many, only of those that `picks` are meant."""
        operation = self._begin(kind, specs, actor)

        async def done(process: Process) -> Outcome:
            try:
                await do(process.name)
            except NoLog as error:
                return _outcome(process, Reason.NO_LOG, str(error))
            except ProcmanError as error:
                return _outcome(process, Reason.FAILED, str(error))
            return _outcome(process)

        self._order(operation, lambda p: picks(p.name), lambda process, _: asyncio.ensure_future(done(process)))
        return operation

    def _narrow(self, may: Callable[[str], bool]) -> None:
        super()._narrow(may)
        self.table = self.table.among(may)

    # ---- one process

    def _start(self, process: Process, origin: Origin, *, looks: bool, alone: bool = False) -> _Answer:
        name = process.name
        try:
            if looks:
                find_program(program_of(process.definition))
        except CannotSpawn as why:
            return _outcome(process, Reason.NO_COMMAND if why.not_found else Reason.NOT_EXECUTABLE, str(why))
        if process.definition.schedule is not None:
            return self._switch_on(process, origin)
        if process.state in UP and not (alone and process.phase is Phase.WAITING):
            return _outcome(process, Reason.ALREADY_STARTED, name)
        if process.state is State.UNKNOWN:
            return _outcome(process, Reason.FAILED, f"{name} is in an unknown process state")
        self._engine.post(StartRequested(name, alone), origin)
        return self._up(process)

    def _switch_on(self, process: Process, origin: Origin) -> Outcome:
        """Of one with a schedule, that is what a start does; it runs at its times."""
        if process.timing.on:
            return _outcome(process, Reason.ALREADY_STARTED, process.name)
        self._engine.post(StartRequested(process.name), origin)
        return _outcome(process)

    def _up(self, process: Process) -> _Answer:
        name = process.name
        if process.phase is Phase.SCHEDULED:
            return _outcome(process)  # no run of it was under way
        if process.phase is Phase.BLOCKED:
            return _outcome(process, Reason.CANNOT_SPAWN, f"{name}: {process.reason}")
        if process.state in (State.BACKOFF, State.FATAL):
            return _outcome(process, Reason.CANNOT_SPAWN, name)
        if process.state is State.RUNNING:
            return _outcome(process)

        def verdict(news: Announce) -> Outcome | None:
            match news.after:
                case State.RUNNING:
                    return _outcome(process)
                case State.STARTING:
                    return None
                case State.STOPPING if process.phase is Phase.POST_STOP:
                    return None  # what follows says why
                case State.FATAL if news.before is State.STARTING:
                    return _outcome(process, Reason.CANNOT_SPAWN, f"{name}: {news.reason}")
                case State.BACKOFF | State.FATAL:
                    return _outcome(process, Reason.CANNOT_SPAWN, name)
                case State.STOPPED if process.wanted:
                    return None  # a restart: it has stopped, and will start
                case _:
                    return _outcome(process, Reason.ENDED_TOO_SOON, name)

        return self._until(name, verdict)

    def _stop(self, process: Process, origin: Origin) -> _Answer:
        has_left = self._engine.has_left(process.name)
        if ((process.timing.on and process.settled) or process.listens) and not has_left:
            self._engine.post(StopRequested(process.name), origin)
            return _outcome(process)
        if (process.state is State.FATAL or process.phase is Phase.BOUND) and not has_left:
            # It is down as it is; from now on it is meant to be.
            is_blocked = process.phase is Phase.BLOCKED
            self._engine.post(StopRequested(process.name), origin)
            if is_blocked:
                return _outcome(process)
        if process.state not in UP and process.state is not State.STOPPING and not has_left:
            return _outcome(process, Reason.NOT_RUNNING, process.name)
        self._engine.post(StopRequested(process.name), origin)

        def stopped() -> Outcome:
            if process.state is State.UNKNOWN:
                return _outcome(process, Reason.FAILED, process.reason)
            return _outcome(process)

        if process.settled:
            return stopped()
        return self._until(process.name, lambda news: stopped() if news.after in SETTLED else None)

    def _restart(self, process: Process, origin: Origin) -> _Answer:
        if process.state is State.UNKNOWN:
            return _outcome(process, Reason.FAILED, f"{process.name} is in an unknown process state")
        self._engine.post(RestartRequested(process.name), origin)
        return self._up(process)

    def _retry(self, process: Process, origin: Origin) -> _Answer:
        if process.state not in _RETRIED:
            reason = Reason.ALREADY_STARTED if process.state in UP else Reason.NOT_RUNNING
            return _outcome(process, reason, process.name)
        self._engine.post(RetryRequested(process.name), origin)
        return self._up(process)

    def _refresh(self, process: Process, origin: Origin) -> _Answer:
        name = process.name
        if process.state is not State.RUNNING:
            return _outcome(process, Reason.NOT_RUNNING, name)
        if process.program.reload is None:
            way_out = "give it reload = signal:HUP, or a command"
            return _outcome(process, Reason.FAILED, f"{name} has no option reload, which says how: {way_out}")

        def verdict(news: Notification) -> Outcome | None:
            match news.event:
                case AnnounceRefreshed(ok=True):
                    return _outcome(process)
                case AnnounceRefreshed(words=words):
                    return _outcome(process, Reason.FAILED, f"{name} was not refreshed: {words}")
                case _:
                    return None

        answer = self._engine.bus.wait_for(verdict, name=name)
        self._engine.post(RefreshRequested(name), origin)
        return answer

    def _until(self, name: str, verdict: Callable[[Announce], Outcome | None]) -> asyncio.Future[Outcome]:
        """The outcome, as soon as an announcement about that process is decisive."""
        return self._engine.bus.wait_for(
            lambda news: verdict(news.event) if isinstance(news.event, Announce) else None, name=name
        )

    # ---- many

    def _begin(self, kind: Kind, specs: Iterable[str], actor: Actor | None) -> Operation:
        self._master.refuse_while_ending()
        return self._operations.begin(kind, specs, actor)

    async def _start_all(self, operation: Operation, *, alone: bool) -> None:
        # It is found out for all of them before any is started, so that they are started in their order.
        found = [(spec, process) for spec in operation.targets for process in self._selectors.matching(spec)]
        meant = [process for spec, process in found if process.state not in UP or is_plain(spec)]
        silent = await self._silent_among([program_of(process.definition) for process in meant])
        self._master.refuse_while_ending()
        # A command on a disk that does not answer must not be looked for here.
        self._order(
            operation,
            lambda p: p.state not in UP and not p.timing.on and not p.listens,
            lambda p, origin: self._start(p, origin, looks=p.name not in silent, alone=alone),
            self._in_start_order,
        )

    def _order(
        self,
        operation: Operation,
        picks: Callable[[Process], bool],
        give: Callable[[Process, Origin], _Answer],
        arrange: Callable[[list[Process]], list[Process]] = list,
    ) -> None:
        """Give the order to all. Of a group, a glob and "all" only those that `picks` are meant; a name is always."""
        meant: list[tuple[int, Process]] = []
        for place, spec in enumerate(operation.targets):
            found = self._selectors.matching(spec)
            if not found and spec != ALL:
                group, name = split_namespec(spec)
                operation.reach(place, Outcome(name or "*", group, Reason.UNKNOWN_NAME, spec))
            plain = is_plain(spec)
            meant += [(place, process) for process in found if plain or picks(process)]
        places = {process.name: place for place, process in meant}
        if len(places) == len(meant):
            meant = [(places[process.name], process) for process in arrange([process for _, process in meant])]
        for place, process in meant:
            answer = give(process, operation.origin)
            if isinstance(answer, Outcome):
                operation.reach(place, answer)
            else:
                operation.expect(place, _outcome(process), answer)
        operation.accept()

    def _in_stop_order(self, processes: list[Process]) -> list[Process]:
        return self._fleet.dependencies.stop_order(processes)

    def _in_start_order(self, processes: list[Process]) -> list[Process]:
        """What others depend on first, so that none of them is up before its turn."""
        graph = self._fleet.dependencies
        return graph.in_start_order(processes) if graph else processes

    def _in_restart_order(self, processes: list[Process]) -> list[Process]:
        """What is up first, so that what starts at once does not start with something that is about to stop."""
        if not self._fleet.dependencies:
            return processes
        up = [process for process in processes if not process.settled]
        down = [process for process in processes if process.settled]
        return [*self._in_stop_order(up), *self._fleet.dependencies.in_start_order(down)]

    def _with_dependents(self, specs: Iterable[str]) -> list[str]:
        """The same, and the namespecs of what is up and depends on them, directly or not."""
        named = list(specs)
        meant = {process.name for spec in named for process in self._selectors.matching(spec)}
        return [*named, *(process.name for process in self.table.dependents_up(meant))]

    def _hear(self, notification: Notification) -> None:
        match notification.event:
            case KillFailed(name, reason):
                self._unsent[name] = reason
            case ProcessRemoved(name):
                self._unsent.pop(name, None)
            case _:
                pass


def _outcome(process: Process, reason: Reason | None = None, text: str = "OK") -> Outcome:
    return Outcome(process.program.name, process.program.group, reason, text)
