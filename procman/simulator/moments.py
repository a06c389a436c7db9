"""The words of expectations: `web ready` is a moment of a timeline, `web is ready` a state in which a process is."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from procman.config.spelling import did_you_mean
from procman.errors import BadRequest
from procman.simulator.notation import processes_named
from procman.simulator.scenario import Entry

# What a moment is called, and what it is.
MOMENTS: Mapping[str, str] = {
    "started": "it was spawned",
    "restarted": "it was spawned again",
    "ready": "it became RUNNING; of a one-shot: it is done",
    "stopping": "procman began to stop it",
    "killed": "procman has sent SIGKILL",
    "ended": "its process has ended, for whatever reason",
    "down": "it became STOPPED, EXITED or FATAL",
    "stopped": "it became STOPPED",
    "exited": "it became EXITED: it has ended by itself",
    "backoff": "it became BACKOFF: it waits for the next try",
    "fatal": "it became FATAL: it was given up",
    "unhealthy": "its health check has failed",
    "healthy": "its health check succeeds (again)",
}
# What may be said of a process that is in a state.
CONDITIONS: Mapping[str, frozenset[str]] = {
    "ready": frozenset({"RUNNING", "DONE"}),
    "down": frozenset({"STOPPED", "EXITED", "FATAL", "DONE"}),
    "running": frozenset({"RUNNING"}),
    "starting": frozenset({"STARTING"}),
    "stopping": frozenset({"STOPPING"}),
    "stopped": frozenset({"STOPPED"}),
    "exited": frozenset({"EXITED", "DONE"}),
    "done": frozenset({"DONE"}),
    "backoff": frozenset({"BACKOFF"}),
    "fatal": frozenset({"FATAL"}),
}
_ALIKE = {"running": "ready", "up": "ready", "done": "ready", "failed": "fatal"}

_FORM = re.compile(
    r"(?P<name>\S+)(?:\s+(?P<word>[a-z]+))?"
    r"(?:\s+(?P<how>before|while)\s+(?P<other>\S+)\s+(?:is\s+)?(?P<no>not\s+)?(?P<state>[a-z]+))?"
)


@dataclass(frozen=True, slots=True)
class Moment:
    """Such as "web started", or "web started before db is ready"."""

    names: tuple[str, ...]
    word: str
    how: Literal["", "before", "while"] = ""
    others: tuple[str, ...] = ()
    negated: bool = False
    state: str = ""
    written: str = ""


def read_moment(text: object, known: Mapping[str, Collection[str]], *, simple: bool = False) -> Moment:
    """The moment; a name alone is the moment at which it is ready. `simple`: of one process, without a condition."""
    found = _FORM.fullmatch(text.strip()) if isinstance(text, str) else None
    if found is None or not isinstance(text, str):
        raise BadRequest(f'cannot read {text!r}: expected "web ready", or "web started before db is ready"')
    names = tuple(processes_named(found["name"], known))
    word = _known_word(found["word"] or "ready", MOMENTS)
    how, state = found["how"] or "", ""
    others: tuple[str, ...] = ()
    if simple and (how or len(names) > 1):
        raise BadRequest(
            f"cannot read {text!r}: expected a moment of one process, such as {names[0] + ' ' + word!r}"
            + (f"; {found['name']} is {len(names)} processes" if len(names) > 1 else "")
        )
    if how:
        others = tuple(processes_named(found["other"], known))
        state = found["state"]
        if how == "before" and found["no"]:
            raise BadRequest(f"cannot read {text!r}: write while {found['other']} is not {state}")
        state = _known_word(state, MOMENTS if how == "before" else CONDITIONS)
    return Moment(names, word, how, others, bool(found["no"]), state, text)  # type: ignore[arg-type]  # of the form


def _known_word(word: str, known: Mapping[str, object]) -> str:
    word = word if word in known else _ALIKE.get(word, word)
    if word not in known:
        raise BadRequest(
            f"there is no moment or state {word!r}{did_you_mean(word, known)}; there are {', '.join(known)}"
        )
    return word


class Told:
    """A timeline, read for its moments."""

    def __init__(self, entries: Sequence[Entry], oneshots: Collection[str]) -> None:
        self.entries = entries
        self._oneshots = oneshots
        self._moments: list[tuple[float, str, frozenset[str]]] = []
        self._states: list[dict[str, str]] = []  # after each entry
        now: dict[str, str] = {}
        starts: dict[str, int] = {}
        for entry in entries:
            words = frozenset(self._words(entry, starts))
            if entry.record is not None and entry.record.after and entry.record.name:
                is_done = "done" in words
                now = {**now, entry.record.name: "DONE" if is_done else entry.record.after}
            self._moments.append((entry.at, entry.name, words))
            self._states.append(now)
        self.starts = starts

    def places(self, name: str, word: str) -> list[int]:
        """Where in the timeline that has happened to the process."""
        return [at for at, (_, who, words) in enumerate(self._moments) if who == name and word in words]

    def at(self, place: int) -> float:
        """When that was."""
        return self._moments[place][0]

    def state_before(self, place: int, name: str) -> str:
        """The state of a process before that entry."""
        return self._states[place - 1].get(name, "STOPPED") if place else "STOPPED"

    def violations(self, moment: Moment) -> Iterator[tuple[float, str, int]]:
        """Each time at which the moment has come true: when, for which process, and where."""
        for name in moment.names:
            for place in self.places(name, moment.word):
                if self._holds(moment, place):
                    yield self.at(place), name, place

    def _holds(self, moment: Moment, place: int) -> bool:
        """Whether the condition of a moment is true at that place, for any of the others."""
        if moment.how == "before":
            return any(not any(p < place for p in self.places(other, moment.state)) for other in moment.others)
        if moment.how == "while":
            meant = CONDITIONS[moment.state]
            return any((self.state_before(place, other) in meant) is not moment.negated for other in moment.others)
        return True

    def _words(self, entry: Entry, starts: dict[str, int]) -> Iterator[str]:
        record = entry.record
        if record is None or not record.name:
            return
        name, data = record.name, record.data or {}
        match record.kind:
            case "spawn" if not data.get("failed"):
                starts[name] = starts.get(name, 0) + 1
                yield "started"
                if starts[name] > 1:
                    yield "restarted"
            case "exit":
                yield "ended"
            case "health" if "healthy" in data:
                yield "healthy" if data["healthy"] else "unhealthy"
            case "signal" if data.get("signal") in ("SIGKILL", "KILL"):
                yield "killed"
            case "state" if record.after:
                yield from self._of_state(record.after, name, expected=data.get("expected", True))

    def _of_state(self, after: str, name: str, *, expected: bool) -> Iterator[str]:
        is_done = after == "EXITED" and expected and name in self._oneshots
        if after == "RUNNING" and name not in self._oneshots:
            yield "ready"
        if is_done:
            yield from ("ready", "done")
        if after in ("STOPPED", "EXITED", "FATAL"):
            yield "down"
        if after in ("STOPPING", "STOPPED", "EXITED", "BACKOFF", "FATAL"):
            yield after.lower()
