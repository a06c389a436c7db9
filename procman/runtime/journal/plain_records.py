"""Records of what has happened that are made of the notification alone: no text in it may hold a secret."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from procman.core.actions import (
    AnnounceDescendants,
    AnnounceGroup,
    AnnounceGroupChanged,
    AnnounceInPlace,
    AnnounceMaster,
    AnnounceRolling,
    AnnounceSchedule,
    AnnounceSockets,
    AnnounceWatch,
    Kill,
    Quit,
    SkipHook,
)
from procman.runtime.bus import ConfirmationNews, GivenFromFiles, LogRotated, Notification, OperationBegan, UpdateStep
from procman.runtime.journal.record import Record, RecordKind
from procman.runtime.process_trees import OrphanedDescendants
from procman.system.signals import signal_name

name_of_signal = cache(signal_name)

# So many pids, names and the like are given in one record, and so many characters of a text.
MOST_NAMED = 20
MOST_CHARACTERS = 1000

Data = dict[str, Any]
Make = Callable[["Seen", Any], Record]


# Not frozen, which would take three times as long: hundreds are made in a second.
@dataclass(slots=True)
class Seen:
    """A notification, and how things stood then."""

    notification: Notification
    time: float
    mono: float
    group: str  # of the process that it is about
    run: int


def about(
    seen: Seen,
    kind: RecordKind,
    name: str,
    reason: str = "",
    data: Mapping[str, Any] | None = None,
    *,
    group: str = "",
) -> Record:
    """The record about a process, or about all of the master or a `group` where `name` is empty."""
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


def named(key: str, values: Sequence[int | str]) -> Data:
    """The first of them, and how many there are where that is more."""
    if not values:
        return {}
    first = {key: [cut(value) if isinstance(value, str) else value for value in values[:MOST_NAMED]]}
    return {**first, f"{key}_count": len(values)} if len(values) > MOST_NAMED else first


def cut(text: str) -> str:
    """The text, of bounded length."""
    return text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]}…"


# ---- one for each event


def _given(seen: Seen, event: GivenFromFiles) -> Record:
    names = dict(list(event.digests.items())[:MOST_NAMED])
    data: Data = {"environment": names} if names else {}
    if len(event.digests) > MOST_NAMED:
        data["environment_count"] = len(event.digests)
    return about(seen, "given", event.name, "", {**data, **named("credentials", event.credentials)})


def _hook_skipped(seen: Seen, event: SkipHook) -> Record:
    return about(seen, "hook", event.name, event.reason, {"hook": event.hook.value, "skipped": True})


def _signal(seen: Seen, event: Kill) -> Record:
    data = {"signal": name_of_signal(int(event.signal)), "scope": event.scope.value, "pid": event.pid}
    return about(seen, "signal", event.name, "overdue" if event.overdue else "", data)


def _waits_for_descendants(seen: Seen, event: AnnounceDescendants) -> Record:
    data = named("descendants", event.pids)
    made = about(seen, "state", event.name, "descendants are stopped", data)
    return made._replace(phase="leftovers")


def _has_left(seen: Seen, event: OrphanedDescendants) -> Record:
    data = named("descendants", event.pids)
    return about(seen, "state", event.name, "descendants still run", data)


def _schedule(seen: Seen, event: AnnounceSchedule) -> Record:
    data: Data = {"time": event.time} if event.time else {}
    if event.count != 1:
        data["count"] = event.count
    return about(seen, "schedule", event.name, event.what, data)


def _sockets(seen: Seen, event: AnnounceSockets) -> Record:
    addresses = event.program.addresses
    if event.what == "connection":
        return about(seen, "socket", event.name, "connection", {"address": addresses[event.place].url})
    return about(seen, "socket", event.name, event.what, named("addresses", [one.url for one in addresses]))


def _watch(seen: Seen, event: AnnounceWatch) -> Record:
    data: Data = {"files": event.count} if event.count else {}
    words = cut(event.words)
    return about(seen, "watch", event.name, event.what, {**data, "changed": words} if words else data)


def _rolling(seen: Seen, event: AnnounceRolling) -> Record:
    data: Data = {"program": event.program, "ready": event.ready, "total": event.total}
    if event.aborting:
        data["aborting"] = True
    if event.reason:
        data["why"] = cut(event.reason)
    return about(seen, "rolling", event.name, event.what, data, group=event.program.partition(":")[0])


def _group(seen: Seen, event: AnnounceGroup) -> Record:
    reason = "group added" if event.added else "group removed"
    return about(seen, "config", "", reason, group=event.name)


def _group_changed(seen: Seen, event: AnnounceGroupChanged) -> Record:
    return about(seen, "config", "", "group changed", group=event.group.name)


def _master(seen: Seen, event: AnnounceMaster) -> Record:
    data = {"waiting": len(event.waiting)}
    return about(seen, "master", "", event.cause, data)._replace(after=event.state.name)


def _quit(seen: Seen, event: Quit) -> Record:
    data = {"code": event.code, **named("unsettled", event.unsettled)}
    return about(seen, "master", "", "reload" if event.restart else "quit", data)


def _operation_began(seen: Seen, event: OperationBegan) -> Record:
    return about(seen, "op-begin", "", event.kind, named("targets", event.targets))


def _update_step(seen: Seen, event: UpdateStep) -> Record:
    data = named("options", event.options)
    return about(seen, "update-step", event.name, event.action, data, group=event.group)


def _confirmation(seen: Seen, event: ConfirmationNews) -> Record:
    data: Data = {"update": event.operation, "words": cut(event.words), **named("names", event.names)}
    return about(seen, "confirmation", "", event.what, data)


def _rotated(seen: Seen, event: LogRotated) -> Record:
    return about(seen, "rotation", event.name, event.by, {"stream": event.channel})


def _changed_in_place(seen: Seen, event: AnnounceInPlace) -> Record:
    return about(seen, "config", event.name, "changed in place")


PLAIN: dict[type, Make] = {
    GivenFromFiles: _given,
    SkipHook: _hook_skipped,
    Kill: _signal,
    AnnounceDescendants: _waits_for_descendants,
    OrphanedDescendants: _has_left,
    AnnounceSchedule: _schedule,
    AnnounceSockets: _sockets,
    AnnounceWatch: _watch,
    AnnounceRolling: _rolling,
    AnnounceGroup: _group,
    AnnounceGroupChanged: _group_changed,
    AnnounceMaster: _master,
    Quit: _quit,
    OperationBegan: _operation_began,
    UpdateStep: _update_step,
    ConfirmationNews: _confirmation,
    AnnounceInPlace: _changed_in_place,
    LogRotated: _rotated,
}
