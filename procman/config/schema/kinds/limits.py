"""Limits of what a process may use. A `?` in front makes a limit a best effort: without it, the start fails.

Each value is a plain tuple, whose last item says whether it is a best effort.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Literal, TypeVar

from procman.config.schema.kinds.durations import sum_of_parts
from procman.config.schema.kinds.lists import STRING_LIST, accept_list, accept_strings
from procman.config.schema.kinds.numbers import SIZE, accept_int, show_size
from procman.config.schema.kinds.text import FALSE, TRUE, accept_text
from procman.config.schema.options import Kind, Schema, Unfit
from procman.config.spelling import did_you_mean
from procman.system.capability_names import CAPABILITIES

T = TypeVar("T")

UNLIMITED = -1
"""What stands for no limit."""

Rlimit = tuple[int, int, bool]
"""The soft and the hard limit, and whether they are a best effort."""

Number = tuple[int, bool]
"""One limit, and whether it is a best effort."""

IoClass = Literal["idle", "best-effort", "realtime"]
IoPriority = tuple[IoClass, int, bool]
"""The class, the level in it (0 is the highest; idle has none), and whether it is a best effort."""

Cpus = tuple[tuple[int, ...], bool]
"""The numbers of processors, and whether they are a best effort."""

Capabilities = tuple[tuple[str, ...], tuple[str, ...], bool]
"""Those that it has ("ALL": all that the master has), those of these that it has not, and whether it is a best effort.

