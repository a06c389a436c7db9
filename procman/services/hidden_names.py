"""What a record says of an operation, without the names that a client may not know."""

from collections.abc import Callable

from procman.runtime.journal.record import Record
from procman.services.selectors import ALL, is_plain

HIDDEN = "…"


def without_hidden(record: Record, may: Callable[[str], bool] | None) -> Record:
    """The record, with only those of its targets that `may` takes, by namespec; None: all of them."""
    targets = (record.data or {}).get("targets")
    if may is None or not targets:
        return record
    shown = [spec if spec == ALL or (is_plain(spec) and may(spec)) else HIDDEN for spec in map(str, targets)]
    return record._replace(data={**(record.data or {}), "targets": list(dict.fromkeys(shown))})
