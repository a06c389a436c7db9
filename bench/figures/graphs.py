"""How much longer a thousand programs take to start when they wait for each other."""

from collections.abc import Collection

from figure import Case, Effort, Figure, Values
from lifetime import Life
from supervisors import Peer
from workload import Programs, Shape

COUNT = 1000
# Times the boot of the same programs without edges.
TARGET = 1.3

_NAMES = {Shape.CHAIN: "in a chain", Shape.STAR: "in a star", Shape.RANDOM: "in a random graph"}

FIGURES = (
    Figure("graph none", "graph", f"boot until {COUNT} programs run, RUNNING at once, without edges", "s", digits=3),
    *(
        Figure(f"graph {shape.name}", "graph", f"the same {name}, compared with that", "times", TARGET, digits=2)
        for shape, name in _NAMES.items()
    ),
)


def _boots(peer: Peer, _: Effort, wanted: Collection[str]) -> Values:
    found: dict[str, list[float]] = {}
    plain = _boot(peer, Shape.NONE)
    found["graph none"] = [plain]
    for shape in _NAMES:
        if f"graph {shape.name}" in wanted:
            found[f"graph {shape.name}"] = [_boot(peer, shape) / plain]
    return found


def _boot(peer: Peer, shape: Shape) -> float:
    # They wait for nothing but the spawns of others: with startsecs, a chain would take a second for each.
    with Life(peer, Programs("stay", COUNT, startsecs=0, waits=shape)) as life:
        return life.boot()


CASES = (Case(FIGURES, _boots, can=lambda peer: peer.depends_on, quick=False),)
