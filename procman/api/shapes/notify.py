"""The notify sections."""

from typing import Literal, TypedDict


class NotifyInfo(TypedDict):
    """A notify section; its URL is never shown."""

    name: str
    on: list[str]
    programs: list[str]
    by: Literal["webhook", "exec"]
    command: str  # of exec, without what looks like a secret in it; "" for a web hook
    sent: int  # messages, since the master began
    failed: int  # that were refused for good
    dropped: int  # there were too many, or they were too old
    waiting: int  # are to be sent, or tried again
    reported: list[str]  # namespecs that were told of, and have not recovered
    last_error: str  # "": none
    last_error_at: float  # 0: never
    last_sent_at: float  # 0: never


class NotifyResult(TypedDict):
    """What came of a test message."""

    name: str
    sent: bool
    words: str  # "HTTP 200", "exit status 0", or what went wrong
