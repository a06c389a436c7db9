"""The README's demo as a newcomer runs it: its commands, the web page, and HTTP by hand."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
import urllib.request
from pathlib import Path

import pytest

from tests.support.free_ports import free_port
from tests.support.log_lines import PATIENCE
from tests.support.master_process import ROOT, Master

README = (ROOT / "README.md").read_text()
PORT = 9010


@pytest.fixture
def demo(tmp_path):
    """The demo in a directory of its own, on a free port, and with workers that do not crash; and that port."""
    shutil.copytree(ROOT / "conf", tmp_path / "conf", ignore=shutil.ignore_patterns("run"))
    (tmp_path / "conf" / "run").mkdir()
    port = free_port()
    worker = tmp_path / "conf" / "demo" / "worker.py"
    crash = "random.randrange(FAILS_ONE_IN) == 0"
    assert worker.read_text().count(crash) == 1
    worker.write_text(worker.read_text().replace(crash, "False"))
    file = tmp_path / "conf" / "procman.toml"
    text = file.read_text()
    assert text.count(str(PORT)) == text.count(f"127.0.0.1:{PORT}") == 2
    file.write_text(text.replace(str(PORT), str(port)))
    with Master(file, cwd=tmp_path) as master:
        master.expect_all([f"success: {name} entered RUNNING" for name in ("ticker", "web", "worker_00", "worker_01")])
        yield master, port


def in_a_shell(master: Master, command: str) -> subprocess.CompletedProcess[str]:
    """Run a command as in the second terminal, with this environment's commands."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(
        ["sh", "-c", command],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=master.cwd,
        env={**master.environ, "PATH": path},
        timeout=PATIENCE,
        check=False,
    )


def test_every_command_that_the_readme_offers_for_the_demo_works(demo):
    """Every command that the README suggests works in the demo's directory; `tail -f` until its first line."""
    master, _ = demo
    section = README.partition("## Try it")[2].partition("The tests:")[0]
    activated, status = (line.removeprefix("$ ") for line in re.findall(r"^\$ .*", section, re.MULTILINE))
    assert activated == ". .venv/bin/activate"
    told = in_a_shell(master, status)
    assert told.returncode == 3  # `once` does not run, as with supervisorctl
    shown = re.findall(r"^(\S+ +(?:RUNNING|STOPPED))", told.stdout, re.MULTILINE)
    assert shown == re.findall(r"^(\S+ +(?:RUNNING|STOPPED))", section, re.MULTILINE)
    offered = [command for command in re.findall(r"`(procmanctl [^`]+)`", section) if command != status]
    assert len(offered) >= 5
    for command in offered:
        ended = {"tail": " | head -n 1"}.get(command.split()[1], "")
        done = in_a_shell(master, command + ended)
        assert (done.returncode, done.stderr) in ((0, ""), (3, "")), f"{command}\n{done.stdout}{done.stderr}"
        assert done.stdout


def test_the_demo_has_the_web_page_that_the_readme_names(demo):
    """The demo serves the page at the README's address."""
    _, port = demo
    assert f"<http://127.0.0.1:{PORT}/>" in README.partition("## Try it")[2].partition("The tests:")[0]
    file = tomllib.loads((ROOT / "conf" / "procman.toml").read_text())
    assert file["inet_http_server"]["port"] == f"127.0.0.1:{PORT}"
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=PATIENCE) as answer:
        assert (answer.status, answer.headers["Content-Type"].split(";")[0]) == (200, "text/html")


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_requests_that_the_http_page_begins_with_are_answered(tmp_path):
    """The first requests in http-api.md work on the private socket."""
    page = (ROOT / "docs" / "reference" / "http-api.md").read_text()
    looking, restarting = re.findall(r"^curl .*", page, re.MULTILINE)
    (tmp_path / "procman.toml").write_text('[program.web]\ncommand = "sleep 1000"\nstartsecs = 0\n')
    with Master(tmp_path / "procman.toml") as master:
        master.expect("success: web entered RUNNING")
        for request, answer in ((looking, '"namespec":"web"'), (restarting, '"SUCCESS"')):
            done = in_a_shell(master, f"{request} --silent --show-error --fail")
            assert done.returncode == 0, done.stdout + done.stderr
            assert answer in done.stdout.replace(" ", "")
        master.expect("success: web entered RUNNING")
        assert master.stop() == 0
