"""The article on graceful exits in containers, which procman was made for, and the samples in conf/."""

import os
import re
import select
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.free_ports import free_port
from tests.support.log_lines import PATIENCE, LogLines, line_with, stamp
from tests.support.master_process import PROGRAMS, ROOT, Master, environment

STAMP = r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} "
DEMO_PORT = "9010"
TRUNCATED = 0.001  # a stamp has whole milliseconds


@pytest.fixture
def programs(tmp_path):
    """The article's programs under its names."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("dockerapp1", "dockerapp2", "dockerapp3"):
        (folder / name).symlink_to(PROGRAMS / f"{name}.py")
    (folder / "dockerapp1-brother").symlink_to(PROGRAMS / "dockerapp1_brother.py")
    return folder


@pytest.fixture
def samples(tmp_path):
    """A copy of conf/ with a port of its own, which keeps the output of the samples out of the source tree."""
    shutil.copytree(ROOT / "conf", tmp_path / "conf", ignore=_litter)
    demo = tmp_path / "conf" / "procman.toml"
    demo.write_text(demo.read_text().replace(DEMO_PORT, str(free_port())))
    return tmp_path / "conf"


def _litter(folder: str, names: list[str]) -> list[str]:
    """Files that a demo running in the source tree has written."""
    return [name for name in names if name != ".gitignore"] if folder.endswith("run") else []


def one_program(tmp_path: Path, *lines: str, master: str = "") -> Path:
    config = tmp_path / "supervisord.conf"
    head = f"[supervisord]\nlogfile=master.log\npidfile=master.pid\n{master}\n"
    config.write_text(head + "\n".join(lines) + "\n")
    return config


# ------------------------------------------------------------------------------------------------ the article


def wait_until_it_listens(pid):
    """Wait until the program is in sigwait (rt_sigtimedwait, by its number): it prints nothing when it is ready."""
    number = {"x86_64": "128"}.get(os.uname().machine, "137")
    deadline = time.monotonic() + 30
    while Path(f"/proc/{pid}/syscall").read_text().split()[0] != number:
        assert time.monotonic() < deadline, f"pid {pid} does not wait for signals"
        time.sleep(0.01)


def test_the_article_leaves_the_log_and_the_last_words_it_shows(tmp_path, programs):
    """The article's file runs unchanged (TERM and QUIT, nodaemon=false), and both programs end by themselves."""
    logs = tmp_path / "log"
    logs.mkdir()
    text = (PROGRAMS / "article.conf").read_text()
    ours = {"/var/run/": tmp_path, "/var/log/supervisor": logs, "/tmp/": logs, "/bin/": programs}
    text = re.sub("|".join(ours), lambda path: f"{ours[path[0]]}/", text)
    config = tmp_path / "supervisord.conf"
    config.write_text(text)

    with Master(config) as master:
        match = master.expect(STAMP + r"INFO procman started with pid (\d+)$")
        assert int(match[1]) == master.process.pid
        names = ("dockerapp1", "dockerapp1-brother")
        up = r"INFO success: {} entered RUNNING state, process has stayed up for > than 1 seconds \(startsecs\)$"
        spawned = [STAMP + rf"INFO spawned: '{name}' with pid (\d+)$" for name in names]
        first, second, *_ = master.expect_all([*spawned, *(STAMP + up.format(name) for name in names)])
        pids = [int(first[1]), int(second[1])]
        for pid in pids:
            wait_until_it_listens(pid)
        master.signal(signal.SIGTERM)
        master.expect(
            STAMP + r"WARN received SIGTERM indicating exit request$",
            STAMP + r"INFO waiting for dockerapp1, dockerapp1-brother to die$",
        )
        master.expect_all(
            [
                STAMP + r"INFO stopped: dockerapp1 \(exit status 0\)$",
                STAMP + r"INFO stopped: dockerapp1-brother \(exit status 0\)$",
            ]
        )
        assert master.to_the_end() == 0

    farewell = "handle signal: {}\nsignal {} received, app exit normally\n"
    assert (logs / "dockerapp1.log").read_text() == farewell.format("terminated", "termiate")
    assert (logs / "dockerapp1-brother.log").read_text() == farewell.format("quit", "quit")
    assert [line for line in master.lines if re.match(STAMP, line)] == (
        logs / "supervisord.log"
    ).read_text().splitlines()
    assert not (tmp_path / "supervisor.sock").exists()
    assert not (tmp_path / "supervisord.pid").exists()


