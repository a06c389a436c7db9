"""Where a process stands with those that it depends on, and those that depend on it. No I/O and no clock here."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Ties:
    """What `core.dependencies` has decided about one process. Empty for most processes, at all times."""

    waiting: bool = False  # STARTING: not to be spawned before its dependencies are as it needs them
    queued: bool = False  # STARTING: to be spawned when it is its turn, by start_concurrency
    blocked: bool = False  # FATAL: because of a dependency, and comes back with it
    timed_out: bool = False  # blocked: depends_timeout was over, and no dependency had failed
    bound: bool = False  # taken down with a dependency, and comes back with it
    deferred: bool = False  # it is to stop when those have stopped that depend on it
    alone: bool = False  # asked to start now, whatever it depends on
    pulls: bool = False  # asked to start: what it depends on is to start, too, even if it was stopped on request
    stale: str = ""  # a dependency that has been replaced by a newer run since it was spawned
    renewing: str = ""  # it is being stopped for that, to start again; the reason in words
    seen: dict[str, int] = field(default_factory=dict)  # the runs of its dependencies that it knows of
    waits_for: str = ""  # waiting: one of those that it waits for, such as db@ready
