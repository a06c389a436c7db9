"""Notifications as records of the journal. Orders inside the master, and orphans that nobody asked about, have none."""

import time
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from procman.core.actions import (
    Announce,
    AnnounceDescendants,
    AnnounceGroup,
    AnnounceGroupChanged,
    AnnounceInPlace,
    AnnounceMaster,
    Kill,
    ProcessRemoved,
    Quit,
)
from procman.core.events import Adopted, ExitStatus, KillFailed, Spawned, SpawnFailed
from procman.core.fleet import Fleet
from procman.runtime.bus import Notification, OperationBegan, OperationEnded, ProcessEnded
from procman.runtime.journal.record import Record, RecordKind
from procman.runtime.process_trees import OrphanedDescendants
from procman.system.signals import signal_name

_signal_name = cache(signal_name)

# So many pids of descendants are named in one record.
MOST_PIDS = 20


class Translator:
    """Makes records of notifications; the fleet knows the group and the run of a process."""

    def __init__(self, fleet: Fleet, clock: Callable[[], float] = time.time) -> None:
        self._fleet = fleet
        self._clock = clock

    def record_of(self, notification: Notification, mono: float) -> Record | None:
        """The record, or None where the notification deserves none; `mono` is the time of the loop."""
        match event := notification.event:
            case Announce(name=name):
                data: dict[str, Any] = {"pid": event.pid} if event.pid else {}
                if event.tries:
                    data["tries"] = event.tries
                if not event.expected:
                    data["expected"] = False
                made = self._about(notification, mono, "state", name, event.reason, data)
                return made._replace(before=event.before.name, after=event.after.name)
            case ProcessEnded(name, pid, status, descendants):
                data = {"pid": pid, **_end(status), **_pids(descendants)}
                return self._about(notification, mono, "exit", name, "", data)
            case Spawned(name, pid):
                return self._about(notification, mono, "spawn", name, "", {"pid": pid})
            case Adopted(name, pid, age):
                return self._about(notification, mono, "spawn", name, "adopted", {"pid": pid, "age": round(age, 3)})
            case SpawnFailed(name, reason, code):
                return self._about(notification, mono, "spawn", name, reason, {"code": code, "failed": True})
            case Kill(name, pid, signal, scope, overdue):
                data = {"signal": _signal_name(int(signal)), "scope": scope.value, "pid": pid}
                return self._about(notification, mono, "signal", name, "overdue" if overdue else "", data)
            case KillFailed(name, reason):
                return self._about(notification, mono, "signal", name, reason, {"failed": True})
            case _:
                return self._of_the_rest(notification, mono)

    def _of_the_rest(self, notification: Notification, mono: float) -> Record | None:
        data: dict[str, Any]
        match notification.event:
            case AnnounceDescendants(name, _, pids):
                return self._about(notification, mono, "state", name, "descendants are stopped", _pids(pids))
            case OrphanedDescendants(name, pids):
                return self._about(notification, mono, "state", name, "descendants still run", _pids(pids))
            case ProcessRemoved(name):
                return self._about(notification, mono, "config", name, "removed")
            case AnnounceInPlace(name=name):
                return self._about(notification, mono, "config", name, "changed in place")
            case AnnounceGroup(name, added):
                made = self._about(notification, mono, "config", "", "group added" if added else "group removed")
                return made._replace(group=name)
            case AnnounceGroupChanged(group):
                return self._about(notification, mono, "config", "", "group changed")._replace(group=group.name)
            case AnnounceMaster(state, waiting, cause):
                data = {"waiting": len(waiting)}
                return self._about(notification, mono, "master", "", cause, data)._replace(after=state.name)
            case Quit(restart, code, unsettled):
                data = {"code": code, "unsettled": list(unsettled)}
                return self._about(notification, mono, "master", "", "reload" if restart else "quit", data)
            case OperationBegan(_, kind, targets):
                return self._about(notification, mono, "op-begin", "", kind, {"targets": list(targets)})
            case OperationEnded(_, kind, error, failed):
                data = {"error": error} if error is not None else {}
                if failed:
                    data["failed"] = list(failed)
                return self._about(notification, mono, "op-end", "", kind, data)
            case _:
                return None

    def _about(  # noqa: PLR0917 - called on each record, and keywords cost
        self,
        notification: Notification,
        mono: float,
        kind: RecordKind,
        name: str,
        reason: str = "",
        data: Mapping[str, Any] | None = None,
    ) -> Record:
        process = self._fleet.processes.get(name)
        group, run = (process.program.group, process.attempt) if process is not None else ("", 0)
        actor, cause, operation = notification.origin
        return Record(
            notification.seq,
            self._clock(),
            mono,
            kind,
            group,
            name,
            run,
            reason=reason,
            cause=cause,
            operation=operation,
            actor=actor,
            data=data or None,
        )


def _end(status: ExitStatus) -> dict[str, Any]:
    if not status.known:
        return {"known": False}
    if status.signal is None:
        return {"code": status.code}
    core = {"core": True} if status.core_dumped else {}
    return {"signal": _signal_name(status.signal), **core}


def _pids(pids: tuple[int, ...]) -> dict[str, Any]:
    return {"descendants": list(pids[:MOST_PIDS])} if pids else {}
