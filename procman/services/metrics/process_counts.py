"""The counters of one process, and what has to be remembered to count."""

import time
from dataclasses import asdict, dataclass
from typing import Any

from procman.core.spec import Hook
from procman.services.metrics.histogram import Histogram

Data = dict[str, Any]

# Why a process was started again after a run. A feature that restarts processes adds its own word.
RESTART_REASONS = ("exit", "signal", "oom", "unhealthy", "memory", "age", "dependency", "watch", "update", "operator")
# Why a start did not lead to RUNNING: the run ended too soon (in which way), or the command could not be executed.
FAILED_START_REASONS = ("exit", "signal", "oom", "unready", "not_found", "not_executable")

# What a look at the health of a process has shown. It is discounted if procman itself was not awake.
CHECK_RESULTS = ("ok", "failed", "timeout", "discounted")

# How a run of a one-shot has ended. A stop on request is neither.
RUN_RESULTS = ("success", "failure", "timeout")

HOOKS = tuple(hook.value for hook in Hook)


@dataclass(slots=True)
class RotationCounts:
    """Of the logs of one channel."""

    done: int = 0
    failed: int = 0  # also of what they were rotated to: it could not be compressed, or removed
    last: float = 0.0  # when one was last rotated, or could not be; 0: never
    by: str = ""  # what that was for
    problem: str = ""  # why it failed, or what failed after it; "": nothing did


_KEPT = ("starts", "last_success_time", "kills", "cpu_seconds", "start_time", "last_exit_time", "has_run", "comes_back")


