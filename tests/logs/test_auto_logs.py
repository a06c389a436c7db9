"""AUTO logs: their names, and the removal of old ones."""

import os
import re
import stat

import pytest
from supervisor.options import ServerOptions

from procman.logs.auto_logs import Owner, auto_log_path, clear_auto_logs, create_auto_log
from procman.logs.rotating_file import RotatingFile

OURS = Owner("0123abcd", "a.b")


def created(folder, name="web", channel="stdout", owner=OURS):
    path = auto_log_path(str(folder), name, channel, owner)
    create_auto_log(path)
    return path


def test_an_auto_log_is_named_as_by_supervisor(tmp_path):
    """NAME-CHANNEL---MARK-IDENTIFIER-XXXXXXXX.log: an empty file, for its owner only, with a new name each time."""
    paths = {created(tmp_path) for _ in range(20)}
    assert len(paths) == 20
    for path in paths:
        assert re.fullmatch(r"web-stdout---0123abcd-a\.b-[a-z0-9_]{8}\.log", os.path.basename(path))
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
        assert os.path.getsize(path) == 0


@pytest.mark.parametrize("umask", [0, 0o077])
def test_a_new_auto_log_is_for_its_owner_only(tmp_path, umask):
    """The mode does not depend on the umask, nor on whether the file was removed meanwhile."""
    path = auto_log_path(str(tmp_path), "web", "stdout", OURS)
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


def test_creating_an_existing_auto_log_fails(tmp_path):
    """The file may belong to another program."""
    path = created(tmp_path)
    with pytest.raises(FileExistsError):
        create_auto_log(path)


def cleared(folder, spared=()):
    said = []
    clear_auto_logs(str(folder), OURS, said.append, spared)
    assert said == []
    return set(os.listdir(folder))


def test_only_this_masters_auto_logs_are_removed(tmp_path):
    """Backups are removed too; files of other masters, look-alikes, links and directories stay."""
    ours = created(tmp_path, "web", "stderr")
    os.rename(ours, ours + ".12")
    for tail in (".3.gz", ".2026-11-29.zst", ".2026-11-29T14.2", ".77.compressing"):
        os.rename(created(tmp_path, "web", "stderr"), ours + tail)
    created(tmp_path, "x---y")
    stay = {
        os.path.basename(created(tmp_path, owner=Owner("0123abcd", "aXb"))),
        os.path.basename(created(tmp_path, owner=Owner("0123abcd", "a.b-c"))),
        os.path.basename(created(tmp_path, owner=Owner("0123abce", "a.b"))),
        "web-stdout---a.b-abcdefgh.log",
        "web-stdout---0123abcd-a.b-abcdefgh.log.bak",
        "web-stdout---0123abcd-a.b-link0000.log",
        "web-stdout---0123abcd-a.b-folder00.log",
        "app.log",
    }
    (tmp_path / "web-stdout---a.b-abcdefgh.log").touch()
    (tmp_path / "web-stdout---0123abcd-a.b-abcdefgh.log.bak").touch()
    (tmp_path / "web-stdout---0123abcd-a.b-link0000.log").symlink_to("app.log")
    (tmp_path / "web-stdout---0123abcd-a.b-folder00.log").mkdir()
    (tmp_path / "app.log").touch()
    assert cleared(tmp_path) == stay


def test_an_auto_log_in_use_is_not_removed(tmp_path):
    """Two containers with the same configuration may share a folder; the backups of a log in use stay, too."""
    log = RotatingFile(created(tmp_path), 5, 2, private=True)
    held = os.path.basename(log.path)
    log.write(b"12345")
    log.write(b"678")
    created(tmp_path)
    assert cleared(tmp_path) == {held, f"{held}.1"}
    log.reopen()
    assert cleared(tmp_path) == {held, f"{held}.1"}
    log.close()
    assert cleared(tmp_path) == set()


def test_an_auto_log_that_stays_in_use_is_spared(tmp_path):
    """With its backups: a program that outlived its master still writes to the log."""
    kept = created(tmp_path)
    os.close(os.open(f"{kept}.1", os.O_CREAT))
    created(tmp_path)
    assert cleared(tmp_path, [kept]) == {os.path.basename(kept), f"{os.path.basename(kept)}.1"}


def test_supervisord_does_not_remove_procmans_auto_logs(tmp_path):
    """A supervisord with the same identifier starts, and the log stays."""
    path = created(tmp_path, owner=Owner("0123abcd", "supervisor"))
    of_supervisord = tmp_path / "web-stdout---supervisor-abcdefgh.log"
    of_supervisord.touch()
    options = ServerOptions()
    options.childlogdir, options.identifier = str(tmp_path), "supervisor"
    options.clear_autochildlogdir()
    assert os.listdir(tmp_path) == [os.path.basename(path)]


def test_an_unreadable_childlogdir_is_reported_once(tmp_path):
    """The master starts all the same."""
    said = []
    clear_auto_logs(str(tmp_path / "none"), OURS, said.append)
    assert len(said) == 1
    assert "No such file or directory" in said[0]


def test_files_that_cannot_be_removed_are_reported_together(tmp_path, monkeypatch):
    """A read-only directory with a thousand old logs gives one message."""
    for _ in range(3):
        created(tmp_path)

    def refuse(path, **_):
        raise OSError(30, "Read-only file system", path)

    monkeypatch.setattr(os, "unlink", refuse)
    said = []
    clear_auto_logs(str(tmp_path), OURS, said.append)
    assert len(said) == 1
    assert "(Read-only file system) and 2 more" in said[0]
