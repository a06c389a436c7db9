"""The configuration that an import makes: sections of options, each with the line that it comes from, as TOML."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from textwrap import wrap
from typing import Union

from procman.config.schema.kinds.durations import show_seconds
from procman.config.schema.notation import show_toml, table_name
from procman.convert.imports.report import Fate, Place, Report
from procman.convert.imports.source import Ready
from procman.convert.result import WIDTH

Setting = Union[str, int, float, bool, Sequence[Union[str, int]], Mapping[str, str]]  # noqa: UP007 - an alias

# Of a comment in the head of the file.
_MOST_REMARKS = 200


def escaped(text: str) -> str:
    """The text as procman's notation has it, in which % begins a name."""
    return text if isinstance(text, Ready) else text.replace("%", "%%")


def ready(*parts: str) -> Ready:
    """Join texts, escaping those that are not in procman's notation yet."""
    return Ready("".join(map(escaped, parts)))


def duration(seconds: float) -> str:
    """Seconds as a text with a unit."""
    return show_seconds(seconds)


def cleaned(name: str) -> str:
    """A name that a section may have."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", name).strip("-.") or "program"


@dataclass(slots=True)
class Section:
    """One section; an option that is set again has the later value."""

    kind: str
    name: str
    place: Place | None
    about: str = ""  # what it was, for the comment above it
    options: dict[str, tuple[Setting, Place | None]] = field(default_factory=dict)

    def set(self, option: str, value: Setting, place: Place | None = None) -> None:
        """Set an option; `place` is where it comes from."""
        self.options[option] = (value, place)

    def add(self, option: str, *items: str, place: Place | None = None, first: bool = False) -> None:
        """Append to an option that is a list, or put before what is there."""
        before = self.options.get(option)
        value = before[0] if before and isinstance(before[0], list) else []
        both = [*items, *value] if first else [*value, *items]
        self.options[option] = (both, place or (before[1] if before else None))

    def variable(self, name: str, value: str, place: Place | None = None) -> None:
        """Set one variable of its environment."""
        before = self.options.get("environment")
        value_before = before[0] if before and isinstance(before[0], Mapping) else {}
        self.options["environment"] = ({**value_before, name: value}, place or (before[1] if before else None))

    def get(self, option: str) -> Setting | None:
        """What it is set to; None if it is not."""
        found = self.options.get(option)
        return None if found is None else found[0]


@dataclass(slots=True)
class Draft:
    """What is to be written, and what became of the source."""

    engine: str
    files: tuple[str, ...]
    report: Report = field(default_factory=Report)
    sections: list[Section] = field(default_factory=list)
    taken: set[tuple[str, str]] = field(default_factory=set)
    remarks: list[str] = field(default_factory=list)  # further comments for the head of the file

    @property
    def programs(self) -> list[str]:
        """The names of what it runs."""
        kinds = ("program", "eventlistener", "fcgi-program")
        return [section.name for section in self.sections if section.kind in kinds]

    def master(self) -> Section:
        """The section of the master, which comes first."""
        for section in self.sections:
            if section.kind == "procman":
                return section
        section = Section("procman", "", None)
        self.sections.insert(0, section)
        return section

    def section(self, name: str, place: Place, about: str, kind: str = "program") -> Section:
        """A new section; a name that is taken or not possible here becomes another one, which is reported."""
        wanted = candidate = cleaned(name)
        number = 2
        while (kind, candidate) in self.taken:
            candidate = f"{wanted}-{number}"
            number += 1
        self.taken.add((kind, candidate))
        if candidate != name:
            self.report.approximated(place, about, f"it is called {candidate} here")
        section = Section(kind, candidate, place, about)
        self.sections.append(section)
        return section

    # ---- text

    def text(self) -> str:
        """The TOML file."""
        blocks = ["\n".join(self._head())]
        blocks += ["\n".join(self._lines(section)) for section in self.sections if section.options]
        return "\n\n".join(blocks) + "\n"

    def _head(self) -> list[str]:
        lines = [f"# Written by `procman import {self.engine}` from {', '.join(map(_printable, self.files))}."]
        for title, fate in (("Means nearly the same:", Fate.APPROXIMATED), ("Not carried over:", Fate.LOST)):
            remarks = self.report.of(fate)
            if remarks:
                lines += ["#", f"# {title}"]
            for remark in remarks[:_MOST_REMARKS]:
                said = f"{remark.file.rpartition('/')[2]}:{remark.line}: {remark.key}: {remark.how}"
                lines += _wrapped(said)
            if len(remarks) > _MOST_REMARKS:
                lines.append(f"# - and {len(remarks) - _MOST_REMARKS} more")
        for remark_of_all in self.remarks:
            lines += ["#", *(f"# {line}" for line in wrap(_printable(remark_of_all), WIDTH))]
        return lines

    def _lines(self, section: Section) -> list[str]:
        if section.kind == "include":
            # It is a key at the top of the file.
            return [f"{option} = {_shown(value)}" for option, (value, _) in section.options.items()]
        lines = []
        if section.place is not None and section.about:
            lines.append(f"# {_printable(section.about)}, {self._where(section.place)}")
        head = f"[{section.kind}]" if not section.name else table_name(section.kind, section.name)
        lines.append(head)
        tables: list[str] = []
        for option, (value, place) in section.options.items():
            if option == "environment" and isinstance(value, Mapping) and len(value) > 1:
                tables = ["", f"{head[:-1]}.environment]", *(f"{_key(k)} = {_shown(v)}" for k, v in value.items())]
                if place is not None:
                    tables.insert(1, f"# {self._where(place)}")
                continue
            where = f"  # {self._where(place)}" if place is not None else ""
            lines.append(f"{option} = {_shown(value)}{where}")
        return lines + tables

    def _where(self, place: Place) -> str:
        return f"{_printable(place.file.rpartition('/')[2])}:{place.line}"


def _key(name: str) -> str:
    bare = name.isascii() and name.replace("-", "").replace("_", "").isalnum()
    return name if bare else _quoted(name)


def _shown(value: Setting) -> str:
    match value:
        case str():
            return _quoted(escaped(value))
        case list():
            return f"[{', '.join(map(_shown, value))}]"
        case Mapping():
            pairs = ", ".join(f"{_key(name)} = {_shown(item)}" for name, item in value.items())
            return f"{{ {pairs} }}" if pairs else "{}"
        case _:
            return show_toml(value)


def _quoted(text: str) -> str:
    # JSON leaves this one as it is, which TOML does not allow.
    return show_toml(text.encode("utf-8", "replace").decode()).replace("\x7f", "\\u007f")


def _wrapped(text: str) -> list[str]:
    lines = wrap(
        _printable(text),
        WIDTH,
        initial_indent="- ",
        subsequent_indent="  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [f"# {line}" for line in lines]


def _printable(text: str) -> str:
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
