"""Writes into the master's log what becomes of the times of schedules; that a run begins is told as any start."""

from procman.core.actions import AnnounceSchedule
from procman.core.fleet import Fleet
from procman.logs.protocol import Log
from procman.runtime.bus import Notification
from procman.runtime.definitions import program_of
from procman.services.schedule_words import with_offset


class ScheduleLog:
    """Subscribe `tell` to an engine."""

    hears = (AnnounceSchedule,)

    def __init__(self, fleet: Fleet, log: Log) -> None:
        """The fleet is only read."""
        self._fleet = fleet
        self._log = log

    def tell(self, notification: Notification) -> None:
        """Write down what has happened."""
        news = notification.event
        if not isinstance(news, AnnounceSchedule) or (process := self._fleet.processes.get(news.name)) is None:
            return
        program = program_of(process.definition)
        name, when = program.name, f" of {with_offset(program, news.time)}" if news.time else ""
        match news.what:
            case "skipped" if news.count > 1:
                self._log.warn(f"{name}: {news.count} runs were left out in all while one was under way")
            case "skipped":
                how = program.schedule_overlap
                self._log.warn(f"{name}: the run{when} is left out, as one is under way (schedule_overlap={how})")
            case "missed" if news.count > 1:
                self._log.warn(f"{name}: {news.count} runs were missed, the last one{when}")
            case "missed":
                self._log.warn(f"{name}: the run{when} was missed (schedule_deadline)")
            case "queued":
                self._log.info(f"{name}: the run{when} waits for the end of the present one (schedule_overlap=queue)")
            case "dropped":
                self._log.info(f"{name}: the run{when} that was queued is dropped")
            case "off":
                self._log.info(f"{name}: its schedule is off")
            case _:
                pass
