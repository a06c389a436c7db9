"""The programs that a master has to run, and where their output goes."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum


class Log(Enum):
    DEFAULT = "what a program gets whose section says nothing"
    FILE = "a file of its own"
    CONSOLE = "the master's stdout"
    PREFIXED = "the same, behind the program's name"


@dataclass(frozen=True, slots=True)
class Programs:
    """A number of programs of one kind, each with a section of its own."""

    does: str  # the words for subject.c
    count: int = 1
    startsecs: int = 1
    log: Log = Log.DEFAULT
    maxbytes: int = 0  # of its log, before it is rotated; 0: never
    backups: int = 10

    def names(self) -> Iterator[str]:
        kind = self.does.split()[0]
        return (f"{kind}{number:03}" for number in range(self.count))


def number_of(programs: tuple[Programs, ...]) -> int:
    return sum(some.count for some in programs)
