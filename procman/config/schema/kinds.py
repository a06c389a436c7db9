"""The kinds of values an option may have: how each reads in INI text and in TOML, and how it is shown.

Pure: whether a directory or a user is really there is asked elsewhere (`machine.py`), because that depends on where
the file is checked.
"""

import re
import shlex
import signal
import socket
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, TypeVar

from procman.config.schema.event_types import EVENT_TYPES
from procman.config.schema.options import AUTO, SYSLOG, Kind, Orphans, Schema, Unfit, closest, similar
from procman.core.spec import Autorestart, Leftovers, Scope, ShutdownWhen

C = TypeVar("C", bound=Enum)

LOG_LEVELS = ("critical", "error", "warn", "info", "debug", "trace", "blather")
LEVELS_ELSEWHERE = {"warning": "warn", "fatal": "critical", "notice": "info", "verbose": "trace", "all": "blather"}
KIB = 1024
MAX_EXITCODE = 255
MAX_PORT = 0xFFFF
# The kernel takes 128 KiB for a variable and 2 MiB for all (execve(2)), and shlex's time is quadratic in a word.
LONGEST_ENVIRONMENT = 256 * KIB

# ------------------------------------------------------------------------------------------------ plain values


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _accept_int(value: object) -> int:
    if isinstance(value, str):
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError
    return value


TRUE = ("yes", "true", "on", "1")
FALSE = ("no", "false", "off", "0")
BOOLEANS = ("true", "false")


def _parse_bool(text: str) -> bool:
    word = text.lower()
    if word in TRUE:
        return True
    if word in FALSE:
        return False
    raise Unfit(f"expected true or false{similar(word, BOOLEANS)}")


def _accept_bool(value: object) -> bool:
    return value if isinstance(value, bool) else _parse_bool(_text(value))


def _show_bool(value: object) -> str:
    return "true" if value else "false"


TEXT: Kind[str] = Kind(
    name="text", expected="a text in quotes", slug="other", parse=str, accept=_text, schema={"type": "string"}
)
SECRET: Kind[str] = Kind(
    name="text",
    expected="a text in quotes",
    slug="other",
    parse=str,
    accept=_text,
    schema={"type": "string"},
    private=True,
)
INTEGER: Kind[int] = Kind(
    name="number",
    expected="a whole number",
    slug="bad-number",
    parse=int,
    accept=_accept_int,
    schema={"type": ["integer", "string"]},
)
BOOLEAN: Kind[bool] = Kind(
    name="boolean",
    expected="true or false",
    slug="bad-boolean",
    parse=_parse_bool,
    accept=_accept_bool,
    schema={"type": ["boolean", "string"]},
    show=_show_bool,
)


# ------------------------------------------------------------------------------------------------ sizes and durations

UNITS = {"kb": KIB, "mb": KIB**2, "gb": KIB**3}


def _parse_size(text: str) -> int:
    word = text.lower()
    factor = UNITS.get(word[-2:])
    # As others write it: 50M, 50MiB.
    others = re.fullmatch(r"(\d+)\s*([kmg])(?:ib)?", word)
    if others is not None:
        raise Unfit(f"expected {SIZE.expected}; did you mean {others[1]}{others[2].upper()}B?")
    return int(word) if factor is None else int(word[:-2]) * factor


def _accept_size(value: object) -> int:
    return _parse_size(value) if isinstance(value, str) else _accept_int(value)


def show_size(value: int) -> str:
    """50MB for 52428800; plain bytes where no unit divides."""
    for unit, factor in reversed(UNITS.items()):
        if value and value % factor == 0:
            return f"{value // factor}{unit.upper()}"
    return str(value)


SIZE: Kind[int] = Kind(
    name="size",
    expected="a number of bytes, or one with KB, MB or GB such as 50MB",
    slug="bad-number",
    parse=_parse_size,
    accept=_accept_size,
    schema={"type": ["integer", "string"]},
    show=show_size,
)

DURATIONS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}
_PART = r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(ms|s|m|h)"


def sum_of_parts(word: str) -> float | None:
    """The seconds of 10s, 1m30s and 500ms; None where it is not written so."""
    if not re.fullmatch(f"(?:{_PART})+", word):
        return None
    return _whole(round(sum(float(number) * DURATIONS[unit] for number, unit in re.findall(_PART, word)), 9))


