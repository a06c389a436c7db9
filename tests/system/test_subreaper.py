"""A subreaper inherits orphans, and a parent's death sends a signal. In processes apart: neither can be undone."""

import os
import signal
import subprocess
import sys
from array import array

from procman.system import libc
from procman.system.proc import look_at
from procman.system.subreaper import become_subreaper, die_with_parent
from tests.support.forked import in_fork
from tests.support.tree_fixtures import Member, in_subreaper

PR_GET_CHILD_SUBREAPER = 37


def is_subreaper() -> bool:
    """What prctl(2) says."""
    answer = array("i", [0])
    libc.call("prctl", PR_GET_CHILD_SUBREAPER, answer.buffer_info()[0], 0, 0, 0)
    return bool(answer[0])


def test_orphans_become_its_children():
    """Wherever they went; and whoever is asked knows."""

    def adopted() -> tuple[bool, bool, bool]:
        member = Member("fork(lambda: (os.setsid(), fork(lambda: stay('orphan'))))\nos.wait()\nstay('root')")
        _, orphan = member.pids("root", "orphan")
        return look_at(orphan).parent == os.getpid(), is_subreaper(), in_fork(is_subreaper)

    # Children are none by that.
    assert in_subreaper(adopted) == (True, True, False)


def test_a_process_is_none_by_itself():
    """It says so before, and after it has become one."""
    assert in_fork(lambda: (is_subreaper(), become_subreaper(), is_subreaper())) == (False, None, True)


def test_nothing_is_imported_before_it_is_needed():
    """It is ctypes that costs, more than all of this module."""
    code = "import sys, procman.system.subreaper; print('ctypes' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code]) == b"False\n"


def test_the_signal_when_the_parent_dies():
    """The process gets it at once, from whatever its parent died."""

    def ended_by() -> int:
        child = os.fork()
        if child == 0:
            reader, writer = os.pipe()
            grandchild = os.fork()
            if grandchild == 0:
                die_with_parent(signal.SIGUSR1)
                os.write(writer, b"x")
                while True:
                    signal.pause()
            os.read(reader, 1)
            os.kill(os.getpid(), signal.SIGKILL)
        os.waitpid(child, 0)
        return os.WTERMSIG(os.wait()[1])

    assert in_subreaper(ended_by) == signal.SIGUSR1


def test_a_parent_that_has_died_already(monkeypatch):
    """The kernel would say nothing any more."""

    def ended_by() -> int:
        child = os.fork()
        if child == 0:
            parents = iter((1, 2))
            monkeypatch.setattr(os, "getppid", lambda: next(parents))
            die_with_parent(signal.SIGUSR2)
            os._exit(0)
        return os.WTERMSIG(os.waitpid(child, 0)[1])

    assert in_fork(ended_by) == signal.SIGUSR2


def test_a_refusal_is_told():
    """With what was wanted, and the kernel's reason."""
    assert in_fork(lambda: die_with_parent(99)) == "cannot be sent signal 99 when the parent dies: Invalid argument"


def test_an_interpreter_without_ctypes(monkeypatch):
    """Some are built without libffi: the master does without orphans then."""
    monkeypatch.setitem(sys.modules, "ctypes", None)
    assert become_subreaper().startswith("cannot become the parent of orphans: ")
