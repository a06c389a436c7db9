"""Takes the entries of a recording into a fleet again, and compares what it decides. No I/O here.

Entries are plain data: heads, which hold a whole fleet, and events. See `core.recording` for their form, and
`Recording` in `runtime.recorder` for who writes them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from procman.core.actions import Action
from procman.core.attribution import Actor
from procman.core.described_decisions import describe
from procman.core.events import Event, Exited, GroupAdded, GroupChanged
from procman.core.fleet import Fleet
from procman.core.recording import READERS, VERSION, UnknownEvent, read_event, read_policy
from procman.core.snapshot import Data

# The year 5138, of either clock.
MOST_SECONDS = 1e11


class CannotReplay(ValueError):
    """The entry is of another version, or makes no sense; the text says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a recording begins."""

    why: str  # boot, reload, upgrade, rotation, or resumed (after a pause)
    time: float  # seconds since the epoch
    now: float  # the core's clock at that moment
    procman: str  # the version that recorded it
    names: frozenset[str]  # of its processes
    goes_on: bool  # from the part before, without anything between
    same: bool = True  # False: it goes on, and the fleet is another one than that of the replay


@dataclass(frozen=True, slots=True)
class Decision:
    """One event was taken in."""

    now: float
    event: Event
    name: str  # the process, or the group, that the event is about; "" for none
    actions: list[Action]
    decided: list[str]  # as `describe` has it
    recorded: list[str]  # what was decided when it was recorded
    actor: Actor | None = None  # who or what asked for it, where that was recorded

    @property
    def same(self) -> bool:
        """Whether this procman decides as the recorded one did."""
        return self.decided == self.recorded


@dataclass(slots=True)
class Replay:
    """A fleet that is driven by a recording, entry by entry; it does not exist before the first head."""

    fleet: Fleet = field(default_factory=Fleet)
    begun: bool = False
    procman: str = ""  # the version that has recorded the present part

    def take(self, entry: Mapping[str, Any]) -> Part | Decision:
        """Take in one entry; raises CannotReplay, and then nothing has happened."""
        if "recording" in entry:
            return self._begin(entry)
        if not self.begun:
            raise CannotReplay("it begins with an event; a recording begins with the state of the master")
        try:
            event = read_event(entry)
            now, recorded = _seconds(entry["at"]), [str(text) for text in entry["out"]]
            actor = _actor(entry.get("by"))
        except UnknownEvent as error:
            raise CannotReplay(
                f"this procman does not know the event {error}: replay it with the version that has recorded it "
                f"({self.procman})"
            ) from error
        except KeyError as error:
            raise CannotReplay(f"there is no {error} in it") from error
        except (TypeError, ValueError) as error:
            raise CannotReplay(str(error)) from error
        name = self._subject(event)
        actions, decided = decide(self.fleet, event, now)
        return Decision(now, event, name, actions, decided, recorded, actor)

    def _subject(self, event: Event) -> str:
        match event:
            case Exited(pid):
                process = self.fleet.owner(pid)
                return process.name if process is not None else ""
            case GroupAdded(group) | GroupChanged(group):
                return group.name
            case _:
                return getattr(event, "name", "")

    def _begin(self, head: Mapping[str, Any]) -> Part:
        version = head["recording"]
        if not isinstance(version, int) or version > VERSION or version < 1:
            by = head.get("procman", "another version")
            raise CannotReplay(
                f"it is of version {version}, written by procman {by}, and this procman reads up to version {VERSION}"
            )
        try:
            goes_on = self.begun and head["why"] == "upgrade"
            same = not goes_on or _agrees(self.fleet.snapshot(), head["fleet"])
            fleet = Fleet(policy=read_policy(head["policy"]))
            fleet.restore(head["fleet"], READERS)
            part = Part(
                why=str(head["why"]),
                time=_seconds(head["time"]),
                now=_seconds(head["now"]),
                procman=str(head["procman"]),
                names=frozenset(fleet.processes),
                goes_on=goes_on,
                same=same,
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise CannotReplay(f"the state of the master makes no sense: {error}") from error
        self.fleet, self.begun, self.procman = fleet, True, part.procman
        return part


def decide(fleet: Fleet, event: Event, now: float) -> tuple[list[Action], list[str]]:
    """What the fleet does with the event, and the same described; a fault in it is a description, too."""
    try:
        actions = fleet.handle(event, now)
    except Exception as bug:  # noqa: BLE001 - the master goes on, and so does the replay
        return [], [described_bug(bug)]
    return actions, describe(actions)


def described_bug(bug: Exception) -> str:
    """How a fault in the core stands in a recording."""
    return f"fault {type(bug).__name__}"


def _seconds(value: Any) -> float:
    seconds = float(value)
    if not 0.0 <= seconds < MOST_SECONDS:
        raise ValueError(f"{value} is no time")
    return seconds


# The numbers of definitions are counted anew by each part, and the form of a snapshot is that of its procman.
_OF_THE_FORM = frozenset({"number", "counts", "counted", "version"})


def _agrees(here: Any, recorded: Any) -> bool:
    """Is the fleet in the recorded state, as far as that is recorded? An older procman knew less of it."""
    match recorded:
        case dict():
            names = recorded.keys() - _OF_THE_FORM
            return isinstance(here, dict) and all(_agrees(here.get(name), recorded[name]) for name in names)
        case list() | tuple():
            same = isinstance(here, (list, tuple)) and len(here) == len(recorded)
            return same and all(_agrees(mine, other) for mine, other in zip(here, recorded, strict=True))
        case _:
            return bool(here == recorded)


def as_entry(event: Data, now: float, decided: list[str], actor: Actor | None = None) -> Data:
    """The entry of one event that `write_event` has written; `actor` has asked for it."""
    entry = {"at": now, **event, "out": decided}
    if actor is not None:
        entry["by"] = {name: value for name, value in actor._asdict().items() if value not in (None, "")}
    return entry


def _actor(data: Any) -> Actor | None:
    if data is None:
        return None
    known = {name: data[name] for name in Actor._fields if name in data}
    if any(not isinstance(value, str | int) for value in known.values()):
        raise TypeError(f"by is {data!r}")
    return Actor(**known)
