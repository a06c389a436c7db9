"""Signals at bad moments, clocks that jump, and pids that are reused."""

import contextlib
import os
import re
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.faulty_master import assert_well, is_alive, program
from tests.support.log_lines import PATIENCE, stamp
from tests.support.running_master import SLEEPER, STUBBORN, python

pytestmark = pytest.mark.slow

YEAR = 365 * 24 * 3600
MANY = program("many", "sleep 1000", numprocs=50, process_name="m_%(process_num)02d")
MULE = program("mule", STUBBORN, stopwaitsecs=3600, stdout_logfile="/dev/stdout")


def started(text: str) -> list[int]:
    """The pids of all processes that were ever started, from the log."""
    return [int(pid) for pid in re.findall(r"spawned: '\w+' with pid (\d+)", text)]


def test_a_reload_in_the_middle_of_a_stop(start_master):
    """A client that waits for a stop learns the result despite a reload; then everything is started again."""
    master = start_master(MULE).wait_until_up("mule")
    after = master.wait_for("armed")
    with ThreadPoolExecutor(1) as others:
        stop = others.submit(master.ctl, "stop", "mule")
        master.wait_for_state("mule", "STOPPING")
        master.signal(signal.SIGHUP)
        after = master.wait_for("received SIGHUP indicating restart request", after=after)
        os.kill(master.info("mule")["pid"], signal.SIGKILL)
        assert stop.result(PATIENCE).returncode in (0, 1)
    after = master.wait_for("stopped: mule (terminated by SIGKILL)", after=after)
    after = master.wait_for("success: mule", after=after)
    master.wait_for("armed", after=after)
    master.call("POST", "/v1/processes/mule/stop", {"wait": False})
    os.kill(master.info("mule")["pid"], signal.SIGKILL)
    assert_well(master)


@pytest.mark.parametrize("moment", ["procman started", "spawned: 'm_25'", "success: m_49"])
def test_sigterm_during_boot(start_master, moment):
    """SIGTERM during the boot stops what was started, starts nothing else, and ends with status 0."""
    master = start_master(MANY)
    master.wait_for(moment)
    master.signal(signal.SIGTERM)
    assert master.to_the_end() == 0
    assert [pid for pid in started(master.text) if is_alive(pid)] == []
    assert not os.path.exists(master.socket)
    after = master.wait_for("received SIGTERM indicating exit request")
    assert not any("spawned:" in line for line in master.lines[after:])
    assert "Traceback" not in master.text


@pytest.mark.parametrize("moment", ["received SIGHUP", "stopped: m_25", "spawned: 'm_25'"])
def test_sigterm_during_a_reload(start_master, moment):
    """SIGTERM at any step of a reload stops everything and ends the master."""
    master = start_master(MANY).wait_until_up()
    after = master.wait_for("success: m_49")
    master.signal(signal.SIGHUP)
    master.wait_for(moment, after=after)
    master.signal(signal.SIGTERM)
    assert master.to_the_end() == 0
    assert [pid for pid in started(master.text) if is_alive(pid)] == []
    assert not os.path.exists(master.socket)
    assert "Traceback" not in master.text


def test_sigterm_twice(start_master):
    """The second SIGTERM kills everything at once, even while a client waits for a stop that would take an hour."""
    master = start_master(MULE + MANY).wait_until_up("mule")
    after = master.wait_for("armed")
    master.assert_serves()
    with ThreadPoolExecutor(1) as others:
        stop = others.submit(master.ctl, "stop", "mule")
        master.wait_for_state("mule", "STOPPING")
        master.signal(signal.SIGTERM)
        after = master.wait_for("received SIGTERM", after=after)
        master.signal(signal.SIGTERM)
        assert master.to_the_end() == 0
        stop.result(PATIENCE)
    master.wait_for("stopped: mule (terminated by SIGKILL)", after=after)
    assert [pid for pid in started(master.text) if is_alive(pid)] == []


def test_a_hundred_sigterms(start_master):
    """A flood of SIGTERMs ends the master cleanly; further ones change nothing."""
    master = start_master(MULE).wait_until_up("mule")
    after = master.wait_for("armed")
    for _ in range(100):
        master.signal(signal.SIGTERM)
    # Those that came before the first was heard of were one.
    master.wait_for("received SIGTERM", after=after)
    for _ in range(100):
        master.signal(signal.SIGTERM)
    assert master.to_the_end() == 0
    assert [pid for pid in started(master.text) if is_alive(pid)] == []
    assert "Traceback" not in master.text


