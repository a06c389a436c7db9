"""What clients ask about the past: the table as it was, the states over a time, and why a process was in one.

Everything comes from the journal's records and from what there is now; see `services.past` for what is known then.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from typing import TypeVar

from procman.errors import BadRequest, OperationFailed, UnknownProcess
from procman.runtime.call_queue import CallQueue, TakesTooLong
from procman.runtime.journal.journal import Records, chain_in
from procman.runtime.journal.record import Record
from procman.services.hidden_names import without_hidden
from procman.services.history import asked_by, ending_of
from procman.services.past import History, Present, Span, histories, known_since, spans_between
from procman.services.process_table import ProcessTable
from procman.services.selectors import selects
from procman.services.status import ProcessStatus
from procman.services.status_words import uptime

T = TypeVar("T")

# So long a client waits for its answer, in seconds.
ANSWER_WITHIN = 10.0
# A client's clock may be that much ahead, in seconds.
AHEAD = 60.0
# So many records of what led to a state are shown.
MOST_CAUSES = 20


@dataclass(frozen=True, slots=True)
class PastState:
    """One line of the table as it was."""

    namespec: str
    name: str
    group: str
    span: Span
    description: str


@dataclass(frozen=True, slots=True)
class PastReason:
    """Why a process was in its state."""

    state: PastState
    wanted: bool | None  # whether it should have been up; None: not known
    wanted_by: str  # who asked for that, in words; "": not known
    ending: str  # how its last run before that had ended; "": not known, or there was none
    ended: float | None
    chain: list[Record]  # what brought it there: the record of the state, its cause, and so on to the root


class TimeTravel:
    """Answers from the journal of one master."""

    def __init__(
        self,
        journal: Records,
        processes: ProcessTable,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`clock` is in seconds since the epoch."""
        self._may: Callable[[str], bool] | None = None
        self._journal = journal
        self._processes = processes
        self._clock = clock
        self._beside = CallQueue(ANSWER_WITHIN)

    def among(self, may: Callable[[str], bool] | None) -> "TimeTravel":
        """The same for a client to which only processes that `may` takes, by namespec, exist; None: all do."""
        if may is None:
            return self
        travel = copy(self)
        travel._may = may  # noqa: SLF001 - it is a copy of this one
        return travel

    async def reaching(self, moment: float) -> "Past":
        """What there was, also from the journal's file where the memory does not reach back to that moment."""
        return self._past(await self._journal.reaching(0, moment))

    def in_memory(self) -> "Past":
        """What there was, as far as the memory reaches back."""
        return self._past(self._journal)

    async def beside(self, call: Callable[[], T]) -> T:
        """Do what goes through a `Past` on a thread: a large journal takes longer than the loop may be held."""
        try:
            return await self._beside.do(call)
        except TakesTooLong:
            raise OperationFailed(
                f"cannot tell what was: going through the journal took longer than {ANSWER_WITHIN:.0f} s; ask for a "
                "later time, or when the machine is less busy"
            ) from None

    def _past(self, records: Records) -> "Past":
        present = {status.namespec: _present(status) for status in self._processes.statuses("all")}
        return Past(records.records(), present, self._clock(), self._may)


