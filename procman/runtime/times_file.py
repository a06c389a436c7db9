"""Which times of schedules are over, for the next master: in a small file, or in memory where there is no place for it.

It is written before a run begins, so that a time does not run twice, whatever happens to the master.
"""

import json
import os
from collections.abc import Callable
from math import isfinite
from typing import Any, NamedTuple

from procman.core.timing import Ranges

VERSION = 1
# A larger file is not one of ours.
MOST_BYTES = 1024 * 1024


class Looked(NamedTuple):
    """How far the times of one schedule have been looked at, in seconds since the epoch."""

    since: float
    behind: Ranges  # from the first to the last of times that have come one after the other


class TimesFile:
    """What is known of each schedule, by the namespec of its process."""

    def __init__(self, path: str | None, complain: Callable[[str], None] = lambda _: None) -> None:
        """Without a path, it lasts as long as this process; `complain` gets a sentence about a disk."""
        self.path = path
        self.complain = complain
        self._complained = False
        self._known: dict[str, Looked] = {}
        if path is not None:
            self._known = _read(path)

    def get(self, name: str) -> Looked | None:
        """What is known of that one."""
        return self._known.get(name)

    def put(self, name: str, looked: Looked) -> None:
        """Remember it, on the disk as well."""
        if self._known.get(name) != looked:
            self._known[name] = looked
            self._write()

    def keep(self, names: set[str]) -> None:
        """Forget all others."""
        if not names.issuperset(self._known):
            self._known = {name: looked for name, looked in self._known.items() if name in names}
            self._write()

    def snapshot(self) -> dict[str, Any]:
        """Plain data for another process image."""
        return {name: [looked.since, [list(pair) for pair in looked.behind]] for name, looked in self._known.items()}

    def restore(self, data: dict[str, Any]) -> None:
        """Go on from what `snapshot` returned."""
        self._known = {name: looked for name, plain in data.items() if (looked := _looked(plain)) is not None}

    def _write(self) -> None:
        if self.path is None:
            return
        new = f"{self.path}.new"
        try:
            fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            with os.fdopen(fd, "w") as file:
                json.dump({"procman": VERSION, "schedules": self.snapshot()}, file)
            os.rename(new, self.path)
            self._complained = False
        except OSError as error:
            if not self._complained:
                self._complained = True
                self.complain(
                    f"cannot write {self.path}: {error.strerror}; after a restart, procman may run a schedule's last "
                    "time again: make room there, or correct its permissions"
                )


def _read(path: str) -> dict[str, Looked]:
    """What makes no sense is left out."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(fd, "rb") as file:
            content = file.read(MOST_BYTES + 1)
        data: Any = json.loads(content) if len(content) <= MOST_BYTES else None
        schedules = data["schedules"] if data["procman"] == VERSION else {}
        found = {str(name): _looked(plain) for name, plain in schedules.items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return {}
    return {name: looked for name, looked in found.items() if looked is not None}


def _looked(plain: Any) -> Looked | None:
    try:
        since, behind = plain
        pairs = tuple((float(first), float(last)) for first, last in behind)
        numbers = (float(since), *(number for pair in pairs for number in pair))
    except (TypeError, ValueError, OverflowError):
        return None
    if not all(map(isfinite, numbers)) or any(first > last for first, last in pairs):
        return None
    return Looked(float(since), pairs)
