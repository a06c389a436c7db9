"""A master starts with any file in the place of its journal; it uses what is valid in it, and writes on behind it."""

import json
import math
import os
import tempfile

from hypothesis import example, given, settings
from hypothesis import strategies as st

from procman.runtime.journal.disk_file import DiskFile
from procman.runtime.journal.record import KINDS
from procman.runtime.journal.ring import Ring
from tests.support.fuzz_inputs import damaged
from tests.support.journal_records import record

FULL = b"".join(
    json.dumps(line).encode() + b"\n"
    for line in (
        record(1, reason="x", data={"pid": 7}).to_json(),
        {"reserved": 4001},
        record(2, "", kind="op-begin", data={"targets": ["web"]}).to_json(),
        {"ended": 2},
    )
)
NUMBERS = st.one_of(st.integers(-3, 70), st.floats(), st.sampled_from([10**400, -1, 2**63, 1e308]))
VALUES = st.one_of(
    NUMBERS, st.booleans(), st.none(), st.text(max_size=3), st.lists(st.integers(), max_size=2), st.just({})
)
FIELDS = (
    "seq",
    "time",
    "mono",
    "kind",
    "name",
    "group",
    "run",
    "cause",
    "op",
    "times",
    "reason",
    "from",
    "actor",
    "data",
)
LINES = st.one_of(
    st.dictionaries(st.sampled_from([*FIELDS, "reserved", "ended"]), VALUES, max_size=9),
    st.fixed_dictionaries(
        {"seq": NUMBERS, "time": NUMBERS, "mono": NUMBERS, "kind": st.sampled_from(KINDS)},
        optional={"actor": st.dictionaries(st.sampled_from(["kind", "uid", "via", "new"]), VALUES), "data": VALUES},
    ),
    st.fixed_dictionaries({"reserved": VALUES}),
    st.fixed_dictionaries({"ended": VALUES}),
    VALUES,
)


def understood(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "journal")
        with open(path, "wb") as file:
            file.write(content)
        reports: list[str] = []
        file = DiskFile(path, 0, reports.append)
        end = file.find_end()
        records, strange = file.load(1 << 20)
        assert strange >= 0
        ring = Ring()
        ring.load(records)
        for one in ring.since(0):
            json.dumps(one.to_json(), allow_nan=False)
        used = max(end.used, 0) + 1
        file.write([record(used)], used + 10)
        assert reports == []
        with open(path, "rb") as written:
            last = json.loads(written.read().splitlines()[-2])
        assert last["seq"] == used
        file.end(used)


@settings(max_examples=150)
@given(st.lists(LINES, max_size=6))
@example([{"seq": math.inf, "time": 1, "mono": 1, "kind": "exit"}])
@example([{"seq": 1, "time": 10**400, "mono": 1, "kind": "exit"}])
@example([{"seq": True, "ended": 10**30}])
def test_any_lines_are_understood_or_passed_over(lines):
    """Lines with other fields, impossible numbers or actors of other kinds are skipped."""
    understood("".join(json.dumps(line) + "\n" for line in lines).encode())


@settings(max_examples=100)
@given(damaged([FULL]))
def test_a_spoilt_file_is_read_as_far_as_it_goes(content):
    """A journal that is cut off, mixed up or overwritten is read as far as possible, and written on."""
    understood(content)
