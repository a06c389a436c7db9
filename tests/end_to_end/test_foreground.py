"""`fg` on a real terminal: input reaches the program, its output is shown, and Ctrl-C ends only `fg`."""

import contextlib
import sys
from importlib.util import find_spec

import pexpect
import pytest

from tests.support.log_lines import PATIENCE
from tests.support.running_master import RunningMaster, python

CLIENTS = {
    "procmanctl": ["-m", "procman.cli.procmanctl"],
    "supervisorctl": ["-m", "supervisor.supervisorctl"],
}
# Each line in one write: those of the two channels may come in any order, but whole.
ECHO = python("import os, sys\nfor line in sys.stdin.buffer: os.write(1, b'out ' + line); os.write(2, b'err ' + line)")


def leave(shell):
    """Press Ctrl-C until it works; supervisorctl misses it during a call."""
    for _ in range(10):
        shell.sendintr()
        if shell.expect_exact(["Exiting foreground", pexpect.TIMEOUT], timeout=PATIENCE / 10) == 0:
            return
    pytest.fail("Ctrl-C does not end it")


@pytest.mark.parametrize("client", CLIENTS)
def test_a_program_is_talked_to_from_the_terminal(client, tmp_path):
    """`fg` passes lines in both directions, with both channels; afterwards the program runs, and the shell is back."""
    if client == "supervisorctl" and find_spec("supervisor") is None:
        pytest.skip("the oracle is not installed: pip install supervisor==4.3.0")
    master = RunningMaster(tmp_path, f"[program:echo]\ncommand={ECHO}\nstartsecs=0\n[supervisorctl]\n")
    with contextlib.closing(master):
        master.expect("success: echo")
        pid = master.info("echo")["pid"]
        shell = pexpect.spawn(
            sys.executable,
            [*CLIENTS[client], "-c", str(master.file), "-s", f"unix://{master.socket}"],
            encoding="utf-8",
            timeout=PATIENCE,
            cwd=tmp_path,
        )
        try:
            shell.expect("> $")
            shell.sendline("fg echo")
            shell.expect_exact("==> Press Ctrl-C to exit <==")
            for word in ("hello", "Malmö"):
                shell.sendline(word)
                # Which of the two comes first is random.
                said = {shell.expect_exact([f"out {word}", f"err {word}"]) for _ in range(2)}
                assert said == {0, 1}
            leave(shell)
            shell.expect("> $")
            shell.sendline("pid echo")
            shell.expect_exact(f"{pid}\r\n")
        finally:
            shell.close(force=True)
        assert master.stop() == 0
