"""Switching the schedule of a process on and off. No I/O and no clock here."""

from procman.core.actions import Action, AnnounceSchedule, ScheduleAt
from procman.core.process import Process


def switch_on(process: Process) -> list[Action]:
    """From now on it runs at its times; it is not started for this."""
    program, timing = process.definition, process.timing
    if program.schedule is None or timing.on:
        return []
    timing.on = True
    # What has passed while it was off is looked at only if one run is to be made up for all of it.
    return [AnnounceSchedule(process.name, "on"), ask(process)]


def ask(process: Process) -> ScheduleAt:
    """The order to tell when its next time has come."""
    timing = process.timing
    return ScheduleAt(process.name, process.definition, timing.since, timing.behind)


def switch_off(process: Process) -> list[Action]:
    """It runs only when it is asked to; what waits for the end of a run is forgotten."""
    timing = process.timing
    if not timing.on:
        return []
    timing.on, timing.left_out = False, 0
    if process.definition.schedule_missed != "once":
        timing.since = None
    dropped: list[Action] = []
    if timing.queued is not None:
        dropped = [AnnounceSchedule(process.name, "dropped", timing.queued)]
        timing.queued = None
    return [*dropped, AnnounceSchedule(process.name, "off"), ScheduleAt(process.name, None)]
