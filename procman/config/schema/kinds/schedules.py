"""When a program runs by itself: a cron expression, or every so often; and what becomes of a time that is not met."""

from procman.config.schema.kinds.choices import word_of
from procman.config.schema.kinds.durations import DURATION, show_seconds
from procman.config.schema.kinds.numbers import number_up_to
from procman.config.schema.kinds.text import accept_text
from procman.config.schema.options import Kind, Unfit
from procman.core.spec import Missed, Overlap, Schedule

MOST_HISTORY = 1000
SHORTEST_PERIOD = 1  # second


def _parse_schedule(text: str) -> Schedule | None:
    words = text.split()
    if not words or words == ["none"]:
        return None
    if words[0].lower() == "every":
        return _every("".join(words[1:]))
    # Reads time zones, and the library for it: for files with a schedule.
    from procman.cron.times import BadExpression, fields_of  # noqa: PLC0415

    try:
        fields_of(text)
    except BadExpression as error:
        raise Unfit(f"expected {SCHEDULE.expected}; {error}") from None
    return Schedule(" ".join(words))


def _every(duration: str) -> Schedule:
    try:
        seconds = DURATION.accept(duration)
    except (ValueError, TypeError):
        raise Unfit(f"expected every and a duration, such as every 30m or every 24h, not {duration[:40]!r}") from None
    if seconds < SHORTEST_PERIOD:
        raise Unfit(
            f"expected every 1s or more: for less, let the program itself wait, or say every {SHORTEST_PERIOD}s"
        )
    return Schedule(f"every {show_seconds(seconds)}", float(seconds))


SCHEDULE: Kind[Schedule | None] = Kind(
    name="schedule",
    expected="five fields as in a crontab, such as 0 2 * * *, a word such as @daily, or every 30m",
    slug="bad-schedule",
    parse=_parse_schedule,
    accept=lambda value: _parse_schedule(accept_text(value)),
    schema={"type": "string"},
    show=lambda value: "none" if value is None else Schedule(*value).text,
)
OVERLAP: Kind[Overlap] = word_of("bad-schedule-overlap", {"skip": "skip", "queue": "queue", "restart": "restart"}, str)
MISSED: Kind[Missed] = word_of("bad-schedule-missed", {"skip": "skip", "once": "once"}, str)


HISTORY = number_up_to(MOST_HISTORY, "number of runs")


def _jitter(value: object) -> float:
    return 0 if value in (0, "0", "0s", "none") else DURATION.accept(value)


JITTER: Kind[float] = Kind(
    name="duration",
    expected="0, seconds, or a text such as 500ms, 10s, 1m30s or 1h",
    slug="bad-number",
    parse=_jitter,
    accept=_jitter,
    schema={"type": ["number", "string"]},
    show=show_seconds,
)
