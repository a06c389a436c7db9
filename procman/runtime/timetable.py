"""Carries out `ScheduleAt`: computes when the next time of a schedule comes, and tells the core of it then.

One alarm rings at the earliest of them, and when the clock on the wall is set; between, nothing wakes.
"""

import os
import socket
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from procman.config.schema.programs import Program
from procman.core.actions import ScheduleAt
from procman.core.events import ClockStepped, Event, ScheduleDue, ScheduleRemembered
from procman.core.fleet import Fleet
from procman.core.timing import Ranges
from procman.runtime.definitions import program_of
from procman.runtime.times_file import Looked, TimesFile
from procman.runtime.wall_alarm import WallAlarm

if TYPE_CHECKING:
    from procman.cron.times import Cron

# What is noticed later than that has passed unseen; where there are several of it, they do not all begin at once.
LATE = 60.0
SPREAD = 30.0
# So many times that have passed are counted; there may be a million.
MOST_COUNTED = 1000


class Alarm(Protocol):
    """As `WallAlarm`."""

    def set(self, when: float | None) -> None:
        """Ring then."""

    def close(self) -> None:
        """Ring no more."""


@dataclass(slots=True)
class _Entry:
    """One schedule that is on."""

    cron: "Cron"
    offset: float  # seconds, of schedule_jitter
    since: float
    behind: Ranges
    time: float | None  # the next one, without the offset; None: none comes any more
    put_off: tuple[float, float] | None = None  # it has passed: when it is told of, and how late it was when noticed

    @property
    def rings(self) -> float | None:
        """When there is something to tell, by the clock on the wall."""
        if self.put_off is not None:
            return self.put_off[0]
        return None if self.time is None else self.time + self.offset


