"""Where a log was at which time, and what of it is shown from a moment on."""

from procman.logs.log_watch import _in_parts, last_part
from procman.logs.marks import MOST, Marks
from tests.support.fake_clock import Clock


def test_the_place_of_a_moment_is_right_to_a_second():
    """All that was written after it is there, and at most a second before."""
    clock = Clock()
    marks = Marks(clock)
    for number in range(100):
        clock.now += 0.25
        marks.note((number + 1) * 10)
    place = marks.since(clock.now - 10)
    assert (100 - 40) * 10 - 40 <= place <= (100 - 40) * 10
    assert marks.since(0) == 0
    assert marks.since(clock.now) == 1000


def test_a_long_past_takes_bounded_memory():
    """Fewer moments of it are kept, and they stay in order."""
    clock = Clock()
    marks = Marks(clock)
    for number in range(5000):
        clock.now += 2
        marks.note(number)
    parts = marks.parts(0, 4999)
    assert len(parts) <= MOST + 1
    assert parts == sorted(parts)
    assert marks.since(clock.now - 3) == 4997


def test_a_log_that_was_emptied_begins_anew():
    """So does one whose clock was put back."""
    clock = Clock()
    marks = Marks(clock)
    marks.note(100)
    clock.now += 10
    marks.note(10)
    assert marks.since(clock.now - 5) == 0
    clock.now -= 1000
    marks.note(20)
    assert marks.since(clock.now) == 20


def test_parts_are_whole_lines():
    """A moment in the middle of a line is that of the whole line."""
    clock = Clock()
    marks = Marks(clock)
    marks.note(6)  # "one\ntw"
    clock.now += 5
    marks.note(14)
    assert _in_parts(b"one\ntwo\nthree\n", 14, marks) == [(100.0, b"one\ntwo\n"), (105.0, b"three\n")]


def test_the_last_lines():
    """An unfinished one counts."""
    assert last_part(b"a\nb\nc\n", 2) == b"b\nc\n"
    assert last_part(b"a\nb\nc", 2) == b"b\nc"
    assert last_part(b"a\n", 9) == b"a\n"
    assert last_part(b"a\n", 0) == b""
