"""Commands that are started without stdin, stdout or stderr, or with one that takes no output."""

import os
import subprocess
import sys

import pytest

CLOSED = ("<&-", ">&-", "2>&-", "<&- >&- 2>&-")
COMMANDS = (
    ("procman", "check", "-c", "p.conf"),
    ("procman", "--help"),
    ("procman.cli.procmanctl", "-c", "p.conf", "help"),
    ("procman.cli.procmanctl", "-c", "p.conf"),
)


def run(command, redirections, folder):
    (folder / "p.conf").write_text(f"[supervisord]\n[unix_http_server]\nfile={folder}/s.sock\n")
    words = ["sh", "-c", f'"$@" {redirections}', "sh", sys.executable, "-m", *command]
    environ = {**os.environ, "PYTHONPATH": os.getcwd()}
    return subprocess.run(words, cwd=folder, env=environ, stdin=subprocess.DEVNULL, capture_output=True, check=False)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("closed", CLOSED)
def test_a_closed_stream_is_one_that_leads_nowhere(tmp_path, monkeypatch, request, command, closed):
    """The status is the same, without a traceback."""
    monkeypatch.chdir(request.config.rootpath)
    without, with_all = run(command, closed, tmp_path), run(command, "", tmp_path)
    assert (without.returncode, without.stderr) == (with_all.returncode, b"")
    assert without.stdout == (b"" if ">&- " in f"{closed} " and closed != "2>&-" else with_all.stdout)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_full_disk_is_one_line(tmp_path, monkeypatch, request, command):
    """The error is on stderr."""
    monkeypatch.chdir(request.config.rootpath)
    ran = run(command, ">/dev/full", tmp_path)
    assert ran.returncode in (1, 2)
    assert ran.stderr.decode().split(": ")[-1] == "[Errno 28] No space left on device\n"
    assert ran.stderr.count(b"\n") == 1
