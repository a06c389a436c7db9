"""What takes long, or may wait for a disk, done in a thread beside the loop: one thing after the other.

The configuration is read there, so that neither a thousand programs in it nor a disk that does not answer hold anything
up. The thread has nothing to itself but what it was given, and ends with it.
"""

import asyncio
import concurrent.futures
import signal
import threading
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


class TakesTooLong(Exception):
    """It has not ended in time, and goes on."""


class BlockingCalls:
    """Has things done, each when the one before has ended, for whoever waits on the running loop."""

    def __init__(self, within: float) -> None:
        """`within` is how long a caller waits for its call, in seconds."""
        self.on_end: Callable[[], object] = lambda: None  # called when any call has ended
        self._within = within
        self._under_way: asyncio.Future[Any] | None = None

    @property
    def busy(self) -> bool:
        """Whether something is under way."""
        return self._under_way is not None

    async def do(self, call: Callable[[], T]) -> T:
        """What the call returns or raises; TakesTooLong where it, or what is before it, does not end in time."""
        until = asyncio.get_running_loop().time() + self._within
        while self._under_way is not None:
            await _wait(self._under_way, until)
        outcome: concurrent.futures.Future[T] = concurrent.futures.Future()
        ended: asyncio.Future[T] = asyncio.wrap_future(outcome)
        self._under_way = ended
        ended.add_done_callback(self._has_ended)
        try:
            threading.Thread(target=_run, args=(call, outcome), name="procman-aside", daemon=True).start()
        except RuntimeError:  # no more threads for this user: everybody waits, as there is no other way
            _run(call, outcome)
        await _wait(ended, until)
        return ended.result()

    def _has_ended(self, ended: asyncio.Future[T]) -> None:
        ended.exception()  # else asyncio complains of one that nobody has waited for
        self._under_way = None
        self.on_end()


async def _wait(ended: asyncio.Future[Any], until: float) -> None:
    # Not wait_for, which before Python 3.12 may take a cancellation for nothing.
    await asyncio.wait({ended}, timeout=until - asyncio.get_running_loop().time())
    if not ended.done():
        raise TakesTooLong


def _run(call: Callable[[], T], outcome: concurrent.futures.Future[T]) -> None:
    # Signals are for the thread that has the loop.
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        outcome.set_result(call())
    except Exception as error:  # noqa: BLE001 - whoever waits for it gets it
        outcome.set_exception(error)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
