"""The sink protocol: where the bytes of one stream end up. Also `Null`, the sink that keeps nothing.

The rule for every sink: it writes what it is given or counts it as lost, and neither an error nor a slow reader ever
comes back to the writer. A sink that is full says so, and its stream is not read until the sink calls back.
"""

from collections.abc import Callable
from typing import Protocol

# What a message about a log that cannot be written says of its program.
PROGRAM_GOES_ON = "the program keeps running, its output is counted as lost until this is mended"


class Sink(Protocol):
    """One destination of one stream."""

    @property
    def path(self) -> str | None:
        """The file that can be read back, if there is one."""

    @property
    def lost(self) -> int:
        """How many bytes could not be written, ever."""

    @property
    def problem(self) -> str | None:
        """What is wrong with the sink now."""

    @property
    def ready(self) -> bool:
        """Whether the sink can take more; if not, `on_ready` tells when."""

    def write(self, data: bytes) -> bool:
        """Take all of `data`. False asks the caller to wait for `on_ready` before the next write."""

    def on_ready(self, callback: Callable[[], None]) -> None:
        """Call back once, when there is room again."""

    def end(self) -> None:
        """The stream has ended: write what was kept of an unfinished line. Another stream may follow."""

    def reopen(self) -> None:
        """Begin a new file if the old one was moved away."""

    async def clear(self) -> None:
        """Remove what was written so far; raises OperationFailed."""

    def close(self) -> None:
        """Release everything; later writes are lost."""


class Null:
    """Takes everything and keeps nothing, as configured: nothing of it counts as lost."""

    path = None
    lost = 0
    problem = None
    ready = True

    def write(self, data: bytes) -> bool:  # noqa: ARG002 - the protocol's name for what is dropped
        """Drop it."""
        return True

    def on_ready(self, callback: Callable[[], None]) -> None:
        """Call back at once: a Null is always ready."""
        callback()

    def end(self) -> None:
        """Nothing is held back."""

    def reopen(self) -> None:
        """Nothing is open."""

    async def clear(self) -> None:
        """Nothing was kept."""

    def close(self) -> None:
        """Nothing is open."""
