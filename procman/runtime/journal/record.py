"""One record of the journal, and how it is written as JSON."""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, get_args

from procman.core.attribution import Actor

RecordKind = Literal[
    "state",  # a process went from one state to another
    "spawn",  # a process was started, adopted, or could not be started
    "exit",  # a process was reaped
    "signal",  # procman sent a signal, or could not
    "config",  # a group came, went or changed; a process has new options
    "op-begin",  # somebody asked for something
    "op-end",  # that is over
    "master",  # the master began, goes on, shuts down, leaves
    "gap",  # records are missing here: `data` has `from`, `to` and `reason`
]
KINDS: tuple[RecordKind, ...] = get_args(RecordKind)


class Record(NamedTuple):
    """What happened. Whatever does not apply is empty, or None."""

    seq: int  # never used again: over reloads and upgrades, and over kills where the journal is a file
    time: float  # seconds since the epoch, to the millisecond
    mono: float  # seconds of the loop's clock, for intervals
    kind: RecordKind
    group: str = ""
    name: str = ""  # the namespec of a process
    run: int = 0  # the number of the process's spawn
    before: str = ""  # states, in lower case
    after: str = ""
    phase: str = ""
    reason: str = ""
    cause: int | None = None  # the seq of what it follows from
    operation: int | None = None
    actor: Actor | None = None
    data: Mapping[str, Any] | None = None  # what else belongs to that kind
    times: int = 1  # how many equal ones in a row it stands for; seq and time are those of the last

    def to_json(self) -> dict[str, Any]:
        """Plain data, without what does not apply. `before` and `after` are called `from` and `to`."""
        plain: dict[str, Any] = {"seq": self.seq, "time": round(self.time, 3), "mono": round(self.mono, 3)}
        plain["kind"] = self.kind
        words = {
            "group": self.group,
            "name": self.name,
            "run": self.run,
            "from": self.before,
            "to": self.after,
            "phase": self.phase,
            "reason": self.reason,
        }
        plain |= {key: value for key, value in words.items() if value}
        if self.cause is not None:
            plain["cause"] = self.cause
        if self.operation is not None:
            plain["op"] = self.operation
        if self.actor is not None:
            plain["actor"] = {key: value for key, value in self.actor._asdict().items() if value not in (None, "")}
        if self.data:
            plain["data"] = dict(self.data)
        if self.times > 1:
            plain["times"] = self.times
        return plain


def from_json(plain: Mapping[str, Any]) -> Record:
    """The record that `to_json` has written; KeyError or TypeError where it is something else."""
    actor = plain.get("actor")
    return Record(
        plain["seq"],
        plain["time"],
        plain["mono"],
        plain["kind"],
        plain.get("group", ""),
        plain.get("name", ""),
        plain.get("run", 0),
        plain.get("from", ""),
        plain.get("to", ""),
        plain.get("phase", ""),
        plain.get("reason", ""),
        plain.get("cause"),
        plain.get("op"),
        None if actor is None else Actor(**actor),
        plain.get("data"),
        plain.get("times", 1),
    )
