"""The pid file: whose it is, as long as it runs; and what is never written over."""

import contextlib
import fcntl
import os
import signal
import socket
import stat
import sys
import tempfile
import time
from pathlib import Path

import pytest

from procman.errors import ProcmanError
from procman.system import pidfile
from procman.system import pidfile_owner as holder
from procman.system.pidfile import CannotUsePidFile, PidFile, PidFileHeld
from tests.support.forked import in_fork
from tests.support.tree_fixtures import master, running

NOBODY = 65534

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "master.pid")


@contextlib.contextmanager
def taken(path: str, *mode: int):
    held = PidFile.take(path, *mode)
    try:
        yield held
    finally:
        held.release()


def refusal(path: str, kind: type[ProcmanError] = CannotUsePidFile) -> str:
    """Why it cannot be taken; nothing was changed."""
    before = os.lstat(path) if os.path.lexists(path) else None
    fds = os.listdir("/proc/self/fd")
    with pytest.raises(kind) as caught:
        PidFile.take(path)
    after = os.lstat(path) if os.path.lexists(path) else None
    if before is not None:
        assert (before.st_mtime_ns, before.st_ino, before.st_size) == (after.st_mtime_ns, after.st_ino, after.st_size)
    assert os.listdir("/proc/self/fd") == fds
    return str(caught.value)


# ---- taking it


def test_it_holds_the_pid_as_long_as_it_is_held(path):
    """A number and a newline, as everybody reads it; then it is taken away."""
    with taken(path):
        assert Path(path).read_bytes() == b"%d\n" % os.getpid()
    assert not os.path.exists(path)


@pytest.mark.parametrize(
    ("umask", "mode", "expected"), [(0o022, [], 0o644), (0o022, [0o666], 0o644), (0, [0o600], 0o600)]
)
def test_the_mode_of_a_new_one(path, umask, mode, expected):
    """What was asked for, less the umask."""

    def made() -> int:
        os.umask(umask)
        with taken(path, *mode):
            return stat.S_IMODE(os.stat(path).st_mode)

    assert in_fork(made) == expected


def test_programs_do_not_inherit_it(path):
    """The lock ends with the master, whoever it has started."""

    def left() -> int:
        PidFile.take(path)
        return os.spawnlp(os.P_NOWAIT, "sleep", "sleep", "1000")

    child = in_fork(left)
    try:
        with taken(path):
            pass
    finally:
        os.kill(child, signal.SIGKILL)


def test_a_second_one_is_told_who_holds_it(path):
    """By pid and command line, and what can be done."""
    with master(path) as member:
        text = refusal(path, PidFileHeld)
        assert text.startswith(f"the pid file {path} is held by pid {member.pid} ({sys.executable} -IS -c ")
        assert text.endswith("), which is running; stop it first, or choose another with pidfile=")
        assert Path(path).read_text() == f"{member.pid}\n"


