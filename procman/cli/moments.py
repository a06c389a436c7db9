"""Moments as people type them: 14:02, 10m (ago), 2026-11-29T14:02:10, seconds since the epoch. In local time."""

import re
from datetime import datetime, timedelta

from procman.errors import BadRequest

EXAMPLES = "14:02, 14:02:10, 2026-11-29T14:02:10, 10m or 1h30m (ago), or seconds since the epoch"

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 7 * 86400.0}
_AGO = r"(?:[0-9]{1,9}[smhdw]){1,5}"
# A number below that is no moment: it would be a day of 1970.
_FIRST_EPOCH = 100_000_000.0
# The year 5138; beyond that, calendars give up.
_LAST_EPOCH = 100_000_000_000.0


def moment(text: str, now: float) -> float:
    """Seconds since the epoch; raises BadRequest.

    A time of day without a date is the latest that is not after `now`.
    """
    text = text.strip()
    if text == "now":
        return now
    if re.fullmatch(_AGO, text):
        return now - sum(float(number) * _UNITS[unit] for number, unit in re.findall(r"([0-9]+)([smhdw])", text))
    if re.fullmatch(r"[0-9]{1,15}(?:\.[0-9]{1,9})?", text):
        if _FIRST_EPOCH <= float(text) < _LAST_EPOCH:
            return float(text)
        raise _nonsense(text)
    if re.fullmatch(r"[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?", text):
        today = datetime.fromtimestamp(now).date()  # noqa: DTZ006 - what people type is local time
        hours, _, rest = text.partition(":")
        found = _read(f"{today}T{hours:0>2}:{rest}", text)
        if found.timestamp() > now:
            found -= timedelta(days=1)
        return found.timestamp()
    return _read(text, text).timestamp()


def _read(iso: str, text: str) -> datetime:
    try:
        return datetime.fromisoformat(iso)
    except (ValueError, OverflowError):
        raise _nonsense(text) from None


def _nonsense(text: str) -> BadRequest:
    return BadRequest(f"cannot read the time {text!r}: expected something like {EXAMPLES}")
