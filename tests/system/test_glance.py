"""A glance at a process before it is killed."""

import os
import signal

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
