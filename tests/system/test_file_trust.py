"""Which files and folders are trusted, by their owner and mode alone."""

import os
import stat

import pytest

from procman.system import file_trust
from procman.system.file_trust import is_kept, is_open_to_others, is_own_folder, is_trusted_folder, trusted_users

ROOT = frozenset({0})
STICKY = stat.S_ISVTX


def found(mode, uid=0, gid=0):
    """What stat says of a file."""
    return os.stat_result((mode, 0, 0, 1, uid, gid, 0, 0, 0, 0))


@pytest.mark.parametrize(
    ("mode", "uid", "gid", "is_open"),
    [
        (0o644, 0, 0, False),
        (0o644, 1000, 0, True),
        (0o664, 0, 1000, True),
        (0o664, 0, 0, False),
        (0o646, 0, 0, True),
    ],
    ids=["root's", "of another user", "of a group", "of root's group", "of everyone"],
)
def test_others_may_write_it_as_its_owner_its_group_or_as_everyone(mode, uid, gid, is_open):
    """Root's own group has no other members, as in images for any user."""
    assert is_open_to_others(found(mode, uid, gid), ROOT) is is_open


@pytest.mark.parametrize(
    ("above", "below", "kept"),
    [
        (found(0o777 | STICKY), found(0o755), True),
        (found(0o777), found(0o755), False),
        (found(0o777 | STICKY, uid=1000), found(0o755), False),
        (found(0o777 | STICKY), found(0o755, uid=1000), False),
    ],
    ids=["trusted", "not sticky", "a folder of another user", "an entry of another user"],
)
def test_an_entry_of_a_sticky_folder_is_kept_where_both_are_trusted(above, below, kept):
    """The owner of the folder, and that of the entry, may replace it."""
    assert is_kept(above, below, ROOT) is kept


@pytest.mark.parametrize(("mode", "is_own"), [(0o700, True), (0o755, True), (0o770, False), (0o702, False)])
def test_an_own_folder_is_one_that_no_other_user_may_write_in(tmp_path, mode, is_own):
    """Only write access of other users counts, not read access."""
    folder = tmp_path / "folder"
    folder.mkdir()
    folder.chmod(mode)
    assert is_own_folder(str(folder)) is is_own
    assert is_own_folder(str(tmp_path / "none")) is False


def test_a_link_is_no_own_folder(tmp_path):
    """It may lead elsewhere a moment later."""
    (tmp_path / "link").symlink_to(tmp_path)
    assert is_own_folder(str(tmp_path / "link")) is False


def test_a_folder_of_another_user_is_not_trusted(tmp_path, monkeypatch):
    """Unless it is root's, or that of the user who runs the container."""
    assert is_trusted_folder(str(tmp_path))
    assert not is_trusted_folder(str(tmp_path / "none"))
    monkeypatch.setattr(file_trust, "trusted_owners", frozenset)
    assert not is_trusted_folder(str(tmp_path))


@pytest.mark.parametrize(
    ("euid", "sudo", "trusted"),
    [(0, "1000", {0, 1000}), (0, "", {0}), (0, "x", {0}), (54321, "1000", {0, 54321})],
)
def test_the_user_that_has_become_root_by_sudo_is_trusted(monkeypatch, euid, sudo, trusted):
    """Any other user could set that variable, too."""
    monkeypatch.setattr(os, "geteuid", lambda: euid)
    monkeypatch.setenv("SUDO_UID", sudo)
    assert trusted_users() == trusted
