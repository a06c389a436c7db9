"""Supervisor's fault codes, and the table from procman's reasons to them."""

from collections.abc import Mapping
from enum import IntEnum

from procman.errors import Reason


class Fault(IntEnum):
    """What can be wrong with one call, with supervisor's numbers."""

    UNKNOWN_METHOD = 1  # there is no such method, or path
    INCORRECT_PARAMETERS = 2  # too many, too few, or of the wrong type
    BAD_ARGUMENTS = 3  # arguments that make no sense
    SIGNATURE_UNSUPPORTED = 4  # there is no such method to describe
    SHUTDOWN_STATE = 6  # the master shuts down or restarts
    BAD_NAME = 10  # there is no such process or group
    BAD_SIGNAL = 11  # there is no such signal
    NO_FILE = 20  # the command, or the log, is not there
    NOT_EXECUTABLE = 21  # the command may not be run
    FAILED = 30  # the system refused; the text says why
    ABNORMAL_TERMINATION = 40  # it was started, and ended before its `startsecs`
    SPAWN_ERROR = 50  # it could not be started
    ALREADY_STARTED = 60  # it runs already
    NOT_RUNNING = 70  # it is not running
    SUCCESS = 80  # no fault: the `status` of what went well
    ALREADY_ADDED = 90  # the group is active already
    STILL_RUNNING = 91  # a process of the group still runs
    CANT_REREAD = 92  # the configuration cannot be used; nothing was changed
    FORBIDDEN = 403  # not one of supervisor's: this account may not do that
    ROLLING = 409  # nor is this one: a rolling restart is under way, or has stopped
    STALE_PLAN = 410  # nor is this one: what a plan of an update was made of has changed since
    ROLLED_BACK = 411  # nor is this one: an update was not kept
    UNCONFIRMED = 423  # nor is this one: an update waits for its confirmation


_FAULTS: Mapping[Reason, Fault] = {
    Reason.BAD_REQUEST: Fault.BAD_ARGUMENTS,
    Reason.UNKNOWN_NAME: Fault.BAD_NAME,
    Reason.UNKNOWN_OPERATION: Fault.BAD_NAME,
    Reason.UNKNOWN_REPORT: Fault.BAD_NAME,
    Reason.BAD_SIGNAL: Fault.BAD_SIGNAL,
    Reason.NO_LOG: Fault.NO_FILE,
    Reason.NO_COMMAND: Fault.NO_FILE,
    Reason.NOT_EXECUTABLE: Fault.NOT_EXECUTABLE,
    Reason.CANNOT_SPAWN: Fault.SPAWN_ERROR,
    Reason.ENDED_TOO_SOON: Fault.ABNORMAL_TERMINATION,
    Reason.STDIN_CLOSED: Fault.NO_FILE,
    Reason.ALREADY_STARTED: Fault.ALREADY_STARTED,
    Reason.NOT_RUNNING: Fault.NOT_RUNNING,
    Reason.ALREADY_ADDED: Fault.ALREADY_ADDED,
    Reason.ROLLING: Fault.ROLLING,
    Reason.STILL_RUNNING: Fault.STILL_RUNNING,
    Reason.SHUTTING_DOWN: Fault.SHUTDOWN_STATE,
    Reason.UNUSABLE_CONFIG: Fault.CANT_REREAD,
    Reason.DENIED: Fault.FORBIDDEN,
    Reason.STALE_PLAN: Fault.STALE_PLAN,
    Reason.UNCONFIRMED: Fault.UNCONFIRMED,
    Reason.NOT_CONFIRMED: Fault.ROLLED_BACK,
    Reason.FAILED: Fault.FAILED,
}


def fault_of(reason: Reason | None) -> Fault:
    """Supervisor's code for a reason; SUCCESS where there is none."""
    return Fault.SUCCESS if reason is None else _FAULTS[reason]
