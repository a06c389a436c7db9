"""One crash report, and how it is written as plain data.

What is expensive is made when somebody reads the report: until then it keeps the end of the output as bytes, and the
definition. `facts` is never changed in place, so that a thread may write a copy of the report while the loop goes on.
"""

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from procman.config.schema.programs import Program
from procman.config.secrets import is_secret
from procman.core.snapshot import definition
from procman.runtime.digests import Digests
from procman.services.crash_reports.last_lines import last_lines, secrets_of
from procman.system.tree import TAG

VERSION = 1
# What a report takes beside the output, by estimate, in bytes.
_BESIDE_OUTPUT = 2048


@dataclass(frozen=True, slots=True)
class Output:
    """The end of what a run has written to one channel; `data` is None while it is read, and where it cannot be."""

    data: bytes | None
    wrote: int  # bytes, in all
    is_pending: bool = False


@dataclass(slots=True, eq=False)
class CrashReport:
    """What was known of an end, or of several equal ones: then of the latest that was looked at closely."""

    seq: int  # of the first one: the number of its record in the journal
    name: str  # namespec
    first_ended: float  # seconds since the epoch, as all times
    last_seq: int
    ended: float  # the last one
    times: int = 1
    unreported: int = 0  # ends of this process that came too fast to have reports
    facts: Mapping[str, Any] = field(default_factory=dict)
    output: Mapping[str, Output] = field(default_factory=dict)
    program: Program | None = None  # None: `made` has what is made of it
    made: Mapping[str, Any] | None = None  # by another master, or another image of this one
    file: str = ""  # the path where it is kept, too
    charged: int = 0  # the weight that the store has counted
    is_kept: bool = True  # it has not given way to others
    saved_seq: int = 0  # `last_seq` of what is there

    @property
    def weight(self) -> int:
        """What it takes of the memory, by estimate, in bytes."""
        kept = sum(len(output.data) for output in self.output.values() if output.data is not None)
        lines = [line for one in (self.made or {}).get("output", {}).values() for line in one.get("lines") or ()]
        return _BESIDE_OUTPUT + kept + sum(map(len, lines))

    @property
    def is_pending(self) -> bool:
        """Whether some of it is still being read."""
        return any(output.is_pending for output in self.output.values())

    def summary(self) -> dict[str, Any]:
        """What a table shows of it."""
        known = ("group", "kind", "how", "run", "spawned", "age")
        return {**self._head(), **{key: self.facts.get(key) for key in known}}

    def _head(self) -> dict[str, Any]:
        return {
            "version": VERSION,
            "seq": self.seq,
            "last_seq": self.last_seq,
            "name": self.name,
            "times": self.times,
            "unreported": self.unreported,
            "first_ended": round(self.first_ended, 3),
            "ended": round(self.ended, 3),
        }

    def to_plain(
        self,
        digests: Digests,
        environment_of: Callable[[Program], Mapping[bytes, bytes]],
        secrets_given: Callable[[str], Iterable[str]] = lambda _: (),
    ) -> dict[str, Any]:
        """All of it; `environment_of` gives what a program is started with.

        `secrets_given` gives the values that a process got from files, which are secret whatever their names.
        """
        made = self.made if self.made is not None else self._make(digests, environment_of, secrets_given)
        return {**self._head(), **self.facts, **made, "file": self.file}

    def _make(
        self,
        digests: Digests,
        environment_of: Callable[[Program], Mapping[bytes, bytes]],
        secrets_given: Callable[[str], Iterable[str]],
    ) -> dict[str, Any]:
        if self.program is None:
            return {"output": {}, "definition": "", "environment": {}}
        try:
            environment = {name: value for name, value in environment_of(self.program).items() if name != _TAG}
        except ValueError:
            environment = {}  # it cannot be one, and so the program was not started
        named = (os.fsdecode(value) for name, value in environment.items() if is_secret(os.fsdecode(name)))
        secrets = secrets_of((*named, *secrets_given(self.name)))
        return {
            "output": {channel: _shown(output, secrets) for channel, output in self.output.items()},
            "definition": digests.of_data(definition(self.program)),
            "environment": digests.of_variables(environment),
        }


def from_plain(plain: Mapping[str, Any]) -> CrashReport:
    """The report that `to_plain` has written; KeyError, TypeError or AttributeError where it is something else."""
    head = {"version", "seq", "last_seq", "name", "times", "unreported", "first_ended", "ended", "file"}
    made = {key: plain[key] for key in ("output", "definition", "environment")}
    return CrashReport(
        seq=int(plain["seq"]),
        name=str(plain["name"]),
        first_ended=float(plain["first_ended"]),
        last_seq=int(plain["last_seq"]),
        ended=float(plain["ended"]),
        times=int(plain["times"]),
        unreported=int(plain.get("unreported", 0)),
        facts={**_LATER, **{key: value for key, value in plain.items() if key not in head and key not in made}},
        made={**made, "output": dict(made["output"].items())},
        file=str(plain.get("file", "")),
    )


_TAG = TAG.encode()
# The facts that older masters have not written.
_LATER: Mapping[str, Any] = {"health": [], "hooks": []}


def _shown(output: Output, secrets: list[str]) -> dict[str, Any]:
    lines = None if output.data is None else last_lines(output.data, output.wrote, secrets)
    return {"bytes": output.wrote, "lines": lines}
