"""Schedules of a real master: runs, what an upgrade and a kill leave of them, and the how-to as it stands."""

import json
import os
import re
import shlex
import shutil
import signal
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.master_process import ROOT, Master
from tests.support.running_master import SLEEPER, RunningMaster


def job(name, command, *lines):
    """A section of a program with a schedule."""
    return "\n".join([f"[program:{name}]", f"command={command}", *lines, ""])


def info(master, name):
    return master.call("GET", f"/v1/processes/{name}")["processes"][0]


def at(moment: datetime) -> str:
    """A daily schedule at that minute, in UTC."""
    return f"schedule={moment.minute} {moment.hour} * * *\nschedule_tz=UTC"


def test_a_schedule_is_shown_wherever_a_process_is(tmp_path):
    """With its next time; it is switched on and off, and is run by hand."""
    night = datetime.now(UTC) + timedelta(hours=5)
    programs = job("backup", "/bin/echo saved", at(night)) + job(
        "bad", "/bin/sh -c 'exit 3'", at(night), "critical=true"
    )
    with RunningMaster(tmp_path, programs) as master:
        master.wait_for("procman started")
        shown = master.ctl("status", "backup").stdout
        when = night.strftime("%b %d %H:%M UTC")
        assert re.search(rf"backup +STOPPED +next run {when} \(in [45] h", shown)
        known = info(master, "backup")
        assert (known["phase"], known["wanted"], known["done"]) == ("scheduled", True, False)
        assert known["next"] == night.replace(second=0, microsecond=0).timestamp()
        assert master.ctl("run", "backup").returncode == 0
        assert f"next run {when}" in master.ctl("status", "backup").stdout
        assert "its schedule" in master.ctl("why", "backup").stdout
        assert master.ctl("health").returncode == 0
        assert master.ctl("run", "bad").returncode == 3
        assert "last run failed: exit status 3; next run" in master.ctl("status", "bad").stdout
        assert "bad: FATAL" in master.ctl("health").stdout
        runs = [
            (run["namespec"], run["result"], run["ending"])
            for run in json.loads(master.ctl("runs", "--json").stdout)["runs"]
        ]
        assert runs == [("backup", "success", "exit status 0"), ("bad", "failure", "exit status 3")]
        assert re.search(r"backup .* done .*\n  stdout: saved\nbad ", master.ctl("runs", "--output").stdout)
        assert master.ctl("start", "backup").stdout == "backup: ERROR (already started)\n"
        assert master.ctl("stop", "backup").stdout == "backup: stopped\n"
        assert "off: procmanctl start backup switches it on" in master.ctl("next", "backup").stdout
        assert (info(master, "backup")["phase"], info(master, "backup")["next"]) == ("done", None)
        assert master.ctl("start", "backup").stdout == "backup: started\n"
        assert master.ctl("restart", "backup").stdout == "backup: stopped\nbackup: started\n"
        metrics = master.ctl("metrics").stdout
        assert 'procman_next_run_time_seconds{group="backup",name="backup"}' in metrics
        assert 'procman_last_run_duration_seconds{group="bad",name="bad"}' in metrics
        master.wait_for("spawned: 'backup'")
        assert master.text.count("spawned: 'backup'") == 1


def test_every_so_often_it_runs_and_what_does_not_end_leaves_times_out(tmp_path):
    """The log says so when the first is left out, and how many there were in the end."""
    programs = job("tick", "/bin/sleep 2.5", "schedule=every 1s", "run_on_start=true")
    with RunningMaster(tmp_path, programs) as master:
        master.wait_for("running: tick")
        master.wait_for("tick: the run is left out, as one is under way (schedule_overlap=skip)")
        master.wait_for("tick: 2 runs were left out in all while one was under way")
        events = master.ctl("events", "--kind", "schedule", "tick").stdout
        assert "a run is left out, as one is under way, by schedule" in events
        runs = json.loads(master.ctl("runs", "tick", "--json").stdout)["runs"]
        assert [run["by"] for run in runs[:1]] == ["boot"]


def test_an_upgrade_goes_on_with_the_schedule(tmp_path):
    """With its next time, its runs, and what is switched off."""
    night = datetime.now(UTC) + timedelta(hours=5)
    programs = (
        job("on", "/bin/true", at(night))
        + job("off", "/bin/true", at(night))
        + job("every", "/bin/true", "schedule=every 1h")
    )
    with RunningMaster(tmp_path, programs) as master:
        master.wait_for("procman started")
        assert master.ctl("run", "on").returncode == 0
        assert master.ctl("stop", "off").returncode == 0
        before = {name: info(master, name)["next"] for name in ("on", "off", "every")}
        runs = master.ctl("runs").stdout
        assert master.ctl("upgrade").returncode == 0
        after = {name: info(master, name)["next"] for name in ("on", "off", "every")}
        assert (after["on"], after["off"]) == (before["on"], None)
        assert abs(after["every"] - before["every"]) <= 1
        assert master.ctl("runs").stdout == runs


