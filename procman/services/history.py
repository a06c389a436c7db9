"""The runs of a process as the journal has them: when each began and ended, how, and at whose request."""

from collections.abc import Iterable
from dataclasses import dataclass

from procman.runtime.journal.record import Record
from procman.services.actors import describe_actor
from procman.services.journal import JournalService

RUNS_ITSELF = "restart after its end"
NOT_RECORDED = "its end is not in the journal"


@dataclass(slots=True)
class Run:
    """One of them; what the journal does not have (any more) is None or empty."""

    name: str
    group: str
    run: int  # 0: not known
    pid: int | None = None
    seq: int | None = None  # of the record of its start
    began: float | None = None  # seconds since the epoch
    start: str = ""  # why it was started, and by whom
    ended: float | None = None
    end_seq: int | None = None  # of the record of its end
    seconds: float | None = None  # how long it ran, by the steady clock
    ending: str = ""  # "exit status 3", "terminated by SIGKILL", "could not be started: …", NOT_RECORDED; "": it runs
    stop: str = ""  # who ended it, and for what; "": nobody here
    mono: float = 0.0  # when it began, by the steady clock


def runs_of(journal: JournalService, name: str) -> list[Run]:
    """Those of one process, the oldest first."""
    runs: list[Run] = []
    present: Run | None = None
    left: Run | None = None  # by a master that has ended without a word; the next one may have taken it over
    for record in journal.life_of(name):
        pid = (record.data or {}).get("pid")
        if record.kind == "master":
            left, present = present or left, None
        elif record.kind == "spawn" and record.reason == "adopted" and left is not None and left.pid == pid:
            left.start = ", ".join(dict.fromkeys(filter(None, (left.start.removesuffix(", adopted"), "adopted"))))
            left, present = None, left
        elif record.kind == "spawn":
            present = _begun(journal, record)
            runs.append(present)
        elif record.kind == "exit":
            if present is None or present.pid != pid:
                present = Run(name, record.group, record.run, pid)
                runs.append(present)
            _end(journal, present, record)
            present = None
    for run in runs:
        if not run.ending and run is not present:
            run.ending = NOT_RECORDED
    return runs


def asked_by(chain: Iterable[Record]) -> str:
    """Who or what asked for the first of the records, in words; "" where nobody did."""
    last: Record | None = None
    for record in chain:
        if record.kind == "op-begin":
            targets = (record.data or {}).get("targets", ())
            operation = " ".join([record.reason, *map(str, targets)])
            actor = record.actor
            if actor is not None and actor.kind in ("client", "update"):
                return describe_actor(actor, operation)
            return f"{operation} ({describe_actor(actor)})" if actor is not None else operation
        last = record
    return "" if last is None or last.actor is None else describe_actor(last.actor)


def ending_of(record: Record) -> str:
    """How a process ended, of its record of kind exit."""
    data = record.data or {}
    if "signal" in data:
        return f"terminated by {data['signal']}{' (core dumped)' if data.get('core') else ''}"
    return f"exit status {data['code']}" if "code" in data else "exit status unknown"


def _begun(journal: JournalService, record: Record) -> Run:
    data = record.data or {}
    run = Run(record.name, record.group, record.run, data.get("pid"), record.seq, record.time, mono=record.mono)
    if data.get("failed"):
        run.ended, run.end_seq, run.seconds = record.time, record.seq, 0.0
        run.ending = f"could not be started: {record.reason}"
    elif record.reason == "adopted":
        age = float(data.get("age", 0))
        run.began, run.mono = record.time - age, record.mono - age
    run.start = "adopted" if record.reason == "adopted" else _why_started(journal, record)
    return run


def _why_started(journal: JournalService, record: Record) -> str:
    actor = record.actor
    chain = journal.chain(record.cause)
    if actor is None or actor.kind != "policy":
        return asked_by([*chain, record]) if actor is not None else ""
    for cause in chain:
        if cause.kind == "exit":
            return f"restarted after {ending_of(cause)}"
        if cause.kind == "spawn" and (cause.data or {}).get("failed"):
            return "tried again after a failed start"
    return RUNS_ITSELF


def _end(journal: JournalService, run: Run, record: Record) -> None:
    run.ended, run.end_seq = record.time, record.seq
    if run.began is not None:
        run.seconds = max(0.0, record.mono - run.mono)
    run.ending = ending_of(record)
    if record.cause is not None:
        chain = journal.chain(record.cause)
        overdue = any(cause.kind == "signal" and cause.reason == "overdue" for cause in chain[:1])
        # Nobody asked for the stop of one that had failed, whoever has started it.
        failed = next((cause.reason for cause in chain if cause.after == "STOPPING" and cause.reason), "")
        who = f"procman: {failed}" if failed else asked_by(chain)
        run.stop = f"{who}, and stopwaitsecs were over" if overdue and who else who
