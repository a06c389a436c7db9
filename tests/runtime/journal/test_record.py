"""A record is written as JSON without what does not apply, and read back by any version."""

import json

import pytest

from procman.core.attribution import Actor
from procman.runtime.journal.record import Record, from_json
from tests.support.journal_records import record

WHOLE = Record(
    7,
    1000.25,
    12.5,
    "state",
    "site",
    "site:web",
    3,
    "RUNNING",
    "EXITED",
    "leftovers",
    "why",
    6,
    2,
    Actor("client", uid=0, gid=0, pid=812, user="root", command="procmanctl", via="/run/s"),
    {"pid": 14},
    4,
)


def test_a_record_is_the_same_after_it_was_written():
    """Every field of it."""
    assert from_json(json.loads(json.dumps(WHOLE.to_json()))) == WHOLE
    assert from_json(record(1).to_json()) == record(1)


def test_what_does_not_apply_is_left_out():
    """States are `from` and `to`, the operation is `op`."""
    assert record(1, "", cause=None).to_json() == {"seq": 1, "time": 1.0, "mono": 1.0, "kind": "state"}
    assert set(WHOLE.to_json()) == {
        *("seq", "time", "mono", "kind", "group", "name", "run", "from", "to", "phase", "reason"),
        *("cause", "op", "actor", "data", "times"),
    }


def test_a_record_of_another_version_is_read():
    """An older one lacks fields, a newer one has others, also in its actor."""
    plain = {"seq": 1, "time": 2, "mono": 3, "kind": "new", "later": True, "actor": {"kind": "client", "role": "x"}}
    read = from_json(plain)
    assert (read.kind, read.actor, read.times) == ("new", Actor("client"), 1)


@pytest.mark.parametrize(
    "plain",
    [
        {},
        {"seq": 1},
        {"seq": "x", "time": 1, "mono": 1, "kind": "exit"},
        {"seq": 1, "time": 1, "mono": 1, "kind": 5},
        {"seq": 1, "time": 1, "mono": 1, "kind": "exit", "actor": "root"},
        {"seq": 1, "time": 1, "mono": 1, "kind": "exit", "actor": {"uid": []}},
        {"seq": 1, "time": 1, "mono": 1, "kind": "exit", "data": 7},
        {"seq": None, "time": 1, "mono": 1, "kind": "exit"},
    ],
)
def test_what_is_no_record_is_a_value_error(plain):
    """So that a reader can leave the line out."""
    with pytest.raises(ValueError):
        from_json(plain)
