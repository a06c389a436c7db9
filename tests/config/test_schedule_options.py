"""The options of schedules, in both forms, and what cannot be."""

import pytest

from procman.config.load import read
from procman.config.schema.options import Effect, options_of
from procman.config.schema.schedules import ScheduleOptions
from procman.core.spec import ProcessType, Schedule

HEADS = {
    "conf": "[supervisord]\n[program:backup]\ncommand=/bin/cat\n",
    "toml": '[procman]\n[program.backup]\ncommand = "/bin/cat"\n',
}
OTHERS = "schedule_missed=once\nschedule_deadline=1h\nschedule_jitter=5m\nschedule_history=3\nrun_on_start=true\n"
OTHERS_IN_TOML = """schedule_missed = "once"
schedule_deadline = "1h"
schedule_jitter = "5m"
schedule_history = 3
run_on_start = true
"""


def loaded(tmp_path, text: str, form: str = "conf"):
    path = tmp_path / f"p.{form}"
    path.write_text(HEADS[form] + text)
    return read(str(path))


def said(tmp_path, text: str, severity: str = "error", form: str = "conf") -> list[str]:
    return [str(one) for one in loaded(tmp_path, text, form).problems if one.severity == severity]


@pytest.mark.parametrize(
    ("form", "text"),
    [
        (
            "conf",
            "schedule = 0 2 * * MON#1 ; at night\nschedule_tz=Europe/Berlin\nschedule_overlap=queue\n" + OTHERS,
        ),
        (
            "toml",
            'schedule = "0 2 * * MON#1"\nschedule_tz = "Europe/Berlin"\nschedule_overlap = "queue"\n' + OTHERS_IN_TOML,
        ),
    ],
)
def test_both_forms_say_the_same(tmp_path, form, text):
    """A program with a schedule is a one-shot, and the options are read."""
    program = loaded(tmp_path, text, form).config.groups[0].programs[0]
    assert program.type is ProcessType.ONESHOT
    assert program.startretries == 0
    assert program.schedule == Schedule("0 2 * * MON#1")
    assert (program.schedule_tz, program.schedule_overlap) == ("Europe/Berlin", "queue")
    assert (program.schedule_missed, program.schedule_deadline, program.schedule_jitter) == ("once", 3600, 300)
    assert program.schedule_history == 3
    assert program.run_on_start is True


def test_the_defaults_are_as_said(tmp_path):
    """Nothing is made up for, nothing runs twice, and what is ten minutes late is missed."""
    program = loaded(tmp_path, "schedule=@daily\n").config.groups[0].programs[0]
    assert program.schedule == Schedule("@daily")
    assert (program.schedule_tz, program.schedule_overlap, program.schedule_missed) == ("local", "skip", "skip")
    assert (program.schedule_deadline, program.schedule_jitter, program.schedule_history) == (600, 0, 20)
    assert program.run_on_start is False


@pytest.mark.parametrize(("text", "seconds"), [("every 30m", 1800), ("Every  1m30s", 90), ("every 24h", 86400)])
def test_every_is_a_duration(tmp_path, text, seconds):
    """In seconds, from 1 s on."""
    program = loaded(tmp_path, f"schedule={text}\n").config.groups[0].programs[0]
    assert program.schedule is not None
    assert program.schedule.every == seconds


def test_a_program_without_a_schedule_is_as_it_was(tmp_path):
    """And none takes back what stands in [DEFAULT]."""
    program = loaded(tmp_path, "schedule=none\n").config.groups[0].programs[0]
    assert (program.schedule, program.type) == (None, ProcessType.SERVICE)


def test_every_option_is_changed_in_place():
    """An update computes the next time anew, and stops nothing."""
    assert all(option.effect is Effect.NONE for option in options_of(ScheduleOptions).values())


