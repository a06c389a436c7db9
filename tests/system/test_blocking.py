"""What is asked of a disk that does not answer is not waited for without end, nor asked by ever more threads."""

import _thread
import os
import threading
import time
from os.path import isdir

import pytest

from procman.config import host as machine
from procman.config.load import load
from procman.system import blocking
from procman.system.blocking import DiskQueries

LONG = 60.0


@pytest.fixture
def silent(monkeypatch):
    """A question without an answer until the test has ended."""
    monkeypatch.setattr(blocking, "PATIENCE", 0.01)
    monkeypatch.setattr(blocking, "SHORT_PATIENCE", 0.01)
    ends, under_way = threading.Event(), []

    def question():
        under_way.append(1)
        return ends.wait()

    question.under_way = under_way
    yield question
    ends.set()
    while blocking._hanging:
        time.sleep(0)


def test_an_answer_is_an_answer(monkeypatch):
    """However busy the machine is."""
    monkeypatch.setattr(blocking, "PATIENCE", LONG)
    assert DiskQueries().ask(lambda: True) is True
    assert DiskQueries().ask(lambda: False) is False
    assert not blocking._hanging


def test_there_is_no_answer_in_time(monkeypatch, silent):
    """Which says nothing about other disks."""
    monkeypatch.setattr(blocking, "SHORT_PATIENCE", LONG)
    asked = DiskQueries()
    assert asked.ask(silent) is None
    assert asked.ask(lambda: True) is True


def test_so_many_that_hang_are_enough(monkeypatch, silent):
    """Reading a file again and again does not use up all threads."""
    monkeypatch.setattr(blocking, "MOST_HANGING", 2)
    assert [DiskQueries().ask(silent) for _ in range(3)] == [None] * 3
    assert len(blocking._hanging) == 2
    while len(silent.under_way) < 2:  # their threads may come to it later
        time.sleep(0)
    assert len(silent.under_way) == 2


def test_a_daemon_has_none_that_hang(silent):
    """They were threads of whoever has started it."""
    assert DiskQueries().ask(silent) is None
    pid = os.fork()
    if not pid:
        os._exit(len(blocking._hanging))
    assert os.waitpid(pid, 0)[1] == 0
    assert len(blocking._hanging) == 1


def test_without_another_thread_it_is_asked_here(monkeypatch):
    """A user may have no more of them."""

    def none_left(*_):
        raise RuntimeError

    monkeypatch.setattr(_thread, "start_new_thread", none_left)
    assert DiskQueries().ask(lambda: False) is False
    assert not blocking._hanging


def test_a_directory_that_does_not_answer_is_taken_to_be_there(monkeypatch, tmp_path, silent):
    """It is asked once, and said once."""
    monkeypatch.setattr(machine, "isdir", lambda path: silent() if path in ("/x", "/far") else isdir(path))
    file = tmp_path / "p.conf"
    file.write_text(
        "[supervisord]\nlogfile=/x/p.log\n[program:a]\ncommand=true\nnumprocs=2\nprocess_name=%(process_num)s\n"
        "stdout_logfile=/far/a.log\n"
    )
    config = load(str(file))
    # The short patience of this test may be too short for other folders.
    told = [str(problem) for problem in config.warnings]
    assert [text for text in told if "'/x' does not respond" in text or "'/far' does not respond" in text] == [
        f"{file}:{place}: the disk of '{folder}' does not respond: the directory is assumed to exist"
        for place, folder in [("2: [supervisord] logfile", "/x"), ("7: [program:a] stdout_logfile", "/far")]
    ]
    assert {program.stdout_logfile for group in config.groups for program in group.programs} == {"/far/a.log"}