def _accept_seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise TypeError
    if not isinstance(value, str):
        return _whole(value)
    word = value.strip().lower()
    parts = sum_of_parts(word)
    if parts is not None:
        return parts
    unit = next((unit for unit in DURATIONS if word.endswith(unit)), "")
    try:
        return _whole(float(word.removesuffix(unit)) * DURATIONS.get(unit, 1))
    except (ValueError, OverflowError):
        raise Unfit('expected seconds, or a text such as "500ms", "10s", "1m30s" or "1h"') from None


def _whole(value: float) -> float:
    """10 rather than 10.0, so that both forms of a file give the same; neither inf nor nan."""
    return int(value) if value == int(value) else value


SECONDS: Kind[float] = Kind(
    name="seconds",
    expected="a whole number of seconds",
    slug="bad-number",
    parse=int,
    accept=_accept_seconds,
    schema={"type": ["number", "string"]},
)


def _accept_duration(value: object) -> float:
    seconds = _accept_seconds(value)
    if seconds <= 0:
        raise Unfit("expected more than no time at all")
    return seconds


# For options that supervisor does not have: INI takes the units of TOML.
DURATION: Kind[float] = Kind(
    name="duration",
    expected="seconds, or a text such as 500ms, 10s, 1m30s or 1h",
    slug="bad-number",
    parse=_accept_duration,
    accept=_accept_duration,
    schema={"type": ["number", "string"]},
    show=lambda value: f"{value}s",
)


# ------------------------------------------------------------------------------------------------ words with a meaning


def _parse_signal(text: str) -> signal.Signals:
    try:
        number = int(text)
    except ValueError:
        name = text.strip().upper()
        number = signal.Signals[name if name.startswith("SIG") else f"SIG{name}"]
    return signal.Signals(number)


def _accept_signal(value: object) -> signal.Signals:
    return _signal(str(_accept_int(value)) if isinstance(value, int) else _text(value))


def _signal(text: str) -> signal.Signals:
    try:
        return _parse_signal(text)
    except KeyError:
        names = {member.name.removeprefix("SIG") for member in signal.Signals}
        word = text.strip().upper()
        meant = closest(word.removeprefix("SIG"), sorted(names))
        hint = f"; did you mean {'SIG' if word.startswith('SIG') else ''}{meant}?" if meant else ""
        raise Unfit(f"expected a name such as TERM or SIGQUIT, or a number{hint}") from None


def _show_signal(value: signal.Signals) -> str:
    return value.name.removeprefix("SIG")


SIGNAL: Kind[signal.Signals] = Kind(
    name="signal",
    expected="a name such as TERM or SIGQUIT, or a number",
    slug="bad-signal",
    parse=_signal,
    accept=_accept_signal,
    schema={"type": ["string", "integer"]},
    show=_show_signal,
)


# Docker's and systemd's words.
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
        return Autorestart(_parse_bool(word))
    except Unfit:
        meant = RESTARTS_ELSEWHERE.get(word) or closest(word, ("unexpected", *BOOLEANS))
        hint = f"; did you mean {meant}?" if meant else ""
        raise Unfit(f"expected true, false or unexpected{hint}") from None


def _accept_autorestart(value: object) -> Autorestart:
    return Autorestart(value) if isinstance(value, bool) else _parse_autorestart(_text(value))


AUTORESTART: Kind[Autorestart] = Kind(
    name="true, false or unexpected",
    expected="true, false or unexpected",
    slug="bad-autorestart",
    parse=_parse_autorestart,
    accept=_accept_autorestart,
    schema={"type": ["boolean", "string"]},
    show=lambda value: value.value if isinstance(value.value, str) else _show_bool(value.value),
)


def _choice(choices: type[C], words: Mapping[str, C]) -> Kind[C]:
    """One of the members of an enum, by its word."""
    expected = "one of " + ", ".join(words)

    def parse(text: str) -> C:
        try:
            return words[text.strip().lower()]
        except KeyError:
            raise Unfit(f"expected {expected}{similar(text, words)}") from None

    return Kind(
        name=" or ".join(", ".join(words).rsplit(", ", 1)),
        expected=expected,
        slug=f"bad-{choices.__name__.lower()}",
        parse=parse,
        accept=lambda value: parse(_text(value)),
        schema={"type": "string", "enum": list(words)},
        show=lambda value: next(word for word, member in words.items() if member is value),
    )


SCOPE = _choice(Scope, {member.name.lower(): member for member in Scope})
LEFTOVERS = _choice(Leftovers, {member.value: member for member in Leftovers})


