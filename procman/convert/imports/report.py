"""What became of each key of the source: kept, approximated or lost."""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Protocol


class Place(Protocol):
    """Where something stands."""

    @property
    def file(self) -> str:
        """The path of the file."""
        ...

    @property
    def line(self) -> int:
        """The line, from 1."""
        ...


class Fate(IntEnum):
    """The worst that was said of a key counts."""

    KEPT = 0
    APPROXIMATED = 1
    LOST = 2


@dataclass(frozen=True, slots=True)
class Remark:
    """One key, and what became of it."""

    file: str
    line: int
    key: str
    fate: Fate
    how: str

    def __str__(self) -> str:
        text = f"{self.file}:{self.line}: {self.key}: {self.fate.name.lower()}"
        whole = f"{text}: {self.how}" if self.how else text
        return whole if whole.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in whole)


@dataclass(slots=True)
class Report:
    """The remarks, one for each key."""

    found: dict[tuple[str, int, str], Remark] = field(default_factory=dict)

    def kept(self, place: Place, key: str, how: str = "") -> None:
        """The key means the same here."""
        self._add(place, key, Fate.KEPT, how)

    def approximated(self, place: Place, key: str, how: str) -> None:
        """The key means nearly the same here."""
        self._add(place, key, Fate.APPROXIMATED, how)

    def lost(self, place: Place, key: str, why: str) -> None:
        """The key has no effect here."""
        self._add(place, key, Fate.LOST, why)

    def of(self, fate: Fate) -> list[Remark]:
        """The remarks of one sort, in the order of their lines."""
        return sorted((r for r in self.found.values() if r.fate is fate), key=lambda r: (r.file, r.line))

    def _add(self, place: Place, key: str, fate: Fate, how: str) -> None:
        name = (place.file, place.line, key)
        known = self.found.get(name)
        if known is None or known.fate < fate or (known.fate is fate and not known.how):
            self.found[name] = Remark(place.file, place.line, key, fate, how)
        elif known.fate is fate and how and how not in known.how:
            self.found[name] = Remark(place.file, place.line, key, fate, f"{known.how}; {how}")
