"""How a process ended, in words."""

from procman.core.events import ExitStatus
from procman.system.reaper import Reaped
from procman.system.signals import signal_name


def ending(status: ExitStatus | Reaped) -> str:
    """How it ended: "exit status 1", or "terminated by SIGKILL (core dumped)"."""
    if not status.known:
        return "exit status unknown"
    if status.signal is None:
        return f"exit status {status.code}"
    return f"terminated by {signal_name(status.signal)}{' (core dumped)' if status.core_dumped else ''}"
