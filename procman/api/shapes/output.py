"""What runs write, and terminals."""

from typing import NotRequired, TypedDict


class RunEvent(TypedDict):
    """One line of the answer to POST and GET /v1/processes/{spec}/run: began, output (many), ended."""

    event: str  # began, output, ended
    name: NotRequired[str]  # began: the namespec
    operation: NotRequired[int | None]  # began: its id; None: another client has asked for the run
    channel: NotRequired[str]  # output: stdout or stderr
    data: NotRequired[str]  # output: bytes that are not UTF-8 stand as lone surrogates (Python's surrogateescape)
    missed: NotRequired[int]  # output: bytes that were left out after it, as they were not read in time
    statename: NotRequired[str]  # ended
    done: NotRequired[bool]  # ended: a one-shot that has succeeded
    code: NotRequired[int]  # ended: as a shell would have it; 124: timed out, and it exited with 0
    text: NotRequired[str]  # ended: how, in words


class TerminalEvent(TypedDict):
    """One line of the answer to /v1/processes/{spec}/attach and /debug: attached, output (many), ended."""

    event: str  # attached, output, ended
    id: NotRequired[int]  # attached: of this client, for its input and its size
    name: NotRequired[str]  # attached: the namespec
    data: NotRequired[str]  # output, and the past with attached: as in RunEvent
    missed: NotRequired[int]  # output: bytes that were left out after it, as they were not read in time
    statename: NotRequired[str]  # ended
    code: NotRequired[int]  # ended: as a shell would have it
    text: NotRequired[str]  # ended: how, in words


class TerminalClient(TypedDict):
    """Of GET /v1/terminals: a client that is attached."""

    id: int
    name: str  # the namespec
    client: str  # such as "uid 0 (root, procmanctl, pid 812)"
    read_only: bool
    debugs: bool  # the program runs for this client, once


class LogPiece(TypedDict):
    """One line of the answer to GET /v1/logs: a piece of one of several logs. An empty one of each comes first."""

    name: str  # the namespec
    channel: str  # stdout or stderr
    time: float | None  # until when it was written (seconds since the epoch, to within a second); None: now
    data: str  # bytes that are not UTF-8 stand as lone surrogates (Python's surrogateescape)
    missed: int  # bytes before it that were left out, as they were not read in time
