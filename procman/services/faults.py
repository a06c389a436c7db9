"""Faults that are made on purpose: a process is killed, does nothing for a while, or looks at it fail for a while.

What ends a fault is here and not at the client: a process that was stopped goes on when its time is over, when the
master begins to shut down, and when the master is closed.
"""

import asyncio
from dataclasses import dataclass
from signal import SIGCONT, SIGKILL, SIGSTOP
from typing import Literal

from procman.core.actions import AnnounceMaster, ProcessRemoved
from procman.core.attribution import Origin
from procman.core.events import KillFailed, SignalRequested
from procman.errors import OperationFailed
from procman.runtime.bus import Notification, ProcessEnded
from procman.runtime.engine import Engine
from procman.runtime.looks import Looks

FaultKind = Literal["kill", "stop", "unready"]

# What a look says that fails for this.
COUNTED_AS_FAILED = "was made to fail (chaos)"


@dataclass(slots=True)
class _Fault:
    """One that lasts."""

    kind: FaultKind
    pid: int
    origin: Origin
    timer: asyncio.TimerHandle


class Faults:
    """On the running loop."""

    def __init__(self, engine: Engine, looks: Looks) -> None:
        """Subscribes to the engine's bus for as long as it lives."""
        self._engine = engine
        self._looks = looks
        self._lasting: dict[str, _Fault] = {}
        self._refusals: dict[str, str] = {}
        engine.bus.subscribe(self._hear, ProcessEnded, ProcessRemoved, AnnounceMaster, KillFailed)

    def lasts(self, name: str) -> bool:
        """Whether a fault of that process is not over yet."""
        return name in self._lasting

    def make(self, kind: FaultKind, name: str, seconds: float, origin: Origin) -> None:
        """Make one, of a process that runs; raises OperationFailed where the kernel refuses."""
        pid = self._engine.fleet.processes[name].pid or 0
        match kind:
            case "kill":
                self._send(name, SIGKILL, origin)
                return
            case "stop":
                self._send(name, SIGSTOP, origin)
            case "unready":
                self._looks.failing[name] = COUNTED_AS_FAILED
                if origin.cause is not None:  # what is found from now on follows from this
                    self._engine.attribution.happened(name, origin, origin.cause)
        timer = asyncio.get_running_loop().call_later(seconds, self._end, name)
        self._lasting[name] = _Fault(kind, pid, origin, timer)

    def _hear(self, notification: Notification) -> None:
        """A fault is over when its process has ended or left, and when everything is to stop."""
        match notification.event:
            case ProcessEnded(name=name) | ProcessRemoved(name=name):
                fault = self._lasting.get(name)
                # Looks at the next run fail, too: its time is not over.
                if fault is not None and (fault.kind == "stop" or isinstance(notification.event, ProcessRemoved)):
                    self._end(name)
            case AnnounceMaster():
                self.close()
            case KillFailed(name, reason):
                self._refusals[name] = reason
            case _:
                pass

    @property
    def obstacle(self) -> str | None:
        """Why an upgrade cannot happen at this moment: another process image would not know what to end."""
        name = next(iter(self._lasting), None)
        return None if name is None else f"chaos with {name} is not over"

    def close(self) -> None:
        """End them all."""
        for name in list(self._lasting):
            self._end(name)

    def _end(self, name: str) -> None:
        fault = self._lasting.pop(name, None)
        if fault is None:
            return
        fault.timer.cancel()
        self._looks.failing.pop(name, None)
        process = self._engine.fleet.processes.get(name)
        if fault.kind == "stop" and process is not None and process.pid == fault.pid:
            self._engine.post(SignalRequested(name, SIGCONT), fault.origin)
        self._engine.bus.nudge()

    def _send(self, name: str, signal: int, origin: Origin) -> None:
        self._refusals.pop(name, None)
        self._engine.post(SignalRequested(name, signal), origin)
        if (refusal := self._refusals.pop(name, None)) is not None:
            raise OperationFailed(refusal)
