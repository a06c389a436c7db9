"""Leftovers of a stopped program: they get the signal once, and as much time as the program itself."""

import contextlib
import os
import signal
import subprocess
import sys

import pytest

from tests.support.log_lines import PATIENCE, LogLines
from tests.support.master_process import PROGRAMS, environment
from tests.support.namespaces import as_pid_1
from tests.support.running_master import RunningMaster

TWICE = f"{sys.executable} {PROGRAMS}/twice.py"
FAMILY = f"{sys.executable} {PROGRAMS}/family.py"


@pytest.fixture
def start_master(tmp_path):
    """A master with one program with the test's options, whose console is the master's."""
    masters = []

    def start_master(command: str, *lines: str, master: str = "", as_pid_1: bool = False) -> RunningMaster:
        program = "\n".join([f"[program:app]\ncommand={command}\nstdout_logfile=/dev/stdout", *lines])
        masters.append(RunningMaster(tmp_path, program, master=master, as_pid_1=as_pid_1))
        return masters[-1]

    yield start_master
    for master in masters:
        master.close()


@pytest.fixture
def fifo(tmp_path):
    path = tmp_path / "fifo"
    os.mkfifo(path)
    return path


def in_bash(rest: str) -> str:
    """A shell that does not exec the program, and that ends by the signal."""
    return f'bash -c "{TWICE} {rest}; echo"'


@pytest.mark.parametrize(
    ("lines", "as_pid_1", "waits"),
    [
        (["stopasgroup=true", "leftovers=stop"], False, "and not what it has started: waiting for"),
        (["stop_scope=group", "leftovers=stop"], False, "and not what it has started: waiting for"),
        (["stop_scope=tree"], False, "and not what it has started: waiting for"),
        pytest.param(["stopasgroup=true"], True, "to leave, too", marks=pytest.mark.root),
        pytest.param(["stop_scope=group"], True, "to leave, too", marks=pytest.mark.root),
        pytest.param(["leftovers=stop"], True, "and not what it has started: waiting for", marks=pytest.mark.root),
        pytest.param([], True, "to leave, too", marks=pytest.mark.root),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, list) else "",
)
def test_whoever_had_the_stop_signal_gets_it_no_second_time(start_master, fifo, lines, as_pid_1, waits):
    """A child that got the stop signal with its shell gets no second one, and saves its work."""
    master = start_master(in_bash(str(fifo)), "stopwaitsecs=60", *lines, as_pid_1=as_pid_1)
    position = master.wait_for("twice is up")
    master.signal(signal.SIGTERM)
    master.wait_for(waits, after=position)
    master.wait_for("twice is saving", after=position)
    fifo.write_text("go on")
    assert master.to_the_end() == 0
    assert "twice has saved" in master.text
    assert "twice has lost its work" not in master.text


def test_whoever_left_the_group_gets_the_signal_that_the_group_has_had(start_master):
    """With leftovers=stop, a descendant in a session of its own gets the signal when its program has ended."""
    master = start_master(f"{FAMILY} obeys obeys", "stopasgroup=true", "leftovers=stop")
    position = master.wait_for("parent")
    master.wait_for("descendant")
    master.signal(signal.SIGTERM)
    position = master.wait_for("and not what it has started: waiting for", after=position)
    assert master.to_the_end() == 0
    assert any(line.startswith("descendant") and line.endswith("leaves") for line in master.lines)


@pytest.mark.root
def test_what_is_left_over_has_the_stopwaitsecs_of_its_program(start_master):
    """A leftover has the stopwaitsecs of its program to save its work, not the two seconds of other processes."""
    master = start_master(f'bash -c "{TWICE} 3; echo"', "stopwaitsecs=60", as_pid_1=True)
    master.wait_for("twice is up")
    assert master.stop() == 0
    assert "twice has saved" in master.text
    assert "SIGKILL" not in master.text