def _word_of(slug: str, *words: str) -> Kind[str]:
    """One of some words that stand for themselves."""

    def parse(text: str) -> str:
        word = text.strip().lower()
        if word not in words:
            raise Unfit(f"expected one of {', '.join(words)}{similar(word, words)}")
        return word

    return Kind(
        name=" or ".join(", ".join(words).rsplit(", ", 1)),
        expected="one of " + ", ".join(words),
        slug=slug,
        parse=parse,
        accept=lambda value: parse(_text(value)),
        schema={"type": "string", "enum": list(words)},
    )


LOG_FORMAT = _word_of("bad-log-format", "raw", "prefix", "json", "logfmt")
LOG_TIMESTAMP = _word_of("bad-log-timestamp", "none", "iso", "epoch_ms")
LOG_OVERFLOW = _word_of("bad-log-overflow", "block", "drop")
ORPHANS = _choice(Orphans, {member.value: member for member in Orphans})
SHUTDOWN_WHEN = _choice(ShutdownWhen, {member.value: member for member in ShutdownWhen})


def _parse_loglevel(text: str) -> str:
    word = text.lower()
    if word not in LOG_LEVELS:
        meant = LEVELS_ELSEWHERE.get(word)
        hint = f"; did you mean {meant}?" if meant else similar(word, LOG_LEVELS)
        raise Unfit(f"expected one of {', '.join(LOG_LEVELS)}{hint}")
    return word


LOGLEVEL: Kind[str] = Kind(
    name="log level",
    expected="one of " + ", ".join(LOG_LEVELS),
    slug="bad-loglevel",
    parse=_parse_loglevel,
    accept=lambda value: _parse_loglevel(_text(value)),
    schema={"type": "string"},
)


def _accept_octal(value: object) -> int:
    if isinstance(value, int):
        raise Unfit('expected octal digits in quotes such as "0700"')
    return int(_text(value), 8)


def show_octal(value: int) -> str:
    """0700 for 448."""
    return f"{value:04o}"


OCTAL: Kind[int] = Kind(
    name="octal mode",
    expected="octal digits such as 022 or 0700",
    slug="bad-octal",
    parse=lambda text: int(text, 8),
    accept=_accept_octal,
    schema={"type": "string"},
    show=show_octal,
)


# ------------------------------------------------------------------------------------------------ lists and tables


def _parse_strings(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",")) if text else ()


def _accept_strings(value: object) -> tuple[str, ...]:
    return _parse_strings(value) if isinstance(value, str) else tuple(_text(item) for item in _list(value))


def _list(value: object) -> Sequence[object]:
    if not isinstance(value, list):
        raise Unfit("expected a list in [ ]")
    return value


STRING_LIST: Schema = {"type": ["array", "string"], "items": {"type": "string"}}
STRINGS: Kind[tuple[str, ...]] = Kind(
    name="list",
    expected="names separated by commas",
    slug="other",
    parse=_parse_strings,
    accept=_accept_strings,
    schema=STRING_LIST,
    show=",".join,
)


def _parse_patterns(text: str) -> tuple[str, ...]:
    return tuple(text.split())


PATTERNS: Kind[tuple[str, ...]] = Kind(
    name="file patterns",
    expected="file names or patterns separated by blanks",
    slug="other",
    parse=_parse_patterns,
    accept=lambda value: (value,) if isinstance(value, str) else tuple(_text(item) for item in _list(value)),
    schema=STRING_LIST,
    show=" ".join,
)


def _parse_events(text: str) -> tuple[str, ...]:
    return _events(_parse_strings(text))


def _events(words: Sequence[str]) -> tuple[str, ...]:
    names = {word.upper() for word in words}
    if not names:
        raise Unfit("expected at least one event type such as PROCESS_STATE", "listener-without-events")
    unknown = sorted(names - EVENT_TYPES.keys())
    if unknown:
        raise Unfit(f"unknown event type {unknown[0]}{similar(unknown[0], EVENT_TYPES)}")
    return tuple(sorted(names))


EVENTS: Kind[tuple[str, ...]] = Kind(
    name="list of event types",
    expected="event types such as PROCESS_STATE, TICK_60",
    slug="unknown-event",
    parse=_parse_events,
    accept=lambda value: _events(_accept_strings(value)),
    schema=STRING_LIST,
    show=",".join,
)


