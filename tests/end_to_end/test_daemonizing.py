"""A program that daemonizes itself: the log says so, and with stop_scope=tree a stop reaches it."""

import os
import re
import select
import signal
import sys

import pytest

from tests.support.log_lines import PATIENCE
from tests.support.master_process import PROGRAMS, ROOT
from tests.support.running_master import RunningMaster

DAEMON = f"{sys.executable} {PROGRAMS}/daemonizes.py"
SAID = "app has put itself into the background ({}): let it run in the foreground"


@pytest.fixture
def start_master(tmp_path):
    """A master with one such program with the test's options, whose console is the master's."""
    masters = []

    def start_master(*lines: str, retries: int = 0) -> RunningMaster:
        # However busy the machine is, it ends before it counts as started.
        given = [f"command={DAEMON}", "stdout_logfile=/dev/stdout", "startsecs=60", f"startretries={retries}", *lines]
        masters.append(RunningMaster(tmp_path, "\n".join(["[program:app]", *given])))
        return masters[-1]

    yield start_master
    for master in masters:
        for pid in daemons(master):
            if alive(pid):
                os.kill(pid, signal.SIGKILL)
        master.close()


def daemons(master: RunningMaster) -> list[int]:
    # The line of FATAL repeats a program's last words.
    return [int(pid) for pid in dict.fromkeys(re.findall(r"daemon (\d+) is up", master.text))]


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_the_log_says_what_it_is_and_what_to_do(start_master):
    """The log says that the program has daemonized itself, how many processes are left, and both remedies."""
    master = start_master()
    master.wait_for("app entered FATAL state")
    position = master.wait_for(SAID.format("1 process of it runs"))
    (daemon,) = daemons(master)
    assert (
        f"WARN {SAID.format('1 process of it runs')}, or set leftovers=stop to have pid {daemon} stopped"
        in (master.lines[position - 1])
    )
    assert "app: ERROR (not running)" in master.ctl("stop", "app").stdout
    assert alive(daemon)


def test_with_leftovers_stop_the_log_says_it_too(start_master):
    """With leftovers=stop, the daemon is stopped before the next try, and the log says why."""
    master = start_master("leftovers=stop")
    position = master.wait_for(SAID.format("1 process of it runs"))
    assert "leftovers=stop" in master.lines[position - 1]
    master.wait_for("app entered FATAL state")
    assert not alive(*daemons(master))


def test_a_stop_of_its_tree_stops_it(start_master):
    """A stop of the tree stops the daemon, although its program is FATAL."""
    master = start_master("stop_scope=tree")
    master.wait_for("app entered FATAL state")
    (daemon,) = daemons(master)
    assert master.ctl("stop", "app").stdout == "app: stopped\n"
    assert not alive(daemon)
    master.wait_for(f"daemon {daemon} leaves")
    assert master.info("app")["statename"] == "STOPPED"
    assert "app: ERROR (not running)" in master.ctl("stop", "app").stdout


def test_a_stop_of_all_stops_the_daemons_of_every_try(start_master):
    """A stop stops and reports the daemons of all tries."""
    master = start_master("stop_scope=tree", retries=1)
    master.wait_for("app entered FATAL state")
    master.wait_for(SAID.format("2 processes of it run"))
    assert master.ctl("stop", "all").stdout == "app: stopped\n"
    assert [alive(pid) for pid in daemons(master)] == [False, False]


def test_it_does_not_outlive_the_master(start_master):
    """The daemon is stopped at the end of the master, which waits for it."""
    master = start_master("stop_scope=tree")
    master.wait_for("app entered FATAL state")
    assert master.stop() == 0
    (daemon,) = daemons(master)
    assert f"daemon {daemon} leaves" in master.text
    assert "behind" not in master.text


def test_a_restart_stops_it_first(start_master):
    """A restart stops the daemon first, so that two never run at a time."""
    master = start_master("stop_scope=tree")
    position = master.wait_for("app entered FATAL state")
    (daemon,) = daemons(master)
    master.ctl("restart", "app")
    position = master.wait_for(f"daemon {daemon} leaves", after=position)
    position = master.wait_for("spawned: 'app'", after=position)


def test_one_that_has_ended_by_itself_is_not_running(start_master):
    """A stop of a daemon that has ended by itself answers "not running"."""
    master = start_master("stop_scope=tree")
    master.wait_for("app entered FATAL state")
    (daemon,) = daemons(master)
    pidfd = os.pidfd_open(daemon)
    os.kill(daemon, signal.SIGKILL)
    assert select.select([pidfd], [], [], PATIENCE)[0]
    os.close(pidfd)
    assert "app: ERROR (not running)" in master.ctl("stop", "app").stdout


def test_it_is_still_of_its_tree_after_an_upgrade(start_master):
    """After an upgrade, the daemon still belongs to the tree of its program and stops with it."""
    master = start_master("stop_scope=tree")
    master.wait_for("app entered FATAL state")
    (daemon,) = daemons(master)
    master.wait_for(SAID.format("1 process of it runs"))
    master.ctl("upgrade")
    master.wait_for("upgraded: procman")
    assert master.ctl("stop", "app").stdout == "app: stopped\n"
    assert not alive(daemon)


def test_one_that_cannot_run_in_the_foreground_can_be_waited_for(tmp_path):
    """The how-to's configuration works: the program is RUNNING, a stop stops it, and its end is noticed."""
    page = (ROOT / "docs" / "how-to" / "programs-that-daemonize.md").read_text()
    (block,) = re.findall(r"^```toml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    pidfile = tmp_path / "app.pid"
    block = block.replace("app --daemon", f"{DAEMON} {pidfile}").replace("/run/app.pid", str(pidfile))
    assert block.count(str(pidfile)) == 2
    (tmp_path / "app.toml").write_text(block)
    master = RunningMaster(tmp_path, "[include]\nfiles=app.toml\n")
    try:
        # Its shell counts, so it may be RUNNING before the daemon is up.
        master.expect_all(["app entered RUNNING", r"^daemon \d+ is up"])
        (first,) = daemons(master)
        os.kill(first, signal.SIGTERM)
        master.expect(r"exited: app \(exit status 0; expected\)")
        master.expect_all(["app entered RUNNING", r"^daemon \d+ is up"])
        _, second = daemons(master)
        assert master.ctl("stop", "app").stdout == "app: stopped\n"
        assert not alive(second)
    finally:
        master.close()
