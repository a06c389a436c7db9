"""Reads the words of the commands that may follow what they show: `[-f] [-n N] [--OPTION VALUE] [NAME…]`."""

from __future__ import annotations

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from collections.abc import Collection


class BadWords(Exception):
    """The text says which."""


def read_words(
    words: list[str], options: Collection[str], *, least: int, most: int
) -> tuple[bool, dict[str, str], list[str]]:
    """Whether -f is among them, the values of the options that are given, and the names; raises BadWords.

    -n takes a number from `least` to `most`, and `options` any value.
    """
    follows, given, names = False, dict[str, str](), list[str]()
    rest = iter(words)
    for word in rest:
        flag, equals, value = word.partition("=")
        if word in ("-f", "--follow"):
            follows = True
        elif flag == "-n" or flag in options:
            value = value if equals else next(rest, "")
            if not value:
                raise BadWords(f"{flag} requires a value")
            given[flag] = value
        else:
            names.append(word)
    number = given.get("-n", str(most))
    if not (number.isascii() and number.isdecimal() and least <= int(number[:9]) <= most):
        raise BadWords(f"cannot read -n {number}: expected a number from {least} to {most}")
    return follows, given, names
