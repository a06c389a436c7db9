"""What is noted about the present run of a process, for the report of its end."""

from dataclasses import dataclass

from procman.core.attribution import NOBODY, Origin
from procman.services.crash_reports.report import CrashReport
from procman.system.reaper import Rusage


@dataclass(slots=True)
class Run:
    """Times are seconds since the epoch; 0.0: not known, or not yet."""

    pid: int
    number: int  # counts the spawns of the process
    spawned: float
    running: float = 0.0
    # Of its end:
    seq: int = 0  # of the record in the journal; 0: it has not ended, or its report is made
    ended: float = 0.0
    origin: Origin = NOBODY
    usage: Rusage | None = None
    left_behind: tuple[int, ...] = ()
    failure: str = ""  # why it could not be spawned
    report: CrashReport | None = None  # that its end is part of
