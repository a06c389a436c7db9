"""The moments at which logs are rotated, in zones that change their clocks, and the names of what they become."""

import math
import os
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from procman.logs.rotation import HOUR, PLAIN, Every, Keeping


@pytest.fixture
def zone(monkeypatch):
    """Sets the time zone of this process."""

    def set_to(name):
        monkeypatch.setenv("TZ", name)
        time.tzset()

    yield set_to
    monkeypatch.undo()
    time.tzset()


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def days_of(every, begin, count):
    moments, moment = [], begin
    for _ in range(count):
        moment = every.next_after(moment)
        moments.append(moment)
    return moments


def test_a_time_of_day_that_is_skipped_comes_once(zone):
    """02:30 of the day on which New York goes from 02:00 to 03:00 is 03:30 there; other days are as ever."""
    zone("America/New_York")
    every = Every("daily", 150)
    assert days_of(every, utc("2026-03-07T00:00"), 3) == [
        utc("2026-03-07T07:30"),
        utc("2026-03-08T07:30"),
        utc("2026-03-09T06:30"),
    ]


def test_a_time_of_day_that_comes_twice_counts_once(zone):
    """02:30 of the day on which Berlin goes from 03:00 back to 02:00 is the first of the two."""
    zone("Europe/Berlin")
    every = Every("daily", 150)
    assert days_of(every, utc("2026-10-24T12:00"), 2) == [utc("2026-10-25T00:30"), utc("2026-10-26T01:30")]
    assert every.next_after(utc("2026-10-25T00:30")) == utc("2026-10-26T01:30")


def test_an_hour_that_comes_twice_is_two_hours(zone):
    """Logs that are rotated each hour have one file for each, with names that differ."""
    zone("Europe/Berlin")
    keeping = Keeping(every=Every("hourly"), dated=True)
    first, second = utc("2026-10-25T00:59"), utc("2026-10-25T01:59")
    assert Every("hourly").next_after(first) == utc("2026-10-25T01:00")
    assert keeping.stamp(first) == keeping.stamp(second) == "2026-10-25T02"


@settings(deadline=None, max_examples=200)
@given(
    st.floats(0, 4_000_000_000),
    st.integers(0, 1439),
    st.sampled_from(
        ["UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Cairo"]
    ),
)
def test_each_day_and_each_hour_has_its_moment(moment, minute, name):
    """The next one is later, at most 26 hours (two for hours) later, and the last one before it is not."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = name
    time.tzset()
    try:
        for every, most in ((Every("daily", minute), 26 * HOUR), (Every("hourly"), 2 * HOUR)):
            found = every.next_after(moment)
            assert moment < found <= moment + most
            assert every.last_until(moment) <= moment
            assert every.last_until(found) == found
    finally:
        if before is None:
            del os.environ["TZ"]
        else:
            os.environ["TZ"] = before
        time.tzset()


def test_a_name_says_what_is_in_the_file(zone):
    """The day that it began on, not the one on which it was rotated; without a clock the moment of the last write."""
    zone("UTC")
    written = utc("2026-11-30T01:59:07")
    assert Keeping(every=Every("daily", 120), dated=True).stamp(written) == "2026-11-29"
    assert Keeping(every=Every("daily", 60), dated=True).stamp(written) == "2026-11-30"
    assert Keeping(every=Every("hourly"), dated=True).stamp(written) == "2026-11-30T01"
    assert Keeping(dated=True).stamp(written) == "2026-11-30T01-59-07"


def test_without_the_option_the_clock_never_comes():
    """A file as supervisor has it is never due."""
    assert PLAIN.next_after(1e9) == math.inf
