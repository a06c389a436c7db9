"""What a process tree uses."""

import os
import signal
import subprocess
import sys

from procman.system.resource_usage import figures
from procman.system.tree import look


def test_the_children_of_a_process_are_counted_in():
    """A shell with one child is two processes, with the memory of both."""
    code = (
        "import subprocess, sys\n"
        "code = 'import sys; print(1, flush=True); sys.stdin.read()'\n"
        "child = subprocess.Popen([sys.executable, '-c', code], stdin=subprocess.PIPE)\n"
        "sys.stdin.read()\n"
        "child.communicate()\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"1\n"
        *_, both = figures(process.pid, look())
        process.stdin.close()
    assert both.processes == 2
    assert both.threads == 2
    assert both.rss > 2 * 1024 * 1024
    assert both.fds >= 6


def test_one_that_has_gone_has_no_figures():
    """Nothing is made up for it."""
    process = subprocess.Popen(["true"])
    process.wait()
    assert list(figures(process.pid, look())) == []


def test_the_others_have_their_turn_after_each_process_that_is_looked_at():
    """A step for each of a tree, so that thousands of them hold up nobody."""
    command = ["sh", "-c", "sleep 1000 & sleep 1000 & echo 1; wait"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, process_group=0) as shell:
        assert shell.stdout.readline() == b"1\n"
        seen = [found.processes for found in figures(shell.pid, look())]
        os.killpg(shell.pid, signal.SIGKILL)
    assert seen == [1, 2, 3]