The names are without CAP_.
"""

_NO_LIMIT = ("unlimited", "infinity", "none", "-1")
_LEVELS = 8
_SCHEMA: Schema = {"type": ["integer", "string"]}
# More than any machine has.
_MOST_CPUS = 8192


def _optional(read: Callable[[str], T], value: object) -> tuple[T, bool]:
    """What stands behind the question mark, and whether there is one."""
    text = (value if isinstance(value, str) else str(accept_int(value))).strip()
    return read(text.removeprefix("?").strip()), text.startswith("?")


def _mark(optional: bool) -> str:
    return "?" if optional else ""


# ---- setrlimit(2)


def _size(text: str) -> int:
    return SIZE.parse(text)


def _seconds(text: str) -> int:
    value = int(text) if text.isdecimal() else sum_of_parts(text.lower())
    if not isinstance(value, int):
        raise Unfit("expected whole seconds, or a text such as 30s, 10m or 1h")
    return value


def _least(read: Callable[[str], int], text: str) -> int:
    word = text.strip()
    if word.lower() in _NO_LIMIT:
        return UNLIMITED
    value = read(word)
    if value < 0:
        raise ValueError
    return value


def _rlimit(read: Callable[[str], int], value: object) -> Rlimit:
    def pair(text: str) -> tuple[int, int]:
        soft, colon, hard = text.partition(":")
        return _least(read, soft), _least(read, hard if colon else soft)

    (soft, hard), optional = _optional(pair, value)
    if hard != UNLIMITED and (soft == UNLIMITED or soft > hard):
        raise Unfit("the soft limit is above the hard one: write SOFT:HARD, the smaller one first")
    return soft, hard, optional


def _show_rlimit(show: Callable[[int], str], value: Rlimit) -> str:
    soft, hard, optional = value
    shown = ["unlimited" if limit == UNLIMITED else show(limit) for limit in (soft, hard)]
    return _mark(optional) + (shown[0] if soft == hard else ":".join(shown))


def _rlimit_kind(name: str, expected: str, read: Callable[[str], int], show: Callable[[int], str]) -> Kind[Rlimit]:
    return Kind(
        name=name,
        expected=f"{expected}, or unlimited, for both limits, or for each with a colon between them (SOFT:HARD)",
        slug="bad-limit",
        parse=partial(_rlimit, read),
        accept=partial(_rlimit, read),
        schema=_SCHEMA,
        show=partial(_show_rlimit, show),
    )


RLIMIT_COUNT = _rlimit_kind("limit", "a whole number", int, str)
RLIMIT_SIZE = _rlimit_kind("limit of bytes", "a number of bytes, one with KB, MB or GB such as 64MB", _size, show_size)
RLIMIT_SECONDS = _rlimit_kind("limit of seconds", "seconds, a text such as 10m", _seconds, str)


# ---- single numbers


def _within(least: int, most: int, value: object) -> Number:
    number, optional = _optional(int, value)
    if not least <= number <= most:
        raise Unfit(f"expected a whole number from {least} to {most}")
    return number, optional


def _number_kind(name: str, least: int, most: int) -> Kind[Number]:
    return Kind(
        name=name,
        expected=f"a whole number from {least} to {most}",
        slug="bad-limit",
        parse=partial(_within, least, most),
        accept=partial(_within, least, most),
        schema=_SCHEMA,
        show=lambda value: f"{_mark(value[1])}{value[0]}",
    )


NICE = _number_kind("nice value", -20, 19)
OOM_SCORE = _number_kind("score", -1000, 1000)
WEIGHT = _number_kind("weight", 1, 10_000)


def _above_nothing(read: Callable[[str], int], value: object) -> Number:
    number, optional = _optional(partial(_least, read), value)
    if number == 0:
        raise Unfit("expected more than 0: nothing could start with this")
    return number, optional


MEMORY_LIMIT: Kind[Number] = Kind(
    name="memory",
    expected="a number of bytes, or one with KB, MB or GB such as 512MB, or unlimited",
    slug="bad-limit",
    parse=partial(_above_nothing, _size),
    accept=partial(_above_nothing, _size),
    schema=_SCHEMA,
    show=lambda value: _mark(value[1]) + ("unlimited" if value[0] == UNLIMITED else show_size(value[0])),
)
PIDS_LIMIT: Kind[Number] = Kind(
    name="number of processes",
    expected="a whole number of processes and threads, or unlimited",
    slug="bad-limit",
    parse=partial(_above_nothing, int),
    accept=partial(_above_nothing, int),
    schema=_SCHEMA,
    show=lambda value: _mark(value[1]) + ("unlimited" if value[0] == UNLIMITED else str(value[0])),
)


def _memory(value: object) -> int | None:
    size = SIZE.accept(value)
    if size < 0:
        raise ValueError
    return size or None


MEMORY: Kind[int | None] = Kind(
    name="size",
    expected="a number of bytes, or one with KB, MB or GB such as 512MB; 0 is off",
    slug="bad-limit",
    parse=_memory,
    accept=_memory,
    schema=_SCHEMA,
    show=lambda value: show_size(value or 0),
)


def _cpu(text: str) -> int:
    number = float(text.removesuffix("%"))
    if not 0 < number <= _MOST_CPUS * 100:
        raise Unfit("expected a percentage above 0, such as 50 or 150")
    # One hundredth of the kernel's usual period is its smallest quota, 1 ms.
    return max(1, round(number))


CPU_MAX: Kind[Number] = Kind(
    name="percentage of a processor",
    expected="a percentage of one processor such as 50% or 150%, or unlimited",
    slug="bad-limit",
    parse=partial(_optional, lambda text: UNLIMITED if text.lower() in _NO_LIMIT else _cpu(text)),
    accept=partial(_optional, lambda text: UNLIMITED if text.lower() in _NO_LIMIT else _cpu(text)),
    schema=_SCHEMA,
    show=lambda value: _mark(value[1]) + ("unlimited" if value[0] == UNLIMITED else str(value[0])),
)


# ---- priorities and processors


def _io(text: str) -> tuple[IoClass, int]:
    word, colon, level = text.lower().partition(":")
    match word:
        case "idle" if not colon:
            return "idle", 0
        case "best-effort" | "realtime":
            number = int(level) if colon else _LEVELS // 2
            if 0 <= number < _LEVELS:
                return word, number
    raise ValueError


def _ionice(value: object) -> IoPriority:
    (name, level), optional = _optional(_io, accept_text(value))
    return name, level, optional


IONICE: Kind[IoPriority] = Kind(
    name="I/O priority",
    expected="idle, best-effort:LEVEL or realtime:LEVEL, with a level from 0 (the highest) to 7",
    slug="bad-limit",
    parse=_ionice,
    accept=_ionice,
    schema={"type": "string"},
    show=lambda value: _mark(value[2]) + (value[0] if value[0] == "idle" else f"{value[0]}:{value[1]}"),
)


def _cpu_list(text: str) -> tuple[int, ...]:
    found: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        low, high = int(first), int(last if dash else first)
        if not 0 <= low <= high < _MOST_CPUS:
            raise ValueError
        found.update(range(low, high + 1))
    return tuple(sorted(found))


def _affinity(value: object) -> Cpus:
    if isinstance(value, list):
        value = ",".join(item if isinstance(item, str) else str(accept_int(item)) for item in accept_list(value))
    return _optional(_cpu_list, value)


def show_cpus(numbers: Iterable[int]) -> str:
    """0-3,6 for 0, 1, 2, 3 and 6."""
    ranges: list[list[int]] = []
    for number in sorted(numbers):
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in ranges)


CPU_AFFINITY: Kind[Cpus] = Kind(
    name="list of processors",
    expected="numbers of processors such as 0-3,6",
    slug="bad-limit",
    parse=_affinity,
    accept=_affinity,
    schema={"type": ["array", "integer", "string"], "items": {"type": ["integer", "string"]}},
    show=lambda value: _mark(value[1]) + show_cpus(value[0]),
)


# ---- capabilities

CAPABILITY_NAMES = CAPABILITIES
"""Those that Linux has, without CAP_."""


def _capabilities(value: object) -> Capabilities:
    if isinstance(value, list):
        value = ",".join(accept_text(item) for item in value)
    text = accept_text(value).strip()
    words = [word.strip() for word in text.removeprefix("?").split(",") if word.strip()]
    if [word.lower() for word in words] == ["none"]:
        words = []
    elif not words:
        raise ValueError
    has: set[str] = set()
    lacks: set[str] = set()
    for word in words:
        name = word.removeprefix("-").upper().removeprefix("CAP_")
        if name != "ALL" and name not in CAPABILITIES:
            raise Unfit(f"there is no capability {word}{did_you_mean(name, CAPABILITIES)}")
        (lacks if word.startswith("-") else has).add(name)
    if lacks and "ALL" not in has:
        raise Unfit("a capability can only be taken away from all: write all, -NAME, or leave it out")
    return tuple(sorted(has)), tuple(sorted(lacks)), text.startswith("?")


def _show_capabilities(value: Capabilities) -> str:
    has, lacks, optional = value
    return _mark(optional) + (",".join([*has, *(f"-{name}" for name in lacks)]).lower() or "none")


CAPABILITY_LIST: Kind[Capabilities] = Kind(
    name="list of capabilities",
    expected="capabilities such as net_bind_service, sys_nice, separated by commas; none; or all, -NAME",
    slug="bad-limit",
    parse=_capabilities,
    accept=_capabilities,
    schema=STRING_LIST,
    show=_show_capabilities,
)


# ---- what is seen of the file system

PrivateTmp = tuple[int, bool]
"""The most bytes in each of its temporary directories (UNLIMITED: as the kernel has it), and whether it is a best
effort."""


def _private_tmp(value: object) -> PrivateTmp | None:
    if isinstance(value, bool):
        return (UNLIMITED, False) if value else None
    text = accept_text(value).strip()
    word = text.removeprefix("?").strip()
    if word.lower() in FALSE:
        return None
    if word.lower() in TRUE:
        return UNLIMITED, text.startswith("?")
    return _above_nothing(_size, value)


def _show_private_tmp(value: PrivateTmp | None) -> str:
    if value is None:
        return "false"
    return _mark(value[1]) + ("true" if value[0] == UNLIMITED else show_size(value[0]))


PRIVATE_TMP: Kind[PrivateTmp | None] = Kind(
    name="private directories",
    expected="true, false, or the size of each such as 64MB",
    slug="bad-limit",
    parse=_private_tmp,
    accept=_private_tmp,
    schema={"type": ["boolean", "string"]},
    show=_show_private_tmp,
)


def covered_of(text: str) -> tuple[str, bool]:
    """What an item of such a list means: a path, and whether it is a best effort; raises Unfit."""
    path = text.removeprefix("?").strip()
    if not path.startswith("/") or "\0" in path:
        raise Unfit(f"{path or 'nothing'}: expected an absolute path, which begins with /")
    if ".." in path.split("/"):
        raise Unfit(f"{path}: write the path without ..")
    return "/" + "/".join(part for part in path.split("/") if part not in ("", ".")), text.startswith("?")


def _paths(value: object) -> tuple[str, ...]:
    found = accept_strings(value)
    return tuple(f"{_mark(optional)}{path}" for path, optional in map(covered_of, filter(None, found)))


PATHS: Kind[tuple[str, ...]] = Kind(
    name="list of paths",
    expected="absolute paths separated by commas, such as /usr, ?/opt",
    slug="bad-limit",
    parse=_paths,
    accept=_paths,
    schema=STRING_LIST,
    show=",".join,
)