def test_a_holder_that_has_not_written_its_pid_yet(path):
    """It is known by the lock."""
    with open(path, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert f"is held by pid {os.getpid()} (" in refusal(path, PidFileHeld)


def test_a_holder_that_is_not_to_be_seen(path, monkeypatch):
    """Without /proc/locks and a pid it is still held."""
    monkeypatch.setattr(holder, "_all_locks", lambda: iter(()))
    with open(path, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert "is held by another process, which is running;" in refusal(path, PidFileHeld)


def test_the_next_one_takes_it_when_it_is_given_back(path):
    """Even where it waits for it right then."""
    with master(path) as member:
        refusal(path, PidFileHeld)
        member.go_on()
        member.pids("released")
        with taken(path):
            assert Path(path).read_text() == f"{os.getpid()}\n"


def test_one_that_was_left_behind_is_taken_over(path):
    """Its master was killed: the lock is gone, the pid is nobody's."""
    with master(path) as member:
        member.kill()
        member.wait()
        assert Path(path).read_text() == f"{member.pid}\n"
        with taken(path):
            assert Path(path).read_text() == f"{os.getpid()}\n"


@pytest.mark.parametrize("content", ["", "4194305\n", " 4194305 \n", "4194305"])
def test_what_may_be_left_behind(path, content):
    """Nothing, or a pid with whatever blanks around it; the longer one is gone afterwards."""
    Path(path).write_text(content)
    with taken(path):
        assert Path(path).read_text() == f"{os.getpid()}\n"


def test_a_pid_that_was_given_to_another_process_since_is_stale(path):
    """It was started after the file was written, so it has not written it."""
    with running() as process:
        Path(path).write_text(f"{process.pid}\n")
        os.utime(path, (time.time(), time.time() - 100))
        with taken(path):
            assert Path(path).read_text() == f"{os.getpid()}\n"


def test_our_own_pid_is_stale(path):
    """In a container the master is pid 1 each time."""
    Path(path).write_text(f"{os.getpid()}\n")
    with taken(path):
        pass


def test_one_of_a_program_that_knows_no_locks_is_held(path):
    """A supervisord, say: it was there when the file was written, and is there now."""
    with running() as process:
        Path(path).write_text(f"{process.pid}\n")
        text = refusal(path, PidFileHeld)
        assert text.startswith(f"the pid file {path} is held by pid {process.pid} (sleep 1000), which is running; ")


# ---- what is somebody else's


@pytest.mark.parametrize(
    "content",
    [
        "\n",
        "hello\n",
        "12 34\n",
        "-1\n",
        "0\n",
        "1.5\n",
        "\0",
        "12\x00",
        "99999999\n",
        "1\n" + "#" * 40,
        "1" + " " * 40 + "#",
        "²\n",
        "+7\n",
    ],
)
def test_what_is_no_pid_is_not_written_over(path, content):
    """It may be anything, and somebody may need it."""
    Path(path).write_text(content)
    assert refusal(path) == (
        f"cannot use the pid file {path}: what is in it is no pid, so it may be something else; remove it if nobody "
        "needs it, or choose another with pidfile="
    )
    assert Path(path).read_text() == content


def test_a_symbolic_link_is_not_followed(path, tmp_path):
    """A link is refused whether or not its target exists."""
    os.symlink(tmp_path / "other", path)
    text = (
        f"cannot use the pid file {path}: it is a symbolic link, which may lead to any file; "
        "name the file itself with pidfile="
    )
    assert refusal(path) == text
    (tmp_path / "other").write_text("1\n")
    assert refusal(path) == text
    assert (tmp_path / "other").read_text() == "1\n"


def test_a_link_that_is_put_there_meanwhile_is_not_followed(path, tmp_path, monkeypatch):
    """Between the look at the file and its opening."""
    (tmp_path / "other").write_text("")
    os.symlink(tmp_path / "other", path)
    monkeypatch.setattr(os, "lstat", os.stat)
    with pytest.raises(CannotUsePidFile, match="Too many levels of symbolic links"):
        PidFile.take(path)


def test_what_is_no_regular_file(path, tmp_path):
    """A folder, a pipe that an open would wait at, a socket, a device."""
    os.mkfifo(tmp_path / "fifo")
    with socket.socket(socket.AF_UNIX) as sock, tempfile.TemporaryDirectory(prefix="pm") as short:
        sock.bind(f"{short}/s")
        for other in (str(tmp_path), str(tmp_path / "fifo"), f"{short}/s", "/dev/zero"):
            assert refusal(other) == (
                f"cannot use the pid file {other}: it is not a regular file; choose another with pidfile="
            )


def test_a_file_with_two_names(path, tmp_path):
    """A hard link is a way to have somebody's file written over."""
    (tmp_path / "other").write_text("")
    os.link(tmp_path / "other", path)
    assert "the file has other names, too; remove this one" in refusal(path)


@as_root
@pytest.mark.root
def test_another_users_file(tmp_path):
    """A user other than root leaves it alone, even where it could be written to."""
    path = str(tmp_path / "master.pid")
    Path(path).write_text("")
    os.chmod(path, 0o666)
    os.chmod(tmp_path, 0o777)

    def as_nobody() -> str:
        os.chdir(tmp_path)
        os.setuid(NOBODY)
        return refusal("master.pid")

    assert in_fork(as_nobody) == (
        "cannot use the pid file master.pid: it belongs to uid 0; remove it, or choose another with pidfile="
    )


@as_root
@pytest.mark.root
def test_root_takes_over_what_others_have_left(path):
    """A master that runs as root now, and ran as somebody else before; they cannot write another pid into it."""
    Path(path).write_text("4194305\n")
    os.chown(path, NOBODY, NOBODY)
    fds = os.listdir("/proc/self/fd")
    with Path(path).open("w") as theirs, taken(path):
        theirs.write("1\n")
        theirs.flush()
        assert Path(path).read_text() == f"{os.getpid()}\n"
        assert os.stat(path).st_uid == 0
    assert os.listdir("/proc/self/fd") == fds


@as_root
@pytest.mark.root
def test_a_folder_that_is_not_writable(tmp_path):
    """Said with the reason."""
    os.chmod(tmp_path, 0o755)

    def as_nobody() -> str:
        os.chdir(tmp_path)
        os.setuid(NOBODY)
        return refusal("master.pid")

    assert in_fork(as_nobody) == (
        "cannot write the pid file master.pid: Permission denied; choose another with pidfile="
    )


def test_a_folder_that_is_not_there(tmp_path):
    """It is named."""
    assert refusal(str(tmp_path / "no" / "such.pid")) == (
        f"cannot write the pid file {tmp_path}/no/such.pid: there is no directory {tmp_path}/no; "
        "create it, or choose another with pidfile="
    )


def test_a_full_disk():
    """Said with the reason."""
    with open("/dev/full", "r+b", buffering=0) as full, pytest.raises(CannotUsePidFile) as caught:
        pidfile._write(full.fileno(), "/run/x.pid", "pidfile=")
    assert str(caught.value) == (
        "cannot write the pid file /run/x.pid: No space left on device; choose another with pidfile="
    )


def test_a_file_system_without_locks(path, monkeypatch):
    """Some network file systems have none."""

    def refuse(fd, how):
        raise OSError(37, os.strerror(37))

    monkeypatch.setattr(fcntl, "flock", refuse)
    assert not os.path.exists(path)
    with pytest.raises(CannotUsePidFile) as caught:
        PidFile.take(path)
    assert str(caught.value) == (
        f"cannot lock the pid file {path}: No locks available; choose one on another file system with pidfile="
    )


def test_the_null_device_is_no_pid_file():
    """It can be named, as supervisord's users do, and is there afterwards."""
    with taken("/dev/null"), taken("/dev/null"):
        pass
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    assert stat.S_IMODE(os.stat("/dev/null").st_mode) & 0o666 == 0o666


# ---- giving it back


def test_what_has_become_anothers_is_not_taken_away(path):
    """Somebody has put another file there, or another pid into it."""
    with taken(path):
        os.unlink(path)
        Path(path).write_text("1\n")
    assert Path(path).read_text() == "1\n"
    os.unlink(path)
    with taken(path):
        Path(path).write_text("1\n")
    assert Path(path).read_text() == "1\n"


def test_what_is_gone_already(path, tmp_path):
    """Releasing a pid file that has gone, or a second time, is no error."""
    held = PidFile.take(path)
    os.unlink(path)
    held.release()
    held.release()
    with taken(path):
        assert os.listdir(tmp_path) == ["master.pid"]


def test_nobody_is_left_with_a_file_that_is_gone(path):
    """The one who waited for the lock of a file that was then taken away makes a new one."""
    held = PidFile.take(path)
    real, calls = fcntl.flock, []

    def flock(fd, how):
        # The holder ends between the opening and the locking.
        calls.append(1)
        if len(calls) == 1:
            held.release()
        return real(fd, how)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fcntl, "flock", flock)
        second = PidFile.take(path)
    assert len(calls) == 2
    assert Path(path).read_text() == f"{os.getpid()}\n"
    second.release()
