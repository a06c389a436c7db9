"""What the comments and docstrings of the shapes say, read from their source."""

import ast
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from typing import NamedTuple

from procman.api import shapes


class Field(NamedTuple):
    """One key of a shape."""

    name: str
    type: str
    about: str


def shapes_told() -> Iterator[tuple[str, str, list[Field]]]:
    """The typed dicts of `shapes`: name, docstring, and the fields with the comments behind them."""
    for node, lines in _classes():
        fields = [_field(line, lines) for line in node.body if isinstance(line, ast.AnnAssign)]
        if fields:
            yield node.name, ast.get_docstring(node) or "", fields


def shape_bases() -> dict[str, list[str]]:
    """To what each shape adds: Python 3.11 does not tell that of a typed dict."""
    return {node.name: [base.id for base in node.bases if isinstance(base, ast.Name)] for node, _ in _classes()}


def _classes() -> Iterator[tuple[ast.ClassDef, list[str]]]:
    """Each with the lines of its source."""
    for module in pkgutil.iter_modules(shapes.__path__, f"{shapes.__name__}."):
        source = inspect.getsource(importlib.import_module(module.name))
        lines = source.splitlines()
        for node in ast.parse(source).body:
            if isinstance(node, ast.ClassDef) and any(isinstance(base, ast.Name) for base in node.bases):
                yield node, lines


def _field(node: ast.AnnAssign, lines: list[str]) -> Field:
    end = node.end_lineno or node.lineno
    about = lines[end - 1][node.end_col_offset or 0 :].partition("#")[2].strip()
    return Field(ast.unparse(node.target), ast.unparse(node.annotation), about)
