"""Records of a journal, as short as a test needs them."""

from typing import Any

from procman.runtime.journal.record import Record


def record(seq: int, name: str = "web", *, kind: Any = "state", **fields: Any) -> Record:
    """One of that number, at that second, about that process, which follows from the one before."""
    fields.setdefault("cause", seq - 1)
    return Record(seq, float(seq), float(seq), kind, name=name, group=fields.pop("group", name), **fields)
