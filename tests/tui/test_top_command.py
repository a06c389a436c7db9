"""`procmanctl top` as a command: what it needs, and a real terminal around it."""

import shlex
import sys

import pexpect
import pytest

from tests.cli.conftest import ctl, master, nothing_of_this_machine
from tests.support.ctl_environment import ENVIRON
from tests.support.running_master import SLEEPER, RunningMaster

__all__ = ["ctl", "master", "nothing_of_this_machine"]

WITHOUT_TEXTUAL = "import sys; sys.modules['textual'] = None; from procman.cli.procmanctl import main; sys.exit(main())"


@pytest.fixture
def terminal():
    """Start a program on a terminal of its own; it is ended after the test."""
    started = []

    def start(*command: str, **environ: str) -> pexpect.spawn:
        child = pexpect.spawn(
            command[0], list(command[1:]), env=ENVIRON | environ, encoding="utf-8", timeout=30, dimensions=(24, 80)
        )
        started.append(child)
        return child

    yield start
    for child in started:
        child.close(force=True)


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with RunningMaster(tmp_path_factory.mktemp("top"), f"[program:web]\ncommand={SLEEPER}\nstartsecs=0\n") as running:
        running.wait_for("success: web")
        yield running


def test_it_needs_a_terminal(ctl):
    """Off a terminal it points to what works there; --json is refused."""
    ran = ctl("top")
    assert ran.status == 1
    assert "status --watch" in ran.text
    assert ctl("top", "--json").status == 2


def test_without_textual_it_says_what_to_install(terminal, master):
    """Without the extra, one line says what to install, and what works without it."""
    master.answers["GET", "/v1/whoami"] = {}
    child = terminal(sys.executable, "-c", WITHOUT_TEXTUAL, "-s", master.url, "top")
    child.expect_exact("pip install 'procman[tui]'")
    child.expect_exact("procmanctl status --watch")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 1


def test_without_a_master_it_says_so_before_the_screen(terminal, tmp_path):
    """An unreachable master is an error as of any other command."""
    child = terminal(sys.executable, "-m", "procman.cli.procmanctl", "-s", f"unix://{tmp_path}/none", "top")
    child.expect_exact("cannot reach procman")
    child.expect(pexpect.EOF)
    assert "\x1b[?1049h" not in child.before
    child.close()
    assert child.exitstatus == 7


@pytest.mark.parametrize("environ", [{}, {"TERM": "vt100", "NO_COLOR": "1"}])
def test_ctrl_c_gives_the_terminal_back(terminal, running, environ):
    """The mouse stays the terminal's, the table is seen, and after Ctrl-C the terminal is as it was."""
    command = shlex.join(
        [sys.executable, "-m", "procman.cli.procmanctl", "-s", f"unix://{running.socket}", "top", "we"]
    )
    child = terminal("/bin/sh", "-c", f"{command}; echo status $?; stty -a", **environ)
    child.expect_exact("\x1b[?1049h")
    child.expect_exact("RUNNING")
    shown = child.before
    child.send(":")
    child.expect_exact("a command, or a process")
    shown += child.before
    child.send("\x1b")
    child.expect_exact("RUNNING")
    shown += child.before
    child.sendintr()
    child.expect_exact("\x1b[?1049l")
    shown += child.before
    child.expect_exact("status 0")
    child.expect(r"[^-]icanon.*[^-]echo ")
    child.expect(pexpect.EOF)
    assert "/we" in shown
    assert "\x1b[?1000h" not in shown
    assert environ == {} or ("\x1b[31" not in shown and shown.isascii())
