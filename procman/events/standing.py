"""Where pools stand, for another process image to go on with. Apart from them: most masters have none."""

from procman.facts import mutable


@mutable
class EventStanding:
    """One event that somebody has to be told of yet."""

    name: str
    text: str
    serial: int
    pool_serials: dict[str, int]


@mutable
class MemberStanding:
    """One process of a pool."""

    name: str  # namespec
    running: bool
    conversation: tuple[str, bytes, int | None] | None
    event: EventStanding | None


@mutable
class PoolStanding:
    """A pool, for another process image to go on with."""

    name: str
    serial: int
    waiting: list[EventStanding]
    members: list[MemberStanding]
