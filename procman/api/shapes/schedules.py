"""Schedules, and the runs of one-shots."""

from typing import Literal, TypedDict


class ScheduleTime(TypedDict):
    """One time of a schedule."""

    time: float  # seconds since the epoch
    text: str  # "2026-11-24 02:00:00 +01:00 CET"


class ScheduleInfo(TypedDict):
    """The next times of the schedule of one process."""

    namespec: str
    schedule: str  # as written
    words: str  # "At 02:00 every day, Europe/Berlin"
    zone: str
    on: bool
    next: str  # "next run Nov 24 02:00 CET (in 3 h)"; "": none comes, or it is off
    times: list[ScheduleTime]  # with their jitter; none where it is off


class JobRunInfo(TypedDict):
    """One run of a one-shot. Times are seconds since the epoch."""

    namespec: str
    began: float
    ended: float | None  # null: it runs
    seconds: float | None  # how long it took
    time: float | None  # of its schedule, where that has brought it about
    by: str  # "schedule", "retry", or who has asked for it
    result: Literal["running", "success", "failure", "stopped"]
    ending: str  # "exit status 3", "timed out after 10 m; …"
    last_words: str  # where it has failed: the last line that it wrote
    lines: dict[str, list[str]]  # by stdout and stderr: the last ones that it wrote; for clients that may read logs
