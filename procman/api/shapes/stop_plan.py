"""How long a stop may take."""

from typing import NotRequired, TypedDict


class WaveInfo(TypedDict):
    """Groups that are stopped together."""

    priority: int
    level: int  # of one priority, the highest comes first; 0: they depend on nothing
    seconds: float  # the longest stopwaitsecs in it, with the hooks of the stop
    hooks: NotRequired[float]  # what of it is for hooks, where that is anything
    critical: list[str]  # namespecs of those that have it
    processes: int  # how many are in it


class ChangeInfo(TypedDict):
    """A line of the configuration that would have to change."""

    section: str  # as the file has it, with its brackets
    option: str
    before: float | None  # None: it is not set
    after: float


class BudgetInfo(TypedDict):
    """A stop plan compared with a time limit."""

    name: str  # "docker stop", "Kubernetes", or "budget" where one was given
    seconds: float
    fits: bool
    over: float  # how many seconds it is too long; 0: it fits
    changes: list[ChangeInfo]  # together they make it fit; empty where no stopwaitsecs above 0 would
    timeout: ChangeInfo | None  # alone it makes it fit


class StopPlanInfo(TypedDict):
    """How long a shutdown takes at worst."""

    seconds: float
    needed: float  # the same without shutdown_timeout: the sum of the waves, or of on_failure, and `master`
    master: float  # what the master itself needs
    shutdown_timeout: float | None
    waves: list[WaveInfo]  # in the order in which they are stopped
    budgets: list[BudgetInfo]
