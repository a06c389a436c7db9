"""How lines look on the console, for people and for machines."""

import json
import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from procman.logs.formats import FORMATS, TIMESTAMPS, line_format, own_line_format

NOON = 1732017600.25  # 2024-11-19 12:00:00.25 UTC


def written(lines: bytes, kind: str, timestamp: str = "none", name: str = "web", **options) -> bytes:
    write = line_format(kind, timestamp, name, "stdout", clock=lambda: NOON, **options)
    return lines if write is None else write(lines)


@pytest.mark.parametrize(
    ("kind", "timestamp", "expected"),
    [
        ("raw", "none", b"one\ntwo\n"),
        ("raw", "iso", b"2024-11-19T12:00:00.250Z one\n2024-11-19T12:00:00.250Z two\n"),
        ("raw", "epoch_ms", b"1732017600250 one\n1732017600250 two\n"),
        ("prefix", "none", b"web | one\nweb | two\n"),
        ("prefix", "iso", b"2024-11-19T12:00:00.250Z web | one\n2024-11-19T12:00:00.250Z web | two\n"),
        ("logfmt", "none", b'program=web stream=stdout message="one"\nprogram=web stream=stdout message="two"\n'),
    ],
)
def test_every_line_gets_its_prefix(kind, timestamp, expected):
    """All lines of a block have the same time."""
    assert written(b"one\ntwo\n", kind, timestamp) == expected


def test_names_are_padded_to_align_lines():
    """A longer name is not cut."""
    assert written(b"x\n", "prefix", width=6) == b"web    | x\n"
    assert written(b"x\n", "prefix", name="a-long-name", width=6) == b"a-long-name | x\n"


def test_names_are_coloured_on_a_terminal():
    """Each name has the same colour each time, and the line itself has none."""
    shown = written(b"x\n", "prefix", colour=True)
    assert shown == written(b"x\n", "prefix", colour=True)
    assert shown.startswith(b"\x1b[")
    assert shown.endswith(b"web\x1b[0m | x\n")


@given(st.lists(st.binary().filter(lambda line: b"\n" not in line), min_size=1), st.sampled_from(TIMESTAMPS))
def test_json_is_one_record_for_each_line(lines, timestamp):
    """Control characters and quotes are escaped, and bytes that are not UTF-8 stay readable."""
    block = b"".join(line + b"\n" for line in lines)
    records = written(block, "json", timestamp, name='we"b').decode().split("\n")
    assert records.pop() == ""
    parsed = [json.loads(record) for record in records]
    assert [record["message"] for record in parsed] == [line.decode("utf-8", "backslashreplace") for line in lines]
    assert all((record["program"], record["stream"]) == ('we"b', "stdout") for record in parsed)
    times = {"none": None, "iso": "2024-11-19T12:00:00.250Z", "epoch_ms": 1732017600250}
    assert all(record.get("time") == times[timestamp] for record in parsed)


def test_logfmt_quotes_words_only_if_needed():
    """A name with a blank would be two fields."""
    assert shlex.split(written(b"say\n", "logfmt", "iso", name="a b").decode()) == [
        "time=2024-11-19T12:00:00.250Z",
        "program=a b",
        "stream=stdout",
        "message=say",
    ]


@pytest.mark.parametrize("kind", FORMATS)
def test_the_masters_own_lines_become_records(kind):
    """Their time and level become fields."""
    line = b"2026-11-23 09:00:00,123 WARN exited: 'web' (exit status 1; not expected)\n"
    write = own_line_format(kind, "none", width=8)
    shown = line if write is None else write(line)
    match kind:
        case "raw":
            assert shown == line
        case "prefix":
            assert shown == b"procman  | " + line
        case "json":
            assert json.loads(shown) == {
                "time": "2026-11-23 09:00:00,123",
                "program": "procman",
                "level": "warn",
                "message": "exited: 'web' (exit status 1; not expected)",
            }
        case "logfmt":
            assert b'time="2026-11-23 09:00:00,123" program=procman level=warn message="exited: ' in shown


@pytest.mark.parametrize(
    ("timestamp", "time"),
    [("none", "2026-11-23 09:00:00,123"), ("iso", "2024-11-19T12:00:00.250Z"), ("epoch_ms", 1732017600250)],
)
def test_all_records_have_the_time_in_one_form(timestamp, time):
    """A reader of the stream has one form to parse."""
    line = b"2026-11-23 09:00:00,123 INFO spawned: 'web' with pid 14\n"
    as_json = own_line_format("json", timestamp, clock=lambda: 1732017600.25)
    assert json.loads(as_json(line))["time"] == time
    as_logfmt = own_line_format("logfmt", timestamp, clock=lambda: 1732017600.25)
    assert shlex.split(as_logfmt(line).decode())[0] == f"time={time}"
