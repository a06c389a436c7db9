"""Who asked for what, and who was refused, in syslog, where other users cannot read or change it (LOG_AUTHPRIV)."""

from procman.logs.syslog import Syslog
from procman.runtime.journal.record import Record
from procman.services.actors import describe_actor

# Facility authpriv, severity notice.
PRIORITY = 10 << 3 | 5
KINDS = frozenset({"op-begin", "access-denied", "terminal"})


class Audit:
    """Follows the journal."""

    def __init__(self, sink: Syslog) -> None:
        """It owns the sink."""
        self._sink = sink
        self.close = sink.close

    def take(self, record: Record) -> None:
        """Send the record, if it is about a client."""
        if record.kind in KINDS:
            text = "".join(letter if letter.isprintable() else "?" for letter in audit_line(record))
            self._sink.write(text.encode("utf-8", "replace") + b"\n")


def audit_line(record: Record) -> str:
    """Such as "restart web by uid 1000 (deploy, procmanctl, pid 812) [#41]"."""
    data = record.data or {}
    targets = data.get("targets", ())
    match record.kind:
        case "access-denied":
            asked = f" {data['asked']}" if "asked" in data else ""
            what = f"refused{asked}: {record.reason}"
        case "terminal":
            what = f"terminal of {record.name}: {record.reason}"
        case _:
            what = " ".join((record.reason, *map(str, targets)))
    times = f", {record.times} times" if record.times > 1 else ""
    return f"audit: {what}{times}, by {describe_actor(record.actor) or 'nobody'} [#{record.seq}]"
