"""Operations: everything that changes something, with who asked for it, what was asked, and how it ended.

An operation begins when it is asked for and goes on whether or not its client waits: a client may wait for it, leave,
and come back for it by its id. Ids are never used again, over reloads and upgrades too, and, with a journal in a file,
over kills. The latest operations are kept; their number is bounded, and so are the outcomes that they hold together.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from procman.core.attribution import NOBODY, Actor, Origin
from procman.errors import OperationError, OperationFailed, Reason
from procman.runtime.bus import Bus, OperationBegan, OperationEnded

Kind = Literal[
    "start",
    "run",
    "stop",
    "restart",
    "rolling-restart",
    "rolling-continue",
    "rolling-abort",
    "retry",
    "debug",
    "signal",
    "chaos",
    "refresh",
    "clear",
    "rotate",
    "reopen",
    "update",
    "scale",
    "add",
    "remove",
    "reload",
    "shutdown",
    "upgrade",
]

# How many ended operations are kept, and how many outcomes and steps they may hold together.
KEPT = 100
KEPT_OUTCOMES = 5000
# How many may go on that no client waits for; the oldest is forgotten, which changes nothing for its processes.
MOST_UNATTENDED = 1000


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one process in an operation on one or many."""

    name: str
    group: str
    reason: Reason | None = None  # why it failed; None: it did not
    text: str = "OK"

    @property
    def namespec(self) -> str:
        """The process by its full name."""
        return self.name if self.name == self.group else f"{self.group}:{self.name}"


