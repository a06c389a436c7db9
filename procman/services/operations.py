"""What came of an operation, in procman's own terms; each front end turns it into its own."""

from dataclasses import dataclass

from procman.errors import Reason


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one process in an operation on one or many."""

    name: str
    group: str
    reason: Reason | None = None  # why it failed; None: it did not
    text: str = "OK"
