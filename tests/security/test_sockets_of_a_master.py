"""Who can open the sockets of a real master: mode and owner are as configured, whatever the umask."""

import contextlib
import os
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from procman.errors import CannotListen
from procman.system import sockets
from procman.system.sockets import UnixAddress, listen_unix
from tests.support.forked import in_fork
from tests.support.log_lines import PATIENCE, LogLines
from tests.support.master_process import environment

NOBODY = 65534
ROOT = os.geteuid() == 0
needs_root = pytest.mark.skipif(not ROOT, reason="gives sockets to others")


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A directory with a short path that every user may enter."""
    with tempfile.TemporaryDirectory(prefix="pm") as name:
        os.chmod(name, 0o755)
        yield Path(name)


@contextlib.contextmanager
def running(folder: Path, server: str = "", *, umask: int = 0o022, **environ: str) -> Iterator[LogLines]:
    """A master with that umask and only this server."""
    (folder / "f.conf").write_text(
        f"[supervisord]\nlogfile={folder}/log\npidfile={folder}/pid\nchildlogdir={folder}\numask={umask:o}\n{server}"
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "procman", "-c", str(folder / "f.conf")],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment(folder, **environ),
        umask=umask,
    )
    with process:
        try:
            lines = LogLines(process)
            lines.expect("procman started with pid")
            yield lines
            process.terminate()
            assert lines.to_the_end() == 0
        finally:
            process.kill()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def is_answered(path: Path, *, by: int | None = None) -> bool:
    """Whether a connection of this user, or of another one, gets an answer."""

    def connects() -> bool:
        if by is not None:
            os.setgroups([])
            os.setgid(by)
            os.setuid(by)
        with socket.socket(socket.AF_UNIX) as client:
            try:
                client.connect(str(path))
            except PermissionError:
                return False
        return True

    return bool(in_fork(connects))


@pytest.mark.parametrize("umask", [0, 0o022, 0o777])
@pytest.mark.parametrize("chmod", ["", "0700", "0770", "0777"])
def test_a_socket_has_the_mode_that_was_asked_for(short_folder, umask, chmod):
    """A socket has its configured mode, 0700 by default, under any umask."""
    server = f"[unix_http_server]\nfile={short_folder}/s\n" + (f"chmod={chmod}\n" if chmod else "")
    with running(short_folder, server, umask=umask):
        assert mode(short_folder / "s") == int(chmod or "0700", 8)
        assert is_answered(short_folder / "s")
    assert not (short_folder / "s").exists()


@pytest.mark.parametrize("umask", [0, 0o777])
def test_the_private_socket_is_private_under_any_umask(short_folder, umask):
    """The private socket and its directory belong to the master's user alone, under any umask."""
    with running(short_folder, umask=umask):
        (path,) = (short_folder / "procman").glob("*.sock")
        assert (mode(path.parent), mode(path)) == (0o700, 0o700)
        assert is_answered(path)


@needs_root
@pytest.mark.root
@pytest.mark.parametrize(("chown", "chmod", "may"), [("nobody", "0700", True), ("", "0700", False), ("", "0777", True)])
def test_owner_and_mode_decide_who_gets_through(short_folder, chown, chmod, may):
    """Owner and mode decide whether a user without groups gets through."""
    server = f"[unix_http_server]\nfile={short_folder}/s\nchmod={chmod}\n" + (f"chown={chown}\n" if chown else "")
    with running(short_folder, server, umask=0):
        assert (short_folder / "s").stat().st_uid == (NOBODY if chown == "nobody" else 0)
        assert is_answered(short_folder / "s", by=NOBODY) is may


def test_a_path_by_way_of_a_link_leads_to_the_same_socket(short_folder):
    """A socket whose directory is reached by a symbolic link has the right mode and is removed."""
    (short_folder / "real").mkdir()
    (short_folder / "link").symlink_to("real")
    with running(short_folder, f"[unix_http_server]\nfile={short_folder}/link/s\nchmod=0750\n", umask=0):
        assert mode(short_folder / "real" / "s") == 0o750
        assert is_answered(short_folder / "link" / "s")
    assert os.listdir(short_folder / "real") == []
    assert (short_folder / "link").is_symlink()


