"""The master itself, its operations, and the stream of changes."""

from typing import Literal, NotRequired, TypedDict

from procman.api.shapes.access import Role
from procman.api.shapes.configuration import Step
from procman.api.shapes.processes import ProcessInfo, Result


class ErrorBody(TypedDict):
    """The inside of {"error": …}."""

    code: str
    message: str


class OperationInfo(TypedDict):
    """Something that changes something, from when it was asked for; it goes on whether or not its client waits."""

    id: int  # never used again, over reloads and upgrades too; with a journal in a file, over kills as well
    kind: Literal[
        "start",
        "run",
        "stop",
        "restart",
        "rolling-restart",
        "rolling-continue",
        "rolling-abort",
        "retry",
        "debug",
        "signal",
        "chaos",
        "refresh",
        "clear",
        "rotate",
        "reopen",
        "update",
        "scale",
        "add",
        "remove",
        "reload",
        "shutdown",
        "upgrade",
    ]
    targets: list[str]  # as they were named: SPECs, or groups
    actor: str  # who asked, such as "uid 0, pid 4711" over a unix socket; "": not known
    began: float
    ended: float | None  # null while it goes on
    state: Literal["running", "done", "failed"]  # failed: as a whole, see `error`; of one process its Result tells
    results: list[Result]  # of the processes for which it is known
    pending: list[str]  # namespecs of those for which it is not
    steps: list[Step]  # of an update: what has been done so far
    error: NotRequired[ErrorBody]


class MasterInfo(TypedDict):
    """The master itself."""

    pid: int
    version: str
    api_version: str
    identifier: str
    state: int
    statename: str
    config_file: str
    start: int
    processes: int
    reaped_orphans: int
    upgrades: int  # how many upgrades this process has been through
    may_control: bool  # whether this client may change anything
    role: NotRequired[Role]  # the highest that it has; absent where it may do everything


class Snapshot(TypedDict):
    """The first message of /v1/events: everything. A process that is not in `names` does not exist (any more)."""

    master: MasterInfo
    names: list[str]  # the namespecs of all processes, by group and name
    processes: list[ProcessInfo]


class Change(TypedDict):
    """Later messages of /v1/events: the processes to which something has happened."""

    processes: list[ProcessInfo]
    gone: NotRequired[list[str]]  # namespecs of those that do not exist any more
    master: NotRequired[MasterInfo]  # if the state of the master itself has changed
