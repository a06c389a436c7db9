"""The times of a cron expression in a time zone, as seconds since the epoch. Reads time zones; no clock here.

The library cronsim has the rules, which are those of Debian's cron:

- A job at fixed hours runs once right after an hour that is skipped in spring, and once in one that comes twice.
- A job with a star for its minutes or hours follows real time.

cronsim is asked about local times without a zone: with one, it may never return where a zone has changed its offset at
one minute past midnight (America/St_Johns before 2011). So both rules are applied here. Only masters with a schedule
import this.
"""

import os
import re
from datetime import UTC, datetime, timedelta, tzinfo
from difflib import get_close_matches
from io import BytesIO
from math import ceil, floor
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from cronsim import CronSim, CronSimError

LOCAL = "local"
MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
FIELDS = 5
# cronsim gives up after so many years without a match.
YEARS = 50

_NAMES = (
    ("minute", "0-59"),
    ("hour", "0-23"),
    ("day of the month", "1-31, L or LW"),
    ("month", "1-12 or JAN-DEC"),
    ("day of the week", "0-7 or SUN-SAT, 5L, MON#2"),
)
# Two changes of an offset are never nearer than that.
_DAY = 86400
_LOCALTIME = "/etc/localtime"


class BadExpression(ValueError):
    """It is no cron expression; the message says what is wrong, and what would be right."""


class UnknownZone(ValueError):
    """There is no time zone of that name; the message has the way out."""


def fields_of(expression: str) -> str:
    """The five fields of an expression, also of @daily and the like; raises BadExpression."""
    word = " ".join(expression.split())
    if word.startswith("@"):
        name = word.lower()
        if name == "@reboot":
            raise BadExpression("@reboot is no time: say run_on_start = true, with the schedule that it has besides")
        if name.startswith("@every"):
            raise BadExpression(f"say every{word.removeprefix(word[:6])}, without @")
        if name not in MACROS:
            close = get_close_matches(name, MACROS, n=1)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise BadExpression(f"there is no {word}: expected {', '.join(MACROS)}{hint}")
        return MACROS[name]
    parts = word.split()
    if len(parts) == FIELDS + 1:
        raise BadExpression("it has six fields: leave out the seconds; a schedule goes by the minute")
    if len(parts) != FIELDS:
        raise BadExpression(
            f"it has {len(parts)} of five fields: minute, hour, day of the month, month, day of the week"
        )
    for part, (name, range_) in zip(parts, _NAMES, strict=True):
        fields = ["*"] * FIELDS
        fields[[known for known, _ in _NAMES].index(name)] = part
        try:
            CronSim(" ".join(fields), datetime(2000, 1, 1, tzinfo=UTC))
        except Exception:  # noqa: BLE001 - of odd texts, it raises whatever comes
            hint = ": say *" if part == "?" else ""
            raise BadExpression(
                f"the {name} is {part[:40]!r}, expected {range_}, or *, with lists and steps{hint}"
            ) from None
    return word.upper()


