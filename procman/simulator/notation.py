"""How people write what is to happen, and what is assumed of a program: `db@10s`, `web:1@20s`, `web=3s`.

One notation for the command line and for files of tests. What cannot be read is a `BadRequest` that says what is
expected.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Literal, get_args

from procman.config.schema.kinds.durations import UNITS, sum_of_parts
from procman.config.spelling import did_you_mean
from procman.errors import BadRequest

NEVER = float("inf")
# No simulation is longer than that.
LONGEST = 366 * 86400.0

Happening = Literal["kill", "hang", "unready", "exit", "start", "stop", "restart", "connect"]
HAPPENINGS: tuple[Happening, ...] = get_args(Happening)

_EXAMPLES: Mapping[Happening, str] = {
    "kill": "db@10s",
    "hang": "web@30s+20s, with how long",
    "unready": "web@30s, or web@30s+20s for 20 seconds",
    "exit": "web:1@20s, with the exit status",
    "start": "web@10s",
    "stop": "web@10s",
    "restart": "web@10s",
    "connect": "web@10s",
}


@dataclass(frozen=True, slots=True)
class Given:
    """Something that happens from outside: `name` is killed, hangs, is not ready, ends by itself, is asked for."""

    what: Happening
    name: str
    at: float  # seconds from the beginning
    lasts: float | None = None  # hang, unready: for how long; None: as long as that run lasts
    code: int = 0  # exit: the exit status
    written: str = ""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What is assumed of a program; None: the default of `assumed`."""

    ready: float | None = None  # seconds from its spawn until all its conditions hold; NEVER: they never do
    ends: float | None = None  # seconds from its spawn until it ends by itself; NEVER: it runs for ever
    code: int = 0  # the exit status that it ends with
    stop: float | None = None  # seconds from its stop signal to its end; NEVER: it needs SIGKILL


READY_AFTER = 1.0
ONESHOT_TAKES = 1.0
HOOK_TAKES = 0.1


def seconds_of(text: object, *, never: bool = False) -> float:
    """A duration such as 500ms, 10s, 1m30s, or a number of seconds; with `never`, that word is a duration, too."""
    found: float | None = None
    if isinstance(text, int | float) and not isinstance(text, bool):
        found = float(text)
    elif isinstance(text, str):
        word = text.strip().lower()
        if never and word == "never":
            return NEVER
        found = sum_of_parts(word)
        if found is None and word.replace(".", "", 1).isdecimal() and word.isascii():
            found = float(word)
    if found is None or not 0 <= found <= LONGEST:
        units = ", ".join(UNITS)
        raise BadRequest(
            f"cannot read {_shown(text)} as a time: expected 10s, 1m30s or 500ms (units: {units})"
            f"{', or never' if never else ''}; up to a year"
        )
    return found


def clock_of(text: object) -> float:
    """A moment on the clock on the wall, such as 2026-11-29T02:59 in local time, in seconds since the epoch."""
    try:
        found = text if isinstance(text, datetime) else datetime.fromisoformat(text if isinstance(text, str) else "")
        return found.timestamp()
    except (ValueError, OverflowError, OSError):
        raise BadRequest(f"cannot read {_shown(text)}: expected a date and a time, such as 2026-11-29T02:59") from None


def read_given(what: Happening, text: object, known: Mapping[str, Collection[str]]) -> list[Given]:
    """What `kill = "db@10s"` says, for each process that is named; `known` has the processes of each group."""
    example = f"expected {_EXAMPLES[what]}"
    if not isinstance(text, str) or "@" not in text:
        raise BadRequest(f"cannot read {_shown(text)}: {example}")
    name, _, when = text.strip().rpartition("@")
    code, lasts = 0, None
    if what == "exit":
        name, colon, status = name.rpartition(":")
        if not colon or not status.isdecimal() or not status.isascii() or int(status) > 255:  # noqa: PLR2004 - a byte
            raise BadRequest(f"cannot read {_shown(text)}: {example} (0 to 255)")
        code = int(status)
    if what in ("hang", "unready") and ("+" in when or what == "hang"):
        when, plus, length = when.partition("+")
        if not plus:
            raise BadRequest(f"cannot read {_shown(text)}: {example}")
        lasts = seconds_of(length)
    at = seconds_of(when)
    return [Given(what, one, at, lasts, code, text) for one in processes_named(name, known)]


def read_behaviour(option: str, text: object, before: Behaviour) -> Behaviour:
    """`before` with what `ready = "3s"`, `ends = "5s:1"` or `stop = "never"` says."""
    match option:
        case "ready":
            return replace(before, ready=seconds_of(text, never=True))
        case "stop":
            return replace(before, stop=seconds_of(text, never=True))
        case "ends":
            when, colon, status = text.partition(":") if isinstance(text, str) else (text, "", "")
            if colon and (not status.isdecimal() or not status.isascii() or int(status) > 255):  # noqa: PLR2004
                raise BadRequest(f"cannot read {_shown(text)}: expected 5s, or 5s:1 with an exit status (0 to 255)")
            return replace(before, ends=seconds_of(when, never=True), code=int(status) if colon else 0)
        case _:
            raise BadRequest(f"there is no {option} to assume{did_you_mean(option, OPTIONS)}: expected {_OR}")


OPTIONS = ("ready", "ends", "stop")
_OR = "ready, ends or stop"


def processes_named(word: str, known: Mapping[str, Collection[str]]) -> list[str]:
    """The namespecs that a word means: a process, all of a group, or a pattern with *; BadRequest if there are none."""
    word = word.strip()
    every = [name for names in known.values() for name in names]
    if word in every:
        return [word]
    found = [name for name in every if fnmatchcase(name, word)] if "*" in word else []
    found = found or list(known.get(word.removesuffix(":*"), ()))
    if not found:
        meant = did_you_mean(word, [*every, *known])
        some = ", ".join(every[:10]) + (", …" if len(every) > 10 else "")  # noqa: PLR2004 - for people
        raise BadRequest(f"there is no process or group {_shown(word)}{meant or f'; there are {some}'}")
    return found


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"  # noqa: PLR2004 - for people