def test_a_program_that_ignores_its_stop_signal_is_killed_after_stopwaitsecs(tmp_path, programs):
    """SIGKILL comes after stopwaitsecs, by the times of the master's log, and before that of who has more time."""
    config = one_program(
        tmp_path,
        "[program:dockerapp2]",
        f"command={programs}/dockerapp2",
        "stdout_logfile=app.log",
        "stopwaitsecs=2",
        "[program:later]",
        f"command={programs}/dockerapp2",
        "stdout_logfile=later.log",
        "stopwaitsecs=3",
    )
    with Master(config) as master:
        names = ("dockerapp2", "later")
        spawned = [rf"spawned: '{name}' with pid (\d+)" for name in names]
        first, second, *_ = master.expect_all([*spawned, *(f"success: {name} entered RUNNING" for name in names)])
        pids = [first[1], second[1]]
        for pid in pids:
            wait_until_it_listens(int(pid))
        assert master.stop() == 0
        asked = stamp(line_with(master.lines, "waiting for dockerapp2, later to die"))
        killed = line_with(master.lines, f"WARN killing 'dockerapp2' ({pids[0]}) with SIGKILL")
        later = line_with(master.lines, f"WARN killing 'later' ({pids[1]}) with SIGKILL")
        assert line_with(master.lines, "WARN stopped: dockerapp2 (terminated by SIGKILL)")
    assert stamp(killed) - asked >= 2 - TRUNCATED
    assert master.lines.index(killed) < master.lines.index(later)
    assert (tmp_path / "app.log").read_text() == "handle signal: terminated\n"


def test_a_program_that_forks_is_stopped_with_its_child_when_asked_as_a_group(tmp_path, programs):
    """With stopasgroup, both processes of dockerapp3 get SIGTERM and end."""
    config = one_program(
        tmp_path,
        "[program:dockerapp3]",
        f"command={programs}/dockerapp3",
        "stdout_logfile=/dev/stdout",
        "stopasgroup=true",
    )
    with Master(config) as master:
        # On a busy machine it is RUNNING before it has forked.
        found = master.expect_all(
            [
                r"^i am parent process, pid = (\d+)",
                r"^fork ok, childpid = (\d+)",
                "^i am in child process",
                "success: dockerapp3 entered RUNNING",
            ]
        )
        parent, child = (int(match[1]) for match in found[:2])
        watch = os.pidfd_open(child)
        try:
            assert master.ctl("stop", "dockerapp3").stdout == "dockerapp3: stopped\n"
            master.expect_all(
                [f"^{pid}: signal termiate received, app exit normally" for pid in (parent, child)],
            )
            _gone(watch)
        finally:
            os.close(watch)
        assert master.stop() == 0


def _gone(pidfd: int) -> None:
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    assert poll.poll(PATIENCE * 1000), "the process is still there"


# ------------------------------------------------------------------------------------------------ the samples


@pytest.mark.slow
def test_the_demo_survives_twenty_times_kill_9(samples):
    """A killed program of conf/procman.toml is restarted each time, and never runs twice."""
    script = str(samples / "demo" / "ticker.py")
    with Master(samples / "procman.toml") as master:
        for _ in range(20):
            pid = int(master.expect(r"spawned: 'ticker' with pid (\d+)")[1])
            # `python3` may be a script that runs others before it becomes the program: that one has spoken then.
            master.expect_all(["success: ticker entered RUNNING", "^tick 1$"])
            assert _alive(script) == [pid]
            os.kill(pid, signal.SIGKILL)
            master.expect(r"exited: ticker \(terminated by SIGKILL; not expected\)")
        pid = int(master.expect(r"spawned: 'ticker' with pid (\d+)")[1])
        master.expect_all(["success: ticker entered RUNNING", "^tick 1$"])
        assert _alive(script) == [pid]
        assert master.stop() == 0
    of_ticker = [
        found[1] for found in (re.search(r"(spawned|exited): '?ticker\b", line) for line in master.lines) if found
    ]
    assert of_ticker == ["spawned", "exited"] * 20 + ["spawned"]
    assert _alive(script) == []


