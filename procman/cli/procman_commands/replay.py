"""`procman replay`: runs a recording through the core again, and shows what it decides."""

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, cast

from procman.cli.flags import read_behind
from procman.cli.journal_text import actor_words
from procman.cli.moments import moment
from procman.cli.procman_commands.table import COMMANDS
from procman.cli.terminal_text import safe
from procman.core.actions import Action
from procman.core.events import (
    Adopted,
    BootRequested,
    DeadlineReached,
    DescendantsGone,
    Event,
    Exited,
    ExitStatus,
    GroupAdded,
    GroupChanged,
    GroupRemoved,
    KillFailed,
    RestartRequested,
    ShutdownRequested,
    SignalRequested,
    Spawned,
    SpawnFailed,
    StartRequested,
    StopRequested,
)
from procman.core.recording import WORDS
from procman.core.replay import CannotReplay, Decision, Part, Replay
from procman.errors import BadRequest, ProcmanError

if TYPE_CHECKING:
    from procman.api.shapes.journal import ActorInfo

SAME = 0
DIFFERS = 1

_WORD_OF = {kind: word for word, kind in WORDS.items()}
_INDENT = " " * 16
_BEGINS = {
    "boot": "the master begins",
    "reload": "the master begins again, with its configuration read again",
    "upgrade": "the master goes on with the code of procman {procman}",
    "rotation": "the recording goes on in this file",
    "resumed": "the recording starts again after a pause",
}


@dataclass(frozen=True, slots=True)
class Entries:
    """What is in a file: each entry with the number of its line; and whether its last line is torn."""

    numbered: list[tuple[int, dict[str, Any]]]
    is_torn: bool


def replay(given: dict[str, str]) -> int:
    """Print the timeline of a recording; status 1 if this procman decides otherwise than the recorded one."""
    given, words = read_behind(COMMANDS["replay"].flags, given)
    if not words:
        raise BadRequest("cannot replay without a file: procman replay FILE; [procman] record = PATH makes one")
    path, *names = words
    entries = read_entries(path)
    until = _until(given["until"], entries) if "until" in given else None
    show = _Json(names) if "json" in given else _Text(names)
    for step, at in _steps(path, entries):
        if until is not None and at > until:
            break
        show.take(step, at)
    if names and not show.matched:
        if not show.seen:
            raise ProcmanError(f"{path}: nothing was recorded until then; leave out --until")
        known = ", ".join(sorted(show.seen)[:20])
        raise ProcmanError(f"{path}: no process is called {' or '.join(names)}; there are {known}")
    show.end(is_torn=entries.is_torn)
    return DIFFERS if show.differing else SAME


def read_entries(path: str) -> Entries:
    """The entries of a file; raises ProcmanError where it is no recording."""
    numbered: list[tuple[int, dict[str, Any]]] = []
    torn = None
    try:
        with open(path, "rb") as file:
            for number, line in enumerate(file, 1):
                if not line.strip():
                    continue
                entry = _entry(line) if line.endswith(b"\n") else None
                if torn is not None and not numbered:
                    break
                if torn is not None and (entry is None or "recording" not in entry):
                    raise ProcmanError(
                        f"{path}, line {torn}: makes no sense; the file was changed since it was recorded"
                    )
                # A line before the state of another master may be torn: the one before it was killed.
                torn = number if entry is None else None
                if entry is not None:
                    numbered.append((number, entry))
    except OSError as error:
        raise ProcmanError(f"cannot read {path}: {error.strerror}; name the file that record= names") from None
    if not numbered:
        if torn is None:
            raise ProcmanError(f"{path} is empty: nothing was recorded yet, or its disk was full")
        raise ProcmanError(f"{path} is no recording of procman: name the file that [procman] record = PATH names")
    return Entries(numbered, torn is not None)


def _entry(line: bytes) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return entry if isinstance(entry, dict) and ("recording" in entry or "in" in entry) else None


def _until(text: str, entries: Entries) -> float:
    """A time of day is one within the recording; a duration is before its end."""
    end, base = 0.0, 0.0
    for _, entry in entries.numbered:
        try:
            if "recording" in entry:
                base = entry["time"] - entry["now"]
                end = entry["time"]
            else:
                end = base + entry["at"]
        except (KeyError, TypeError):
            continue  # the replay says what is wrong with it
    return moment(text, end)


def _steps(path: str, entries: Entries) -> Iterator[tuple[Part | Decision, float]]:
    """What each entry leads to, and when that was."""
    replaying = Replay()
    base = 0.0
    for number, entry in entries.numbered:
        try:
            step = replaying.take(entry)
        except CannotReplay as error:
            raise ProcmanError(f"{path}, line {number}: {error}") from None
        if isinstance(step, Part):
            base = step.time - step.now
        yield step, base + step.now


class _Show:
    """What is shown of the steps, and what was seen in them."""

    def __init__(self, names: list[str]) -> None:
        self.seen: set[str] = set()
        self.matched = False
        self.differing = 0
        self._names = names
        self._events = 0
        self._follows_difference = False

    def take(self, step: Part | Decision, at: float) -> None:
        """Show it, unless it is about other processes than those that were named."""
        if isinstance(step, Part):
            self._follows_difference = False
            if not step.same:
                self.differing += 1
            self.seen |= step.names
            self.part(step, at)
            return
        self._events += 1
        about = {step.name, *(name for action in step.actions if (name := getattr(action, "name", "")))} - {""}
        self.seen |= about
        first = not step.same and not self._follows_difference
        if first:
            self._follows_difference = True
            self.differing += 1
        matches = any(self._is_wanted(name) for name in about | ({""} if not self._names else set()))
        self.matched |= bool(self._names) and matches
        if matches or first:
            self.decision(step, at, first=first)

    def _is_wanted(self, name: str) -> bool:
        if not self._names:
            return True
        group = name.partition(":")[0]
        return any(fnmatchcase(name, word) or (":" not in word and fnmatchcase(group, word)) for word in self._names)

    def part(self, part: Part, at: float) -> None:
        """Show where a part begins."""

    def decision(self, step: Decision, at: float, *, first: bool) -> None:
        """Show one event; `first`: from here on the replay differs."""

    def end(self, *, is_torn: bool) -> None:
        """Show how it ends."""


