"""A fault that is made on purpose, what should follow from it, and what did."""

from typing import Literal, TypedDict


class ChaosStep(TypedDict):
    """A process goes from one state to another."""

    at: float  # seconds after the fault
    namespec: str
    before: str
    after: str
    reason: str  # "" if there is none


class ChaosJudgement(TypedDict):
    """Whether one process did what its configuration says."""

    namespec: str
    as_expected: bool
    words: str


class ChaosInfo(TypedDict):
    """One fault."""

    id: int | None  # that of its operation; null: it was only predicted
    namespec: str
    what: Literal["kill", "stop", "unready"]
    seconds: float  # how long it lasts; 0: kill
    began: float | None  # seconds since the epoch
    over: bool
    expected: list[ChaosStep]  # what the simulation of the present state has shown
    expected_whole: bool  # false: more would follow that was not simulated
    ends_master: bool  # by its configuration the master ends then
    seen: list[ChaosStep]
    judgements: list[ChaosJudgement]  # when it is over, one for the process and for each that depends on it
    as_expected: bool | None  # all of them; null: it is not over
    error: str  # why it could not be made; ""
