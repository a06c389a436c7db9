"""Answers that have more than one thing in them."""

from typing import Literal, NotRequired, TypedDict

from procman.api.shapes.access import Role
from procman.api.shapes.configuration import Step
from procman.api.shapes.crashes import CrashInfo
from procman.api.shapes.journal import JournalRecord, PastInfo, PastSpans
from procman.api.shapes.processes import Result
from procman.api.shapes.rolling import ScaleInfo
from procman.api.shapes.update import PendingInfo


class OperationAnswer(TypedDict):
    """What an operation on processes has come to."""

    operation: int  # its id
    results: list[Result]
    pending: NotRequired[list[str]]  # the time was over: namespecs of those whose result is not known; it goes on
    needing: NotRequired[list[str]]  # stop: what is up and depends on something that was stopped


class RollingAnswer(TypedDict):
    """What a rolling restart has come to."""

    operation: int  # its id
    results: list[Result]
    pending: NotRequired[bool]  # true: it goes on


class ScaleAnswer(TypedDict):
    """What a change of the number of processes has come to."""

    operation: int  # its id
    scale: ScaleInfo  # as it is now
    before: int
    steps: list[Step]


class UpgradeAnswer(TypedDict):
    """An upgrade that comes in a moment."""

    operation: int  # its id
    upgrades: int  # it is done when MasterInfo has this number


class UpdateAnswer(TypedDict):
    """What an update has done so far, or would do."""

    operation: NotRequired[int]  # its id; absent with dry_run
    steps: list[Step]
    pending: NotRequired[PendingInfo]  # it is rolled back unless it is confirmed
    role: NotRequired[Role]  # that of the client, where it has another one now


class ConfirmationAnswer(TypedDict):
    """What has become of an update that waited for its confirmation."""

    operation: int  # its id
    # confirmed and aborted: it is not done yet when the time is over
    result: Literal["kept", "confirmed", "rolled back", "aborted"]


class MembershipAnswer(TypedDict):
    """A group that was added or removed."""

    operation: int  # its id
    result: Literal["added", "removed"]


class PauseAnswer(TypedDict):
    """The namespecs of processes whose health checks pause, or go on."""

    paused: NotRequired[list[str]]
    resumed: NotRequired[list[str]]


class JournalAnswer(TypedDict):
    """Records of the journal, the oldest first."""

    records: list[JournalRecord]
    next: int  # ask with since= this for what comes next


class StatesAnswer(TypedDict):
    """The table of processes as it was."""

    at: float
    known_since: float | None  # null: nothing is known
    processes: list[PastInfo]


class SpansAnswer(TypedDict):
    """What processes were in, over a time."""

    since: float
    until: float
    known_since: float | None  # null: nothing is known
    processes: list[PastSpans]


class CrashesAnswer(TypedDict):
    """Crash reports, the latest first."""

    crashes: list[CrashInfo]
    note: str  # why some may be missing; "": none is
