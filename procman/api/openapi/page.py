"""The table of endpoints as the block of text in the reference page."""

import re
from collections.abc import Iterator, Mapping
from textwrap import wrap
from typing import Any, get_args, get_origin

from procman.api.openapi.document import TAGS
from procman.api.openapi.endpoint import Endpoint, Given, Media

_WIDE = 120
_COLUMN = 41  # at which what is said of an endpoint begins


def endpoints_block() -> str:
    """Each endpoint: method, path, answer, what it is, and below that what it takes."""
    return "\n\n".join("\n".join(line for row in rows for line in _lines(row)) for rows in TAGS.values())


def _lines(row: Endpoint) -> Iterator[str]:
    path = re.sub(r"\{(\w+)\}", lambda found: found[1].upper(), row.path)
    answers = " or ".join(_kind(answer) for answer in (row.answer, *row.also))
    about = row.about
    if row.ops:
        about += f"; OP is {', '.join(row.ops)}"
    yield from _columns(f"{row.method:<5} {path}", f"{answers}: {about}" if about else answers)
    mark = "?"
    for name, one in row.query.items():
        yield from _columns(f"        {mark}{name}={_value(one)}", _told(one))
        mark = "&"
    if isinstance(row.body, Media):
        yield from _columns("        body", row.body.words)
        return
    only = [(name, one, f"of {op}: ") for op, (_, keys) in row.ops.items() for name, one in keys.items()]
    for name, one, whose in [*((name, one, "") for name, one in row.body.items()), *only]:
        yield from _columns(f'        "{name}": {_kind(one.type)}', f"{whose}{_told(one)}")


def _columns(left: str, right: str) -> Iterator[str]:
    lines = wrap(right, _WIDE - _COLUMN, break_on_hyphens=False, break_long_words=False) or [""]
    if len(left) >= _COLUMN:
        yield left
        left = ""
    for line in lines:
        yield f"{left:<{_COLUMN}}{line}".rstrip()
        left = ""


def _told(one: Given) -> str:
    return f"{one.about}; required".removeprefix("; ") if one.required else one.about


def _value(one: Given) -> str:
    return str(get_args(one.type)[0]) if get_args(one.type) else {str: "TEXT", int: "N", float: "N"}[one.type]


def _kind(kind: Any) -> str:
    """A type as the page writes it."""
    if isinstance(kind, Media):
        return kind.words
    if isinstance(kind, Mapping):
        return "{" + ", ".join(f'"{key}": {_kind(one)}' for key, one in kind.items()) + "}"
    if get_origin(kind) is list:
        return f"[{_kind(get_args(kind)[0])}]"
    if get_origin(kind) is dict:
        return "{NAME: " + _kind(get_args(kind)[1]) + "}"
    if get_args(kind):
        return " or ".join(
            f'"{one}"' if isinstance(one, str) else "null" if one is type(None) else _kind(one)
            for one in get_args(kind)
        )
    return str(getattr(kind, "__name__", kind))
