"""The last runs of each one-shot: when each began and ended, how, for which time of its schedule, and at whose request.

It is kept beside the journal, in which a year of nightly runs has no place.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any, Literal

from procman.core.actions import Announce, AnnounceSchedule, ProcessRemoved
from procman.core.events import Adopted, Spawned, SpawnFailed
from procman.core.fleet import Fleet
from procman.core.states import State
from procman.runtime.bus import Notification
from procman.runtime.definitions import program_of
from procman.runtime.ending import ending
from procman.services.actors import describe_actor
from procman.services.status import StatusBoard

Result = Literal["running", "success", "failure", "stopped"]
Lines = dict[str, list[str]]  # by channel

# So many of the last lines of each stream are kept.
MOST_LINES = 5


@dataclass(slots=True)
class JobRun:
    """One of them. Times are seconds since the epoch."""

    began: float
    by: str = ""  # schedule, retry, or who asked for it
    time: float | None = None  # of its schedule, where that has brought it about
    ended: float | None = None  # None: it runs
    seconds: float | None = None  # how long it took, by the steady clock
    result: Result = "running"
    ending: str = ""  # "exit status 3", "timed out after 10 m; terminated by SIGTERM"
    last_words: str = ""  # where it has failed: the last line that it wrote
    lines: Lines = field(default_factory=dict)  # the last ones that it wrote


class RunHistory:
    """Subscribe `hear` after the status board, which it asks."""

    hears = (Announce, AnnounceSchedule, Spawned, SpawnFailed, Adopted, ProcessRemoved)

    def __init__(
        self,
        fleet: Fleet,
        status: StatusBoard,
        last_lines: Callable[[str, int, int, Callable[[Lines], None]], Lines] = lambda *_: {},
    ) -> None:
        """All is only read; `last_lines` gives so many of the last lines of a run, by namespec and pid.

        Where a disk is slow, it calls the function with them later.
        """
        self._fleet = fleet
        self._status = status
        self._last_lines = last_lines
        self._runs: dict[str, deque[JobRun]] = {}
        self._coming: dict[str, float] = {}  # the times for which runs are about to begin; 0: of no clock
        self._asked: dict[str, str] = {}  # who has asked for the run that is about to begin

    def of(self, name: str) -> list[JobRun]:
        """Those of one process, the oldest first."""
        return list(self._runs.get(name, ()))

    def last(self, name: str) -> JobRun | None:
        """The last one that has ended."""
        return next((run for run in reversed(self._runs.get(name, ())) if run.ended is not None), None)

    def snapshot(self) -> dict[str, Any]:
        """Plain data for another process image."""
        return {name: [asdict(run) for run in runs] for name, runs in self._runs.items()}

    def restore(self, data: dict[str, Any]) -> None:
        """Go on from what `snapshot` returned."""
        self._runs = {name: deque(JobRun(**run) for run in runs) for name, runs in data.items()}

    def hear(self, notification: Notification) -> None:
        """Take note of what has happened."""
        event = notification.event
        # By type first: hundreds of these come in a second where programs end at once.
        if isinstance(event, Announce):
            if event.program.is_oneshot:
                self._changed(event, notification)
            return
        match event:
            case Spawned(name) | Adopted(name):
                self._begins(name)
            case SpawnFailed(name, reason):
                run = self._begins(name)
                if run is not None:
                    run.ended, run.seconds, run.result, run.ending = run.began, 0.0, "failure", reason
            case AnnounceSchedule(name, "run", moment):
                self._coming[name] = moment
            case ProcessRemoved(name):
                for known in (self._runs, self._coming, self._asked):
                    known.pop(name, None)
            case _:
                pass

    def _changed(self, news: Announce, notification: Notification) -> None:
        name = news.name
        if news.after is State.STARTING:
            actor = notification.origin.actor
            is_retry = news.before is State.BACKOFF
            self._asked[name] = "retry" if is_retry else describe_actor(actor)
        elif news.after in (State.STOPPED, State.FATAL) and name not in self._runs:
            self._coming.pop(name, None)
        if news.status is None or news.after is State.FATAL:
            return
        runs = self._runs.get(name)
        if not runs or runs[-1].ended is not None:
            return
        run, times = runs[-1], self._status.times(name)
        run.ended, run.seconds = times.stop, times.ran_for
        run.ending = self._status.ending_of(name) or ending(news.status)
        run.lines = self._last_lines(name, news.pid, MOST_LINES, partial(_add_lines, run))
        if news.after is State.EXITED and news.expected:
            run.result = "success"
        elif news.after is State.STOPPED:
            run.result = "stopped"
        else:
            run.result, run.last_words = "failure", times.last_words

    def _begins(self, name: str) -> JobRun | None:
        process = self._fleet.processes.get(name)
        if process is None or not process.program.is_oneshot:
            return None
        times = self._status.times(name)
        run = JobRun(times.start, self._asked.pop(name, ""), self._coming.pop(name, None) or None)
        runs = self._runs.setdefault(name, deque())
        runs.append(run)
        most = program_of(process.program).schedule_history
        while len(runs) > max(most, 1):
            runs.popleft()
        return run


def _add_lines(run: JobRun, lines: Lines) -> None:
    run.lines = lines
    if run.result == "failure" and not run.last_words:
        run.last_words = next((lines[channel][-1] for channel in ("stderr", "stdout") if channel in lines), "")
