"""Durations as people type them: 30s, 5m, 1.5h, 250ms, or a number of seconds."""

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_LONGEST = 15  # letters; more are a mistake


def seconds_of(text: str) -> float | None:
    """The seconds; None if the text is no duration."""
    word = text.strip().lower()
    number = word.rstrip("msdh")
    size = _UNITS.get(word[len(number) :] or "s")
    if size is None or not number.isascii() or not number.replace(".", "", 1).isdigit() or len(word) > _LONGEST:
        return None
    return float(number) * size
