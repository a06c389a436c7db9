"""Moments as people type them, in local time."""

import time
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from procman.cli.moments import moment
from procman.errors import BadRequest

NOW = datetime(2026, 11, 29, 14, 30, 15, 500000).timestamp()  # noqa: DTZ001 - local time, as in the module


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("14:02", (2026, 11, 29, 14, 2)),
        ("9:05", (2026, 11, 29, 9, 5)),
        ("14:30:15", (2026, 11, 29, 14, 30, 15)),
        ("14:30:15.25", (2026, 11, 29, 14, 30, 15, 250000)),
        ("14:31", (2026, 11, 28, 14, 31)),
        ("2026-11-20T14:02:10", (2026, 11, 20, 14, 2, 10)),
        ("2026-11-20 14:02", (2026, 11, 20, 14, 2)),
        ("2026-11-20", (2026, 11, 20)),
        ("10m", (2026, 11, 29, 14, 20, 15, 500000)),
        ("1h30m", (2026, 11, 29, 13, 0, 15, 500000)),
        ("90s", (2026, 11, 29, 14, 28, 45, 500000)),
        ("2d", (2026, 11, 27, 14, 30, 15, 500000)),
        ("now", (2026, 11, 29, 14, 30, 15, 500000)),
    ],
)
def test_a_moment_is_read_in_local_time(text, found):
    """A time of day is the latest that has been; a duration is before now."""
    assert moment(text, NOW) == datetime(*found).timestamp()  # noqa: DTZ001


def test_a_moment_may_name_its_zone_or_be_an_epoch():
    """As other tools print them."""
    assert moment("2026-11-20T14:02:10Z", NOW) == 1795183330
    assert moment("2026-11-20T15:02:10+01:00", NOW) == 1795183330
    assert moment("1795183330.5", NOW) == 1795183330.5


@pytest.mark.parametrize(
    "text", ["", "noon", "25:00", "14:60", "14", "yesterday", "10", "10x", "-5m", "2026-13-01", "9" * 15, "1e9", "٣m"]
)
def test_nonsense_is_answered_with_examples(text):
    """So that nobody has to look it up."""
    with pytest.raises(BadRequest, match="expected something like 14:02"):
        moment(text, NOW)


@given(st.text(max_size=20))
def test_no_text_leads_to_another_error(text):
    """Whatever is typed."""
    try:
        assert isinstance(moment(text, NOW), float)
    except BadRequest:
        pass


def test_every_time_of_the_last_day_is_found_again():
    """At each minute, around the change of the day, too."""
    for minutes in range(24 * 60):
        at = NOW - 15.5 - 60 * minutes
        assert moment(time.strftime("%H:%M", time.localtime(at)), NOW) == at
