"""`procman --daemon`, and its reports to the starting process, in the pid file, and to systemd."""

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.log_lines import PATIENCE
from tests.support.master_process import Master, environment
from tests.support.running_master import SLEEPER
from tests.support.tree_fixtures import has_ended

FILE = f"""
[supervisord]
logfile=master.log
pidfile=master.pid
umask=027
[program:web]
command={SLEEPER}
startsecs=0
stdout_logfile=web.log
stderr_logfile=NONE
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A directory with a configuration of relative paths; a daemon left in it is stopped."""
    (tmp_path / "procman.conf").write_text(FILE)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    procman("stop", "--pidfile", "master.pid")


def procman(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "procman", *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=environment(Path.cwd() / "run", **environ),
        timeout=PATIENCE,
        check=False,
    )


def daemon(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    Path("run").mkdir(exist_ok=True)
    return procman("--daemon", "-c", "procman.conf", *words, **environ)


def the_pid() -> int:
    return int(Path("master.pid").read_text())


def status_of(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def test_the_first_process_returns_when_the_daemon_is_up(folder):
    """The command returns 0 without output when the daemon is up and can be asked."""
    started = daemon()
    assert (started.returncode, started.stdout, started.stderr) == (0, "", "")
    asked = procman("status", "--pidfile", "master.pid")
    assert (asked.returncode, asked.stdout.split(" (")[0]) == (0, f"pid {the_pid()} is running")


def test_it_is_up_when_all_programs_have_been_started(folder):
    """The daemon is up when all its programs have been started, however many there are."""
    many = FILE.replace("[program:web]", "[program:web]\nnumprocs=200\nprocess_name=%(process_num)d")
    (folder / "procman.conf").write_text(many.replace(SLEEPER, "/bin/sleep 1000"))
    assert daemon().returncode == 0
    pid = the_pid()
    assert len(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()) == 200


def test_each_step_of_becoming_a_daemon_was_taken(folder):
    """/proc shows every step: fork, setsid, fork, chdir, umask, no inherited descriptors, /dev/null."""
    inherited = os.open("procman.conf", os.O_RDONLY)
    os.set_inheritable(inherited, True)
    daemon()
    os.close(inherited)
    pid = the_pid()
    stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    group, session, terminal = int(stat[2]), int(stat[3]), int(stat[4])
    # It leads neither, so it cannot get a terminal; the leader has ended.
    assert pid not in (group, session)
    assert group == session != os.getsid(0)
    assert terminal == 0
    assert not Path(f"/proc/{session}").exists()
    assert Path(f"/proc/{pid}/cwd").readlink() == Path("/")
    assert status_of(pid)["Umask"] == "0027"
    descriptors = {}
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed since
            descriptors[int(fd.name)] = os.readlink(fd)
    assert [descriptors[fd] for fd in (0, 1, 2)] == ["/dev/null"] * 3
    assert str(folder / "procman.conf") not in descriptors.values()
    assert (folder / "master.log").stat().st_mode & 0o777 == 0o640


def test_relative_paths_are_meant_from_where_it_was_started(folder):
    """Relative paths and programs use the starting directory, also after a reload."""
    daemon()
    for life in (1, 2):
        wait_for(folder / "master.log", "success: web entered RUNNING", life)
        (web,) = Path(f"/proc/{the_pid()}/task/{the_pid()}/children").read_text().split()
        assert Path(f"/proc/{web}/cwd").readlink() == folder
        until((folder / "web.log").exists)
        reloaded = procman("reload", "--pidfile", "master.pid")
        assert reloaded.stdout.endswith("is reloading\n")
    wait_for(folder / "master.log", "success: web entered RUNNING", 3)
    assert not Path("/master.log").exists()


@pytest.mark.parametrize("background", [True, False])
def test_programs_run_in_the_directory_of_the_master(folder, background):
    """Programs run in the master's directory=, even a relative one; its own files stay where it was started."""
    (folder / "srv" / "deep").mkdir(parents=True)
    programs = FILE.replace("umask=027", "directory=srv") + "[program:deep]\ncommand=sleep 1000\ndirectory=deep\n"
    Path("procman.conf").write_text(programs)
    if background:
        assert daemon().stderr == ""
    else:
        Path("run").mkdir()
        words = [sys.executable, "-m", "procman", "-c", "procman.conf"]
        master = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=environment(folder / "run")
        )
    for life in (1, 2):
        if not background and life == 1:
            until((folder / "master.log").exists)
        for name in ("web", "deep"):
            wait_for(folder / "master.log", f"success: {name} entered RUNNING", life)
        children = Path(f"/proc/{the_pid()}/task/{the_pid()}/children").read_text().split()
        places = {Path(f"/proc/{child}/cwd").readlink() for child in children}
        assert places == {folder / "srv", folder / "srv" / "deep"}
        until((folder / "srv" / "web.log").exists)
        procman("reload", "--pidfile", "master.pid")
    wait_for(folder / "master.log", "success: web entered RUNNING", 3)
    assert not (folder / "srv" / "master.log").exists()
    assert procman("stop", "--pidfile", "master.pid").returncode == 0
    if not background:
        assert master.wait() == 0


def test_a_daemon_goes_on_with_what_the_foreground_has_left(folder):
    """A daemon adopts a program of a foreground master unchanged, since both run it in the same directory."""
    Path("run").mkdir()
    words = [sys.executable, "-m", "procman", "-c", "procman.conf"]
    with subprocess.Popen(
        words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, env=environment(folder / "run")
    ) as master:
        assert any("success: web entered RUNNING" in line for line in master.stdout)
        (web,) = Path(f"/proc/{master.pid}/task/{master.pid}/children").read_text().split()
        master.kill()
    daemon()
    wait_for(folder / "master.log", f"adopted: 'web' with pid {web}", 1)
    assert "with another definition" not in (folder / "master.log").read_text()
    assert os.readlink(f"/proc/{web}/cwd") == str(folder)


def until(condition: Callable[[], object], what: Callable[[], object] = str) -> None:
    """Nothing announces a file, or its growth: both come beside the loop of the master. `what` is said at a failure."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, what()
        select.select([], [], [], 0.02)


def wait_for(log: Path, text: str, times: int = 1) -> None:
    """Wait until the file has the text that often."""
    until(lambda: log.read_text().count(text) >= times, log.read_text)


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ("[program:web]\n", "the section has no command"),
        ("[supervisord]\n[unix_http_server]\nfile=/nowhere/s\n", "cannot listen on /nowhere/s"),
        ("[supervisord]\npidfile=link\n", "it is a symbolic link, which may lead to any file"),
        ("[supervisord]\nlogfile=/dev/full/x\n", "does not exist"),
    ],
)
def test_a_daemon_that_cannot_be_says_why(folder, lines, reason):
    """A daemon that cannot start says why on the stderr of its command, and nothing is left running."""
    (folder / "procman.conf").write_text(lines)
    (folder / "link").symlink_to("elsewhere")
    started = daemon()
    assert started.returncode == 2
    assert reason in started.stderr
    assert "Traceback" not in started.stderr
    assert not (folder / "master.pid").exists()


def test_where_a_daemon_was_started_is_removed(folder):
    """If its starting directory is removed, a reread fails and changes nothing; once it is back, everything works."""
    daemon()
    pid = the_pid()
    elsewhere = folder.with_name("elsewhere")
    folder.rename(elsewhere)
    os.chdir(elsewhere)
    (elsewhere / "procman.conf").write_text(FILE)
    assert procman("reload", "--pidfile", "master.pid").returncode == 0
    wait_for(elsewhere / "master.log", f"cannot look from {folder}, where this master was started", 1)
    wait_for(elsewhere / "master.log", "everything goes on as it was", 1)
    elsewhere.rename(folder)
    os.chdir(folder)
    assert procman("reload", "--pidfile", "master.pid").returncode == 0
    wait_for(folder / "master.log", "success: web entered RUNNING", 2)
    assert the_pid() == pid


@pytest.mark.parametrize(
    "words", [["-c", "x.conf"], ["check", "-c", "x.conf"], ["--daemon", "-c", "{}"], ["run", "-d", "--", "true"]]
)
def test_a_current_directory_that_was_removed_is_said(tmp_path, words):
    """A start in a removed directory fails with one line."""
    gone = tmp_path / "gone"
    enter = ["sh", "-c", 'cd "$0" && rmdir "$0" && exec "$@"', str(gone), sys.executable, "-m", "procman"]
    gone.mkdir()
    file = tmp_path / "whole.conf"
    file.write_text("[supervisord]\nlogfile=/dev/null\npidfile=/dev/null\n")
    asked = [*enter, *(word.format(file) for word in words)]
    ran = subprocess.run(asked, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert ran.returncode == 2
    assert ran.stderr == "procman: cannot go on: the current directory was removed; change to another one\n"


def test_a_second_start_says_who_is_there(folder):
    """A second start reports the holder of the pid file's lock, even without socket and state file."""
    daemon()
    pid = the_pid()
    for file in (*(folder / "run").rglob("*.sock"), *(folder / "run").rglob("*.state")):
        file.unlink()
    second = daemon()
    assert second.returncode == 2
    assert f"is held by pid {pid}" in second.stderr
    assert the_pid() == pid


def test_a_second_start_leaves_the_logs_of_the_first_alone(folder):
    """A refused second start removes no AUTO logs of the running daemon."""
    (folder / "logs").mkdir()
    auto = FILE.replace("umask=027", "childlogdir=logs").replace("stdout_logfile=web.log", "stdout_logfile=AUTO")
    (folder / "procman.conf").write_text(auto)
    daemon()
    wait_for(folder / "master.log", "success: web entered RUNNING")
    until(lambda: os.listdir(folder / "logs"))
    (log,) = (folder / "logs").iterdir()
    assert daemon().returncode == 2
    assert log.exists()
    assert procman("stop", "--pidfile", "master.pid").returncode == 0
    assert daemon().returncode == 0
    wait_for(folder / "master.log", "success: web entered RUNNING", 2)
    assert not log.exists()


def test_a_stale_pid_file_is_taken_over(folder):
    """The pid file of a killed master, which has no lock any more, is taken over."""
    daemon()
    first = the_pid()
    (web,) = Path(f"/proc/{first}/task/{first}/children").read_text().split()
    os.kill(first, signal.SIGKILL)
    os.kill(int(web), signal.SIGKILL)
    until(lambda: has_ended(first) and has_ended(int(web)))
    asked = procman("status", "--pidfile", "master.pid")
    assert asked.returncode == 3
    assert "left behind" in asked.stdout
    assert daemon().returncode == 0
    assert the_pid() != first


def test_stop_waits_for_the_end_of_the_programs(folder):
    """`procman stop` returns when the programs have ended."""
    daemon()
    pid = the_pid()
    (web,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    stopped = procman("stop", "--pidfile", "master.pid")
    assert (stopped.returncode, stopped.stdout) == (0, f"pid {pid} has ended\n")
    assert not Path(f"/proc/{web}").exists()
    assert not (folder / "master.pid").exists()
    assert "stopped: web (terminated by SIGTERM)" in (folder / "master.log").read_text()


def test_the_file_can_ask_for_a_daemon(folder):
    """daemon=true in the file works like --daemon."""
    (folder / "procman.conf").write_text(FILE.replace("umask=027", "daemon=true"))
    Path("run").mkdir()
    assert procman("-c", "procman.conf").returncode == 0
    assert procman("status", "--pidfile", "master.pid").returncode == 0


def test_a_daemon_whose_logs_nobody_would_see_says_so(folder):
    """A daemon with output only on the console warns, and starts."""
    assert daemon().stderr == ""
    procman("stop", "--pidfile", "master.pid")
    text = FILE.replace("logfile=master.log", "logfile=/dev/stdout").replace("stderr_logfile=NONE", "stderr_logfile=-")
    (folder / "procman.conf").write_text(text.replace("stdout_logfile=web.log", "stdout_logfile=web.log, -"))
    started = daemon()
    assert started.returncode == 0
    assert started.stderr == (
        "procman: nobody sees what a daemon writes to its console: "
        "name a file in logfile, [program:web] stderr_logfile\n"
    )


def test_a_pid_that_is_not_the_masters_is_never_signalled(folder):
    """A pid in the pid file that is not the master's is never signalled."""
    with subprocess.Popen(["sleep", "1000"]) as bystander:
        (folder / "master.pid").write_text(f"{bystander.pid}\n")
        for command in ("stop", "reload"):
            refused = procman(command, "--pidfile", "master.pid")
            assert "left behind" in refused.stdout + refused.stderr
        assert bystander.poll() is None
        bystander.kill()
    (folder / "master.pid").unlink()


def test_systemd_is_told_how_it_goes(folder):
    """Systemd gets READY with a status, watchdog messages, the pid, RELOADING and STOPPING; programs get nothing."""
    address = folder / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(address))
        systemd.settimeout(PATIENCE)
        daemon(NOTIFY_SOCKET=str(address), WATCHDOG_USEC="10000000")
        said = listen(systemd, "WATCHDOG=1")
        assert f"MAINPID={the_pid()}" in said
        assert any(line.startswith("READY=1\nSTATUS=") for line in said)
        (web,) = Path(f"/proc/{the_pid()}/task/{the_pid()}/children").read_text().split()
        assert b"NOTIFY_SOCKET" not in Path(f"/proc/{web}/environ").read_bytes()
        procman("reload", "--pidfile", "master.pid")
        listen(systemd, "RELOADING=1")
        listen(systemd, "READY=1")
        procman("stop", "--pidfile", "master.pid")
        assert listen(systemd, "STOPPING=1")[-1].endswith("\nSTATUS=1 process still to be stopped")
        # What `systemctl status` says from then on.
        listen(systemd, "STATUS=everything has been stopped")


def test_a_toml_file_leaves_nothing_in_the_folder_where_it_is_started(folder):
    """With TOML, nothing is written to the starting directory: log and pid file have other defaults."""
    (folder / "shop.toml").write_text(f'[program.web]\ncommand = """{SLEEPER}"""\nstdout_logfile = "-"\n')
    before = sorted(os.listdir(folder))
    with Master(folder / "shop.toml") as master:
        master.expect("procman started", "web entered RUNNING")
        (pidfile,) = (master.runtime_dir / "procman").glob("*.pid")
        assert pidfile.read_text() == f"{master.process.pid}\n"
        assert master.stop() == 0
        assert not pidfile.exists()
    assert sorted(os.listdir(folder)) == before
    (folder / "run").mkdir()
    assert procman("--daemon", "-c", "shop.toml").returncode == 0
    (log,) = (folder / "run" / "procman").glob("*.log")
    wait_for(log, "procman started with pid")
    assert procman("stop", "--pidfile", str(log.with_suffix(".pid"))).returncode == 0
    assert sorted(os.listdir(folder)) == sorted([*before, "run"])


def test_nodaemon_wins_over_the_file(folder):
    """-n overrides daemon=true in the file."""
    (folder / "procman.conf").write_text(FILE.replace("umask=027", "daemon=true"))
    with Master(folder / "procman.conf", "-n") as master:
        master.expect("procman started", "web entered RUNNING")
        assert master.stop() == 0


def listen(systemd: socket.socket, wanted: str) -> list[str]:
    """All messages up to the first one with that start."""
    said = []
    while not said or not said[-1].startswith(wanted):
        said.append(systemd.recv(4096).decode())
    return said


def test_a_file_that_wants_the_background_is_told_how_to_get_there(folder):
    """nodaemon=false is ignored, and the log says once how to daemonize."""
    (folder / "procman.conf").write_text(FILE.replace("umask=027", "nodaemon=false"))
    with Master(folder / "procman.conf") as master:
        master.expect("nodaemon=false is ignored: procman stays in the foreground unless --daemon is given", "RUNNING")
        assert master.stop() == 0
    with Master(folder / "procman.conf", "-n") as master:
        master.expect("web entered RUNNING")
        assert "nodaemon" not in master.text
