"""The programs that a master has to run, and where their output goes."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise
from random import Random


class Log(Enum):
    DEFAULT = "what a program gets whose section says nothing"
    FILE = "a file of its own"
    CONSOLE = "the master's stdout"
    PREFIXED = "the same, behind the program's name"


class Shape(Enum):
    """What waits for what."""

    NONE = "nothing"
    CHAIN = "each for the one before"
    STAR = "all for the first"
    RANDOM = "each for up to three before it"


@dataclass(frozen=True, slots=True)
class Programs:
    """A number of programs of one kind, each with a section of its own."""

    does: str  # the words for subject.c
    count: int = 1
    startsecs: int = 1
    log: Log = Log.DEFAULT
    maxbytes: int = 0  # of its log, before it is rotated; 0: never
    backups: int = 10
    waits: Shape = Shape.NONE

    def names(self) -> Iterator[str]:
        kind = self.does.split()[0]
        return (f"{kind}{number:03}" for number in range(self.count))

    def targets(self) -> dict[str, list[str]]:
        """The names that each waits for; the same in each run."""
        names, chance = list(self.names()), Random(0)
        match self.waits:
            case Shape.NONE:
                return {}
            case Shape.CHAIN:
                return {name: [before] for before, name in pairwise(names)}
            case Shape.STAR:
                return dict.fromkeys(names[1:], names[:1])
            case Shape.RANDOM:
                return {name: sorted(set(chance.choices(names[:at], k=3))) for at, name in enumerate(names) if at}


def number_of(programs: tuple[Programs, ...]) -> int:
    return sum(some.count for some in programs)
