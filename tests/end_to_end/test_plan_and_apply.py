"""Updates that are planned, applied, confirmed and rolled back, with a real master and real programs."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.log_lines import PATIENCE
from tests.support.master_process import ROOT
from tests.support.masters_in_turn import MastersInTurn
from tests.support.running_master import SLEEPER, STUBBORN, RunningMaster

WEB = f"[program:web]\ncommand={SLEEPER}\nstartsecs=0\n"
NEW = WEB.replace("1000", "2000")
# Its port is never opened.
UNREADY = "[program:web]\ncommand=sleep 2000\nready=file:/nonexistent/ready\nstart_timeout=none\n"
CTL = (sys.executable, "-m", "procman.cli.procmanctl", "-s")


@pytest.fixture
def master(tmp_path):
    with RunningMaster(tmp_path, WEB) as running:
        running.wait_for("success: web entered RUNNING")
        yield running


def command(master):
    [section] = master.call("GET", "/v1/processes/web/config")["sections"]
    return next(one["value"] for one in section["settings"] if one["option"] == "command")


def records(master, kind="confirmation"):
    return [one["reason"] for one in master.call("GET", f"/v1/journal?kind={kind}")["records"]]


def test_a_program_that_never_becomes_ready_is_rolled_back(master):
    """The log and the client name it, with the line of the file; the previous definition runs again."""
    pid = master.info("web")["pid"]
    master.write(UNREADY)
    ran = master.ctl("update", "--confirm", "300ms")
    assert ran.returncode == 1
    last = ran.stdout.splitlines()[-1]
    assert last.startswith("update 1 was rolled back: web is not ready yet (file")
    assert last.endswith(f", and nobody has confirmed it (see {master.file}:9)")
    master.wait_for("update 1 is rolled back: web is not ready yet")
    master.wait_for("update 1 has been rolled back: the definitions from before it are in effect again")
    assert master.info("web")["statename"] == "RUNNING"
    assert master.info("web")["pid"] != pid
    assert records(master) == ["pending", "rolling back", "rolled back"]
    assert master.ctl("diff").returncode == 1
    metrics = master.ctl("metrics").stdout
    assert "procman_update_rollbacks_total 1\n" in metrics
    assert "procman_update_unconfirmed 0\n" in metrics


def test_a_confirmed_update_is_kept(master):
    """It waits for its confirmation, which another command gives; meanwhile `why` tells of it."""
    master.write(NEW)
    ran = master.ctl("update", "--confirm", "1h", "--no-wait")
    assert (ran.returncode, ran.stdout.splitlines()[-1]) == (
        0,
        "to keep it: procmanctl confirm 1; to roll it back: procmanctl update --abort 1",
    )
    assert "update 1 has changed it: it is rolled back in " in master.ctl("why", "web").stdout
    assert "procmanctl confirm; procmanctl update --abort" in master.ctl("why", "procman").stdout
    assert master.ctl("update").stdout.startswith("ERROR: update 1 waits for its confirmation")
    assert master.ctl("confirm").stdout == "update 1 is kept\n"
    assert command(master) == "sleep 2000"
    assert records(master) == ["pending", "confirmed", "kept"]
    assert master.ctl("confirm").stdout == "ERROR: no update waits for a confirmation\n"


def at_a_terminal(master, answer):
    """`update --confirm` on a terminal of its own; `answer` is typed when it asks."""
    ours, theirs = pty.openpty()
    words = [*CTL, f"unix://{master.socket}", "update", "--confirm", "1h"]
    client = subprocess.Popen(words, stdin=theirs, stdout=theirs, stderr=theirs, process_group=0)
    os.close(theirs)
    said = b""
    try:
        while b"Press ENTER to keep it, Ctrl-C to roll it back." not in said:
            assert select.select([ours], [], [], PATIENCE)[0], said
            said += os.read(ours, 65536)
        answer(ours, client)
        return client.wait(PATIENCE)
    finally:
        client.kill()
        client.wait()
        os.close(ours)


def test_enter_keeps_an_update_and_ctrl_c_rolls_it_back(master):
    """The waiting client asks as `netplan try` does."""
    master.write(NEW)
    assert at_a_terminal(master, lambda _, client: client.send_signal(signal.SIGINT)) == 1
    assert command(master) == "sleep 1000"
    assert at_a_terminal(master, lambda terminal, _: os.write(terminal, b"\n")) == 0
    assert command(master) == "sleep 2000"


def test_a_plan_is_refused_after_a_change(master, tmp_path):
    """It says what has changed; a new one is carried out, once."""
    file = str(tmp_path / "plan.json")
    master.write(NEW)
    assert master.ctl("update", "--dry-run").returncode == 2
    assert master.ctl("update", "--plan", file).returncode == 0
    master.write(NEW.replace("2000", "3000"))
    ran = master.ctl("update", "--apply", file)
    text = "ERROR: cannot apply the plan: since it was made, the file has another definition of web; "
    assert (ran.returncode, ran.stdout) == (1, f"{text}make a new one and look at it\n")
    assert command(master) == "sleep 1000"
    master.write("; a comment changes nothing\n" + NEW)
    assert master.ctl("update", "--apply", file).stdout == "web: stopped\nweb: updated process group\n"
    assert command(master) == "sleep 2000"
    assert "another definition of web is in effect" in master.ctl("update", "--apply", file).stdout
    plan = json.loads(Path(file).read_text())
    plan["changes"][0]["action"] = "reopened"
    Path(file).write_text(json.dumps(plan))
    assert master.ctl("update", "--apply", file).stdout.startswith("ERROR: the plan was changed after it was made")
    assert master.ctl("update", "--dry-run").returncode == 0


def many(version):
    """A thousand programs that do not run; a plan of all that differs between two versions is larger than a request."""
    command = f"command=/srv/app/worker {version}\nautostart=false\nenvironment=" + ",".join(
        f'{name}="{version * 20}"' for name in "ABCD"
    )
    return "".join(f"[program:worker-{number:04}]\n{command}\n" for number in range(1000))


@pytest.mark.slow
def test_a_plan_of_a_thousand_programs_is_applied(tmp_path):
    """Only its digests are sent."""
    file = tmp_path / "plan.json"
    with RunningMaster(tmp_path, many("a")) as master:
        master.wait_for("procman started")
        master.write(many("b"))
        assert master.ctl("update", "--plan", str(file)).returncode == 0
        assert len(json.dumps(json.loads(file.read_text()))) > 1 << 20
        assert master.ctl("update", "--apply", str(file)).returncode == 0
        assert master.ctl("update", "--dry-run").returncode == 0


@pytest.mark.slow
def test_an_update_goes_on_over_an_upgrade(tmp_path):
    """What waits for a stop is carried out, and the confirmation is still waited for."""
    stubborn = f"[program:old]\ncommand={STUBBORN}\nstopwaitsecs=3600\nstartsecs=0\n"
    with RunningMaster(tmp_path, WEB + stubborn) as master:
        master.wait_for("success: old entered RUNNING")
        next(iter(master.follow("old")))
        master.write(NEW + "[program:late]\ncommand=sleep 1000\nstartsecs=0\n")
        words = [*CTL, f"unix://{master.socket}", "update", "--confirm", "1h", "--no-wait"]
        client = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        master.wait_for("waiting for old to stop")
        client.kill()
        client.wait()
        assert master.ctl("upgrade").returncode == 0
        at = master.wait_for("goes on with pid")
        assert master.call("GET", "/v1/config/confirmation")["pending"]["stage"] == "applying"
        os.kill(master.info("old")["pid"], signal.SIGKILL)
        master.wait_for("update 1 is applied: it is rolled back in 3600 s unless it is confirmed", after=at)
        assert {one["name"] for one in master.call("GET", "/v1/processes")["processes"]} == {"web", "late"}
        assert master.ctl("upgrade").returncode == 0
        master.wait_for("goes on with pid", after=at)
        assert master.ctl("update", "--abort", "1").returncode == 0
        assert command(master) == "sleep 1000"
        assert {one["name"] for one in master.call("GET", "/v1/processes")["processes"]} == {"web", "old"}


@pytest.mark.slow
def test_after_a_kill_the_next_master_says_that_the_update_has_ended(tmp_path):
    """Nothing is rolled back, as the file is what counts for a new master."""
    masters = MastersInTurn(tmp_path, WEB)
    try:
        masters.start().expect("success: web entered RUNNING")
        masters.file.write_text(masters.file.read_text().replace("1000", "2000"))
        assert masters.master.ctl("update", "--confirm", "1h", "--no-wait").returncode == 0
        masters.kill()
        masters.start().expect(
            "update 1 was under way, or waited for its confirmation, when procman was killed .*: it has ended without "
            "a roll-back, and what the file has now is in effect"
        )
        assert masters.call("GET", "/v1/config/confirmation") == {"pending": None}
    finally:
        masters.close()


PAGE = (ROOT / "docs" / "how-to" / "plan-and-apply.md").read_text()
OF_PAGE = """
[program:web]
command=./web --workers {workers}
startsecs=1
[program:api]
command=./api
depends_on=web
on_dependency_restart=restart
[program:db]
command=./db
stopwaitsecs={wait}
"""


def shown_on_page(command):
    """What the page shows below that command."""
    block = next(block for block in re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL) if f"$ {command}\n" in block)
    return block.partition(f"$ {command}\n")[2].partition("\n$ ")[0].strip().splitlines()


def without_places(lines):
    return [re.sub(r"\S+\.conf:\d+", "FILE", line) for line in lines]


@pytest.mark.slow
def test_the_commands_of_the_how_to_do_what_it_says(tmp_path):
    """Their output is that of the page, but for the places in the file."""
    for name in ("web", "api", "db"):
        (tmp_path / name).write_text("#!/bin/sh\nexec sleep 1000\n")
        (tmp_path / name).chmod(0o755)
    before, after = OF_PAGE.format(workers=2, wait=10), OF_PAGE.format(workers=4, wait=30)
    with RunningMaster(tmp_path, before, cwd=tmp_path) as master:
        master.wait_for("success: api entered RUNNING")
        master.write(after)
        dry = master.ctl("update", "--dry-run")
        expected = without_places(shown_on_page("procmanctl update --dry-run"))
        assert (without_places(dry.stdout.splitlines()), dry.returncode) == (expected, 2)
        assert master.ctl("update", "--plan", "web.plan").returncode == 0
        master.write(after.replace("workers 4", "workers 5"))
        ran = master.ctl("update", "--apply", "web.plan")
        block = re.search(r"\$ procmanctl update --apply web.plan\n(ERROR.*)", PAGE)
        assert ran.stdout.strip() == block[1]
        master.write(after)
        assert master.ctl("update", "--apply", "web.plan").returncode == 0
        master.write(before)
        (script,) = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
        for line in script.split("\n"):
            if line:
                ran = master.ctl(*line.split()[1:])
                assert ran.returncode == 0, ran
        assert ran.stdout.endswith(" is kept\n")