def _alive(script: str) -> list[int]:
    """The pids of live processes with that command; zombies have no command line."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if os.fsencode(script) in words:
                found.append(int(entry.name))
    return found


def test_the_demo_does_what_its_comments_say(samples):
    """In conf/procman.toml, all start, `once` on request; the web server ends on INT, workers finish their jobs."""
    with Master(samples / "procman.toml") as master:
        master.expect_all(
            [f"success: {name} entered RUNNING" for name in ("ticker", "web", "worker_00", "worker_01")] + ["^tick 1$"]
        )
        status = master.ctl("status").stdout.splitlines()
        assert [line.split()[0] for line in status] == ["once", "ticker", "web", "worker:worker_00", "worker:worker_01"]
        assert status[0].split()[1] == "STOPPED"
        assert master.ctl("start", "once").stdout == "once: started\n"
        master.expect("^I ran once")
        master.expect(r"exited: once \(exit status 0; expected\)")
        deadline = time.monotonic() + PATIENCE
        while "http://127.0.0.1:" not in master.ctl("tail", "web").stdout:  # SIGINT ends it well from then on
            assert time.monotonic() < deadline
        assert master.stop() == 0
    assert re.search(r"^ticker says goodbye$", master.text, re.MULTILINE)
    assert "stopped: web (exit status 0)" in master.text
    assert "killing" not in master.text
    assert sorted(path.name for path in samples.iterdir()) == sorted(path.name for path in (ROOT / "conf").iterdir())
    written = sorted(path.name for path in (samples / "run").iterdir())
    assert written == [".gitignore", "procman.log", "web.log", "worker_00.log", "worker_01.log"]


def test_the_classical_sample_runs_as_it_is(samples):
    """The programs of conf/supervisord.conf run under the names of their group, and stop."""
    with Master(samples / "supervisord.conf") as master:
        master.expect_all([f"success: {name} entered RUNNING" for name in ("ticker", "worker_00", "worker_01")])
        status = master.ctl("status").stdout.splitlines()
        assert [line.split()[0] for line in status] == ["demo:ticker", "demo:worker_00", "demo:worker_01"]
        # Before its first line the ticker has no handler for SIGTERM.
        follow = [sys.executable, "-m", "procman.cli.procmanctl", "-c", str(master.config), "tail", "-f", "demo:ticker"]
        with subprocess.Popen(follow, stdout=subprocess.PIPE, env=master.environ) as follower:
            LogLines(follower).expect("^tick 1$")
            follower.terminate()
        assert master.stop() == 0
    assert "ticker says goodbye" in (samples / "run" / "ticker.log").read_text()


def test_the_sample_for_containers_runs_on_a_host_too(samples, tmp_path):
    """With conf/container.toml, all output goes to stdout, also from conf.d, and no other file is written."""
    (samples / "conf.d").mkdir()
    (samples / "conf.d" / "more.conf").write_text(
        "[program:more]\ncommand=sh -c 'echo one line; exec sleep 1000'\nstdout_logfile=/dev/stdout\n"
    )
    before = sorted(samples.rglob("*"))
    pidfile = tmp_path / "procman.pid"
    with Master(samples / "container.toml", "-j", str(pidfile)) as master:
        master.expect_all(["success: hello entered RUNNING", "success: more entered RUNNING", "^tick 1$", "^one line$"])
        assert pidfile.read_text() == f"{master.process.pid}\n"
        assert master.stop() == 0
    assert sorted(samples.rglob("*")) == before
    assert not pidfile.exists()


# ------------------------------------------------------------------------------------------------ bad input


def refused(config: Path) -> list[str]:
    """The output of a master for a file that it must refuse."""
    done = subprocess.run(
        [sys.executable, "-m", "procman", "-c", str(config)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=config.parent,
        env=environment(config.parent),
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    return done.stderr.splitlines()


BAD = {
    "syntax error": ("[supervisord]\nlogfile\n", ["bad.conf:2", "logfile"]),
    "syntax error in TOML": ("[program.web]\ncommand = x\n", ["bad.toml:2"]),
    "no section": ("command=x\n", ["bad.conf:1"]),
    "unknown program in a group": (
        "[supervisord]\n[program:web]\ncommand=x\n[group:site]\nprograms=web,wbe\n",
        ["bad.conf:5", "[group:site]", "wbe"],
    ),
    "bad signal": ("[supervisord]\n[program:web]\ncommand=x\nstopsignal=TREM\n", ["bad.conf:4", "stopsignal", "TREM"]),
    "no command": ("[supervisord]\n[program:web]\nautostart=true\n", ["bad.conf", "[program:web]", "command"]),
    "unknown user": (
        "[supervisord]\n[program:web]\ncommand=x\nuser=no-such-user-here\n",
        ["bad.conf:4", "user", "no-such-user-here"],
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_file_that_cannot_be_used_ends_with_2_and_one_line(tmp_path, case):
    """A bad file gives status 2 and one line with file, line and problem; no traceback, and nothing is started."""
    text, expected = BAD[case]
    config = tmp_path / ("bad.toml" if "TOML" in case else "bad.conf")
    config.write_text(text)
    lines = refused(config)
    assert len(lines) == 1, lines
    for part in expected:
        assert part in lines[0]


def test_every_problem_is_said_at_once(tmp_path):
    """Three mistakes give three lines in one run."""
    config = tmp_path / "bad.conf"
    config.write_text(
        "[supervisord]\nloglevel=loud\n[program:web]\ncommand=x\nstopsignal=TREM\n[program:db]\nstartsecs=soon\ncommand=x\n"
    )
    lines = refused(config)
    assert len(lines) == 3, lines
    for part in ("bad.conf:2", "bad.conf:5", "bad.conf:7"):
        assert sum(part in line for line in lines) == 1


def test_a_file_that_is_not_there_or_cannot_be_read_is_named(tmp_path):
    """A missing file, or a directory in its place, gives status 2 and one line with the path."""
    (tmp_path / "folder.toml").mkdir()
    for name in ("missing.toml", "missing.conf", "folder.toml"):
        lines = refused(tmp_path / name)
        assert len(lines) == 1, lines
        assert str(tmp_path / name) in lines[0]


# Root may read everything, unless it has lost CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH (1 and 2) for good before
# its exec: PR_CAPBSET_DROP is 24.
WITHOUT_OVERRIDE = (
    "import ctypes, os, sys\n"
    "libc = ctypes.CDLL(None)\n"
    "libc.prctl(24, 1), libc.prctl(24, 2)\n"
    "os.execv(sys.executable, [sys.executable, '-m', 'procman', *sys.argv[1:]])\n"
)


def test_a_file_that_may_not_be_read_is_named(tmp_path):
    """A file without read permission gives status 2 and one line with the path."""
    config = tmp_path / "secret.toml"
    config.write_text("")
    config.chmod(0)
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_OVERRIDE, "-c", str(config)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    lines = done.stderr.splitlines()
    assert len(lines) == 1, lines
    assert str(config) in lines[0]


def test_files_that_include_each_other_are_refused(tmp_path):
    """A cycle of TOML includes is an error; INI has none, since only the main file's [include] is followed."""
    first = tmp_path / "first.toml"
    first.write_text('include = ["second.toml"]\n')
    (tmp_path / "second.toml").write_text('include = ["first.toml"]\n')
    lines = refused(first)
    assert len(lines) == 1, lines
    assert "first.toml" in lines[0]
    assert "second.toml" in lines[0]


