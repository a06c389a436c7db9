"""The starts that are still to be made, in their order, served in slices.

So a boot of a thousand programs holds up neither a signal nor a client. A start that the gate does not let through yet
holds up all behind it for as long as that is not known; one that cannot be made now stands aside until `retry`.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Protocol

from procman.config.schema.programs import Program
from procman.core.actions import Spawn
from procman.runtime.definitions import program_of
from procman.system.accounts import Account

# How long starts may hold the loop, in seconds, before others get their turn.
SLICE = 0.001


class Gate(Protocol):
    """Says whether a program can be started without waiting for a disk or a user database."""

    def is_open(self, program: Program) -> bool | None:
        """Whether it can; None where that will be known in a moment."""

    @property
    def may_open_soon(self) -> bool:
        """Whether a program that cannot be started may soon be able to."""

    def account(self, uid: int) -> Account:
        """The account of a user; raises KeyError where there is none."""


class SpawnQueue:
    """Orders to start a process, and futures that are done when their turn comes."""

    def __init__(self, spawn: Callable[[Spawn], None], go_on: Callable[[], None], gate: Gate | None) -> None:
        """`spawn` carries an order out; `go_on` is called when another slice may begin. Without a gate all is open."""
        self._spawn = spawn
        self._go_on = go_on
        self._gate = gate
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[Spawn | asyncio.Future[None]] = deque()
        self._held = False  # it is not known yet whether the first one can be started
        self._aside: list[Spawn | asyncio.Future[None]] = []  # those that cannot be
        self._patient: set[asyncio.Future[None]] = set()
        self._more: asyncio.Handle | None = None  # the next slice
        self._until = 0.0  # the end of this slice

    def add(self, order: Spawn) -> None:
        """Start it when its turn comes."""
        self._waiting.append(order)

    def restore(self, orders: Iterable[Spawn]) -> None:
        """Go on with these, of another process image. Clients that saw them STARTING wait for no other order."""
        self._waiting += orders

    def retry(self) -> None:
        """The gate may say something else."""
        self._held = False
        self._waiting.extendleft(reversed(self._aside))
        self._aside.clear()
        self.schedule()

    @property
    def is_quiet(self) -> bool:
        """Nothing waits but starts, as there always are where programs end at once again and again."""
        return all(isinstance(order, Spawn) for order in self._waiting)

    def caught_up(self, *, patient: bool = False) -> "asyncio.Future[None]":
        """Done when all starts that wait now have been made, whatever has been ordered meanwhile.

        Starts that cannot be made are not waited for; with `patient` they are while the gate may open soon.
        """
        turn: asyncio.Future[None] = self._loop.create_future()
        if patient:
            self._patient.add(turn)
            turn.add_done_callback(self._patient.discard)
        if self._waiting:
            self._waiting.append(turn)
        elif patient and self._aside:
            self._aside.append(turn)
        else:
            turn.set_result(None)
        return turn

    def begin_slice(self) -> None:
        """Starts may hold the loop from now on; there is one slice in each turn of the loop."""
        self._until = time.monotonic() + SLICE

    def take_turn(self) -> bool:
        """Serve the first one; False where there is none, or none can be served in this slice."""
        if not self._waiting or self._held or self._more is not None or time.monotonic() >= self._until:
            return False
        order = self._waiting.popleft()
        if isinstance(order, Spawn):
            self._serve(order)
        elif order in self._patient and self._aside and self._gate is not None and self._gate.may_open_soon:
            self._aside.append(order)
        elif not order.done():
            order.set_result(None)
        return True

    def schedule(self) -> None:
        """Have the next slice come, where there is anything for it."""
        if self._waiting and not self._held and self._more is None:
            # The loop polls before it comes to this, so that ready clients and pipes have a turn.
            self._more = self._loop.call_soon(self._next_slice)

    def close(self) -> None:
        """Serve nothing any longer."""
        if self._more is not None:
            self._more.cancel()
            self._more = None

    def _next_slice(self) -> None:
        self._more = None
        self._go_on()

    def _serve(self, order: Spawn) -> None:
        match self._gate is None or self._gate.is_open(program_of(order.program)):
            case True:
                self._spawn(order)
            case False:
                self._aside.append(order)
            case None:
                self._held = True
                self._waiting.appendleft(order)
