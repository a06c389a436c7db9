"""Calls that may block without end (a disk or a directory service that does not answer), beside everything else.

Each runs on a thread of its own, which is left alone where it hangs. `DiskQueries` waits for an answer without a loop;
`runtime.call_queue` and `runtime.start_gate` wait on one.
"""

import _thread
import os
import signal
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

# How long the first query of a reading is waited for, in seconds; and each later one, where one has not been answered.
PATIENCE = 1.0
SHORT_PATIENCE = 0.05
# So many queries that hang are left alone; what is asked beyond that is not answered.
MOST_HANGING = 32

_ALL = signal.valid_signals()  # to make this set takes 0.1 ms


class NoThread(Exception):
    """The system has no more threads for this user; nothing was called."""


class BlockingCall(Generic[T]):
    """A call on a thread of its own."""

    def __init__(self, call: Callable[[], T], on_end: Callable[[], object] = lambda: None) -> None:
        """Begin it; raises NoThread. `on_end` is called on the thread, before `wait` returns."""
        self._call = call
        self._on_end = on_end
        self._value: T | None = None
        self._error: Exception | None = None
        self._running = _thread.allocate_lock()
        self._running.acquire()
        try:
            _thread.start_new_thread(self._run, ())
        except RuntimeError:
            raise NoThread from None

    def wait(self, seconds: float) -> bool:
        """Whether it ends within so long."""
        if not self._running.acquire(timeout=seconds):
            return False
        self._running.release()
        return True

    def result(self) -> T:
        """What the call has returned; raises what it has raised. Only of one that has ended."""
        if self._error is not None:
            raise self._error
        return self._value  # type: ignore[return-value] # it is T once the call has ended

    def _run(self) -> None:
        # Signals are for the thread that has the loop.
        signal.pthread_sigmask(signal.SIG_BLOCK, _ALL)
        try:
            self._value = self._call()
        except Exception as error:  # noqa: BLE001 - `result` raises it
            self._error = error
        try:
            self._on_end()
        finally:
            self._running.release()


_hanging: set[object] = set()
os.register_at_fork(after_in_child=_hanging.clear)  # their threads stay in the parent


class DiskQueries:
    """Questions to disks during one reading of a configuration: a disk that is silent costs the patience once."""

    def __init__(self, patience: float | None = None) -> None:
        """`patience` is how long the first is waited for, in seconds."""
        self._patience = PATIENCE if patience is None else patience

    def ask(self, question: Callable[[], bool]) -> bool | None:
        """The answer; None where there is none in time. The question raises nothing."""
        if len(_hanging) >= MOST_HANGING:
            return None
        key = object()
        _hanging.add(key)
        try:
            call = BlockingCall(question, lambda: _hanging.discard(key))
        except NoThread:
            _hanging.discard(key)
            return question()  # there is no other way than to wait for it
        # In two halves: a machine that has stood still itself takes no more than one of them.
        half = self._patience / 2
        if call.wait(half) or call.wait(half):
            return call.result()
        self._patience = SHORT_PATIENCE
        return None
