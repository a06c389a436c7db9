"""The master's own log: supervisor's lines."""

import time

import pytest

from procman.errors import ProcmanError
from procman.logs.main_log import LEVELS, Level, MainLog, format_line, open_log_file
from procman.logs.rotating_file import RotatingFile


@pytest.fixture
def local_time(monkeypatch):
    monkeypatch.setenv("TZ", "UTC-2")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def text_of(line):
    return line.decode().split(" ", 3)[3]


def test_a_line_has_supervisors_format(local_time):
    """Local time, a comma before the milliseconds, the level's four letters."""
    line = format_line(1795417200.1239, Level.INFO, "spawned: 'web' with pid 14")
    assert line == b"2026-11-23 09:00:00,123 INFO spawned: 'web' with pid 14\n"


def test_levels_are_supervisors():
    """Every word of loglevel= and its letters, from the rarest to the most frequent."""
    from supervisor.loggers import LOG_LEVELS_BY_NUM, getLevelNumByDescription

    assert list(LEVELS) == ["critical", "error", "warn", "info", "debug", "trace", "blather"]
    for word, level in LEVELS.items():
        assert getLevelNumByDescription(word) == level
        assert LOG_LEVELS_BY_NUM[level] == level.name


def test_a_text_stays_one_line():
    """Line breaks and control characters are escaped; letters of any language stay unchanged."""
    line = format_line(0, Level.WARN, "a\nb\r\x1b[31m\x7f\x9b é\t\udcff")
    assert text_of(line) == "a\\nb\\r\\x1b[31m\\x7f\\x9b é\t\\udcff\n"


@pytest.mark.parametrize("word", LEVELS)
def test_lines_below_the_level_are_left_out(tmp_path, word):
    """At each level, the methods of that level and those above write; the others do not."""
    sink = RotatingFile(str(tmp_path / "log"))
    log = MainLog(LEVELS[word], [sink])
    for method in LEVELS:
        getattr(log, method)(method)
    log.close()
    written = [text_of(line.encode()) for line in (tmp_path / "log").read_text().splitlines()]
    assert written == list(LEVELS)[: list(LEVELS).index(word) + 1]


def test_the_log_file_can_be_moved_and_cleared(tmp_path, loop, disks):
    """While the log is written."""
    path = tmp_path / "log"
    log = MainLog(Level.INFO, [open_log_file(disks, str(path), 0, 0, pytest.fail)])
    assert log.path == str(path)
    log.info("one")
    path.rename(tmp_path / "moved")
    log.reopen()
    log.info("two")
    assert log.outputs[0].sync()
    assert text_of(path.read_bytes()) == "two\n"
    loop.run_until_complete(log.clear())
    assert path.read_bytes() == b""
    log.close()
    assert log.path is None


def test_a_log_that_cannot_be_opened_stops_the_start(tmp_path, disks):
    """The error names the path, the reason, and a way out."""
    path = str(tmp_path / "none" / "log")
    with pytest.raises(ProcmanError) as caught:
        open_log_file(disks, path, 0, 0, pytest.fail)
    assert str(caught.value) == (
        f"cannot open the log {path}: No such file or directory; set logfile= to a file in a directory that exists and "
        "may be written, or to /dev/null"
    )


def test_a_failure_of_the_log_may_be_reported_to_the_log(tmp_path, disks):
    """A log's own failure, written to itself, neither recurses nor is reported twice."""
    path = tmp_path / "log"
    path.symlink_to("/dev/full")
    other = RotatingFile(str(tmp_path / "other"))
    log = MainLog()
    log.outputs += [open_log_file(disks, str(path), 0, 0, log.warn), other]
    for text in ("one", "two"):
        log.info(text)
        assert log.outputs[0].sync()
    log.close()
    lines = (tmp_path / "other").read_text().splitlines()
    assert [line.split(" ")[2] for line in lines] == ["INFO", "WARN", "INFO", "WARN"]
    assert "No space left on device; procman goes on" in lines[1]
    assert "is closed" in lines[3]
