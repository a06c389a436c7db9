"""Durations in seconds; TOML, and options that supervisor does not have, also take units: 500ms, 1m30s."""

import re
from typing import Literal

from procman.config.schema.options import Kind, Unfit

UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}
_PART = r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(ms|s|m|h)"


def sum_of_parts(word: str) -> float | None:
    """The seconds in 10s, 1m30s or 500ms; None if the word has another form."""
    if not re.fullmatch(f"(?:{_PART})+", word):
        return None
    return _whole(round(sum(float(number) * UNITS[unit] for number, unit in re.findall(_PART, word)), 9))


def _accept_seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise TypeError
    if not isinstance(value, str):
        return _whole(value)
    word = value.strip().lower()
    parts = sum_of_parts(word)
    if parts is not None:
        return parts
    unit = next((unit for unit in UNITS if word.endswith(unit)), "")
    try:
        return _whole(float(word.removesuffix(unit)) * UNITS.get(unit, 1))
    except (ValueError, OverflowError):
        raise Unfit('expected seconds, or a text such as "500ms", "10s", "1m30s" or "1h"') from None


def _whole(value: float) -> float:
    """Return 10 rather than 10.0, so that INI and TOML give the same value; rejects inf and nan."""
    return int(value) if value == int(value) else value


def _accept_duration(value: object) -> float:
    seconds = _accept_seconds(value)
    if seconds <= 0:
        raise Unfit("expected a duration above 0")
    return seconds


def show_seconds(value: float) -> str:
    """The shortest form: 500ms, 90s, 5m or 1h."""
    for unit, size in (("h", 3600), ("m", 60)):
        if value >= size and value % size == 0:
            return f"{value / size:g}{unit}"
    return f"{value * 1000:g}ms" if 0 < value < 1 else f"{value:g}s"


def _accept_backoff(value: object) -> tuple[float, float] | None:
    if isinstance(value, str) and value.strip().lower() == "linear":
        return None
    if isinstance(value, str) and ".." in value:
        least, most = (_accept_duration(part) for part in value.split("..", 1))
        if least > most:
            raise Unfit(f"the first delay is longer than the longest: did you mean {_show_backoff((most, least))}?")
        return least, most
    delay = _accept_duration(value)
    return delay, delay


def _show_backoff(value: tuple[float, float] | None) -> str:
    if value is None:
        return "linear"
    least, most = map(show_seconds, value)
    return least if least == most else f"{least}..{most}"


BACKOFF: Kind[tuple[float, float] | None] = Kind(
    name="delays",
    expected="linear, a range such as 500ms..60s, or a constant delay such as 5s",
    slug="bad-backoff",
    parse=_accept_backoff,
    accept=_accept_backoff,
    schema={"type": ["number", "string"]},
    show=_show_backoff,
)


def _accept_limit(value: object) -> tuple[int, float] | None:
    word = value.strip().lower() if isinstance(value, str) else ""
    if word == "none":
        return None
    count, slash, seconds = word.partition("/")
    if not slash or not count.strip().isdecimal() or int(count) < 1:
        raise Unfit(f"expected {RESTART_LIMIT.expected}")
    return int(count), _accept_duration(seconds)


RESTART_LIMIT: Kind[tuple[int, float] | None] = Kind(
    name="restarts within a time",
    expected="a number of restarts within a time, such as 5/10m, or none",
    slug="bad-restart-limit",
    parse=_accept_limit,
    accept=_accept_limit,
    schema={"type": "string"},
    show=lambda value: "none" if value is None else f"{value[0]}/{show_seconds(value[1])}",
)


def _accept_on_limit(value: object) -> tuple[Literal["fatal", "wait", "shutdown"], float]:
    match value.strip().lower().split(":", 1) if isinstance(value, str) else ():
        case ["fatal"]:
            return "fatal", 0
        case ["shutdown"]:
            return "shutdown", 0
        case ["wait", seconds]:
            return "wait", _accept_duration(seconds)
        case _:
            raise Unfit(f"expected {ON_RESTART_LIMIT.expected}")


ON_RESTART_LIMIT: Kind[tuple[Literal["fatal", "wait", "shutdown"], float]] = Kind(
    name="fatal, wait:DURATION or shutdown",
    expected="fatal, shutdown, or a time to wait such as wait:5m",
    slug="bad-on-restart-limit",
    parse=_accept_on_limit,
    accept=_accept_on_limit,
    schema={"type": "string"},
    show=lambda value: f"wait:{show_seconds(value[1])}" if value[0] == "wait" else value[0],
)
SECONDS: Kind[float] = Kind(
    name="seconds",
    expected="a whole number of seconds",
    slug="bad-number",
    parse=int,
    accept=_accept_seconds,
    schema={"type": ["number", "string"]},
)
DURATION: Kind[float] = Kind(
    name="duration",
    expected="seconds, or a text such as 500ms, 10s, 1m30s or 1h",
    slug="bad-number",
    parse=_accept_duration,
    accept=_accept_duration,
    schema={"type": ["number", "string"]},
    show=lambda value: f"{value}s",
)
