"""What crash reports are made of: the rooms of a master that they look at, and what its configuration says."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from procman.config.schema.programs import Program
from procman.core.fleet import Fleet
from procman.core.spec import Hook
from procman.logs.protocol import Log
from procman.runtime.journal.journal import Journal
from procman.services.ends import Ends
from procman.services.explanations import Explanations
from procman.services.hook_results import LastResult
from procman.services.last_looks import LastLooks


class LastOutput(Protocol):
    """Gives the end of what a run has written; see `WrittenOutput.last_output`."""

    def __call__(
        self, name: str, pid: int, length: int, then: Callable[[Any, bytes | None, int], None]
    ) -> Iterable[str]:
        """Call `then` for each channel; returns the channels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """All of them are only read, but for the log."""

    fleet: Fleet
    ends: Ends
    journal: Journal
    explanations: Explanations
    log: Log  # gets a line when reports cannot be written
    looks: LastLooks
    most: int  # so many reports are kept
    folder: str | None  # where they are written; None: they are in memory alone
    last_output: LastOutput
    environment_of: Callable[[Program], Mapping[bytes, bytes]]  # what a program is started with
    secrets_given: Callable[[str], Iterable[str]] = lambda _: ()  # the values that a process got from files
    directory: Callable[[], str]  # in which a program without one runs
    hooks: Callable[[str], Mapping[Hook, LastResult]] = lambda _: {}  # how those of a process ended that ran last
    on_end: Callable[[], object]  # is called when there is no `obstacle` any more
