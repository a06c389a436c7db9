"""The operations on the master as a whole: shutdown, reload, upgrade."""

from collections.abc import Awaitable, Callable
from typing import Literal

from procman.core.actions import Quit
from procman.core.attribution import Actor, Origin
from procman.core.events import ShutdownRequested
from procman.core.states import MasterState
from procman.errors import OperationError, Reason, WrongState
from procman.runtime.bus import Notification
from procman.runtime.engine import Engine
from procman.services.operations import Operation, Operations


class MasterService:
    """When the master leaves or restarts, it ends the operations that still go on."""

    def __init__(self, engine: Engine, operations: Operations) -> None:
        """Subscribes to the engine's bus for as long as it lives."""
        self._engine = engine
        self.operations = operations
        engine.bus.subscribe(self._hear, Quit)

    @property
    def state(self) -> MasterState:
        """What the master is doing."""
        return self._engine.fleet.state

    @property
    def is_ending(self) -> bool:
        """Whether the end, or a reload, has been asked for."""
        return self.state is not MasterState.RUNNING

    def refuse_while_ending(self) -> None:
        """Raises WrongState once the end has been asked for."""
        if self.is_ending:
            raise _ending()

    def shut_down(self, actor: Actor | None = None) -> Operation:
        """Stop everything and leave."""
        self.refuse_while_ending()
        return self._end("shutdown", actor)

    async def reload(self, check: Callable[[], Awaitable[None]], actor: Actor | None = None) -> Operation:
        """Stop everything, and come back with a fresh configuration, which `check` has found to be usable."""
        self.refuse_while_ending()
        await check()
        self.refuse_while_ending()
        return self._end("reload", actor)

    def insist(self, kind: Literal["shutdown", "reload"], actor: Actor | None = None) -> None:
        """The same where it may have been asked for already: then what still runs is killed."""
        if self.is_ending:
            self._engine.post(ShutdownRequested(kind == "reload"), Origin(actor))
        else:
            self._end(kind, actor)

    async def upgrade(self, prepare: Callable[[], Awaitable[int]], actor: Actor | None = None) -> tuple[Operation, int]:
        """Have the master execute its own code again, and how many times it has done so then.

        The operation ends when `prepare` has shown that the new code can go on from here.
        """
        self.refuse_while_ending()
        operation = self.operations.begin("upgrade", actor=actor)
        try:
            number = await prepare()
        except OperationError as error:
            operation.end(error)
            raise
        operation.end()
        return operation, number

    def _end(self, kind: Literal["shutdown", "reload"], actor: Actor | None) -> Operation:
        operation = self.operations.begin(kind, actor=actor)
        self._engine.post(ShutdownRequested(kind == "reload"), operation.origin)
        return operation

    def _hear(self, notification: Notification) -> None:
        if isinstance(notification.event, Quit):
            self.operations.close(_ending())


def _ending() -> WrongState:
    return WrongState("procman is shutting down", Reason.SHUTTING_DOWN)
