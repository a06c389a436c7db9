"""As root, no log is written through another user's link; without root, the kernel's checks decide."""

import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from procman.errors import OperationFailed, ProcmanError
from procman.logs.auto_logs import Owner, auto_log_path, clear_auto_logs, create_auto_log
from procman.logs.reading import read_log
from procman.logs.rotating_file import RotatingFile
from procman.system.safe_open import UntrustedPath, open_log

APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NONBLOCK
NOBODY = 65534

root = pytest.mark.root
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="is about what root does")
pytestmark = [root, needs_root]


@pytest.fixture
def theirs(tmp_path) -> Path:
    """A folder that belongs to the user of a program, as folders of logs do."""
    folder = tmp_path / "theirs"
    folder.mkdir()
    os.chown(folder, NOBODY, NOBODY)
    return folder


@pytest.fixture
def prey(tmp_path) -> Path:
    """A file of root's that no other user may read."""
    file = tmp_path / "prey"
    file.write_text("secret")
    file.chmod(0o600)
    return file


def write(path) -> None:
    fd = open_log(str(path), APPEND)
    os.write(fd, b"line\n")
    os.close(fd)


MODES = {"its owner's": 0o755, "everybody's": 0o777, "everybody's, sticky": 0o1777, "a group's": 0o775}


@pytest.mark.parametrize("whose", MODES)
def test_a_link_where_others_may_write_is_refused(theirs, prey, whose):
    """The file that it leads to is neither changed nor shown."""
    os.chown(theirs, NOBODY if whose == "its owner's" else 0, NOBODY)
    theirs.chmod(MODES[whose])
    (theirs / "web.log").symlink_to(prey)
    with pytest.raises(UntrustedPath):
        write(theirs / "web.log")
    with pytest.raises(OperationFailed, match="symbolic link in a directory that others may write"):
        read_log(str(theirs / "web.log"), 0, 0)
    assert prey.read_text() == "secret"


def test_a_dangling_link_creates_no_file(theirs, tmp_path):
    """Else root could be made to create a file in /etc."""
    (theirs / "web.log").symlink_to(tmp_path / "new")
    with pytest.raises(UntrustedPath):
        write(theirs / "web.log")
    assert not (tmp_path / "new").exists()


def test_a_link_where_only_root_may_write_is_followed(tmp_path):
    """Even to a file that does not exist yet: administrators move logs to another disk that way."""
    (tmp_path / "disk").mkdir()
    (tmp_path / "web.log").symlink_to("disk/web.log")
    write(tmp_path / "web.log")
    assert (tmp_path / "disk" / "web.log").read_text() == "line\n"


def test_a_link_of_roots_to_another_users_link_is_refused(theirs, tmp_path, prey):
    """Root's own link is followed, but not the one it leads to."""
    (theirs / "web.log").symlink_to(prey)
    (tmp_path / "web.log").symlink_to(theirs / "web.log")
    with pytest.raises(UntrustedPath):
        write(tmp_path / "web.log")
    assert prey.read_text() == "secret"


def test_another_users_link_to_a_folder_is_refused(theirs, tmp_path):
    """Root's own link to a folder is followed."""
    (tmp_path / "etc").mkdir()
    (theirs / "today").symlink_to(tmp_path / "etc")
    write(theirs / "today" / "root.log")
    os.lchown(theirs / "today", NOBODY, NOBODY)
    with pytest.raises(UntrustedPath):
        write(theirs / "today" / "web.log")
    assert os.listdir(tmp_path / "etc") == ["root.log"]


def test_a_folder_of_roots_below_another_users_folder_is_not_safe(theirs, prey):
    """Its parent's owner can move it away."""
    (theirs / "logs").mkdir()
    (theirs / "logs" / "web.log").symlink_to(prey)
    with pytest.raises(UntrustedPath):
        write(theirs / "logs" / "web.log")


def test_a_folder_of_roots_in_a_sticky_folder_is_safe(theirs, prey):
    """In /tmp, say."""
    os.chown(theirs, 0, 0)
    theirs.chmod(0o1777)
    (theirs / "logs").mkdir()
    (theirs / "logs" / "web.log").symlink_to(prey)
    write(theirs / "logs" / "web.log")
    assert prey.read_text() == "secretline\n"