def test_a_socket_path_that_is_too_long_is_said_with_the_way_out(tmp_path):
    """A socket path that is too long gives status 2, the path and the limit; nothing is started."""
    path = tmp_path / ("x" * 120)
    config = one_program(tmp_path, "[unix_http_server]", f"file={path}", "[program:web]", "command=sleep 1000")
    with Master(config) as master:
        assert master.to_the_end() == 2
    said = [line for line in master.lines if str(path) in line]
    assert said, master.text
    assert "Traceback" not in master.text
    assert "spawned" not in master.text
    assert "107" in said[0] or "long" in said[0]


def test_a_log_that_cannot_be_written_is_said_and_the_program_runs(tmp_path):
    """A log in an unwritable directory gives one message with the path, and the program runs."""
    if os.geteuid() == 0:
        log = Path("/sys/procman-test.log")  # where even root may not make a file
    else:
        folder = tmp_path / "closed"
        folder.mkdir()
        folder.chmod(0o500)
        log = folder / "web.log"
    config = one_program(
        tmp_path,
        "[program:web]",
        "command=sh -c 'for i in 1 2 3; do echo $i; done; exec sleep 1000'",
        f"stdout_logfile={log}",
    )
    with Master(config) as master:
        master.expect("success: web entered RUNNING")
        assert master.stop() == 0
    assert len([line for line in master.lines if f"cannot write log {log}" in line]) == 1, master.text
    assert "Traceback" not in master.text


# ------------------------------------------------------------------------------------------------ pid files


def test_a_device_named_as_pid_file_is_still_there_afterwards(tmp_path):
    """A master that runs as root does not remove pidfile=/dev/null, which is common in containers."""
    device = tmp_path / "null"
    try:
        os.mknod(device, stat.S_IFCHR | 0o666, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("devices cannot be made here: that takes CAP_MKNOD")
    config = one_program(tmp_path, "[program:web]", "command=sleep 1000")
    with Master(config, "-j", str(device)) as master:
        master.expect("success: web entered RUNNING")
        assert master.stop() == 0
    assert stat.S_ISCHR(device.stat().st_mode)
