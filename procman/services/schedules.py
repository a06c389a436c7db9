"""What front ends may know of schedules: the next times of each, and its last runs."""

import time
from dataclasses import dataclass

from procman.core.fleet import Fleet
from procman.core.process import Process
from procman.runtime.definitions import program_of
from procman.runtime.timetable import Timetable
from procman.services.run_history import JobRun, RunHistory
from procman.services.schedule_words import in_words, next_run, with_offset
from procman.services.selectors import ALL, Narrowable, Selectors

MOST_TIMES = 1000


@dataclass(frozen=True, slots=True)
class Coming:
    """The next times of one schedule."""

    namespec: str
    schedule: str  # as written
    words: str
    zone: str
    on: bool
    times: tuple[tuple[float, str], ...]  # seconds since the epoch, and the same with its offset
    next: str  # in words; "": none comes


class ScheduleService(Narrowable):
    """Looks; it changes nothing."""

    def __init__(self, fleet: Fleet, timetable: Timetable, history: RunHistory) -> None:
        """All of them are only read."""
        self._fleet = fleet
        self._timetable = timetable
        self._history = history
        self._selectors = Selectors(fleet)

    def coming(self, spec: str, count: int) -> list[Coming]:
        """Of each schedule that is meant, the one that comes first at first; raises UnknownProcess."""
        found = [self._coming(process, count) for process in self._meant(spec) if process.definition.schedule]
        return sorted(found, key=lambda one: (not one.times, one.times[:1], one.namespec))

    def runs(self, spec: str) -> list[tuple[str, JobRun]]:
        """The last runs of each one-shot that is meant, with its namespec, the oldest first; raises UnknownProcess."""
        runs = [(process.name, run) for process in self._meant(spec) for run in self._history.of(process.name)]
        return sorted(runs, key=lambda pair: pair[1].began)

    def _meant(self, spec: str) -> list[Process]:
        if spec == ALL:
            return self._selectors.matching(ALL)
        found = self._selectors.matching(spec)
        if not found:
            raise self._selectors.unknown(spec)
        return found

    def _coming(self, process: Process, count: int) -> Coming:
        program = program_of(process.definition)
        assert program.schedule is not None
        now = time.time()
        times = self._timetable.coming(process.name, min(count, MOST_TIMES)) if process.timing.on else []
        return Coming(
            process.name,
            program.schedule.text,
            in_words(program),
            program.schedule_tz,
            process.timing.on,
            tuple((when, with_offset(program, when)) for when in times),
            next_run(program, times[0], now) if times else "",
        )
