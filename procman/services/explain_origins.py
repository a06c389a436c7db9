"""Who asked for what, and when, in words: from the attribution of the core and the records of the journal."""

import time
from collections.abc import Callable

from procman.core.attribution import Actor, Origin
from procman.runtime.journal.journal import Journal
from procman.runtime.journal.record import Record
from procman.services.actors import describe_actor
from procman.services.explain_facts import Wish
from procman.services.hidden_names import without_hidden

# So many names of an operation are repeated.
MOST_TARGETS = 3
# So many processes that were left behind are looked for.
MOST_PIDS = 40
# So many records after each other are followed to a root; real chains are shorter.
DEEPEST = 30

_DONE = {
    "start": "started it",
    "stop": "stopped it",
    "restart": "restarted it",
    "retry": "retried it",
    "signal": "sent it a signal",
    "chaos": "made it fail on purpose",
    "refresh": "had it read its configuration again",
    "update": "updated the configuration",
    "add": "added its group",
    "remove": "removed its group",
    "reload": "reloaded procman",
    "shutdown": "shut procman down",
    "upgrade": "upgraded procman",
}


class Origins:
    """Reads the journal."""

    def __init__(self, journal: Journal, now: float, may: Callable[[str], bool] | None = None) -> None:
        """`now` is in seconds since the epoch; `may` takes the processes that the client may know of; None: all."""
        self._may = may
        self._journal = journal
        self._now = now

    def wish(self, origin: Origin) -> Wish:
        """The request behind it."""
        if origin.actor is None:
            return Wish()
        chain = self._chain(origin.cause)
        request = next((record for record in chain if record.kind == "op-begin"), None)
        if request is not None:
            by = describe_actor(request.actor or origin.actor, operation_words(request))
            return Wish(by, self.clock(request.time), request.time)
        master = next((record for record in chain if record.kind == "master" and record.reason), None)
        at = next((record.time for record in chain), None)
        by = master.reason if master is not None else describe_actor(origin.actor)
        return Wish(by, "" if at is None else self.clock(at), at)

    def caused(self, origin: Origin, name: str) -> str:
        """What the present state of the process of that namespec followed from; "": nothing that is known."""
        chain = self._chain(origin.cause)
        if not chain:
            return ""
        # A process that was stopped for a failure has not ended because somebody had started it once.
        stopped = next((one for one in chain if one.after == "STOPPING" and one.reason), None)
        if stopped is not None:
            why = f": {stopped.reason}" if self._shows(stopped.name) or stopped.name == name else ""
            return f"after {self._process_of(stopped, name)} was stopped{why}"
        root = chain[-1]
        if root.kind == "op-begin":
            who = describe_actor(root.actor, operation_words(root)) or "a client"
            return f"after {who} had {_DONE.get(root.reason, 'changed something')}"
        if root.kind == "exit":
            return f"after {self._process_of(root, name)} had ended by itself"
        if root.kind == "master":
            return f"after {root.reason}" if root.reason else ""
        if root.kind == "watch":
            return f"after {(root.data or {}).get('changed', 'a file changed')}"
        if (root.kind, root.reason) == ("spawn", "adopted"):
            return f"taken over from a killed master at {self.clock(root.time)}"
        return _of_itself(root.actor)

    def _process_of(self, record: Record, name: str) -> str:
        """Whose process it is, for the explanation of that process."""
        if record.name in (name, ""):
            return "its process"
        return f"the process of {record.name}" if self._shows(record.name) else "another process"

    def _shows(self, name: str) -> bool:
        return self._may is None or self._may(name)

    def clock(self, at: float) -> str:
        """The time of day; of another day with its date."""
        return clock_time(at, self._now)

    def _chain(self, seq: int | None) -> list[Record]:
        """The record, what it follows from, and so on to the root, as far as they are kept."""
        found: list[Record] = []
        while seq is not None and len(found) < DEEPEST and (record := self._journal.find(seq)) is not None:
            found.append(without_hidden(record, self._may))
            seq = record.cause
        return found


def clock_time(at: float, now: float) -> str:
    """The time of day; of another day than `now` with its date. Both are seconds since the epoch."""
    when = time.localtime(at)
    is_today = when[:3] == time.localtime(now)[:3]
    return time.strftime("%H:%M:%S" if is_today else "%b %d %H:%M:%S", when)


def left_behind(journal: Journal, name: str) -> tuple[int, ...]:
    """The pids that runs of that process are known to have left behind, whether or not they are still there."""
    pids: dict[int, None] = {}
    for record in journal.latest_first():
        if record.name == name and record.data and "descendants" in record.data:
            pids.update(dict.fromkeys(record.data["descendants"]))
        if len(pids) >= MOST_PIDS:
            break
    return tuple(pids)


def operation_words(record: Record) -> str:
    """What was asked for, as a command line has it: "restart db"."""
    targets = list((record.data or {}).get("targets", ()))
    more = ["…"] if len(targets) > MOST_TARGETS else []
    return " ".join([record.reason, *targets[:MOST_TARGETS], *more])


def _of_itself(actor: Actor | None) -> str:
    match actor:
        case Actor(kind="boot"):
            return "after procman had started"
        case Actor(kind="signal" | "rollback", via=via):
            return f"after {via}"
        case _:
            return ""
