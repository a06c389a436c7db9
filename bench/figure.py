"""A figure of the benchmarks, and how it is measured."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from supervisors import Peer


@dataclass(frozen=True, slots=True)
class Figure:
    """One row of the table."""

    key: str
    name: str  # by which it is chosen on the command line; several figures may share one
    label: str
    unit: str
    target: float | None = None  # what procman should reach
    more_is_better: bool = False
    digits: int = 1
    why: str = ""  # what it consists of, for the page when the target is missed

    def reached(self, value: float) -> bool | None:
        if self.target is None:
            return None
        # What rounds to the target has reached it.
        value, target = round(value, self.digits), round(self.target, self.digits)
        return value >= target if self.more_is_better else value <= target


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is done to measure a figure."""

    rounds: int = 3
    quick: bool = False

    def of(self, full: int, quick: int) -> int:
        return quick if self.quick else full


Values = Mapping[str, Collection[float]]  # by the figure's key


@dataclass(frozen=True, slots=True)
class Case:
    """Figures that are measured together."""

    figures: tuple[Figure, ...]
    # Gets the keys of the wanted figures, so that no time is spent on others.
    measure: Callable[[Peer, Effort, Collection[str]], Values]
    can: Callable[[Peer], bool] = lambda _peer: True
    most_rounds: int = 100  # for rounds that take very long
    quick: bool = True  # part of a quick run
    moves_output: bool = False  # also for the variants of the floor that only move output

    def takes(self, peer: Peer) -> bool:
        return self.can(peer) and (self.moves_output or not peer.only_moves_output)
