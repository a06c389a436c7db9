"""Notifications as records of the journal. Orders inside the master, and orphans that nobody asked about, have none."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from procman.core.actions import (
    Announce,
    AnnounceDescendants,
    AnnounceGroup,
    AnnounceGroupChanged,
    AnnounceHealth,
    AnnounceHealthPause,
    AnnounceInPlace,
    AnnounceMaster,
    AnnounceRefreshed,
    AnnounceSchedule,
    Kill,
    ProcessRemoved,
    Quit,
    SkipHook,
)
from procman.core.events import Adopted, ExitStatus, KillFailed, Spawned, SpawnFailed
from procman.core.fleet import Fleet
from procman.runtime.bus import (
    GivenFromFiles,
    HookRan,
    LimitsLeftOut,
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
_Make = Callable[["Seen", Any], Record]


# Not frozen, which would take three times as long: hundreds are made in a second.
@dataclass(slots=True)
class Seen:
    """A notification, and how things stood then."""

    notification: Notification
    time: float
    mono: float
    group: str  # of the process that it is about
    run: int


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
            GivenFromFiles: self._given,
            SpawnFailed: self._not_spawned,
            HookRan: self._hook_ran,
            SkipHook: self._hook_skipped,
            AnnounceRefreshed: self._refreshed,
            Kill: self._signal,
            KillFailed: self._not_signalled,
            AnnounceDescendants: self._waits_for_descendants,
            OrphanedDescendants: self._has_left,
            ProcessRemoved: self._removed,
            AnnounceInPlace: lambda seen, event: self._about(seen, "config", event.name, "changed in place"),
            AnnounceSchedule: self._schedule,
            AnnounceGroup: self._group,
            AnnounceGroupChanged: self._group_changed,
            AnnounceMaster: self._master,
            Quit: self._quit,
            AnnounceHealth: self._health,
            AnnounceHealthPause: self._health,
            OperationBegan: self._operation_began,
            OperationEnded: self._operation_ended,
            UpdateStep: self._update_step,
            LimitsLeftOut: self._left_out,
        }

    def seen(self, notification: Notification, mono: float) -> Seen | None:
        """All that a record is made of, or None where the notification deserves none; `mono` is the time of the loop.

        What may have changed when the record is made is looked up now.
        """
        event = notification.event
        if type(event) not in self._makers:
            return None
        process = self._processes.get(getattr(event, "name", ""))
        if process is None:
            return Seen(notification, self._clock(), mono, "", 0)
        return Seen(notification, self._clock(), mono, process.program.group, process.attempt)

    def record_of(self, seen: Seen) -> Record:
        """The record."""
        event = seen.notification.event
        return self._makers[type(event)](seen, event)

    def text(self, text: str) -> str:
        """A text from elsewhere as a record may have it: of bounded length, and without secrets."""
        return _cut(self._hide(text))

    # ---- one for each event

    def _state(self, seen: Seen, event: Announce) -> Record:
        name, pid = event.name, event.pid
        data: Data = {"pid": pid} if pid else {}
        if event.tries:
            data["tries"] = event.tries
        if not event.expected:
            data["expected"] = False
        run = seen.run
        if pid:
            known = self._runs.get(name)
            if known is not None and known[0] == pid:
                run = known[1]
        actor, cause, operation = seen.notification.origin
        return Record(
            seen.notification.seq,
            seen.time,
            seen.mono,
            "state",
            seen.group,
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

    def _exit(self, seen: Seen, event: ProcessEnded) -> Record:
        self._note_run(seen, event.name, event.pid)
        data = _end(event.pid, event.status)
        if event.descendants:
            data |= _named("descendants", event.descendants)
        return self._about(seen, "exit", event.name, "", data)

    def _spawned(self, seen: Seen, event: Spawned) -> Record:
        self._note_run(seen, event.name, event.pid)
        return self._about(seen, "spawn", event.name, "", {"pid": event.pid})

    def _adopted(self, seen: Seen, event: Adopted) -> Record:
        self._note_run(seen, event.name, event.pid)
        data = {"pid": event.pid, "age": round(event.age, 3)}
        return self._about(seen, "spawn", event.name, "adopted", data)

    def _given(self, seen: Seen, event: GivenFromFiles) -> Record:
        names = dict(list(event.digests.items())[:MOST_NAMED])
        data: Data = {"environment": names} if names else {}
        if len(event.digests) > MOST_NAMED:
            data["environment_count"] = len(event.digests)
        return self._about(seen, "given", event.name, "", {**data, **_named("credentials", event.credentials)})

    def _not_spawned(self, seen: Seen, event: SpawnFailed) -> Record:
        data = {"code": event.code, "failed": True}
        return self._about(seen, "spawn", event.name, self.text(event.reason), data)

    def _hook_ran(self, seen: Seen, event: HookRan) -> Record:
        data: Data = {"hook": event.hook.value, "command": event.command, "seconds": round(event.seconds, 3)}
        if not event.ok:
            data |= {"failed": True, "code": event.code}
        if event.ignored:
            data["ignored"] = True
        if event.lines:
            data["lines"] = [self.text(line) for line in event.lines]
        return self._about(seen, "hook", event.name, self.text(event.words), data)

    def _hook_skipped(self, seen: Seen, event: SkipHook) -> Record:
        return self._about(seen, "hook", event.name, event.reason, {"hook": event.hook.value, "skipped": True})

    def _refreshed(self, seen: Seen, event: AnnounceRefreshed) -> Record:
        data: Data = {"refreshed": event.ok}
        return self._about(seen, "hook", event.name, self.text(event.words), data)

    def _signal(self, seen: Seen, event: Kill) -> Record:
        data = {"signal": _signal_name(int(event.signal)), "scope": event.scope.value, "pid": event.pid}
        return self._about(seen, "signal", event.name, "overdue" if event.overdue else "", data)

    def _not_signalled(self, seen: Seen, event: KillFailed) -> Record:
        return self._about(seen, "signal", event.name, self.text(event.reason), {"failed": True})

    def _waits_for_descendants(self, seen: Seen, event: AnnounceDescendants) -> Record:
        data = _named("descendants", event.pids)
        made = self._about(seen, "state", event.name, "descendants are stopped", data)
        return made._replace(phase="leftovers")

    def _has_left(self, seen: Seen, event: OrphanedDescendants) -> Record:
        data = _named("descendants", event.pids)
        return self._about(seen, "state", event.name, "descendants still run", data)

    def _removed(self, seen: Seen, event: ProcessRemoved) -> Record:
        self._runs.pop(event.name, None)
        return self._about(seen, "config", event.name, "removed")

    def _schedule(self, seen: Seen, event: AnnounceSchedule) -> Record:
        data: Data = {"time": event.time} if event.time else {}
        if event.count != 1:
            data["count"] = event.count
        return self._about(seen, "schedule", event.name, event.what, data)

    def _group(self, seen: Seen, event: AnnounceGroup) -> Record:
        reason = "group added" if event.added else "group removed"
        return self._about(seen, "config", "", reason, group=event.name)

    def _group_changed(self, seen: Seen, event: AnnounceGroupChanged) -> Record:
        return self._about(seen, "config", "", "group changed", group=event.group.name)

    def _health(self, seen: Seen, event: AnnounceHealth | AnnounceHealthPause) -> Record:
        if isinstance(event, AnnounceHealthPause):
            return self._about(seen, "health", event.name, self.text(event.reason), {"paused": event.seconds})
        made = self._about(seen, "health", event.name, self.text(event.words), {"healthy": event.healthy})
        return made if event.healthy else made._replace(phase="unhealthy")

    def _master(self, seen: Seen, event: AnnounceMaster) -> Record:
        data = {"waiting": len(event.waiting)}
        return self._about(seen, "master", "", event.cause, data)._replace(after=event.state.name)

    def _quit(self, seen: Seen, event: Quit) -> Record:
        data = {"code": event.code, **_named("unsettled", event.unsettled)}
        return self._about(seen, "master", "", "reload" if event.restart else "quit", data)

    def _operation_began(self, seen: Seen, event: OperationBegan) -> Record:
        return self._about(seen, "op-begin", "", event.kind, _named("targets", event.targets))

    def _operation_ended(self, seen: Seen, event: OperationEnded) -> Record:
        data: Data = {} if event.error is None else {"error": self.text(event.error)}
        return self._about(seen, "op-end", "", event.kind, {**data, **_named("failed", event.failed)})

    def _update_step(self, seen: Seen, event: UpdateStep) -> Record:
        data = _named("options", event.options)
        return self._about(seen, "update-step", event.name, event.action, data, group=event.group)

    def _left_out(self, seen: Seen, event: LimitsLeftOut) -> Record:
        texts = [self.text(text) for text in event.texts]
        return self._about(seen, "config", event.name, texts[0], _named("left_out", texts))

    def _note_run(self, seen: Seen, name: str, pid: int) -> None:
        if seen.run:
            self._runs[name] = pid, seen.run

    def _about(
        self,
        seen: Seen,
        kind: RecordKind,
        name: str,
        reason: str = "",
        data: Mapping[str, Any] | None = None,
        *,
        group: str = "",
    ) -> Record:
        actor, cause, operation = seen.notification.origin
        return Record(
            seen.notification.seq,
            seen.time,
            seen.mono,
            kind,
            seen.group if name else group,
            name,
            seen.run if name else 0,
            "",
            "",
            "",
            reason,
            cause,
            operation,
            actor,
            data or None,
        )


def _end(pid: int, status: ExitStatus) -> Data:
    if not status.known:
        return {"pid": pid, "known": False}
    if status.signal is None:
        return {"pid": pid, "code": status.code}
    core = {"core": True} if status.core_dumped else {}
    return {"pid": pid, "signal": _signal_name(status.signal), **core}


def _named(key: str, values: Sequence[int | str]) -> Data:
    """The first of them, and how many there are where that is more."""
    if not values:
        return {}
    named = {key: [_cut(value) if isinstance(value, str) else value for value in values[:MOST_NAMED]]}
    return {**named, f"{key}_count": len(values)} if len(values) > MOST_NAMED else named


def _cut(text: str) -> str:
    return text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]}…"
