"""A schedule for other engines: calendar events for systemd, five fields for Kubernetes."""

from procman.config.schema.programs import Program
from procman.core.spec import Schedule
from procman.cron.times import LOCAL, Cron, zone_of

_DAYS = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def calendar_events(program: Program) -> list[str] | None:
    """For OnCalendar= of systemd.time(7), each for itself; None: they cannot say it."""
    assert program.schedule is not None
    minutes, hours, days, months, weekdays, both = Cron(program.schedule.text, zone_of("UTC")).sets()
    clock = f"{_list(hours, range(24))}:{_list(minutes, range(60))}:00"
    zone = "" if program.schedule_tz.lower() == LOCAL else f" {program.schedule_tz}"
    month = _list(months, range(1, 13))
    by_day = [_day(day) for day in days] if len(days) < len(range(1, 32)) else ["-*"]
    by_week = [_weekday(day) for day in weekdays] if len(weekdays) < len(_DAYS) else [("", "")]
    if None in by_day or None in by_week:
        return None
    plain = [day for day in by_day if day is not None and day.startswith("-")]
    ends = [day for day in by_day if day is not None and not day.startswith("-")]
    dates = [*([f"-{','.join(day[1:] for day in plain)}"] if plain else []), *ends]
    names = [name for one in by_week if one is not None and not one[1] for name in [one[0]]]
    weeks = [(",".join(names), ""), *(one for one in by_week if one and one[1])] if names else by_week
    if both:
        # A day of the week that counts in the month has a date of its own.
        pairs = [(name, within or date) for name, within in filter(None, weeks) for date in dates]
        if any(within and dates != ["-*"] for _, within in filter(None, weeks)):
            return None
    else:
        pairs = [("", date) for date in dates]
        pairs += [(name, within or "-*") for name, within in filter(None, weeks)]
    return [f"{f'{name} ' if name else ''}*-{month}{date} {clock}{zone}" for name, date in pairs]


def cron_fields(schedule: Schedule) -> str | None:
    """For the schedule of a CronJob; None: it cannot say it."""
    if schedule.every is None:
        fields = Cron(schedule.text, zone_of("UTC")).fields
        *_, days, _, weekdays = fields.split()
        return None if "L" in days or "L" in weekdays.replace("JUL", "") or "#" in weekdays else fields.lower()
    for size, whole, text in ((_MINUTE, 60, "*/{} * * * *"), (_HOUR, 24, "0 */{} * * *"), (_DAY, 1, "0 0 * * *")):
        count = schedule.every / size
        if count == int(count) and count <= whole and whole % int(count) == 0:
            return text.format(int(count)) if count < whole or whole == 1 else _next_size(size)
    return None


def _next_size(size: int) -> str:
    return "0 * * * *" if size == _MINUTE else "0 0 * * *"


def _list(numbers: list[int], whole: range) -> str:
    return "*" if len(numbers) == len(whole) else ",".join(f"{number:02}" for number in numbers)


def _day(day: int | str) -> str | None:
    if isinstance(day, int):
        return f"-{day:02}"
    return "~01" if day == "L" else None


def _weekday(day: int | str) -> tuple[str, str] | None:
    """The name, and the dates among which it is, where it counts in the month."""
    if isinstance(day, int):
        return _DAYS[day], ""
    number, sign, count = day.partition("#")
    if not sign:
        return _DAYS[int(number.removesuffix("L"))], "~07/1"
    first = 7 * (int(count) - 1) + 1
    return _DAYS[int(number)], f"-{first:02}..{min(first + 6, 31):02}"
