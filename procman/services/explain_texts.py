"""Durations, counts, lists and names in the words of an explanation. No I/O and no clock here."""

from collections.abc import Sequence

# So many names are listed; of more, the number is said.
MOST_NAMED = 4

_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def duration(seconds: float) -> str:
    """Such as "0 s", "0.6 s", "7 s", "4 m", "2 h 5 m", "3 d 4 h"."""
    if seconds < 1:
        return f"{seconds:.1f} s" if round(seconds, 1) else "0 s"
    whole = round(seconds)
    if whole < 2 * _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} m"
    if whole < _DAY:
        return _two(whole // _HOUR, "h", whole % _HOUR // _MINUTE, "m")
    return _two(whole // _DAY, "d", whole % _DAY // _HOUR, "h")


def in_state(state: str, age: float | None) -> str:
    """Such as "is FATAL", or "has been FATAL for 4 m" where its age is known."""
    return f"is {state}" if age is None else f"has been {state} for {duration(age)}"


def counted(number: int, what: str, many: str = "") -> str:
    """Such as "1 restart", "2 restarts"; `many` where that is not `what` with an s."""
    return f"{number} {what if number == 1 else many or f'{what}s'}"


def names(found: Sequence[str]) -> str:
    """Such as "a, b and c", "a, b, c, d and 12 more"."""
    shown = list(found[:MOST_NAMED])
    if len(found) > MOST_NAMED:
        shown.append(f"{len(found) - MOST_NAMED} more")
    if len(shown) == 1:
        return shown[0]
    return f"{', '.join(shown[:-1])} and {shown[-1]}"


def quoted_name(name: str) -> str:
    """The name of a process as a word of a shell's command line."""
    plain = name and all(char.isalnum() or char in "_-.:/@+," for char in name)
    return name if plain else "'" + name.replace("'", "'\"'\"'") + "'"


def _two(first: int, large: str, second: int, small: str) -> str:
    return f"{first} {large} {second} {small}" if second else f"{first} {large}"
