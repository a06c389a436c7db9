"""Reads files of variables: the dialect of python-dotenv without interpolation, and one that takes all behind the =.

The errors name a line and never repeat anything of it, because it may be a secret.
"""

import io
from collections.abc import Iterator
from typing import NamedTuple

from procman.errors import ProcmanError

_BOM = "\ufeff"


class BadEnvFile(ProcmanError):
    """A line that cannot be read."""

    def __init__(self, line: int, message: str) -> None:
        """`line` counts from 1."""
        super().__init__(message)
        self.line = line


class Variables(NamedTuple):
    """What a file sets; what is no UTF-8 in it is kept as the same bytes (surrogateescape)."""

    values: dict[str, str]
    doubts: tuple[tuple[int, str], ...] = ()  # lines that hardly mean what they say, and why


def read_env_file(content: bytes, *, raw: bool) -> Variables:
    """The variables of a file; raises BadEnvFile."""
    at = content.find(b"\0")
    if at >= 0:
        raise BadEnvFile(content.count(b"\n", 0, at) + 1, "it has a NUL byte, which no variable can have: take it out")
    text = content.decode("utf-8", "surrogateescape").removeprefix(_BOM)
    values: dict[str, str] = {}
    lines: dict[str, int] = {}
    doubts: list[tuple[int, str]] = []
    for line, name, value in _raw_lines(text) if raw else _bindings(text):
        if value is None:
            doubts.append((line, f"{name} has no value and is not set: write {name}= for an empty one"))
            continue
        if name in lines:
            doubts.append((line, f"{name} stands in line {lines[name]}, too; the last one counts"))
        values[name] = value
        lines[name] = line
    return Variables(values, tuple(doubts))


def _bindings(text: str) -> Iterator[tuple[int, str, str | None]]:
    """The line, the name and the value of each statement."""
    # A whole feature: most masters have no such file.
    from dotenv.parser import parse_stream  # noqa: PLC0415

    for binding in parse_stream(io.StringIO(text, newline="")):
        # A statement begins with the blank lines before it.
        statement = binding.original.string
        begin = statement[: len(statement) - len(statement.lstrip())]
        line = binding.original.line + begin.replace("\r\n", "\n").replace("\r", "\n").count("\n")
        if binding.error:
            raise BadEnvFile(
                line, "cannot read this line: expected NAME=VALUE, with a quote at the end of what begins with one"
            )
        if binding.key is not None:
            yield line, _checked(binding.key, line), binding.value


def _raw_lines(text: str) -> Iterator[tuple[int, str, str | None]]:
    for line, statement in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
        if not statement.strip() or statement.lstrip().startswith("#"):
            continue
        name, equals, value = statement.partition("=")
        if not equals:
            raise BadEnvFile(line, "cannot read this line: expected NAME=VALUE")
        yield line, _checked(name.strip(), line), value


def _checked(name: str, line: int) -> str:
    if not name or "=" in name or any(letter.isspace() for letter in name):
        raise BadEnvFile(line, "cannot read this line: the name before the = is empty, or has a blank in it")
    return name