@pytest.mark.parametrize(
    ("lines", "option", "words"),
    [
        ("schedule = 61 * * * *", "schedule", "the minute is '61', expected 0-59"),
        ("schedule = 0 25 * * *", "schedule", "the hour is '25', expected 0-23"),
        ("schedule = 0 2 * *", "schedule", "it has 4 of five fields: minute, hour, day of the month, month"),
        ("schedule = 0 0 2 * * *", "schedule", "it has six fields: leave out the seconds"),
        ("schedule = 0 2 ? * *", "schedule", "expected 1-31, L or LW, or *, with lists and steps: say *"),
        ("schedule = @dayly", "schedule", "did you mean @daily?"),
        ("schedule = @reboot", "schedule", "say run_on_start = true"),
        ("schedule = @every 5m", "schedule", "say every 5m, without @"),
        ("schedule = every", "schedule", "expected every and a duration, such as every 30m"),
        ("schedule = every 30 parsecs", "schedule", "such as every 30m or every 24h, not '30parsecs'"),
        ("schedule = every 10ms", "schedule", "expected every 1s or more"),
        ("schedule = 30 2 31 2 *", "schedule", "never comes within 50 years: there is no such date"),
        ("schedule = * * */20 * 1L", "schedule", "never comes within 50 years"),
        ("schedule=@daily\nschedule_tz=Europe/Berln", "schedule_tz", "did you mean Europe/Berlin?"),
        ("schedule=@daily\nschedule_tz=../../etc/passwd", "schedule_tz", "expected local, UTC, or a name such as"),
        ("schedule=@daily\nschedule_overlap=wait", "schedule_overlap", "expected one of skip, queue, restart"),
        ("schedule=@daily\nschedule_missed=all", "schedule_missed", "expected one of skip, once"),
        ("schedule=@daily\nschedule_history=5000", "schedule_history", "a whole number from 0 to 1000"),
        ("schedule=@hourly\nschedule_jitter=2h", "schedule_jitter", "the next time comes 1h after one"),
        ("schedule=@daily\ntype=service", "type", "take type out, or write type = oneshot"),
        ("schedule=@daily\nautorestart=true", "autorestart", "startretries is for a run that fails: take it out"),
        (
            "schedule=@daily\nprocess_name=%(program_name)s_%(process_num)d\nnumprocs=2",
            "numprocs",
            "a program with a schedule has one process: leave numprocs out",
        ),
    ],
)
def test_what_cannot_be_is_an_error_with_its_line(tmp_path, lines, option, words):
    """With the way out, and once."""
    (problem,) = said(tmp_path, f"{lines}\n")
    assert f"p.conf:{4 + lines.count(chr(10))}: [program:backup] {option}: " in problem or "autorestart" in problem
    assert words in problem


def test_no_time_zones_at_all(tmp_path, monkeypatch):
    """The way out is to install them."""
    monkeypatch.setattr("procman.cron.times.available_timezones", set)
    monkeypatch.setattr("procman.cron.times.ZoneInfo", type("None", (), {"__init__": _refuse}))
    (problem,) = said(tmp_path, "schedule=@daily\nschedule_tz=Europe/Berlin\n")
    assert "install tzdata" in problem


def _refuse(self, key):
    raise ValueError(key)


@pytest.mark.parametrize(
    ("lines", "option", "words"),
    [
        ("schedule_missed=once", "schedule_missed", "it has no effect without schedule"),
        ("run_on_start=true", "run_on_start", "it has no effect without schedule"),
        ("schedule=every 5m\nschedule_tz=UTC", "schedule_tz", "with every 5m, which does not follow the wall clock"),
    ],
)
def test_what_has_no_effect_is_said(tmp_path, lines, option, words):
    """As a warning."""
    (warning,) = [one for one in said(tmp_path, f"{lines}\n", "warning") if option in one]
    assert words in warning


@pytest.mark.parametrize(
    ("section", "lines", "who"),
    [
        ("eventlistener:x", "events=TICK_5\n", "an event listener"),
        ("fcgi-program:x", "socket=tcp://localhost:9000\n", "a FastCGI program"),
    ],
)
def test_what_stays_up_has_no_schedule(tmp_path, section, lines, who):
    """It could never run."""
    path = tmp_path / "p.conf"
    path.write_text(f"[supervisord]\n[{section}]\ncommand=/bin/cat\n{lines}schedule=@daily\n")
    (problem,) = [str(one) for one in read(str(path)).problems if one.severity == "error"]
    assert f"schedule: {who} stays up, so it has no schedule: take it out" in problem


@pytest.mark.parametrize("edge", ["backup@done", "backup@exited", "backup"])
def test_who_may_depend_on_one(tmp_path, edge):
    """What waits for its end."""
    assert not said(tmp_path, f"schedule=@daily\n[program:web]\ncommand=/bin/cat\ndepends_on={edge}\n")


@pytest.mark.parametrize("condition", ["ready", "started", "running"])
def test_nothing_can_depend_on_its_being_up(tmp_path, condition):
    """It is up for a moment now and then."""
    lines = f"schedule=@daily\n[program:web]\ncommand=/bin/cat\ndepends_on=backup@{condition}\n"
    (problem,) = said(tmp_path, lines)
    assert "backup runs by a schedule and ends: say done or exited" in problem
