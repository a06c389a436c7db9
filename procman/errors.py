"""The few errors procman raises, by who can mend them.

A message says what cannot be done, names the thing, and ends with a way out. None of these is a bug of procman:
whoever catches one shows its text, never a traceback.
"""

from enum import IntEnum


class ProcmanError(Exception):
    """The root of them all; its text is meant for the user."""


class BadRequest(ProcmanError):
    """The caller's arguments cannot be understood."""


class CannotListen(ProcmanError):
    """A control socket could not be opened: its path, its owner or its port is in the way."""


class Fault(IntEnum):
    """What can be wrong with one operation, with supervisor's numbers (they travel over XML-RPC)."""

    UNKNOWN_METHOD = 1  # there is no such method, or path
    INCORRECT_PARAMETERS = 2  # too many, too few, or of the wrong type
    BAD_ARGUMENTS = 3  # arguments that make no sense
    SIGNATURE_UNSUPPORTED = 4  # there is no such method to be told about
    SHUTDOWN_STATE = 6  # the master shuts down, or begins anew
    BAD_NAME = 10  # there is no such process or group
    BAD_SIGNAL = 11  # there is no such signal
    NO_FILE = 20  # the command, or the log, is not there
    NOT_EXECUTABLE = 21  # the command may not be run
    FAILED = 30  # the system refused; the text says why
    ABNORMAL_TERMINATION = 40  # it was started, and ended before its `startsecs`
    SPAWN_ERROR = 50  # it could not be started
    ALREADY_STARTED = 60  # it runs already
    NOT_RUNNING = 70  # it does not run
    SUCCESS = 80  # no fault: the `status` of what went well
    ALREADY_ADDED = 90  # the group is active already
    STILL_RUNNING = 91  # a process of the group still runs
    CANT_REREAD = 92  # the configuration cannot be used; nothing was changed
    FORBIDDEN = 403  # not one of supervisor's: who asks may only look


class Refused(ProcmanError):
    """An operation that cannot be done.

    `fault` says why to programs.
    """

    def __init__(self, fault: Fault, text: str) -> None:
        """`text` is for people."""
        super().__init__(text)
        self.fault = fault
