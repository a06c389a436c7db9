"""Expands %(here)s, %(ENV_X)s and %(process_num)02d with Python's own % formatting over a mapping, as supervisor does.

Messages contain names, but never values of the environment.
"""

import re
from collections.abc import Iterator, Mapping

from procman.config.schema.options import Unfit
from procman.config.spelling import closest

LONGEST_RESULT = 1024 * 1024
PREFIX = "ENV_"
HOST = "host_node_name"
_PERCENTAGE = re.compile(r"\s*\??\d{1,9}(\.\d{1,9})?\s*%\s*", re.ASCII)
BAD_FORMAT = "a % is not followed by (NAME)s: write %% for a percent sign"


class NotExpanded(Unfit):
    """A text that cannot be expanded; `slug` distinguishes an unknown name from a bad format."""


def expand(text: str, names: Mapping[str, object]) -> str:
    """Replace the names; raises NotExpanded. A percentage such as 10% has none."""
    if "%" not in text or _PERCENTAGE.fullmatch(text):
        return text
    length = len(text)
    for name, padding in _placeholders(text):
        # A large width, or a long variable used a thousand times, takes memory.
        length += padding + len(str("" if name is None else names.get(name, "")))
        if length > LONGEST_RESULT:
            raise NotExpanded("the expanded text would be longer than 1 MiB", "bad-format-string")
    try:
        return text % names
    except KeyError as error:
        raise NotExpanded(_unknown(str(error.args[0]), names), "unknown-expansion") from None
    except (ValueError, TypeError, OverflowError):
        raise NotExpanded(_bad_format(text), "bad-format-string") from None


def left_over(text: str) -> str:
    """The end of a complaint about a name that contains a placeholder of a shell or a template; else ""."""
    found = re.search(r"\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)\})", text)
    if found is not None:
        return f"; write %({PREFIX}{found[1] or found[2]})s for the variable"
    return "; it is a template: fill it in first" if "{{" in text else ""


def takes_all(text: str) -> bool:
    """Whether there is a %s without a name; Python replaces it by the whole mapping, environment and all."""
    return not _PERCENTAGE.fullmatch(text) and any(name is None for name, _ in _placeholders(text))


def names_in(text: str) -> Iterator[str]:
    """The names that a text refers to."""
    return (name for name, _ in _placeholders(text) if name is not None)


def environment_names(variables: Mapping[str, str]) -> dict[str, object]:
    """The names by which variables can be used in an option."""
    return {PREFIX + name: value for name, value in variables.items()}


def _bad_format(text: str) -> str:
    # The name in brackets is no secret: it belongs to procman or to a variable.
    bare = re.search(r"%\(([A-Za-z_]\w*)\)(?![-+ #0.\d]*[A-Za-z])", text)
    if bare is not None:
        return f"%({bare[1]}) lacks the letter at its end: write %({bare[1]})s"
    wrong = re.search(r"%\(([A-Za-z_]\w*)\)[-+ #0.\d]*[A-RT-Za-rt-z]", text)
    if wrong is not None:
        return f"{wrong[0]} cannot be put in: write %({wrong[1]})s"
    windows = re.search(r"%([A-Za-z_]\w*)%", text)
    if windows is not None:
        return f"a % is not followed by (NAME)s: write %(ENV_{windows[1]})s for the variable"
    return BAD_FORMAT


def _unknown(name: str, names: Mapping[str, object]) -> str:
    if name.startswith(PREFIX):
        variable = name.removeprefix(PREFIX)
        # Compared without the prefix, which all variables share.
        meant = closest(variable, (known.removeprefix(PREFIX) for known in names if known.startswith(PREFIX)))
        hint = f"did you mean %({PREFIX}{meant})s?" if meant else f"set it, or write a value instead of %({name})s"
        return f"%({name})s cannot be expanded: the variable {variable} is not set in the environment; {hint}"
    known = sorted(known for known in names if not known.startswith(PREFIX))
    expected = f"expected one of {', '.join(known)}, or ENV_ and the name of a variable"
    meant = PREFIX + name if PREFIX + name in names else closest(name, known)
    hint = f"; did you mean %({meant})s?" if meant else ""
    return f"%({name})s cannot be expanded: {expected}{hint}"


def _placeholders(text: str) -> Iterator[tuple[str | None, int]]:
    """The name (None if it has none) and the width of each placeholder; %% is not one."""
    at = text.find("%")
    while at >= 0:
        name = None
        at += 1
        if text.startswith("(", at):
            # Brackets may be nested in a name.
            start, depth = at + 1, 0
            while at < len(text):
                depth += {"(": 1, ")": -1}.get(text[at], 0)
                at += 1
                if depth == 0:
                    break
            name = text[start : at - 1]
        width = 0
        while at < len(text) and text[at] in "-+ #0.123456789":
            if text[at].isdigit():
                width = min(width * 10 + int(text[at]), LONGEST_RESULT + 1)
            at += 1
        if not (name is None and text.startswith("%", at)):
            yield name, width
        at = text.find("%", at + 1)