def _parse_exitcodes(text: str) -> tuple[int, ...]:
    return _exitcodes([int(word) for word in text.split(",")] if text else [])


def _exitcodes(codes: Sequence[int]) -> tuple[int, ...]:
    if any(not 0 <= code <= MAX_EXITCODE for code in codes):
        raise Unfit("expected exit codes from 0 to 255")
    return tuple(codes)


def _accept_exitcodes(value: object) -> tuple[int, ...]:
    if isinstance(value, str):
        return _parse_exitcodes(value)
    if isinstance(value, int):
        return _exitcodes([_accept_int(value)])
    return _exitcodes([_accept_int(item) for item in _list(value)])


EXITCODES: Kind[tuple[int, ...]] = Kind(
    name="list of exit codes",
    expected="exit codes from 0 to 255 separated by commas",
    slug="bad-exitcodes",
    parse=_parse_exitcodes,
    accept=_accept_exitcodes,
    schema={"type": ["array", "integer", "string"], "items": {"type": ["integer", "string"]}},
    show=lambda value: ",".join(map(str, value)),
)


def _parse_environment(text: str) -> Mapping[str, str]:
    """KEY=value,KEY="value": shell-like words in threes, and whatever stands between two of them is skipped."""
    if len(text) > LONGEST_ENVIRONMENT:
        raise Unfit("it is longer than 256 KiB, of which no program could be given much: shorten it")
    try:
        words = _environment_words(text)
    except ValueError as error:  # an open quote
        raise Unfit("a quote is opened and not closed") from error
    variables: dict[str, str] = {}
    for start in range(0, len(words), 4):
        triple = words[start : start + 3]
        if len(triple) != len("K=V") or triple[1] != "=":
            after = f" after {list(variables)[-1]}" if variables else ""
            raise Unfit(f'expected KEY="value" pairs separated by commas; cannot read on{after} (quote the values)')
        variables[triple[0]] = triple[2].strip("'\"")
    return variables


def _environment_words(text: str) -> list[str]:
    lexer = shlex.shlex(text)
    lexer.wordchars += "/.+-():"
    return list(lexer)


def skipped_in_environment(text: str) -> str | None:
    """The variable behind whose value something stands that is passed over, None where only commas are."""
    try:
        words = _environment_words(text) if len(text) <= LONGEST_ENVIRONMENT else []
    except ValueError:
        return None
    return next((words[at - 3] for at in range(3, len(words), 4) if words[at] not in (",", ";")), None)


def _accept_environment(value: object) -> Mapping[str, str]:
    if isinstance(value, str):
        return _parse_environment(value)
    if not isinstance(value, dict):
        raise Unfit('expected a table such as { LANG = "C.UTF-8" }')
    variables: dict[str, str] = {}
    for name, item in value.items():
        if not isinstance(item, (str, int, float)):
            raise Unfit(f"{name}: expected a text, a number or true/false")
        if not name or "=" in name:
            raise Unfit("the name of a variable is not empty and has no = in it")
        variables[name] = _show_bool(item) if isinstance(item, bool) else str(item)
    return variables


ENVIRONMENT: Kind[Mapping[str, str]] = Kind(
    name="environment",
    expected='KEY="value" pairs separated by commas',
    slug="bad-environment",
    parse=_parse_environment,
    accept=_accept_environment,
    schema={"type": ["object", "string"], "additionalProperties": {"type": ["string", "number", "boolean"]}},
    show=lambda value: ",".join(f'{name}="{text}"' for name, text in value.items()),
    private=True,
)


def _accept_command(value: object) -> str:
    if not isinstance(value, (str, list)):
        raise TypeError
    command = value if isinstance(value, str) else shlex.join([_text(item) for item in value])
    if not command.strip():
        raise Unfit("expected a command")
    return command


COMMAND: Kind[str] = Kind(
    name="command",
    expected="a command: a text, or a list of texts",
    slug="missing-command",
    parse=str,
    accept=_accept_command,
    schema={"type": ["string", "array"], "items": {"type": "string"}, "minItems": 1},
)


# ------------------------------------------------------------------------------------------------ places and addresses

PATH: Kind[str] = Kind(name="path", expected="a path", slug="other", parse=str, accept=_text, schema={"type": "string"})
DIRECTORY: Kind[str] = Kind(
    name="existing directory",
    expected="a directory that exists",
    slug="missing-directory",
    parse=str,
    accept=_text,
    schema={"type": "string"},
    place="directory",
)
FILE: Kind[str] = Kind(
    name="path in an existing directory",
    expected="a file in a directory that exists",
    slug="missing-directory",
    parse=str,
    accept=_text,
    schema={"type": "string"},
    place="parent",
)