def test_a_storm_of_sigchld(start_master):
    """When 2000 orphans end at once amid needless SIGCHLDs, all are reaped and nothing is missed."""
    storm = python(
        "import os, sys, time\n"
        "for line in open(0):\n"
        "    for _ in range(2000):\n"
        "        if os.fork() == 0:\n"
        "            if os.fork() == 0: os._exit(0)\n"
        "            os._exit(0)\n"
        "    try:\n"
        "        while True: os.wait()\n"
        "    except ChildProcessError: print('over')\n"
    )
    master = start_master(program("storm", storm, stdout_logfile="/dev/stdout")).wait_until_up("storm")
    over = threading.Event()

    def hail() -> None:
        while not over.wait(0.0001):
            master.signal(signal.SIGCHLD)

    with ThreadPoolExecutor(1) as others:
        hailing = others.submit(hail)
        try:
            master.say("storm", "go\n")
            master.assert_serves()
            master.wait_for("over")
        finally:
            over.set()
        hailing.result(PATIENCE)
    with contextlib.closing(master.client()) as client:
        master.wait_until(lambda: client.call("GET", "/v1/master")["reaped_orphans"] >= 2000)
    assert_well(master)


@pytest.mark.parametrize("step", [YEAR, -YEAR], ids=["on", "back"])
def test_the_wall_clock_is_stepped_by_a_year(start_master, injection, step):
    """A step of the wall clock changes no interval: deadlines hold, and ages stay right."""
    master = start_master(
        MULE
        + program("patient", SLEEPER, startsecs=1800)
        + program("brief", python("input(); raise SystemExit(1)"), startsecs=1800, startretries=1, autostart="false"),
        **injection.environ,
    )
    after = master.wait_for("armed")
    mule = master.wait_until_up("mule").info("mule")["pid"]
    master.call("POST", "/v1/processes/mule/stop", {"wait": False})
    master.call("POST", "/v1/processes/brief/start", {"wait": False})
    after = master.wait_for("spawned: 'brief'", after=after)
    master.say("brief", "\n")
    after = master.wait_for("exited: brief", after=after)
    injection.say("wall", step)
    after = master.wait_for("spawned: 'brief'", after=after)
    master.say("brief", "\n")
    after = master.wait_for("gave up: brief entered FATAL state", after=after)
    assert abs(stamp(master.lines[after - 1]) - stamp(master.lines[0]) - step) < YEAR / 2, "it was not stepped"
    master.assert_serves()
    assert master.info("patient")["statename"] == "STARTING"
    assert 0 <= master.info("patient")["uptime"] < 1800
    assert master.info("mule")["statename"] == "STOPPING"
    os.kill(mule, signal.SIGKILL)
    assert_well(master, held=2)


def test_the_file_is_broken_in_the_middle_of_a_reload(start_master):
    """If the file breaks after a reload has begun, the programs of the old configuration run again."""
    stubborn = program("stubborn", STUBBORN, stopwaitsecs=1000, autorestart="false")
    master = start_master(stubborn).wait_until_up("stubborn")
    with contextlib.closing(master.follow("stubborn")) as said:
        assert next(said) == b"armed\n"
    pid = master.info("stubborn")["pid"]
    master.signal(signal.SIGHUP)
    master.wait_for("stopped: witness")
    master.write(stubborn + "[program:broken]\n")
    os.kill(pid, signal.SIGKILL)
    after = master.wait_for("cannot restart: ")
    assert "[program:broken]: the section has no command" in master.lines[after - 1]
    master.wait_for("success: stubborn", after=after)
    os.kill(master.wait_for_state("stubborn", "RUNNING")["pid"], signal.SIGKILL)
    master.wait_for_state("stubborn", "EXITED")
    assert_well(master)


def test_the_number_of_a_process_comes_again(start_master, pid_namespace):
    """A process that gets the pid of an earlier one receives nothing that was meant for the earlier one."""
    # Tells the kernel which number to give next: to `again` its own, as soon as it has ended. That is found in PATH, or
    # the thread that looks for it would have that number.
    last = "/proc/sys/kernel/ns_last_pid"
    again = f"sh -c 'echo $(($$ - 1)) > {last}; exit 1'"
    choose = (
        f"for line in open(0):\n    open('{last}', 'w').write(str(int(line) - 1))\n    print('next is', line, end='')\n"
    )
    master = start_master(
        program("again", again, autorestart="true", autostart="false")
        + program("choose", python(choose), stdout_logfile="/dev/stdout")
        + program("other", "sleep 1000", autostart="false"),
        as_pid_1=True,
    ).wait_until_up("choose")
    master.call("POST", "/v1/processes/again/start")
    after = 0
    for _ in range(30):
        after = master.wait_for("exited: again (exit status 1; not expected)", after=after)
    master.ctl("stop", "again")
    pids = [int(pid) for pid in re.findall(r"spawned: 'again' with pid (\d+)", master.log())]
    assert len(set(pids)) < len(pids)
    again_ended = len(re.findall(r"(exited|stopped): again ", master.log()))
    assert again_ended == len(pids), "each of its runs was reaped once"
    master.say("choose", f"{pids[-1]}\n")
    master.wait_for("next is")
    master.call("POST", "/v1/processes/other/start")
    assert master.info("other")["pid"] == pids[-1]
    for words in (("signal", "KILL", "again"), ("stop", "again")):
        assert "not running" in master.ctl(*words).stdout
    assert master.info("other")["statename"] == "RUNNING"
    assert_well(master, held=2 + 5)
    assert not any("exited: other" in line for line in master.lines)
