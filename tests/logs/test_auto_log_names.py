"""AUTO logs: their names, and the removal of old ones."""

import os
import re
import stat

import pytest

from procman.logs.names import auto_log_path, clear_auto_logs, create_auto_log
from procman.logs.sinks import RotatingFile


def created(folder, name, channel, identifier):
    path = auto_log_path(str(folder), name, channel, identifier)
    create_auto_log(path)
    return path


def test_a_name_is_made_as_by_supervisor(tmp_path):
    """NAME-CHANNEL---IDENTIFIER-XXXXXXXX.log, empty, for the owner only, and never the same twice."""
    paths = {created(tmp_path, "web", "stdout", "procman") for _ in range(20)}
    assert len(paths) == 20
    for path in paths:
        assert re.fullmatch(r"web-stdout---procman-[a-z0-9_]{8}\.log", os.path.basename(path))
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
        assert os.path.getsize(path) == 0


@pytest.mark.parametrize("umask", [0, 0o077])
def test_a_log_that_is_begun_is_for_its_owner_only(tmp_path, umask):
    """Whoever makes it, and whatever the umask is: also when somebody has removed it."""
    path = auto_log_path(str(tmp_path), "web", "stdout", "procman")
    before = os.umask(umask)
    try:
        log = RotatingFile(path, private=True)
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
        os.unlink(path)
        log.reopen()
    finally:
        os.umask(before)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    log.close()


def test_one_that_is_there_is_not_created(tmp_path):
    """Somebody else's, it may be."""
    path = created(tmp_path, "web", "stdout", "procman")
    with pytest.raises(FileExistsError):
        create_auto_log(path)


def test_only_this_identifiers_logs_are_removed(tmp_path):
    """Backups go too; other masters' files, look-alikes, links and directories stay."""
    ours = created(tmp_path, "web", "stderr", "a.b")
    os.rename(ours, ours + ".12")
    created(tmp_path, "x---y", "stdout", "a.b")
    stay = {
        os.path.basename(created(tmp_path, "web", "stdout", "aXb")),
        os.path.basename(created(tmp_path, "web", "stdout", "a.b-c")),
        "web-stdout---a.b-abcdefgh.log.bak",
        "web-stdout---a.b-link0000.log",
        "web-stdout---a.b-folder00.log",
        "app.log",
    }
    (tmp_path / "web-stdout---a.b-abcdefgh.log.bak").touch()
    (tmp_path / "web-stdout---a.b-link0000.log").symlink_to("app.log")
    (tmp_path / "web-stdout---a.b-folder00.log").mkdir()
    (tmp_path / "app.log").touch()
    said = []
    clear_auto_logs(str(tmp_path), "a.b", said.append)
    assert set(os.listdir(tmp_path)) == stay
    assert said == []


def test_an_unreadable_childlogdir_is_one_message(tmp_path):
    """It is no reason not to start."""
    said = []
    clear_auto_logs(str(tmp_path / "none"), "procman", said.append)
    assert len(said) == 1
    assert "No such file or directory" in said[0]


def test_files_that_cannot_be_removed_are_one_message(tmp_path, monkeypatch):
    """A read-only directory with a thousand old logs is said once."""
    for _ in range(3):
        created(tmp_path, "web", "stdout", "procman")

    def refuse(path, **_):
        raise OSError(30, "Read-only file system", path)

    monkeypatch.setattr(os, "unlink", refuse)
    said = []
    clear_auto_logs(str(tmp_path), "procman", said.append)
    assert len(said) == 1
    assert "(Read-only file system) and 2 more" in said[0]
