"""Which processes the table shows, and in which order. No I/O and no clock here."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from procman.api.shapes.processes import ProcessInfo
from procman.tui.fleet import Fleet, Standing, natural

# The orders, in the order in which a key goes through them: a name, and what is compared.
ORDERS: dict[str, Callable[[Fleet, ProcessInfo], Any]] = {
    "state": lambda fleet, info: fleet.standings[info["namespec"]],
    "name": lambda _, __: 0,
    "cpu": lambda fleet, info: -_cpu(fleet, info),
    "memory": lambda fleet, info: -_rss(fleet, info),
    "restarts": lambda _, info: -info["restarts"],
    "newest": lambda _, info: -(info["start"] or 0),
}


@dataclass(frozen=True, slots=True)
class Arrangement:
    """What somebody has chosen to see."""

    order: str = "state"
    reverse: bool = False
    filter: str = ""  # see `matches`

    def names(self, fleet: Fleet, marked: Collection[str]) -> list[str]:
        """The namespecs that are shown, from the first to the last."""
        key = ORDERS[self.order]
        chosen = [
            info
            for name, info in fleet.processes.items()
            if not self.filter or matches(self.filter, info, fleet.standings[name], marked)
        ]
        chosen.sort(key=lambda info: (key(fleet, info), natural(info["namespec"])), reverse=self.reverse)
        return [info["namespec"] for info in chosen]

    def next_order(self) -> str:
        """The order that follows this one."""
        known = list(ORDERS)
        return known[(known.index(self.order) + 1) % len(known)]


def matches(text: str, info: ProcessInfo, standing: Standing, marked: Collection[str] = ()) -> bool:
    """Whether a process is among what a filter shows.

    The filter is words: `web` is a part of a name, `web*` a pattern for all of it; one of them has to fit. Each
    `@word` has to fit, too: @failed, @up, @down, @marked, or a state such as @stopped.
    """
    words = text.lower().split()
    kinds = [word[1:] for word in words if word.startswith("@")]
    names = [word for word in words if not word.startswith("@")]
    name = info["namespec"].lower()
    return all(_is(kind, info, standing, marked) for kind in kinds) and (
        not names or any(_fits(word, name) or _fits(word, info["name"].lower()) for word in names)
    )


def _is(kind: str, info: ProcessInfo, standing: Standing, marked: Collection[str]) -> bool:
    match kind:
        case "failed":
            return standing is Standing.FAILED
        case "up":
            return standing is Standing.UP
        case "down":
            return standing in (Standing.DOWN, Standing.DONE)
        case "marked":
            return info["namespec"] in marked
        case _:
            # While it is being typed, the beginning of a word fits.
            return info["statename"].lower().startswith(kind) or info.get("phase", "").startswith(kind)


def _fits(word: str, name: str) -> bool:
    return fnmatchcase(name, word) if any(sign in word for sign in "*?[") else word in name


def _cpu(fleet: Fleet, info: ProcessInfo) -> float:
    usage = fleet.usage.get(info["namespec"])
    return -1 if usage is None or usage.cpu is None else usage.cpu


def _rss(fleet: Fleet, info: ProcessInfo) -> float:
    usage = fleet.usage.get(info["namespec"])
    return -1 if usage is None else usage.rss
