"""A master of the code before snapshots had a format is upgraded to today's, and nothing is lost."""

import contextlib
import re

import pytest

from tests.support.code_of_commit import BEFORE_SNAPSHOTS, has_commit, unpack
from tests.support.running_master import COUNTER, OBEDIENT, RunningMaster, python

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not has_commit(BEFORE_SNAPSHOTS), reason="the history of the project is not here"),
]

# Writes what it reads, and nothing before.
ECHO = python("import sys\nfor line in sys.stdin: sys.stdout.write('got ' + line); sys.stdout.flush()")
LISTENER = python(
    "import sys\nwhile True:\n sys.stdout.write('READY\\n'); sys.stdout.flush()\n"
    " head = dict(word.split(':') for word in sys.stdin.readline().split())\n"
    " body = sys.stdin.read(int(head['len'])); sys.stderr.write(head['serial'] + ' ' + body + chr(10))\n"
    " sys.stderr.flush(); sys.stdout.write('RESULT 2\\nOK'); sys.stdout.flush()\n"
)


def pids(master):
    return {info["namespec"]: info["pid"] for info in master.call("GET", "/v1/processes")["processes"]}


def upgrade(master):
    ran = master.ctl("upgrade")
    assert ran.returncode == 0, ran.stdout
    assert re.fullmatch(rf"Upgraded: procman \S+ \(pid {master.pid}\)\n", ran.stdout)
    master.expect(r"upgraded: procman")


def test_twenty_programs_lose_no_line(tmp_path):
    """Same pids, whole logs, and every process is the master's child, whose end it is told of; then again to itself."""
    unpack(BEFORE_SNAPSHOTS, tmp_path / "code")
    master = RunningMaster(
        tmp_path,
        f"[program:w]\nnumprocs=20\nprocess_name=w%(process_num)02d\ncommand={COUNTER}\nstartsecs=0\n"
        f"stdout_logfile={tmp_path}/%(process_num)02d.log\nstderr_logfile=NONE\n"
        f"[program:x]\ncommand={OBEDIENT}\nstartsecs=0\nautorestart=false\nstop_scope=tree\n"
        f"[program:echo]\ncommand={ECHO}\nstartsecs=0\nstdout_logfile=/dev/stdout\n"
        "[program:failing]\ncommand=/bin/false\nstartretries=100\n"
        f"[eventlistener:listener]\ncommand={LISTENER}\nevents=REMOTE_COMMUNICATION\nstderr_logfile=/dev/stdout\n"
        "startsecs=0\npriority=1000\n",
        PYTHONPATH=str(tmp_path / "code"),
        PYTHONDONTWRITEBYTECODE="1",
    )
    with contextlib.closing(master):
        master.wait_for("success: listener")
        master.wait_for("exited: failing")
        before = pids(master)
        unpack(None, tmp_path / "code")
        upgrade(master)
        after = pids(master)
        del before["failing"], after["failing"]  # it comes and goes
        assert after == before
        master.call("POST", "/v1/events/remote", {"type": "t", "data": "after"})
        master.expect(r"^\d+ type:t")
        master.say("echo", "hello\n")
        master.expect("^got hello$")
        upgrade(master)
        assert master.call("GET", "/v1/master")["upgrades"] == 2
        master.ctl("signal", "USR1", "x")
        master.expect(r"exited: x \(exit status 3; not expected\)")
        assert master.stop() == 0
    for number in range(20):
        *lines, end = (tmp_path / f"{number:02}.log").read_text().splitlines()
        assert end == "end"
        assert lines == [str(count) for count in range(len(lines))]
