"""What a client passes, in a query or a body. What cannot be understood is a BadRequest."""

import json
import math
from typing import Any

from procman.errors import BadRequest
from procman.http.messages import Request

OFFSET_MAX = 2**63 - 1
LONGEST_SHOWN = 80  # characters of what cannot be read, in a message
TAIL = 1600  # bytes of a log, unless the request says how many


def body_of(request: Request) -> dict[str, Any]:
    """The JSON object that it carries; empty without a body."""
    if not request.body:
        return {}
    try:
        value = json.loads(request.body)
    except (ValueError, RecursionError):
        raise BadRequest("cannot read the body: expected a JSON object") from None
    if not isinstance(value, dict):
        raise BadRequest("cannot read the body: expected a JSON object")
    return value


def string_in(body: dict[str, Any], key: str) -> str:
    """The string of that key."""
    value = body.get(key)
    if not isinstance(value, str):
        raise BadRequest(f"cannot read {key}: expected a string")
    return value


def strings_in(body: dict[str, Any], key: str) -> list[str]:
    """The list of strings of that key."""
    value = body.get(key)
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise BadRequest(f"cannot read {key}: expected a list of strings")
    return value


def timeout_in(body: dict[str, Any]) -> float | None:
    """Of a body, in seconds; None: as long as it takes."""
    return seconds_in(body, "timeout")


def seconds_in(body: dict[str, Any], key: str) -> float | None:
    """The number of seconds of that key; None where it is not there."""
    seconds = body.get(key)
    if seconds is None:
        return None
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < math.inf:
        raise BadRequest(f"cannot read {key}: expected a number of seconds")
    return float(seconds)


def number_in(request: Request, key: str, default: int) -> int:
    """The whole number of that key in the query."""
    text = request.query.get(key)
    if text is None:
        return default
    try:
        number = int(text)
    except ValueError:
        raise BadRequest(f"cannot read {key}={text[:LONGEST_SHOWN]}: expected a whole number") from None
    if abs(number) > OFFSET_MAX:
        raise BadRequest(f"cannot read {key}: no log is as long as that")
    return number


def interval_in(request: Request, least: float, most: float) -> float:
    """The seconds of `interval` in the query; without it, the least that it may be."""
    seconds = real_number_in(request, "interval", least, most, f"a number of seconds from {least:g} to {most:g}")
    return least if seconds is None else seconds


def real_number_in(request: Request, key: str, least: float, most: float, expected: str) -> float | None:
    """The number of that key in the query; None where it is not there. `expected` says what it may be."""
    text = request.query.get(key)
    if text is None:
        return None
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not least <= number <= most:
        raise BadRequest(f"cannot read {key}={text[:LONGEST_SHOWN]}: expected {expected}")
    return number


def span_in(request: Request) -> tuple[int, int]:
    """Offset and length as supervisor counts them: a negative offset is from the end, a length of 0 is all of it."""
    if "offset" in request.query:
        return number_in(request, "offset", 0), number_in(request, "length", 0)
    return -number_in(request, "tail", TAIL), 0