StepAction = Literal[
    "added",
    "removed",
    "stopped",
    "updated",
    "replaced",
    "replaced in turn",
    "changed in place",
    "logs re-opened",
    "rolling stopped",
    "error",
]


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that an update did, or would do."""

    group: str
    action: StepAction
    name: str | None = None  # a process of the group; None: the whole group
    options: tuple[str, ...] = ()  # what was changed in the file
    message: str = ""  # rolling stopped: where, and why


@dataclass(eq=False, slots=True)
class Operation:
    """One of them. Times are seconds since the epoch."""

    id: int
    kind: Kind
    targets: tuple[str, ...]  # as they were named: specs, or groups
    actor: Actor | None  # who asked; None: not known
    began: float
    origin: Origin = NOBODY  # of what it leads to
    ended: float | None = None  # None: it goes on
    error: OperationError | None = None  # why it failed as a whole
    steps: list[Step] = field(default_factory=list)
    waiting: int = 0  # how many clients wait for it
    is_accepted: bool = False  # all orders have been given
    on_end: "Callable[[Operation], None]" = lambda _: None
    _outcomes: list[tuple[int, Outcome]] = field(default_factory=list)  # each with the place of its target
    _pending: dict[asyncio.Future[Outcome], tuple[int, Outcome]] = field(default_factory=dict)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)  # set when it is accepted, and when it has ended

    @property
    def outcomes(self) -> list[Outcome]:
        """What is known so far: in the order of the targets, and for each target in the order in which it came."""
        return [outcome for _, outcome in sorted(self._outcomes, key=_place)]

    @property
    def accepted(self) -> list[Outcome]:
        """The same, with the hoped-for outcome where the real one is not known yet."""
        return [outcome for _, outcome in sorted([*self._outcomes, *self._pending.values()], key=_place)]

    @property
    def pending(self) -> list[str]:
        """The namespecs of the processes whose outcome is not known yet."""
        return [outcome.namespec for _, outcome in self._pending.values()]

    @property
    def weight(self) -> int:
        """How many outcomes and steps are kept with it."""
        return len(self._outcomes) + len(self.steps)

    def reach(self, place: int, outcome: Outcome) -> None:
        """Note what became of one process; `place` is that of the target that named it."""
        self._outcomes.append((place, outcome))

    def expect(self, place: int, good: Outcome, future: asyncio.Future[Outcome]) -> None:
        """Note that the outcome of one process is that of the future; `good` is the hoped-for one."""
        self._pending[future] = place, good
        future.add_done_callback(self._have)

    def accept(self) -> None:
        """Note that all orders have been given."""
        self.is_accepted = True
        self._changed.set()
        if not self._pending:
            self.end()

    def applied(self) -> None:
        """Note that all orders have been given, and that it goes on: `end` is still to come."""
        self.is_accepted = True
        self._changed.set()

    def end(self, error: OperationError | None = None) -> None:
        """Note that it is over."""
        if self.ended is None:
            self.is_accepted = True
            self.ended = time.time()
            self.error = error
            self._pending.clear()
            self._changed.set()
            self.on_end(self)

    def abandon(self) -> None:
        """Stop waiting for the outcomes of its processes."""
        for future in list(self._pending):
            future.cancel()

    async def settle(self, *, accepted: bool = False) -> None:
        """Wait until it has ended, or has been accepted; raises what it failed with as a whole."""
        while self.ended is None and not (accepted and self.is_accepted):
            self._changed.clear()
            await self._changed.wait()
        if self.error is not None:
            raise self.error

    def _have(self, future: asyncio.Future[Outcome]) -> None:
        expected = self._pending.pop(future, None)
        if expected is None or future.cancelled():
            return
        place, good = expected
        bug = future.exception()
        if bug is not None:
            text = f"{type(bug).__name__}: {bug}; this is a bug in procman, please report it"
            self.reach(place, Outcome(good.name, good.group, Reason.FAILED, text))
        else:
            self.reach(place, future.result())
        if self.is_accepted and not self._pending:
            self.end()


def _place(placed: tuple[int, Outcome]) -> int:
    return placed[0]


class Operations:
    """All of them, in the order of their ids."""

    def __init__(self, next_id: int = 1, on_left: Callable[[], None] = lambda: None) -> None:
        """`next_id` is the id of the next one; `on_left` is called when a client does not wait any more."""
        self.next_id = next_id
        self._on_left = on_left
        self._bus: Bus | None = None
        self._kept: dict[int, Operation] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def use(self, bus: Bus) -> None:
        """Publish their beginnings and ends there from now on."""
        self._bus = bus

    def begin(self, kind: Kind, targets: Iterable[str] = (), actor: Actor | None = None) -> Operation:
        """A new one."""
        operation = Operation(self.next_id, kind, tuple(targets), actor, time.time(), on_end=self._ended)
        self.next_id += 1
        self._kept[operation.id] = operation
        # What an update or the like brings about is told from what a client asked of one process.
        asked = actor._replace(kind="update") if actor is not None and kind == "update" else actor
        seq = None
        if self._bus is not None:
            began = OperationBegan(operation.id, kind, operation.targets)
            seq = self._bus.publish(began, Origin(asked, None, operation.id))
        operation.origin = Origin(asked, seq, operation.id)
        self._forget()
        return operation

    def resume(self, number: int, kind: Kind, targets: Iterable[str], actor: Actor | None, began: float) -> Operation:
        """One that had begun before an upgrade, and goes on."""
        operation = Operation(number, kind, tuple(targets), actor, began, on_end=self._ended)
        operation.origin = Origin(actor, None, number)
        self._kept[number] = operation
        return operation

    def do(self, operation: Operation, work: Coroutine[Any, Any, None]) -> None:
        """Have the work done, whether or not a client waits for it; what it raises is the operation's error."""

        async def run() -> None:
            try:
                await work
            except OperationError as error:
                operation.end(error)
            except Exception as bug:
                operation.end(
                    OperationFailed(f"{type(bug).__name__}: {bug}; this is a bug in procman, please report it")
                )
                raise

        task = asyncio.get_running_loop().create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def wait(self, operation: Operation, *, accepted: bool = False, within: float | None = None) -> bool:
        """Wait until it has ended (or has been accepted), `within` seconds at most; whether it has.

        Raises what it failed with as a whole.
        """
        operation.waiting += 1
        try:
            async with asyncio.timeout(within):
                await operation.settle(accepted=accepted)
        except TimeoutError:
            return False
        finally:
            operation.waiting -= 1
            self._on_left()
        return True

    async def wait_for_end(self, operation: Operation, within: float) -> None:
        """The same for a client that has come back: the error is part of the operation, and not raised."""
        try:
            await self.wait(operation, within=within)
        except OperationError:
            pass  # it is `operation.error`

    def one(self, number: int, may_know: Callable[[Operation], bool] = lambda _: True) -> Operation:
        """The operation of that id, if the client may know of it; raises OperationError(UNKNOWN_OPERATION)."""
        operation = self._kept.get(number)
        if operation is not None and not may_know(operation):
            operation = None
        if operation is None:
            raise OperationError(f"there is no operation {number}, or it has been forgotten", Reason.UNKNOWN_OPERATION)
        return operation

    def latest(self) -> list[Operation]:
        """Those that are kept, the latest first."""
        return list(reversed(self._kept.values()))

    @property
    def awaited(self) -> list[str]:
        """The processes that a client waits for."""
        names: set[str] = set()
        for operation in self._kept.values():
            if operation.ended is None and operation.waiting:
                names.update(operation.pending)
                if not operation.is_accepted and operation.kind == "start":
                    names.update(operation.targets)
        return sorted(names)

    def close(self, error: OperationError) -> None:
        """End those that still go on, but for the one that has ended all others."""
        for task in self._tasks:
            task.cancel()
        for operation in self._kept.values():
            operation.end(None if operation.kind in ("shutdown", "reload") else error)

    def _ended(self, operation: Operation) -> None:
        if self._bus is not None:
            failed = tuple(outcome.namespec for outcome in operation.outcomes if outcome.reason is not None)
            error, code = (None, "") if operation.error is None else (str(operation.error), operation.error.reason.name)
            self._bus.publish(OperationEnded(operation.id, operation.kind, error, failed, code), operation.origin)

    def _forget(self) -> None:
        unattended = [one for one in self._kept.values() if one.ended is None and one.is_accepted and not one.waiting]
        for operation in unattended[: max(0, len(unattended) - MOST_UNATTENDED)]:
            operation.abandon()
            del self._kept[operation.id]
        ended = [operation for operation in self._kept.values() if operation.ended is not None]
        weight = sum(operation.weight for operation in ended)
        while ended and (len(ended) > KEPT or weight > KEPT_OUTCOMES):
            oldest = ended.pop(0)
            weight -= oldest.weight
            del self._kept[oldest.id]
