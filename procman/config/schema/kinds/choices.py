"""Options whose value is one word out of a few."""

from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import Literal, TypeVar

from procman.config.schema.kinds.text import BOOLEANS, accept_text, parse_bool, show_bool
from procman.config.schema.options import Kind, Orphans, Unfit
from procman.config.spelling import closest, did_you_mean
from procman.core.spec import Autorestart, EarlyExit, Leftovers, ProcessType, Scope, ShutdownWhen

T = TypeVar("T")
C = TypeVar("C", bound=Enum)

LOG_LEVELS = ("critical", "error", "warn", "info", "debug", "trace", "blather")
LEVELS_ELSEWHERE = {"warning": "warn", "fatal": "critical", "notice": "info", "verbose": "trace", "all": "blather"}

# Docker's and systemd's words for restart policies.
RESTARTS_ELSEWHERE = {
    "always": "true",
    "unless-stopped": "true",
    "never": "false",
    "none": "false",
    "on-failure": "unexpected",
    "on_failure": "unexpected",
    "on-abnormal": "unexpected",
}


def _parse_autorestart(text: str) -> Autorestart:
    word = text.lower()
    if word == "unexpected":
        return Autorestart.UNEXPECTED
    try:
        return Autorestart(parse_bool(word))
    except Unfit:
        meant = RESTARTS_ELSEWHERE.get(word) or closest(word, ("unexpected", *BOOLEANS))
        hint = f"; did you mean {meant}?" if meant else ""
        raise Unfit(f"expected {AUTORESTART.expected}{hint}") from None


AUTORESTART: Kind[Autorestart] = Kind(
    name="true, false or unexpected",
    expected="true, false or unexpected",
    slug="bad-autorestart",
    parse=_parse_autorestart,
    accept=lambda value: Autorestart(value) if isinstance(value, bool) else _parse_autorestart(accept_text(value)),
    schema={"type": ["boolean", "string"]},
    show=lambda value: value.value if isinstance(value.value, str) else show_bool(value.value),
)


def _listed(words: Iterable[str]) -> str:
    return " or ".join(", ".join(words).rsplit(", ", 1))


def word_of(slug: str, words: Mapping[str, T], show: Callable[[T], str]) -> Kind[T]:
    """A kind whose values have one word each, which `show` writes."""
    expected = "one of " + ", ".join(words)

    def parse(text: str) -> T:
        word = text.strip().lower()
        if word not in words:
            raise Unfit(f"expected {expected}{did_you_mean(word, words)}")
        return words[word]

    return Kind(
        name=_listed(words),
        expected=expected,
        slug=slug,
        parse=parse,
        accept=lambda value: parse(accept_text(value)),
        schema={"type": "string", "enum": list(words)},
        show=show,
    )


def _member_of(choices: type[C], words: Mapping[str, C]) -> Kind[C]:
    def show(value: C) -> str:
        return next(word for word, member in words.items() if member is value)

    return word_of(f"bad-{choices.__name__.lower()}", words, show)


PROCESS_TYPE = _member_of(ProcessType, {member.value: member for member in ProcessType})
EARLY_EXIT = _member_of(EarlyExit, {member.value: member for member in EarlyExit})
_UNKNOWN_EXIT: dict[str, Literal["failure", "success"]] = {"failure": "failure", "success": "success"}
UNKNOWN_EXIT = word_of("bad-unknown-exit", _UNKNOWN_EXIT, str)
SCOPE = _member_of(Scope, {member.name.lower(): member for member in Scope})
LEFTOVERS = _member_of(Leftovers, {member.value: member for member in Leftovers})
ORPHANS = _member_of(Orphans, {member.value: member for member in Orphans})
SHUTDOWN_WHEN = _member_of(ShutdownWhen, {member.value: member for member in ShutdownWhen})
LOG_FORMAT = word_of("bad-log-format", {word: word for word in ("raw", "prefix", "json", "logfmt")}, str)
LOG_TIMESTAMP = word_of("bad-log-timestamp", {word: word for word in ("none", "iso", "epoch_ms")}, str)
_MEASURES: Mapping[str, Literal["rss", "pss"]] = {"rss": "rss", "pss": "pss"}
MEMORY_MEASURE = word_of("bad-memory-measure", _MEASURES, str)
LOG_OVERFLOW = word_of("bad-log-overflow", {word: word for word in ("block", "drop")}, str)


def _parse_loglevel(text: str) -> str:
    word = text.lower()
    if word not in LOG_LEVELS:
        meant = LEVELS_ELSEWHERE.get(word)
        hint = f"; did you mean {meant}?" if meant else did_you_mean(word, LOG_LEVELS)
        raise Unfit(f"expected {LOGLEVEL.expected}{hint}")
    return word


LOGLEVEL: Kind[str] = Kind(
    name="log level",
    expected="one of " + ", ".join(LOG_LEVELS),
    slug="bad-loglevel",
    parse=_parse_loglevel,
    accept=lambda value: _parse_loglevel(accept_text(value)),
    schema={"type": "string"},
)
