"""`procmanctl top` as a command: what it needs, and a real terminal around it."""

import os
import shlex
import subprocess
import sys

import pexpect
import pytest

from tests.cli.conftest import ctl, master, nothing_of_this_machine
from tests.support.ctl_environment import ENVIRON
from tests.support.pages import DOCS, run_by
from tests.support.running_master import SLEEPER, RunningMaster

__all__ = ["ctl", "master", "nothing_of_this_machine"]

WITHOUT_TEXTUAL = "import sys; sys.modules['textual'] = None; from procman.cli.procmanctl import main; sys.exit(main())"


@pytest.fixture
def terminal(tmp_path):
    """Start a program on a terminal of its own, with nothing remembered; it is ended after the test."""
    started = []

    def start(*command: str, **environ: str) -> pexpect.spawn:
        child = pexpect.spawn(
            command[0],
            list(command[1:]),
            env=ENVIRON | {"XDG_STATE_HOME": str(tmp_path)} | environ,
            encoding="utf-8",
            timeout=30,
            dimensions=(24, 80),
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


def test_the_commands_of_the_page_show_the_screen(terminal, running):
    """Where the extra is installed, pip has nothing to do; `procmanctl top` draws the table, and ends with q."""
    pytest.importorskip("pip")
    ((install, top),) = run_by("tests/tui/test_top_command.py", DOCS / "how-to" / "terminal-screen.md")
    done = subprocess.run(
        [sys.executable, "-m", *shlex.split(install.line)],
        env={**os.environ, "PIP_NO_INDEX": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    words = shlex.split(top.line)[1:]
    child = terminal(sys.executable, "-m", "procman.cli.procmanctl", "-s", f"unix://{running.socket}", *words)
    child.expect_exact("RUNNING")
    child.send("q")
    child.expect(pexpect.EOF)


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


def test_after_a_suspension_all_is_drawn_again(terminal, running):
    """Ctrl-Z gives the terminal to the shell; after fg the screen has all of its lines, though nothing has changed."""
    child = terminal("/bin/sh", "-i", PS1="$ ")
    command = [sys.executable, "-m", "procman.cli.procmanctl", "-s", f"unix://{running.socket}", "top"]
    child.sendline(shlex.join(command))
    # The footer may have been drawn before the master has answered.
    child.expect_exact("1 up")
    child.send("\x1a")
    child.expect_exact("\x1b[?1049l")
    child.expect_exact("$ ")
    child.sendline("fg")
    child.expect_exact("\x1b[?1049h")
    child.expect_exact("1 up")
    child.expect_exact("quit")
    child.send("q")
    child.expect_exact("\x1b[?1049l")


@pytest.mark.parametrize(
    ("answer", "environ", "green"),
    [
        ("\x1b]11;rgb:ffff/ffff/dddd\x1b\\\x1b[?62;22c", {}, "38;5;28"),
        ("\x1b]11;rgb:1e/1e/1e\x07\x1b[?62;22c", {"COLORFGBG": "0;15"}, "32"),
        ("\x1b[?6c", {"COLORFGBG": "0;default;15"}, "38;5;28"),
        ("\x1b[?6c", {}, "32"),
    ],
)
def test_the_terminal_is_asked_for_its_background(terminal, running, answer, environ, green):
    """On a light one, colours are dark; a terminal that does not know is taken at the environment's word."""
    child = terminal(
        sys.executable, "-m", "procman.cli.procmanctl", "-s", f"unix://{running.socket}", "top",
        TERM="xterm-256color", **environ,
    )  # fmt: skip
    child.expect_exact("\x1b]11;?\x1b\\\x1b[c")
    child.send(answer)
    child.expect(r"\x1b\[([0-9;]*)m  . 1 up")
    assert f";{green};" in f";{child.match[1]};"
    child.send("q")
    child.expect(pexpect.EOF)
    assert "62;22" not in child.before


def test_a_theme_is_given(ctl):
    """A theme that there is not is refused, before anything else."""
    ran = ctl("top", "--theme", "pink")
    assert ran.status == 2
    assert "--theme takes auto, light or dark" in ran.text
