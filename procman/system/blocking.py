"""Runs calls that may block for ever (a disk or a directory service that does not respond) in threads.

Each has a thread of its own, which is abandoned if it hangs. `DiskQueries` waits for an answer without an event loop;
`runtime.call_queue` and `runtime.start_gate` wait on the loop.
"""

import _thread
import os
import signal
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

# Seconds to wait for the first query of a reading, and for each later one once a query has timed out.
PATIENCE = 1.0
SHORT_PATIENCE = 0.05
# At most so many hanging queries are abandoned; after that, no further query is answered.
MOST_HANGING = 32

_ALL = signal.valid_signals()  # making this set takes 0.1 ms


class NoThread(Exception):
    """The system has no more threads for this user; nothing was called."""


class BlockingCall(Generic[T]):
    """A call on a thread of its own."""

    def __init__(self, call: Callable[[], T], on_end: Callable[[], object] = lambda: None) -> None:
        """Start the call; raises NoThread. `on_end` is called on the thread, before `wait` returns."""
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
        """Whether it ends within that time."""
        if not self._running.acquire(timeout=seconds):
            return False
        self._running.release()
        return True

    def result(self) -> T:
        """What the call returned; raises what it raised. Only after it has ended."""
        if self._error is not None:
            raise self._error
        return self._value  # type: ignore[return-value] # it is T once the call has ended

    def _run(self) -> None:
        # The thread with the event loop handles signals.
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
os.register_at_fork(after_in_child=_hanging.clear)  # the threads remain in the parent


class DiskQueries:
    """Queries to disks while one configuration is read: a disk that does not respond costs the full wait only once."""

    def __init__(self, patience: float | None = None) -> None:
        """`patience` limits the wait for the first query, in seconds."""
        self._patience = PATIENCE if patience is None else patience

    def ask(self, question: Callable[[], bool]) -> bool | None:
        """The answer; None if there is none in time. The question must not raise."""
        if len(_hanging) >= MOST_HANGING:
            return None
        key = object()
        _hanging.add(key)
        try:
            call = BlockingCall(question, lambda: _hanging.discard(key))
        except NoThread:
            _hanging.discard(key)
            return question()  # the only way is to wait for it
        # In two halves: if the machine itself was suspended, that uses up only one of them.
        half = self._patience / 2
        if call.wait(half) or call.wait(half):
            return call.result()
        self._patience = SHORT_PATIENCE
        return None