class _Text(_Show):
    def part(self, part: Part, at: float) -> None:
        moment_of = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))
        about = _BEGINS[part.why].format(procman=part.procman) if part.why in _BEGINS else part.why
        print(f"--- {moment_of}  {safe(about)} ({len(part.names)} processes, recorded by procman {safe(part.procman)})")
        if not part.same:
            print("*** differs from here on: the recorded master went on from another state than this replay is in")

    def decision(self, step: Decision, at: float, *, first: bool) -> None:
        print(f"{_clock(at)}  {safe(_told(step.event, step.name) + _by(step))}")
        if first:
            print("*** differs from here on: the procman that recorded this has decided otherwise")
        wanted = [text for text, action in _with_actions(step) if action is None or self._is_shown(action)]
        for text in wanted if not first else step.decided:
            print(f"{_INDENT}{'here      ' if first else ''}{safe(text)}")
        if first and not step.decided:
            print(f"{_INDENT}here      nothing")
        for text in (step.recorded or ["nothing"]) if first else ():
            print(f"{_INDENT}recorded  {safe(text)}")

    def _is_shown(self, action: Action) -> bool:
        name = getattr(action, "name", "")
        return not name or self._is_wanted(name)

    def end(self, *, is_torn: bool) -> None:
        verdict = "this procman decides as recorded" if not self.differing else "this procman decides otherwise"
        print(f"--- {self._events} events; {verdict}")
        if is_torn:
            sys.stdout.flush()
            print(
                "procman: the last line is torn: the master was killed while it wrote it, or writes it just now; all "
                "before it was replayed",
                file=sys.stderr,
            )


class _Json(_Show):
    def part(self, part: Part, at: float) -> None:
        _print_json(
            {"time": at, "part": part.why, "procman": part.procman, "processes": len(part.names), "same": part.same}
        )

    def decision(self, step: Decision, at: float, *, first: bool) -> None:  # noqa: ARG002 - "same" says it
        _print_json(
            {
                "time": round(at, 6),
                "event": _WORD_OF[type(step.event)],
                "name": step.name or None,
                "text": _told(step.event, step.name),
                "decided": step.decided,
                "recorded": step.recorded,
                "by": _actor_info(step),
                "same": step.same,
            }
        )

    def end(self, *, is_torn: bool) -> None:
        _print_json({"events": self._events, "same": not self.differing, "torn": is_torn})


def _print_json(data: dict[str, Any]) -> None:
    print(json.dumps(data, ensure_ascii=True))


def _with_actions(step: Decision) -> list[tuple[str, Action | None]]:
    """Each text with its action; a fault has none."""
    actions: list[Action | None] = [*step.actions, *[None] * (len(step.decided) - len(step.actions))]
    return list(zip(step.decided, actions, strict=True))


def _clock(at: float) -> str:
    return f"{time.strftime('%H:%M:%S', time.localtime(at))}.{int(at % 1 * 1000):03d}"


def _told(event: Event, name: str) -> str:
    match event:
        case StartRequested() | StopRequested() | RestartRequested():
            return f"{_WORD_OF[type(event)]} {name} is requested"
        case SignalRequested(_, signal):
            return f"signal {signal} to {name} is requested"
        case Spawned(_, pid):
            return f"{name} is spawned with pid {pid}"
        case SpawnFailed(_, reason):
            return f"{name} cannot be spawned: {reason}"
        case Adopted(_, pid, age):
            return f"{name} is adopted with pid {pid}; it has run for {age:.3f} s"
        case Exited(pid, status, descendants):
            left = f"; {len(descendants)} of its descendants run" if descendants else ""
            return f"{name or 'an unknown process'} (pid {pid}) has ended: {_ending(status)}{left}"
        case DescendantsGone():
            return f"the last descendant of {name} has ended"
        case KillFailed(_, reason):
            return f"{name} cannot be signalled: {reason}"
        case GroupAdded():
            return f"group {name} is added"
        case GroupRemoved():
            return f"group {name} is to be removed"
        case GroupChanged(_, replace):
            return f"group {name} is changed{'; to be replaced: ' + ', '.join(sorted(replace)) if replace else ''}"
        case ShutdownRequested(restart):
            return f"{'a reload' if restart else 'a shutdown'} is requested"
        case BootRequested():
            return "the boot is requested"
        case DeadlineReached():
            return "a deadline has come"
        case _:
            word = _WORD_OF[type(event)].replace("-", " ")
            return f"{word}: {name}" if name else word


def _by(step: Decision) -> str:
    """Who asked for it, if somebody did: the boot says so itself, and an end follows from what was asked before."""
    if step.actor is None or step.actor.kind in ("boot", "policy") or isinstance(step.event, Exited):
        return ""
    return f" by {actor_words(cast('ActorInfo', _actor_info(step)))}"


def _actor_info(step: Decision) -> dict[str, Any] | None:
    if step.actor is None:
        return None
    return {name: value for name, value in step.actor._asdict().items() if value not in (None, "")}


def _ending(status: ExitStatus) -> str:
    if not status.known:
        return "how is not known"
    if status.signal is not None:
        return f"signal {status.signal}{', with a core dump' if status.core_dumped else ''}"
    return f"exit status {status.code}"
