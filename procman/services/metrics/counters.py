"""Counts what happens to the processes and the master, from the notifications of the bus.

The counters live as long as the master's process: they go on over a reload for each process that comes back under its
name, and over an upgrade. After a kill they begin anew (`began` says when). A process that leaves the fleet takes its
counters along, so that their number is that of the processes. A notification that counts nothing costs one look-up.
"""

import time
from collections.abc import Callable, Mapping
from signal import SIGKILL
from typing import Any

from procman.core.actions import Announce, Kill, ProcessRemoved
from procman.core.events import Adopted, ExitStatus, HealthSeen, Spawned, SpawnFailed
from procman.core.fleet import Fleet
from procman.core.health_checks import UNHEALTHY, says_nothing
from procman.core.readiness import NOT_READY
from procman.core.states import State
from procman.errors import Reason
from procman.runtime.bus import Bus, ConfirmationNews, HookRan, LogRotated, Notification, OperationEnded
from procman.services.metrics.process_counts import RESTART_REASONS, ProcessCounts
from procman.system.reaper import Reaped

Data = dict[str, Any]
# By the namespec of a process: the bytes of its output that were read, by channel, and those that were lost.
OutputCounts = Callable[[str], tuple[Mapping[str, int], int]]

# Who or what asked for a restart, where that is not an operator (a client, a signal to the master, its reload).
_BY_ACTOR = {"update": "update", "rollback": "update", "dependency": "dependency", "watch": "watch"}
NOT_FOUND = 127  # `SpawnFailed.code` where there is no such command, as in a shell


