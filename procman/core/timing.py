"""Where a process stands with its schedule. No I/O and no clock here.

Times of a schedule are seconds since the epoch. The core does not know when they are: it is told of each when it has
come, in order, and remembers which are behind it, so that none comes twice, whatever the clock does.
"""

from dataclasses import dataclass

Ranges = tuple[tuple[float, float], ...]

# So many are told apart. Then those that are nearest to each other become one, and no time between them comes any more.
MOST_RANGES = 16


@dataclass(slots=True)
class Timing:
    """What `core.schedules` has decided about one process. Empty for most processes, at all times."""

    on: bool = False
    since: float | None = None  # the latest time that was looked at
    behind: Ranges = ()  # from the first to the last of times that have come one after the other
    queued: float | None = None  # the time of the run that waits for the end of the present one; 0: of no clock
    queued_late: float = 0.0  # how late that was already
    queued_at: float = 0.0  # when it was queued, by the core's clock
    left_out: int = 0  # times that were left out during the present run


def is_behind(ranges: Ranges, time: float) -> bool:
    """Has that time come before?"""
    return any(first <= time <= last for first, last in ranges)


def put_behind(ranges: Ranges, before: float | None, time: float) -> Ranges:
    """The same and that time, which has come next after `before`; None: others may lie between."""
    if before is not None:
        for place, (first, last) in enumerate(ranges):
            if last == before:
                return _joined((*ranges[:place], (first, time), *ranges[place + 1 :]))
    return _joined((*ranges, (time, time)))


def _joined(ranges: Ranges) -> Ranges:
    found: list[tuple[float, float]] = []
    for first, last in sorted(ranges):
        if found and first <= found[-1][1]:
            found[-1] = (found[-1][0], max(last, found[-1][1]))
        else:
            found.append((first, last))
    while len(found) > MOST_RANGES:
        at = min(range(len(found) - 1), key=lambda place: found[place + 1][0] - found[place][1])
        found[at : at + 2] = [(found[at][0], found[at + 1][1])]
    return tuple(found)