class Past:
    """The records of one moment, and what there was then. Nothing in it changes, so any thread may ask it."""

    def __init__(
        self,
        records: list[Record],
        present: Mapping[str, Present],
        now: float,
        may: Callable[[str], bool] | None = None,
    ) -> None:
        """The records are in the order of their numbers, with the gaps; for `may` see `TimeTravel.among`."""
        self._records = records
        self._present = present
        self._now = now
        self._may = may

    @property
    def known_since(self) -> float | None:
        """As far back as anything is known, in seconds since the epoch."""
        return known_since(self._records)

    def states(self, at: float, specs: Sequence[str] = ()) -> list[PastState]:
        """What there was at that moment; raises BadRequest for the future, UnknownProcess for a name of nothing."""
        self._check(at, "at")
        found = []
        for history in self._chosen(specs):
            span = history.at(at)
            if span is not None:
                found.append(self._state(history, span, at))
        return found

    def spans(self, since: float, until: float, specs: Sequence[str] = ()) -> list[tuple[History, list[Span]]]:
        """What each process was in during that time; raises BadRequest and UnknownProcess."""
        self._check(until, "until")
        if since >= until:
            raise BadRequest("cannot show a time that ends before it begins: since= must be earlier than until=")
        return [
            (history, spans)
            for history in self._chosen(specs)
            if (spans := list(spans_between(history, since, min(until, self._now))))
        ]

    def why(self, at: float, spec: str) -> PastReason:
        """Why one process was in its state then; raises BadRequest and UnknownProcess."""
        states = self.states(at, (spec,))
        if len(states) != 1:
            raise UnknownProcess(spec)
        (state,) = states
        by_number = {record.seq: record for record in self._records if record.kind != "gap"}
        earlier = [r for r in reversed(by_number.values()) if r.name == state.namespec and r.time <= at]
        asked = next((r for r in earlier if r.kind == "state" and _is_asked(r)), None)
        end = next((r for r in earlier if r.kind == "exit"), None)
        return PastReason(
            state,
            None if asked is None else asked.after == "STARTING",
            "" if asked is None else asked_by(self._shown(chain_in(by_number.get, asked.seq))),
            "" if end is None else ending_of(end),
            None if end is None else end.time,
            self._shown(chain_in(by_number.get, state.span.seq))[:MOST_CAUSES],
        )

    def _shown(self, chain: list[Record]) -> list[Record]:
        may = self._may
        if may is None:
            return chain
        return [without_hidden(record, may) for record in chain if not record.name or may(record.name)]

    def _check(self, moment: float, key: str) -> None:
        if moment > self._now + AHEAD:
            raise BadRequest(f"cannot tell the future: {key}= is after now")

    def _chosen(self, specs: Sequence[str]) -> list[History]:
        """Those that are named, in the order of `status`; those that are gone come last."""
        found = list(histories(self._records, self._present, self._now).values())
        if self._may is not None:
            found = [history for history in found if self._may(history.name)]
        found.sort(key=lambda history: history.name not in self._present)  # stable: present ones are in order
        if not specs:
            return found
        chosen: set[str] = set()
        for spec in specs:
            named = [history for history in found if selects(spec, history.group, history.name.rpartition(":")[2])]
            if not named:
                raise UnknownProcess(spec)
            chosen |= {history.name for history in named}
        return [history for history in found if history.name in chosen]

    def _state(self, history: History, span: Span, at: float) -> PastState:
        name = history.name.rpartition(":")[2]
        return PastState(history.name, name, history.group, span, self._description(span, at))

    def _description(self, span: Span, at: float) -> str:
        """As `status` has it, as far as it is known."""
        if not span.is_known:
            since = self.known_since
            if since is None or at >= since:
                return "not known: records of the journal are missing here"
            return f"not known: the journal goes back to {time.strftime('%b %d %H:%M:%S', time.localtime(since))}"
        match span.state:
            case "RUNNING":
                ran = "" if span.started is None else f"uptime {uptime(max(0, int(at - span.started)))}"
                return ", ".join(filter(None, (f"pid {span.pid}" if span.pid else "", ran)))
            case "FATAL" | "BACKOFF":
                return span.reason
            case "STOPPED" | "EXITED" if span.since is not None:
                return time.strftime("%b %d %I:%M %p", time.localtime(span.since))
            case _:
                return ""


def _present(status: ProcessStatus) -> Present:
    state = status.state.name
    has_process = bool(status.pid)
    return Present(
        group=status.group,
        state=state,
        since=float(status.stop) if state in {"STOPPED", "EXITED"} and status.stop else None,
        started=float(status.start) if has_process and status.start else None,
        pid=status.pid,
        reason=status.reason,
    )


def _is_asked(record: Record) -> bool:
    """Whether somebody has wanted it up or down by that, and not autorestart or a next try."""
    if record.after == "STOPPING":
        return record.before in {"RUNNING", "STARTING"}
    return record.after == "STARTING" and (record.actor is None or record.actor.kind != "policy")
