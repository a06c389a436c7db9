"""Where pools stand, for another process image to go on with. Apart from them: most masters have none."""

from dataclasses import dataclass


@dataclass(slots=True)
class EventSnapshot:
    """One event that somebody has to be told of yet."""

    name: str
    text: str
    serial: int
    pool_serials: dict[str, int]


@dataclass(slots=True)
class MemberSnapshot:
    """One process of a pool."""

    name: str  # namespec
    running: bool
    conversation: tuple[str, bytes, int | None] | None
    event: EventSnapshot | None


@dataclass(slots=True)
class PoolSnapshot:
    """A pool, for another process image to go on with."""

    name: str
    serial: int
    waiting: list[EventSnapshot]
    members: list[MemberSnapshot]
