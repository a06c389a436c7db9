"""Root writes no log where somebody else has put a link for it; who is not root opens what the kernel lets it."""

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
from procman.logs.safe_open import UntrustedPath, open_log

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
    """A file of root's that nobody else may read."""
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
    """Whoever made it: the file that it leads to stays as it was, and is not shown."""
    os.chown(theirs, NOBODY if whose == "its owner's" else 0, NOBODY)
    theirs.chmod(MODES[whose])
    (theirs / "web.log").symlink_to(prey)
    with pytest.raises(UntrustedPath):
        write(theirs / "web.log")
    with pytest.raises(OperationFailed, match="symbolic link in a directory that others may write"):
        read_log(str(theirs / "web.log"), 0, 0)
    assert prey.read_text() == "secret"


def test_a_link_that_leads_nowhere_makes_no_file(theirs, tmp_path):
    """Else a new file in /etc would be root's doing."""
    (theirs / "web.log").symlink_to(tmp_path / "new")
    with pytest.raises(UntrustedPath):
        write(theirs / "web.log")
    assert not (tmp_path / "new").exists()


def test_a_link_where_only_root_may_write_is_followed(tmp_path):
    """Also one to a file that is yet to be made; that is how administrators move logs to another disk."""
    (tmp_path / "disk").mkdir()
    (tmp_path / "web.log").symlink_to("disk/web.log")
    write(tmp_path / "web.log")
    assert (tmp_path / "disk" / "web.log").read_text() == "line\n"


def test_a_link_to_a_link_of_theirs_is_refused(theirs, tmp_path, prey):
    """Root's own link, but not what it leads to."""
    (theirs / "web.log").symlink_to(prey)
    (tmp_path / "web.log").symlink_to(theirs / "web.log")
    with pytest.raises(UntrustedPath):
        write(tmp_path / "web.log")
    assert prey.read_text() == "secret"


def test_a_folder_on_the_way_that_is_a_link_of_theirs_is_refused(theirs, tmp_path):
    """The same trick one floor up; root's own link there is followed."""
    (tmp_path / "etc").mkdir()
    (theirs / "today").symlink_to(tmp_path / "etc")
    write(theirs / "today" / "root.log")
    os.lchown(theirs / "today", NOBODY, NOBODY)
    with pytest.raises(UntrustedPath):
        write(theirs / "today" / "web.log")
    assert os.listdir(tmp_path / "etc") == ["root.log"]


def test_what_lies_below_their_folder_is_theirs(theirs, prey):
    """A folder of root's in it can be moved away, so it makes nothing safer."""
    (theirs / "logs").mkdir()
    (theirs / "logs" / "web.log").symlink_to(prey)
    with pytest.raises(UntrustedPath):
        write(theirs / "logs" / "web.log")


def test_a_sticky_folder_keeps_what_is_roots(theirs, prey):
    """A folder of root's in /tmp is as good as anywhere."""
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


def test_at_a_glance_the_verdict_is_the_same(far_up, prey):
    """The usual places are judged without a look at each step."""
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
def test_a_link_to_the_output_of_the_master_or_to_nothing_is_followed_anywhere(theirs, device):
    """As images have it; nothing can be lost there."""
    (theirs / "web.log").symlink_to(device)
    fd = open_log(str(theirs / "web.log"), os.O_WRONLY | os.O_APPEND)
    assert os.path.samestat(os.fstat(fd), os.stat(device))
    os.close(fd)


@pytest.mark.parametrize("way", ["/dev/fd/../cwd{prey}", "/dev/fd/{fd}", "/proc/self/fd/{fd}", "/dev/./stdout"])
def test_a_link_by_way_of_a_device_is_refused(theirs, prey, monkeypatch, way):
    """To the kernel `/dev/fd/..` is not /dev, and a descriptor may be any file: that of another program's log, say."""
    monkeypatch.chdir("/")
    with prey.open() as held:
        (theirs / "web.log").symlink_to(way.format(prey=prey, fd=held.fileno()))
        with pytest.raises(UntrustedPath):
            write(theirs / "web.log")
    assert prey.read_text() == "secret"


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/full"])
def test_a_link_to_another_device_is_refused(theirs, device):
    """There is much to be lost on a disk, and of a watchdog even its opening has consequences."""
    (theirs / "web.log").symlink_to(device)
    with pytest.raises(UntrustedPath):
        write(theirs / "web.log")


def test_a_link_of_roots_leads_to_any_device(tmp_path):
    """In a folder where nobody else may write it is root's own."""
    (tmp_path / "web.log").symlink_to("/dev/full")
    fd = open_log(str(tmp_path / "web.log"), os.O_WRONLY)
    assert os.path.samestat(os.fstat(fd), os.stat("/dev/full"))
    os.close(fd)


def test_a_file_with_another_name_elsewhere_is_refused(theirs, prey):
    """A hard link leads to it as well as a symbolic one does."""
    os.link(prey, theirs / "web.log")
    with pytest.raises(UntrustedPath):
        write(theirs / "web.log")
    assert prey.read_text() == "secret"


@pytest.mark.parametrize("way", ["rotate", "clear"])
def test_nothing_is_renamed_or_removed_where_a_link_of_theirs_leads(theirs, tmp_path, way):
    """Another program's log may have the same name in another folder."""
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


def test_auto_logs_are_not_made_or_removed_where_a_link_of_theirs_leads(theirs, tmp_path):
    """Some programs read all files of a folder that is root's; and other masters have logs there."""
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


def test_a_link_of_roots_on_the_way_is_followed_to_rotate(theirs, tmp_path):
    """As /var/log may be one."""
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


def test_a_fifo_of_theirs_is_refused(theirs):
    """Whoever made it would read what others are not to see; root may have made it for somebody."""
    os.mkfifo(theirs / "web.log")
    reader = os.open(theirs / "web.log", os.O_RDONLY | os.O_NONBLOCK)
    write(theirs / "web.log")
    os.chown(theirs / "web.log", NOBODY, NOBODY)
    with pytest.raises(UntrustedPath):
        write(theirs / "web.log")
    assert os.read(reader, 100) == b"line\n"
    os.close(reader)


def test_a_plain_file_is_written_wherever_it_is(theirs, tmp_path):
    """Made where it is not there yet, also by a path with dots in it."""
    write(theirs / "web.log")
    write(theirs / "." / ".." / "theirs" / "web.log")
    assert (theirs / "web.log").read_text() == "line\n" * 2
    write(tmp_path / "web.log")
    assert stat.S_ISREG(os.stat(tmp_path / "web.log").st_mode)


@pytest.mark.parametrize("path", ["{}", "{}/", "{}/.", "{}/..", "{}/none/x", "{}/file/x", "{}/loop"])
def test_what_cannot_be_opened_is_an_error_of_the_kernels(theirs, path):
    """A folder, what is not there, a file for a folder, a link to itself."""
    (theirs / "file").touch()
    (theirs.parent / "loop").symlink_to("loop")
    with pytest.raises(OSError, match=r"directory|No such|symbolic") as error:
        write(path.format(theirs if "loop" not in path else theirs.parent))
    assert not isinstance(error.value, UntrustedPath)


def test_no_descriptor_is_left_open(theirs, prey):
    """Neither of a log that was opened, nor of one that was refused."""
    (theirs / "web.log").symlink_to(prey)
    before = len(os.listdir("/proc/self/fd"))
    for name in ("web.log", "other.log", "none/x"):
        try:
            write(theirs / name)
        except OSError:
            pass
    assert len(os.listdir("/proc/self/fd")) == before


def test_the_log_says_why_and_counts_what_is_lost(theirs, prey):
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
