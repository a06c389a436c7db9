"""Env files and credentials with the real master: what programs get, what is shown, and what is left behind."""

import json
import os
import pwd
import re
import shutil
import signal
import tempfile
import time
from pathlib import Path

import pytest

from procman.system.capabilities import is_effective
from tests.support.log_lines import PATIENCE
from tests.support.master_process import Master
from tests.support.masters_in_turn import MastersInTurn
from tests.support.running_master import SLEEPER, RunningMaster

SECRETS = ("hunter2-from-a-file", "s3cr3t-of-a-variable", "cr3dential-of-a-run")
# Prints what it was given, and fails when it is told to, with a secret for its last words.
SHOWS = (
    "/bin/sh -c 'echo $COLOUR $TOKEN home=$HOME; cat $CREDENTIALS_DIRECTORY/db; echo ready; read go; "
    "echo $COLOUR >&2; exit 3'"
)


@pytest.fixture
def app(tmp_path):
    """A folder that only its owner can look into, with files that only its owner can read."""
    folder = tmp_path / "app"
    folder.mkdir(mode=0o700)
    for name, text in (
        ("app.env", f"COLOUR='{SECRETS[0]}'\n"),
        ("token", f"{SECRETS[1]}\n"),
        ("db", f"{SECRETS[2]}\n"),
    ):
        (folder / name).write_text(text)
        (folder / name).chmod(0o400)
    return folder


def section(app, *lines, command=SHOWS):
    return "\n".join(
        [
            "[program:web]",
            f"command={command}",
            f"env_file={app}/app.env",
            f"env_from=TOKEN={app}/token",
            f"credentials=db:{app}/db",
            "autorestart=false",
            "startsecs=0",
            *lines,
            "",
        ]
    )


def folder_of(master):
    """The credentials of the run."""
    return credentials_of(master.info("web")["pid"])


def credentials_of(pid):
    """As its environment has them."""
    block = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    (found,) = (pair.partition(b"=")[2] for pair in block if pair.startswith(b"CREDENTIALS_DIRECTORY="))
    return Path(os.fsdecode(found))


def output(master, count):
    """The first lines of what it writes."""
    pieces, follow = b"", master.follow("web")
    while pieces.count(b"\n") < count:
        pieces += next(follow)
    follow.close()
    return pieces.decode()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give root's files to another user")
@pytest.mark.skipif(not is_effective("SYS_PTRACE"), reason="the environment of others takes the capability SYS_PTRACE")
@pytest.mark.root
def test_another_user_gets_what_only_root_can_read_and_nobody_else_sees_it(tmp_path, app):
    """It is in no command, no answer of /v1, no journal, no report and no log of the master."""
    reports = tmp_path / "reports"
    head = f"reports_dir={reports}\njournal={tmp_path}/journal"
    with RunningMaster(tmp_path, section(app, "user=nobody", "user_env=true"), master=head) as master:
        master.wait_for("entered RUNNING state")
        shown = output(master, 3)
        assert all(secret in shown for secret in SECRETS)
        assert f"home={pwd.getpwnam('nobody').pw_dir}\n" in shown
        folder = folder_of(master)
        assert folder.stat().st_uid == 65534
        texts = [
            *(master.ctl(*words).stdout for words in (("config", "web"), ("why", "web"), ("drift",), ("events",))),
            *(
                json.dumps(master.call("GET", f"/v1/{path}"))
                for path in ("processes/web/config", "why?name=web", "drift", "journal", "processes")
            ),
        ]
        given = master.call("GET", "/v1/journal?kind=given")["records"]
        assert given[0]["data"]["environment"].keys() == {"COLOUR", "TOKEN"}
        assert given[0]["data"]["credentials"] == ["db"]
        assert re.fullmatch("[0-9a-f]{12}", given[0]["data"]["environment"]["TOKEN"])
        assert f"env_from = TOKEN={app}/token" in texts[0]
        master.say("web", "go\n")
        master.wait_for("exited: web")
        report = master.call("GET", "/v1/crashes")["crashes"][0]
        assert not folder.exists()
        texts += [master.ctl(*words).stdout for words in (("status",), ("why", "web"), ("crash", str(report["seq"])))]
        assert "********" in texts[-1]
        base = folder.parent
    assert not base.exists()
    texts += [master.text, (tmp_path / "journal").read_text(), *(file.read_text() for file in reports.iterdir())]
    assert [secret for secret in SECRETS for text in texts if secret in text] == []


def test_hooks_have_the_credentials_of_the_run_and_status_has_names(tmp_path, app):
    """A pre_start has what the run after it will have, and each of them a folder that goes with it."""
    show = "sh -c 'echo $TOKEN; cat $CREDENTIALS_DIRECTORY/db; echo $CREDENTIALS_DIRECTORY'"
    config = section(app, f"pre_start={show}", f"post_stop={show}", command=SLEEPER)
    with RunningMaster(tmp_path, config) as master:
        master.wait_for("entered RUNNING state")
        long = master.ctl("status", "--long").stdout
        assert f"web: environment: env_file={app}/app.env, env_from=TOKEN={app}/token, credentials=db:{app}/db" in long
        assert "; has COLOUR, TOKEN from files\n" in long
        master.ctl("stop", "web")
        master.has_written("web")
        said = Path(master.info("web")["stdout_logfile"]).read_text().splitlines()
        assert [said[0:2], said[3:5]] == [list(SECRETS[1:])] * 2
        assert not any(os.path.exists(folder) for folder in (said[2], said[5]))
        assert not any(secret in long for secret in SECRETS)