def start(folder: Path, server: str, **environ: str) -> str:
    """The output of a master that cannot start."""
    (folder / "f.conf").write_text(
        f"[supervisord]\nlogfile={folder}/log\npidfile={folder}/pid\nshutdown_when=all_done\n{server}"
    )
    ran = subprocess.run(
        [sys.executable, "-m", "procman", "-c", str(folder / "f.conf")],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=environment(folder, **environ),
        timeout=PATIENCE,
        check=False,
    )
    return ran.stderr if ran.returncode == 2 else ran.stdout


def test_what_has_taken_the_place_of_the_socket_is_not_removed(short_folder):
    """If the socket file was replaced, by another manager's say, the master does not remove it at its end."""
    path = short_folder / "s"
    with running(short_folder, f"[unix_http_server]\nfile={path}\n"), socket.socket(socket.AF_UNIX) as another:
        path.rename(short_folder / "moved")
        another.bind(str(path))
        another.listen()
    assert path.is_socket()
    assert (short_folder / "moved").is_socket()


@pytest.mark.parametrize("target", ["prey", "nowhere", "other"])
def test_a_link_in_the_place_of_the_socket_is_refused(short_folder, target):
    """A link in place of the socket is neither removed nor followed, and its target stays as it was."""
    (short_folder / "prey").write_text("x")
    (short_folder / "prey").chmod(0o600)
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(short_folder / "other"))
        (short_folder / "s").symlink_to(target)
        said = start(short_folder, f"[unix_http_server]\nfile={short_folder}/s\nchmod=0777\n")
    assert said.startswith(f"procman: cannot listen on {short_folder}/s: there is a file that is no socket")
    assert os.readlink(short_folder / "s") == target
    assert mode(short_folder / "prey") == 0o600
    assert not (short_folder / "nowhere").exists()


@pytest.mark.parametrize(
    "whose", ["a link", "everybody's", pytest.param("another's", marks=[pytest.mark.root, needs_root])]
)
def test_the_private_folder_is_not_taken_from_somebody_else(short_folder, whose):
    """A private directory of another user is not used; there is no socket then, and the log says why."""
    folder = short_folder / "procman"
    (short_folder / "theirs").mkdir(mode=0o700)
    if whose == "a link":
        folder.symlink_to("theirs")
    else:
        folder.mkdir()
        folder.chmod(0o777 if whose == "everybody's" else 0o700)
        if whose == "another's":
            os.chown(folder, NOBODY, NOBODY)
    said = start(short_folder, "[program:once]\ncommand=true\nstartsecs=0\nautorestart=false\n")
    assert "there is no control socket: cannot use" in said
    assert os.listdir(folder) == []


@pytest.mark.parametrize("meanwhile", ["link", "file", "nothing"])
def test_a_socket_that_was_exchanged_is_not_given_away(short_folder, monkeypatch, meanwhile):
    """If a socket is replaced by a link just before root sets owner and mode, the target is not changed."""
    (short_folder / "prey").write_text("x")
    (short_folder / "prey").chmod(0o600)
    path = short_folder / "s"
    give_rights = sockets.give_rights

    def exchange_first(address, purpose):
        path.unlink()
        if meanwhile == "link":
            path.symlink_to("prey")
        elif meanwhile == "file":
            os.link(short_folder / "prey", path)
        give_rights(address, purpose)

    monkeypatch.setattr(sockets, "give_rights", exchange_first)
    with pytest.raises(CannotListen, match=r"cannot give .*/s its owner or mode: "):
        listen_unix(UnixAddress(str(path), 0o777, (os.geteuid(), os.getegid())))
    assert mode(short_folder / "prey") == 0o600
