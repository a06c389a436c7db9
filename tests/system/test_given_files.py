"""The files that programs are given secrets from are read with care, and copies of them go with the run."""

import os
import stat

import pytest

from procman.system import given_files
from procman.system.given_files import LARGEST, CannotRead, CredentialFolders, files_in, read_given, remove_folder

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="is about what root does")
OTHER = 65534


def refusal(path, *, refuse=True):
    with pytest.raises(CannotRead) as error:
        read_given(str(path), refuse=refuse)
    assert str(error.value).startswith(f"{path}: ")
    return str(error.value)


def test_what_is_no_readable_file_is_refused_and_nothing_waits(tmp_path):
    """A FIFO without a writer, a folder, a device, a file of more than 256 KiB, none at all."""
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "large").write_bytes(b"x" * (LARGEST + 1))
    (tmp_path / "most").write_bytes(b"x" * LARGEST)
    assert "it is no file" in refusal(tmp_path / "fifo", refuse=False)
    assert "it is no file" in refusal(tmp_path, refuse=False)
    assert "it is no file" in refusal("/dev/null", refuse=False)
    assert "larger than 256 KiB" in refusal(tmp_path / "large", refuse=False)
    assert "there is no such file" in refusal(tmp_path / "none", refuse=False)
    assert len(read_given(str(tmp_path / "most"), refuse=False)) == LARGEST


@needs_root
@pytest.mark.root
def test_root_refuses_what_others_may_write(tmp_path):
    """By the rule that configurations are read by, which says how to mend it; unless that was allowed."""
    file = tmp_path / "app.env"
    file.write_text("A=1")
    file.chmod(0o666)
    assert f"everybody may write it: chmod go-w {file}" in refusal(file)
    assert read_given(str(file), refuse=False) == b"A=1"
    file.chmod(0o400)
    tmp_path.chmod(0o777)
    assert "may put another file in its place" in refusal(file)
    tmp_path.chmod(0o755)
    assert read_given(str(file), refuse=True) == b"A=1"


@needs_root
@pytest.mark.root
@pytest.mark.parametrize("make", [os.symlink, os.link])
def test_root_follows_no_link_of_a_user_who_owns_the_folder(tmp_path, make):
    """Else the user of a program could have root hand out /etc/shadow."""
    (tmp_path / "shadow").write_text("root's")
    (tmp_path / "shadow").chmod(0o600)
    folder = tmp_path / "app"
    folder.mkdir()
    make(tmp_path / "shadow", folder / ".env")
    os.chown(folder, OTHER, OTHER)
    assert "directory that others may write" in refusal(folder / ".env")


@needs_root
@pytest.mark.root
def test_a_link_that_is_planted_between_the_check_and_the_open_is_not_followed(tmp_path, monkeypatch):
    """The open itself is safe, whatever was there a moment before."""
    (tmp_path / "shadow").write_text("root's")
    folder = tmp_path / "app"
    folder.mkdir()
    file = folder / ".env"
    file.write_text("A=1")
    os.chown(folder, OTHER, OTHER)
    os.chown(file, OTHER, OTHER)
    assert read_given(str(file), refuse=True) == b"A=1"
    check = given_files.exposure

    def plants(path):
        found = check(path)
        file.unlink()
        file.symlink_to(tmp_path / "shadow")
        return found

    monkeypatch.setattr(given_files, "exposure", plants)
    assert "symbolic link" in refusal(file)


@pytest.fixture
def folders(monkeypatch, tmp_path):
    """Below a place of the test."""
    made = CredentialFolders("12345678")
    monkeypatch.setattr(made, "_places", lambda: [str(tmp_path / "base")])
    return made


def test_the_folder_of_a_run_has_copies_that_only_its_user_can_read(folders, tmp_path):
    """Whatever umask the master has inherited."""
    umask = os.umask(0o777)
    try:
        folder = folders.make("1.2", {"db": b"secret\n", "tls.key": b"\0\1"}, None)
    finally:
        os.umask(umask)
    assert folder == f"{tmp_path}/base/1.2"
    assert stat.S_IMODE(os.stat(folder).st_mode) == 0o500
    assert {stat.S_IMODE(os.stat(f"{folder}/{name}").st_mode) for name in os.listdir(folder)} == {0o400}
    assert files_in(folder) == {"db": b"secret\n", "tls.key": b"\0\1"}
    assert folders.find("1.2") == folder
    remove_folder(folder)
    assert not os.path.exists(folder)
    folders.close()
    assert not os.path.exists(tmp_path / "base")


@needs_root
@pytest.mark.root
def test_the_copies_belong_to_the_user_of_the_program(folders):
    """Who can pass through the folder above them, and not list it."""
    folder = folders.make("1.2", {"db": b"secret"}, (OTHER, OTHER))
    assert {os.stat(path).st_uid for path in (folder, f"{folder}/db")} == {OTHER}
    above = os.stat(os.path.dirname(folder))
    assert (above.st_uid, stat.S_IMODE(above.st_mode)) == (0, 0o711)


def test_removing_follows_nothing_that_the_user_has_put_there(folders, tmp_path):
    """What it has linked to stays."""
    (tmp_path / "precious").write_text("x")
    folder = folders.make("1.2", {"db": b"secret"}, None)
    os.chmod(folder, 0o700)
    os.symlink(tmp_path / "precious", f"{folder}/link")
    remove_folder(folder)
    assert not os.path.exists(folder)
    assert (tmp_path / "precious").exists()


def test_the_next_master_finds_what_was_left_but_for_the_runs_that_go_on(folders):
    """A killed master could not remove anything."""
    gone, goes_on = folders.make("1.1", {"db": b"a"}, None), folders.make("1.2", {"db": b"b"}, None)
    assert folders.left_behind(lambda run: run == "1.2") == [gone]
    assert goes_on != gone


def test_a_folder_of_others_is_not_used(folders, tmp_path):
    """They could read or replace what is put there."""
    (tmp_path / "base").mkdir()
    (tmp_path / "base").chmod(0o777)
    with pytest.raises(PermissionError):
        folders.make("1.2", {"db": b"secret"}, None)
    assert not os.listdir(tmp_path / "base")
    assert folders.left_behind(lambda _: False) == []
