"""What is told of one section's processes, and when: the first failure at once, further ones summed up.

The rules:

- A failure is told at once if nothing was told of that process yet, or only something less bad. FATAL is told at once
  after a recovery, too.
- Otherwise it waits until the interval since the last message is over. The interval grows by GROWTH with each message,
  up to LONGEST_INTERVAL, so a crash-looper costs a few messages in the first hour, and then one an hour.
- What is due at the same time is one message. Two messages of a section are at least PACE apart.
- A process that was reported has recovered when it has run for `recovered_after`, and for longer than there was between
  two of its failures. Nothing else is ever reported as recovered.
- One that was unhealthy runs well only from when its health check succeeds again.
- What was stopped on purpose has not recovered; its trouble ends when it runs again, or is removed.
- After a recovery the interval, and the time between failures, stay as they were until nothing was told for
  LONGEST_INTERVAL: a process that fails and recovers all the time costs no more messages than one that only fails.

Times are seconds of a steady clock, those called `at` seconds since the epoch.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from procman.config.schema.kinds.notifications import TOLD
from procman.config.schema.notify import Notify
from procman.notify.message import MOST_ITEMS, MOST_KEPT, Item

GROWTH = 4
LONGEST_INTERVAL = 3600.0
PACE = 5.0

RECOVERED, UNHEALTHY = "recovered", "unhealthy"

Data = dict[str, Any]


@dataclass(slots=True)
class Incident:
    """The trouble with one process."""

    group: str
    event: str = RECOVERED  # the worst that is not told yet
    words: str = ""
    untold: int = 0  # failures
    since: float = 0.0  # the first of those, since the epoch
    total: int = 0
    worst_told: int = 0  # its place in TOLD; 0: nothing
    told_at: float | None = None
    interval: float = 0.0  # from `told_at` on
    failed_at: float | None = None
    longest_gap: float = 0.0  # between two failures
    up_since: float | None = None
    recovered: bool = False  # to be told
    unfinished: bool = False  # there is something to be told
    sick: bool = False  # its health check has failed, and has not succeeded since

    @property
    def quiet(self) -> bool:
        """Nothing is to be told."""
        return not (self.unfinished or self.recovered)


class Incidents:
    """Those of one section; it has as many as processes that have failed."""

    def __init__(self, rule: Notify) -> None:
        """`rule` may be replaced later."""
        self.rule = rule
        self._known: dict[str, Incident] = {}
        self._not_before = 0.0  # the pace

    # ---- what has happened

    def failed(self, event: str, process: str, group: str, words: str, *, count: bool, now: float, at: float) -> None:
        """It has failed; `count`: that is a failure of its own, and not the outcome of those before.

        `words` come out with the item as they are, or the beginning of them.
        """
        if event not in self.rule.on:
            return
        incident = self._known.setdefault(process, Incident(group))
        incident.up_since = None
        incident.recovered = False
        incident.sick = incident.sick or event == UNHEALTHY
        if count or not incident.untold:
            incident.since = incident.since if incident.untold else at
            incident.untold += 1
            incident.total += 1
            if incident.failed_at is not None:
                incident.longest_gap = max(incident.longest_gap, now - incident.failed_at)
            incident.failed_at = now
        if not incident.unfinished or TOLD.index(event) >= TOLD.index(incident.event):
            incident.event = event
        incident.words = words[:MOST_KEPT]
        incident.unfinished = True

    def up(self, process: str, *, now: float, well: bool = False) -> None:
        """It runs; `well`: it is healthy, or nobody looks at that."""
        incident = self._known.get(process)
        if incident is None:
            return
        incident.sick = incident.sick and not well
        if incident.up_since is None and not incident.sick:
            incident.up_since = now

    def down(self, process: str) -> None:
        """It does not run any more, and that is no failure."""
        incident = self._known.get(process)
        if incident is not None:
            incident.up_since = None

    def removed(self, process: str) -> None:
        """There is no such process any more."""
        self._known.pop(process, None)

    def knows(self, process: str) -> bool:
        """Whether something was or is to be told of it."""
        return process in self._known

    # ---- what is to be told

    def due(self, *, now: float) -> tuple[tuple[Item, ...], int]:
        """What is to be told now, and how many processes are left out of it; nothing is returned twice."""
        self._settle(now)
        if now < self._not_before:
            return (), 0
        return self._told([name for name, one in self._known.items() if self._is_due(one, now)], now)

    def all(self, *, now: float) -> tuple[tuple[Item, ...], int]:
        """The same, of all that is not told yet, as this is the end."""
        return self._told([name for name, one in self._known.items() if not one.quiet], now)

    def deadline(self) -> float | None:
        """When to ask again; None: not before something has happened."""
        times = list(self._times())
        return min(times) if times else None

    def reported(self) -> list[str]:
        """The processes that were told of, and have not recovered."""
        return [name for name, one in self._known.items() if one.worst_told]

    # ---- over an upgrade

    def snapshot(self) -> Data:
        """As plain data."""
        return {"known": {name: asdict(one) for name, one in self._known.items()}, "not_before": self._not_before}

    def restore(self, data: Data) -> None:
        """Go on from there."""
        self._known = {name: Incident(**one) for name, one in data["known"].items()}
        self._not_before = data["not_before"]

    # ---- the pieces of the above

    def _settle(self, now: float) -> None:
        """See which ones have recovered, and which ones are long over."""
        for name, incident in list(self._known.items()):
            recovers = self._recovers_at(incident)
            if recovers is not None and now >= recovers:
                incident.up_since = None
                if incident.worst_told and RECOVERED in self.rule.on:
                    incident.recovered = True
                else:
                    self._over(incident)
            if not incident.worst_told and incident.quiet and self._is_forgotten(incident, now):
                del self._known[name]

    def _recovers_at(self, incident: Incident) -> float | None:
        """When it counts as recovered; not before its failures were told, unless the recovery tells of them."""
        told_with_it = incident.worst_told > 0 and RECOVERED in self.rule.on
        if incident.up_since is None or (incident.unfinished and not told_with_it):
            return None
        return incident.up_since + max(self.rule.recovered_after, min(incident.longest_gap, LONGEST_INTERVAL))

    def _is_forgotten(self, incident: Incident, now: float) -> bool:
        return incident.told_at is None or now >= incident.told_at + LONGEST_INTERVAL

    def _is_due(self, incident: Incident, now: float) -> bool:
        when = self._due_at(incident)
        return when is not None and now >= when

    def _due_at(self, incident: Incident) -> float | None:
        if incident.recovered:
            return 0.0  # it was waited for already
        if not incident.unfinished:
            return None
        if incident.told_at is None or self._is_worse(incident):
            return 0.0
        return incident.told_at + incident.interval

    def _is_worse(self, incident: Incident) -> bool:
        """Worse than what was told."""
        place = TOLD.index(incident.event)
        return place > incident.worst_told and (incident.worst_told > 0 or incident.event == TOLD[-1])

    def _times(self) -> Iterator[float]:
        for incident in self._known.values():
            due = self._due_at(incident)
            if due is not None:
                yield max(due, self._not_before)
            recovers = self._recovers_at(incident)
            if recovers is not None:
                yield recovers
            elif incident.quiet and not incident.worst_told and incident.told_at is not None:
                yield incident.told_at + LONGEST_INTERVAL

    def _told(self, names: list[str], now: float) -> tuple[tuple[Item, ...], int]:
        if not names:
            return (), 0
        self._not_before = now + min(PACE, self.rule.interval)
        # The worst first, as the others may be left out.
        items = sorted((self._item(name, now) for name in names), key=lambda item: -TOLD.index(item.event))
        return tuple(items[:MOST_ITEMS]), len(items[MOST_ITEMS:])

    def _item(self, name: str, now: float) -> Item:
        incident = self._known[name]
        event = RECOVERED if incident.recovered else incident.event
        item = Item(
            event=event,
            process=name,
            group=incident.group,
            words=incident.words,
            count=incident.untold,
            total=incident.total,
            since=incident.since,
        )
        incident.untold = 0
        incident.unfinished = False
        if incident.recovered:
            self._over(incident)
            return item
        incident.worst_told = max(incident.worst_told, TOLD.index(event))
        longest = max(LONGEST_INTERVAL, self.rule.interval)
        incident.interval = min(longest, incident.interval * GROWTH) if incident.interval else self.rule.interval
        incident.told_at = now
        return item

    def _over(self, incident: Incident) -> None:
        incident.recovered = incident.unfinished = False
        incident.event = RECOVERED
        incident.worst_told = incident.untold = incident.total = 0
