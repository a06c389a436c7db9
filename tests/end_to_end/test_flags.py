"""supervisord's flags: each one works, and overrides the file."""

import contextlib
import os
import re
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.log_lines import PATIENCE
from tests.support.running_master import RunningMaster

# What each flag has to win over.
SAID_OTHERWISE = """\
loglevel=critical
identifier=never
directory={here}/never
umask=077
logfile_maxbytes=1GB
logfile_backups=10
minfds=3
minprocs=1
nocleanup=false
strip_ansi=false
"""
PROGRAM = """\
[program:one]
command=sh -c 'umask; pwd; printf "\\033[31mred\\033[0m\\n"; exec sleep 1000'
startsecs=0
"""


@pytest.fixture
def few_descriptors() -> Iterator[int]:
    """A soft limit that can be raised; the number of descriptors it allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    few = 300
    resource.setrlimit(resource.RLIMIT_NOFILE, (few, hard))
    yield few
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def open_files(pid: int) -> int:
    """The soft limit of a process."""
    limits = Path(f"/proc/{pid}/limits").read_text().splitlines()
    return int(next(line for line in limits if line.startswith("Max open files")).split()[3])


def test_every_flag_wins_over_the_file(tmp_path, few_descriptors):
    """Flags for logs, level, pid file, identifier, umask, directory, AUTO logs and limits override the file."""
    for name in ("never", "logs", "cwd"):
        (tmp_path / name).mkdir()
    flags = (
        *("-n", "-k", "-t", "-l", f"{tmp_path}/main.log", "-y", "200", "-z", "1", "-e", "debug"),
        *("-j", f"{tmp_path}/main.pid", "-i", "me", "-q", f"{tmp_path}/logs", "-m", "027", "-d", f"{tmp_path}/cwd"),
        *("-a", str(few_descriptors + 1), "--minprocs", "2"),
    )
    master = RunningMaster(tmp_path, PROGRAM, master=SAID_OTHERWISE.format(here=tmp_path), arguments=flags)
    try:
        master.wait_for("INFO Increased RLIMIT_NOFILE limit to 301")
        started = master.wait_for("success: one entered RUNNING state")
        about, info = master.call("GET", "/v1/master"), master.info("one")
        assert about["identifier"] == "me"
        assert (tmp_path / "main.pid").read_text() == f"{about['pid']}\n"
        assert open_files(about["pid"]) == open_files(info["pid"]) == few_descriptors + 1
        assert Path(f"/proc/{about['pid']}/cwd").readlink() == tmp_path / "cwd"
        log = Path(info["stdout_logfile"])
        assert log.parent == tmp_path / "logs"
        assert re.fullmatch(r"one-stdout---\w{8}-me-\w{8}\.log", log.name)
        said = b""
        with contextlib.closing(master.follow("one")) as output:
            while b"red" not in said:
                said += next(output)
        assert said == f"0027\n{tmp_path}/cwd\nred\n".encode()
        master.call("POST", "/v1/master/reload")
        master.wait_for("success: one entered RUNNING state", after=started)
        assert log.exists()
        assert master.stop() == 0
        master.wait_for("DEBG killing one")
        kept = {path.name for path in tmp_path.glob("main.log*")}
        assert kept == {"main.log", "main.log.1"}
        assert all(
            (tmp_path / name).stat().st_size <= 400 and (tmp_path / name).stat().st_mode & 0o777 == 0o640
            for name in kept
        )
    finally:
        master.close()
    assert not (tmp_path / "master.log").exists()


def test_s_leaves_stdout_to_the_programs(tmp_path):
    """With -s, the master writes only to its log, not to stdout."""
    ends_the_master = "[program:one]\ncommand=sh -c 'kill -TERM $PPID; exec sleep 1000'\n"
    master = RunningMaster(tmp_path, ends_the_master, arguments=("-s",))
    try:
        assert master.to_the_end() == 0
        assert master.lines == []
        assert "received SIGTERM indicating exit request" in (tmp_path / "master.log").read_text()
    finally:
        master.close()


def test_included_files_are_logged(tmp_path):
    """The log names every included file, as under supervisord."""
    (tmp_path / "conf.d").mkdir()
    extra = tmp_path / "conf.d" / "a.conf"
    extra.write_text("[program:a]\ncommand=sleep 1000\nautostart=false\n")
    master = RunningMaster(tmp_path, "[include]\nfiles=conf.d/*.conf\n")
    try:
        seen = master.wait_for(f'INFO Included extra file "{extra}" during parsing')
        master.wait_for("started with pid", after=seen)
        assert master.info("a")["statename"] == "STOPPED"
    finally:
        master.close()


def test_names_are_utf8_whatever_the_locale_says(tmp_path):
    """Names are UTF-8 in any locale: in programs' environments, in the log, in the client, and after an upgrade."""
    other = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    said = "[program:größe]\ncommand=sh -c 'echo $SUPERVISOR_PROCESS_NAME; echo ß; exec sleep 1000'\nstartsecs=0\n"
    with contextlib.closing(RunningMaster(tmp_path, said, **other)) as master:
        master.wait_for("success: größe entered RUNNING")
        with contextlib.closing(master.follow("größe")) as log:
            heard = b""
            while heard.count(b"\n") < 2:
                heard += next(log)
        assert heard.decode() == "größe\nß\n"
        assert master.ctl("upgrade").returncode == 0
        ask = [sys.executable, "-m", "procman.cli.procmanctl", "-s", f"unix://{master.socket}", "status", "größe"]
        shown = subprocess.run(ask, env={**os.environ, **other}, capture_output=True, timeout=PATIENCE, check=False)
        assert shown.stdout.decode().split()[:2] == ["größe", "RUNNING"]
        check = [sys.executable, "-m", "procman", "check", "-c", str(master.file)]
        checked = subprocess.run(check, env={**os.environ, **other}, capture_output=True, timeout=PATIENCE, check=False)
        assert ("größe" in checked.stdout.decode(), checked.stderr) == (True, b"")


@pytest.mark.parametrize("redirections", [">&-", "<&- >&- 2>&-"])
@pytest.mark.slow
def test_a_master_without_streams_does_not_take_a_file_for_one(tmp_path, redirections):
    """A master started without stdout does not write its output to another file, also after an upgrade."""
    said = "[program:one]\ncommand=sh -c 'echo lost; exec sleep 1000'\nstartsecs=0\nstdout_logfile=/dev/stdout\n"
    closed = ("sh", "-c", f'exec "$0" "$@" {redirections}')
    with contextlib.closing(RunningMaster(tmp_path, f"{said}stdout_logfile_maxbytes=0\n", wrapper=closed)) as master:
        log = tmp_path / "master.log"
        while not (log.exists() and "success: one" in log.read_text()):
            assert master.process.poll() is None
        for _ in range(2):
            assert os.readlink(f"/proc/{master.pid}/fd/1") == "/dev/null"
            assert master.ctl("upgrade").returncode == 0
        assert master.ctl("tail", "one").stdout == "lost\n\n"
        assert "cannot write" not in log.read_text()