@pytest.mark.root
@pytest.mark.parametrize(
    ("lines", "master"), [("stopwaitsecs=3", ""), ("stopwaitsecs=1000", "shutdown_timeout=3")], ids=["", "timeout"]
)
def test_what_is_left_over_has_no_more_than_that(start_master, fifo, lines, master):
    """A leftover gets SIGKILL after its program's stopwaitsecs, or at the shutdown_timeout."""
    master = start_master(in_bash(str(fifo)), lines, master=master, as_pid_1=True)
    master.wait_for("twice is up")
    assert master.stop() == 0
    assert "twice has saved" not in master.text
    (line,) = [line for line in master.lines if "with SIGKILL: still there after" in line]
    assert "killing python" in line


@pytest.mark.root
def test_who_asks_a_second_time_waits_for_nobody(start_master, fifo):
    """A second SIGTERM kills leftovers at once."""
    master = start_master(in_bash(str(fifo)), "stopwaitsecs=1000", as_pid_1=True)
    master.wait_for("twice is up")
    master.signal(signal.SIGTERM)
    master.wait_for("to leave, too")
    master.signal(signal.SIGTERM)
    assert master.to_the_end() == 0
    assert "with SIGKILL: still there after" in master.text


# ---- the same for `procman run`


@contextlib.contextmanager
def running_as_pid_1(*words: str):
    """`procman run ...` as PID 1; SIGTERM reaches it through unshare, as through a container runtime."""
    command = [*as_pid_1(), sys.executable, "-m", "procman", "run"]
    process = subprocess.Popen(
        [*command, *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment(PROGRAMS),
    )
    try:
        yield LogLines(process)
    finally:
        process.kill()
        process.wait(PATIENCE)
        process.stdout.close()


def terminate(running: LogLines) -> None:
    unshare = running.process.pid
    with open(f"/proc/{unshare}/task/{unshare}/children", encoding="ascii") as children:
        (pid_1,) = map(int, children.read().split())
    os.kill(pid_1, signal.SIGTERM)


@pytest.mark.root
@pytest.mark.parametrize("words", [["-g"], ["-g", "-k", "60"], [], ["-k", "60"]], ids=" ".join)
def test_run_asks_whoever_is_left_once_and_waits(fifo, words):
    """`procman run` sends leftovers the signal once: with -g together with the program, otherwise after its end."""
    with running_as_pid_1("-v", *words, "--", "bash", "-c", f"{TWICE} {fifo}; echo") as running:
        running.expect("^twice is up$")
        terminate(running)
        running.expect_all(["waiting for python.* to leave$", "^twice is saving$"])
        fifo.write_text("go on")
        assert running.to_the_end() == 128 + signal.SIGTERM
    assert "twice has saved" in running.lines


@pytest.mark.root
@pytest.mark.parametrize("words", [["-k", "60"], []], ids=" ".join)
def test_what_run_is_left_with_has_the_time_of_its_program(words):
    """Leftovers of `procman run` have the --kill-after of the program, or unlimited time without it."""
    with running_as_pid_1(*words, "--", "bash", "-c", f"{TWICE} 3; echo") as running:
        running.expect("^twice is up$")
        terminate(running)
        assert running.to_the_end() == 128 + signal.SIGTERM
    assert running.lines[-1] == "twice has saved"


@pytest.mark.root
def test_what_run_is_left_with_is_killed_after_that(fifo):
    """Leftovers of `procman run` are killed after --kill-after."""
    with running_as_pid_1("-k", "3", "--", "bash", "-c", f"{TWICE} {fifo}; echo") as running:
        running.expect("^twice is up$")
        terminate(running)
        assert running.to_the_end() == 128 + signal.SIGTERM
    assert running.lines[-1] == "twice is saving"


@pytest.mark.root
def test_a_second_signal_reaches_whoever_run_is_left_with(fifo):
    """A second signal to `procman run` is passed on to leftovers."""
    with running_as_pid_1("-v", "-g", "--", "bash", "-c", f"{TWICE} {fifo}; echo") as running:
        running.expect("^twice is up$")
        terminate(running)
        running.expect_all(["waiting for python.* to leave$", "^twice is saving$"])
        terminate(running)
        assert running.to_the_end() == 128 + signal.SIGTERM
    assert "twice has lost its work" in running.lines
