"""What a child does between fork and exec, one prepared step after the other."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Step:
    """What the child does, and what to say where it cannot, by the number of the error ("": nothing)."""

    do: Callable[[], object]
    why: Callable[[int], str]
    optional: bool = False
