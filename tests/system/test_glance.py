"""A glance at a process before it is killed."""

import os
import re
import signal
import subprocess

from procman.system.glance import glance
from tests.support.forked import in_fork


def test_what_a_process_uses_and_does_is_seen():
    """This one runs, with descriptors and memory."""
    seen = glance(os.getpid())
    assert seen is not None
    assert seen.state == "running"
    assert seen.threads >= 1
    assert seen.rss > 1 << 20
    assert seen.fds is not None
    assert seen.fds >= 3


def test_what_a_tree_does_is_seen():
    """Each process waits for something: the kernel has a name for that, where it may be seen."""
    command = ["/bin/sh", "-c", "sleep 1000 & echo $!; wait"]
    shell = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        sleeper = int(shell.stdout.readline())
        while (seen := glance(shell.pid)) is None or [one.state for one in seen.tree] != ["sleeping"] * 2:
            os.sched_yield()
        assert [(one.pid, one.command) for one in seen.tree] == [(shell.pid, "sh"), (sleeper, "sleep")]
        assert all(re.fullmatch(r"[\w.]*", one.waits_in) for one in seen.tree)
    finally:
        os.killpg(shell.pid, signal.SIGKILL)
        shell.communicate()


def test_a_process_that_stands_still_is_seen_to():
    """It was stopped by a signal."""

    def look() -> str:
        pid = os.fork()
        if pid == 0:
            signal.pause()
        os.kill(pid, signal.SIGSTOP)
        os.waitpid(pid, os.WUNTRACED)
        seen = glance(pid)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        return seen.state if seen is not None else ""

    assert in_fork(look) == "stopped by a signal (SIGSTOP, SIGTSTP)"


def test_nothing_is_seen_of_one_that_has_gone():
    """Its number is nobody's."""
    assert glance(999_999_999) is None
