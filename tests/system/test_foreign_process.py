"""Watching processes that are somebody else's children."""

import os
import select
import signal
import subprocess

import pytest

from procman.system import foreign_process as adopted
from procman.system.foreign_process import Birth, Pipes, find, reopen_pipes, watch
from procman.system.proc import Identity, boot_id, identify
from procman.system.reaper import Reaped
from tests.support.forked import in_fork
from tests.support.log_lines import PATIENCE
from tests.support.tree_fixtures import Member, running

NOBODY = 65534

# A parent that starts a process, lets it end, and reaps it, each when it is told to.
PARENT = """
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    child = fork(lambda: (signal.sigwait([signal.SIGUSR1]), os._exit({code})))
    say("child", child)
    sys.stdin.readline()
    os.kill(child, {number})
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    say("ended", child)
    sys.stdin.readline()
    os.waitpid(child, 0)
    say("reaped", child)
    signal.pause()
"""


def kernel() -> tuple[int, int]:
    major, minor = os.uname().release.split(".")[:2]
    return int(major), int("".join(letter for letter in minor if letter.isdecimal()))


# PIDFD_INFO_EXIT of pidfd_get_info(2).
keeps_status = kernel() >= (6, 15)


def parent(*, code: int = 99, number: int = signal.SIGUSR1) -> Member:
    """One whose child ends with that code, or by another signal than SIGUSR1."""
    return Member(PARENT.format(code=code, number=int(number)))


@pytest.mark.parametrize("code", [0, 1, 7, 255])
def test_a_code_is_known_from_the_end_on(code):
    """Before the parent has reaped it and after that."""
    with parent(code=code) as member:
        (child,) = member.pids("child")
        watched = watch(identify(child))
        assert (watched.ended(), watched.how()) == (False, None)
        member.go_on()
        assert select.select([watched], [], [], PATIENCE)[0] == [watched]
        member.pids("ended")
        assert (watched.ended(), watched.how()) == (True, Reaped(child, code))
        member.go_on()
        member.pids("reaped")
        assert watched.ended()
        assert watched.how() == (Reaped(child, code) if keeps_status else None)
        watched.close()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGRTMIN])
def test_a_signal_is_known_from_the_end_on(number):
    """As from our own children."""
    with parent(number=number) as member:
        (child,) = member.pids("child")
        watched = watch(identify(child))
        member.go_on()
        member.pids("ended")
        assert watched.how() == Reaped(child, -1, number)
        member.go_on()
        member.pids("reaped")
        assert watched.how() == (Reaped(child, -1, number) if keeps_status else None)
        watched.close()


def test_one_that_ended_before_it_was_watched():
    """As long as it is not reaped it is there, and readable at once."""
    with parent(code=3) as member:
        (child,) = member.pids("child")
        who = identify(child)
        member.go_on()
        member.pids("ended")
        watched = watch(who)
        assert watched.ended()
        assert watched.how() == Reaped(child, 3)
        watched.close()
        member.go_on()
        member.pids("reaped")
        assert watch(who) is None


def test_a_kernel_that_keeps_no_status(monkeypatch):
    """It is known as long as it is not reaped; after that nobody can tell, and nothing is made up."""
    monkeypatch.setattr(adopted, "_GET_INFO", 0)
    with parent(code=0) as member:
        (child,) = member.pids("child")
        watched = watch(identify(child))
        member.go_on()
        member.pids("ended")
        assert watched.how() == Reaped(child, 0)
        member.go_on()
        member.pids("reaped")
        assert watched.ended()
        assert watched.how() is None
        watched.close()


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_status_that_may_not_be_seen():
    """The kernel shows 0 to those who may not know: that is not taken for a good end."""
    with parent(code=9) as member:
        (child,) = member.pids("child")
        member.go_on()
        member.pids("ended")

        def as_nobody() -> Reaped | None:
            os.setuid(NOBODY)
            return watch(identify(child)).how()

        assert in_fork(as_nobody) is None
        assert watch(identify(child)).how() == Reaped(child, 9)


def test_another_with_its_number_is_not_watched():
    """Neither a process that has gone nor another one with its number is watched."""
    with running() as process:
        now = identify(process.pid)
        assert watch(Identity(now.pid, now.start - 1)) is None
    assert watch(now) is None


def test_a_process_is_found_again_by_its_birth():
    """What was written down names one process: not a later one with its pid, nor one of another boot."""
    with running() as process:
        born = Birth(boot_id(), identify(process.pid).start)
        assert find(process.pid, born) == identify(process.pid)
        assert find(process.pid, Birth(born.boot_id, born.ticks - 1)) is None
        assert find(process.pid, Birth("another", born.ticks)) is None
        assert find(os.getpid(), born) is None
    assert find(process.pid, born) is None


def test_what_a_program_puts_in_the_place_of_its_pipe_is_not_opened(tmp_path, monkeypatch):
    """A descriptor of a file that it may not read leads whoever opens it through /proc to the file: root, too."""
    prey = tmp_path / "prey"
    prey.write_text("secret")
    with running(stdout=subprocess.PIPE) as process:
        inode = os.stat(f"/proc/{process.pid}/fd/1").st_ino
        before = os.listdir("/proc/self/fd")

        def exchanged(path, flags, *more, really=os.open):
            return really(prey if str(path).startswith(f"/proc/{process.pid}/fd/") else path, flags, *more)

        monkeypatch.setattr("procman.system.foreign_process.os.open", exchanged)
        assert reopen_pipes(identify(process.pid), (0, inode, 0)) == Pipes(None, None, None)
        assert os.listdir("/proc/self/fd") == before
        process.stdout.close()


def test_nothing_is_left_open():
    """A watch that is closed holds nothing."""
    before = os.listdir("/proc/self/fd")
    process = subprocess.Popen(["true"])
    watched = watch(identify(process.pid))
    watched.how()
    watched.close()
    process.wait()
    assert os.listdir("/proc/self/fd") == before