class ProcessCounts:
    """Of one slot, over all of its runs. Times are seconds since the epoch, 0: never."""

    __slots__ = (
        "checks",
        "comes_back",
        "cpu_seconds",
        "cpu_seen",
        "failed_starts",
        "has_run",
        "hook_failures",
        "hook_runs",
        "hook_seconds",
        "is_killed",
        "kills",
        "last_exit_time",
        "last_run_seconds",
        "last_success_time",
        "log_bytes_before",
        "lost_before",
        "ready_seconds",
        "restarts",
        "rotations",
        "runs",
        "start_time",
        "starting_since",
        "starts",
        "stop_seconds",
        "stopping_since",
    )

    def __init__(self) -> None:
        self.starts = 0
        self.restarts = dict.fromkeys(RESTART_REASONS, 0)
        self.failed_starts = dict.fromkeys(FAILED_START_REASONS, 0)
        self.runs = dict.fromkeys(RUN_RESULTS, 0)
        self.checks = dict.fromkeys(CHECK_RESULTS, 0)  # of its health
        self.last_success_time = 0.0  # of a one-shot
        # By the name of a hook: its commands that have ended, those that failed, and how long all of them took.
        self.hook_runs: dict[str, int] = {}
        self.hook_failures: dict[str, int] = {}
        self.hook_seconds: dict[str, float] = {}
        self.rotations: dict[str, RotationCounts] = {}  # by channel; none without a rotation
        self.kills = 0
        self.ready_seconds = Histogram()
        self.stop_seconds = Histogram()
        self.cpu_seconds = 0.0  # of the tree, over all runs
        # What the runs before a reload of the master have written: bytes by channel, and bytes that were lost.
        self.log_bytes_before: dict[str, int] = {}
        self.lost_before = 0
        self.last_run_seconds: float | None = None  # how long the last run of a one-shot took
        self.start_time = 0.0
        self.last_exit_time = 0.0
        # What has to be remembered to count the next thing.
        self.has_run = False
        self.comes_back = ""  # why autorestart starts it again, at once
        self.is_killed = False  # it was sent a SIGKILL in this stop
        self.starting_since: float | None = None  # on the steady clock
        self.stopping_since: float | None = None
        self.cpu_seen: tuple[int, float] = (0, 0.0)  # start of the run in ticks, and its seconds when last looked at

    def is_ready(self, now: float) -> None:
        """It is RUNNING."""
        self.has_run = True  # also one that was adopted
        if self.starting_since is not None:
            self.ready_seconds.observe(now - self.starting_since)
            self.starting_since = None

    def stopped(self, now: float, *, ended: bool) -> None:
        """It is no longer STOPPING; `ended`: because it has ended."""
        if self.stopping_since is not None and ended:
            self.stop_seconds.observe(now - self.stopping_since)
        self.stopping_since = None

    def use_cpu(self, start: int, seconds: float) -> None:
        """The tree of the run that began then (in ticks) has used so much so far.

        What members used that are gone by now, and whose parents have not waited for them, is no longer in `seconds`:
        the counter stands still then, as a counter never goes back.
        """
        seen_start, seen = self.cpu_seen
        self.cpu_seconds = round(self.cpu_seconds + (max(0.0, seconds - seen) if start == seen_start else seconds), 2)
        self.cpu_seen = start, seconds

    def hook_ran(self, hook: str, seconds: float, *, failed: bool) -> None:
        """A command of a hook has ended."""
        self.hook_runs[hook] = self.hook_runs.get(hook, 0) + 1
        self.hook_failures[hook] = self.hook_failures.get(hook, 0) + failed
        self.hook_seconds[hook] = round(self.hook_seconds.get(hook, 0.0) + seconds, 3)

    def rotated(self, channel: str, by: str, problem: str, now: float) -> None:
        """A log was rotated, or could not be."""
        counts = self.rotations.setdefault(channel, RotationCounts())
        if problem:
            counts.failed += 1
        else:
            counts.done += 1
        counts.problem = problem
        if by != "upkeep":
            counts.last, counts.by = now, by

    def snapshot(self) -> Data:
        """Plain data for another process image; durations are ages."""
        now = time.monotonic()
        return {
            **{name: getattr(self, name) for name in _KEPT},
            "last_run_seconds": self.last_run_seconds,
            "restarts": dict(self.restarts),
            "failed_starts": dict(self.failed_starts),
            "runs": dict(self.runs),
            "checks": dict(self.checks),
            "hooks": [dict(self.hook_runs), dict(self.hook_failures), dict(self.hook_seconds)],
            "rotations": {channel: asdict(counts) for channel, counts in self.rotations.items()},
            "ready_seconds": self.ready_seconds.snapshot(),
            "stop_seconds": self.stop_seconds.snapshot(),
            "log_bytes_before": dict(self.log_bytes_before),
            "lost_before": self.lost_before,
            "is_killed": self.is_killed,
            "starting_for": None if self.starting_since is None else now - self.starting_since,
            "stopping_for": None if self.stopping_since is None else now - self.stopping_since,
            "cpu_seen": list(self.cpu_seen),
        }

    def restore(self, data: Data) -> None:
        """Go on from what `snapshot` returned, also of an older version: what that did not have stays as it is."""
        now = time.monotonic()
        for name in (*_KEPT, "last_run_seconds", "lost_before", "is_killed"):
            setattr(self, name, data.get(name, getattr(self, name)))
        for kind in ("restarts", "failed_starts", "runs", "checks"):
            mine = getattr(self, kind)
            mine.update({reason: count for reason, count in data.get(kind, {}).items() if reason in mine})
        self.hook_runs, self.hook_failures, self.hook_seconds = data.get("hooks", ({}, {}, {}))
        self.rotations = {channel: RotationCounts(**known) for channel, known in data.get("rotations", {}).items()}
        self.ready_seconds.restore(data.get("ready_seconds"))
        self.stop_seconds.restore(data.get("stop_seconds"))
        self.log_bytes_before = dict(data.get("log_bytes_before", {}))
        starting_for, stopping_for = data.get("starting_for"), data.get("stopping_for")
        self.starting_since = None if starting_for is None else now - starting_for
        self.stopping_since = None if stopping_for is None else now - stopping_for
        start, seconds = data.get("cpu_seen", (0, 0.0))
        self.cpu_seen = start, seconds
