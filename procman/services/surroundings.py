"""What the notifications of one run of the master work with, as they are imported with the first notify section."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from procman.logs.protocol import Log
from procman.runtime.bus import Bus
from procman.runtime.children import Children
from procman.runtime.command_runner import CommandRunner
from procman.services.endings import End
from procman.services.explanations import Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """All of it."""

    bus: Bus
    commands: CommandRunner
    children: Children
    log: Log
    host: str  # the name of the machine
    identifier: str  # of the master
    tag: Callable[[], str]  # makes one for a helper (see `system.tree`)
    why: Callable[[str], str]  # why the process of that namespec has failed
    end_of: Callable[[str], End | None]  # how it ended last, and why
    finding: Callable[[str], Finding | None]  # what is known of its last failure, beyond how it ended
    note: Callable[[str, Mapping[str, Any]], object]  # takes down in the journal what became of a message
    may_run: Callable[[str], Awaitable[bool]]  # whether the disk of a command responds
    environment: Mapping[str, str]  # of the commands, in addition to the master's own
