"""The ring keeps the latest records within its bound, and says what gave way."""

import tracemalloc

import pytest

from procman.core.attribution import Actor
from procman.runtime.journal.ring import RING_BYTES, Ring, size_of
from tests.support.journal_records import record


def numbers(ring, since=0):
    return [(one.kind, one.seq, one.name) for one in ring.since(since)]


def test_records_come_back_in_order_and_by_number():
    """What has a higher number than the reader's last one, and nothing else."""
    ring = Ring()
    for seq in (3, 5, 9):
        ring.add(record(seq))
    assert [one.seq for one in ring.since(3)] == [5, 9]
    assert [one.seq for one in ring.latest_first()] == [9, 5, 3]
    assert ring.find(5) == record(5)
    assert ring.find(4) is None
    assert ring.since(9) == []


def full_ring():
    """Almost: one more record might drop the oldest."""
    ring = Ring()
    seq = 0
    while ring.bytes <= RING_BYTES - 2000:
        seq += 1
        # Numbers and times are objects of their own, as they are in a master.
        made = record(seq + 10_000, f"program-{seq % 40}", cause=seq + 9_999, data={"pid": 100_000 + seq, "code": 1})
        ring.add(made._replace(time=seq * 1.5, mono=seq * 2.5))
    return ring


def test_the_estimate_is_what_the_records_take():
    """A full ring takes no more memory than its bound, and not less than half of it."""
    full_ring()  # what is made once, by the first ring of all, is not counted
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        ring = full_ring()
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert ring.bytes > RING_BYTES - 2000
    assert RING_BYTES / 2 < taken <= RING_BYTES


def test_the_oldest_give_way_to_the_latest_and_a_gap_says_so():
    """The gap has the number of the last that is missing, so that a reader goes on behind it."""
    ring = Ring(capacity=size_of(record(1)) * 10)
    for seq in range(1, 31):
        ring.add(record(seq, f"p{seq % 3}"))
    gap, *kept = ring.since(0)
    assert [one.seq for one in kept] == list(range(21, 31))
    assert (gap.kind, gap.seq, gap.name) == ("gap", 20, "")
    assert gap.data == {"from": 1, "to": 20, "reason": "older records were dropped for newer ones", "records": 20}
    assert ring.since(20) == kept


def test_a_reader_is_told_of_the_gap_from_where_it_was():
    """What it has had before is not missing for it."""
    ring = Ring(capacity=size_of(record(1)) * 4)
    for seq in range(1, 11):
        ring.add(record(seq, f"p{seq % 4}"))
    gap = ring.since(3)[0]
    assert gap.data["from"] == 4
    assert "records" not in gap.data


def test_one_name_uses_half_of_the_ring_at_most():
    """A crash-looper loses its own oldest records, and those of the others stay."""
    ring = Ring(capacity=size_of(record(1)) * 20)
    ring.add(record(1, "calm"))
    for seq in range(2, 100):
        ring.add(record(seq, "loop"))
    assert numbers(ring) == [
        ("state", 1, "calm"),
        ("gap", 89, "loop"),
        *[("state", seq, "loop") for seq in range(90, 100)],
    ]
    gap = ring.since(1)[0]
    assert gap.data == {
        "from": 2,
        "to": 89,
        "records": 88,
        "reason": "its older records were dropped: one name may use half of the ring",
    }


def test_a_gap_of_a_name_ends_in_the_gap_of_all():
    """What is missing is said once, and nothing is kept of names that have no records any more."""
    ring = Ring(capacity=size_of(record(1)) * 10)
    for seq in range(1, 20):
        ring.add(record(seq, "loop"))
    for seq in range(20, 60):
        ring.add(record(seq, f"p{seq % 5}"))
    assert [one.kind for one in ring.since(0)].count("gap") == 1
    assert ring.since(0)[0].data["records"] == 49
    assert set(ring._accounts) == {f"p{number}" for number in range(5)}


def test_equal_records_in_a_row_are_one_with_a_count():
    """All but number and times must be equal; the one that is kept has those of the last."""
    ring = Ring()
    denied = record(1, "", kind="access-denied", cause=None, actor=Actor("client", uid=7), data={"status": 401})
    for seq in range(1, 4):
        ring.add(denied._replace(seq=seq, time=float(seq), mono=float(seq)))
    ring.add(denied._replace(seq=4, data={"status": 403}))
    first, second = ring.since(0)
    assert (first.seq, first.time, first.times) == (3, 3.0, 3)
    assert (second.seq, second.times) == (4, 1)
    assert ring.find(1) is None
    assert ring.bytes == size_of(first) + size_of(second)


@pytest.mark.parametrize("different", [{"cause": 9}, {"name": "db"}, {"reason": "x"}, {"run": 2}, {"kind": "exit"}])
def test_records_that_differ_are_kept_apart(different):
    """Whatever it is that differs."""
    ring = Ring()
    ring.add(record(1, "web", cause=None))
    ring.add(record(2, "web", cause=None)._replace(**different))
    assert len(ring) == 2


def test_a_ring_goes_on_in_another_process_image():
    """With its records and its gaps."""
    ring = Ring(capacity=size_of(record(1)) * 10)
    for seq in range(1, 40):
        ring.add(record(seq, "loop" if seq < 30 else f"p{seq % 4}", actor=Actor("boot")))
    other = Ring(capacity=size_of(record(1)) * 10)
    other.restore(ring.snapshot())
    assert other.since(0) == ring.since(0)
    assert other.bytes == ring.bytes


def test_older_records_are_put_before_those_that_are_here():
    """Those of a file that is read while the master has begun already."""
    ring = Ring()
    ring.add(record(10))
    ring.load([record(3), record(5), record(10), record(12)])
    assert [one.seq for one in ring.since(0)] == [3, 5, 10]
