"""Times of schedules in words. Reads time zones."""

import time
from datetime import UTC, datetime, tzinfo
from functools import lru_cache

from procman.config.schema.programs import Program
from procman.services.explain_texts import duration


def next_run(program: Program, when: float, now: float) -> str:
    """`next run Nov 24 02:00 CET (in 3 h)`."""
    left = when - now
    span = f"in {duration(left)}" if left >= 1 else "now"
    return f"next run {_at(program, when)} ({span})"


def with_offset(program: Program, when: float) -> str:
    """`2026-11-24 02:00:00 CET (+01:00)`; what the offset is matters where the clocks change."""
    then = datetime.fromtimestamp(round(when), _zone(program))
    offset = then.strftime("%z")
    name = then.strftime("%Z")
    shown = f"{offset[:3]}:{offset[3:5]}"
    return f"{then:%Y-%m-%d %H:%M:%S} {shown}{'' if name[:1] in '+-' else f' {name}'}"


def in_words(program: Program) -> str:
    """What its schedule says: `At 02:00 every day, Europe/Berlin`; `every 30m`."""
    schedule = program.schedule
    if schedule is None or schedule.every is not None:
        return "" if schedule is None else f"{schedule.text}, from the start of the run before"
    # Reads time zones, and the library for it: for masters with a schedule.
    from procman.cron.times import Cron  # noqa: PLC0415

    zone = "" if program.schedule_tz.lower() == "local" else f", {program.schedule_tz}"
    return f"{Cron(schedule.text, UTC).words()}{zone}"


def _at(program: Program, when: float) -> str:
    zone = _zone(program)
    then, now = datetime.fromtimestamp(round(when), zone), datetime.fromtimestamp(time.time(), zone)
    year = "" if abs((then - now).days) < 180 else f" {then.year}"  # noqa: PLR2004 - half a year, as ls(1) has it
    seconds = f":{then.second:02}" if then.second else ""
    return f"{then:%b %d}{year} {then:%H:%M}{seconds} {then:%Z}"


def _zone(program: Program) -> tzinfo:
    return _zone_of(program.schedule_tz)


@lru_cache(maxsize=16)
def _zone_of(name: str) -> tzinfo:
    # Reads time zones, and the library for it: for masters with a schedule.
    from procman.cron.times import zone_of  # noqa: PLC0415

    return zone_of(name)
