"""What somebody is told. Frozen facts, and plain data for another process image to go on with."""

from dataclasses import asdict, dataclass
from typing import Any, Self

# Items of a message; of further processes it has the number.
MOST_ITEMS = 20
# Characters of what is told of one process; of what is kept of that, until secrets are hidden in it.
LONGEST_WORDS = 300
MOST_KEPT = 1000

Data = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """What has happened to one process since it was last told of."""

    event: str  # one of kinds.notifications.TOLD: the worst that has happened
    process: str  # namespec
    group: str
    words: str  # how it ended last, and its last line
    count: int  # its failures since the last message
    total: int  # and since the trouble began
    since: float  # seconds since the epoch: the first of those that are counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message of a section."""

    id: str  # the same at every try, so that a receiver can leave out what it has already
    section: str
    at: float  # seconds since the epoch
    items: tuple[Item, ...] = ()
    more: int = 0  # processes that are not among the items
    test: bool = False

    def to_data(self) -> Data:
        """As JSON has it."""
        return asdict(self)

    @classmethod
    def from_data(cls, data: Data) -> Self:
        """What `to_data` returned; raises KeyError or TypeError for anything else."""
        return cls(**{**data, "items": tuple(Item(**item) for item in data["items"])})
