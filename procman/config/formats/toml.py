"""Reads TOML text into the same raw sections as INI; unknown sections are errors here.

tomli does not report the lines of keys, so `lines_of` finds them; it only has to understand text that tomli has
accepted.
"""

import os
import re
from collections.abc import Iterator
from typing import Any

import tomli

from procman.config.formats.foreign_names import is_program, section_here
from procman.config.formats.raw import RawOption, RawSection
from procman.config.formats.toml_hints import hint
from procman.config.problems import Problem
from procman.config.schema.notation import table_name
from procman.config.schema.sections import BY_TOML_NAME, SECTIONS, SectionType
from procman.config.spelling import closest

SERVERS = ("unix_http_server", "inet_http_server")  # a table, or tables of tables by name

Lines = dict[tuple[str, ...], int]


def parse(text: str, file: str) -> tuple[list[RawSection], list[Problem]]:
    """The sections of a file, with `include` as section "include", and its problems."""
    content, problems = content_of(text, file)
    if content is None:
        return [], problems
    reader = _Reader(file, text)
    for name, value in content.items():
        reader.take(name, value)
    return reader.sections, reader.problems


def content_of(text: str, file: str) -> tuple[dict[str, Any] | None, list[Problem]]:
    """The tables and keys of a file, or None and its problem."""
    try:
        return tomli.loads(text.removeprefix("\ufeff")), []
    except tomli.TOMLDecodeError as error:
        return None, [_not_toml(text, file, error)]
    except (RecursionError, ValueError) as error:
        message = "too deeply nested" if isinstance(error, RecursionError) else str(error)
        return None, [Problem(file, None, None, None, f"cannot read this as TOML: {message}", slug="syntax")]


def _not_toml(text: str, file: str, error: tomli.TOMLDecodeError) -> Problem:
    line = _line_of(error)
    what = str(error).partition(" (at ")[0]
    lines = text.split("\n")
    way_out = hint(lines[line - 1] if line is not None and line <= len(lines) else "", what)
    table = re.search(r"\((.+)\)", what)  # a tuple, as Python shows it
    if table is not None:
        path = ".".join(re.findall("'([^']+)'", table[1]))
        what = what.replace(table[0], f"[{path}]")
    return Problem(file, line, None, None, f"cannot read this as TOML: {what}{way_out}", slug="syntax")


def _line_of(error: tomli.TOMLDecodeError) -> int | None:
    """The line of the error, from the attribute of newer releases or from "… (at line 3, column 5)"."""
    line = getattr(error, "lineno", None)
    if isinstance(line, int):
        return line
    digits = str(error).rpartition("(at line ")[2].partition(",")[0]
    return int(digits) if digits.isdecimal() else None


class _Reader:
    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.here = os.path.dirname(os.path.abspath(file))
        self.text = text.split("\n")
        self.lines = lines_of(text)
        self.sections: list[RawSection] = []
        self.problems: list[Problem] = []

    def complain(self, path: tuple[str, ...], message: str) -> None:
        self.problems.append(Problem(self.file, self.lines.get(path), ".".join(path), None, message))

    def take(self, name: str, value: object) -> None:
        known = BY_TOML_NAME.get(name)
        if known is None:
            self.complain((name,), f"there is no such section{self._hint(name, value)}")
        elif name == "include" and isinstance(value, dict):
            self.complain((name,), 'expected a list at the top of the file: include = ["conf.d/*.toml"]')
        elif name == "include":
            self._section("include", (), {"files": value}, label="include", positions={"files": ("include",)})
        elif not isinstance(value, dict):
            wanted = table_name(known.toml, _first_name(value)) if known.named else _header(known)
            self.complain((name,), f"expected a table, {wanted}")
        elif known.named:
            self._named(known, value)
        elif name in SERVERS:
            own = {key: item for key, item in value.items() if not isinstance(item, dict)}
            if own or len(own) == len(value):
                self._section(known.ini, (name,), own)
            for key, item in value.items():
                if isinstance(item, dict):
                    self._section(f"{known.ini}:{key}", (name, key), item)
        else:
            self._section(known.ini, (name,), value)

    def _hint(self, name: str, value: object) -> str:
        for known in SECTIONS.values():
            if name == known.ini:
                return f"; in TOML it is [{known.toml}]"
        for known in SECTIONS.values():
            if not isinstance(value, dict) and name in known.options:
                return f"; {name} belongs in {_header(known)}"
        if is_program(value):
            return f"; did you mean {table_name('program', name)}?"
        meant = _similar_section(name)
        if meant is None:
            return ": take it out"
        return f"; did you mean {table_name(meant.toml, _first_name(value)) if meant.named else _header(meant)}?"

    def _named(self, known: SectionType, tables: dict[str, object]) -> None:
        nameless = False
        for key, item in tables.items():
            path = (known.toml, key)
            if isinstance(item, dict):
                self._section(f"{known.ini}:{key}", path, item)
            elif isinstance(item, list) and item and all(isinstance(part, dict) for part in item):
                self.complain(path, f"expected one table, {table_name(known.toml, key)}, and not a list in [[ ]]")
            elif key not in known.options:
                self.complain(path, f"expected a table: write {table_name(known.toml, key)}, and its options below")
            elif not nameless:
                # The other options would have the same complaint.
                self.complain(path, f"expected a table: the section needs a name, {_header(known)}")
                nameless = True

    def _section(
        self,
        name: str,
        path: tuple[str, ...],
        values: dict[str, object],
        label: str | None = None,
        positions: dict[str, tuple[str, ...]] | None = None,
    ) -> None:
        section = RawSection(name, label or ".".join(path), self.file, self.lines.get(path), toml=True)
        for key, value in values.items():
            line = self.lines.get((positions or {}).get(key, (*path, key)), section.line)
            option = RawOption(value, self.file, line, self.here, toml=True, written=self._written(key, value, line))
            section.options[key] = option
        self.sections.append(section)

    def _written(self, key: str, value: object, line: int | None) -> str | None:
        """A whole number as the file writes it, for complaints; for 0o755 tomli returns 493."""
        if isinstance(value, bool) or not isinstance(value, int) or line is None:
            return None
        found = re.search(rf"\b{re.escape(key)}[\"']?\s*=\s*([-+\w]+)", self.text[line - 1])
        return found[1] if found else None


