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
    for module in pkgutil.iter_modules(shapes.__path__, f"{shapes.__name__}."):
        source = inspect.getsource(importlib.import_module(module.name))
        lines = source.splitlines()
        for node in ast.parse(source).body:
            if isinstance(node, ast.ClassDef) and any(isinstance(base, ast.Name) for base in node.bases):
                fields = [_field(line, lines) for line in node.body if isinstance(line, ast.AnnAssign)]
                if fields:
                    yield node.name, ast.get_docstring(node) or "", fields


def _field(node: ast.AnnAssign, lines: list[str]) -> Field:
    end = node.end_lineno or node.lineno
    about = lines[end - 1][node.end_col_offset or 0 :].partition("#")[2].strip()
    return Field(ast.unparse(node.target), ast.unparse(node.annotation), about)
