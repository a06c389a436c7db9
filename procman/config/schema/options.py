"""How an option is declared: its kind, what it is for, its default, and what a change of it costs.

A `Kind` reads and writes a sort of values; the package `kinds` has those that there are.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from enum import Enum, IntEnum
from functools import cache
from typing import Any, Generic, Literal, TypeVar, overload

T = TypeVar("T")

AUTO = "AUTO"
"""A log file in childlogdir whose name procman chooses."""

SYSLOG = "SYSLOG"
"""The deprecated file name `syslog`, before `resolve` turns it into `*_syslog = true`."""

MEMORY = "memory"
"""Where the journal is, unless it is in a file, too."""

Schema = dict[str, Any]


class Effect(IntEnum):
    """What a changed option requires of a running process; of several options the largest effect counts."""

    NONE = 0  # applied in place
    REOPEN = 1  # its log files are reopened
    RESTART = 2  # it is stopped and replaced


class Orphans(Enum):
    """What to do with programs that a killed master has left running."""

    ADOPT = "adopt"
    STOP = "stop"
    IGNORE = "ignore"


class Unfit(ValueError):
    """A value that its kind does not accept; the message says more than what was expected."""

    def __init__(self, message: str, slug: str | None = None) -> None:
        super().__init__(message)
        self.slug = slug


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind(Generic[T]):
    """One sort of value.

    `parse` reads INI text as supervisor does; `accept` reads a TOML value. Both raise ValueError or TypeError.
    `slug` is the stable name of the complaint, `expected` completes the sentence "expected …", and `place` says which
    part of a path must exist.
    """

    name: str
    expected: str
    slug: str
    parse: Callable[[str], T]
    accept: Callable[[object], T]
    schema: Schema
    show: Callable[[T], str] = str
    private: bool = False  # its value may be a secret: never put it into a message
    harmless: bool = False  # a valid value is no secret, whatever the names in it: it is shown as it is
    place: Literal["directory", "parent"] | None = None


@dataclass(frozen=True, slots=True)
class Option:
    """All about an option but its name. `default` is MISSING if the option is required."""

    kind: Kind[Any]
    about: str
    default: Any
    effect: Effect = Effect.RESTART
    per_process: bool = False  # expanded for each process, so it may use %(process_num)d
    inert: bool = False  # accepted for supervisor's sake, without effect

    @property
    def required(self) -> bool:
        """Whether the file must have it."""
        return self.default is MISSING


class Missing:
    """The type of MISSING."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING = Missing()


@overload
def option(
    kind: Kind[T], about: str, *, default: None, effect: Effect = ..., per_process: bool = ..., inert: bool = ...
) -> T | None: ...
@overload
def option(
    kind: Kind[T], about: str, *, default: T, effect: Effect = ..., per_process: bool = ..., inert: bool = ...
) -> T: ...
def option(
    kind: Kind[Any],
    about: str,
    *,
    default: Any,
    effect: Effect = Effect.RESTART,
    per_process: bool = False,
    inert: bool = False,
) -> Any:
    """Declare a field of a dataclass as an option of the configuration file."""
    metadata = {"option": Option(kind, about, default, effect, per_process, inert)}
    if isinstance(default, dict):
        # A mapping has no hash; the other fields are enough.
        return field(default_factory=lambda: dict(default), metadata=metadata, hash=False)
    return field(default=default, metadata=metadata)


def required(kind: Kind[Any], about: str, *, per_process: bool = False) -> dict[str, Option]:
    """The metadata of an option without a default: `command: str = field(metadata=required(COMMAND, "…"))`."""
    return {"option": Option(kind, about, MISSING, per_process=per_process)}


@cache
def options_of(cls: type) -> Mapping[str, Option]:
    """The options a dataclass declares, by name, in the order in which they are read."""
    declared = {f.name: f.metadata["option"] for f in fields(cls) if "option" in f.metadata}
    # Fields of a base class come first in `fields`, even if the class declares them again.
    in_order = (name for name in cls.__annotations__ if name in declared)
    return {name: declared[name] for name in (*in_order, *declared)}


def shown(owner: object, options: Mapping[str, Option]) -> dict[str, str]:
    """Those of these options of the owner that differ from their defaults, as a file has them."""
    values = ((name, known, getattr(owner, name)) for name, known in options.items())
    return {name: known.kind.show(value) for name, known, value in values if value != known.default}
