"""Notifications as records of the journal. Orders inside the master, and orphans that nobody asked about, have none."""

import time
from collections.abc import Callable

from procman.core.actions import (
    Announce,
    AnnounceHealth,
    AnnounceHealthPause,
    AnnounceRefreshed,
    ProcessRemoved,
)
from procman.core.events import Adopted, ExitStatus, KillFailed, Spawned, SpawnFailed
from procman.core.fleet import Fleet
from procman.core.states import State
from procman.runtime.bus import (
    HookRan,
    LimitsLeftOut,
    LogRotated,
    LogTrouble,
    Notification,
    OperationEnded,
    ProcessEnded,
)
from procman.runtime.journal.plain_records import PLAIN, Data, Make, Seen, about, cut, name_of_signal, named
from procman.runtime.journal.record import Record

# `Enum.name` is written in Python, and two states are in every second record.
_NAME_OF = {state: state.name for state in State}


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
        self._makers: dict[type, Make] = {
            **PLAIN,
            Announce: self._state,
            ProcessEnded: self._exit,
            Spawned: self._spawned,
            Adopted: self._adopted,
            SpawnFailed: self._not_spawned,
            HookRan: self._hook_ran,
            AnnounceRefreshed: self._refreshed,
            KillFailed: self._not_signalled,
            ProcessRemoved: self._removed,
            AnnounceHealth: self._health,
            AnnounceHealthPause: self._health,
            OperationEnded: self._operation_ended,
            LimitsLeftOut: self._left_out,
            LogTrouble: self._log_trouble,
        }

    def seen(self, notification: Notification, mono: float) -> Seen | None:
        """All that a record is made of, or None where the notification deserves none; `mono` is the time of the loop.

        What may have changed when the record is made is looked up now.
        """
        event = notification.event
        if type(event) not in self._makers or (type(event) is LogRotated and (event.by == "size" or event.problem)):
            return None  # a log may be rotated by its size many times a second, and of what fails there is a LogTrouble
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
        return cut(self._hide(text))

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
            _NAME_OF[event.before],
            _NAME_OF[event.after],
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
            data |= named("descendants", event.descendants)
        return about(seen, "exit", event.name, "", data)

    def _spawned(self, seen: Seen, event: Spawned) -> Record:
        self._note_run(seen, event.name, event.pid)
        return about(seen, "spawn", event.name, "", {"pid": event.pid})

    def _adopted(self, seen: Seen, event: Adopted) -> Record:
        self._note_run(seen, event.name, event.pid)
        data = {"pid": event.pid, "age": round(event.age, 3)}
        return about(seen, "spawn", event.name, "adopted", data)

    def _not_spawned(self, seen: Seen, event: SpawnFailed) -> Record:
        data = {"code": event.code, "failed": True}
        return about(seen, "spawn", event.name, self.text(event.reason), data)

    def _hook_ran(self, seen: Seen, event: HookRan) -> Record:
        data: Data = {"hook": event.hook.value, "command": event.command, "seconds": round(event.seconds, 3)}
        if not event.ok:
            data |= {"failed": True, "code": event.code}
        if event.ignored:
            data["ignored"] = True
        if event.lines:
            data["lines"] = [self.text(line) for line in event.lines]
        return about(seen, "hook", event.name, self.text(event.words), data)

    def _refreshed(self, seen: Seen, event: AnnounceRefreshed) -> Record:
        data: Data = {"refreshed": event.ok}
        return about(seen, "hook", event.name, self.text(event.words), data)

    def _not_signalled(self, seen: Seen, event: KillFailed) -> Record:
        return about(seen, "signal", event.name, self.text(event.reason), {"failed": True})

    def _removed(self, seen: Seen, event: ProcessRemoved) -> Record:
        self._runs.pop(event.name, None)
        return about(seen, "config", event.name, "removed")

    def _health(self, seen: Seen, event: AnnounceHealth | AnnounceHealthPause) -> Record:
        if isinstance(event, AnnounceHealthPause):
            return about(seen, "health", event.name, self.text(event.reason), {"paused": event.seconds})
        made = about(seen, "health", event.name, self.text(event.words), {"healthy": event.healthy})
        return made if event.healthy else made._replace(phase="unhealthy")

    def _operation_ended(self, seen: Seen, event: OperationEnded) -> Record:
        data: Data = {} if event.error is None else {"error": self.text(event.error)}
        return about(seen, "op-end", "", event.kind, {**data, **named("failed", event.failed)})

    def _left_out(self, seen: Seen, event: LimitsLeftOut) -> Record:
        texts = [self.text(text) for text in event.texts]
        return about(seen, "config", event.name, texts[0], named("left_out", texts))

    def _log_trouble(self, seen: Seen, event: LogTrouble) -> Record:
        return about(seen, "log-trouble", event.name, self.text(event.text))

    def _note_run(self, seen: Seen, name: str, pid: int) -> None:
        if seen.run:
            self._runs[name] = pid, seen.run


def _end(pid: int, status: ExitStatus) -> Data:
    if not status.known:
        return {"pid": pid, "known": False}
    if status.signal is None:
        return {"pid": pid, "code": status.code}
    core = {"core": True} if status.core_dumped else {}
    return {"pid": pid, "signal": name_of_signal(status.signal), **core}
