"""Reads before each start, beside the loop, what the program is given from files.

While a reading is under way, the start gate is closed: for a moment to all, to keep their order, and then only to this
program.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from procman.config.schema.programs import Program
from procman.runtime.given import CannotGive, Given, read_given_to
from procman.system.blocking import BlockingCall, NoThread

# Seconds that all starts wait for a reading, so that they keep their order; and the largest age of an unused one.
PATIENCE = 0.05
FRESH = 1.0


@dataclass(slots=True)
class _Reading:
    """A reading for the next start of a process."""

    program: Program
    began: float
    timer: asyncio.TimerHandle | None = None
    result: Given | CannotGive | None = None  # None: it has not ended
    is_slow: bool = False


class Readings:
    """One for each process at most, by namespec; lives on the running loop."""

    def __init__(self, on_change: Callable[[], None], *, refuse: bool) -> None:
        """`on_change` is called when a start may have become possible. `refuse`: files that other users may write."""
        self._on_change = on_change
        self._refuse = refuse
        self._loop = asyncio.get_running_loop()
        self._readings: dict[str, _Reading] = {}
        self._closed = False

    def is_ready(self, program: Program) -> bool | None:
        """Whether all is read for a start now; None if that will be known in a moment."""
        reading = self._readings.get(program.namespec)
        if reading is not None and reading.result is not None and reading.began < self._loop.time() - FRESH:
            reading = None
        if reading is None or reading.program is not program:
            reading = self.begin(program)
        if reading.result is not None:
            return True
        return False if reading.is_slow else None

    def is_slow(self, program: Program) -> bool:
        """Whether its files are being read for longer than others wait."""
        reading = self._readings.get(program.namespec)
        return reading is not None and reading.result is None and reading.is_slow

    @property
    def slow(self) -> str | None:
        """The namespec of a program whose files are being read for long."""
        return next((name for name, one in self._readings.items() if one.result is None and one.is_slow), None)

    def take(self, program: Program) -> Given | CannotGive:
        """What was read for its start, once."""
        reading = self._readings.pop(program.namespec, None)
        result = None if reading is None else reading.result
        return self.read(program) if result is None else result  # no gate was asked

    def result(self, name: str) -> Given | CannotGive | None:
        """What was read; None: nothing yet."""
        reading = self._readings.get(name)
        return None if reading is None else reading.result

    def drop(self, name: str) -> None:
        """Nobody waits for it any more."""
        self._readings.pop(name, None)

    def close(self) -> None:
        """No start follows."""
        self._closed = True
        for reading in self._readings.values():
            if reading.timer is not None:
                reading.timer.cancel()

    def begin(self, program: Program) -> _Reading:
        """Begin one, unless it is under way."""
        name = program.namespec
        reading = self._readings.get(name)
        if reading is not None and reading.result is None and reading.program is program:
            return reading  # one that hangs is not joined by others
        if reading is not None and reading.timer is not None:
            reading.timer.cancel()
        reading = self._readings[name] = _Reading(program, self._loop.time())
        try:
            call: BlockingCall[Given | CannotGive] = BlockingCall(
                partial(self.read, program), lambda: self._tell(lambda: self._has_ended(name, reading, call.result))
            )
        except NoThread:
            reading.result = self.read(program)  # the only way is to wait for it
            return reading
        reading.timer = self._loop.call_later(PATIENCE, self._takes_long, reading)
        return reading

    def read(self, program: Program) -> Given | CannotGive:
        """Read it here and now, as a thread may."""
        try:
            return read_given_to(program, refuse=self._refuse, uid=program.uid)
        except CannotGive as error:
            return error

    def _tell(self, news: Callable[[], None]) -> None:
        # On the thread.
        with suppress(RuntimeError):  # the loop has been closed meanwhile
            self._loop.call_soon_threadsafe(news)

    def _has_ended(self, name: str, reading: _Reading, result: Callable[[], Given | CannotGive]) -> None:
        if reading.timer is not None:
            reading.timer.cancel()
        try:
            reading.result = result()
        except Exception as error:  # noqa: BLE001 - whatever it is, the program has to be told of, not to wait for ever
            reading.result = CannotGive(f"cannot read what it is given: {type(error).__name__}")
        reading.began = self._loop.time()
        if self._readings.get(name) is reading and not self._closed:
            self._on_change()

    def _takes_long(self, reading: _Reading) -> None:
        reading.is_slow = True
        self._on_change()
