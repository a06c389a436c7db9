"""The health of the whole, and of each process that has a health check."""

from typing import TypedDict


class HealthInfo(TypedDict):
    """Whether everything runs that should."""

    ready: bool
    missing: list[str]  # a line for each process that is wanted up and is not RUNNING
    warnings: list[str]  # with ?file=1: why the configuration on the disk could not be used now; no reason to fail


class HealthResultInfo(TypedDict):
    """What one look has shown."""

    ago: float  # seconds
    ok: bool | None  # null: it does not count, as the master itself was not awake
    words: str  # "tcp:5432 refused"


class HealthCheckInfo(TypedDict):
    """The health check of one process."""

    namespec: str
    check: str  # what is looked at, as it was written
    running: bool
    healthy: bool | None  # null: not known (yet)
    failures: int  # in a row
    retries: int  # how many failures in a row make it unhealthy
    interval: float  # seconds
    on_unhealthy: str
    looking: bool  # a look is under way
    next_in: float | None  # seconds; null: none is planned
    paused_for: float | None  # seconds that remain; null: it is not paused
    pause_reason: str
    results: list[HealthResultInfo]  # the latest 20, the oldest first


class HealthLookInfo(TypedDict):
    """What a look beside the schedule has shown."""

    namespec: str
    healthy: bool
    words: str
