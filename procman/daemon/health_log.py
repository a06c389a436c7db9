"""The lines of the master's log about health: one when a program becomes unhealthy, one when it is well again."""

from typing import Protocol

from procman.core.actions import AnnounceHealth, AnnounceHealthPause
from procman.core.fleet import Fleet
from procman.core.states import State
from procman.runtime.bus import Interest, Notification


class _Log(Protocol):
    def info(self, text: str) -> object: ...
    def warn(self, text: str) -> object: ...


class HealthLog:
    """Subscribe `tell` to the bus."""

    hears: tuple[Interest, ...] = (AnnounceHealth, AnnounceHealthPause)

    def __init__(self, fleet: Fleet, log: _Log) -> None:
        """`fleet` is only read; the lines go to `log`."""
        self._fleet = fleet
        self._log = log

    def tell(self, notification: Notification) -> None:
        """Write down what has happened."""
        match notification.event:
            # A restart has a line of its own, which says the same.
            case AnnounceHealth(name=name, healthy=False, words=words) if not self._is_restarted(name):
                self._log.warn(f"unhealthy: {self._short(name)} ({words})")
            case AnnounceHealth(name=name, before=False, healthy=True, words=words):
                self._log.info(f"healthy again: {self._short(name)} ({words})")
            case AnnounceHealthPause(name, seconds, reason) if seconds:
                why = f" ({reason})" if reason else ""
                self._log.info(f"the health of {self._short(name)} is not looked at for {seconds:g} s{why}")
            case AnnounceHealthPause(name=name):
                self._log.info(f"the health of {self._short(name)} is looked at again")
            case _:
                pass

    def _is_restarted(self, name: str) -> bool:
        process = self._fleet.processes.get(name)
        return process is not None and bool(process.sick) and process.state is State.STOPPING

    def _short(self, name: str) -> str:
        """As in supervisor's log, without the group."""
        process = self._fleet.processes.get(name)
        return process.program.name if process else name
