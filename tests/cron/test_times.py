"""The times of cron expressions: beside cronsim over ten years in odd zones, and near each change of the clocks."""

import os
import time
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim

from procman.cron.times import Cron, UnknownZone, zone_of

# Half an hour of summer time; a day that never was; no summer time in Ramadan; and the usual ones.
ODD_ZONES = ("Australia/Lord_Howe", "Pacific/Apia", "Africa/Casablanca", "Europe/Berlin", "America/St_Johns", "UTC")
EXPRESSIONS = (
    "30 2 * * *",
    "0,45 1,2,3 * * *",
    "0 0 * * *",
    "59 23 L * *",
    "0 2 * * MON#2",
    "17 3 1 1 *",
)


def at(text: str, zone: str, fold: int = 0) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp()


def texts(cron: Cron, instant: float, count: int) -> list[str]:
    """The next times, with their offsets."""
    found = []
    for _ in range(count):
        later = cron.after(instant)
        assert later is not None
        instant = later
        found.append(datetime.fromtimestamp(instant, cron.zone).strftime("%d %H:%M %z"))
    return found


STARS = {
    "*/20 * 29-31 3,10 *": lambda now: now.minute % 20 == 0 and now.day >= 29 and now.month in (3, 10),
    "5 */4 * * SUN": lambda now: now.minute == 5 and now.hour % 4 == 0 and now.isoweekday() == 7,
}


@pytest.mark.slow
@pytest.mark.parametrize("zone", ODD_ZONES)
@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_ten_years_are_those_of_cronsim(zone, expression):
    """Each time of a job at fixed hours is the one that cronsim gives when it goes through all ten years."""
    zone = ZoneInfo(zone)
    begin, end = datetime(2008, 5, 15, tzinfo=zone), datetime(2018, 5, 15, tzinfo=zone).timestamp()
    oracle = takewhile(lambda time: time < end, (time.timestamp() for time in CronSim(expression, begin)))
    _agrees(Cron(expression, zone), begin.timestamp(), sorted(set(oracle)))


@pytest.mark.slow
@pytest.mark.parametrize("zone", ODD_ZONES)
@pytest.mark.parametrize("expression", STARS)
def test_ten_years_of_real_time(zone, expression):
    """Each time of a job with a star is a moment at which the clock on the wall shows what it says."""
    zone = ZoneInfo(zone)
    begin, end = (int(datetime(year, 5, 15, tzinfo=zone).timestamp()) for year in (2008, 2018))
    matches = STARS[expression]
    found = (datetime.fromtimestamp(instant, zone) for instant in range(begin + 300, end, 300))
    _agrees(Cron(expression, zone), begin, [now.timestamp() for now in found if matches(now)])


