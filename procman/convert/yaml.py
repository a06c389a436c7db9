"""Writes YAML with comments: block style, and quotes around text that could be read as another type.

Its scalars are text, whole numbers and booleans, which is all that the exports need; PyYAML cannot write comments. The
result means the same in YAML 1.1 and 1.2.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Union


@dataclass(frozen=True, slots=True, eq=False)
class Comment:
    """A comment above the next entry; it is a key of a mapping (with None as its value) or an item of a list."""

    text: str


class Flow(tuple[str, ...]):
    """A list of texts on one line: ["procman", "-c", "procman.toml"]."""

    __slots__ = ()


Yaml = Union[str, int, bool, Flow, Mapping["str | Comment", "Yaml"], Sequence["Yaml | Comment"], None]  # noqa: UP007

# Text without special characters, which does not begin like a number, a date or a `-`.
_PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_/.+-]*(?::[A-Za-z0-9_/.+-]+)*", re.ASCII)
# What YAML 1.1 reads as a boolean or null.
_WORDS = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null", "none"))

_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def dump(value: Mapping["str | Comment", Yaml]) -> str:
    """Write a document, with a line end after its last line."""
    return "".join(f"{line}\n" for line in _mapping(value))


def quoted(text: str) -> str:
    """Quote text, with everything escaped that is not printable."""
    return f'"{"".join(_escaped(letter) for letter in text)}"'


def comment(text: str) -> list[str]:
    """The lines of a comment, with everything escaped that is not printable and could end the line."""
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
    if code <= 0xFF:  # noqa: PLR2004 - two digits
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004 - four digits


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
            # The dash comes before the first line that is not a comment.
            first = next(number for number, line in enumerate(lines) if not line.lstrip().startswith("#"))
            yield from lines[:first]
            yield f"- {lines[first]}"
            yield from (f"  {line}" for line in lines[first + 1 :])
        else:
            yield f"- {_in_line(item)}"


def _is_block(item: Yaml) -> bool:
    """Whether it needs lines of its own; one with only comments does not, and loses them."""
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
