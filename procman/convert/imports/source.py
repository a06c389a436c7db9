"""What a file of another engine says, as a tree in which each value knows its line, and the keys that were used."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Union

from procman.convert.imports.report import Report
from procman.errors import ProcmanError

Value = Union[Mapping[str, "Node"], Sequence["Node"], str, int, float, bool, None]  # noqa: UP007 - refers to itself


class Ready(str):
    """A text in procman's own notation: in it, %(here)s and %(ENV_X)s are names, and %% is a percent sign."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Source:
    """A file that was read, under the name that the user gave."""

    path: str
    text: str

    @property
    def name(self) -> str:
        """The name without its folders."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Node:
    """A value with its place; `raw` is how a number or a boolean is written."""

    value: Value
    file: str
    line: int
    raw: str = ""
    column: int | None = None  # from 1; None where nobody has looked

    @property
    def text(self) -> str:
        """A scalar as text, as the engines take it: 1.10 and yes stay what they are."""
        if isinstance(self.value, str):
            return self.value
        if isinstance(self.value, bool):
            return self.raw or str(self.value).lower()
        return self.raw or str(self.value) if self.is_scalar else ""

    @property
    def is_scalar(self) -> bool:
        """Whether it is neither a mapping nor a list, nor nothing."""
        return isinstance(self.value, (str, int, float))

    @property
    def mapping(self) -> Mapping[str, "Node"]:
        """Its keys; none if it is no mapping."""
        return self.value if isinstance(self.value, Mapping) else {}

    @property
    def items(self) -> Sequence["Node"]:
        """The items of a list; a scalar is a list of one."""
        if self.is_scalar:
            return [self]
        return [item for item in self.value if isinstance(item, Node)] if isinstance(self.value, Sequence) else []


class Unreadable(ProcmanError):
    """A file that is not what it should be, with the place."""

    def __init__(self, file: str, line: int | None, message: str, column: int | None = None) -> None:
        where = ":".join(str(part) for part in (file, line, column) if part is not None)
        super().__init__(f"{where}: {message}")


def absent(whole: Node, key: str, what: str) -> Unreadable:
    """The complaint that what has to stand below a key does not, with the place of the key, or where it should be."""
    place = whole.mapping.get(key, whole)
    return Unreadable(place.file, place.line, what, place.column)


def place_in(text: str, offset: int) -> tuple[int, int]:
    """The line and the column of a character, both from 1."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


@dataclass(slots=True)
class Keys:
    """The keys of one mapping: whoever uses one takes it, and `finish` reports the others as lost."""

    node: Node
    path: str  # as the report names it
    report: Report
    taken: set[str] = field(default_factory=set)
    written: Mapping[str, str] = field(default_factory=dict)  # keys that have another name in the file

    def take(self, key: str) -> Node | None:
        """The value, which counts as kept unless something else is reported of it; None if it is not there."""
        self.taken.add(key)
        found = self.node.mapping.get(key)
        if found is None or found.value is None:
            return None
        self.report.kept(found, self.name(key))
        return found

    def text(self, key: str) -> str | None:
        """The value of a scalar as text."""
        found = self.take(key)
        if found is None:
            return None
        if not found.is_scalar:
            self.lost(key, "a single value was expected here")
            return None
        return found.text

    def inner(self, key: str) -> "Keys | None":
        """The keys of a mapping inside; None if there is no mapping."""
        found = self.take(key)
        if found is None:
            return None
        if not isinstance(found.value, Mapping):
            self.lost(key, "a mapping was expected here")
            return None
        return Keys(found, self.name(key), self.report)

    def name(self, key: str) -> str:
        """The key with the path that leads to it."""
        key = self.written.get(key, key)
        return f"{self.path}.{key}" if self.path else key

    def at(self, key: str) -> Node:
        """The place of a key."""
        return self.node.mapping.get(key, self.node)

    def lost(self, key: str, why: str) -> None:
        """Report that a key, if it is there, has no effect; `why` says so in words."""
        self.taken.add(key)
        if key in self.node.mapping:
            self.report.lost(self.at(key), self.name(key), why)

    def approximated(self, key: str, how: str) -> None:
        """Report that a key means almost the same."""
        self.taken.add(key)
        if key in self.node.mapping:
            self.report.approximated(self.at(key), self.name(key), how)

    def harmless(self, key: str, why: str) -> None:
        """Report a key that needs nothing here as kept; `why` says what does it already."""
        self.taken.add(key)
        if key in self.node.mapping:
            self.report.kept(self.at(key), self.name(key), why)

    def finish(self, why: str = "procman has nothing like it") -> None:
        """Report each key that nobody has taken."""
        for key in self.left():
            self.report.lost(self.at(key), self.name(key), why)

    def inside(self) -> str:
        """The keys, for a remark that all of them are lost."""
        names = ", ".join(self.node.mapping)
        return f" (with {names})" if names else ""

    def left(self) -> Iterator[str]:
        """The keys that nobody has taken yet, except for comments by convention (x-…)."""
        return (key for key in self.node.mapping if key not in self.taken)