@pytest.fixture(params=[0o755, 0o1777])
def far_up(request) -> Iterator[Path]:
    """A folder to which only root makes the way: what most logs are in, and what /tmp is."""
    with tempfile.TemporaryDirectory(dir="/run") as folder:
        os.chmod(folder, request.param)
        yield Path(folder)


def test_a_quick_look_gives_the_same_result(far_up, prey):
    """The usual folders are accepted without a check of each step."""
    shared = far_up.stat().st_mode & 0o002
    write(far_up / "web.log")
    assert (far_up / "web.log").read_text() == "line\n"
    (far_up / "link.log").symlink_to(prey)
    os.link(far_up / "web.log", far_up / "hard.log")
    os.mkfifo(far_up / "fifo.log")
    reader = os.open(far_up / "fifo.log", os.O_RDONLY | os.O_NONBLOCK)
    os.chown(far_up / "fifo.log", NOBODY, NOBODY)
    refused = set()
    for name in ("link.log", "hard.log", "fifo.log"):
        try:
            write(far_up / name)
        except UntrustedPath:
            refused.add(name)
    os.close(reader)
    assert refused == ({"link.log", "hard.log", "fifo.log"} if shared else set())
    assert prey.read_text() == ("secret" if shared else "secretline\n")


@pytest.mark.parametrize("device", ["/dev/null", "/dev/stdout", "/proc/self/fd/2"])
def test_a_link_to_the_masters_output_or_dev_null_is_always_followed(theirs, device):
    """Images have such links, and nothing can be harmed there."""
    (theirs / "web.log").symlink_to(device)
    fd = open_log(str(theirs / "web.log"), os.O_WRONLY | os.O_APPEND)
    assert os.path.samestat(os.fstat(fd), os.stat(device))
    os.close(fd)


@pytest.mark.parametrize("way", ["/dev/fd/../cwd{prey}", "/dev/fd/{fd}", "/proc/self/fd/{fd}", "/dev/./stdout"])
def test_a_link_through_dev_fd_is_refused(theirs, prey, monkeypatch, way):
    """The kernel resolves `/dev/fd/..` to another folder, and a descriptor may be another program's log."""
    monkeypatch.chdir("/")
    with prey.open() as held:
        (theirs / "web.log").symlink_to(way.format(prey=prey, fd=held.fileno()))
        with pytest.raises(UntrustedPath):
            write(theirs / "web.log")
    assert prey.read_text() == "secret"


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/full"])
def test_another_users_link_to_a_device_is_refused(theirs, device):
    """Writing to a disk destroys data, and even opening a watchdog has consequences."""
    (theirs / "web.log").symlink_to(device)
    with pytest.raises(UntrustedPath):
        write(theirs / "web.log")


def test_a_link_of_roots_may_lead_to_any_device(tmp_path):
    """In a folder that only root may write."""
    (tmp_path / "web.log").symlink_to("/dev/full")
    fd = open_log(str(tmp_path / "web.log"), os.O_WRONLY)
    assert os.path.samestat(os.fstat(fd), os.stat("/dev/full"))
    os.close(fd)


def test_a_hard_link_where_others_may_write_is_refused(theirs, prey):
    """It leads to another file as well as a symbolic link does."""
    os.link(prey, theirs / "web.log")
    with pytest.raises(UntrustedPath):
        write(theirs / "web.log")
    assert prey.read_text() == "secret"


@pytest.mark.parametrize("way", ["rotate", "clear"])
def test_rotation_does_not_follow_another_users_link(theirs, tmp_path, way):
    """Another program's log may have the same name in the folder that it leads to."""
    logs, other = theirs / "logs", tmp_path / "other"
    logs.mkdir()
    os.chown(logs, NOBODY, NOBODY)
    other.mkdir()
    for name in ("web.log", "web.log.1"):
        (other / name).write_text("another's")
    said = []
    sink = RotatingFile(str(logs / "web.log"), 5 if way == "rotate" else 0, 1, said.append)
    logs.rename(theirs / "moved")
    logs.symlink_to(other)
    os.lchown(logs, NOBODY, NOBODY)
    if way == "rotate":
        sink.write(b"12345")
        assert "a symbolic link on its way is not root's" in said[0]
    else:
        with pytest.raises(ProcmanError, match="a symbolic link on its way is not root's"):
            sink.clear()
    sink.close()
    assert {file.name: file.read_text() for file in other.iterdir()} == dict.fromkeys(
        ("web.log", "web.log.1"), "another's"
    )


