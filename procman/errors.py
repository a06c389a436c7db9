"""The few errors procman raises, by who can mend them.

A message says what cannot be done, names the thing, and ends with a way out. None of these is a bug of procman: the
code that catches one shows its text, never a traceback. What an operation cannot do is an `OperationError`, whose
`reason` is for programs; each front end has a table from reasons to its own codes.
"""

from enum import Enum


class ProcmanError(Exception):
    """The root of them all; its text is meant for the user."""


class CannotListen(ProcmanError):
    """A control socket could not be opened: its path, its owner or its port is in the way."""


class Reason(Enum):
    """Why an operation cannot be done, or did not do what it was to do."""

    BAD_REQUEST = "the arguments make no sense"
    UNKNOWN_NAME = "there is no such process or group"
    UNKNOWN_OPERATION = "there is no such operation"
    UNKNOWN_REPORT = "there is no such crash report"
    BAD_SIGNAL = "there is no such signal"
    NO_LOG = "the log is not there"
    NO_COMMAND = "the command is not there"
    NOT_EXECUTABLE = "the command may not be run"
    CANNOT_SPAWN = "it could not be started"
    ENDED_TOO_SOON = "it was started, and ended before its startsecs"
    STDIN_CLOSED = "the process has closed its input"
    ALREADY_STARTED = "it runs already"
    NOT_RUNNING = "it is not running"
    ALREADY_ADDED = "the group is active already"
    ROLLING = "a rolling restart of the program is under way, or has stopped"
    STILL_RUNNING = "a process of the group still runs"
    SHUTTING_DOWN = "the master shuts down or restarts"
    UNUSABLE_CONFIG = "the configuration cannot be used"
    STALE_PLAN = "what a plan of an update was made of has changed since"
    UNCONFIRMED = "an update waits for its confirmation"
    NOT_CONFIRMED = "an update was rolled back, as it was not confirmed or not all of it is up"
    DENIED = "the client may not do that"
    FAILED = "the system refused; the text says why"


class OperationError(ProcmanError):
    """An operation that cannot be done."""

    reason: Reason

    def __init__(self, text: str, reason: Reason | None = None) -> None:
        """`text` is for people; `reason` for programs, where the class does not fix it."""
        super().__init__(text)
        if reason is not None:
            self.reason = reason


class BadRequest(OperationError):
    """The caller's arguments cannot be understood."""

    reason = Reason.BAD_REQUEST


class UnknownProcess(OperationError):
    """The caller named a process or a group that is not there."""

    reason = Reason.UNKNOWN_NAME


class AccessDenied(OperationError):
    """The client may know of the process, but not do that with it."""

    reason = Reason.DENIED


class WrongState(OperationError):
    """The process, the group or the master is in a state that forbids it: the caller may ask again later."""


class NoLog(OperationError):
    """There is no log to read or to empty."""

    reason = Reason.NO_LOG


class OperationFailed(OperationError):
    """The system refused. The administrator can mend it; the text says what."""

    reason = Reason.FAILED


class UnusableConfig(OperationError):
    """The configuration has problems, which its author can mend."""

    reason = Reason.UNUSABLE_CONFIG
