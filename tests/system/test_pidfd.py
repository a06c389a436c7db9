"""Signals that reach one process and nobody else, whoever gets its number."""

import errno
import os
import select
import signal
import subprocess

import pytest

from procman.system import pidfd
from procman.system.pidfd import has_ended, open_pidfd, send_to
from procman.system.proc import Identity, identify
from tests.support.forked import in_fork
from tests.support.tree_fixtures import Member, in_a_pid_namespace, running

NOBODY = 65534


def test_the_process_gets_the_signal():
    """It is the one that was looked at."""
    process = subprocess.Popen(["sleep", "1000"])
    assert send_to(identify(process.pid), signal.SIGUSR1) is None
    assert process.wait() == -signal.SIGUSR1


def test_another_with_its_number_does_not():
    """It is told from it by when it was started."""
    with running() as process:
        now = identify(process.pid)
        assert send_to(Identity(now.pid, now.start - 1), signal.SIGKILL) is None
        assert open_pidfd(Identity(now.pid, now.start - 1)) is None
        # Signals arrive in the order of their numbers, but SIGKILL before all others.
        process.send_signal(signal.SIGUSR1)
        assert process.wait() == -signal.SIGUSR1


def test_a_number_that_was_really_given_again():
    """A process ends, another one gets its pid, and the signal for the first one harms nobody."""
    said = in_a_pid_namespace(
        """
        from procman.system.pidfd import open_pidfd, send_to
        from procman.system.proc import identify

        def sleeper():
            return os.posix_spawn("/bin/sleep", ["sleep", "1000"], os.environ)

        def end(pid):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)

        first = sleeper()
        before = identify(first)
        while True:
            end(first)
            # The next pid is the one after that: https://man7.org/linux/man-pages/man5/proc_sys_kernel.5.html
            with open("/proc/sys/kernel/ns_last_pid", "w") as last:
                last.write(str(first - 1))
            second = sleeper()
            assert second == first
            if identify(second).start > before.start:
                break
        say(send_to(before, signal.SIGKILL), open_pidfd(before))
        os.kill(second, signal.SIGUSR1)
        say(os.WTERMSIG(os.waitpid(second, 0)[1]))
        """
    )
    assert said.splitlines() == ["None None", str(int(signal.SIGUSR1))]


def test_one_that_has_gone_is_no_refusal():
    """A signal to a zombie, or to a process that was reaped, is no refusal."""
    process = subprocess.Popen(["true"])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    gone = identify(process.pid)
    assert send_to(gone, signal.SIGTERM) is None
    process.wait()
    assert send_to(gone, signal.SIGTERM) is None


def test_the_number_of_a_thread_is_that_of_no_process():
    """It may be what a pid was given to after its process had ended."""
    code = """
        import threading
        thread = threading.Thread(target=signal.pause)
        thread.start()
        say("thread", thread.native_id)
        signal.pause()
    """
    with Member(code) as member:
        (thread,) = member.pids("thread")
        assert send_to(identify(thread), signal.SIGTERM) is None
        assert member.poll() is None
        assert open_pidfd(identify(thread)) is None


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="needs somebody who may not signal somebody else")
@pytest.mark.parametrize("pidfds", [True, False])
def test_a_refusal_is_told(monkeypatch, pidfds):
    """With the signal, the pid and the reason."""
    root = identify(os.getpid())
    if not pidfds:
        monkeypatch.delattr(os, "pidfd_open")

    def as_nobody() -> str | None:
        os.setuid(NOBODY)
        return send_to(root, signal.SIGUSR1)

    assert in_fork(as_nobody) == f"cannot send SIGUSR1 to pid {root.pid}: Operation not permitted"


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.EPERM])
def test_without_pidfds_the_start_is_compared_all_the_same(monkeypatch, number):
    """An older kernel, or a filter of system calls that was made for one."""

    def refuse(pid):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "pidfd_open", refuse)
    with running() as process:
        now = identify(process.pid)
        assert send_to(Identity(now.pid, now.start - 1), signal.SIGKILL) is None
        assert send_to(now, signal.SIGUSR1) is None
        assert process.wait() == -signal.SIGUSR1
        assert send_to(now, signal.SIGUSR1) is None
        with pytest.raises(OSError) as caught:
            open_pidfd(now)
    assert caught.value.errno == number


def test_no_descriptors_left():
    """That is a refusal, and not taken for the end of the process."""
    with running() as process:

        def refused() -> str | None:
            import resource

            who = identify(process.pid)
            limits = resource.getrlimit(resource.RLIMIT_NOFILE)
            resource.setrlimit(resource.RLIMIT_NOFILE, (0, limits[1]))
            answer = send_to(who, signal.SIGTERM)
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
            return answer

        assert in_fork(refused) == f"cannot send SIGTERM to pid {process.pid}: Too many open files"


def test_a_pidfd_polls_readable_when_its_process_has_ended():
    """The pidfd of a process that runs is not readable."""
    with running() as process:
        fd = open_pidfd(identify(process.pid))
        before = has_ended(fd)
        process.kill()
        assert select.select([fd], [], [], 60)[0] == [fd]
        assert has_ended(fd)
        assert not before
        assert not os.get_inheritable(fd)
        os.close(fd)


def test_nothing_is_left_open():
    """However it goes."""
    before = os.listdir("/proc/self/fd")
    with running() as process:
        now = identify(process.pid)
        send_to(now, 0)
        send_to(Identity(now.pid, 1), 0)
    send_to(now, 0)
    assert os.listdir("/proc/self/fd") == before
    assert pidfd.open_pidfd(now) is None