def test_another_schedule_holds_from_an_update_on(tmp_path):
    """In place: a run under way goes on."""
    night = datetime.now(UTC) + timedelta(hours=5)
    later = night + timedelta(hours=1)
    with RunningMaster(tmp_path, job("backup", SLEEPER, at(night), "run_on_start=true")) as master:
        master.wait_for("running: backup")
        pid = info(master, "backup")["pid"]
        text = Path(master.config).read_text()
        Path(master.config).write_text(text.replace(at(night), at(later)))
        assert master.ctl("update").returncode == 0
        known = info(master, "backup")
        assert (known["pid"], known["next"]) == (pid, later.replace(second=0, microsecond=0).timestamp())


@pytest.fixture
def folder(tmp_path):
    """One for what masters remember."""
    made = Path(tempfile.mkdtemp(prefix="pm"))
    yield made
    shutil.rmtree(made)


def test_a_killed_master_runs_no_time_twice_and_makes_up_for_what_was_missed(tmp_path, folder):
    """The next one adopts the run; of what has passed while none was there, one runs."""
    yesterday = datetime.now(UTC) - timedelta(hours=20)
    config = tmp_path / "p.conf"
    config.write_text(
        f"[supervisord]\nlogfile={tmp_path}/log\npidfile={tmp_path}/pid\nchildlogdir={tmp_path}\n"
        + job("long", SLEEPER, at(yesterday), "schedule_missed=once")
    )
    variables = {"XDG_RUNTIME_DIR": str(folder), "STATE_DIRECTORY": str(folder)}
    with Master(config, **variables) as first:
        first.expect("procman started")
        assert "next run" in first.ctl("status").stdout
        (times,) = folder.glob("*.times")
        (known,) = json.loads(times.read_text())["schedules"].values()
        assert known[1] == []
        first.process.send_signal(signal.SIGKILL)
        first.process.wait()
    # As if it had last looked three days ago.
    data = json.loads(times.read_text())
    data["schedules"]["long"] = [time.time() - 3 * 86400, []]
    times.write_text(json.dumps(data))
    with Master(config, **variables) as second:
        second.expect("long: 2 earlier runs were missed")
        second.expect("running: long")
        ((since, behind),) = json.loads(times.read_text())["schedules"].values()
        assert behind == [[since, since]]
        assert datetime.fromtimestamp(since, UTC).strftime("%d %H:%M") == yesterday.strftime("%d %H:%M")
        second.process.send_signal(signal.SIGKILL)
        second.process.wait()
    with Master(config, **variables) as third:
        third.expect("adopted: 'long'")
        shown = third.ctl("status").stdout
        assert "RUNNING" in shown
        assert json.loads(times.read_text())["schedules"]["long"] == [since, behind]
        assert third.ctl("stop", "long").returncode == 0


def test_the_how_to_works_as_it_stands(tmp_path):
    """Its configuration is loaded, and its commands do what it says."""
    text = (ROOT / "docs/how-to/nightly-backup.md").read_text()
    blocks = re.findall(r"```(\w+)\n(.*?)```", text, re.DOTALL)
    config = next(block for kind, block in blocks if kind == "toml")
    commands = next(block for kind, block in blocks if kind == "console").splitlines()
    (tmp_path / "data").mkdir()
    (tmp_path / "data/file").write_text("precious")
    (tmp_path / "backup").mkdir()
    path = tmp_path / "p.toml"
    path.write_text(
        f'[procman]\nlogfile = "{tmp_path}/log"\npidfile = "{tmp_path}/pid"\nchildlogdir = "{tmp_path}"\n'
        + config.replace("/srv/app", str(tmp_path))
    )
    with Master(path, XDG_RUNTIME_DIR=str(tmp_path)) as master:
        master.expect("procman started")
        assert "next run" in master.ctl("status").stdout
        said = []
        for line in commands:
            program, *words = shlex.split(line.removeprefix("$ "))
            assert program == "procmanctl"
            ran = master.ctl(*words)
            assert ran.returncode == 0, ran
            said.append(ran.stdout)
        assert len(re.findall(r"02:3\d:\d\d \+0[12]:00 CES?T", said[0])) == 5
        assert os.path.getsize(tmp_path / "backup/data.tar.gz") > 0
        assert re.search(r"backup +\S+ \S+ +\S+ s +done", said[2])
        assert "next run" in master.ctl("status").stdout
