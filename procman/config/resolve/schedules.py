"""What a schedule means for the other options of a program: it is a one-shot, and contradictions."""

from typing import Any

from procman.config.formats.raw import RawSection
from procman.config.resolve.option_reader import OptionReader
from procman.config.schema.kinds.durations import show_seconds
from procman.config.schema.notation import assignment
from procman.config.schema.options import options_of
from procman.config.schema.schedules import ScheduleOptions
from procman.core.spec import ProcessType

# Of the year in which that is asked, no answer depends: a date that comes, comes within 50 years of any day.
_SOME_DAY = 1_767_225_600.0  # 2026-01-01
_NEEDS_A_CLOCK = ("schedule_tz", "schedule_missed", "schedule_deadline", "schedule_jitter")
_NEEDS_A_SCHEDULE = ("schedule_overlap", *_NEEDS_A_CLOCK, "schedule_history", "run_on_start")
_KNOWN = options_of(ScheduleOptions)
_NEVER_SCHEDULED = {"eventlistener": "an event listener", "fcgi-program": "a FastCGI program"}


def settle_schedule(reading: OptionReader, section: RawSection, common: dict[str, Any]) -> None:
    """Make a program with a schedule a one-shot; complain of what cannot be, and of what has no effect."""
    schedule = common["schedule"]
    if schedule is None:
        if reading.raw(section, "schedule") is None:
            _without_effect(
                reading, section, common, _NEEDS_A_SCHEDULE, "without schedule: add schedule = …, or take it out"
            )
        return
    kind = section.name.partition(":")[0]
    if kind in _NEVER_SCHEDULED:
        if "schedule" in section.options:
            message = f"{_NEVER_SCHEDULED[kind]} stays up, so it has no schedule: take it out"
            reading.complain(section, "schedule", message, "not-for-schedules")
        common["schedule"] = None  # of the defaults
        return
    if common["type"] is not ProcessType.ONESHOT and "type" in section.options:
        oneshot = assignment("type", "oneshot", toml=section.toml)
        message = f"a program with a schedule does something and ends: take type out, or write {oneshot}"
        reading.complain(section, "type", message, "not-for-schedules")
    common["type"] = ProcessType.ONESHOT
    if schedule.every is not None:
        why = f"with {schedule.text}, which does not follow the wall clock: take it out"
        _without_effect(reading, section, common, _NEEDS_A_CLOCK, why)
        return
    _check_times(reading, section, common)


def refuse_many(reading: OptionReader, section: RawSection, common: dict[str, Any], numprocs: int) -> None:
    """Several processes of one section would all run at the same time."""
    if common["schedule"] is not None and numprocs > 1:
        message = "a program with a schedule has one process: leave numprocs out, and start what it needs from there"
        option = "numprocs" if reading.raw(section, "numprocs") is not None else "schedule"
        reading.complain(section, option, message, "numprocs-with-schedule")


def _check_times(reading: OptionReader, section: RawSection, common: dict[str, Any]) -> None:
    # Reads time zones, and the library for it: for files with a schedule.
    from procman.cron.times import Cron, UnknownZone, zone_of  # noqa: PLC0415

    try:
        zone = zone_of(common["schedule_tz"])
    except UnknownZone as error:
        option = "schedule" if reading.raw(section, "schedule_tz") is None else "schedule_tz"
        reading.complain(section, option, str(error), "bad-time-zone")
        return
    cron = Cron(common["schedule"].text, zone)
    first = cron.after(_SOME_DAY)
    second = None if first is None else cron.after(first)
    if first is None:
        message = (
            f"{common['schedule'].text} never comes within 50 years: there is no such date; correct the day or month"
        )
        reading.complain(section, "schedule", message, "never")
    elif second is not None and common["schedule_jitter"] >= second - first:
        message = (
            f"the next time comes {show_seconds(second - first)} after one, before an offset of up to "
            f"{show_seconds(common['schedule_jitter'])} is over: make it shorter"
        )
        reading.complain(section, "schedule_jitter", message, "bad-schedule-jitter")


def _without_effect(
    reading: OptionReader, section: RawSection, common: dict[str, Any], options: tuple[str, ...], why: str
) -> None:
    for option in options:
        # What stands in [DEFAULT] is for those that can have it.
        if section.options.get(option) is not None and common[option] != _KNOWN[option].default:
            reading.complain(section, option, f"it has no effect {why}", severity="warning")
