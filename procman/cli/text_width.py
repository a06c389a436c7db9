"""How many columns of a terminal a text fills."""

from unicodedata import combining, east_asian_width


def width_of(text: str) -> int:
    """A Chinese character fills two, a combining accent none."""
    return len(text) if text.isascii() else sum(map(_columns_of, text))


def cut(text: str, columns: int) -> str:
    """The text, or as much of it as fits, with an ellipsis."""
    if width_of(text) <= columns:
        return text
    room = columns - 1
    for place, letter in enumerate(text):
        room -= _columns_of(letter)
        if room < 0:
            return f"{text[:place]}…"
    return text


def _columns_of(letter: str) -> int:
    return 0 if combining(letter) else 1 + (east_asian_width(letter) in "WF")
