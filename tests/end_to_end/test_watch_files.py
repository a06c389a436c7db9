"""Watched files of a real master: changes, an upgrade in between, no wake-ups, and the how-to as it stands."""

import contextlib
import os
import re
import shlex
import signal
import threading
from pathlib import Path

import pytest

from tests.support.faulty_master import FaultyMaster
from tests.support.master_process import ROOT, Master
from tests.support.running_master import SLEEPER, RunningMaster


def section(folder, *lines, command=SLEEPER):
    head = ["[program:web]", f"command={command}", f"directory={folder}", "startsecs=0"]
    return "\n".join([*head, *lines, ""])


def wake_ups(pid):
    """How often its main thread has slept."""
    text = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", text, re.MULTILINE)[1])


def helper_of(master):
    children = Path(f"/proc/{master.process.pid}/task/{master.process.pid}/children").read_text().split()
    found = []
    for pid in children:
        with contextlib.suppress(OSError):  # a program that has ended since
            if "procman.watcher" in Path(f"/proc/{pid}/cmdline").read_text():
                found.append(int(pid))
    (helper,) = found
    return helper


def save(app):
    """Another text in a file, in one step: what is written in two may be two changes."""
    new = app / "new"
    new.write_text("22")
    new.rename(app / "src" / "app.py")


@pytest.fixture
def app(tmp_path):
    made = tmp_path / "app"
    (made / "src").mkdir(parents=True)
    (made / "src" / "app.py").write_text("1")
    return made


def test_a_change_is_told_everywhere_and_its_own_log_is_none(app, tmp_path):
    """The file is named in the log, status, why, the journal and the metrics."""
    busy = "/bin/sh -c 'while echo x; do sleep 0.02; done'"
    log = f"stdout_logfile={app}/src/web.log"
    with RunningMaster(tmp_path, section(app, "watch=src/", log, command=busy)) as master:
        said = master.wait_for("watching files for web (1 folder)")
        save(app)
        said = master.wait_for("web: restarting: src/app.py changed", after=said)
        master.wait_for("success: web", after=said)
        shown = master.ctl("status", "--long").stdout
        assert re.search(r"web: watch: src/; watching; restarted [\d.]+ s ago: src/app\.py changed", shown)
        assert "after src/app.py changed" in master.ctl("why", "web").stdout
        events = master.ctl("events", "web").stdout
        assert "is restarted: src/app.py changed, by watch" in events
        assert len(re.findall("is restarted", events)) == 1
        metrics = master.ctl("metrics").stdout
        assert re.search(r'procman_process_restarts_total\{.*name="web",reason="watch"\} 1', metrics)
        assert re.search(r'procman_process_files_watched\{.*name="web"\} 1', metrics)


def test_processes_are_restarted_in_turn_and_a_command_writes_to_the_log(app, tmp_path):
    """With restart_strategy=rolling, one of them is up at any time; of exec, stdout and stderr go where they belong."""
    lines = ["watch=src/", "numprocs=2", "process_name=%(program_name)s_%(process_num)d", "restart_strategy=rolling"]
    several = section(app, *lines).replace("startsecs=0", "startsecs=1")
    tool = section(app, "watch=src/", "watch_action=exec:sh -c 'echo built; echo oops >&2; exit 3'")
    with RunningMaster(tmp_path, several + tool.replace("program:web", "program:tool")) as master:
        master.wait_for("watching files for tool, web:web_0, web:web_1")
        master.wait_for("web_1 entered RUNNING")
        save(app)
        said = master.wait_for("rolling restart of 2 processes began")
        master.wait_for("the command of watch_action has failed: exit status 3")
        master.wait_for("rolling restart is done, 2 of 2 were restarted", after=said)
        order = re.findall(r"(?:success|stopped): (web_\d)", "\n".join(master.lines[said:]))
        assert order == ["web_0", "web_0", "web_1", "web_1"]
        assert master.ctl("tail", "tool").stdout.split() == ["built"]
        assert master.ctl("tail", "tool", "stderr").stdout.split() == ["oops"]
        restarts = re.findall(r'restarts_total\{.*name="web_\d",reason="watch"\} 1', master.ctl("metrics").stdout)
        assert len(restarts) == 2


def test_the_master_sleeps_while_nothing_changes(app, tmp_path):
    """The helper wakes, and the master does not."""
    with RunningMaster(tmp_path, section(app, "watch=src/")) as master:
        master.wait_for("watching files for web")
        helper, done = helper_of(master), threading.Event()

        def is_quiet() -> bool:
            """One second, by the helper; at first, the master may have something to do yet."""
            before, slept = wake_ups(master.process.pid), wake_ups(helper)
            FaultyMaster.wait_until(lambda: wake_ups(helper) >= slept + 5, meanwhile=lambda: done.wait(0.05))
            return wake_ups(master.process.pid) == before

        FaultyMaster.wait_until(is_quiet)


