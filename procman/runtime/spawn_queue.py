"""A queue of ordered starts, which are carried out in slices.

So the boot of a thousand programs delays neither signals nor clients. While the gate does not know yet whether a start
is possible, all later ones wait; a start that is impossible now is set aside until `retry`.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import NamedTuple, Protocol

from procman.config.schema.programs import Program
from procman.core.actions import Spawn
from procman.runtime.definitions import program_of
from procman.system.accounts import Account

# Seconds for which starts may occupy the loop at a time.
SLICE = 0.001


class Gate(Protocol):
    """Knows whether a program can be started without waiting for a disk or a user database."""

    def is_open(self, program: Program) -> bool | None:
        """Whether it can be started; None if that will be known in a moment."""

    @property
    def may_open_soon(self) -> bool:
        """Whether a program that cannot be started may soon be able to."""

    def account(self, uid: int) -> Account:
        """The account of a user; raises KeyError if there is none."""


class Turn(NamedTuple):
    """Where a start stands that has not been made."""

    ahead: int  # so many come before it
    is_aside: bool = False  # it cannot be made now


class SpawnQueue:
    """Orders to start a process, with futures that are done when their turn comes."""

    def __init__(self, spawn: Callable[[Spawn], None], go_on: Callable[[], None], gate: Gate | None) -> None:
        """`spawn` carries out an order; `go_on` is called when another slice may begin. None: all may start."""
        self._spawn = spawn
        self._go_on = go_on
        self._gate = gate
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[Spawn | asyncio.Future[None]] = deque()
        self._held = False  # whether the first one can be started is not known yet
        self._aside: list[Spawn | asyncio.Future[None]] = []  # those that cannot be
        self._patient: set[asyncio.Future[None]] = set()
        self._more: asyncio.Handle | None = None  # the next slice
        self._until = 0.0  # the end of this slice

    def add(self, order: Spawn) -> None:
        """Start it when its turn comes."""
        self._waiting.append(order)

    def restore(self, orders: Iterable[Spawn]) -> None:
        """Continue with these orders of another process image; clients have seen these processes as STARTING."""
        self._waiting += orders

    def retry(self) -> None:
        """The answers of the gate may have changed."""
        self._held = False
        self._waiting.extendleft(reversed(self._aside))
        self._aside.clear()
        self.schedule()

    @property
    def is_quiet(self) -> bool:
        """Whether only starts are queued, as is always the case during crash loops."""
        return all(isinstance(order, Spawn) for order in self._waiting)

    def caught_up(self, *, patient: bool = False) -> "asyncio.Future[None]":
        """A future that is done when all presently queued starts were made, regardless of later orders.

        Impossible starts do not count; with `patient` they do while the gate may open soon.
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

    def turn_of(self, name: str) -> Turn | None:
        """Where the start of that process stands; None: none waits."""
        if any(isinstance(order, Spawn) and order.name == name for order in self._aside):
            return Turn(0, is_aside=True)
        starts = (order for order in self._waiting if isinstance(order, Spawn))
        return next((Turn(ahead) for ahead, order in enumerate(starts) if order.name == name), None)

    def begin_slice(self) -> None:
        """Begin a slice of time for starts, one in each turn of the loop."""
        self._until = time.monotonic() + SLICE

    def take_turn(self) -> bool:
        """Carry out the first start; False if there is none, or if none is possible in this slice."""
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
        """Schedule the next slice if there is anything to do."""
        if self._waiting and not self._held and self._more is None:
            # The loop polls before this, so that ready clients and pipes get their turn.
            self._more = self._loop.call_soon(self._next_slice)

    def close(self) -> None:
        """Start nothing more."""
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
