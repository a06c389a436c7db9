"""A pid file leads to the master that holds it, and to no other process."""

import fcntl
import os
import select
import signal
import sys
from pathlib import Path

import pytest

from procman.errors import ProcmanError
from procman.system import pidfile_owner as holder
from procman.system.pidfile_owner import CannotTell, NotRunning, find_holder
from tests.support.forked import in_fork
from tests.support.log_lines import PATIENCE
from tests.support.tree_fixtures import ROOT, Member, in_a_pid_namespace, master, running

NOBODY = 65534

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "master.pid")


def test_the_holder_is_found_and_signalled(path):
    """It is held by a pidfd, which polls readable when it has ended."""
    with master(path) as member, find_holder(path) as found:
        assert found.pid == member.pid
        assert found.command.startswith(sys.executable)
        assert not found.ended()
        assert found.send(signal.SIGUSR1) is None
        assert select.select([found], [], [], PATIENCE)[0] == [found]
        assert found.ended()
        assert member.wait() == -signal.SIGUSR1
        assert found.send(signal.SIGUSR1) is None


def test_a_holder_whose_descriptors_may_not_be_seen(path, monkeypatch):
    """Then the list of locks has to do."""
    monkeypatch.setattr(holder, "_has_locked", lambda pid, found: None)
    with master(path) as member, find_holder(path) as found:
        assert found.pid == member.pid


@as_root
@pytest.mark.root
def test_a_master_of_another_user(tmp_path):
    """It is found, and the kernel's refusal is told."""
    os.chmod(tmp_path, 0o755)
    with master(str(tmp_path / "master.pid")) as member:

        def as_nobody() -> str | None:
            os.chdir(tmp_path)
            os.setuid(NOBODY)
            with find_holder("master.pid") as found:
                assert found.pid == member.pid
                return found.send(signal.SIGTERM)

        text = in_fork(as_nobody)
    assert text.startswith(f"cannot signal pid {member.pid} (")
    assert text.endswith("): Operation not permitted")


def not_found(path: str, kind: type[ProcmanError] = NotRunning) -> str:
    before = os.listdir("/proc/self/fd")
    with pytest.raises(kind) as caught:
        find_holder(path)
    assert os.listdir("/proc/self/fd") == before
    return str(caught.value)


def test_no_pid_file(path):
    """Without a pid file no master is running."""
    assert not_found(path) == f"there is no pid file {path}: the process that writes it is not running"


def test_a_pid_of_nobody(path):
    """It was left behind."""
    with master(path) as member:
        member.kill()
        member.wait()
    assert not_found(path) == f"the pid file {path} was left behind: there is no process {member.pid} any more"


def test_a_zombie_holds_nothing(path):
    """A holder that has ended and is not reaped counts as gone."""
    with master(path) as member:
        member.kill()
        os.waitid(os.P_PID, member.pid, os.WEXITED | os.WNOWAIT)
        assert not_found(path) == f"the pid file {path} was left behind: process {member.pid} has ended"


@pytest.mark.parametrize("seen", [True, False], ids=["its descriptors are seen", "they are not"])
def test_somebody_who_does_not_hold_it_is_never_taken_for_the_master(path, monkeypatch, seen):
    """Its pid is in the file, and that is all."""
    if not seen:
        monkeypatch.setattr(holder, "_has_locked", lambda pid, found: None)
    with running() as process:
        Path(path).write_text(f"{process.pid}\n")
        if seen:
            text = f"the pid file {path} was left behind: pid {process.pid} is now that of sleep 1000"
            assert not_found(path) == text
        else:
            assert not_found(path, CannotTell) == (
                f"cannot see whether pid {process.pid} (sleep 1000) holds the pid file {path}; "
                "do this as root, or as the user that it runs as"
            )


def test_somebody_elses_lock_is_not_enough(path, monkeypatch):
    """The file is locked, but not by the process whose pid is in it now."""
    monkeypatch.setattr(holder, "_has_locked", lambda pid, found: None)
    with master(path) as member, running() as process:
        Path(path).write_text(f"{process.pid}\n")
        assert not_found(path, CannotTell).startswith(
            f"the pid file {path} names pid {process.pid}, but pid {member.pid} holds it: "
        )


