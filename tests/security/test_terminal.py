"""Program output cannot control a terminal that shows it: no title, no cursor, no clipboard.

Through a pipe it is passed byte by byte, as scripts expect.
"""

import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.support.log_lines import PATIENCE
from tests.support.running_master import SLEEPER, RunningMaster, python

# A title, the clipboard, a question that the terminal answers by typing, a cleared screen, a link, 8-bit CSI, a marked
# direction of text, a carriage return that overwrites, a bell, bytes that are no text; and a colour, which is harmless.
EVIL = (
    b"\x1b]0;title\x07\x1b]52;c;aGk=\x07\x1b[6n\x1b[2J\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\\xc2\x9b6n\xe2\x80\xaetxet\r"
    b"over\x07\xff\x1b[31mred\x1b[0m"
)
SGR = re.compile(r"\x1b\[[0-9;:]*m")


@pytest.fixture(scope="module")
def master(tmp_path_factory) -> Iterator[RunningMaster]:
    folder = tmp_path_factory.mktemp("terminal")
    says = python(f"import os, time; os.write(1, {EVIL!r} + b'\\n'); os.write(2, {EVIL!r}); time.sleep(1000)")
    master = RunningMaster(
        folder,
        f"[program:evil]\ncommand={says}\nstartsecs=0\nstdout_logfile={folder}/out\nstderr_logfile={folder}/err\n"
        f"[program:other]\ncommand={SLEEPER}\nstartsecs=0\n"
        "[program:\x1b[2Jname]\ncommand=/none/\x1b[2Jthere\nautostart=false\nstartretries=0\nstartsecs=0\n",
    )
    master.wait_for("evil entered RUNNING")
    for text in master.follow("evil", "stderr"):
        if b"red" in text:
            break
    yield master
    master.close()


def on_terminal(master: RunningMaster, *words: str) -> str:
    """Everything that procmanctl writes to a terminal."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "procman.cli.procmanctl", "-c", str(master.config), *words],
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
        env=master.environ | {"TERM": "xterm"},
    )
    os.close(theirs)
    said = b""
    try:
        while piece := os.read(ours, 65536):
            said += piece
    except OSError:
        pass  # EIO: no process has it open any more
    os.close(ours)
    process.wait(PATIENCE)
    return said.decode()


def assert_harmless(said: str) -> None:
    """There are only lines, tabs and colours, and no other control characters."""
    rest = SGR.sub("", said.replace("\r\n", "\n"))
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", rest), repr(said)


COMMANDS = [
    *("status", "status --long", "avail", "config", "config all", "health", "stop-plan", "tail evil"),
    *("tail evil stderr",),
    *("tail -0 evil", "maintail", "start *name", "stop *name", "clear *name", "reread", "update --dry-run", "update"),
    *("pid \x1b[2J", "start \x1b[2J", "tail \x1b[2J", "config \x1b[2J", "x\x1b[2J"),
    *("add \x1b[2Jname", "remove \x1b[2Jname"),
]  # fmt: skip


@pytest.mark.parametrize("words", COMMANDS)
def test_nothing_that_a_program_or_a_file_says_acts_on_a_terminal(master, words):
    """No command that shows names, descriptions, reasons or logs passes control characters, except colours."""
    assert_harmless(on_terminal(master, *words.split()))


def test_on_a_terminal_a_log_is_spelt_out(master):
    """On a terminal, control characters of a log are escaped, and colours pass."""
    said = on_terminal(master, "tail", "evil")
    assert r"\x1b]0;title\x07" in said
    assert r"\xff" in said
    assert r"\u202etxet" in said
    assert "\x1b[31mred\x1b[0m" in said


def test_through_a_pipe_a_log_is_what_was_written(master):
    """Through a pipe, a log is passed byte by byte."""
    ran = subprocess.run(
        [sys.executable, "-m", "procman.cli.procmanctl", "-c", str(master.config), "tail", "evil"],
        capture_output=True,
        env=master.environ,
        timeout=PATIENCE,
        check=False,
    )
    assert ran.stdout == EVIL + b"\n\n"


@pytest.mark.parametrize("words", ["tail evil --json", "status --json", "config all --json", "avail --json"])
def test_json_is_ascii(master, words):
    """JSON escapes control characters, on a terminal too."""
    said = on_terminal(master, *words.split())
    assert said.isascii()
    assert "\x1b" not in said


def test_a_check_spells_out_what_is_in_a_file(tmp_path):
    """`check` escapes names of sections and options from the file."""
    file = tmp_path / "f.conf"
    file.write_text(
        "[supervisord]\n\x1b[2Joption=1\n[se\x1b]0;x\x07ction]\nx=\x9b6n\n[program:\x1b[2J]\ncommand=\x1b\n"
    )
    ran = subprocess.run(
        [sys.executable, "-m", "procman", "check", "-c", str(file)],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert r"[se\x1b]0;x\x07ction]" in ran.stdout
    assert_harmless(ran.stdout)
