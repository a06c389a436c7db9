"""What a real master was, is told from its journal: status --at, why --at, timeline; also over an upgrade."""

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import time

import pytest

from tests.support.log_lines import PATIENCE
from tests.support.master_process import ROOT
from tests.support.running_master import SLEEPER, RunningMaster

PROGRAMS = (
    f"[program:web]\ncommand={SLEEPER}\nstartsecs=0\n"
    f"[program:db]\ncommand={SLEEPER}\nstartsecs=0\n"
    "[program:crash]\ncommand=/bin/false\nstartretries=0\n"
)


@pytest.fixture
def master(tmp_path):
    running = RunningMaster(tmp_path, PROGRAMS)
    for text in ("success: web", "success: db", "gave up: crash"):
        running.wait_for(text)
    yield running
    running.close()


def now():
    """A moment that is after everything until now, and before everything later, to the clock's millisecond."""
    at = time.time()
    while time.time() <= at + 0.002:
        os.sched_yield()
    return at + 0.001


def states(master, at, *names):
    ran = master.ctl("status", "--json", "--at", f"{at:.3f}", *names)
    return {info["namespec"]: (info["statename"], info["pid"]) for info in json.loads(ran.stdout)["processes"]}


def test_the_table_is_as_it_was_before_and_after_each_change(master):
    """With the pids of then; an upgrade in between changes nothing."""
    pids = {info["namespec"]: info["pid"] for info in master.call("GET", "/v1/processes")["processes"]}
    first = now()
    master.ctl("stop", "web")
    second = now()
    assert master.ctl("upgrade").returncode == 0
    master.wait_for("upgraded: procman")
    third = now()
    master.ctl("start", "web")
    master.ctl("stop", "db")
    for _ in range(2):
        assert states(master, first) == {
            "web": ("RUNNING", pids["web"]),
            "db": ("RUNNING", pids["db"]),
            "crash": ("FATAL", 0),
        }
        assert states(master, second, "web", "db") == {"web": ("STOPPED", 0), "db": ("RUNNING", pids["db"])}
        assert states(master, third, "w*") == {"web": ("STOPPED", 0)}
    ran = master.ctl("status", "--at", f"{first:.3f}", "web")
    assert re.fullmatch(rf"web {{30}}RUNNING {{3}}pid {pids['web']}, uptime 0:0\d:\d\d\n", ran.stdout)
    assert ran.returncode == 0
    assert master.ctl("status", "--at", f"{second:.3f}").returncode == 3


def test_why_tells_what_it_was_then(master):
    """Who wanted it so, how it had ended, and the records that led there, with their numbers."""
    up = now()
    master.ctl("stop", "web")
    down = now()
    master.ctl("start", "web")
    ran = master.ctl("why", "--at", f"{up:.3f}", "web")
    assert re.search(r"^web was RUNNING on \S+ \S+ for ", ran.stdout)
    assert "  wanted   up (" in ran.stdout
    assert ran.returncode == 0
    ran = master.ctl("why", "--at", f"{down:.3f}", "web")
    assert re.search(r"^web was STOPPED on ", ran.stdout)
    assert re.search(r"^  wanted   down \(.*stop web", ran.stdout, re.MULTILINE)
    assert re.search(r"^  ended    terminated by SIGTERM .* before$", ran.stdout, re.MULTILINE)
    assert re.search(r"^  because  .*STOPPING.* #\d+ <- #\d+$", ran.stdout, re.MULTILINE)
    ran = master.ctl("why", "--at", f"{down:.3f}", "crash")
    assert "FATAL" in ran.stdout.splitlines()[0]
    assert "exit status 1" in ran.stdout
    assert ran.returncode == 1


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (["status", "--at", "noon"], 2, "cannot read the time 'noon': expected something like 14:02"),
        (["status", "--at"], 2, "cannot read the time ''"),
        (["status", "--at", "1s", "nope"], 4, "nope: ERROR (the journal knows no such process)"),
        (["status", "--at", "2036-01-01"], 2, "cannot tell the future"),
        (["timeline", "--since", "soon"], 2, "cannot read the time 'soon'"),
        (["timeline", "--since", "1m", "--until", "2m"], 2, "--since must be earlier than --until"),
        (["timeline", "nope"], 1, "nope: ERROR (the journal knows no such process)"),
        (["why", "--at", "1s"], 2, "why --at requires the name of one process"),
        (["why", "--at", "1s", "nope"], 2, "nope: ERROR (the journal knows no such process)"),
    ],
)
def test_what_cannot_be_answered_is_said(master, words, status, says):
    """With the way out."""
    ran = master.ctl(*words)
    assert says in ran.stdout, ran
    assert ran.returncode == status


