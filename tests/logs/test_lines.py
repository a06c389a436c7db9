"""Whole lines out of arbitrary chunks, and colours removed from them."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from supervisor.dispatchers import stripEscapes

from procman.logs.lines import CONTINUED, CONTINUES, AnsiStripper, LineSplitter, last_line

chunks = st.lists(st.binary(max_size=40))
# Few different bytes, so that lines, long lines and UTF-8 borders are common; no bracket, so that marks stand out.
texts = st.lists(st.sampled_from([b"\n", b"a", b"bb", "ä".encode(), "€".encode(), b"\xff", b"c" * 9]).map(bytes)).map(
    b"".join
)


def cut(data, sizes):
    parts = []
    for size in sizes:
        parts.append(data[:size])
        data = data[size:]
    return [*parts, data]


@given(chunks)
def test_lines_joined_are_the_stream(parts):
    """If no line is too long, lines and rest together are the input, and each line ends with one newline."""
    splitter = LineSplitter()
    lines = [line for part in parts for line in splitter.feed(part)]
    assert all(line.count(b"\n") == 1 and line.endswith(b"\n") for line in lines)
    assert b"".join(lines) + splitter.flush() == b"".join(parts)


@given(texts, st.lists(st.integers(0, 12)), st.integers(4, 9))
def test_chunk_boundaries_change_nothing(data, sizes, max_line):
    """The same stream gives the same lines however it is cut into chunks."""
    whole, parted = LineSplitter(max_line), LineSplitter(max_line)
    expected = whole.feed(data)
    assert [line for part in cut(data, sizes) for line in parted.feed(part)] == expected
    assert parted.flush() == whole.flush()


@given(texts, st.integers(4, 9))
def test_overlong_lines_come_in_marked_pieces(data, max_line):
    """No piece is longer than allowed, and without the marks the pieces are the line."""
    splitter = LineSplitter(max_line)
    out = splitter.feed_block(data) + splitter.flush()
    assert out.replace(CONTINUES + CONTINUED, b"") == data
    pieces = out.replace(CONTINUES, b"\n").split(b"\n")
    assert all(len(piece.removeprefix(CONTINUED)) <= max_line for piece in pieces)


def test_a_long_line_is_not_cut_inside_a_character():
    """The boundary of two pieces moves back to the beginning of a UTF-8 character."""
    assert LineSplitter(4).feed(b"abc\xe2\x82\xacde\n") == [
        b"abc" + CONTINUES,
        CONTINUED + "€d".encode() + CONTINUES,
        b"[...] e\n",
    ]


def test_a_gigabyte_without_newline_is_never_held():
    """No more than one line is held back."""
    splitter = LineSplitter(100)
    for _ in range(1000):
        splitter.feed(b"x" * 1000)
    assert len(splitter.flush()) <= 100 + len(CONTINUED)


def test_flush_begins_a_new_stream():
    """The next line is not a continuation."""
    splitter = LineSplitter(4)
    splitter.feed(b"abcdefg")
    assert splitter.flush() == CONTINUED + b"efg"
    assert splitter.feed(b"new\n") == [b"new\n"]
    assert splitter.flush() == b""


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"", ""),
        (b"one\ntwo\n", "two"),
        (b"one\ntwo", "two"),
        (b"what went wrong\r\n \t\n\x1b[0m\n", "what went wrong"),
        (b"10 %\r90 %\n", "90 %"),
        (b"\x1b[1;31mno\tdatabase\x1b[0m\n", "no database"),
        ("caf\u00e9 \u202etxt\x07".encode(), "caf\u00e9  txt"),
        (b"\xff\n", "\ufffd"),
        (b"y" * 300 + b"\n", "y" * 300),
        (b"y" * 301 + b"\n", "y" * 300 + "\u2026"),
    ],
)
def test_the_last_line_can_be_shown_on_a_terminal(data, line):
    """It is the last line that is not blank, without anything that acts on a terminal."""
    assert last_line(data) == line


coloured = st.lists(
    st.sampled_from([b"\x1b", b"[", b"\x1b[31m", b"\x1b[0;1m", b"\x1b[2J", b"5", b";", b"m", b"text", b"\n"])
).map(b"".join)


@given(coloured, st.lists(st.integers(0, 5)))
@example(b"\x1b\x1b[2J[[", [1, 5])
def test_colours_are_removed_across_chunks(data, sizes):
    """Cut anywhere, a stream loses the same sequences."""
    stripper = AnsiStripper()
    out = b"".join(stripper.feed(part) for part in cut(data, sizes)) + stripper.flush()
    assert out == re.sub(rb"\x1b\[[0-?]*[ -/]*[@-~]", b"", data)


@given(st.lists(st.sampled_from([b"\x1b[31m", b"\x1b[0;1m", b"\x1b[2J", b"\x1b[3;4H", b"text", b"\n"])).map(b"".join))
def test_colours_are_removed_as_in_supervisor(data):
    """For whole sequences in one chunk the result is supervisor's."""
    stripper = AnsiStripper()
    assert stripper.feed(data) + stripper.flush() == stripEscapes(data)


def test_an_endless_sequence_is_text():
    """It is not held back for ever."""
    stripper = AnsiStripper()
    data = b"\x1b[" + b"1" * 200
    assert stripper.feed(data) == data
