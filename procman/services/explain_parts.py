"""What `why` looks at: the rooms of a master, and what only the daemon knows."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from procman.config.schema.configuration import Config
from procman.config.schema.programs import Program
from procman.runtime.engine import Engine
from procman.runtime.journal.journal import Journal
from procman.runtime.written_output import WrittenOutput
from procman.services.configuration import ConfigService
from procman.services.confirming import Confirming
from procman.services.ends import Ends
from procman.services.explanations import Explanations
from procman.services.process_table import ProcessTable
from procman.services.status import StatusBoard
from procman.services.terminals import TerminalService
from procman.services.watches import WatchService

MASTER = "procman"


class SilentPlaces(Protocol):
    """Knows what does not answer, as `runtime.start_gate` does."""

    def silence_for(self, program: Program) -> str | None:
        """Says what the program needs and what does not answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AboutMaster:
    """What only the daemon knows of the master."""

    began: float  # seconds since the epoch
    obstacle: Callable[[], str | None]  # why its code could not be replaced just now
    silent_disks: Callable[[], list[str]]  # where logs are and nothing answers
    unsent: Callable[[], list[str]]  # why messages of notify sections cannot be sent
    # The file as it is on the disk, None where it cannot be used; and why not.
    look_at_file: Callable[[], Awaitable[tuple[Config | None, list[str]]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What `why` looks at; all of them are only read."""

    engine: Engine
    status: StatusBoard
    processes: ProcessTable
    ends: Ends
    explanations: Explanations
    journal: Journal
    configuration: ConfigService
    gate: SilentPlaces
    report_of: Callable[[str], int | None]  # the number of the crash report of the last run
    master: AboutMaster
    terminals: TerminalService
    watches: WatchService
    written: WrittenOutput
    confirming: Confirming