def _parse_logfile(text: str) -> str | None:
    return {"none": None, "off": None, "auto": AUTO, "syslog": SYSLOG}.get(text.lower(), text)


def _logfiles(text: str) -> str | tuple[str, ...] | None:
    return _several_logfiles(text.split(",")) if "," in text else _parse_logfile(text)


def _several_logfiles(texts: Sequence[str]) -> str | tuple[str, ...] | None:
    files = [_parse_logfile(text.strip()) for text in texts if text.strip()]
    if len(files) <= 1:
        return _parse_logfile(texts[0]) if files else ""
    if None in files:
        raise Unfit("NONE is nowhere, and cannot be one place of several: take it out", "other")
    return tuple(file for file in files if file is not None)


# A tuple where several are given, of which `programs` makes the first one and the others.
LOGFILE: Kind[Any] = Kind(
    name="path, -, AUTO or NONE; or several",
    expected="a file in a directory that exists, -, AUTO or NONE",
    slug="missing-directory",
    parse=_logfiles,
    # What stands in a list is taken as it is: the way to name a file with a comma.
    accept=lambda value: (
        _several_logfiles([_text(item) for item in value]) if isinstance(value, list) else _logfiles(_text(value))
    ),
    schema={"type": ["string", "array"], "items": {"type": "string"}},
    show=lambda value: "NONE" if value is None else value if isinstance(value, str) else ", ".join(value),
    place="parent",
)
USER: Kind[str] = Kind(
    name="user",
    expected="the name or the number of a user of this machine",
    slug="unknown-user",
    parse=str,
    accept=lambda value: str(_accept_int(value)) if isinstance(value, int) else _text(value),
    schema={"type": ["string", "integer"]},
)
OWNER: Kind[str] = Kind(
    name="user or user:group",
    expected="USER or USER:GROUP of this machine",
    slug="unknown-user",
    parse=str,
    accept=_text,
    schema={"type": "string"},
)
PLUGIN: Kind[str] = Kind(
    name="module:attribute",
    expected="module:attribute",
    slug="unresolvable-plugin",
    parse=str,
    accept=_text,
    schema={"type": "string"},
)
URL: Kind[str] = Kind(
    name="URL",
    expected="a URL such as unix:///run/procman.sock or http://localhost:9001",
    slug="other",
    parse=str,
    accept=_text,
    schema={"type": "string"},
)


def host_and_port(text: str) -> tuple[str, int]:
    """("localhost", 9001) of localhost:9001; the host is "" for every interface (*:9001, :9001, 9001).

    An IPv6 address may stand in brackets, and is given without them.
    """
    host, colon, digits = text.rpartition(":")
    if colon and not digits:
        raise Unfit("expected a port number after the colon")
    if "//" in host:
        raise Unfit("expected host:port, without a scheme before it")
    port = int(digits)
    if not 1 <= port <= MAX_PORT:
        raise Unfit("expected a port from 1 to 65535")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    return "" if host == "*" else host.lower(), port


def is_loopback(host: str) -> bool:
    """Tell, without looking anything up, whether only this machine can reach what listens there.

    An address of 127.0.0.0/8 or ::1 in its usual form, or a name that means nothing else (RFC 6761).
    """
    name = host.removesuffix(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    for family, loopback in _LOOPBACK:
        try:
            return socket.inet_pton(family, host).startswith(loopback)
        except (OSError, ValueError):
            continue
    return False


# How their bytes begin; an IPv4 address may be written in IPv6's form, too.
_LOOPBACK = (
    (socket.AF_INET, b"\x7f"),
    (socket.AF_INET6, (bytes(15) + b"\x01", bytes(10) + b"\xff\xff\x7f")),
)


def _accept_port(value: object) -> int:
    return host_and_port(value if isinstance(value, str) else str(_accept_int(value)))[1]


ADDRESS: Kind[int] = Kind(
    name="port or host:port",
    expected="a port, or host:port such as 127.0.0.1:9001 or [::1]:9001",
    slug="bad-port",
    parse=lambda text: host_and_port(text)[1],
    accept=_accept_port,
    schema={"type": ["integer", "string"]},
)
