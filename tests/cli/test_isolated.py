"""The installed commands ignore PYTHONPATH and similar variables, which are meant for the programs."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

# What pip writes; the tests' own environment may have been made before there was such a beginning.
SCRIPT = """\
#!{python}
import sys
from procman_isolated import {command}
if __name__ == "__main__":
    sys.exit({command}())
"""
BROKEN = "raise RuntimeError('this is the file of the application')\n"
SHADOWS = ("procman/__init__.py", "tomli.py", "h11.py", "asyncio.py", "json/__init__.py")

FILE = """\
[procman]
logfile = "/dev/stdout"
pidfile = "{here}/pid"
shutdown_when = "all_done"

[program.web]
command = {command}
stdout_logfile = "-"
startsecs = 0
autorestart = false
"""
# How the master was executed, and what the program has of the environment.
SAYS = "tr '\\0' ' ' </proc/$PPID/cmdline; echo; env | grep PYTHON || true"


@pytest.fixture
def installed(tmp_path):
    """Write a command as pip does, with another file next to it; returns its path."""

    def install(command):
        script = tmp_path / "bin" / command
        script.parent.mkdir(exist_ok=True)
        script.write_text(SCRIPT.format(python=sys.executable, command=command))
        script.chmod(0o755)
        return str(script)

    return install


@pytest.fixture
def app(tmp_path):
    """The directory of an application whose files are named like modules that procman imports."""
    for name in SHADOWS:
        file = tmp_path / "app" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(BROKEN)
    return str(tmp_path / "app")


def run(*words, **environ):
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return subprocess.run(
        words,
        env=clean | environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def a_life(script, folder, **environ):
    """The lines that the master and its program print."""
    file = folder / "procman.toml"
    command = f"sh -c {shlex.quote(SAYS)}"
    file.write_text(FILE.format(here=folder, command=f"'''{command}'''"))
    ran = run(script, "-c", str(file), **environ)
    assert ran.returncode == 0, ran.stdout
    assert "Traceback" not in ran.stdout
    return ran.stdout.splitlines()


def test_what_the_application_has_in_pythonpath_is_not_imported(installed, app, tmp_path):
    """Master and client run, and the program has the variable unchanged."""
    said = a_life(installed("procman"), tmp_path, PYTHONPATH=app, PYTHONUNBUFFERED="1")
    assert f"PYTHONPATH={app}" in said
    assert "PYTHONUNBUFFERED=1" in said
    client = run(installed("procmanctl"), "--version", PYTHONPATH=app)
    assert (client.returncode, "Traceback" in client.stdout) == (0, False)


@pytest.mark.parametrize(
    ("name", "value"),
    [("PYTHONHOME", sys.base_prefix), ("PYTHONWARNINGS", "error"), ("PYTHONINSPECT", "1"), ("PYTHONDEVMODE", "1")],
)
def test_pythons_variables_of_the_application_have_no_effect(name, value, installed, tmp_path):
    """PYTHONINSPECT, for one, would start a prompt when the master ends."""
    said = a_life(installed("procman"), tmp_path, **{name: value})
    assert f"{name}={value}" in said
    assert any(" -EP " in line for line in said)


def test_the_pid_stays(installed, tmp_path):
    """PID 1 stays PID 1, and a parent waits for the right process."""
    (tmp_path / "procman.toml").write_text(FILE.format(here=tmp_path, command='"true"'))
    shell = f"echo $$; exec {installed('procman')} -c {tmp_path}/procman.toml"
    pid, *said = run("sh", "-c", shell, PYTHONPATH="/app").stdout.splitlines()
    assert any(line.endswith(f"procman started with pid {pid}") for line in said)


@pytest.mark.parametrize("environ", [{}, {"PYTHONUNBUFFERED": "1", "PYTHON_VERSION": "3.13.1"}], ids=["none", "some"])
def test_the_usual_start_is_the_only_one(environ, installed, tmp_path):
    """Python is not executed again if nothing requires it."""
    assert not any(" -EP " in line for line in a_life(installed("procman"), tmp_path, **environ))


def test_what_lies_beside_the_command_is_not_imported(installed, tmp_path):
    """The directory of commands may contain Python modules."""
    script = installed("procman")
    for name in ("tomli.py", "asyncio.py", "procman.py"):
        (tmp_path / "bin" / name).write_text(BROKEN)
    a_life(script, tmp_path)


def test_a_result_handler_is_found_where_pythonpath_says(installed, app, tmp_path):
    """As under supervisord; but no module of procman is imported from there."""
    Path(app, "mine.py").write_text("def handle(event, response): print('never called')\n")
    file = tmp_path / "supervisord.conf"
    file.write_text(
        f"[supervisord]\nlogfile=/dev/stdout\npidfile={tmp_path}/pid\nshutdown_when=all_done\n"
        "[program:web]\ncommand=true\nstartsecs=0\nautorestart=false\n"
        "[eventlistener:ear]\ncommand=cat\nevents=TICK_60\nresult_handler=mine:handle\n"
    )
    script = installed("procman")
    ran = run(script, "-c", str(file), PYTHONPATH=app)
    assert ran.returncode == 0, ran.stdout
    assert "spawned: 'ear'" in ran.stdout
    assert run(script, "-c", str(file)).returncode == 2