class Counters:
    """Of one master. Times are seconds since the epoch."""

    def __init__(self) -> None:
        self.began = _now()  # when counting began
        self.orphans = 0  # reaped
        self.upgrades = 0
        self.config_is_good = True  # when it was last read
        self.config_read = self.began  # when it was last read with success
        self.missed_writes = 0  # of the metrics_file
        self.updates = 0  # that have ended
        self.rollbacks = 0  # of these
        self.refused = 0  # requests
        self.unconfirmed = False  # does one wait for its confirmation?
        self._processes: dict[str, ProcessCounts] = {}
        self._fleet = Fleet()
        self._was_oom: Callable[[str], bool] = lambda _: False
        self._handlers: dict[type, Callable[[Any, Notification], None]] = {
            Announce: self._announced,
            Spawned: self._spawned,
            SpawnFailed: self._spawn_failed,
            Adopted: self._adopted,
            Kill: self._signalled,
            HookRan: self._hook_ran,
            LogRotated: self._rotated,
            Reaped: self._reaped,
            ProcessRemoved: self._removed,
            OperationEnded: self._operation_ended,
            ConfirmationNews: self._confirmation_news,
        }

    def watch(self, bus: Bus, fleet: Fleet, was_oom: Callable[[str], bool] = lambda _: False) -> None:
        """Count what that bus tells of this fleet from now on, and forget processes that are not in it.

        `was_oom` says of the namespec of a process that has just been ended by a signal whether that was for want of
        memory; it must have heard of the end before.
        """
        self._fleet = fleet
        self._was_oom = was_oom
        self._processes = {name: counts for name, counts in self._processes.items() if name in fleet.processes}
        bus.subscribe(self.hear, *self._handlers)

    def of(self, name: str) -> ProcessCounts:
        """Those of the process of that namespec; of one that is not in the fleet, they are not kept."""
        counts = self._processes.get(name)
        if counts is None:
            counts = ProcessCounts()
            if name in self._fleet.processes:
                self._processes[name] = counts
        return counts

    def config_was_read(self, *, good: bool) -> None:
        """The configuration was read again; `good`: it could be used."""
        self.config_is_good = good
        if good:
            self.config_read = _now()

    def client_was_refused(self) -> None:
        """For its password, its origin, or its role."""
        self.refused += 1

    def keep_output(self, output: OutputCounts) -> None:
        """The streams of all processes are about to go for good: keep what they have counted."""
        for name, counts in self._processes.items():
            read, lost = output(name)
            counts.log_bytes_before |= added(counts.log_bytes_before, read)
            counts.lost_before += lost

    def hear(self, notification: Notification) -> None:
        """Count it, if it counts."""
        event = notification.event
        handler = self._handlers.get(type(event))
        if handler is not None:
            handler(event, notification)

    def snapshot(self) -> Data:
        """Plain data for another process image to go on with; durations are ages."""
        return {
            "began": self.began,
            "orphans": self.orphans,
            "upgrades": self.upgrades,
            "config": [self.config_is_good, self.config_read],
            "missed_writes": self.missed_writes,
            "updates": [self.updates, self.rollbacks],
            "unconfirmed": self.unconfirmed,
            "refused": self.refused,
            "processes": {name: counts.snapshot() for name, counts in self._processes.items()},
        }

    def restore(self, data: Data) -> None:
        """Go on from what `snapshot` returned, after one more upgrade."""
        self.began = data["began"]
        self.orphans = data["orphans"]
        self.upgrades = data["upgrades"] + 1
        self.config_is_good, self.config_read = data.get("config", (True, self.began))
        self.missed_writes = data.get("missed_writes", 0)
        self.updates, self.rollbacks = data.get("updates", (0, 0))
        self.unconfirmed = data.get("unconfirmed", False)
        self.refused = data.get("refused", 0)
        for name, known in data.get("processes", {}).items():
            self._processes[name] = ProcessCounts()
            self._processes[name].restore(known)

    # ---- what the bus tells

    def _spawned(self, event: Spawned, _: Notification) -> None:
        counts = self.of(event.name)
        counts.starts += 1
        counts.has_run = True
        counts.start_time = _now()
        counts.starting_since = time.monotonic()

    def _adopted(self, event: Adopted, _: Notification) -> None:
        counts = self.of(event.name)
        counts.has_run = False  # what follows is no restart
        counts.start_time = round(_now() - event.age, 3)

    def _spawn_failed(self, event: SpawnFailed, _: Notification) -> None:
        counts = self.of(event.name)
        counts.failed_starts["not_found" if event.code == NOT_FOUND else "not_executable"] += 1
        counts.last_exit_time = _now()

    def _signalled(self, event: Kill, _: Notification) -> None:
        counts = self.of(event.name)
        # It is sent again and again to what does not go: once for each stop is the figure.
        if event.overdue and event.signal == SIGKILL and not counts.is_killed:
            counts.is_killed = True
            counts.kills += 1

    def _hook_ran(self, event: HookRan, _: Notification) -> None:
        failed = not (event.ok or event.ignored or event.broken_off)
        self.of(event.name).hook_ran(event.hook.value, event.seconds, failed=failed)

    def health_seen(self, event: HealthSeen, timeout: float) -> None:
        """A look at the health of a process has been answered; it had so many seconds."""
        no = "discounted" if says_nothing(event, timeout) else "timeout" if event.timed_out else "failed"
        self.of(event.name).checks["ok" if event.ok else no] += 1

    def _rotated(self, event: LogRotated, _: Notification) -> None:
        self.of(event.name).rotated(event.channel, event.by, event.problem, _now())

    def _reaped(self, _event: Reaped, _: Notification) -> None:
        self.orphans += 1

    def _removed(self, event: ProcessRemoved, _: Notification) -> None:
        self._processes.pop(event.name, None)

    def _operation_ended(self, event: OperationEnded, _: Notification) -> None:
        if event.kind == "update":
            self.updates += 1
            self.rollbacks += event.code == Reason.NOT_CONFIRMED.name

    def _confirmation_news(self, event: ConfirmationNews, _: Notification) -> None:
        self.unconfirmed = event.what in ("pending", "confirmed", "rolling back")

    def _announced(self, news: Announce, notification: Notification) -> None:
        counts = self.of(news.name)
        counts.is_killed = counts.is_killed and news.after is State.STOPPING
        if news.program.is_oneshot:
            self._runs(news, counts)
            if news.status is not None and news.after is not State.FATAL and counts.start_time:
                counts.last_run_seconds = round(max(0.0, _now() - counts.start_time), 3)
        if news.before is State.STOPPING:
            counts.stopped(time.monotonic(), ended=news.after is not State.UNKNOWN)
        match news.after:
            case State.STARTING:
                self._starts(news, counts, notification)
            case State.RUNNING:
                counts.is_ready(time.monotonic())
            case State.STOPPING:
                counts.stopping_since = time.monotonic()
                counts.starting_since = None
            case State.FATAL:
                counts.comes_back = ""  # restart_limit is reached
            case State.EXITED | State.BACKOFF | State.STOPPED if news.status is not None:
                counts.last_exit_time = _now()
                self._ended(news, news.status, counts)
            case _:
                pass

    @staticmethod
    def _runs(news: Announce, counts: ProcessCounts) -> None:
        match news.after:
            case State.EXITED if news.expected:
                counts.runs["success"] += 1
                counts.last_success_time = _now()
            case State.EXITED:
                counts.runs["failure"] += 1
            case State.BACKOFF if news.before is State.STOPPING:
                counts.runs["timeout"] += 1
            case State.BACKOFF if news.before is State.STARTING:
                counts.runs["failure"] += 1
            case _:
                pass

    @staticmethod
    def _starts(news: Announce, counts: ProcessCounts, notification: Notification) -> None:
        comes_back, counts.comes_back = counts.comes_back, ""
        # After a failed start it is the same start, tried again; after an end it is a restart, if a late one.
        if counts.has_run and (comes_back or news.before is not State.BACKOFF):
            actor = notification.actor
            if actor is not None and actor.kind in ("schedule", "connection"):
                return  # its time has come, or somebody needs it
            reason = news.reason if news.reason in RESTART_REASONS else ""  # for its memory or its age
            counts.restarts[reason or comes_back or _BY_ACTOR.get(actor.kind if actor else "", "operator")] += 1

    def _ended(self, news: Announce, status: ExitStatus, counts: ProcessCounts) -> None:
        counts.starting_since = None
        if news.after is State.STOPPED:
            return
        reason = "exit" if status.signal is None else "oom" if self._was_oom(news.name) else "signal"
        process = self._fleet.processes.get(news.name)
        if news.after is State.BACKOFF and news.before is State.STOPPING and process and process.wear.renewing:
            counts.comes_back = process.wear.renewing
            return
        if news.after is State.BACKOFF and news.before is State.STOPPING and news.reason.startswith(UNHEALTHY):
            counts.comes_back = "unhealthy"
            return
        if news.after is State.BACKOFF:
            if news.before is State.STOPPING and news.reason.startswith(NOT_READY):
                reason = "unready"
            if not news.program.is_oneshot:  # which has been up
                counts.failed_starts[reason] += 1
            return
        # The core has decided already whether autorestart brings it back.
        comes_back = process is not None and process.wanted and not news.program.is_oneshot
        counts.comes_back = reason if comes_back else ""


def _now() -> float:
    # As it is exported: a float with more digits takes longer to write, for each process at each scrape.
    return time.time_ns() // 1_000_000 / 1000


def added(before: Mapping[str, int], now: Mapping[str, int]) -> dict[str, int]:
    """What there is now, with what there was before in the same channel."""
    return {channel: before.get(channel, 0) + count for channel, count in now.items()}
