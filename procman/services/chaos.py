"""A fault on purpose, and whether the master does what its configuration says: predicted, made, watched, compared.

The prediction is the simulation of the present fleet with that fault. What then happens to the process and to all that
depends on it is taken down until it is complete, differs, or its time is over. One at a time; the last ones are kept.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from procman.core.actions import Announce
from procman.core.attribution import Actor
from procman.core.process import Process
from procman.core.spec import MasterPolicy, ReadyKind
from procman.core.states import SETTLED, State
from procman.errors import BadRequest, OperationError, OperationFailed, Reason, WrongState
from procman.runtime.bus import Notification
from procman.runtime.call_queue import CallQueue, TakesTooLong
from procman.runtime.engine import Engine
from procman.services.faults import FaultKind, Faults
from procman.services.master import MasterService
from procman.services.operations import Operation, Outcome
from procman.services.selectors import Selectors
from procman.simulator.notation import Given, Happening
from procman.simulator.prediction import (
    Judgement,
    Prediction,
    Step,
    copied,
    is_complete,
    is_on_its_way,
    judge,
    predict,
)

# So long a fault may last, in seconds.
LONGEST = 3600.0
# So long a prediction may take.
PREDICT_WITHIN = 10.0
# So much longer than predicted it is watched.
GRACE = 30.0
# When it is complete, nothing more may come for so long.
SETTLES = 0.5
KEPT = 20

_SIMULATED: dict[FaultKind, Happening] = {"kill": "kill", "stop": "hang", "unready": "unready"}


@dataclass(eq=False, slots=True)
class Experiment:
    """One of them."""

    name: str
    kind: FaultKind
    seconds: float
    names: tuple[str, ...]  # the process, and what depends on it
    expected: Prediction
    actor: Actor | None = None
    operation: Operation | None = None  # None: it was only predicted
    began: float = 0.0  # seconds since the epoch
    seen: list[Step] = field(default_factory=list)
    judgements: list[Judgement] = field(default_factory=list)
    error: str = ""  # why it could not be made
    is_over: bool = False


class Chaos:
    """On the running loop."""

    def __init__(self, engine: Engine, master: MasterService, faults: Faults, policy: MasterPolicy) -> None:
        """`policy` is that of the fleet."""
        self._engine = engine
        self._fleet = engine.fleet
        self._master = master
        self._faults = faults
        self._policy = policy
        self._selectors = Selectors(engine.fleet)
        self._beside = CallQueue(PREDICT_WITHIN)
        self._kept: dict[int, Experiment] = {}

    async def prediction(
        self, spec: str, kind: FaultKind, seconds: float, may: Callable[[str], bool] | None
    ) -> Experiment:
        """What should follow; nothing is done. Raises BadRequest, WrongState, or what a name leads to."""
        selectors = self._selectors if may is None else self._selectors.among(may)
        process = selectors.one(spec)
        self._check(process, kind, seconds)
        names = (process.name, *(other.name for other in self._fleet.dependencies.dependents(process.name)))
        lasts = None if kind == "kill" else seconds
        fault = Given(_SIMULATED[kind], process.name, 0.0, lasts)
        data, now = copied(self._fleet), asyncio.get_running_loop().time()
        try:
            found = await self._beside.do(lambda: predict(data, self._policy, fault, now, names))
        except TakesTooLong:
            raise OperationFailed(
                f"cannot predict what follows: that took longer than {PREDICT_WITHIN:.0f} s, so nothing was done"
            ) from None
        return Experiment(process.name, kind, seconds, names, found)

    async def begin(
        self, spec: str, kind: FaultKind, seconds: float, may: Callable[[str], bool] | None, actor: Actor | None
    ) -> Experiment:
        """Predict, make the fault, and watch; raises as `prediction`."""
        self._master.refuse_while_ending()
        self._refuse_a_second(may)
        pid = self._selectors.one(spec).pid
        experiment = await self.prediction(spec, kind, seconds, may)
        self._master.refuse_while_ending()
        self._refuse_a_second(may)
        process = self._fleet.processes.get(experiment.name)
        if process is None or process.pid != pid or process.state is not State.RUNNING:
            raise WrongState(f"{spec} is no longer running, so nothing was done", Reason.NOT_RUNNING)
        operation = self._master.operations.begin("chaos", [experiment.name], actor)
        experiment.operation, experiment.actor, experiment.began = operation, actor, time.time()
        self._kept[operation.id] = experiment
        for number in list(self._kept)[:-KEPT]:
            del self._kept[number]
        self._master.operations.do(operation, self._watch(experiment, operation, process))
        return experiment

    def one(self, number: int, may: Callable[[str], bool] | None) -> Experiment:
        """By the id of its operation; raises OperationError(UNKNOWN_OPERATION)."""
        found = self._kept.get(number)
        if found is None or (may is not None and not may(found.name)):
            raise OperationError(f"there is no chaos {number}, or it has been forgotten", Reason.UNKNOWN_OPERATION)
        return found

    async def wait(self, experiment: Experiment, seconds: float) -> None:
        """Until it is over, or for so long."""
        await self._engine.bus.until(lambda: experiment.is_over, seconds)

    # ---- the pieces of the above

    def _check(self, process: Process, kind: FaultKind, seconds: float) -> None:
        name, program = process.name, process.program
        if kind != "kill" and not 0 < seconds <= LONGEST:
            raise BadRequest(f"a fault of {seconds:g} s: it may last up to an hour")
        if process.state is not State.RUNNING:
            raise WrongState(
                f"{name} is {process.state.name}: only what is RUNNING can be made to fail", Reason.NOT_RUNNING
            )
        if kind == "unready" and (program.health is None or program.health.kind is ReadyKind.WATCHDOG):
            raise BadRequest(
                f"nothing checks whether {name} is healthy while it runs, so it cannot be made unready: set its option "
                "health; --stop makes it hang"
            )

    def _refuse_a_second(self, may: Callable[[str], bool] | None) -> None:
        going = next((one for one in self._kept.values() if not one.is_over), None)
        if going is not None:
            name = going.name if may is None or may(going.name) else "another process"
            raise WrongState(f"chaos with {name} is under way: wait until it is over", Reason.ALREADY_STARTED)

    async def _watch(self, experiment: Experiment, operation: Operation, process: Process) -> None:
        loop, bus = asyncio.get_running_loop(), self._engine.bus
        begin = loop.time()

        def hear(notification: Notification) -> None:
            news = notification.event
            if isinstance(news, Announce) and news.name in experiment.names:
                at = loop.time() - begin
                experiment.seen.append(Step(at, news.name, news.before.name, news.after.name, news.reason))

        leave = bus.subscribe(hear, *State)
        good = Outcome(process.program.name, process.program.group)
        try:
            self._faults.make(experiment.kind, experiment.name, experiment.seconds, operation.origin)
            await self._until_over(experiment)
        except OperationFailed as error:
            experiment.error = str(error)
            raise
        finally:
            leave()
            experiment.judgements = judge(
                experiment.expected.steps, experiment.seen, experiment.names, is_whole=experiment.expected.is_whole
            )
            experiment.is_over = True
            bus.nudge()
        # Without names: not everybody may know of what depends on it.
        bad = Outcome(good.name, good.group, Reason.FAILED, "what followed was not what the configuration says")
        operation.reach(0, good if all(one.as_expected for one in experiment.judgements) else bad)
        operation.end()

    async def _until_over(self, experiment: Experiment) -> None:
        expected, names = experiment.expected.steps, experiment.names
        last = max([step.at for step in expected] + [0.0 if experiment.kind == "kill" else experiment.seconds])
        until = self._engine.bus.until

        def differs() -> bool:
            return not is_on_its_way(expected, experiment.seen, names)

        def is_done() -> bool:
            complete = is_complete(expected, experiment.seen, names)
            return (complete and not self._faults.lasts(experiment.name)) or (differs() and self._rests(names))

        await until(is_done, max(1.5 * last, last + GRACE))
        if not differs():
            await until(differs, SETTLES)

    def _rests(self, names: tuple[str, ...]) -> bool:
        found = [process for name in names if (process := self._fleet.processes.get(name)) is not None]
        return all(process.state in SETTLED or process.state is State.RUNNING for process in found)
