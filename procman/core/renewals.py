"""Restarts those that are due for their memory or their age, of one program one after the other. No I/O, no clock here.

- It is a polite restart: the stop sequence of a stop, and what depends on it is told. `core.restarting` says whether it
  starts at once; restart_limit counts it.
- Of the processes that numprocs makes of a program, one at a time goes down for it: the next one may when that is
  RUNNING again, or will not be soon.
"""

from collections.abc import Callable, Mapping

from procman.core.actions import Action
from procman.core.events import DeadlineReached, Event, GroupChanged, MemoryMeasured
from procman.core.health_checks import is_to_become_healthy
from procman.core.process import Process
from procman.core.states import State
from procman.core.stopping import renew
from procman.core.wear import words

_MAKES_DUE = (DeadlineReached, MemoryMeasured, GroupChanged)


class Renewals:
    """Of one fleet."""

    def __init__(self, processes: Mapping[str, Process], is_rolling: Callable[[str], bool] = lambda _: False) -> None:
        """`processes` are those of the fleet at any time; `is_rolling` says of a program if it is restarted."""
        self._processes = processes
        self._is_rolling = is_rolling
        self._any_due = True  # after an upgrade some may be

    def follow(self, event: Event, now: float) -> list[Action]:
        """Restart those that may go now, after that event."""
        if isinstance(event, _MAKES_DUE):
            self._any_due = True
        if not self._any_due:
            return []
        actions: list[Action] = []
        due = [process for process in self._processes.values() if process.wear.due]
        for process in due:
            if not _can_be_renewed(process):
                process.wear.due = ""
            elif not self._has_one_under_way(process):
                wear = process.wear
                why, reason = words(process), wear.due
                wear.due, wear.renewing = "", reason
                process.reason = why
                actions += renew(process, now, reason, why)
        self._any_due = any(process.wear.due for process in due)
        return actions

    def _has_one_under_way(self, process: Process) -> bool:
        section = process.program.section
        if self._is_rolling(process.program.program):
            return True
        return bool(section) and any(
            other.program.section == section and _is_under_way(other) and other is not process
            for other in self._processes.values()
        )


def _can_be_renewed(process: Process) -> bool:
    is_up = process.state is State.RUNNING and process.wanted
    return is_up and not (process.leaving or process.ties.deferred or process.successor is not None)


def _is_under_way(process: Process) -> bool:
    """It goes down for that, or comes up after it, and has not failed to."""
    if not process.wear.renewing or process.failures:
        return False
    if process.program.restart_strategy == "rolling" and is_to_become_healthy(process):
        return True
    return process.state in (State.STOPPING, State.STARTING) or process.ties.deferred