def _agrees(cron: Cron, instant: float, expected: list[float]) -> None:
    found = []
    while (later := cron.after(instant)) is not None and later <= expected[-1]:
        assert later > instant
        found.append(instant := later)
    assert found == expected
    # Looking back finds the same ones: from each of them, and from between two of them.
    for place in range(0, len(expected) - 1, max(1, len(expected) // 100)):
        assert cron.newest(expected[place]) == expected[place]
        assert cron.newest((expected[place] + expected[place + 1]) / 2) == expected[place]


@pytest.mark.slow
@pytest.mark.parametrize("zone", ODD_ZONES)
@pytest.mark.parametrize("expression", ["30 2 * * *", *STARS])
def test_what_is_newest_is_what_comes_going_forward(zone, expression):
    """Around each change of the clocks in two years, whatever the moment."""
    zone = ZoneInfo(zone)
    cron = Cron(expression, zone)
    moment = datetime(2011, 1, 1, tzinfo=UTC)
    offset = moment.astimezone(zone).utcoffset()
    while moment.year < 2013:
        if moment.astimezone(zone).utcoffset() != offset:
            offset = moment.astimezone(zone).utcoffset()
            for minutes in range(-400, 300, 97):
                instant = (moment + timedelta(minutes=minutes, seconds=1)).timestamp()
                newest = cron.newest(instant)
                assert newest is not None
                later = cron.after(newest)
                assert later is not None
                assert newest <= instant < later
        moment += timedelta(hours=2)


def test_a_change_at_one_minute_past_midnight():
    """There cronsim does not return when it knows the zone: https://github.com/cuu508/cronsim."""
    cron = Cron("5 */4 * * *", ZoneInfo("America/St_Johns"))
    night = at("2008-11-02T00:00:30", "America/St_Johns")
    assert texts(cron, night, 3) == ["02 00:05 -0330", "02 04:05 -0330", "02 08:05 -0330"]


def test_an_hour_that_is_skipped():
    """A job in it runs once right after it; one for each minute goes on in real time."""
    before = at("2026-03-28T12:00", "Europe/Berlin")
    zone = zone_of("Europe/Berlin")
    assert texts(Cron("30 2 * * *", zone), before, 2) == ["29 03:00 +0200", "30 02:30 +0200"]
    assert texts(Cron("0,30 2 * * *", zone), before, 2) == ["29 03:00 +0200", "30 02:00 +0200"]
    just_before = at("2026-03-29T01:58", "Europe/Berlin")
    assert texts(Cron("* * * * *", zone), just_before, 2) == ["29 01:59 +0100", "29 03:00 +0200"]


def test_an_hour_that_comes_twice():
    """A job in it runs once; one for each half an hour goes on in real time."""
    zone = zone_of("Europe/Berlin")
    before = at("2026-10-25T01:00", "Europe/Berlin")
    assert texts(Cron("30 2 * * *", zone), before, 2) == ["25 02:30 +0200", "26 02:30 +0100"]
    assert texts(Cron("*/30 * * * *", zone), before + 1, 5) == [
        "25 01:30 +0200",
        "25 02:00 +0200",
        "25 02:30 +0200",
        "25 02:00 +0100",
        "25 02:30 +0100",
    ]


def test_supercronic_86_no_flood_of_runs_when_the_clocks_go_back():
    """Asked in the second of the two hours, the next time is that of the next day, and never a time in the past."""
    cron = Cron("45 2 * * *", zone_of("Europe/Berlin"))
    second_half_past_two = at("2026-10-25T02:30", "Europe/Berlin", fold=1)
    assert texts(cron, second_half_past_two, 1) == ["26 02:45 +0100"]
    instant, count = at("2026-10-25T00:00", "Europe/Berlin"), 0
    while (later := cron.after(instant)) is not None and later < at("2026-10-26T00:00", "Europe/Berlin"):
        instant, count = later, count + 1
    assert count == 1


def test_a_day_that_never_was():
    """Samoa left out the 30th of December 2011: its job runs when that is over, and once."""
    cron = Cron("0 2 * * *", zone_of("Pacific/Apia"))
    assert texts(cron, at("2011-12-29T00:00", "Pacific/Apia"), 3) == [
        "29 02:00 -1000",
        "31 00:00 +1400",
        "31 02:00 +1400",
    ]


def test_a_leap_second_is_the_second_before():
    """The clock of the system has no 60th second, so nothing is left out and nothing comes twice."""
    cron = Cron("* * * * *", UTC)
    last = datetime(2016, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC).timestamp()
    assert texts(cron, last, 1) == ["01 00:00 +0000"]


def test_the_next_is_strictly_later():
    """Also from a part of a second before it and after it."""
    cron = Cron("0 * * * *", UTC)
    hour = 1_795_996_800.0
    assert cron.after(hour - 0.001) == hour
    assert cron.after(hour) == cron.after(hour + 0.001) == hour + 3600
    assert cron.newest(hour) == cron.newest(hour + 0.001) == hour
    assert cron.newest(hour - 0.001) == hour - 3600


def test_what_never_comes():
    """There is no next one, and no newest one; also at the end of time."""
    for expression in ("30 2 31 2 *", "* * */20 * 1L"):
        assert Cron(expression, UTC).after(0.0) is None
        assert Cron(expression, UTC).newest(1e9) is None
    assert Cron("* * * * *", UTC).after(1e15) is None


def test_words():
    """For people."""
    assert Cron("@daily", UTC).words() == "At 00:00 every day"


@pytest.mark.parametrize(
    ("variable", "offset"),
    [("Asia/Kolkata", 5.5), (":Asia/Kolkata", 5.5), ("XYZ-3", 3), ("", 0), ("nonsense", 0), ("\x01\x02\x03", 0)],
)
def test_the_local_zone_is_that_of_the_c_library(variable, offset, monkeypatch):
    """TZ is a name, a file or a rule; what makes no sense is UTC."""
    monkeypatch.setenv("TZ", variable)
    assert datetime(2026, 7, 1, tzinfo=zone_of("local")).utcoffset() == timedelta(hours=offset)


def test_a_rule_has_summer_time(monkeypatch):
    """As POSIX writes it."""
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    cron = Cron("30 2 * * *", zone_of("local"))
    assert texts(cron, at("2026-03-28T12:00", "Europe/Berlin"), 1) == ["29 03:00 +0200"]


def test_without_a_variable_it_is_the_file_of_the_machine(monkeypatch):
    """As `date` shows it."""
    monkeypatch.delenv("TZ", raising=False)
    time.tzset()
    now = time.time()
    shown = datetime.fromtimestamp(now, zone_of("local")).utcoffset()
    assert shown is not None
    assert shown.total_seconds() == time.localtime(now).tm_gmtoff
    assert os.environ.get("TZ") is None


def test_a_zone_that_is_none():
    """The way out is in the message."""
    with pytest.raises(UnknownZone, match=r"there is no time zone 'berlin'; did you mean Europe/Berlin\?"):
        zone_of("berlin")