class Timetable:
    """The times of all schedules that go by the clock on the wall."""

    def __init__(
        self,
        fleet: Fleet,
        times: TimesFile,
        post: Callable[[Event], None],
        *,
        clock: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
        alarm: Callable[[Callable[[bool], None]], Alarm] = WallAlarm,
        chance: Callable[[], float] = lambda: int.from_bytes(os.urandom(4), "little") / (1 << 32),
    ) -> None:
        """`post` tells the core; `clock` is the one on the wall, `steady` that of the core; `chance` is from 0 to 1."""
        self._fleet = fleet
        self._times = times
        self._post = post
        self._clock = clock
        self._steady = steady
        self._chance = chance
        self._entries: dict[str, _Entry] = {}
        self._alarm = alarm(self._ring)
        self._working = False

    def order(self, order: ScheduleAt) -> None:
        """Take in an order of the core."""
        if order.program is None:
            self._entries.pop(order.name, None)
        else:
            self._enter(order, program_of(order.program))
        self._arm()

    def snapshot(self) -> dict[str, Any]:
        """What is known of each schedule, as plain data for another process image."""
        return self._times.snapshot()

    def restore(self, data: dict[str, Any]) -> None:
        """Know what `snapshot` returned."""
        self._times.restore(data)

    def go_on(self) -> None:
        """Take in all orders that hold: this process image has none of them yet."""
        for order in self._fleet.schedules.asked():
            known = self._times.get(order.name)
            self.order(order if order.since is not None or known is None else replace(order, since=known.since))

    def remember(self) -> None:
        """Tell the core what an earlier master knew of the schedules that there still are; forget all others."""
        names = {name for name, process in self._fleet.processes.items() if process.program.schedule is not None}
        self._times.keep(names)
        made_up = [name for name in sorted(names) if self._fleet.processes[name].program.schedule_missed == "once"]
        if made_up and self._times.path is None:
            self._times.complain(
                f"{', '.join(made_up)}: schedule_missed=once, and there is no place to remember when they ran: what is "
                "missed while procman is down is unknown; set STATE_DIRECTORY to a folder that lasts"
            )
        for name in sorted(names):
            if (looked := self._times.get(name)) is not None:
                self._post(ScheduleRemembered(name, *looked))

    def next(self, name: str) -> float | None:
        """When the process of that namespec runs next by its schedule, in seconds since the epoch; None: not at all."""
        entry = self._entries.get(name)
        if entry is not None:
            return entry.rings
        due = self._fleet.schedules.due_at(name)
        return None if due is None else self._clock() + due - self._steady()

    def coming(self, name: str, count: int) -> list[float]:
        """So many of the next ones."""
        process, entry = self._fleet.processes.get(name), self._entries.get(name)
        first = self.next(name)
        if process is None or first is None:
            return []
        schedule = process.definition.schedule
        if schedule is not None and schedule.every is not None:
            return [first + number * schedule.every for number in range(count)]
        assert entry is not None
        found, since = [first], entry.time if entry.put_off is None else self._clock() - entry.offset
        while len(found) < count and since is not None:
            since = _next(entry.cron, since, entry.behind)
            if since is not None:
                found.append(since + entry.offset)
        return found

    def close(self) -> None:
        """Tell of nothing any more."""
        self._entries.clear()
        self._alarm.close()

    # ---- the pieces of the above

    def _enter(self, order: ScheduleAt, program: Program) -> None:
        # Reads time zones, and the library for it: for masters with a schedule.
        from procman.cron.times import Cron, zone_of  # noqa: PLC0415

        assert program.schedule is not None
        now, before = self._clock(), self._entries.get(order.name)
        since = order.since
        if since is None:
            since = now if before is None else min(before.since, now)
            self._post(ScheduleRemembered(order.name, since, order.behind))
        self._times.put(order.name, Looked(since, order.behind))
        cron = Cron(program.schedule.text, zone_of(program.schedule_tz))
        offset = offset_of(program)
        self._entries[order.name] = _Entry(cron, offset, since, order.behind, _next(cron, since, order.behind))

    def _tell(self) -> None:
        """Of all that is due; the core answers with other orders meanwhile."""
        now = self._clock()
        due = [(name, entry) for name, entry in self._entries.items() if entry.rings is not None and entry.rings <= now]
        several = sum(entry.put_off is None and self._late(entry, now) > LATE for _, entry in due) > 1
        is_first = True
        for name, entry in due:
            if entry.time is None or self._entries.get(name) is not entry:
                continue
            late = self._late(entry, now) if entry.put_off is None else entry.put_off[1]
            if several and entry.put_off is None and late > LATE:
                if not is_first:
                    entry.put_off = now + entry.offset + SPREAD * self._chance(), late
                    continue
                is_first = False
            newest = _newest(entry, now)
            late = late if entry.put_off is not None else max(0.0, now - newest - entry.offset)
            self._post(ScheduleDue(name, newest, late, _between(entry, newest)))

    @staticmethod
    def _late(entry: _Entry, now: float) -> float:
        return 0.0 if entry.time is None else max(0.0, now - _newest(entry, now) - entry.offset)

    def _arm(self) -> None:
        if self._working:
            return
        times = (entry.rings for entry in self._entries.values())
        self._alarm.set(min((when for when in times if when is not None), default=None))

    def _ring(self, stepped: bool) -> None:
        self._working = True
        try:
            if stepped:
                self._post(ClockStepped(self._clock()))
            self._tell()
        finally:
            self._working = False
        self._arm()


def offset_of(program: Program) -> float:
    """The same on one machine for one program, in seconds: from 0 to schedule_jitter."""
    if not program.schedule_jitter:
        return 0.0
    part = zlib.crc32(f"{_machine()}\0{program.namespec}".encode()) / (1 << 32)
    return round(part * program.schedule_jitter, 3)


def _machine() -> str:
    try:
        with open("/etc/machine-id", encoding="ascii", errors="replace") as file:
            machine = file.read(64).strip()
    except OSError:
        machine = ""
    # Containers of one image may have the same.
    return f"{machine} {socket.gethostname()}"


def _next(cron: "Cron", since: float, behind: Ranges) -> float | None:
    """The first time after that one that has not come before."""
    found = cron.after(since)
    while found is not None:
        last = next((last for first, last in behind if first <= found <= last), None)
        if last is None:
            return found
        found = cron.after(last)
    return None


def _newest(entry: _Entry, now: float) -> float:
    """The newest time that has passed and has not come before; there is one."""
    assert entry.time is not None
    later = entry.cron.after(entry.time)
    if later is None or later > now - entry.offset:
        return entry.time  # as ever, but after a sleep or a step
    found = entry.cron.newest(now - entry.offset)
    while found is not None and found > entry.time:
        first = next((first for first, last in entry.behind if first <= found <= last), None)
        if first is None:
            return found
        found = entry.cron.newest(first - 1)
    return entry.time


def _between(entry: _Entry, newest: float) -> int:
    """How many have passed before the newest one."""
    count, found = 0, entry.time
    while found is not None and found < newest and count < MOST_COUNTED:
        count += 1
        found = _next(entry.cron, found, entry.behind)
    return count
