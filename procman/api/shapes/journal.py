"""What has happened, and how it was then."""

from typing import Any, Literal, NotRequired, TypedDict


class PastInfo(TypedDict):
    """One process as it was at a moment of the past, as far as the journal tells."""

    name: str
    group: str
    namespec: str
    statename: str | None  # null: not known; the description says why
    description: str  # as in ProcessInfo
    pid: int  # 0: none, or not known
    since: float | None  # when it entered the state; null: not known
    uptime: int | None  # of its run, then; null: not known, or no process
    run: int  # the number of its run; 0: not known
    reason: str
    seq: int | None  # the record of the journal by which it entered the state


class SpanInfo(TypedDict):
    """A time in which a process was in one state, cut to the time that was asked for."""

    start: float
    end: float
    statename: str | None  # null: not known
    reason: str
    seq: int | None  # the record of the journal by which it entered the state


class PastSpans(TypedDict):
    """What one process was in, one after the other; where it did not exist, there is no span."""

    namespec: str
    group: str
    spans: list[SpanInfo]


class ActorInfo(TypedDict):
    """Who or what asked for something. What is not known, or does not apply, is left out."""

    kind: Literal[
        "client",
        "signal",
        "policy",
        "boot",
        "update",
        "rollback",
        "upgrade",
        "schedule",
        "health",
        "dependency",
        "watch",
        "connection",
    ]
    uid: NotRequired[int]  # of a client of a unix socket, as are gid, pid and command
    gid: NotRequired[int]
    pid: NotRequired[int]
    user: NotRequired[str]  # the account of the uid, or the login over TCP
    command: NotRequired[str]  # the name of the client's process
    via: NotRequired[str]  # the socket, and over TCP the client's address; the name of a signal


_Left = TypedDict("_Left", {"from": NotRequired[str]})


class JournalRecord(_Left):
    """One thing that has happened. What does not apply is left out.

    With `to` there is `from`, which is no name in Python.
    """

    seq: int  # a number that is never used again; they ascend, with gaps for what deserves no record
    time: float  # to the millisecond
    mono: float  # seconds of the steady clock, for intervals within one boot of the machine
    kind: str  # state, spawn, exit, signal and others: see docs/reference/journal.md
    group: NotRequired[str]
    name: NotRequired[str]  # the namespec of a process
    run: NotRequired[int]  # which start of the process it belongs to
    to: NotRequired[str]  # of kind state: such as RUNNING
    phase: NotRequired[str]  # what it does in that state, where the state does not say it
    reason: NotRequired[str]
    cause: NotRequired[int]  # the seq of what it follows from
    op: NotRequired[int]  # the id of the operation that it belongs to
    actor: NotRequired[ActorInfo]  # absent: nobody asked for it
    data: NotRequired[dict[str, Any]]  # what else belongs to that kind
    times: NotRequired[int]  # how many equal ones in a row it stands for; seq and time are those of the last


class PastReasonInfo(TypedDict):
    """Why a process was in its state at a moment of the past, as far as the journal tells."""

    process: PastInfo
    wanted: bool | None  # whether it should have been up; null: not known
    wanted_by: str  # who had asked for that, in words
    ending: str  # how its last run before had ended; "": not known, or there was none
    ended: float | None
    chain: list[JournalRecord]  # the record of the state, what it follows from, and so on


class RunInfo(TypedDict):
    """One life of a process. What the journal does not have (any more) is null, or empty."""

    namespec: str
    group: str
    run: int
    pid: int | None
    seq: int | None  # of the record of its start
    began: float | None
    start: str  # why it was started, or who asked for it
    ended: float | None  # null: it runs, or its end is not in the journal
    end_seq: int | None
    seconds: float | None  # how long it ran
    ending: str  # "exit status 3", "terminated by SIGKILL", "could not be started: …", …; "": it runs
    stop: str  # who stopped it; "": nobody here
