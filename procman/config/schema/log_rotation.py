"""The options of a program that say when its log files are rotated by the clock, and how long they are kept.

Plain facts in here: no I/O.
"""

from dataclasses import dataclass

from procman.config.schema import kinds
from procman.config.schema.options import Effect, option
from procman.config.schema.rolling import RollingOptions


@dataclass(frozen=True, slots=True, kw_only=True, init=False, repr=False, eq=False)  # only a Program is made
class LogRotation(RollingOptions):
    """Beyond supervisor's maxbytes and backups. A dataclass with slots has one base, so these stand in a row."""

    stdout_logfile_rotate: tuple[str, int] = option(
        kinds.ROTATE,
        "When its file is rotated besides: hourly (on the hour), or daily@HH:MM (daily is daily@00:00), in the time "
        "zone of the master. size is only at stdout_logfile_maxbytes, which holds in any case; 0 there leaves only "
        "the clock. An empty file is not rotated.",
        default=("size", 0),
        effect=Effect.REOPEN,
    )
    stdout_logfile_compress: str = option(
        kinds.COMPRESS,
        "How rotated files are compressed, by a process of low priority: gzip, or zstd (with the library zstandard, or "
        "Python 3.14).",
        default="none",
        effect=Effect.REOPEN,
    )
    stdout_logfile_max_age: float | None = option(
        kinds.AGE,
        "How long rotated files are kept after they were last written, such as 30d. Default: for ever. With it, or "
        "with stdout_logfile_max_total, the default of stdout_logfile_backups is 1000.",
        default=None,
        effect=Effect.REOPEN,
    )
    stdout_logfile_max_total: int | None = option(
        kinds.TOTAL,
        "How much the file and what it was rotated to may take together; beyond that, the oldest are removed.",
        default=None,
        effect=Effect.REOPEN,
    )
    stdout_logfile_name: str = option(
        kinds.ROTATED_NAME,
        "The names of rotated files: numbered (FILE.1 is the latest), or dated by what is in them: FILE.2026-11-29 "
        "with daily, FILE.2026-11-29T14 with hourly, else with the time of the rotation.",
        default="numbered",
        effect=Effect.REOPEN,
    )
    stderr_logfile_rotate: tuple[str, int] = option(
        kinds.ROTATE,
        "The same as stdout_logfile_rotate for stderr.",
        default=("size", 0),
        effect=Effect.REOPEN,
    )
    stderr_logfile_compress: str = option(
        kinds.COMPRESS,
        "The same as stdout_logfile_compress for stderr.",
        default="none",
        effect=Effect.REOPEN,
    )
    stderr_logfile_max_age: float | None = option(
        kinds.AGE,
        "The same as stdout_logfile_max_age for stderr.",
        default=None,
        effect=Effect.REOPEN,
    )
    stderr_logfile_max_total: int | None = option(
        kinds.TOTAL,
        "The same as stdout_logfile_max_total for stderr.",
        default=None,
        effect=Effect.REOPEN,
    )
    stderr_logfile_name: str = option(
        kinds.ROTATED_NAME,
        "The same as stdout_logfile_name for stderr.",
        default="numbered",
        effect=Effect.REOPEN,
    )
