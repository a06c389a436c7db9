"""Programs of a real master whose health is looked at."""

import contextlib
import itertools
import json
import os
import re
import signal
import sys
import time
from pathlib import Path

import pytest

from procman.client.api_client import Client
from tests.support.log_lines import PATIENCE
from tests.support.running_master import RunningMaster
from tests.support.tree_fixtures import has_ended

# It is well as long as there is no file `ill` beside it.
CHECK = "exec:sh -c 'test ! -e {folder}/ill'"
# It says WATCHDOG=1 for each line that comes in.
DOG = """
import os, socket, sys
sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
sock.connect(os.environ["NOTIFY_SOCKET"])
print("often", os.environ["WATCHDOG_USEC"], flush=True)
for line in sys.stdin:
    sock.send(line.strip().encode())
"""


def until(condition) -> None:
    """Ask again and again; the master answers each time, so it has its turns."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline


def section(name: str, *lines: str, command: str = "sleep 1000") -> str:
    return "\n".join([f"[program:{name}]", f"command={command}", "startsecs=0", *lines, ""])


def test_moby_27361_and_pc_403_what_is_ill_is_restarted_and_what_is_well_again_is_told(tmp_path):
    """It comes back by itself; `status`, /readyz and the log say so."""
    ill = tmp_path / "ill"
    often = ("health_interval=100ms", "health_retries=2")
    # As often as there are files to remove, however soon it is started again.
    twice = f"health=exec:sh -c '! {{ rm {ill}/1 || rm {ill}/2; }} 2>/dev/null'"
    config = section("web", twice, *often)
    config += section("told", f"health={CHECK.format(folder=tmp_path)}", *often, "on_unhealthy=none")
    with RunningMaster(tmp_path, config) as master:
        master.wait_for("success: told entered RUNNING")
        until(lambda: master.info("told")["healthy"] is True)
        assert master.call("GET", "/v1/health")["missing"] == []
        (tmp_path / "to be ill").mkdir()
        for number in (1, 2):
            (tmp_path / "to be ill" / str(number)).touch()
        (tmp_path / "to be ill").rename(ill)
        stopped = master.wait_for("web: unhealthy: exec:sh exit status 1 (2 in a row); it is stopped")
        master.wait_for("unhealthy: told (exec:sh exit status 1 (2 in a row))")
        told = master.info("told")
        assert (told["statename"], told["phase"], told["healthy"]) == ("RUNNING", "unhealthy", False)
        assert "unhealthy: exec:sh exit status 1" in told["description"]
        assert any("told: RUNNING (unhealthy: " in line for line in master.call("GET", "/v1/health")["missing"])
        ill.rmdir()
        master.wait_for("healthy again: told (exec:sh exit status 0)")
        master.wait_for("spawned: 'web'", after=stopped)
        until(lambda: master.info("web")["healthy"] is True)
        metrics = master.ctl("metrics").stdout
        assert 'procman_process_restarts_total{group="web",name="web",reason="unhealthy"} 1\n' in metrics
        assert 'procman_health_checks_total{group="web",name="web",result="failed"} 2\n' in metrics


def test_a_command_that_fails_is_told_with_its_last_line(tmp_path):
    """Escaped, and without what looks like a secret: what it says is what helps, and nothing else has it."""
    says = "echo looking; printf 'no table \\033[31m for password=hunter2\\n' >&2; exit 1"
    (tmp_path / "look").write_text(says)
    config = section("web", f"health=exec:sh {tmp_path}/look", "health_interval=1h")
    with RunningMaster(tmp_path, config) as master:
        master.wait_for("success: web entered RUNNING state")
        shown = master.ctl("health", "--now", "web").stdout
        assert shown.startswith("web: unhealthy (exec:sh exit status 1: no table ")
        assert "password=***" in shown
        assert "hunter2" not in shown
        assert "\033" not in shown


def test_a_look_beside_the_schedule_and_a_pause(tmp_path):
    """`health --now` counts nothing, and a pause is shown until it ends."""
    config = section("web", f"health={CHECK.format(folder=tmp_path)}", "health_interval=1h")
    with RunningMaster(tmp_path, config) as master:
        master.wait_for("success: web entered RUNNING state")
        assert master.ctl("health", "--now", "web").stdout == "web: healthy (exec:sh exit status 0)\n"
        (tmp_path / "ill").touch()
        found = master.ctl("health", "--now", "web")
        assert (found.returncode, found.stdout) == (1, "web: unhealthy (exec:sh exit status 1)\n")
        assert master.info("web")["healthy"] is None
        master.ctl("health", "--pause", "10m", "--reason", "a heap dump", "web")
        assert "health paused for " in master.info("web")["description"]
        assert master.ctl("health", "web").stdout.startswith("web: paused for ")
        with contextlib.closing(Client(f"unix://{master.socket}")) as client:
            assert b"(a heap dump)" in client.exchange("GET", "/readyz")
        master.ctl("health", "--pause", "0", "web")
        master.wait_for("the health of web is looked at again")


def test_a_watchdog_that_is_not_fed_bites(tmp_path):
    """The program finds the time in its environment, and says once more that it is well."""
    path = tmp_path / "dog.py"
    path.write_text(DOG)
    lines = ("watchdog=300ms", f"on_unhealthy=exec:sh -c 'echo $PROCMAN_HEALTH > {tmp_path}/bitten'")
    with RunningMaster(tmp_path, section("dog", *lines, command=f"{sys.executable} {path}")) as master:
        master.wait_for("unhealthy: dog (no WATCHDOG=1 within 0.3 s)")
        until(lambda: (tmp_path / "bitten").exists() and (tmp_path / "bitten").read_text())
        assert (tmp_path / "bitten").read_text() == "no WATCHDOG=1 within 0.3 s\n"
        master.say("dog", "WATCHDOG=1\n")
        master.wait_for("healthy again: dog (WATCHDOG=1)")


def test_a_master_that_was_stopped_does_not_judge(tmp_path):
    """SIGSTOP to the master: a look that it slept over is not counted, and nothing is restarted."""
    # Where there is the file, it stops the master, and hangs.
    check = f"health=exec:sh -c 'rm {tmp_path}/stop || exit 0; kill -STOP $(cat {tmp_path}/master.pid); sleep 1000'"
    config = section("web", check, "health_interval=200ms", "health_timeout=3s", "health_retries=1")
    with RunningMaster(tmp_path, config) as master:
        master.wait_for("success: web entered RUNNING")
        until(lambda: master.info("web")["healthy"] is True)
        (tmp_path / "stop").touch()
        until(lambda: Path(f"/proc/{master.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T")
        # Longer than its time-out: what is tested is that this much time does not count.
        time.sleep(4.0)
        os.kill(master.pid, signal.SIGCONT)
        discounted = 'procman_health_checks_total{group="web",name="web",result="discounted"} [1-9]'
        until(lambda: re.search(discounted, master.ctl("metrics").stdout))
        until(lambda: master.info("web")["healthy"] is True)
        assert "it is stopped" not in master.text


def test_failures_in_a_row_go_over_an_upgrade(tmp_path):
    """One before it and one after it make two; who pauses it has paused it for the next image, too."""
    # It fails when the test says so, and once for each time.
    check = f"health=exec:sh -c 'while ! rm {tmp_path}/go; do sleep 0.05; done 2>/dev/null; exit 1'"
    often = ("health_interval=100ms", "health_timeout=60s", "health_retries=2", "on_unhealthy=none")
    other = section("paused", f"health={CHECK.format(folder=tmp_path)}", "health_interval=1h")
    with RunningMaster(tmp_path, section("web", check, *often) + other) as master:
        master.wait_for("success: web entered RUNNING")
        master.wait_for("success: paused entered RUNNING")
        master.ctl("health", "--pause", "10m", "--reason", "a heap dump", "paused")
        (tmp_path / "go").touch()
        until(lambda: "failed: exec:sh exit status 1" in master.ctl("health", "web").stdout)
        assert master.info("web")["healthy"] is None
        # It is refused while a check is being given up.
        until(lambda: master.ctl("upgrade").returncode == 0)
        (tmp_path / "go").touch()
        master.wait_for("unhealthy: web (exec:sh exit status 1 (2 in a row))")
        assert "(a heap dump)" in master.info("paused")["description"]


@pytest.mark.slow
def test_five_hundred_commands_run_sixteen_at_a_time_and_the_master_answers(tmp_path):
    """helper_concurrency: the others wait for their turn, clients do not, and all are found to be well in the end."""
    # Each waits in its open of the gate, which is a FIFO until it is replaced by a file. The tally has a line for each.
    gate, hinge, tally = (tmp_path / name for name in ("gate", "hinge", "tally"))
    os.mkfifo(gate)
    os.link(gate, hinge)
    look = tmp_path / "look"
    look.write_text(f"#!/bin/sh\necho + >>{tally}\n: <{gate}\necho - >>{tally}\n")
    look.chmod(0o755)
    lines = (f"health=exec:{look}", "health_interval=2s", "health_timeout=10m", "numprocs=500")
    config = section("web", *lines, "process_name=%(process_num)03d", "stdout_logfile=NONE", "stderr_logfile=NONE")
    config += section("other")
    with RunningMaster(tmp_path, config, master="minfds=4096") as master:

        def checks() -> list[dict]:
            return json.loads(master.ctl("health", "web:*", "--json").stdout)["checks"]

        master.wait_for("success: 499 entered RUNNING")
        until(lambda: sum(check["looking"] for check in checks()) == 500)
        until(lambda: tally.read_text() == "+\n" * 16)
        # They hang, and what clients ask for is done.
        assert master.ctl("restart", "other").returncode == 0
        assert tally.read_text().count("-") == 0
        (tmp_path / "open").touch()
        (tmp_path / "open").rename(gate)
        os.close(os.open(hinge, os.O_WRONLY))
        until(lambda: sum(check["healthy"] is True for check in checks()) == 500)
        at_once = itertools.accumulate(1 if line == "+" else -1 for line in tally.read_text().split())
        assert max(at_once) == 16


def test_what_a_command_of_a_check_leaves_behind_is_killed(tmp_path):
    """Also if it ends with 0: nothing piles up from look to look."""
    left = tmp_path / "left"
    look = tmp_path / "look"
    look.write_text(f"#!/bin/sh\nsleep 1000 & echo $! >>{left}\n")
    look.chmod(0o755)
    config = section("web", f"health=exec:{look}", "health_interval=100ms")
    with RunningMaster(tmp_path, config):
        until(lambda: left.exists() and len(left.read_text().split()) > 2)
        until(lambda: all(has_ended(int(pid)) for pid in left.read_text().split()[:2]))


def test_where_most_programs_become_ill_at_once_the_log_says_that_it_is_probably_not_them(tmp_path):
    """What their options say is done all the same."""
    ill, hung, go = (tmp_path / name for name in ("ill", "hung", "go"))
    # When they are ill, each look hangs until all of them do.
    look = f"test ! -e {ill} || {{ echo >>{hung}; until test -e {go}; do sleep 0.05; done; exit 1; }}"
    check = (f"health=exec:sh -c '{look}'", "health_interval=2s", "health_timeout=60s", "health_retries=1")
    config = "".join(section(name, *check, "on_unhealthy=none") for name in ("a", "b", "c"))
    with RunningMaster(tmp_path, config) as master:
        master.wait_for("success: c entered RUNNING state")
        until(lambda: all(master.info(name)["healthy"] is True for name in ("a", "b", "c")))
        ill.touch()
        until(lambda: hung.exists() and len(hung.read_text()) == 3)
        go.touch()
        master.wait_for("programs with a health check have become unhealthy at about the same time: probably it is not")
