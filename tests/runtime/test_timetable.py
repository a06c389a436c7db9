"""What computes the times of schedules, and remembers which are over."""

import json

import pytest

from procman.config.schema.groups import Group
from procman.config.schema.master import Master
from procman.config.schema.programs import Program
from procman.core.actions import ScheduleAt
from procman.core.events import ClockStepped, ScheduleDue, ScheduleRemembered
from procman.core.fleet import Fleet
from procman.core.spec import Schedule
from procman.runtime.times_file import Looked, TimesFile
from procman.runtime.timetable import SPREAD, Timetable, offset_of

HOUR = 1_795_996_800.0  # a full one


class Alarm:
    def __init__(self, ring):
        self.ring = ring
        self.at = None

    def set(self, when):
        self.at = when

    def close(self):
        self.at = None


def job(name="job", text="0 * * * *", **options):
    return Program(name=name, group=name, command="/bin/true", schedule=Schedule(text), schedule_tz="UTC", **options)


class Desk:
    """A timetable, its clock, and what it has told the core."""

    def __init__(self, *programs, times=None):
        self.programs = programs or (job(),)
        groups = tuple(Group(name=one.name, priority=1, programs=(one,)) for one in self.programs)
        self.now = HOUR + 60
        self.told = []
        self.times = times or TimesFile(None)
        self.table = Timetable(
            Fleet(groups, Master()),
            self.times,
            self.told.append,
            clock=lambda: self.now,
            alarm=Alarm,
            chance=lambda: 0.5,
        )
        self.alarm = self.table._alarm

    def ask(self, since=None, behind=(), program=None):
        program = program or self.programs[0]
        self.table.order(ScheduleAt(program.name, program, since, behind))

    def rings(self, at, *, stepped=False):
        self.told.clear()
        self.now = at
        self.alarm.ring(stepped)
        return self.told


def test_the_alarm_is_set_to_the_earliest_time():
    """And to none when no schedule is on; from when on it was looked for is told."""
    desk = Desk(job(), job("other", "30 * * * *"))
    desk.ask()
    assert desk.told == [ScheduleRemembered("job", HOUR + 60, ())]
    assert desk.alarm.at == HOUR + 3600
    desk.ask(program=desk.programs[1])
    assert desk.alarm.at == HOUR + 1800
    desk.table.order(ScheduleAt("other", None))
    assert desk.alarm.at == HOUR + 3600
    desk.table.order(ScheduleAt("job", None))
    assert desk.alarm.at is None


def test_a_time_is_told_of_when_it_has_come():
    """Not before; and with how late that is."""
    desk = Desk()
    desk.ask()
    assert desk.rings(HOUR + 3599.9) == []
    assert desk.rings(HOUR + 3600.25) == [ScheduleDue("job", HOUR + 3600, 0.25)]


def test_of_several_that_have_passed_the_newest_is_told_of():
    """And how many there were before it."""
    desk = Desk()
    desk.ask()
    assert desk.rings(HOUR + 10 * 3600 + 5) == [ScheduleDue("job", HOUR + 10 * 3600, 5.0, 9)]


def test_what_is_behind_is_passed_over():
    """Going forward and looking back."""
    desk = Desk()
    desk.ask(HOUR, ((HOUR + 3600, HOUR + 3 * 3600),))
    assert desk.alarm.at == HOUR + 4 * 3600
    desk.ask(HOUR, ((HOUR + 2 * 3600, HOUR + 9 * 3600),))
    assert desk.rings(HOUR + 5 * 3600) == [ScheduleDue("job", HOUR + 3600, 4 * 3600.0)]


def test_a_step_of_the_clock_is_told_first():
    """What is due by the new time comes after it."""
    desk = Desk()
    desk.ask()
    assert desk.rings(HOUR + 7300, stepped=True) == [
        ClockStepped(HOUR + 7300),
        ScheduleDue("job", HOUR + 7200, 100.0, 1),
    ]


def test_systemd_5659_what_was_missed_does_not_all_begin_at_once():
    """The first at once, the others up to half a minute later, and no later for their deadlines."""
    desk = Desk(*(job(name) for name in "abc"))
    for program in desk.programs:
        desk.ask(HOUR - 7200, program=program)
    late = HOUR + 300
    assert desk.rings(late) == [ScheduleDue("a", HOUR, 300.0, 1)]
    desk.table.order(ScheduleAt("a", None))
    assert desk.alarm.at == late + SPREAD / 2
    assert desk.rings(late + SPREAD / 2) == [ScheduleDue("b", HOUR, 300.0, 1), ScheduleDue("c", HOUR, 300.0, 1)]


def test_systemd_21166_the_jitter_is_always_the_same():
    """It differs from program to program, and the times are that much later."""
    one, other = job(schedule_jitter=3600), job("other", schedule_jitter=3600)
    assert 0 <= offset_of(one) < 3600
    assert offset_of(one) == offset_of(job(schedule_jitter=3600)) != offset_of(other)
    desk = Desk(one)
    desk.ask()
    assert desk.alarm.at == HOUR + 3600 + offset_of(one)
    # The offset is a fraction, and this clock counts from the boot.
    assert desk.rings(desk.alarm.at) == [ScheduleDue("job", HOUR + 3600, pytest.approx(0, abs=1e-6))]
    assert desk.table.coming("job", 2) == [HOUR + 3600 + offset_of(one), HOUR + 7200 + offset_of(one)]


def test_a_time_is_on_the_disk_before_the_core_goes_on(tmp_path):
    """The next master tells the core; what is no longer in the configuration is forgotten."""
    path = str(tmp_path / "times")
    desk = Desk(times=TimesFile(path))
    desk.ask(HOUR, ((HOUR, HOUR),))
    assert json.loads((tmp_path / "times").read_text())["schedules"] == {"job": [HOUR, [[HOUR, HOUR]]]}
    next_one = Desk(job(), job("new"), times=TimesFile(path))
    next_one.table.remember()
    assert next_one.told == [ScheduleRemembered("job", HOUR, ((HOUR, HOUR),))]
    Desk(job("new"), times=TimesFile(path)).table.remember()
    assert TimesFile(path).get("job") is None


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        '{"procman": 2, "schedules": {"job": [1, []]}}',
        '{"procman": 1, "schedules": {"job": [1e999, []]}}',
    ]
    + [
        f'{{"procman": 1, "schedules": {{"job": {wrong}}}}}'
        for wrong in ("7", "[1]", '[1, [["x", 2]]]', "[1, [[3, 2]]]")
    ],
)
def test_a_file_that_makes_no_sense_is_nothing(tmp_path, content):
    """Nothing is known then, and nothing fails."""
    (tmp_path / "times").write_text(content)
    assert TimesFile(str(tmp_path / "times")).get("job") is None


def test_a_disk_that_is_full_is_complained_of_once(tmp_path):
    """The master goes on with what it knows."""
    said = []
    times = TimesFile(str(tmp_path / "no" / "times"), said.append)
    times.put("job", Looked(1.0, ()))
    times.put("job", Looked(2.0, ()))
    assert times.get("job") == Looked(2.0, ())
    assert len(said) == 1
    assert "make room there, or correct its permissions" in said[0]


def test_without_a_place_it_is_said_that_missed_runs_are_unknown():
    """As for a master that is PID 1."""
    said = []
    Desk(job(schedule_missed="once"), times=TimesFile(None, said.append)).table.remember()
    assert "what is missed while procman is down is unknown; set STATE_DIRECTORY" in said[0]
    Desk(times=TimesFile(None, said.append)).table.remember()
    assert len(said) == 1
