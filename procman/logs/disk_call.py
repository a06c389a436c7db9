"""One call on the thread of a disk, and its outcome for the caller."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class DiskTimeout(Exception):
    """The disk has not answered in time."""


class DiskCall(Generic[T]):
    """A call whose outcome its caller wants: the thread calls it, the loop waits for it."""

    def __init__(self, call: Callable[[], T], then: Callable[[], object] | None = None) -> None:
        """`then` is called on the thread, when the call has ended."""
        self.has_begun = False
        self._call = call
        self._then = then
        self._result: T
        self._error: Exception | None = None
        self._running = threading.Lock()
        self._running.acquire()

    def __call__(self) -> None:
        """On the thread: make the call."""
        self.has_begun = True
        try:
            self._result = self._call()
        except Exception as error:  # noqa: BLE001 - `result` raises it in the caller
            self._error = error
        self._running.release()
        if self._then is not None:
            self._then()

    def wait(self, timeout: float) -> bool:
        """Whether the call has ended within `timeout` seconds. Must not be asked again once it has."""
        return self._running.acquire(timeout=timeout)

    def result(self) -> T:
        """Return what the call returned, or raise what it raised."""
        if self._error is not None:
            raise self._error
        return self._result
