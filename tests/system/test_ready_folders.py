"""The folder for notification sockets: locked by its master, and removed by another one when that was killed."""

import os

import pytest

from procman.system import ready_channels
from procman.system.ready_channels import make_folder, remove_left_folders


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Where the folders are, without the right to write to /run."""
    monkeypatch.setattr(ready_channels, "_place", lambda: str(tmp_path))
    return tmp_path


def folders(place):
    return sorted(path.name for path in place.iterdir())


def test_the_folder_of_a_master_that_lives_stays(place):
    """All may enter it, and none may list it."""
    mine, lock = make_folder()
    other, others_lock = make_folder()
    assert len({mine, other}) == 2
    assert os.stat(mine).st_mode & 0o777 == 0o711
    remove_left_folders()
    assert len(folders(place)) == 2
    os.close(lock)
    os.close(others_lock)


def test_the_folder_of_a_killed_master_goes_with_its_sockets(place):
    """Its descriptor has gone with it, and so has the lock."""
    left, lock = make_folder()
    open(f"{left}/12-1", "w").close()
    os.close(lock)
    mine, lock = make_folder()
    assert folders(place) == [os.path.basename(mine)]
    os.close(lock)


def test_what_is_no_folder_of_ours_stays(place, tmp_path_factory):
    """Links are not followed, and what is not empty of folders is left as it is."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "kept").touch()
    (place / "procman-notify-link").symlink_to(elsewhere)
    (place / "procman-notify-file").touch()
    (place / "procman-notify-full" / "deep").mkdir(parents=True)
    (place / "other").mkdir()
    remove_left_folders()
    assert len(folders(place)) == 4
    assert (elsewhere / "kept").exists()


@pytest.mark.root
def test_the_folder_of_another_user_stays(place):
    """Root could remove it; whether that master lives is not known."""
    (place / "procman-notify-theirs").mkdir()
    os.chown(place / "procman-notify-theirs", 65534, 65534)
    remove_left_folders()
    assert folders(place) == ["procman-notify-theirs"]
