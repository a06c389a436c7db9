"""Two masters with the same directory for AUTO logs and the same identifier, as by default."""

import contextlib

import pytest

from tests.support.running_master import COUNTER, SLEEPER, RunningMaster


@pytest.fixture
def start_master(tmp_path):
    """Starts masters with configurations of their own."""
    logs = tmp_path / "logs"
    logs.mkdir()
    with contextlib.ExitStack() as running:

        def start_master(name, command):
            folder = tmp_path / name
            folder.mkdir()
            programs = f"[program:{name}]\ncommand={command}\nstartsecs=0\nredirect_stderr=true\n"
            master = RunningMaster(folder, programs, arguments=("-q", str(logs)))
            running.enter_context(contextlib.closing(master))
            master.wait_for(f"success: {name}")
            return master

        yield start_master


def test_a_second_master_leaves_the_logs_of_the_first_alone(start_master, tmp_path):
    """A second master keeps the first one's logs, whether it runs or has ended, and removes its own old ones."""
    first = start_master("one", COUNTER)
    first.hear("one", "1\n")
    log = first.info("one")["stdout_logfile"]
    second = start_master("two", SLEEPER)
    assert first.stop() == 0
    before = second.so_far()
    second.call("POST", "/v1/master/reload")
    second.wait_for("success: two", after=before)
    second.has_written("two")  # its log may have had a path before it was a file
    assert {str(path) for path in (tmp_path / "logs").iterdir()} == {log, second.info("two")["stdout_logfile"]}
    with open(log) as file:
        *numbers, end = file.read().split()
    assert (numbers, end) == ([str(number) for number in range(len(numbers))], "end")
    assert not [line for line in first.lines if "was removed" in line]
