"""YAML as a tree of nodes with lines. It needs PyYAML, which the extra `procman[import]` installs.

Only plain data is made of it, as `yaml.safe_load` does. Aliases are followed, up to a bound.
"""

import re
from collections.abc import Mapping
from typing import Any

from procman.convert.imports.source import Node, Source, Unreadable, place_in
from procman.errors import ProcmanError

# Of all nodes together, with those that an alias stands for.
MOST_NODES = 200_000
# Mappings and lists in each other.
_DEEPEST = 100

_TOO_DEEP = "it is nested too deeply: no such file needs that"
# https://yaml.org/spec/1.1/#c-printable
_NOT_ALLOWED = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_MERGE = "<<"
_TRUE = frozenset(("true", "yes", "on"))
_FALSE = frozenset(("false", "no", "off"))


def yaml_of(source: Source) -> Node:
    """The document of a file; raises Unreadable with the line and the column."""
    try:
        # A whole optional feature.
        import yaml  # noqa: PLC0415
    except ImportError:
        raise ProcmanError(
            f"cannot read {source.path}: YAML needs PyYAML: pip install 'procman[import]', or pip install PyYAML"
        ) from None
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        root = yaml.compose(source.text, Loader=loader)
        return Node({}, source.path, 1, column=1) if root is None else _Tree(source.path).node(root)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (None, None) if mark is None else (mark.line + 1, mark.column + 1)
        what = str(error.problem or error.context or "it is broken")
        raise Unreadable(source.path, line, f"cannot read this as YAML: {what}", column) from None
    except yaml.reader.ReaderError:
        line, column = _place_of_character(source.text)
        raise Unreadable(source.path, line, "a character that YAML does not allow: take it out", column) from None
    except RecursionError:
        # Where there is no libyaml, which has a bound of its own.
        raise Unreadable(source.path, 1, _TOO_DEEP, 1) from None


class _Tree:
    """Makes nodes of PyYAML's, and counts them."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._count = 0
        self._open: list[int] = []  # the nodes that are being read, by identity: one inside itself has no end

    def node(self, found: Any) -> Node:
        line, column = _place_of(found)
        self._count += 1
        if self._count > MOST_NODES:
            raise Unreadable(
                self._file, line, f"with its aliases it has more than {MOST_NODES:,} values: write them out", column
            )
        if isinstance(found.value, str):
            return self._scalar(found, line)
        if id(found) in self._open:
            raise Unreadable(self._file, line, "an alias that contains itself: take it out", column)
        if len(self._open) >= _DEEPEST:
            raise Unreadable(self._file, line, _TOO_DEEP, column)
        self._open.append(id(found))
        try:
            if found.value and isinstance(found.value[0], tuple):
                return Node(self._mapping(found), self._file, line, column=column)
            empty: Any = {} if found.tag.endswith(":map") else []
            return Node([self.node(item) for item in found.value] or empty, self._file, line, column=column)
        finally:
            self._open.pop()

    def _mapping(self, found: Any) -> Mapping[str, Node]:
        merged: dict[str, Node] = {}
        own: dict[str, Node] = {}
        for key, value in found.value:
            line, column = _place_of(key)
            if not isinstance(key.value, str):
                raise Unreadable(self._file, line, "a key that is no text: write a name there", column)
            if key.value == _MERGE and key.tag.endswith(":merge"):
                inner = self.node(value)
                parts = [inner] if isinstance(inner.value, Mapping) else list(inner.items)
                for part in parts:
                    merged = {**part.mapping, **merged}
                continue
            if key.value in own:
                # The engines refuse it, too.
                what = f"{key.value} stands in line {own[key.value].line}, too: take one out"
                raise Unreadable(self._file, line, what, column)
            node = self.node(value)
            # The place of the key, which a user looks for.
            own[key.value] = Node(node.value, node.file, line, node.raw, column)
        return {**merged, **own}

    def _scalar(self, found: Any, line: int) -> Node:
        text = found.value
        kind = found.tag.rpartition(":")[2]
        value: str | int | float | bool | None = text
        if kind == "null":
            value = None
        elif kind == "bool":
            word = text.lower()
            value = word in _TRUE if word in _TRUE | _FALSE else text
        elif kind in ("int", "float"):
            value = number_of(text)
        return Node(value, self._file, line, text)


def _place_of(found: Any) -> tuple[int, int]:
    return found.start_mark.line + 1, found.start_mark.column + 1


def _place_of_character(text: str) -> tuple[int | None, int | None]:
    """Of the first one that YAML does not allow. libyaml counts bytes, the other reader characters."""
    found = _NOT_ALLOWED.search(text)
    return (None, None) if found is None else place_in(text, found.start())


def number_of(text: str) -> str | int | float:
    """The number that a text is in YAML 1.2; other notations stay texts."""
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return text
