"""The few errors procman raises, by who can mend them.

A message says what cannot be done, names the thing, and ends with a way out. None of these is a bug of procman:
whoever catches one shows its text, never a traceback.
"""


class ProcmanError(Exception):
    """The root of them all; its text is meant for the user."""


class BadRequest(ProcmanError):
    """The caller's arguments cannot be understood."""


class CannotListen(ProcmanError):
    """A control socket could not be opened: its path, its owner or its port is in the way."""
