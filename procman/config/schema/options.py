"""How one option is declared: its kind, what it is for, its default, and what changing it costs.

A `Kind` knows how a value looks in INI text, in TOML and in the generated reference; the kinds there are stand in
`kinds.py`. Pure.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from enum import Enum, IntEnum
from functools import cache
from posixpath import normpath
from typing import Any, Generic, Literal, TypeVar, overload

T = TypeVar("T")

AUTO = "AUTO"
"""A log file in childlogdir whose name procman chooses."""

SYSLOG = "SYSLOG"
"""The deprecated file name `syslog`, before `load` turns it into `*_syslog = true`."""

CONSOLE = frozenset(
    {"/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "/dev/stderr", "/dev/fd/2", "/proc/self/fd/2"},
)
"""The names of the master's own stdout and stderr."""

LONGEST_SHOWN = 200  # so that most paths are whole
LONGEST_GUESSED = 80
MOST_LIKE = 3

Schema = dict[str, Any]


class Effect(IntEnum):
    """What a changed option asks of a process that runs; the larger one wins."""

    NONE = 0  # taken over in place
    REOPEN = 1  # its log files are opened anew
    RESTART = 2  # it has to be stopped and replaced


class Orphans(Enum):
    """What becomes of programs that a master before this one has left running, because it was killed."""

    ADOPT = "adopt"
    STOP = "stop"
    IGNORE = "ignore"


class Unfit(ValueError):
    """A value that does not suit its kind, with more to say about it than what was expected."""

    def __init__(self, message: str, slug: str | None = None) -> None:
        super().__init__(message)
        self.slug = slug


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind(Generic[T]):
    """One sort of value.

    `parse` reads INI text as supervisor does; `accept` reads what TOML holds. Both raise ValueError or TypeError.
    `slug` names the complaint, `expected` ends the sentence "expected …", and `place` says which part of a path has to
    exist.
    """

    name: str
    expected: str
    slug: str
    parse: Callable[[str], T]
    accept: Callable[[object], T]
    schema: Schema
    show: Callable[[T], str] = str
    private: bool = False  # its value may be a secret: never put it into a message
    place: Literal["directory", "parent"] | None = None


@dataclass(frozen=True, slots=True)
class Option:
    """What is known of one option apart from its name. `default` is MISSING where the option has to be given."""

    kind: Kind[Any]
    about: str
    default: Any
    effect: Effect = Effect.RESTART
    per_process: bool = False  # expanded anew for each process, so it may use %(process_num)d
    inert: bool = False  # accepted because supervisor has it, and without effect

    @property
    def required(self) -> bool:
        """Must the file say it?"""
        return self.default is MISSING


class Missing:
    """The type of MISSING."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING = Missing()


@overload
def option(
    kind: Kind[T],
    about: str,
    *,
    default: None,
    effect: Effect = ...,
    per_process: bool = ...,
    inert: bool = ...,
) -> T | None: ...
@overload
def option(
    kind: Kind[T],
    about: str,
    *,
    default: T,
    effect: Effect = ...,
    per_process: bool = ...,
    inert: bool = ...,
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
        # A mapping has no hash; the other fields are hash enough.
        return field(default_factory=lambda: dict(default), metadata=metadata, hash=False)
    return field(default=default, metadata=metadata)


def required(kind: Kind[Any], about: str, *, per_process: bool = False) -> dict[str, Option]:
    """The metadata of an option without a default: `command: str = field(metadata=required(COMMAND, "…"))`."""
    return {"option": Option(kind, about, MISSING, per_process=per_process)}


@cache
def options_of(cls: type) -> Mapping[str, Option]:
    """The options a dataclass declares, by name, in the order in which they are read."""
    declared = {f.name: f.metadata["option"] for f in fields(cls) if "option" in f.metadata}
    # Among the fields those of its base class stand first, wherever it declares them again.
    in_order = (name for name in cls.__annotations__ if name in declared)
    return {name: declared[name] for name in (*in_order, *declared)}


def show_text(value: object, *, toml: bool = False) -> str:
    """A value for a message: in quotes, cut where it is long, its secrets hidden; `toml` has it written as in TOML."""
    from procman.config.secrets import masked  # noqa: PLC0415 - only needed when something is wrong

    if isinstance(value, str):
        value = masked(value)
    text = show_toml(value) if toml else repr(value)
    if not isinstance(value, str):
        text = masked(text)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"


def show_toml(value: object) -> str:
    """A value as a TOML file has it."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            import json  # noqa: PLC0415 - only needed when something is wrong

            return json.dumps(value, ensure_ascii=False)
        case list():
            return f"[{', '.join(map(show_toml, value))}]"
        case dict():
            pairs = ", ".join(f"{name} = {show_toml(item)}" for name, item in value.items())
            return f"{{ {pairs} }}" if pairs else "{}"
        case _:
            return str(value)


def is_console(path: str | None) -> bool:
    """Does a log file's name mean the master's own stdout or stderr?"""
    return path is not None and normpath(path) in CONSOLE


def assignment(name: str, value: str, *, toml: bool) -> str:
    """`name = value`, as it has to be written in that form of file."""
    return f"{name} = {show_toml(value) if toml else value}"


def similar(word: str, known: Iterable[str]) -> str:
    """'; did you mean …?', or nothing."""
    meant = closest(word, known)
    return f"; did you mean {meant}?" if meant else ""


def closest(word: str, known: Iterable[str], *, most: int | None = None) -> str | None:
    """What may be meant by a word with slips of the fingers in it: at `most` that many, else one in three letters.

    Long words are not looked at: the search is quadratic in their length.
    """
    import difflib  # noqa: PLC0415 - only needed when something is wrong

    if len(word) > LONGEST_GUESSED:
        return None
    by_lower = {name.lower(): name for name in known}
    lower = word.lower()
    if lower in by_lower:
        return by_lower[lower]
    alike = difflib.get_close_matches(lower, by_lower, n=MOST_LIKE, cutoff=0.6)
    slips = {name: _slips(lower, name) for name in alike}
    meant = min(alike, key=slips.__getitem__, default="")
    most = max(1, len(word) // 3) if most is None else most
    return by_lower[meant] if meant and slips[meant] <= most else None


def _slips(word: str, other: str) -> int:
    """How many letters are wrong, missing, too many, or have changed places with the next one."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(word, 1):
        before, above, row = row, before, [i]
        for j, there in enumerate(other, 1):
            least = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != there))
            if i > 1 and j > 1 and letter == other[j - 2] and word[i - 2] == there:
                least = min(least, above[j - 2] + 1)
            row.append(least)
    return row[-1]
