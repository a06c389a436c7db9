"""How lines look on the console: unchanged, prefixed with the name of their program, or as records for machines.

Pure: whole lines in, whole lines out, and the clock is passed in. All lines of one read have the same time.
"""

import json
import re
import time
from collections.abc import Callable

FORMATS = ("raw", "prefix", "json", "logfmt")
TIMESTAMPS = ("none", "iso", "epoch_ms")

# The prefix of the master's own lines.
OWN_NAME = "procman"
# Between a prefix and its line.
SEPARATOR = b" | "
# A longer name is not cut, and others are not padded to its length.
MAX_PADDING = 32

# The master's log has supervisor's four letters.
_LEVELS = {"CRIT": "critical", "ERRO": "error", "WARN": "warn", "INFO": "info", "DEBG": "debug", "TRAC": "trace"}

# Of the 16, those that are readable on black and on white.
_COLOURS = (36, 32, 33, 35, 34, 96, 92, 95)

_PLAIN = re.compile(r"[\w.:/@+-]+", re.ASCII)

Format = Callable[[bytes], bytes]

# A string in quotes, escaped as in JSON; readers of logfmt accept the same.
_quoted = json.encoder.encode_basestring


def line_format(
    kind: str,
    timestamp: str,
    name: str,
    stream: str,
    *,
    width: int = 0,
    colour: bool = False,
    clock: Callable[[], float] = time.time,
) -> Format | None:
    """How the lines of one stream are written; None if they stay unchanged.

    Args:
        kind: one of FORMATS.
        timestamp: one of TIMESTAMPS.
        name: of the program; the master's own log is "procman".
        stream: "stdout" or "stderr".
        width: to which names are padded, so that the lines are aligned.
        colour: whether to colour the name, for a terminal.
        clock: seconds since the epoch.
    """
    stamp = _STAMPS[timestamp]
    match kind:
        case "prefix":
            return _prefix(_name_prefix(name, width, colour=colour), stamp, clock)
        case "json":
            rest = f'"program": {_quoted(name)}, "stream": "{stream}", "message": '
            when = '{{"time": {}, ' if timestamp == "epoch_ms" else '{{"time": "{}", '
            return _records(when, "{", rest, "}\n", lambda: stamp(clock()))
        case "logfmt":
            rest = f"program={_word(name)} stream={stream} message="
            return _records("time={} ", "", rest, "\n", lambda: stamp(clock()))
        case _:
            return None if timestamp == "none" else _prefix(b"", stamp, clock)


def own_line_format(
    kind: str, timestamp: str, *, width: int = 0, colour: bool = False, clock: Callable[[], float] = time.time
) -> Format | None:
    """The same for the lines of the master's own log, which have a time and a level already.

    In a record the time is written as in the records of programs, if those have one: the two are one stream.
    """
    stamp = _STAMPS[timestamp]
    match kind:
        case "prefix":
            return _prefix(_name_prefix(OWN_NAME, width, colour=colour), _no_time, time.time)
        case "json":
            when = '{{"time": {}, ' if timestamp == "epoch_ms" else '{{"time": "{}", '
            record = when + '"program": "procman", "level": "{}", "message": {}}}\n'
            return lambda lines: _own(lines, record, stamp(clock()))
        case "logfmt":
            when = "time={} " if timestamp != "none" else 'time="{}" '
            record = when + "program=procman level={} message={}\n"
            return lambda lines: _own(lines, record, stamp(clock()))
        case _:
            return None


def _name_prefix(name: str, width: int, *, colour: bool) -> bytes:
    padded = f"{name:<{width}}"
    if colour:
        number = _COLOURS[sum(name.encode("utf-8", "replace")) % len(_COLOURS)]
        padded = f"\x1b[{number}m{padded}\x1b[0m"
    return padded.encode("utf-8", "backslashreplace") + SEPARATOR


def _prefix(shown: bytes, stamp: Callable[[float], str], clock: Callable[[], float]) -> Format:
    def write(lines: bytes) -> bytes:
        when = stamp(clock())
        head = when.encode() + b" " + shown if when else shown
        # One replacement for all of them: 1 GiB/s, where a loop over the lines has 60 MiB/s.
        return head + lines[:-1].replace(b"\n", b"\n" + head) + b"\n"

    return write


def _records(timed: str, timeless: str, rest: str, end: str, now: Callable[[], str]) -> Format:
    """A record for each line: its beginning with the time or without one, the fields that stay, the line, the end."""

    def write(lines: bytes) -> bytes:
        when = now()
        head = (timed.format(when) if when else timeless) + rest
        return "".join([head + _quoted(text) + end for text in _text(lines).split("\n")[:-1]]).encode()

    return write


def _own(lines: bytes, record: str, when: str) -> bytes:
    """Each line of the master's log, such as "2026-11-23 09:00:00,123 INFO text", in its parts.

    `when` replaces the time in it, unless it is empty.
    """
    out = []
    for line in _text(lines).split("\n")[:-1]:
        day, hour, level, text = [*line.split(" ", 3), "", "", ""][:4]
        out.append(record.format(when or f"{day} {hour}", _LEVELS.get(level, level), _quoted(text)))
    return "".join(out).encode()


def _text(lines: bytes) -> str:
    return lines.decode("utf-8", "backslashreplace")


def _word(text: str) -> str:
    """For logfmt: in quotes only where they are needed."""
    return text if _PLAIN.fullmatch(text) else _quoted(text)


def _no_time(_: float) -> str:
    return ""


def _iso(now: float) -> str:
    """RFC 3339, in UTC, to the millisecond."""
    seconds = int(now)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{int((now - seconds) * 1000):03d}Z"


def _epoch_ms(now: float) -> str:
    return str(int(now * 1000))


_STAMPS: dict[str, Callable[[float], str]] = {"none": _no_time, "iso": _iso, "epoch_ms": _epoch_ms}
