"""Reads the files that a configuration includes, and does not wait for a disk that hangs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from glob import glob

from procman.system.blocking import DiskQueries

# How long to wait for all of them, in seconds; usually the main file is enough.
PATIENCE = 5.0

_Sections = dict[str, dict[str, str]]


def contents_of(
    patterns: Iterable[str], seen: set[str], read: Callable[[str, _Sections, set[str]], None]
) -> _Sections | None:
    """What `read` adds to the sections for each file that the patterns match, but once; None if it takes too long."""
    sections: _Sections = {}

    def read_all() -> bool:
        for file in [file for pattern in patterns for file in _matching(pattern)]:
            if file not in seen and os.access(file, os.R_OK):
                seen.add(file)
                try:
                    read(file, sections, seen)
                except (OSError, ValueError):
                    pass  # a broken file must not prevent access to the running programs
        return True

    return sections if DiskQueries(PATIENCE).ask(read_all) else None


def _matching(pattern: str) -> list[str]:
    try:
        return sorted(glob(pattern))
    except ValueError:  # it contains a NUL
        return []