def test_a_pid_that_took_the_lock_and_was_given_again(path, monkeypatch):
    """A child has inherited the lock; the pid that the list names is that of a process younger than the file."""
    monkeypatch.setattr(holder, "_has_locked", lambda pid, found: None)
    with master(path):
        os.utime(path, (0, 0))
        not_found(path, CannotTell)


def test_having_the_file_open_is_not_enough(path):
    """The lock has to be its."""
    code = f'file = open({path!r})\nsay("open", os.getpid())\nsignal.pause()'
    Path(path).write_text("")
    with Member(code) as member:
        member.pids("open")
        Path(path).write_text(f"{member.pid}\n")
        not_found(path)


def test_having_another_file_locked_is_not_enough(path, tmp_path):
    """It holds one, but not this one."""
    with master(str(tmp_path / "other.pid")) as member:
        Path(path).write_text(f"{member.pid}\n")
        not_found(path)


def test_a_holder_in_another_pid_namespace(path):
    """The number in the file is not its number here: whoever has that is not the master."""
    said = in_a_pid_namespace(
        f"""
        import subprocess, pathlib
        from procman.system.pidfile_owner import CannotTell, find_holder
        from procman.system.pidfile import PidFile
        inner = "import os, sys; sys.path.insert(0, {str(ROOT)!r}); from procman.system.pidfile import PidFile;" \\
                "held = PidFile.take({path!r}); os.write(1, b'x'); os.read(0, 1)"
        master = subprocess.Popen(["unshare", "--pid", "--fork", sys.executable, "-c", inner],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        master.stdout.read(1)
        say(pathlib.Path({path!r}).read_text().strip())
        try:
            find_holder({path!r})
        except CannotTell as error:
            say(error)
        master.communicate(b"x")
        """
    )
    number, text = said.splitlines()
    assert number == "1"
    assert text.startswith(f"the pid file {path} names pid 1, but pid ")
    assert text.endswith(" holds it: it was written in another container or pid namespace; do this in there")


@pytest.mark.parametrize("content", ["", "hello\n", "0\n", "-1\n"])
def test_a_file_that_holds_no_pid(path, content):
    """From a file without a pid no process is signalled."""
    Path(path).write_text(content)
    assert not_found(path, CannotTell) == (
        f"cannot find out who runs from {path}: it holds no pid; name the master's own pid file"
    )


def test_what_cannot_be_read(tmp_path):
    """A folder, and a pipe that an open would wait at."""
    os.mkfifo(tmp_path / "fifo")
    for other in (str(tmp_path), str(tmp_path / "fifo"), "/dev/null"):
        assert "it holds no pid" in not_found(other, CannotTell)


def test_looking_does_not_keep_a_master_from_starting(path):
    """Looking never takes the lock."""
    with running() as process:
        Path(path).write_text(f"{process.pid}\n")
        taken_for = []
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(fcntl, "flock", lambda *arguments: taken_for.append(arguments))
            not_found(path)
        assert taken_for == []


def test_a_lock_line_of_each_sort():
    """Only whole files that are locked for writing with flock count, and only who has them, not who waits."""
    assert holder._lock_in("1: FLOCK  ADVISORY  WRITE 42 fe:01:1234 0 EOF") == holder._Lock(42, (0xFE, 1), 1234)
    for line in (
        "1: -> FLOCK  ADVISORY  WRITE 42 fe:01:1234 0 EOF",
        "1: FLOCK  ADVISORY  READ 42 fe:01:1234 0 EOF",
        "1: POSIX  ADVISORY  WRITE 42 fe:01:1234 0 EOF",
        "1: LEASE  ACTIVE    READ  42 fe:01:1234 0 EOF",
        "",
    ):
        assert holder._lock_in(line) is None


def test_the_command_of_the_holder_is_one_line(path):
    """For a person to recognise it by."""
    with master(path), find_holder(path) as found:
        assert "\n" not in found.command
