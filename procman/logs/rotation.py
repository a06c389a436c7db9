"""When a log is rotated by the clock, and how its rotated files are named and kept.

Pure: every function gets the time. Times of day are those of the master's time zone, and each of them comes once a
day: one that the clock skips in spring is taken as if it had not been put forward, one that comes twice counts the
first time.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

HOUR = 3600.0
# Longer than any day, and any hour: a day has 25 hours when the clock is put back.
_LONGEST = {"hourly": 2 * HOUR, "daily": 26 * HOUR}
# The latest moment that calendars have, roughly; and the earliest.
_MOST = 250_000_000_000.0

# The suffixes of compressed files, by the values of the option.
SUFFIXES = {"gzip": ".gz", "zstd": ".zst"}

# What a log was rotated for; `upkeep` is about what it was rotated to before.
RotatedBy = Literal["size", "clock", "request", "upkeep"]
# Gets that, and why it has failed, or None: it was done.
OnRotated = Callable[[RotatedBy, str | None], object]


@dataclass(frozen=True, slots=True)
class Every:
    """Each hour on the hour, or each day at a time of day."""

    period: str  # "hourly" or "daily"
    minute: int = 0  # of the day

    def next_after(self, moment: float) -> float:
        """The first moment of rotation after that one, in seconds since the epoch."""
        if self.period == "hourly":
            return _hour_of(moment) + HOUR
        day = _local(moment)
        for ahead in range(-1, 3):
            found = self._on(day + timedelta(days=ahead))
            if found > moment:
                return found
        return moment + _LONGEST["daily"]  # no time zone skips two days

    def last_until(self, moment: float) -> float:
        """The latest moment of rotation that is not after that one."""
        if self.period == "hourly":
            return _hour_of(moment)
        day = _local(moment)
        for ahead in range(1, -3, -1):
            found = self._on(day + timedelta(days=ahead))
            if found <= moment:
                return found
        return moment

    def is_too_far(self, due: float, now: float) -> bool:
        """Whether the next rotation is farther away than it can be: the clock was put back since."""
        return due - now > _LONGEST[self.period]

    def _on(self, day: datetime) -> float:
        at = day.replace(hour=self.minute // 60, minute=self.minute % 60, second=0, microsecond=0, fold=0)
        return at.timestamp()


@dataclass(frozen=True, slots=True)
class Keeping:
    """What a log has besides supervisor's maxbytes and backups."""

    every: Every | None = None
    compress: str | None = None  # "gzip" or "zstd"
    max_age: float | None = None  # of rotated files, in seconds
    max_total: int | None = None  # of the log and its rotated files together, in bytes
    dated: bool = False  # rotated files are named by the time, and not by numbers

    @property
    def looks_back(self) -> bool:
        """Whether there is something to do with files that were rotated before."""
        return self.compress is not None or self.max_age is not None or self.max_total is not None

    def next_after(self, moment: float) -> float:
        """The next rotation by the clock; infinite if there is none."""
        return math.inf if self.every is None else self.every.next_after(moment)

    def stamp(self, written: float) -> str:
        """What the name of a rotated file that was last written then says of the time."""
        if self.every is None:
            return _local(written).strftime("%Y-%m-%dT%H-%M-%S")
        begun = _local(self.every.last_until(written))
        return begun.strftime("%Y-%m-%d" if self.every.period == "daily" else "%Y-%m-%dT%H")


# As in supervisor.
PLAIN = Keeping()


def _local(moment: float) -> datetime:
    # Wall-clock time without a zone: Python asks the C library for the offset at each moment.
    return datetime.fromtimestamp(min(max(moment, 0.0), _MOST))  # noqa: DTZ006


def _hour_of(moment: float) -> float:
    """The beginning of its hour; there are zones that are half an hour off."""
    offset = _local(moment).astimezone().utcoffset()
    ahead = 0.0 if offset is None else offset.total_seconds()
    return (moment + ahead) // HOUR * HOUR - ahead
