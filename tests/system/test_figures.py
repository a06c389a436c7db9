"""What a process tree uses."""

import subprocess
import sys

from procman.system.figures import figures


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
        both = figures(process.pid)
        process.stdin.close()
    assert both.processes == 2
    assert both.threads == 2
    assert both.rss > 2 * 1024 * 1024
    assert both.fds >= 6


def test_one_that_has_gone_has_no_figures():
    """Nothing is made up for it."""
    process = subprocess.Popen(["true"])
    process.wait()
    assert figures(process.pid) is None