def _header(known: SectionType) -> str:
    return f"[{known.toml}{'.NAME' if known.named else ''}]"


def _similar_section(name: str) -> SectionType | None:
    return SECTIONS.get(section_here(name) or "") or BY_TOML_NAME.get(closest(name, BY_TOML_NAME) or "")


def _first_name(value: object) -> str:
    """The name of the first of some tables: its key, or the value of its option `name`."""
    if isinstance(value, list) and value and isinstance(value[0], dict):
        name = value[0].get("name")
        return name if isinstance(name, str) and name else "NAME"
    if isinstance(value, dict):
        return next((key for key, item in value.items() if isinstance(item, dict)), "NAME")
    return "NAME"


# ------------------------------------------------------------------------------------------------ where the keys stand


def lines_of(text: str) -> Lines:
    """The line of every table and key by its path, ("program", "web", "command"), in text that tomli accepts."""
    lines: Lines = {}
    table: tuple[str, ...] = ()
    for number, statement in _statements(text):
        if statement.startswith("["):
            path = table = _key(statement.lstrip("[ \t"))
        else:
            path = table + _key(statement)
        for length in range(1, len(path) + 1):
            lines.setdefault(path[:length], number)
    return lines


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Each header, and the first line of each key and value, with its line number; other lines are skipped."""
    depth, quote = 0, ""
    for number, line in enumerate(text.split("\n"), start=1):
        if not quote and depth == 0:
            stripped = line.strip()
            if stripped and not stripped.startswith("#"):
                yield number, stripped
        header = not quote and depth == 0 and line.lstrip().startswith("[")
        change, quote = _scan(line, quote)
        depth += 0 if header else change


def _scan(line: str, quote: str) -> tuple[int, str]:
    """How many brackets a line leaves open, and which multi-line quote; `quote` is open at its beginning."""
    at, depth = 0, 0
    while at < len(line):
        if quote:
            if line[at] == "\\" and quote[0] == '"':
                at += 2
                continue
            if line.startswith(quote, at):
                at += len(quote)
                # A closing \"\"\" may be preceded by up to two quotes of the text; they belong to it.
                while len(quote) > 1 and line.startswith(quote[0], at):
                    at += 1
                quote = ""
                continue
        elif line[at] in "\"'":
            quote = line[at] * (3 if line.startswith(line[at] * 3, at) else 1)
            at += len(quote)
            continue
        elif line[at] == "#":
            break
        elif line[at] in "[{":
            depth += 1
        elif line[at] in "]}":
            depth -= 1
        at += 1
    return depth, quote if len(quote) > 1 else ""


def _key(text: str) -> tuple[str, ...]:
    """The parts of the dotted key at the beginning of a text, quoted or bare."""
    parts: list[str] = []
    at = 0
    while at < len(text):
        if text[at] in " \t.":
            at += 1
        elif text[at] in "\"'":
            end = text.find(text[at], at + 1)
            if end < 0:
                break
            parts.append(text[at + 1 : end])
            at = end + 1
        elif text[at] in "=]":
            break
        else:
            start = at
            while at < len(text) and text[at] not in " \t.=]":
                at += 1
            parts.append(text[start:at])
    return tuple(parts)
