"""How often each process was started again within the last hour, and for what reason.

Bounded: one count for each minute and reason.
"""

from collections import Counter, deque
from collections.abc import Mapping
from typing import Any

HOUR = 3600.0
_MINUTE = 60.0


class RestartCounts:
    """Counts by process, in minutes of a steady clock."""

    def __init__(self) -> None:
        self._minutes: dict[str, deque[tuple[int, Counter[str]]]] = {}

    def count(self, name: str, reason: str, now: float) -> None:
        """It is started again."""
        minutes = self._minutes.get(name)
        if minutes is None:
            minutes = self._minutes[name] = deque(maxlen=int(HOUR / _MINUTE))
        minute = int(now // _MINUTE)
        if not minutes or minutes[-1][0] != minute:
            minutes.append((minute, Counter()))
        minutes[-1][1][reason] += 1

    def within_hour(self, name: str, now: float) -> dict[str, int]:
        """By reason."""
        total: Counter[str] = Counter()
        for minute, counts in self._minutes.get(name, ()):
            if now - minute * _MINUTE < HOUR:
                total += counts
        return dict(total)

    def snapshot(self, now: float) -> dict[str, list[Any]]:
        """By process, for each minute how long ago it was and the counts: plain data for another process image."""
        present = int(now // _MINUTE)
        return {
            name: [[present - minute, dict(counts)] for minute, counts in minutes]
            for name, minutes in self._minutes.items()
        }

    def restore(self, data: Mapping[str, list[Any]], now: float) -> None:
        """Go on from what `snapshot` returned."""
        present = int(now // _MINUTE)
        for name, minutes in data.items():
            known = ((present - ago, Counter(counts)) for ago, counts in minutes)
            self._minutes[name] = deque(known, maxlen=int(HOUR / _MINUTE))

    def forget(self, name: str) -> None:
        """The process has left the fleet."""
        self._minutes.pop(name, None)
