"""Notifications as records of the journal. Orders inside the master, and orphans that nobody asked about, have none."""

import time
from collections.abc import Callable, Mapping, Sequence
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
from procman.runtime.bus import (
    Notification,
    OperationBegan,
    OperationEnded,
    ProcessEnded,
    UpdateStep,
)
from procman.runtime.journal.record import Record, RecordKind
from procman.runtime.process_trees import OrphanedDescendants
from procman.system.signals import signal_name

_signal_name = cache(signal_name)

# So many pids, names and the like are given in one record, and so many characters of a text.
MOST_NAMED = 20
MOST_CHARACTERS = 1000

Data = dict[str, Any]
_Make = Callable[[Notification, Any, float], Record]


class Translator:
    """Makes records of notifications; the fleet knows the group and the run of a process."""

    def __init__(
        self,
        fleet: Fleet,
        clock: Callable[[], float] = time.time,
        hide: Callable[[str], str] = lambda text: text,
    ) -> None:
        """`hide` takes secrets out of texts that may have some: command lines, and what the system says of them."""
        self._processes = fleet.processes
        self._clock = clock
        self._hide = hide
        # The latest run of each process, by its pid: the fleet may have decided on the next one when its end is told.
        self._runs: dict[str, tuple[int, int]] = {}
        self._makers: dict[type, _Make] = {
            Announce: self._state,
            ProcessEnded: self._exit,
            Spawned: self._spawned,
            Adopted: self._adopted,
            SpawnFailed: self._not_spawned,
            Kill: self._signal,
            KillFailed: self._not_signalled,
            AnnounceDescendants: self._waits_for_descendants,
            OrphanedDescendants: self._has_left,
            ProcessRemoved: self._removed,
            AnnounceInPlace: self._changed,
            AnnounceGroup: self._group,
            AnnounceGroupChanged: self._group_changed,
            AnnounceMaster: self._master,
            Quit: self._quit,
            OperationBegan: self._operation_began,
            OperationEnded: self._operation_ended,
            UpdateStep: self._update_step,
        }

    def record_of(self, notification: Notification, mono: float) -> Record | None:
        """The record, or None where the notification deserves none; `mono` is the time of the loop."""
        event = notification.event
        make = self._makers.get(type(event))
        return None if make is None else make(notification, event, mono)

    def text(self, text: str) -> str:
        """A text from elsewhere as a record may have it: of bounded length, and without secrets."""
        return _cut(self._hide(text))

    # ---- one for each event; positional, as they are called on each record

    def _state(self, notification: Notification, event: Announce, mono: float) -> Record:
        name, pid = event.name, event.pid
        data: Data = {"pid": pid} if pid else {}
        if event.tries:
            data["tries"] = event.tries
        if not event.expected:
            data["expected"] = False
        process = self._processes.get(name)
        group, run = (process.program.group, process.attempt) if process is not None else ("", 0)
        if pid:
            known = self._runs.get(name)
            if known is not None and known[0] == pid:
                run = known[1]
        actor, cause, operation = notification.origin
        return Record(
            notification.seq,
            self._clock(),
            mono,
            "state",
            group,
            name,
            run,
            event.before.name,
            event.after.name,
            "",
            self.text(event.reason) if event.reason else "",
            cause,
            operation,
            actor,
            data or None,
        )

    def _exit(self, notification: Notification, event: ProcessEnded, mono: float) -> Record:
        self._note_run(event.name, event.pid)
        data = {"pid": event.pid, **_end(event.status), **_named("descendants", event.descendants)}
        return self._about(notification, mono, "exit", event.name, "", data)

    def _spawned(self, notification: Notification, event: Spawned, mono: float) -> Record:
        self._note_run(event.name, event.pid)
        return self._about(notification, mono, "spawn", event.name, "", {"pid": event.pid})

    def _adopted(self, notification: Notification, event: Adopted, mono: float) -> Record:
        self._note_run(event.name, event.pid)
        data = {"pid": event.pid, "age": round(event.age, 3)}
        return self._about(notification, mono, "spawn", event.name, "adopted", data)

    def _not_spawned(self, notification: Notification, event: SpawnFailed, mono: float) -> Record:
        data = {"code": event.code, "failed": True}
        return self._about(notification, mono, "spawn", event.name, self.text(event.reason), data)

    def _signal(self, notification: Notification, event: Kill, mono: float) -> Record:
        data = {"signal": _signal_name(int(event.signal)), "scope": event.scope.value, "pid": event.pid}
        return self._about(notification, mono, "signal", event.name, "overdue" if event.overdue else "", data)

    def _not_signalled(self, notification: Notification, event: KillFailed, mono: float) -> Record:
        return self._about(notification, mono, "signal", event.name, self.text(event.reason), {"failed": True})

    def _waits_for_descendants(self, notification: Notification, event: AnnounceDescendants, mono: float) -> Record:
        data = _named("descendants", event.pids)
        made = self._about(notification, mono, "state", event.name, "descendants are stopped", data)
        return made._replace(phase="leftovers")

    def _has_left(self, notification: Notification, event: OrphanedDescendants, mono: float) -> Record:
        data = _named("descendants", event.pids)
        return self._about(notification, mono, "state", event.name, "descendants still run", data)

    def _removed(self, notification: Notification, event: ProcessRemoved, mono: float) -> Record:
        self._runs.pop(event.name, None)
        return self._about(notification, mono, "config", event.name, "removed")

    def _changed(self, notification: Notification, event: AnnounceInPlace, mono: float) -> Record:
        return self._about(notification, mono, "config", event.name, "changed in place")

    def _group(self, notification: Notification, event: AnnounceGroup, mono: float) -> Record:
        reason = "group added" if event.added else "group removed"
        return self._about(notification, mono, "config", "", reason, None, event.name)

    def _group_changed(self, notification: Notification, event: AnnounceGroupChanged, mono: float) -> Record:
        return self._about(notification, mono, "config", "", "group changed", None, event.group.name)

    def _master(self, notification: Notification, event: AnnounceMaster, mono: float) -> Record:
        data = {"waiting": len(event.waiting)}
        return self._about(notification, mono, "master", "", event.cause, data)._replace(after=event.state.name)

    def _quit(self, notification: Notification, event: Quit, mono: float) -> Record:
        data = {"code": event.code, **_named("unsettled", event.unsettled)}
        return self._about(notification, mono, "master", "", "reload" if event.restart else "quit", data)

    def _operation_began(self, notification: Notification, event: OperationBegan, mono: float) -> Record:
        return self._about(notification, mono, "op-begin", "", event.kind, _named("targets", event.targets))

    def _operation_ended(self, notification: Notification, event: OperationEnded, mono: float) -> Record:
        data: Data = {} if event.error is None else {"error": self.text(event.error)}
        return self._about(notification, mono, "op-end", "", event.kind, {**data, **_named("failed", event.failed)})

    def _update_step(self, notification: Notification, event: UpdateStep, mono: float) -> Record:
        data = _named("options", event.options)
        return self._about(notification, mono, "update-step", event.name, event.action, data, event.group)

    def _note_run(self, name: str, pid: int) -> None:
        process = self._processes.get(name)
        if process is not None:
            self._runs[name] = pid, process.attempt

    def _about(  # noqa: PLR0917 - called on each record, and keywords cost
        self,
        notification: Notification,
        mono: float,
        kind: RecordKind,
        name: str,
        reason: str = "",
        data: Mapping[str, Any] | None = None,
        group: str = "",
    ) -> Record:
        run = 0
        if name:
            process = self._processes.get(name)
            if process is not None:
                group, run = process.program.group, process.attempt
        actor, cause, operation = notification.origin
        return Record(
            notification.seq,
            self._clock(),
            mono,
            kind,
            group,
            name,
            run,
            "",
            "",
            "",
            reason,
            cause,
            operation,
            actor,
            data or None,
        )


def _end(status: ExitStatus) -> Data:
    if not status.known:
        return {"known": False}
    if status.signal is None:
        return {"code": status.code}
    core = {"core": True} if status.core_dumped else {}
    return {"signal": _signal_name(status.signal), **core}


def _named(key: str, values: Sequence[int | str]) -> Data:
    """The first of them, and how many there are where that is more."""
    if not values:
        return {}
    named = {key: [_cut(value) if isinstance(value, str) else value for value in values[:MOST_NAMED]]}
    return {**named, f"{key}_count": len(values)} if len(values) > MOST_NAMED else named


def _cut(text: str) -> str:
    return text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]}…"
