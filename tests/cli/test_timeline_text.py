"""The picture of `timeline`: golden drawings, and what holds for all of them."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from procman.cli.timeline_text import MOST_LINES, timeline

BEGAN = 1795960800.0  # 2026-11-29 14:00:00 UTC


@pytest.fixture(autouse=True)
def in_utc(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def process(name, *spans):
    """Spans as (state, seconds)."""
    at, found = BEGAN, []
    for state, seconds in spans:
        found.append({"start": at, "end": at + seconds, "statename": state, "reason": "", "seq": None})
        at += seconds
    return {"namespec": name, "group": name, "spans": [span for span in found if span["statename"] != "absent"]}


def draw(*processes, seconds=3600, width=70, **options):
    options = {"shapes": True, "colour": False, **options}
    return timeline(processes, BEGAN, BEGAN + seconds, width=width, **options)


WEB = process("web", (None, 600), ("STARTING", 1), ("RUNNING", 1800), ("STOPPING", 5), ("STOPPED", 1194))
DB = process("db:main", ("RUNNING", 1200), ("EXITED", 300), ("BACKOFF", 60), ("FATAL", 2040))
NEW = process("new", ("absent", 1800), ("STOPPED", 60), ("RUNNING", 1740))


def test_the_picture_has_a_line_for_each_process_an_axis_and_a_legend():
    """The shapes differ, so that it can be read without colours."""
    assert draw(WEB, DB, NEW) == [
        "         |14:00    |14:10    |14:20    |14:30    |14:40    |14:50",
        "web      ??????????▄█████████████████████████████▀────────────────────",
        "db:main  ████████████████████·····▒✗✗✗✗✗✗✗✗✗✗✗✗✗✗✗✗✗✗✗✗✗✗✗✗✗✗✗✗✗✗✗✗✗✗✗",
        "new                                    ──█████████████████████████████",
        "? not known  █ RUNNING  ─ STOPPED  · EXITED  ▄ STARTING  ▀ STOPPING",
        "▒ BACKOFF  ✗ FATAL",
    ]


def test_off_a_terminal_states_are_letters():
    """As in a mail, or on a terminal without UTF-8."""
    assert draw(WEB, DB, shapes=False) == [
        "         |14:00    |14:10    |14:20    |14:30    |14:40    |14:50",
        "web      ??????????^RRRRRRRRRRRRRRRRRRRRRRRRRRRRRv--------------------",
        "db:main  RRRRRRRRRRRRRRRRRRRR.....BFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF",
        "? not known  R RUNNING  - STOPPED  . EXITED  ^ STARTING  v STOPPING",
        "B BACKOFF  F FATAL",
    ]
    assert all(line.isascii() for line in draw(WEB, DB, process("x" * 60, ("UNKNOWN", 9)), shapes=False))


def test_one_process_has_its_axis_below():
    """So that the name and its line are what is seen first."""
    assert draw(NEW, width=45) == [
        "new                      ─███████████████████",
        "     |14:00              |14:30",
        "█ RUNNING  ─ STOPPED",
    ]


def test_a_moment_is_seen_in_a_picture_of_a_day():
    """Of several states in a column the most serious one is shown."""
    lines = draw(
        process("web", ("RUNNING", 40000), ("STOPPING", 1), ("STARTING", 1), ("RUNNING", 46398)), seconds=86400
    )
    assert lines[0].count("▀") == 1
    assert lines[0].count("█") == len(lines[0]) - len("web  ") - 1


def test_neighbours_of_one_colour_share_its_code():
    """And every line ends without one."""
    lines = draw(DB, colour=True)
    assert lines[0].count("\x1b[") == 8
    assert lines[0].endswith("\x1b[0m")
    assert "\x1b[32m████" in lines[0]
    assert "\x1b[1;31m✗" in lines[0]


def test_many_processes_that_do_not_change_are_counted():
    """A thousand programs fit on a screen, unless they are named."""
    many = [process(f"calm{number}", ("RUNNING", 3600)) for number in range(900)]
    down = [process(f"down{number}", ("STOPPED", 3600)) for number in range(99)]
    lines = draw(*many, DB, *down)
    assert len(lines) < 10
    assert "99 more were STOPPED all the time; name them to see them" in lines
    assert "900 more were RUNNING all the time; name them to see them" in lines
    assert len(draw(*many, DB, *down, all_lines=True)) > 1000
    assert len(draw(*many[:MOST_LINES])) > MOST_LINES


def test_many_processes_that_change_have_an_axis_at_both_ends():
    """One of them is on the screen."""
    lines = draw(*[process(f"p{number}", ("STARTING", 1), ("RUNNING", 3599)) for number in range(200)])
    assert lines[0] == lines[-2]
    assert len(lines) == 203


def test_a_long_name_is_cut_in_the_middle():
    """The picture keeps its room."""
    lines = draw(process("a" * 30 + ":" + "b" * 30, ("RUNNING", 3600)), width=80)
    assert re.fullmatch(r"a{15}…b{16}  █{46}", lines[0])


@pytest.mark.parametrize(
    ("seconds", "label"),
    [(5, "14:00:00"), (60, "14:00:10"), (3600, "14:10"), (86400, "18:00"), (30 * 86400, "Dec 03")],
)
def test_the_axis_has_round_times(seconds, label):
    """With room between them, whatever time is shown."""
    axis = draw(WEB, DB, seconds=seconds)[0]
    assert f"|{label}" in axis


STATES = st.sampled_from(
    ["STOPPED", "STARTING", "RUNNING", "BACKOFF", "STOPPING", "EXITED", "FATAL", "UNKNOWN", "absent", None]
)
SPANS = st.lists(st.tuples(STATES, st.floats(0.001, 10_000)), max_size=10)


@given(st.lists(SPANS, max_size=5), st.floats(0.5, 1e6), st.integers(40, 300), st.booleans(), st.booleans())
def test_no_line_is_wider_than_it_may_be(all_spans, seconds, width, shapes, colour):
    """Whatever there is to draw."""
    processes = [process(f"name{number}", *spans) for number, spans in enumerate(all_spans)]
    for line in draw(*processes, seconds=seconds, width=width, shapes=shapes, colour=colour):
        assert len(re.sub(r"\x1b\[[0-9;]*m", "", line)) <= width


@given(SPANS, st.floats(0.5, 1e5), st.integers(40, 300))
def test_every_state_that_there_was_is_in_the_picture(spans, seconds, width):
    """Or a more serious one is in its columns."""
    only = process("x", *spans)
    lines = draw(only, seconds=seconds, width=width)
    shown = {span["statename"] for span in only["spans"] if span["start"] < BEGAN + seconds}
    if "FATAL" in shown:
        assert "✗" in lines[0]
