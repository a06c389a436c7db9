"""Paths, and the places that output goes to."""

from collections.abc import Sequence
from posixpath import normpath
from typing import Any

from procman.config.schema.kinds.text import accept_text, text_kind
from procman.config.schema.options import AUTO, MEMORY, SYSLOG, Kind, Unfit
from procman.config.spelling import did_you_mean

CONSOLE = frozenset({"/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "/dev/stderr", "/dev/fd/2", "/proc/self/fd/2"})
"""The names of the master's own stdout and stderr."""

PATH = text_kind("path", "a path")
DIRECTORY = text_kind("existing directory", "a directory that exists", "missing-directory", place="directory")
FILE = text_kind(
    "path in an existing directory", "a file in a directory that exists", "missing-directory", place="parent"
)


def _parse_journal(text: str) -> str:
    if text.lower() == MEMORY:
        return MEMORY
    if "/" not in text or text.endswith("/"):
        hint = did_you_mean(text.lower(), [MEMORY])
        raise Unfit(f"expected memory, or the path of a file such as /var/lib/procman/journal{hint}", "other")
    return text


JOURNAL: Kind[str] = Kind(
    name="memory, or a path in an existing directory",
    expected="memory, or a file in a directory that exists",
    slug="missing-directory",
    parse=_parse_journal,
    accept=lambda value: _parse_journal(accept_text(value)),
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
        raise Unfit("NONE cannot be one of several log files: take it out", "other")
    return tuple(file for file in files if file is not None)


# The value is a tuple if several places are given; `resolve.programs` separates the first one from the others.
LOGFILE: Kind[Any] = Kind(
    name="path, -, AUTO or NONE; or several",
    expected="a file in a directory that exists, -, AUTO or NONE",
    slug="missing-directory",
    parse=_logfiles,
    # The items of a list are not split, so a list can name a file with a comma.
    accept=lambda value: (
        _several_logfiles([accept_text(item) for item in value])
        if isinstance(value, list)
        else _logfiles(accept_text(value))
    ),
    schema={"type": ["string", "array"], "items": {"type": "string"}},
    show=lambda value: "NONE" if value is None else value if isinstance(value, str) else ", ".join(value),
    place="parent",
)


def is_console(path: str | None) -> bool:
    """Whether a log file's name stands for the master's own stdout or stderr."""
    return path is not None and normpath(path) in CONSOLE
