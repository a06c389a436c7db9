"""A master starts with any state file; it uses only what is valid in it."""

import json
import math
import os
import signal

from hypothesis import example, given, settings
from hypothesis import strategies as st

from procman.system.proc import boot_id
from procman.system.state_file import survivors
from procman.system.state_lines import read_state
from tests.support.fuzz_inputs import damaged

FULL = "\n".join(
    json.dumps(line)
    for line in (
        ["procman", 1, 4000000, boot_id()],
        ["+", "web", "tag-of-web", 7, 15, 10.0, 4000001, 99, [1, 2, 3]],
        ["+", "worker:1", "tag-of-worker", 7, 15, 2, 0, 0, [0, 0, 0]],
        ["=", "tag-of-worker", 4000002, 100, [4, 5, 6]],
        ["log", "web", "stdout", "/tmp/web.log"],
        ["log", "web", "stdout", None],
        ["-", "tag-of-web"],
    )
).encode()
NUMBERS = st.one_of(
    st.integers(-3, 70), st.integers(), st.floats(), st.sampled_from([10**400, -(10**400), 2**31, 2**63, 2**64, 1e308])
)
VALUES = st.one_of(NUMBERS, st.booleans(), st.none(), st.sampled_from(["a", "b", "", "\0", "\ud800"]))
LINES = st.one_of(
    st.tuples(st.just("procman"), VALUES, VALUES, st.one_of(st.just(boot_id()), VALUES)),
    st.tuples(st.just("+"), *[VALUES] * 5),
    st.tuples(st.just("+"), *[st.sampled_from("ab")] * 2, *[NUMBERS] * 5, st.lists(NUMBERS, min_size=2, max_size=4)),
    st.tuples(st.just("="), st.sampled_from("ab"), VALUES, VALUES, st.lists(VALUES, min_size=2, max_size=4)),
    st.tuples(st.just("-"), VALUES),
    st.tuples(st.just("log"), VALUES, VALUES, VALUES),
    st.lists(VALUES, max_size=3),
)


def understood(content: bytes) -> None:
    state = read_state(content)
    for tag, record in state.records.items():
        assert record.tag == tag
        assert record.signal in signal.valid_signals()
        assert math.isfinite(record.patience)
        assert record.patience >= 0
        assert record.pid >= 0
    for found in survivors(state):
        # Nothing in these files is true of a process of this machine.
        raise AssertionError(found)


@settings(max_examples=300)
@given(st.lists(LINES, max_size=6))
@example([["+", "a", "a", 1, 15, 10**400]])
@example([["+", "a", "a", 1, 999, 1]])
@example([["+", "a", "a", 1, 15, math.nan]])
def test_any_lines_are_understood_or_passed_over(lines):
    """Lines with invalid numbers, unknown signals or infinite times are skipped."""
    head = json.dumps(["procman", 1, os.getpid(), boot_id()])
    understood("\n".join([head, *map(json.dumps, lines)]).encode())


@settings(max_examples=150)
@given(damaged([FULL]))
def test_a_spoilt_file_is_read_as_far_as_it_goes(content):
    """A state file that is cut off, mixed up or overwritten is read as far as possible."""
    understood(content)