def test_a_kill_during_a_pre_start_leaves_no_credentials(tmp_path, app):
    """The next master removes those that no run has taken over, and begins the start anew."""
    waits = f"sh -c 'echo $CREDENTIALS_DIRECTORY; until [ -e {tmp_path}/go ]; do sleep 0.05; done'"
    log = tmp_path / "web.log"
    config = section(app, f"pre_start={waits}", f"stdout_logfile={log}", command=SLEEPER)
    turns = MastersInTurn(tmp_path, config)

    def folder(number):
        """That of the pre_start which was begun as that one."""
        deadline = time.monotonic() + PATIENCE
        while not log.exists() or log.read_text().count("\n") <= number:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        return Path(log.read_text().splitlines()[number])

    try:
        turns.start()
        left = folder(0)
        assert (left / "db").exists()
        turns.kill()
        turns.start()
        now = folder(1)
        assert (now / "db").exists()
        assert not left.exists()
        (tmp_path / "go").touch()
        turns.master.expect("web entered RUNNING")
        assert not now.exists()
    finally:
        turns.close()
    assert not now.parent.exists()


def test_on_failure_runs_where_the_files_are_why_it_failed(tmp_path, app):
    """Without what they give: somebody has to be told."""
    (app / "app.env").unlink()
    config = section(app, "startretries=0", "on_failure=sh -c 'echo told [$COLOUR]'", command=SLEEPER)
    with RunningMaster(tmp_path, config) as master:
        master.wait_for("on_failure of 'web': sh is done")
        master.has_written("web")
        assert Path(master.info("web")["stdout_logfile"]).read_text() == "told []\n"


def test_a_restart_gets_what_the_files_have_now(tmp_path, app):
    """What runs goes on with what it has, and `why` and `drift` say so by name. A file that is gone fails the start."""
    with RunningMaster(tmp_path, section(app, "startretries=0", command=SLEEPER)) as master:
        master.wait_for("entered RUNNING state")
        assert master.ctl("drift").returncode == 0
        (app / "app.env").unlink()
        (app / "app.env").write_text("COLOUR=blue-and-white\n")
        drift = master.ctl("drift", "web")
        assert drift.returncode == 1
        assert "started with another COLOUR than the file has now\n" in drift.stdout
        assert "started with another COLOUR than the file has now" in master.ctl("why", "web").stdout
        before = folder_of(master)
        master.ctl("restart", "web")
        assert master.ctl("config", "--drift", "web").returncode == 0
        assert folder_of(master) != before
        assert not before.exists()
        (app / "app.env").unlink()
        asked = master.so_far()
        master.ctl("restart", "web")
        master.wait_for(f"cannot read env_file {app}/app.env: there is no such file", after=asked)
        assert master.info("web")["statename"] == "FATAL"
        (app / "app.env").write_text("A=1\nB='open\n")
        asked = master.so_far()
        master.ctl("start", "web")
        master.wait_for(f"cannot read env_file {app}/app.env:2: cannot read this line", after=asked)


def test_the_next_master_after_a_kill_knows_what_the_run_has_and_removes_what_it_leaves(tmp_path, app):
    """The credentials stay as long as their run, whoever watches it."""
    runtime = {"XDG_RUNTIME_DIR": tempfile.mkdtemp(prefix="pm")}
    file = tmp_path / "kept.conf"
    file.write_text(
        f"[supervisord]\nlogfile={tmp_path}/master.log\npidfile={tmp_path}/master.pid\nchildlogdir={tmp_path}\n"
        + section(app, command=SLEEPER)
    )

    def killed(master):
        master.process.kill()
        master.process.wait()

    try:
        with Master(file, **runtime) as first:
            first.expect("success: web")
            pid = int(first.ctl("pid", "web").stdout)
            folder = credentials_of(pid)
            killed(first)
            assert (folder / "db").exists()
            (app / "db").unlink()
            (app / "db").write_text("another one")
            (app / "token").unlink()
            (app / "token").write_text("another one, too")
            with Master(file, **runtime) as second:
                second.expect("adopted: 'web'")
                told = second.ctl("drift", "web").stdout
                assert "started with another TOKEN than the file has now" in told
                assert "started with another db than the file has now" in told
                assert (folder / "db").exists()
                killed(second)
            os.kill(pid, signal.SIGKILL)
            with Master(file, **runtime) as third:
                third.expect("exited: web|spawned: 'web'")
                third.ctl("status")  # it has done all that follows from that
                assert not folder.exists()
                third.stop()
            assert not folder.parent.exists()
    finally:
        shutil.rmtree(runtime["XDG_RUNTIME_DIR"])
