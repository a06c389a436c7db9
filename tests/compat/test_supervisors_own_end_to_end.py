"""Supervisor's own end-to-end tests, unchanged, with procman in place of supervisord.

The file and its fixtures are those of the installed supervisor. Its tests start `sys.executable -m
supervisor.supervisord`; here that is a program which runs procman with the same arguments, and everything else
(supervisorctl, pidproxy, the programs of the fixtures) with the real Python.
"""

import contextlib
import fcntl
import inspect
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import supervisor.tests
from supervisor.tests.test_end_to_end import EndToEndTests

from tests.support.log_lines import PATIENCE

ROOT = Path(__file__).parents[2]
THEIRS = Path(supervisor.tests.__file__).parent
NAMES = sorted(name for name in dir(EndToEndTests) if name.startswith("test_"))

# Where supervisord names itself, procman does too: what its tests look for, in sed's words.
OWN_NAMES = (
    r"s/procman started with pid/supervisord started with pid/",
    r"s/^procman -- run the programs/supervisord -- run a set of applications/",
    r"s,^  -l\, --logfile FILENAME .*,-l/--logfile FILENAME -- use FILENAME as the log,",
)

# The master keeps the pid of this script: it is the one that the tests send signals to. A help text has to be out
# before this script ends, and with it the terminal.
WRAPPER = """\
#!/bin/bash
if [ "$1 $2" = "-m supervisor.supervisord" ]; then
    shift 2
    if [ "$*" = "-?" ]; then
        {python} -m procman "$@" 2>&1 | sed {names}
        exit "${{PIPESTATUS[0]}}"
    fi
    exec {python} -m procman "$@" > >(exec sed -u {names}) 2>&1
fi
exec {python} "$@"
"""

RUNNER = """\
import sys, unittest
sys.executable = sys.argv.pop(1)
unittest.main(module="own.test_end_to_end", verbosity=2)
"""

# The wheel has not got it; it is to say this, slowly enough to be followed.
HELLO = """\
for number in 1 2 3 4 5 6 7 8 9; do
    echo "The Øresund bridge ends in Malmö - $number"
    sleep 0.5
done
"""


@pytest.fixture
def folder():
    """A copy of the tests in a directory of its own, with the program that stands in for Python."""
    # A unix socket's path is short; pytest's folders are not.
    with tempfile.TemporaryDirectory(prefix="own") as name:
        folder = Path(name)
        own = folder / "own"
        shutil.copytree(THEIRS / "fixtures", own / "fixtures")
        (own / "__init__.py").touch()
        tests = (THEIRS / "test_end_to_end.py").read_text()
        (own / "test_end_to_end.py").write_text(tests)
        (own / "fixtures/hello.sh").write_text(HELLO)
        # Files in /tmp that no test names go elsewhere, so that other runs do not collide with them.
        named = set(re.findall(r"/tmp/[\w.-]+", tests))
        for fixture in (own / "fixtures").glob("*.conf"):
            text = re.sub(
                r"/tmp/[\w.-]+",
                lambda path: path[0] if path[0] in named else str(folder / Path(path[0]).name),
                fixture.read_text(),
            )
            fixture.write_text(text)
        # The fixtures call it by this name.
        python = folder / "python"
        names = " ".join(f"-e '{name}'" for name in OWN_NAMES)
        python.write_text(WRAPPER.format(python=sys.executable, names=names))
        python.chmod(0o755)
        yield folder


@contextlib.contextmanager
def alone(name):
    """Locks tests that name a socket in /tmp, which two runs on one machine cannot share."""
    with contextlib.ExitStack() as stack:
        if "/tmp/" in inspect.getsource(getattr(EndToEndTests, name)):
            fd = os.open("/tmp", os.O_RDONLY | os.O_DIRECTORY)
            stack.callback(os.close, fd)
            fcntl.flock(fd, fcntl.LOCK_EX)
        yield


def wait_for_the_end(folder):
    """Wait for the end of masters that the tests only ask to end."""
    for file in folder.glob("*.pid"):
        try:
            pid = int(file.read_text())
            fd = os.pidfd_open(pid)
        except (FileNotFoundError, ProcessLookupError, ValueError):
            continue
        try:
            poll = select.poll()
            poll.register(fd, select.POLLIN)
            if not poll.poll(PATIENCE * 1000):
                signal.pidfd_send_signal(fd, signal.SIGKILL)
                raise AssertionError(f"the master with pid {pid} did not end")
        finally:
            os.close(fd)


def run(folder, name):
    """Run one of the tests in a process; return its failure."""
    environ = {
        **os.environ,
        "END_TO_END": "1",
        "PATH": f"{folder}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "TMPDIR": str(folder),  # where AUTO logs are, of which masters with the same name remove each other's
        "LANG": "C.UTF-8",
    }
    done = subprocess.run(
        [sys.executable, "-c", RUNNER, str(folder / "python"), f"EndToEndTests.{name}"],
        check=False,
        cwd=folder,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=4 * PATIENCE,
    )
    return "" if done.returncode == 0 and "Ran 1 test" in done.stdout else done.stdout


def test_all_of_them_are_here():
    """Every test of supervisor's file is run here."""
    assert len(NAMES) == 27


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_supervisors_test_passes(folder, name):
    """Supervisor's own test passes with procman as supervisord."""
    with alone(name):
        try:
            failure = run(folder, name)
        finally:
            wait_for_the_end(folder)
    assert not failure, failure
