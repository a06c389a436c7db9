"""Durations in seconds; TOML, and options that supervisor does not have, also take units: 500ms, 1m30s."""

import re

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
