"""Rolling restarts: begun, continued and aborted on request, and how far each has got. `core.rolling` decides."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from procman.config.schema.kinds.rolling import parse_batch
from procman.config.schema.options import Unfit
from procman.core.actions import AnnounceRolling
from procman.core.attribution import Actor
from procman.core.events import RollingAborted, RollingContinued, RollingRequested
from procman.core.process import Process
from procman.core.rolling import Rolling
from procman.core.spec import batch_size
from procman.errors import BadRequest, OperationFailed, Reason, UnknownProcess, WrongState
from procman.runtime.bus import Bus, Notification
from procman.runtime.engine import Engine
from procman.services.explain_texts import quoted_name
from procman.services.master import MasterService
from procman.services.operations import Operation, Outcome
from procman.services.rolling_words import bare, operation_of, why_stopped
from procman.services.selectors import Narrowable, Selectors

_OVER = ("stopped", "done", "ended")
Event = RollingRequested | RollingContinued | RollingAborted


@dataclass(frozen=True, slots=True)
class RollingStatus:
    """One that goes on, has stopped, or is done and can still be put back."""

    program: str
    state: str  # going, stopped or done
    aborting: bool
    operation: int
    batch: int
    total: int
    ready: tuple[str, ...]  # namespecs
    under_way: tuple[str, ...]
    coming: tuple[str, ...]
    failed: str  # stopped: the process that did not get there
    reason: str
    changed: bool  # there are earlier definitions, which an abort puts back
    text: str


class RollingService(Narrowable):
    """All that front ends do with them."""

    def __init__(self, engine: Engine, master: MasterService) -> None:
        """It posts to the engine; `master` knows the operations."""
        self._engine = engine
        self._fleet = engine.fleet
        self._master = master
        self.operations = master.operations
        self._selectors = Selectors(engine.fleet)

    def restart(self, specs: Iterable[str], actor: Actor | None = None, batch: str | None = None) -> Operation:
        """Restart the processes of one program or several, each program one batch after the other.

        It ends when all are ready, or it has stopped: then it has failed, with words that say at which.
        """
        self._master.refuse_while_ending()
        asked = None if batch is None else _read_batch(batch)
        named = list(specs)
        programs = self._programs(named)
        for program, processes in programs.items():
            self._refuse_another(program)
            for process in processes:
                if process.definition.is_oneshot or process.definition.schedule is not None:
                    raise BadRequest(f"{process.name} is no service: restart it without --rolling")
        operation = self.operations.begin("rolling-restart", named, actor)
        events = [
            RollingRequested(
                program,
                tuple(process.name for process in processes),
                batch_size(asked or processes[0].definition.rolling_batch, len(processes)),
                operation.id,
            )
            for program, processes in programs.items()
        ]
        self.operations.do(operation, self._work(operation, events))
        return operation

    def go_on(self, specs: Iterable[str], actor: Actor | None = None) -> Operation:
        """Go on where it has stopped, with what has failed first."""
        return self._again("continue", specs, actor)

    def abort(self, specs: Iterable[str], actor: Actor | None = None) -> Operation:
        """Put the definitions back that were there before, one batch after the other, and end it."""
        return self._again("abort", specs, actor)

    def present(self, specs: Iterable[str] = ()) -> list[RollingStatus]:
        """Those of the programs that are named, or all."""
        named = list(specs)
        programs = self._programs(named) if named else None
        return [
            _status(rolling)
            for program, rolling in self._fleet.rollings.by_program.items()
            if self._may_know(rolling) and (programs is None or program in programs)
        ]

    def namespecs(self, specs: Iterable[str]) -> list[str]:
        """The processes that are meant; raises UnknownProcess."""
        return [process.name for processes in self._programs(specs).values() for process in processes]

    # ---- the pieces of the above

    def _again(self, what: str, specs: Iterable[str], actor: Actor | None) -> Operation:
        self._master.refuse_while_ending()
        named = list(specs)
        programs = list(self._programs(named))
        for program in programs:
            rolling = self._fleet.rollings.by_program.get(program)
            if rolling is None:
                raise WrongState(f"{program}: there is no rolling restart to {what}", Reason.NOT_RUNNING)
            if what == "continue" and rolling.state != "stopped":
                state = "goes on" if rolling.state == "going" else "is done"
                raise WrongState(
                    f"{program}: the rolling restart {state}{operation_of(rolling.operation)}", Reason.ROLLING
                )
            if what == "abort" and rolling.aborting:
                raise WrongState(
                    f"{program}: it is being put back already{operation_of(rolling.operation)}: --continue goes on",
                    Reason.ROLLING,
                )
        operation = self.operations.begin(f"rolling-{what}", named, actor)  # type: ignore[arg-type]
        kind = RollingContinued if what == "continue" else RollingAborted
        self.operations.do(operation, self._work(operation, [kind(program, operation.id) for program in programs]))
        return operation

    def _programs(self, specs: Iterable[str]) -> dict[str, list[Process]]:
        """The processes that are meant, by program; a program may be named, too. Raises UnknownProcess."""
        found: dict[str, list[Process]] = {}
        for spec in specs:
            meant = self._selectors.matching(spec) or [
                process for process in self._selectors.matching("all") if process.program.program == spec
            ]
            if not meant:
                raise UnknownProcess(f"no such process, program or group: {spec}")
            for process in meant:
                of_program = found.setdefault(process.program.program, [])
                if process not in of_program:
                    of_program.append(process)
        return found

    def _may_know(self, rolling: Rolling) -> bool:
        """Whether the client may know of all its processes: the words have their names."""
        known = {process.name for process in self._selectors.matching("all")}
        return known.issuperset((*rolling.coming, *rolling.under_way, *rolling.ready))

    def _refuse_another(self, program: str) -> None:
        rolling = self._fleet.rollings.by_program.get(program)
        if rolling is not None and rolling.is_unfinished:
            name = quoted_name(program)
            what = "is under way" if rolling.state == "going" else "has stopped"
            raise WrongState(
                f"{program}: a rolling restart {what}{operation_of(rolling.operation)}: procmanctl restart {name} "
                f"--rolling {'--abort ends it' if rolling.state == 'going' else '--continue or --abort'}",
                Reason.ROLLING,
            )

    async def _work(self, operation: Operation, events: Iterable[Event]) -> None:
        ends = [self._carry_out(operation, event) for event in events]
        stopped = [text for text in await asyncio.gather(*ends) if text]
        if stopped:
            raise OperationFailed("; ".join(stopped), Reason.ROLLING)
        operation.accept()

    async def _carry_out(self, operation: Operation, event: Event) -> str:
        """Wait for its end; why it has stopped, "" if it has not."""

        def hear(news: AnnounceRolling) -> None:
            process = self._fleet.processes.get(news.name)
            if process is None or news.what not in ("ready", "stopped"):
                return
            program = process.program
            reason = Reason.ROLLING if news.what == "stopped" else None
            operation.reach(0, Outcome(program.name, program.group, reason, news.reason or "OK"))

        ended = until_over(self._engine.bus, event.program, hear)
        self._engine.post(event, operation.origin)
        if not ended.done() and event.program not in self._fleet.rollings.by_program:
            ended.cancel()  # there was nothing to do
            return ""
        return why_stopped(await ended)


def until_over(
    bus: Bus, program: str, hear: Callable[[AnnounceRolling], None] = lambda _: None
) -> asyncio.Future[AnnounceRolling]:
    """The end of the rolling restart of a program that is about to begin; `hear` gets all of its news."""
    over: asyncio.Future[AnnounceRolling] = asyncio.get_running_loop().create_future()
    begun = False

    def listen(notification: Notification) -> None:
        nonlocal begun
        news = notification.event
        if not isinstance(news, AnnounceRolling) or news.program != program or over.done():
            return
        begun = begun or news.what in ("began", "continued")
        hear(news)
        if news.what in _OVER and (begun or news.what != "ended"):
            over.set_result(news)

    leave = bus.subscribe(listen, AnnounceRolling)
    over.add_done_callback(lambda _: leave())
    return over


def _status(rolling: Rolling) -> RollingStatus:
    return RollingStatus(
        program=rolling.program,
        state=rolling.state,
        aborting=rolling.aborting,
        operation=rolling.operation,
        batch=rolling.batch,
        total=rolling.total,
        ready=tuple(rolling.ready),
        under_way=tuple(rolling.under_way),
        coming=tuple(rolling.coming),
        failed=rolling.failed,
        reason=rolling.reason,
        changed=bool(rolling.previous),
        text=_text(rolling),
    )


def _text(rolling: Rolling) -> str:
    name = quoted_name(rolling.program)
    what = "putting back" if rolling.aborting else "rolling restart"
    count = f"{len(rolling.ready)} of {rolling.total}"
    command = f"procmanctl restart {name} --rolling"
    match rolling.state:
        case "going":
            now = f", {', '.join(map(bare, rolling.under_way))} on the way" if rolling.under_way else ""
            return f"{what}{operation_of(rolling.operation)}: {count} ready{now}"
        case "stopped":
            back = f", {command} --abort puts the earlier definition back" if rolling.previous else ""
            return (
                f"{what} stopped at {bare(rolling.failed)} ({rolling.reason}), {count} ready: {command} --continue "
                f"goes on{back}"
            )
        case _:
            return f"{what} is done: {command} --abort puts the earlier definition back"


def _read_batch(text: str) -> tuple[int, bool]:
    try:
        return parse_batch(text)
    except Unfit as error:
        raise BadRequest(f"cannot read the batch {text[:20]}: {error}") from None
