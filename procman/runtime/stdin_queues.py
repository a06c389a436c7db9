"""The stdin of processes: the master's end of each pipe, and a queue of what did not fit into it."""

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from procman.errors import OperationError, OperationFailed, Reason, WrongState
from procman.logs.output_stream import from_base64, to_base64

# The most that may be queued for a process, in bytes.
CAPACITY = 1024 * 1024


@dataclass(slots=True)
class _Queue:
    fd: int
    waiting: bytearray = field(default_factory=bytearray)
    when_read: Callable[[], None] | None = None  # called once when the queue is empty


class StdinQueues:
    """One queue for each running process, by namespec."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """The loop writes what does not fit at once."""
        self._loop = loop
        self._queues: dict[str, _Queue] = {}

    def open(self, name: str, fd: int) -> None:
        """A process has started: take its pipe."""
        self._queues[name] = _Queue(fd)

    def write(self, name: str, data: bytes) -> None:
        """Write or queue it for the process; raises OperationError."""
        queue = self._queues.get(name)
        if queue is None:
            raise WrongState(name, Reason.NOT_RUNNING)
        if len(queue.waiting) + len(data) > CAPACITY:
            raise OperationFailed(f"cannot write to {name}: it does not read its input")
        try:
            self._add(name, queue, data)
        except BrokenPipeError:
            raise OperationError(f"cannot write to {name}: it has closed its input", Reason.STDIN_CLOSED) from None

    def deliver(self, name: str, data: bytes, when_read: Callable[[], None]) -> bool:
        """Write or queue all of it, however long, unless the process has not read all earlier data.

        Then return False, and call `when_read` once it has. Raises BrokenPipeError if it cannot read any more.
        """
        queue = self._queues.get(name)
        if queue is None:
            raise BrokenPipeError
        if queue.waiting:
            queue.when_read = when_read
            return False
        self._add(name, queue, data)
        return True

    def close(self, name: str) -> None:
        """The process has ended; what it has not read is dropped."""
        queue = self._queues.pop(name, None)
        if queue is not None:
            if queue.waiting:
                self._loop.remove_writer(queue.fd)
            os.close(queue.fd)

    def close_all(self) -> None:
        """Close every pipe."""
        for name in list(self._queues):
            self.close(name)

    def snapshot(self) -> list[dict[str, Any]]:
        """Plain data for the master's successor; queued data is in base64."""
        return [
            {"name": name, "fd": queue.fd, "waiting": to_base64(queue.waiting)} for name, queue in self._queues.items()
        ]

    def restore(self, data: list[dict[str, Any]]) -> None:
        """Continue from what `snapshot` returned."""
        for known in data:
            name = known["name"]
            self.open(name, known["fd"])
            if known["waiting"]:
                self._add(name, self._queues[name], from_base64(known["waiting"]))

    def _add(self, name: str, queue: _Queue, data: bytes) -> None:
        was_empty = not queue.waiting
        queue.waiting += data
        self._write(name, queue)
        if self._queues.get(name) is not queue:
            raise BrokenPipeError
        if queue.waiting and was_empty:
            self._loop.add_writer(queue.fd, self._write, name, queue)

    def _write(self, name: str, queue: _Queue) -> None:
        try:
            while queue.waiting:
                del queue.waiting[: os.write(queue.fd, queue.waiting)]
        except BlockingIOError:
            return
        except OSError:
            # The process has closed its stdin: the queued data has no reader any more.
            self.close(name)
            return
        self._loop.remove_writer(queue.fd)
        when_read, queue.when_read = queue.when_read, None
        if when_read is not None:
            when_read()
