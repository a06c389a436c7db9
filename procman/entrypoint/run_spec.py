"""What `procman run` is asked to run, and why that may fail."""

import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from procman.core.backoff import FIRST_DELAY
from procman.errors import ProcmanError

# As a shell has them.
NOT_EXECUTABLE = 126
NOT_FOUND = 127
KILLED = 128

# Never waited for: the kernel sends these for what this process does itself, or does not let it catch them.
NOT_PASSED_ON = frozenset(
    {
        signal.SIGKILL,
        signal.SIGSTOP,
        signal.SIGFPE,
        signal.SIGILL,
        signal.SIGSEGV,
        signal.SIGBUS,
        signal.SIGABRT,
        signal.SIGTRAP,
        signal.SIGSYS,
    }
)


class CannotRun(ProcmanError):
    """Why a program cannot be started; `status` is what to exit with."""

    def __init__(self, text: str, status: int) -> None:
        """`text` is the whole sentence."""
        super().__init__(text)
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSpec:
    """What to run, and how."""

    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    directory: str | None = None  # where it runs; None: where this process is
    to_group: bool = False  # signals reach the program's process group
    rewrite: Mapping[int, int] = field(default_factory=dict)  # this signal is passed on as that one; 0: not at all
    restart: Literal["never", "on-failure", "always"] = "never"
    first_delay: float = FIRST_DELAY  # seconds before it is started again; see DoublingDelay
    kill_after: float | None = None  # seconds from a stop signal to SIGKILL; None: no limit
    good: frozenset[int] = frozenset()  # exit statuses that are reported as 0
    settle: float = 0.0  # seconds that it is up before it counts as started
