"""One record of the journal, and how it is written as JSON."""

import sys
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Literal, NamedTuple, get_args

from procman.core.attribution import Actor

RecordKind = Literal[
    "state",  # a process went from one state to another
    "spawn",  # a process was started, adopted, or could not be started
    "given",  # what a start got from files: names, and keyed digests of the values
    "exit",  # a process was reaped
    "hook",  # a command of a hook is over, or was left out; a process has read its configuration again, or has not
    "signal",  # procman sent a signal, or could not
    "schedule",  # something about a schedule: it was switched on or off, a time of it has come, or was left out
    "socket",  # a lazy process waits for a connection, or does not any more; or one has come that starts it
    "watch",  # files of a process have changed, and what is done about it
    "rolling",  # something about a rolling restart: it began, a process of it is ready, it has stopped, is done
    "config",  # a group came, went or changed; a process has new options
    "health",  # a process is unhealthy, or healthy (again); or its health is not looked at for a while
    "op-begin",  # somebody asked for something
    "op-end",  # that is over
    "update-step",  # what an update did to one group or process
    "confirmation",  # an update waits for its confirmation, or was confirmed, kept, or rolled back
    "master",  # the master began, goes on after an upgrade, shuts down, leaves
    "terminal",  # a client was attached to a program's terminal, or has left it
    "rotation",  # a log of a process was rotated by the clock or on request; by its size is no record
    "log-trouble",  # output was lost, or a log cannot be written, or can again
    "notify",  # a message of a notify section was sent, or could not be
    "access-denied",  # a client was refused for its password, its origin, or its role
    "gap",  # records are missing here: `data` has `from`, `to` and `reason`
]
KINDS: tuple[RecordKind, ...] = get_args(RecordKind)
_ACTOR = Actor._fields
# Larger than any number that a journal reaches, also in milliseconds since the epoch.
LARGEST = 1 << 60


class Record(NamedTuple):
    """What happened. Whatever does not apply is empty, or None."""

    seq: int  # never used again: over reloads and upgrades, and over kills where the journal is a file
    time: float  # seconds since the epoch, to the millisecond
    mono: float  # seconds of the loop's clock, for intervals
    kind: RecordKind
    group: str = ""
    name: str = ""  # the namespec of a process
    run: int = 0  # the number of the process's spawn
    before: str = ""  # states, such as RUNNING
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
    """The record that `to_json` of this version or another has written; ValueError where it is something else."""
    try:
        actor, data = plain.get("actor"), plain.get("data")
        if not isinstance(plain["kind"], str) or not is_number(plain["seq"]):
            raise TypeError("its kind is no text, or its seq no number")  # noqa: TRY301 - one kind of error for all
        return Record(
            int(plain["seq"]),
            float(plain["time"]),
            float(plain["mono"]),
            plain["kind"],  # type: ignore[arg-type]  # a newer version may have others
            _word(plain, "group"),
            _word(plain, "name"),
            int(plain.get("run", 0)),
            _word(plain, "from"),
            _word(plain, "to"),
            _word(plain, "phase"),
            _word(plain, "reason"),
            _number(plain.get("cause")),
            _number(plain.get("op")),
            None if actor is None else _actor(tuple((key, actor[key]) for key in _ACTOR if key in actor)),
            None if data is None else dict(data),
            int(plain.get("times", 1)),
        )
    except (LookupError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError(f"this is no record of a journal: {error}") from None


def _word(plain: Mapping[str, Any], key: str) -> str:
    # Most records share their words with others.
    return sys.intern(str(plain.get(key, "")))


def is_number(value: object) -> bool:
    """Whether it can be the number of a record."""
    return type(value) is int and 0 < value < LARGEST


def _number(value: Any) -> int | None:
    return None if value is None else int(value)


@lru_cache(maxsize=64)
def _actor(fields: tuple[tuple[str, Any], ...]) -> Actor:
    """One for all records that it is behind, as before they were written."""
    return Actor(**dict(fields))
