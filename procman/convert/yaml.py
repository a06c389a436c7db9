"""Writes YAML with comments in it: block style, and quotes around whatever a reader might take for something else.

Of the scalars there are texts, whole numbers and booleans; that is all that the exports need, and PyYAML, which knows
everything, knows no comments. YAML 1.1 and 1.2 read the same out of it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Union


@dataclass(frozen=True, slots=True, eq=False)
class Comment:
    """Lines above what follows; as the key of a mapping (its value is nothing) or an item of a list."""

    text: str


class Flow(tuple[str, ...]):
    """A list of texts in one line: ["procman", "-c", "procman.toml"]."""

    __slots__ = ()


Yaml = Union[str, int, bool, Flow, Mapping["str | Comment", "Yaml"], Sequence["Yaml | Comment"], None]  # noqa: UP007

# No letter in it has a meaning of its own there, and it does not begin like a number, a date or a `-`.
_PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_/.+-]*(?::[A-Za-z0-9_/.+-]+)*", re.ASCII)
# What YAML 1.1 takes for a boolean or for nothing.
_WORDS = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null", "none"))

_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def dump(value: Mapping["str | Comment", Yaml]) -> str:
    """A document, with a line end after its last line."""
    return "".join(f"{line}\n" for line in _mapping(value))


def quoted(text: str) -> str:
    """In double quotes, with everything escaped that does not print."""
    return f'"{"".join(_escaped(letter) for letter in text)}"'


def comment(text: str) -> list[str]:
    """The lines of a comment; what does not print is spelt out, lest it ends the line."""
    printable = (
        "".join(letter if letter.isprintable() else _escaped(letter) for letter in line) for line in text.split("\n")
    )
    return [f"# {line}".rstrip() for line in printable]


def _escaped(letter: str) -> str:
    if letter in _ESCAPES:
        return _ESCAPES[letter]
    if letter.isprintable() and letter != "\ufeff":
        return letter
    code = ord(letter)
    if code <= 0xFF:  # noqa: PLR2004 - what two digits hold
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004 - what four digits hold


def _scalar(value: str | int | bool) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case _ if _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
            return value
        case _:
            return quoted(value)


def _mapping(value: Mapping["str | Comment", Yaml]) -> Iterator[str]:
    for key, item in value.items():
        match key, item:
            case Comment(text), _:
                yield from comment(text)
            case str(), _ if _is_block(item):
                yield f"{_scalar(key)}:"
                yield from (f"  {line}" for line in _block(item))
            case str(), _:
                yield f"{_scalar(key)}: {_in_line(item)}"


def _sequence(value: Sequence["Yaml | Comment"]) -> Iterator[str]:
    for item in value:
        if isinstance(item, Comment):
            yield from comment(item.text)
        elif _is_block(item):
            lines = list(_block(item))
            # The dash stands before the first line that is no comment.
            first = next(number for number, line in enumerate(lines) if not line.lstrip().startswith("#"))
            yield from lines[:first]
            yield f"- {lines[first]}"
            yield from (f"  {line}" for line in lines[first + 1 :])
        else:
            yield f"- {_in_line(item)}"


def _is_block(item: Yaml) -> bool:
    """Does it need lines of its own? One that holds nothing but comments does not, and loses them."""
    match item:
        case Flow() | str():
            return False
        case Mapping() | Sequence():
            return any(not isinstance(entry, Comment) for entry in item)
        case _:
            return False


def _block(item: Yaml) -> Iterator[str]:
    if isinstance(item, Mapping):
        return _mapping(item)
    assert isinstance(item, Sequence)
    return _sequence(item)


def _in_line(item: Yaml) -> str:
    match item:
        case Flow():
            return f"[{', '.join(map(quoted, item))}]"
        case str() | int():
            return _scalar(item)
        case Mapping():
            return "{}"
        case Sequence():
            return "[]"
        case _:
            raise TypeError(f"cannot write {item!r}: expected a text, a number or a boolean")