class Cron:
    """The times of one expression in one zone."""

    def __init__(self, expression: str, zone: tzinfo) -> None:
        """Raises BadExpression."""
        self.fields = fields_of(expression)
        self.zone = zone
        minute, hour, *_ = self.fields.split()
        self._is_at_fixed_hours = not minute.startswith("*") and not hour.startswith("*")

    def after(self, instant: float) -> float | None:
        """The first time after that one; None: there is none within 50 years."""
        try:
            return self._fixed_after(instant) if self._is_at_fixed_hours else self._real_after(instant)
        except (CronSimError, OverflowError, ValueError, OSError):
            return None

    def newest(self, instant: float) -> float | None:
        """The last time that is not after that one; None: there is none within 50 years."""
        step = float(_DAY)
        while step < YEARS * 366 * _DAY:
            # Going forward alone has the last word; from far enough back there are not many steps.
            found = self.after(instant - step)
            if found is None:
                return None
            if found <= instant:
                return self._last_of(found, instant)
            step *= 2
        return None

    def _last_of(self, found: float, instant: float) -> float:
        """The last time up to that one, from an earlier one on: by halves, as there may be thousands between."""
        low, high = found, instant
        while high - low > 1:
            middle = (low + high) / 2
            later = self.after(middle)
            if later is not None and later <= instant:
                low = later
            else:
                high = middle
        while (later := self.after(low)) is not None and later <= instant:
            low = later
        return low

    def _fixed_after(self, instant: float) -> float | None:
        """As the clock on the wall shows it: at once where that is left out, the first time where it comes twice."""
        # The wall may have shown it before, in the first of two hours; and what is skipped comes later than its time.
        begin = self._local(instant) - timedelta(seconds=self._set_back(instant))
        for wall in CronSim(self.fields, begin):
            found = wall.replace(tzinfo=self.zone, fold=0)
            if found.astimezone(UTC).astimezone(self.zone).replace(tzinfo=None) != wall:
                found = self._end_of_gap(wall)
            if found.timestamp() > instant:
                return found.timestamp()
        return None

    def _end_of_gap(self, wall: datetime) -> datetime:
        """The first moment after an hour, or a day, that is left out."""
        # With fold=0 it is read by the offset before the gap, with fold=1 by that after it.
        late, early = (wall.replace(tzinfo=self.zone, fold=fold).timestamp() for fold in (0, 1))
        change = self._change(min(early, late) - 1, max(early, late))
        return datetime.fromtimestamp(change, self.zone)

    def _set_back(self, instant: float) -> float:
        """How far the clock on the wall has been moved forward shortly before."""
        return max(0.0, self._offset(instant) - self._offset(instant - _DAY))

    def _real_after(self, instant: float) -> float | None:
        """In real time: within a time of one offset, what the clock on the wall shows."""
        while True:
            offset = self._offset(instant)
            wall = next(CronSim(self.fields, self._local(instant)), None)
            if wall is None:
                return None
            found = wall.replace(tzinfo=UTC).timestamp() - offset
            if (change := self._first_change(instant, found)) is None:
                return found
            # From the second before the change on, by the new offset.
            instant, start = change, self._local(change) - timedelta(seconds=1)
            wall = next(CronSim(self.fields, start), None)
            if wall is not None and wall == start + timedelta(seconds=1):
                return instant

    def _first_change(self, low: float, high: float) -> float | None:
        """When the offset changes for the first time between the two, that one included."""
        offset, at = self._offset(low), low
        while at < high:
            step = min(at + _DAY, high)
            if self._offset(step) != offset:
                return self._change(at, step)
            at = step
        return None

    def _change(self, low: float, high: float) -> float:
        """The first second at which the offset is that of `high`, and not that of `low`."""
        before, last = floor(low), ceil(high)
        offset = self._offset(low)
        while last - before > 1:
            middle = (before + last) // 2
            before, last = (middle, last) if self._offset(middle) == offset else (before, middle)
        return float(last)

    def _offset(self, instant: float) -> float:
        offset = datetime.fromtimestamp(instant, self.zone).utcoffset()
        return 0.0 if offset is None else offset.total_seconds()

    def _local(self, instant: float) -> datetime:
        """What the clock on the wall shows then."""
        return datetime.fromtimestamp(floor(instant), self.zone).replace(tzinfo=None)

    def sets(self) -> "tuple[list[int], list[int], list[int | str], list[int], list[int | str], bool]":
        """What its fields say; one that is * has all of its values.

        These are minutes, hours, days of the month (with L, LW), months, days of the week (with 5L, 1#2), and whether
        both kinds of days have to match, or one of them is enough.
        """
        found = CronSim(self.fields, datetime(2000, 1, 1, tzinfo=UTC))
        days = ["L" if day == CronSim.LAST else "LW" if day == CronSim.LAST_WEEKDAY else day for day in found.days]
        weekdays = [_weekday(day) for day in found.weekdays]
        return (
            sorted(found.minutes),
            sorted(found.hours),
            sorted(days, key=str),
            sorted(found.months),
            sorted(set(weekdays), key=str),
            found.day_and,
        )

    def words(self) -> str:
        """The expression in words, such as "At 02:00 every day"."""
        return CronSim(self.fields, datetime(2000, 1, 1, tzinfo=UTC)).explain()


def zone_of(name: str) -> tzinfo:
    """The zone of that name; "local" is that of this process. Raises UnknownZone."""
    if name.lower() == LOCAL:
        return _local()
    if name.upper() in ("UTC", "Z"):
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        pass
    known = available_timezones()
    if not known:
        raise UnknownZone(
            f"no time zone is known here, and so not {name!r} either: install tzdata (the package of the system, or "
            "the one on PyPI), or say UTC"
        )
    by_name = {one.lower(): one for one in known} | {one.rpartition("/")[2].lower(): one for one in sorted(known)}
    close = get_close_matches(name.lower().replace(" ", "_"), by_name, n=1)
    hint = f"; did you mean {by_name[close[0]]}?" if close else ": expected local, UTC, or a name such as Europe/Berlin"
    raise UnknownZone(f"there is no time zone {name[:60]!r}{hint}")


def _weekday(day: int | tuple[int, int]) -> int | str:
    if isinstance(day, int):
        return day % 7
    return f"{day[0] % 7}L" if day[1] == CronSim.LAST else f"{day[0] % 7}#{day[1]}"


def _local() -> tzinfo:
    """As the C library finds it: TZ, else /etc/localtime, else UTC."""
    name = os.environ.get("TZ")
    try:
        if name is None:
            return _from_file(_LOCALTIME)
        name = name.removeprefix(":")
        if os.path.isabs(name):
            return _from_file(name)
        if not name:
            return UTC
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            return _from_rule(name)
    except (ValueError, OSError):
        return UTC


def _from_file(path: str) -> tzinfo:
    with open(path, "rb") as file:
        return ZoneInfo.from_file(file, key=LOCAL)


def _from_rule(rule: str) -> tzinfo:
    """A zone such as CET-1CEST,M3.5.0,M10.5.0/3: as the last line of a file without anything else (RFC 9636)."""
    if not re.fullmatch(r"[!-~]{3,200}", rule):
        raise ValueError(rule)
    counts = (0, 0, 0, 0, 1, 4)
    head = b"TZif2" + bytes(15) + b"".join(count.to_bytes(4, "big") for count in counts)
    block = head + bytes(6) + b"UTC\0"
    return ZoneInfo.from_file(BytesIO(block + block + b"\n" + rule.encode() + b"\n"), key=LOCAL)
