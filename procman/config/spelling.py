"""Finds the name that was probably meant by a misspelt one; every "did you mean" of procman comes from here."""

from collections.abc import Iterable

LONGEST = 80  # letters of a word; the time grows with their square


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return "; did you mean …?", or "" if nothing is similar."""
    meant = closest(word, known)
    return f"; did you mean {meant}?" if meant else ""


def closest(word: str, known: Iterable[str], *, most: int | None = None, prefixes: bool = False) -> str | None:
    """Return the name that differs from the word by the fewest typing errors, upper and lower case alike.

    `most` is how many errors are allowed, by default one for every three letters. `prefixes`: a word that is the
    beginning of one name only means that name.
    """
    if not word or len(word) > LONGEST:
        return None
    lower = word.lower()
    by_lower = {name.lower(): name for name in known}
    if lower in by_lower:
        return by_lower[lower]
    begun = [name for name in by_lower if name.startswith(lower)] if prefixes and len(word) > 1 else []
    if len(begun) == 1:
        return by_lower[begun[0]]
    allowed = max(1, len(word) // 3) if most is None else most
    found = None
    for name in by_lower:
        if abs(len(name) - len(word)) > allowed or _differ_in_number(lower, name):
            continue
        errors = _typing_errors(lower, name, allowed)
        # A single letter has nothing in common with another one.
        if errors <= allowed and errors < min(len(word), len(name)):
            found, allowed = name, errors - 1
    return None if found is None else by_lower[found]


def _differ_in_number(word: str, other: str) -> bool:
    """True for worker_9 and worker_3: that is another process, and no typing error."""
    digits = "0123456789"
    return word[-1] in digits and other[-1:] in digits and word.rstrip(digits) == other.rstrip(digits)


def _typing_errors(word: str, other: str, most: int) -> int:
    """How many letters are wrong, missing, superfluous, or swapped with their neighbour; just above `most` if more."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(word, 1):
        above, before, row = before, row, [i]
        for j, wanted in enumerate(other, 1):
            errors = min(before[j] + 1, row[-1] + 1, before[j - 1] + (letter != wanted))
            if i > 1 and j > 1 and letter == other[j - 2] and word[i - 2] == wanted:
                errors = min(errors, above[j - 2] + 1)
            row.append(errors)
        # What follows is no less than this row, or than the one before and a swap.
        if min(row) > most and min(before) >= most:
            return most + 1
    return row[-1]
