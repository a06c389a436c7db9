"""Values that several engines write alike: durations, sizes, signals, schedules, lists of variables."""

import re
from collections.abc import Iterable
from signal import Signals

from procman.config.schema.kinds.schedules import SCHEDULE
from procman.config.schema.options import Unfit
from procman.convert.imports.source import Node

_UNITS = {
    "us": 1e-6,
    "µs": 1e-6,
    "ms": 1e-3,
    "s": 1,
    "sec": 1,
    "second": 1,
    "seconds": 1,
    "m": 60,
    "min": 60,
    "minute": 60,
    "minutes": 60,
    "h": 3600,
    "hr": 3600,
    "hour": 3600,
    "hours": 3600,
    "d": 86400,
    "day": 86400,
    "days": 86400,
    "w": 604800,
    "week": 604800,
    "weeks": 604800,
}
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([A-Za-zµ]*)\s*")
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([KMGT]?)(?:i?B)?", re.IGNORECASE)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


def seconds_of(text: str, unit: float = 1) -> float | None:
    """A duration such as 1m30s, 5min 20s or 10, of which the unit is `unit` seconds; None if it is none."""
    text = text.strip()
    total, at = 0.0, 0
    while at < len(text):
        found = _PART.match(text, at)
        if found is None or (found[2] and found[2].lower() not in _UNITS):
            return None
        total += float(found[1]) * (_UNITS[found[2].lower()] if found[2] else unit)
        at = found.end()
    return round(total, 6) if text else None


def bytes_of(text: str) -> int | None:
    """A size such as 512m, 1.5G, 100MB or 2GiB, in units of 1024; None if it is none."""
    found = _SIZE.fullmatch(text.strip())
    return None if found is None else int(float(found[1]) * 1024 ** _POWERS[found[2].lower()])


def size(count: int) -> str | int:
    """A number of bytes as procman writes sizes."""
    for unit, power in (("GB", 3), ("MB", 2), ("KB", 1)):
        if count and count % 1024**power == 0:
            return f"{count // 1024**power}{unit}"
    return count


def signal_of(text: str) -> str | None:
    """The name of a signal without SIG, of a name or a number; None if there is none."""
    word = text.strip().upper()
    if word.isdecimal():
        try:
            return Signals(int(word)).name.removeprefix("SIG")
        except ValueError:
            return None
    name = word if word.startswith("SIG") else f"SIG{word}"
    return name.removeprefix("SIG") if name in Signals.__members__ else None


def schedule_fits(text: str) -> bool:
    """Whether procman has such a schedule."""
    try:
        return SCHEDULE.accept(text) is not None
    except (Unfit, ValueError, TypeError):
        return False


def variables_of(node: Node) -> list[tuple[str, Node | None]]:
    """The variables of a mapping or of a list of NAME=VALUE; without a value, that of the environment is meant."""
    if node.mapping:
        return [(name, None if item.value is None else item) for name, item in node.mapping.items()]
    found: list[tuple[str, Node | None]] = []
    for item in node.items:
        name, equals, value = item.text.partition("=")
        found.append((name, Node(value, item.file, item.line) if equals else None))
    return found


def joined(words: Iterable[str]) -> str:
    """Some names in a sentence."""
    return ", ".join(dict.fromkeys(words))
