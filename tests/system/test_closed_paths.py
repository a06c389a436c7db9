"""Which part of a path is in the way, by real files."""

import os
import tempfile
from pathlib import Path

import pytest

from procman.system.accounts import Account
from procman.system.closed_paths import Obstacle, may, where_blocked

NOBODY = Account(65534, 65534, [])


@pytest.fixture
def open_tmp():
    """A folder that all users may enter; each start of pytest closes its own for others."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)


def test_a_path_that_is_there_is_not_blocked(open_tmp):
    """A file, or a directory, also over a link."""
    (open_tmp / "file").touch()
    (open_tmp / "link").symlink_to("file")
    for name in ("file", "link", "."):
        assert where_blocked(str(open_tmp / name), NOBODY) is None


def test_the_first_part_that_is_missing_is_named(open_tmp):
    """Not the whole path."""
    blocked = where_blocked(str(open_tmp / "a/b/c"))
    assert blocked is not None
    assert (blocked.path, blocked.obstacle) == (str(open_tmp / "a"), Obstacle.MISSING)
    assert blocked.sentence == f"{open_tmp}/a does not exist"


def test_a_file_on_the_way_is_no_directory(open_tmp):
    """The kernel's ENOTDIR."""
    (open_tmp / "file").touch()
    blocked = where_blocked(str(open_tmp / "file/x"))
    assert blocked is not None
    assert blocked.sentence == f"{open_tmp}/file is not a directory"


@pytest.mark.parametrize(
    ("mode", "account", "is_closed"),
    [
        (0o700, NOBODY, True),
        (0o701, NOBODY, False),
        (0o704, NOBODY, True),
        (0o070, Account(65534, 0, []), False),
        (0o070, Account(65534, 1, [0]), False),
        (0o707, Account(65534, 1, [0]), True),
        (0o000, Account(0, 0, []), False),
    ],
)
@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="the owner of the directory has to be root")
def test_a_directory_without_x_for_the_user_is_named(open_tmp, mode, account, is_closed):
    """The owner's bits count for the owner, the group's for its members, and root enters everywhere."""
    (open_tmp / "data/deep").mkdir(parents=True)
    (open_tmp / "data/deep/run").touch()
    (open_tmp / "data").chmod(mode)
    blocked = where_blocked(str(open_tmp / "data/deep/run"), account)
    (open_tmp / "data").chmod(0o700)
    assert (blocked is not None) is is_closed
    if blocked is not None:
        assert (blocked.path, blocked.obstacle) == (str(open_tmp / "data"), Obstacle.CLOSED)
        assert f"user 65534 may not enter the directory {open_tmp}/data (d" in blocked.sentence


def test_a_link_to_nothing_is_followed_to_what_is_missing(open_tmp):
    """Also one behind another."""
    (open_tmp / "one").symlink_to("two")
    (open_tmp / "two").symlink_to("gone/file")
    blocked = where_blocked(str(open_tmp / "one"))
    assert blocked is not None
    assert blocked.obstacle is Obstacle.DANGLING
    two = f"{open_tmp}/two is a link to gone/file; {open_tmp}/gone does not exist"
    assert blocked.sentence == f"{open_tmp}/one is a link to two; {two}"


def test_links_in_a_circle_end(open_tmp):
    """The kernel's ELOOP."""
    (open_tmp / "a").symlink_to("b")
    (open_tmp / "b").symlink_to("a")
    blocked = where_blocked(str(open_tmp / "a/x"))
    assert blocked is not None
    assert blocked.obstacle is Obstacle.LOOP


def test_a_right_to_what_is_not_there_is_not_denied(tmp_path):
    """That is another trouble."""
    assert may(str(tmp_path / "gone"), os.X_OK, NOBODY)
