"""Whole process trees: descendants that left their group get the signals, are waited for, or are reported."""

import os
import re
import signal
import sys

import pytest

from tests.support.master_process import PROGRAMS
from tests.support.running_master import RunningMaster

FAMILY = f"{sys.executable} {PROGRAMS}/family.py"


@pytest.fixture
def start_master(tmp_path):
    """A master with a family of that behaviour and the test's options."""
    masters = []

    def start_master(behaviour: str, *lines: str, master: str = "", as_pid_1: bool = False) -> RunningMaster:
        program = "\n".join([f"[program:fam]\ncommand={FAMILY} {behaviour}\nstdout_logfile=/dev/stdout", *lines])
        masters.append(RunningMaster(tmp_path, program, master=master, as_pid_1=as_pid_1))
        return masters[-1]

    yield start_master
    for master in masters:
        master.close()


def up(master: RunningMaster) -> tuple[int, int]:
    """The pids of parent and descendant, when both are up and the program is RUNNING."""
    master.wait_for("parent")
    master.wait_for("descendant")
    master.wait_for("fam entered RUNNING")
    (parent,) = re.findall(r"parent (\d+) is up", master.text)
    (descendant,) = re.findall(r"descendant (\d+) is up", master.text)
    return int(parent), int(descendant)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_stop_of_a_tree_reaches_who_left_group_and_session(start_master):
    """With stop_scope=tree, a descendant in another session gets SIGTERM, and `stop` waits for it."""
    master = start_master("obeys obeys", "stop_scope=tree")
    parent, descendant = up(master)
    assert master.ctl("stop", "fam").stdout == "fam: stopped\n"
    master.wait_for(f"parent {parent} leaves")
    master.wait_for(f"descendant {descendant} leaves")
    assert not alive(descendant)


@pytest.mark.parametrize(
    ("behaviour", "lines", "how"),
    [
        ("obeys obeys", ["stop_scope=tree"], "exit status 0"),
        ("obeys ignores", ["stop_scope=tree", "stopwaitsecs=2"], "terminated by SIGKILL"),
        ("obeys obeys", ["leftovers=stop"], "exit status 0"),
    ],
)
def test_how_each_member_of_a_stopped_tree_ended_is_said(start_master, behaviour, lines, how):
    """The log says at level info how each member of a stopped tree ended, before the program counts as stopped."""
    master = start_master(behaviour, *lines)
    _, descendant = up(master)
    assert master.ctl("stop", "fam").stdout == "fam: stopped\n"
    position = master.wait_for("stopped: fam (exit status 0)")
    (line,) = [line for line in master.lines[:position] if " ended: " in line]
    assert re.search(rf"INFO ended: python\S* \(pid {descendant}\) of fam \({how}\)$", line)


def test_of_a_member_that_its_parent_has_waited_for_it_is_said_that_it_ended(tmp_path):
    """For a member that its parent has reaped, the log says only that it ended."""
    command = "sh -c 'sleep 1000 & trap \"wait; exit 3\" TERM; echo up; wait; wait'"
    program = f"[program:fam]\ncommand={command}\nstdout_logfile=/dev/stdout\nstop_scope=tree\n"
    master = RunningMaster(tmp_path, program)
    try:
        master.wait_for("up")
        master.wait_for("fam entered RUNNING")
        assert master.ctl("stop", "fam").stdout == "fam: stopped\n"
        position = master.wait_for("stopped: fam (exit status 3)")
        (line,) = [line for line in master.lines[:position] if " ended: " in line]
        assert re.search(r"ended: sleep \(pid \d+\) of fam \(only its parent was told how\)$", line)
    finally:
        master.close()


def test_a_stop_of_a_tree_reaches_a_child_that_only_its_parent_gives_away(tmp_path):
    """A child without the environment and in another session is found by its parent, before that ends."""
    child = 'env -i setsid sh -c "echo descendant \\$\\$ is up; exec /bin/sleep 1000"'
    command = f"sh -c '{child} & echo parent $$ is up; exec sleep 1000'"
    master = RunningMaster(tmp_path, f"[program:fam]\ncommand={command}\nstdout_logfile=/dev/stdout\nstop_scope=tree\n")
    try:
        _, descendant = up(master)
        assert master.ctl("stop", "fam").stdout == "fam: stopped\n"
        escaped = alive(descendant)
        if escaped:
            os.kill(descendant, signal.SIGKILL)
        assert not escaped
    finally:
        master.close()


def test_the_master_waits_for_a_descendant_as_long_as_for_its_program(start_master):
    """A descendant that ignores SIGTERM gets SIGKILL after stopwaitsecs; the shutdown waits for it."""
    master = start_master("obeys ignores", "stop_scope=tree", "stopwaitsecs=2")
    parent, descendant = up(master)
    assert master.stop() == 0
    assert f"parent {parent} leaves" in master.text
    assert f"fam has ended (exit status 0), and not what it has started: waiting for pid {descendant}" in master.text
    assert "killing 'fam' (what it left behind) with SIGKILL" in master.text
    assert "stopped: fam (exit status 0)" in master.text
    assert not alive(descendant)


def test_sigkill_to_a_tree_leaves_nobody(start_master):
    """With kill_scope=tree alone, only the program gets the stop signal, and the whole tree gets SIGKILL."""
    master = start_master("ignores ignores", "kill_scope=tree", "stopwaitsecs=2")
    _, descendant = up(master)
    assert master.ctl("stop", "fam").stdout == "fam: stopped\n"
    assert not alive(descendant)


def test_what_is_left_behind_is_stopped_before_the_program_starts_again(start_master):
    """With leftovers=stop, leftovers are stopped before the program starts again."""
    master = start_master("7 obeys", "leftovers=stop", "autorestart=true")
    _, descendant = up(master)
    master.say("fam", "go\n")
    position = master.wait_for(f"waiting for pid {descendant} to end, too")
    position = master.wait_for(f"descendant {descendant} leaves", after=position)
    position = master.wait_for("exited: fam (exit status 7; not expected)", after=position)
    master.wait_for("spawned: 'fam'", after=position)
    assert not alive(descendant)


def test_what_is_left_behind_is_kept_and_reported_by_default(start_master):
    """By default, leftovers keep running, as under supervisord, and the log names them."""
    master = start_master("0 obeys", "autorestart=false")
    _, descendant = up(master)
    master.say("fam", "go\n")
    master.wait_for("exited: fam (exit status 0; expected)")
    master.wait_for(f"fam has ended and left pid {descendant} behind")
    assert alive(descendant)
    assert master.stop() == 0
    assert re.search(rf"leaving \S+ \(pid {descendant}\) behind", master.text)
    assert alive(descendant)
    os.kill(descendant, signal.SIGKILL)


@pytest.mark.root
@pytest.mark.parametrize(("behaviour", "farewell"), [("obeys", "leaves"), ("ignores", None)])
def test_pid_1_asks_whoever_is_left_to_leave_before_it_leaves(start_master, behaviour, farewell):
    """PID 1 sends leftovers SIGTERM and waits some seconds before it ends."""
    master = start_master(f"0 {behaviour}", "autorestart=false", "stopwaitsecs=2", as_pid_1=True)
    _, descendant = up(master)
    master.say("fam", "go\n")
    master.wait_for("exited: fam")
    assert master.stop() == 0
    assert f"(pid {descendant}) to leave, too" in master.text
    if farewell:
        assert f"descendant {descendant} {farewell}" in master.text
    else:
        assert re.search(rf"killing \S+ \(pid {descendant}\) with SIGKILL: still there after 2\.", master.text)