def test_the_interface_refuses_nonsense(master):
    """A moment is a number of seconds."""
    for path in ("states", "states?at=noon", "states?at=nan", "spans?since=1", "why?at=1e400&name=web"):
        with pytest.raises(Exception, match="expected seconds since the epoch"):
            master.call("GET", f"/v1/journal/{path}")


def test_before_the_master_nothing_is_known(master):
    """That is said, with how far the journal goes back."""
    ran = master.ctl("status", "--at", "1d", "web")
    assert re.fullmatch(r"web +- +not known: the journal goes back to \w+ \d\d [\d:]+\n", ran.stdout)
    assert ran.returncode == 3


def test_a_timeline_off_a_terminal_is_made_of_letters(master):
    """A line for each, an axis, and what the letters mean."""
    ran = master.ctl("timeline", "--since", "2s")
    axis, crash, db, web, legend, *_ = ran.stdout.splitlines()
    assert (crash[:5], db[:2], web[:3]) == ("crash", "db", "web")
    assert crash.endswith("F")
    assert db.endswith("R")
    assert "R RUNNING" in legend
    assert re.search(r"\|\d\d:\d\d:\d\d", axis)
    assert ran.stdout.isascii()


def on_terminal(master, *words, columns, **environ):
    """What the client prints on a terminal of that width."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    environment = {
        name: value for name, value in master.environ.items() if name not in {"COLUMNS", "LINES", "NO_COLOR"}
    }
    client = subprocess.Popen(
        [sys.executable, "-m", "procman.cli.procmanctl", "-c", str(master.config), *words],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        cwd=ROOT,
        env={**environment, "TERM": "xterm", **environ},
    )
    os.close(follower)
    said = b""
    try:
        while data := os.read(leader, 4096):
            said += data
    except OSError:
        pass  # the last one has closed it
    os.close(leader)
    client.wait(PATIENCE)
    return said.decode().replace("\r\n", "\n")


@pytest.mark.parametrize("columns", [60, 120])
def test_a_timeline_fills_the_width_of_the_terminal(master, columns):
    """With block characters and colours, where the locale has UTF-8."""
    shown, deadline = "", time.monotonic() + PATIENCE
    while "\x1b[32m█" not in shown:
        # What has just begun to run has no column of its own before it has run for that long.
        assert time.monotonic() < deadline, shown
        shown = on_terminal(master, "timeline", "--since", "2s", columns=columns, LC_ALL="C.UTF-8")
    plain = re.sub(r"\x1b\[[0-9;]*m", "", shown)
    assert max(map(len, plain.splitlines())) == columns
    assert "\x1b[1;31m✗" in shown


def test_a_terminal_without_utf8_gets_letters(master):
    """In colour, unless NO_COLOR is set."""
    shown = on_terminal(master, "timeline", "--since", "2s", columns=80, LC_ALL="C", NO_COLOR="1")
    assert shown.isascii()
    assert "\x1b" not in shown
    assert "F FATAL" in shown


@pytest.fixture
def with_file(tmp_path):
    """Starts masters that write their journal into one file."""
    started = []

    def run():
        started.append(RunningMaster(tmp_path, PROGRAMS, master=f"journal={tmp_path}/journal\norphans=adopt\n"))
        for text in ("success: web", "success: db", "gave up: crash"):
            started[-1].wait_for(text)
        return started[-1]

    yield run
    for master in started:
        master.close()


def test_the_next_master_knows_what_was_before_it(with_file):
    """From the file of the journal; between two masters there was none."""
    first = with_file()
    pid = first.info("web")["pid"]
    running = now()
    assert first.stop() == 0
    between = now()
    second = with_file()
    # The file is read beside the loop.
    deadline = time.monotonic() + PATIENCE
    while states(second, running).get("web") != ("RUNNING", pid):
        assert time.monotonic() < deadline, second.text
    ran = second.ctl("status", "--at", f"{between:.3f}")
    assert (ran.stdout, ran.returncode) == ("there was no process then\n", 0)
    assert states(second, now())["web"][0] == "RUNNING"


def test_of_the_time_after_a_kill_nothing_is_known(with_file):
    """The master could not say what became of its programs."""
    first = with_file()
    first.process.kill()
    first.process.wait()
    after = now()
    second = with_file()
    ran = second.ctl("status", "--at", f"{after:.3f}", "web")
    assert re.match(r"web +- +not known: ", ran.stdout), ran.stdout