@pytest.mark.slow
def test_a_change_during_an_upgrade_is_found(app, tmp_path):
    """By the helper of the new process image, once; that of the old one has ended."""
    with RunningMaster(tmp_path, section(app, "watch=src/")) as master:
        said = master.wait_for("watching files for web")
        before = helper_of(master)
        # The helper sees nothing more; the file changes for as long as it is there, however long the upgrade takes.
        there = f"grep -q State:.T /proc/{before}/status"
        stop = f"kill -STOP {before}; until {there}; do sleep 0.01; done"
        writes = f"/bin/sh -c '{stop}; while {there}; do echo 2 > {app}/src/app.py; sleep 0.1; done'"
        master.write(
            section(app, "watch=src/") + f"[program:saver]\ncommand={writes}\nautorestart=false\nstartsecs=0\n"
        )
        assert master.ctl("update").returncode == 0
        said = master.wait_for("success: saver", after=said)
        FaultyMaster.wait_until(lambda: (app / "src" / "app.py").read_text() == "2\n")
        assert master.ctl("upgrade").returncode == 0
        said = master.wait_for("web: restarting: src/app.py changed", after=said)
        FaultyMaster.wait_until(lambda: not Path(f"/proc/{before}").exists())
        assert helper_of(master) != before
        master.wait_for("spawned: 'web'", after=said)
        assert len(re.findall("web: restarting", master.text)) == 1


@pytest.mark.slow
def test_a_program_that_writes_its_own_file_is_left_alone_in_the_end(app, tmp_path):
    """It runs on, and an update watches it again."""
    writer = "/bin/sh -c 'date +%%N > src/build.json; exec sleep 1000'"
    with RunningMaster(tmp_path, section(app, "watch=src/", "watch_debounce=1ms", command=writer)) as master:
        (app / "src" / "build.json").touch()
        said = master.wait_for("its files are not watched any more")
        assert "src/build.json changed" in master.lines[said - 1]
        assert "web: watch: src/; not watched: src/build.json" in master.ctl("status", "--long").stdout
        assert "its files are not watched" in master.ctl("why", "web").stdout
        assert "RUNNING" in master.ctl("status", "web").stdout
        master.write(section(app, "watch=src/", "watch_ignore=build.json", command=writer))
        assert master.ctl("update").returncode == 0
        said = master.wait_for("web: its files are watched again", after=said)
        master.wait_for("watching files for web", after=said)
        save(app)
        master.wait_for("web: restarting: src/app.py changed", after=said)


@pytest.mark.slow
def test_a_helper_that_has_ended_is_replaced(app, tmp_path):
    """What changes before the next one is there is found."""
    with RunningMaster(tmp_path, section(app, "watch=src/")) as master:
        said = master.wait_for("watching files for web")
        os.kill(helper_of(master), signal.SIGKILL)
        said = master.wait_for(
            "what watches files has ended (terminated by SIGKILL); it is started again in 1 s", after=said
        )
        save(app)
        master.wait_for("web: restarting: src/app.py changed", after=said)


def test_a_master_that_watches_nothing_has_no_helper(app, tmp_path):
    """Either as it was told so, or as no program does any more."""
    with RunningMaster(tmp_path, section(app, "watch=src/"), arguments=("--no-watch",)) as master:
        master.wait_for("spawned: 'web'")
        assert "web: watch: src/; not watched (no_watch)" in master.ctl("status", "--long").stdout
        with pytest.raises(ValueError, match="not enough values"):
            helper_of(master)


def test_the_how_to_works_as_it_stands(tmp_path):
    """Its configuration is loaded, and its commands do what it says."""
    text = (ROOT / "docs/how-to/watch-files.md").read_text()
    blocks = re.findall(r"```(\w+)\n(.*?)```", text, re.DOTALL)
    config = next(block for kind, block in blocks if kind == "toml")
    commands = next(block for kind, block in blocks if kind == "console").splitlines()
    for folder in ("src", "tls"):
        (tmp_path / folder).mkdir()
    (tmp_path / "app.py").write_text("import time; time.sleep(1000)")
    (tmp_path / "app.env").write_text("A=1\n")
    (tmp_path / "src" / "app.py").touch()
    path = tmp_path / "p.toml"
    path.write_text(
        f'[procman]\nlogfile = "{tmp_path}/log"\npidfile = "{tmp_path}/pid"\nchildlogdir = "{tmp_path}"\n'
        + config.replace("/srv/app", str(tmp_path))
    )
    with Master(path, XDG_RUNTIME_DIR=str(tmp_path)) as master:
        master.expect_all(["watching files for proxy, web", "success: web"])
        said = []
        for line in commands:
            program, *words = shlex.split(line.removeprefix("$ "))
            if program == "touch":
                (tmp_path / words[0]).touch()
                master.expect("web: restarting: src/app.py changed")
                master.expect("success: web")
                continue
            assert program == "procmanctl"
            ran = master.ctl(*words)
            assert ran.returncode == 0, ran
            said.append(ran.stdout)
        assert "web: watch: src/**/*.py, app.py, @env; watching" in said[0]
        assert "is restarted: src/app.py changed, by watch" in said[1]
        assert "after src/app.py changed" in said[2]
        (tmp_path / "tls" / "key.pem").touch()
        master.expect("proxy: sending SIGHUP: tls/key.pem changed")
