"""Carries out `ScheduleAt` in virtual time: tells when the next time of a schedule has come."""

from collections.abc import Callable

from procman.config.schema.programs import Program
from procman.core.actions import ScheduleAt
from procman.core.events import Event, ScheduleDue, ScheduleRemembered
from procman.core.timing import Ranges
from procman.cron.times import Cron, zone_of


class WallClock:
    """As `runtime.timetable`, but nothing is ever late, and nothing was missed."""

    def __init__(
        self, ahead: float, at: Callable[[float, Callable[[], None]], None], post: Callable[[Event], None]
    ) -> None:
        """It is `ahead` of the clock of the core by so many seconds; `at` has something happen at a time of that."""
        self._ahead = ahead
        self._at = at
        self._post = post
        self._orders: dict[str, ScheduleAt] = {}  # those that hold

    def order(self, order: ScheduleAt, now: float) -> None:
        """Take in an order of the core."""
        self._orders[order.name] = order
        program = order.program
        if not isinstance(program, Program) or program.schedule is None:
            return
        since = order.since
        if since is None:
            since = now + self._ahead
            self._post(ScheduleRemembered(order.name, since, order.behind))
        due = _next(Cron(program.schedule.text, zone_of(program.schedule_tz)), since, order.behind)
        if due is not None:
            when = due
            self._at(max(now, due - self._ahead), lambda: self._rings(order, when))

    def _rings(self, order: ScheduleAt, due: float) -> None:
        if self._orders.get(order.name) is order:
            self._post(ScheduleDue(order.name, due, 0.0))


def _next(cron: Cron, since: float, behind: Ranges) -> float | None:
    """The first time after that one that has not come before."""
    found = cron.after(since)
    while found is not None:
        last = next((last for first, last in behind if first <= found <= last), None)
        if last is None:
            return found
        found = cron.after(last)
    return None
