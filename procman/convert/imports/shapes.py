"""What the values of another engine's keys look like. What looks otherwise has no effect, and is reported."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from procman.convert.imports.source import Keys, Node

_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?", re.ASCII)
_FLAGS = frozenset(("true", "false", "yes", "no", "on", "off"))


@dataclass(frozen=True, slots=True)
class Shape:
    """One shape: how a report calls it, and whether a value has it."""

    words: str
    fits: Callable[[Node], bool]


def _is_number(node: Node) -> bool:
    return node.is_scalar and _NUMBER.fullmatch(node.text) is not None


def _is_flag(node: Node) -> bool:
    return isinstance(node.value, bool) or node.text.lower() in _FLAGS


def _is_list(node: Node) -> bool:
    return isinstance(node.value, list)


def _is_mapping(node: Node) -> bool:
    return isinstance(node.value, Mapping)


def _is_texts(node: Node) -> bool:
    return node.is_scalar or (_is_list(node) and all(item.is_scalar for item in node.items))


def _is_variables(node: Node) -> bool:
    if _is_mapping(node):
        return all(item.is_scalar or item.value is None for item in node.mapping.values())
    return _is_list(node) and all(item.is_scalar and item.text.partition("=")[0] for item in node.items)


def _are_mappings(node: Node) -> bool:
    return _is_list(node) and all(_is_mapping(item) for item in node.items)


def _is_items(node: Node) -> bool:
    return node.is_scalar or (_is_list(node) and all(item.is_scalar or _is_mapping(item) for item in node.items))


NUMBER = Shape("a number", _is_number)
FLAG = Shape("true or false", _is_flag)
TEXTS = Shape("a text, or a list of texts", _is_texts)
NUMBERS = Shape("a number, or a list of numbers", lambda node: bool(node.items) and all(map(_is_number, node.items)))
VARIABLES = Shape("names with their values, or a list of NAME=VALUE", _is_variables)
MAPPING = Shape("a mapping", _is_mapping)
MAPPINGS = Shape("a list of mappings", _are_mappings)
ITEMS = Shape("a text, or a list of texts or mappings", _is_items)
WATCHED = Shape("true, false, a path, or a list of paths", _is_texts)


def report_misfits(keys: Keys, shapes: Mapping[str, Shape]) -> None:
    """Report each key as lost whose value has another shape; one without a value is as if it were not there."""
    for key, shape in shapes.items():
        node = keys.node.mapping.get(key)
        if node is not None and node.value is not None and not shape.fits(node):
            keys.lost(key, f"expected {shape.words}; what is none has no effect")
