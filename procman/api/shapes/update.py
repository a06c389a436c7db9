"""The plan of an update, and an update that waits for its confirmation."""

from typing import Literal, NotRequired, TypedDict


class OptionChangeInfo(TypedDict):
    """One option, or one variable of `environment`, with its old and its new value. Secrets are "********"."""

    option: str  # of a [socket:NAME] section that the program uses: "[socket:NAME] OPTION"
    variable: NotRequired[str]  # the name of the variable
    old: str | None  # as a file would have it; null: it was not set
    new: str | None
    effect: Literal["none", "reopen", "restart"]  # what a change of it costs a running process
    source: Literal["file", "default", "command line"]  # where the new value comes from
    file: str | None
    line: int | None


class AffectedInfo(TypedDict):
    """A process that runs, is not changed itself, and depends on one that is stopped."""

    name: str
    effect: Literal["restarted", "stopped and started", "stopped", "reloaded", "signalled", "goes on"]


class PlannedChangeInfo(TypedDict):
    """What becomes of one process, or of a section that is no program."""

    group: str  # or "notify:NAME" or "access:NAME", such a section
    name: str  # the namespec of the process; "" for a section
    action: Literal["added", "removed", "restarted", "reopened", "changed in place"]
    running: bool  # it is up now
    starts: bool  # the update starts it
    in_turn: bool  # it is restarted in its turn (restart_strategy=rolling)
    options: list[OptionChangeInfo]
    dependents: list[AffectedInfo]
    stop: float  # how long its stop may take, in seconds; 0: it is not stopped
    start: float | None  # how long it may take until it is up; null: not started, or there is no limit
    down: float | None  # for how long it may be down between both; null: it does not come back, or no limit


class PlanMasterInfo(TypedDict):
    """The master that has made a plan."""

    file: str  # its configuration
    host: str
    identifier: str
    id: str


class PlanInfo(TypedDict):
    """What an update would do. It can be applied as it is, by this master, until something has changed."""

    format: Literal["procman update plan"]
    version: Literal[1]
    procman: str
    made: float  # seconds since the epoch
    master: PlanMasterInfo
    groups: list[str] | None  # null: all
    unknown: list[str]  # groups that were named and are not there
    changes: list[PlannedChangeInfo]
    needs_reload: list[OptionChangeInfo]  # options of the master and its servers: an update leaves them
    digests: dict[str, list[str | None]]  # of each group, of what runs and of what the file has
    # A SHA-256 of `changes` and `needs_reload`, in hexadecimal. The plan may be applied without these two: they can be
    # larger than a request may be.
    shown: str
    seal: str  # of all the rest


class MissingInfo(TypedDict):
    """A process that is not ready and healthy."""

    name: str
    words: str  # such as "is not ready yet (tcp:5432 refused)"


class PendingInfo(TypedDict):
    """An update that is rolled back unless it is confirmed."""

    operation: int
    actor: str  # who asked for it; "": not known
    began: float
    stage: Literal["applying", "waiting", "rolling back"]
    left: float | None  # seconds until it is rolled back; null unless it waits
    confirmed_by: str | None  # null: nobody has confirmed it
    missing: list[MissingInfo]  # what it changed and is not ready and healthy
    reason: str  # why it is being rolled back; "" otherwise