def test_auto_logs_do_not_follow_another_users_link(theirs, tmp_path):
    """They are neither created nor removed there: some programs read all files of a folder of root's."""
    (tmp_path / "logrotate.d").mkdir()
    (theirs / "logs").symlink_to(tmp_path / "logrotate.d")
    os.lchown(theirs / "logs", NOBODY, NOBODY)
    owner = Owner("0123abcd", "procman")
    path = auto_log_path(str(theirs / "logs"), "web", "stdout", owner)
    with pytest.raises(OSError, match="a symbolic link on its way is not root's"):
        create_auto_log(path)
    said = []
    RotatingFile(path, on_problem=said.append, private=True).close()
    assert "a symbolic link on its way is not root's" in said[0]
    assert not list((tmp_path / "logrotate.d").iterdir())
    another = auto_log_path(str(tmp_path / "logrotate.d"), "web", "stdout", owner)
    create_auto_log(another)
    said = []
    clear_auto_logs(str(theirs / "logs"), owner, said.append)
    assert os.path.exists(another)
    assert "a symbolic link on its way is not root's" in said[0]


def test_rotation_follows_a_link_of_roots_to_the_folder(theirs, tmp_path):
    """/var/log may be such a link."""
    (theirs / "real").mkdir()
    (theirs / "logs").symlink_to("real")
    sink = RotatingFile(str(theirs / "logs" / "web.log"), 5, 1)
    sink.write(b"12345")
    sink.clear()
    sink.close()
    assert {file.name: file.read_text() for file in (theirs / "real").iterdir()} == {
        "web.log": "",
        "web.log.1": "12345",
    }


def test_another_users_fifo_is_refused(theirs):
    """Its owner would read the log; one of root's is accepted."""
    os.mkfifo(theirs / "web.log")
    reader = os.open(theirs / "web.log", os.O_RDONLY | os.O_NONBLOCK)
    write(theirs / "web.log")
    os.chown(theirs / "web.log", NOBODY, NOBODY)
    with pytest.raises(UntrustedPath):
        write(theirs / "web.log")
    assert os.read(reader, 100) == b"line\n"
    os.close(reader)


def test_a_regular_file_is_written_in_any_folder(theirs, tmp_path):
    """It is created if it does not exist, also by a path with dots in it."""
    write(theirs / "web.log")
    write(theirs / "." / ".." / "theirs" / "web.log")
    assert (theirs / "web.log").read_text() == "line\n" * 2
    write(tmp_path / "web.log")
    assert stat.S_ISREG(os.stat(tmp_path / "web.log").st_mode)


@pytest.mark.parametrize("path", ["{}", "{}/", "{}/.", "{}/..", "{}/none/x", "{}/file/x", "{}/loop"])
def test_the_kernels_errors_are_passed_on(theirs, path):
    """For a folder, a missing folder, a file in place of a folder, a link to itself."""
    (theirs / "file").touch()
    (theirs.parent / "loop").symlink_to("loop")
    with pytest.raises(OSError, match=r"directory|No such|symbolic") as error:
        write(path.format(theirs if "loop" not in path else theirs.parent))
    assert not isinstance(error.value, UntrustedPath)


def test_no_descriptor_is_left_open(theirs, prey):
    """Neither for a log that was opened, nor for one that was refused."""
    (theirs / "web.log").symlink_to(prey)
    before = len(os.listdir("/proc/self/fd"))
    for name in ("web.log", "other.log", "none/x"):
        try:
            write(theirs / name)
        except OSError:
            pass
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_refused_log_is_reported_and_counts_lost_bytes(theirs, prey):
    """The program goes on; when the link is gone its output is written again."""
    (theirs / "web.log").symlink_to(prey)
    said = []
    log = RotatingFile(str(theirs / "web.log"), on_problem=said.append)
    log.write(b"lost")
    assert "symbolic link in a directory that others may write" in said[0]
    assert log.lost == 4
    (theirs / "web.log").unlink()
    log.reopen()
    log.write(b"kept")
    log.close()
    assert (theirs / "web.log").read_text() == "kept"
    assert prey.read_text() == "secret"
