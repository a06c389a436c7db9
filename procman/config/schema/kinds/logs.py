"""When log files are rotated, and how long what they were rotated to is kept."""

import re

from procman.config.schema.kinds.choices import word_of
from procman.config.schema.kinds.durations import show_seconds
from procman.config.schema.kinds.numbers import SIZE, show_size
from procman.config.schema.kinds.text import accept_text
from procman.config.schema.options import Kind, Unfit
from procman.config.spelling import did_you_mean

_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_PERIODS = ("size", "hourly", "daily")
_ELSEWHERE = {"midnight": "daily@00:00", "day": "daily", "hour": "hourly", "none": "size", "weekly": "daily"}


def _rotate(text: str) -> tuple[str, int]:
    word, at, when = text.strip().lower().partition("@")
    clock = re.fullmatch(r"([01]?[0-9]|2[0-3]):([0-5][0-9])", when)
    if word not in _PERIODS or (at and (word != "daily" or clock is None)):
        meant = _ELSEWHERE.get(word)
        hint = f"; did you mean {meant}?" if meant else did_you_mean(word, _PERIODS)
        raise Unfit(f"expected {ROTATE.expected}{hint}")
    return word, 0 if clock is None else int(clock[1]) * 60 + int(clock[2])


def _show_rotate(value: tuple[str, int]) -> str:
    word, minute = value
    return f"daily@{minute // 60:02d}:{minute % 60:02d}" if word == "daily" else word


# The period, and the minute of the day.
ROTATE: Kind[tuple[str, int]] = Kind(
    name="size, hourly or daily@HH:MM",
    expected="size, hourly, daily, or daily at a time such as daily@02:30",
    slug="bad-rotate",
    parse=_rotate,
    accept=lambda value: _rotate(accept_text(value)),
    schema={"type": "string"},
    show=_show_rotate,
)
COMPRESS: Kind[str] = word_of("bad-compress", {word: word for word in ("none", "gzip", "zstd")}, str)
ROTATED_NAME: Kind[str] = word_of("bad-rotated-name", {word: word for word in ("numbered", "dated")}, str)


def _age(value: object) -> float | None:
    word = accept_text(value).strip().lower() if isinstance(value, str) else str(value)
    if word == "none":
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise TypeError
    part = r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(ms|s|m|h|d|w)"
    seconds = float(word) if re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,9})?", word) else 0.0
    if re.fullmatch(f"(?:{part})+", word):
        seconds = sum(float(number) * _UNITS[unit] for number, unit in re.findall(part, word))
    if seconds <= 0:
        raise Unfit(f"expected {AGE.expected}")
    return int(seconds) if seconds == int(seconds) else seconds


def _show_age(value: float | None) -> str:
    if value is None:
        return "none"
    return f"{value // 86400:g}d" if value % 86400 == 0 else show_seconds(value)


AGE: Kind[float | None] = Kind(
    name="age",
    expected="an age such as 36h, 30d or 8w, or none",
    slug="bad-age",
    parse=_age,
    accept=_age,
    schema={"type": ["number", "string"]},
    show=_show_age,
)


def _total(value: object) -> int | None:
    if isinstance(value, str) and value.strip().lower() == "none":
        return None
    size = SIZE.parse(value) if isinstance(value, str) else SIZE.accept(value)
    if size <= 0:
        raise Unfit(f"expected {TOTAL.expected}")
    return size


TOTAL: Kind[int | None] = Kind(
    name="size or none",
    expected="a size above 0 such as 500MB, or none",
    slug="bad-number",
    parse=_total,
    accept=_total,
    schema={"type": ["integer", "string"]},
    show=lambda value: "none" if value is None else show_size(value),
)
