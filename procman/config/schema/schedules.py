"""The options of a program that runs by a schedule. Plain facts in here: no I/O."""

from dataclasses import dataclass

from procman.config.schema import kinds
from procman.config.schema.options import Effect, option
from procman.core.spec import Missed, Overlap, ProcessSpec, Schedule

DEFAULT_HISTORY = 20


@dataclass(frozen=True, slots=True, kw_only=True, init=False, repr=False, eq=False)  # only a Program is made
class ScheduleOptions(ProcessSpec):
    """A part of the options of a program."""

    schedule: Schedule | None = option(
        kinds.SCHEDULE,
        "When it runs by itself: five fields as in a crontab (minute, hour, day of the month, month, day of the week; "
        "with names, L and #), @hourly, @daily, @weekly, @monthly or @yearly, or every with a duration such as every "
        "30m, from the start of the run before. It makes the program a one-shot. start and stop switch the schedule on "
        "and off, run runs it now.",
        default=None,
        effect=Effect.NONE,
    )
    schedule_tz: str = option(
        kinds.TEXT,
        "The time zone of its schedule: local (by TZ or /etc/localtime), UTC, or a name such as Europe/Berlin.",
        default="local",
        effect=Effect.NONE,
    )
    schedule_overlap: Overlap = option(
        kinds.OVERLAP,
        "What happens when it is time for a run and the one before is still under way: the new one is left out (skip), "
        "it comes when that has ended, but no more than one (queue), or that is stopped for it (restart).",
        default="skip",
        effect=Effect.NONE,
    )
    schedule_missed: Missed = option(
        kinds.MISSED,
        "What happens to times that have passed while the master was down, the machine was suspended or the schedule "
        "was off: nothing (skip), or one run for all of them (once).",
        default="skip",
        effect=Effect.NONE,
    )
    schedule_deadline: float | None = option(
        kinds.TIMEOUT,
        "A run that cannot begin within this time after its due time is missed; none sets no limit.",
        default=600,
        effect=Effect.NONE,
    )
    schedule_jitter: float = option(
        kinds.JITTER,
        "Runs later than its schedule says, by an offset below this: always the same on one machine for one program, "
        "so that many machines do not run it at the same moment.",
        default=0,
        effect=Effect.NONE,
    )
    schedule_history: int = option(
        kinds.HISTORY,
        "How many of its runs procmanctl runs shows.",
        default=DEFAULT_HISTORY,
        effect=Effect.NONE,
    )
    run_on_start: bool = option(
        kinds.BOOLEAN,
        "With a schedule: run it as well when the master starts it (autostart).",
        default=False,
        effect=Effect.NONE,
    )
