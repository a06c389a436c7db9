"""What a master hands to the code that takes its place in the same process: facts as JSON, and back by their types.

A field that the other side does not know is passed over, one that it misses has its default: so a newer procman takes
over from an older one, and an older one from a newer one as long as VERSION is the same. What cannot be read raises
CannotTakeOver, before anything has been given up. Pure, but for the memory file that it travels in.
"""

import binascii
import dataclasses
import json
import os
import types
from collections.abc import Mapping, Sequence
from enum import Enum
from functools import cache
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from procman.errors import ProcmanError

T = TypeVar("T")

# One more whenever what is handed over changes its meaning.
VERSION = 2
# Holds the number of the file, and "check" behind it where nothing is to be taken over but to be looked at.
VARIABLE = "PROCMAN_RESUME"


class CannotTakeOver(ProcmanError):
    """What was handed over cannot be understood."""


def to_json(value: object) -> Any:
    """Dataclasses as objects of their fields, enums by name, bytes in base64; what a union needs to be told apart."""
    match value:
        case None | bool() | str() | float():
            return value
        case Enum():
            return value.name
        case int():
            return value
        case bytes() | bytearray():
            return binascii.b2a_base64(value, newline=False).decode()
        case Mapping():
            return {key: to_json(item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [to_json(item) for item in value]
        case _ if dataclasses.is_dataclass(value):
            kind: Any = type(value)
            fields = {field.name: to_json(getattr(value, field.name)) for field in _fields(kind)}
            return {"_": kind.__name__, **fields}
        case _:
            raise TypeError(f"cannot hand over {type(value).__name__}")


def from_json(kind: Any, value: Any) -> Any:
    """What `to_json` was given, where that was of this type; raises CannotTakeOver."""
    try:
        return _read(kind, value)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise CannotTakeOver(f"cannot take over a {getattr(kind, '__name__', kind)}: {error}") from None


def to_file(snapshot: Mapping[str, Any]) -> int:
    """Write it to a file that is nowhere but in memory; its descriptor, which the caller closes."""
    fd = os.memfd_create("procman")
    with open(fd, "wb", closefd=False) as file:
        file.write(json.dumps({**snapshot, "version": VERSION}).encode())
    return fd


def from_file(fd: int) -> dict[str, Any]:
    """What was written; raises CannotTakeOver."""
    try:
        snapshot = json.loads(os.pread(fd, os.fstat(fd).st_size, 0))
    except (OSError, ValueError) as error:
        raise CannotTakeOver(f"cannot read what was handed over: {error}") from None
    version = snapshot.get("version") if isinstance(snapshot, dict) else None
    if version != VERSION:
        raise CannotTakeOver(f"what was handed over is of version {version}, and this procman reads version {VERSION}")
    return dict(snapshot)


def _read(kind: Any, value: Any) -> Any:
    origin = get_origin(kind)
    if kind is Any or kind is object:
        return value
    if origin in (Union, types.UnionType):
        return _one_of(get_args(kind), value)
    if origin is Literal:
        return value
    if dataclasses.is_dataclass(kind):
        return _record(kind, value)
    if origin in (tuple, list, set, frozenset, Sequence):
        item, *_ = get_args(kind)
        fixed = origin is tuple and Ellipsis not in get_args(kind)
        items = [
            _read(one, part) for one, part in zip(get_args(kind) if fixed else [item] * len(value), value, strict=True)
        ]
        return (list if origin is Sequence else origin)(items)
    if origin in (dict, Mapping):
        _, item = get_args(kind)
        return {str(key): _read(item, part) for key, part in value.items()}
    return _plain(kind, value)


def _plain(kind: Any, value: Any) -> Any:
    if kind is bytes:
        return binascii.a2b_base64(value)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind[value]
    if kind is float and isinstance(value, int | float):
        return value
    if not isinstance(value, kind):
        raise TypeError(f"{value!r} is no {kind.__name__}")
    return value


def _one_of(kinds: Sequence[Any], value: Any) -> Any:
    if value is None and types.NoneType in kinds:
        return None
    named = value.get("_") if isinstance(value, dict) else None
    others = [kind for kind in kinds if kind is not types.NoneType]
    chosen = [kind for kind in others if named is None or getattr(kind, "__name__", None) == named] or others
    return _read(chosen[0], value)


def _record(kind: Any, value: Any) -> Any:
    hints = _hints(kind)
    known = {field.name: _read(hints[field.name], value[field.name]) for field in _fields(kind) if field.name in value}
    return kind(**known)


@cache
def _fields(kind: Any) -> tuple[dataclasses.Field[Any], ...]:
    return tuple(field for field in dataclasses.fields(kind) if field.init)


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)
