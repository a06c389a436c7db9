"""The article's five containers with supervisord and with procman as PID 1: who hears of the stop, and how it ends.

In a pid namespace instead of a container, where supervisord can be had too. Where the two differ `docs/differences.md`
has a row; procman in real containers is in `tests/container`.
"""

import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Self

import pytest

from tests.support.log_lines import PATIENCE, LogLines
from tests.support.namespaces import as_pid_1
from tests.support.side_by_side import PROCMAN, SUPERVISORD

pytestmark = pytest.mark.root

EXAMPLES = Path(__file__).parents[2] / "conf" / "examples"
BOTH = {"supervisord": SUPERVISORD, "procman": PROCMAN}


class Container(LogLines):
    """A master as PID 1 with one file; its console has the output of everything."""

    def __init__(self, master: str, programs: str) -> None:
        first = as_pid_1()
        self._folder = tempfile.TemporaryDirectory(prefix="pm")
        here = Path(self._folder.name)
        head = f"[supervisord]\nlogfile={here}/log\npidfile={here}/pid\n[unix_http_server]\nfile={here}/s\n"
        (here / "supervisord.conf").write_text(head + programs)
        super().__init__(
            subprocess.Popen(
                [*first, *BOTH[master], "-c", str(here / "supervisord.conf")],
                cwd=here,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # With unshare its PID 1 goes, and with that all the others.
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self._folder.cleanup()

    def wait_for(self, text: str) -> None:
        """Wait until that was printed, possibly in a line with something else: supervisord mixes lines."""
        deadline = time.monotonic() + PATIENCE
        while text not in self.text:
            assert self._read(deadline), f"ended without {text!r}:\n{self.text}"

    def stop(self) -> int:
        """Send SIGTERM to PID 1; return the exit status."""
        (init,) = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        os.kill(int(init), signal.SIGTERM)
        return self.to_the_end()


def example(folder: str, file: str) -> str:
    return shlex.join([sys.executable, "-u", str(EXAMPLES / folder / file)])


def a_program(name: str, command: str, *options: str) -> str:
    log = "stdout_logfile=/dev/stdout\nstdout_logfile_maxbytes=0\nredirect_stderr=true"
    return "\n".join([f"[program:{name}]", f"command={command}", log, *options, ""])


def end_of(master: str, programs: str, *ready: str) -> tuple[int, list[str]]:
    """Stop it after these lines; return the exit status and all lines."""
    with Container(master, programs) as container:
        for line in ready:
            container.wait_for(line)
        return container.stop(), container.lines


MASTERS = pytest.mark.parametrize("master", BOTH)


@MASTERS
def test_dockerapp1_hears_of_the_stop(master):
    """dockerapp1 gets the signal, and both masters wait for it."""
    program = a_program("dockerapp1", example("dockerapp1", "dockerapp1.py"))
    status, lines = end_of(master, program, "dockerapp1 is ready")
    assert status == 0
    assert "signal terminate received, app exit normally" in lines


@MASTERS
def test_dockerapp2_hears_of_the_stop_and_is_killed(master):
    """dockerapp2 is killed after its stopwaitsecs, not earlier."""
    program = a_program("dockerapp2", example("dockerapp2", "dockerapp2.py"), "stopwaitsecs=1")
    status, lines = end_of(master, program, "dockerapp2 is ready")
    assert status == 0
    assert "handle signal: SIGTERM" in lines
    assert any("killing 'dockerapp2'" in line for line in lines)
    assert any("stopped: dockerapp2 (terminated by SIGKILL)" in line for line in lines)


@pytest.mark.parametrize(
    ("master", "options", "heard"),
    [
        ("supervisord", (), False),
        ("procman", (), True),
        ("procman", ("stopasgroup=true",), True),
        ("procman", ("stop_scope=tree",), True),
    ],
)
def test_the_child_of_dockerapp3_hears_of_the_stop(master, options, heard):
    """Under procman the child of dockerapp3 gets the signal; under supervisord the kernel may kill it before."""
    program = a_program("dockerapp3", example("dockerapp3", "dockerapp3.py"), *options)
    status, lines = end_of(master, program, "parent: ready", "child: ready")
    assert status == 0
    assert "parent: signal terminate received, app exit normally" in lines
    assert ("child: handle signal: SIGTERM" in lines) is heard


@pytest.mark.parametrize(("master", "heard"), [("supervisord", False), ("procman", True)])
def test_what_a_shell_script_runs_hears_of_the_stop(master, heard):
    """Under procman, the command of a shell script gets the signal as a leftover; under supervisord it is killed."""
    script = f"{example('shell', 'dockerapp1.py')}; echo it goes on"
    status, lines = end_of(
        master, a_program("service", f"bash -c {shlex.quote(script)}", "stderr_logfile=NONE"), "dockerapp1 is ready"
    )
    assert status == 0
    assert any("stopped: service (terminated by SIGTERM)" in line for line in lines)
    assert ("handle signal: SIGTERM" in lines) is heard


@MASTERS
def test_two_services_get_each_its_own_signal(master):
    """Two services of the article's file (with other logs) each get their own signal."""
    programs = a_program("dockerapp1", example("two-services", "dockerapp1.py"), "stopsignal=TERM")
    programs += a_program("brother", example("two-services", "dockerapp1_brother.py"), "stopsignal=QUIT")
    status, lines = end_of(master, programs, "dockerapp1 is ready", "dockerapp1-brother is ready")
    assert status == 0
    assert "signal terminate received, app exit normally" in lines
    assert "brother: signal quit received, app exit normally" in lines


@pytest.mark.parametrize(
    ("master", "code", "by_itself", "status"),
    [("supervisord", 3, False, 0), ("procman", 3, True, 3), ("procman", 0, True, 0)],
)
def test_a_program_that_is_gone_for_good_ends_the_container(master, code, by_itself, status):
    """With `critical`, the program's status ends the container; supervisord ignores the option and exits with 0."""
    job = a_program("job", f"sh -c 'exit {code}'", "startsecs=0", "autorestart=false", "critical=true")
    with Container(master, job) as container:
        container.expect(rf"exited: job \(exit status {code}; {'not ' if code else ''}expected\)")
        assert (container.to_the_end() if by_itself else container.stop()) == status
