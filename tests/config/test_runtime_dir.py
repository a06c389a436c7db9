"""The names of the files in the run-time directory, and whose directory is trusted."""

import os
import socket

import pytest

from procman.config import runtime_dir
from procman.errors import ProcmanError
from procman.system import file_trust


@pytest.fixture
def runtime(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    # A test's folder has a long name.
    monkeypatch.setattr(runtime_dir, "LONGEST_SOCKET_PATH", 4096)
    return tmp_path


def test_the_socket_is_the_same_by_whatever_name_the_file_is_reached(runtime, tmp_path, monkeypatch):
    """Relative paths, absolute paths and links give the same socket; another file has another one."""
    (tmp_path / "web.conf").touch()
    (tmp_path / "link.conf").symlink_to("web.conf")
    monkeypatch.chdir(tmp_path)
    path = runtime_dir.default_socket("web.conf")
    assert path == runtime_dir.default_socket(str(tmp_path / "web.conf")) == runtime_dir.default_socket("link.conf")
    assert os.path.dirname(path) == str(runtime / "procman")
    assert os.path.basename(path).startswith("web-")
    assert path != runtime_dir.default_socket("other.conf")


def test_the_path_is_never_too_long_for_a_socket(tmp_path, monkeypatch):
    """A long XDG_RUNTIME_DIR is ignored, and a long file name is cut."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/" + "x" * 80)
    path = runtime_dir.default_socket("/" + "ü long" * 50 + ".conf")
    assert len(os.fsencode(path)) <= runtime_dir.LONGEST_SOCKET_PATH
    assert not path.startswith("/xxx")
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/" + "x" * 60)
    assert len(os.fsencode(runtime_dir.default_socket("/" + "y" * 200))) <= runtime_dir.LONGEST_SOCKET_PATH
    with socket.socket(socket.AF_UNIX) as probe, pytest.raises(FileNotFoundError):
        probe.connect(runtime_dir.default_socket("/" + "y" * 200))


def test_a_relative_runtime_dir_is_passed_over(monkeypatch):
    """A client in another directory would not find it."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", "run")
    assert os.path.isabs(runtime_dir.runtime_dir())


def test_the_runtime_dir_is_made_private_and_used_again(runtime):
    """The mode is 0700 under any umask."""
    assert runtime_dir.ensure_runtime_dir() == runtime_dir.ensure_runtime_dir() == str(runtime / "procman")
    assert (runtime / "procman").stat().st_mode & 0o777 == 0o700


def test_a_runtime_dir_that_others_may_enter_is_refused(runtime):
    """Another user could have put a socket there; the message has a way out."""
    (runtime / "procman").mkdir(mode=0o755)
    (runtime / "procman").chmod(0o755)
    with pytest.raises(ProcmanError, match="chmod 700"):
        runtime_dir.ensure_runtime_dir()


def test_a_link_in_place_of_the_runtime_dir_is_refused(runtime, tmp_path):
    """Its target could change after the check."""
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (runtime / "procman").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ProcmanError, match="not a folder"):
        runtime_dir.ensure_runtime_dir()


def test_a_runtime_dir_that_cannot_be_made_says_why(runtime, monkeypatch):
    """The message has the path and a way out."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime / "missing"))
    with pytest.raises(ProcmanError, match=r"missing/procman.*No such file.*XDG_RUNTIME_DIR"):
        runtime_dir.ensure_runtime_dir()


def test_root_has_its_folder_in_tmp_where_run_cannot_be_written(tmp_path, monkeypatch):
    """A container's root filesystem may be read-only; the client searches both."""
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    usual = tmp_path / "run" / "procman"
    monkeypatch.setattr(runtime_dir, "FOR_ROOT", str(usual))
    assert runtime_dir.runtime_dirs() == ["/tmp/procman-0", str(usual)]
    usual.parent.mkdir()
    assert runtime_dir.runtime_dirs() == [str(usual), "/tmp/procman-0"]
    usual.mkdir()
    assert runtime_dir.runtime_dir() == str(usual)


@pytest.mark.parametrize(("euid", "expected"), [(0, {0, 12345}), (54321, {0, 54321})])
def test_only_root_believes_the_user_of_pid_1(tmp_path, monkeypatch, euid, expected):
    """That is the user of a container, or root on a host. Its directory is searched last."""
    status = tmp_path / "status"
    status.write_text("Name:\tprocman\nUid:\t0\t12345\t12345\t12345\n")
    monkeypatch.setattr(
        file_trust, "open", lambda path, mode: status.open(mode) if path == "/proc/1/status" else None, raising=False
    )
    monkeypatch.setattr(os, "geteuid", lambda: euid)
    assert file_trust.trusted_owners() == expected
    assert (runtime_dir.runtime_dirs()[-1] == "/tmp/procman-12345") is (euid == 0)
    status.unlink()
    assert file_trust.trusted_owners() == {0, euid}


def test_what_an_earlier_master_wrote_is_not_looked_for_where_others_could_have_put_it(tmp_path, monkeypatch):
    """A forged state file could make the master signal any process, so such directories are ignored."""
    now, before, elsewhere = (tmp_path / name for name in ("now", "before", "elsewhere"))
    monkeypatch.setattr(runtime_dir, "runtime_dirs", lambda: [str(now), str(before)])

    def folders():
        return [os.path.dirname(path) for path in runtime_dir.state_files("/run/s")]

    assert folders() == [str(now)]
    before.mkdir(mode=0o700)
    assert folders() == [str(now), str(before)]
    before.chmod(0o770)
    assert folders() == [str(now)]
    before.rename(elsewhere)
    elsewhere.chmod(0o700)
    before.symlink_to(elsewhere)
    assert folders() == [str(now)]
    before.unlink()
    elsewhere.rename(before)
    monkeypatch.setattr(os, "geteuid", lambda: before.stat().st_uid + 1)
    assert folders() == [str(now)]
