"""Ranges of logs, with supervisor itself as the oracle."""

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from supervisor.options import readFile, tailFile

from procman.errors import BadRequest, NoLog, OperationFailed
from procman.logs.reading import read_log, tail_log

CONTENT = bytes(range(97, 117))
numbers = st.integers(-30, 30)


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    path = tmp_path_factory.mktemp("reading") / "log"
    path.write_bytes(CONTENT)
    return str(path)


@settings(max_examples=400)
@given(numbers, numbers)
def test_read_answers_as_supervisor(log, offset, length):
    """Same bytes, same refusals."""
    try:
        expected = readFile(log, offset, length)
    except ValueError:
        with pytest.raises(BadRequest):
            read_log(log, offset, length)
    else:
        assert read_log(log, offset, length) == expected


@settings(max_examples=400)
@given(numbers, numbers)
def test_tail_answers_as_supervisor(log, offset, length):
    """Same bytes, same odd offsets."""
    expected, position, overflow = tailFile(log, offset, length)
    assert tail_log(log, offset, length) == (expected.encode(), position, overflow)


def test_one_request_is_bounded(log):
    """No more than max_read bytes are returned, from the requested end."""
    assert read_log(log, 0, 0, max_read=5) == CONTENT[:5]
    assert read_log(log, 2, 100, max_read=5) == CONTENT[2:7]
    assert read_log(log, -100, 0, max_read=5) == CONTENT[-5:]
    assert tail_log(log, 0, 20, max_read=5) == (CONTENT[-5:], 20, False)


def test_only_regular_files_are_read(tmp_path):
    """A fifo does not make the master wait; a directory and a missing file are errors with their path."""
    os.mkfifo(tmp_path / "fifo")
    for name, kind, reason in (
        ("fifo", OperationFailed, "not a file"),
        (".", OperationFailed, "not a file"),
        ("none", NoLog, "No such file"),
    ):
        path = str(tmp_path / name)
        with pytest.raises(kind, match=reason):
            read_log(path, 0, 0)
        assert tail_log(path, 7, 10) == (b"", 7, False)
