"""The entry point as PID 1: signals that arrive during the imports are not lost."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from procman.cli import procman
from procman.cli import start_procman as start
from procman.cli.procman_commands import check
from tests.support.forked_status import forked_status

# What the master ends with when nobody has asked for its end.
ENDS_BY_ITSELF = """\
[procman]
logfile = "/dev/null"
pidfile = "/dev/null"
shutdown_when = "all_done"
exit_code_from = "first_failure"

[program.web]
command = "sh -c 'exit 9'"
autorestart = false
startsecs = 0
"""


def status_of_one_that_is_stopped_at_once(monkeypatch, *words: str) -> int:
    """The exit status of a PID 1 that got SIGTERM before it had a handler."""
    carry_out = procman.main

    def imported_too_late() -> int:
        os.kill(os.getpid(), signal.SIGTERM)
        return carry_out(words)

    def life() -> int:
        try:
            return start.main()
        except SystemExit as end:
            return end.code

    monkeypatch.setattr(procman, "main", imported_too_late)
    return forked_status(life, as_pid_1=True)


def how_many_are_blocked() -> int:
    return len(signal.pthread_sigmask(signal.SIG_BLOCK, ()))


@pytest.mark.root
def test_a_stop_that_comes_while_procman_is_imported_ends_the_master(monkeypatch, tmp_path):
    """No program is started."""
    file = tmp_path / "procman.toml"
    file.write_text(ENDS_BY_ITSELF)
    assert status_of_one_that_is_stopped_at_once(monkeypatch, "-c", str(file)) == 0


@pytest.mark.root
def test_a_signal_that_comes_while_procman_is_imported_is_passed_on(monkeypatch):
    """The program gets it as soon as it runs."""
    status = status_of_one_that_is_stopped_at_once(monkeypatch, "run", "--", "sleep", "60")
    assert status == 128 + signal.SIGTERM


@pytest.mark.root
def test_other_commands_have_nothing_blocked(monkeypatch):
    """`procman check` in a container ends with Ctrl-C."""
    monkeypatch.setattr(check, "check", lambda _: how_many_are_blocked())
    assert status_of_one_that_is_stopped_at_once(monkeypatch, "check") == 0


def test_elsewhere_nothing_is_held_back(monkeypatch):
    """Off PID 1, a signal has its default effect."""
    monkeypatch.setattr(procman, "main", how_many_are_blocked)
    assert start.main() == 0


def test_without_h11_nothing_is_started(tmp_path):
    """Without h11 no client could stop the programs."""
    config = tmp_path / "web.conf"
    config.write_text(f"[supervisord]\nnodaemon=true\n[program:web]\ncommand=touch {tmp_path}/started\n")
    command = [sys.executable, "-S", "-m", "procman", "-c", str(config)]
    # With -S no package is found but by PYTHONPATH, where somebody may have h11: a master would then run, and log here.
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    ran = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.startswith("procman: h11 is not installed, ")
    assert not (tmp_path / "started").exists()
    assert not (tmp_path / "supervisord.log").exists()
