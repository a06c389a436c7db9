"""The deadlines of one process: which is the next, and what is due."""

from dataclasses import replace

import pytest

from procman.core.deadlines import NO_DEADLINES, Deadlines

SEVERAL = Deadlines(start=5.0, stop=3.0)


@pytest.mark.parametrize(
    ("deadlines", "earliest"),
    [(NO_DEADLINES, None), (Deadlines(retry=2.0), 2.0), (SEVERAL, 3.0), (replace(SEVERAL, retry=1.0), 1.0)],
)
def test_the_earliest_is_the_least_of_all_that_are_set(deadlines, earliest):
    """A field that is None does not count."""
    assert deadlines.earliest == earliest


@pytest.mark.parametrize(
    ("deadlines", "now", "due"),
    [
        (NO_DEADLINES, 9.0, None),
        (Deadlines(start=2.0), 1.9, None),
        (Deadlines(start=2.0), 2.0, "start"),
        (Deadlines(retry=2.0), 2.0, "retry"),
        (Deadlines(stop=2.0), 2.0, "stop"),
        (SEVERAL, 2.9, None),
        (SEVERAL, 9.0, "stop"),
    ],
)
def test_the_earliest_that_has_come_is_due(deadlines, now, due):
    """A deadline is due at its time, and one that came before goes first."""
    assert deadlines.due(now) == due
