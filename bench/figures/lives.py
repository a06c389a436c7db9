"""How fast a master starts everything, passes SIGTERM on, and stops everything."""

from collections import defaultdict
from collections.abc import Collection
from functools import partial

from figure import Case, Effort, Figure, Values
from lifetime import Life
from supervisors import Peer
from workload import Programs


def _figures(count: int, boot: float, stop: float) -> tuple[Figure, ...]:
    programs = "1 program" if count == 1 else f"{count} programs"
    figures = [
        Figure(f"boot {count}", "boot", f"boot until {programs} run", "s", boot, digits=3),
        Figure(f"stop {count}", "stop", f"stop {programs} that leave{'s' * (count == 1)} at once", "s", stop, digits=3),
    ]
    if count == 1:
        label = "SIGTERM to the master until the program's handler runs"
        figures.append(Figure("sigterm", "sigterm", label, "ms", 2, digits=2))
    return tuple(figures)


def _live(count: int, peer: Peer, effort: Effort, wanted: Collection[str]) -> Values:
    found = defaultdict(list)
    for _ in range(effort.of(3, 1) if count == 1 else 1):
        with Life(peer, Programs("stay", count)) as life:
            found[f"boot {count}"].append(life.boot())
            if peer.stays_to_the_end and not {f"stop {count}", "sigterm"}.isdisjoint(wanted):
                life.boot_and_settle(0)
                heard, gone = life.stop()
                found["sigterm"].append(heard * 1000)
                found[f"stop {count}"].append(gone)
    return found


def _knows_thousands(peer: Peer) -> bool:
    """Whether it starts thousands of programs in reasonable time.

    supervisord closes 10,000 descriptors at each start if it may have that many, which takes a minute.
    """
    return peer.name != "supervisord"


CASES = (
    Case(_figures(1, 0.13, 0.04), partial(_live, 1)),
    Case(_figures(100, 0.27, 0.10), partial(_live, 100)),
    Case(_figures(1000, 2, 1), partial(_live, 1000), can=_knows_thousands, quick=False),
)
