"""A folder of reports: whole files, for their owner alone, in a folder that nobody else may write."""

import os
import stat

import pytest

from procman.system.report_folder import LARGEST, list_reports, read_report, remove_report, write_report


def test_a_report_is_written_for_its_owner_alone(tmp_path):
    """The folder is made, and a second write replaces the file."""
    folder = str(tmp_path / "reports")
    write_report(folder, "1.json", b"one")
    write_report(folder, "1.json", b"two")
    assert read_report(folder, "1.json") == b"two"
    assert stat.S_IMODE(os.stat(f"{folder}/1.json").st_mode) == 0o600
    assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700
    assert list_reports(folder) == [("1.json", 3)]
    remove_report(folder, "1.json")
    remove_report(folder, "1.json")
    assert list_reports(folder) == []
    assert read_report(folder, "1.json") is None


def test_what_a_killed_master_has_left_half_written_is_replaced(tmp_path):
    """Its temporary file is none of the reports."""
    (tmp_path / ".1.json.tmp").write_bytes(b"ha")
    tmp_path.chmod(0o700)
    assert list_reports(str(tmp_path)) == []
    write_report(str(tmp_path), "1.json", b"whole")
    assert os.listdir(tmp_path) == ["1.json"]


def test_a_folder_that_others_may_write_is_not_used(tmp_path):
    """They could put links in the place of files."""
    tmp_path.chmod(0o777)
    with pytest.raises(PermissionError, match="other users may write to it"):
        write_report(str(tmp_path), "1.json", b"x")
    with pytest.raises(PermissionError):
        read_report(str(tmp_path), "1.json")


def test_only_files_of_a_sensible_size_are_read(tmp_path):
    """No link, no pipe, and nothing that others may write."""
    tmp_path.chmod(0o700)
    (tmp_path / "large.json").write_bytes(b"x" * (LARGEST + 1))
    (tmp_path / "open.json").write_bytes(b"x")
    (tmp_path / "open.json").chmod(0o666)
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "target").write_bytes(b"secret")
    (tmp_path / "link.json").symlink_to(tmp_path / "target")
    assert [name for name, _ in list_reports(str(tmp_path))] == ["large.json", "open.json"]
    for name in ("large.json", "open.json", "pipe.json"):
        assert read_report(str(tmp_path), name) is None
    with pytest.raises(OSError):
        read_report(str(tmp_path), "link.json")


def test_a_folder_that_is_not_there_has_no_reports(tmp_path):
    """It is an error to read one from it."""
    assert list_reports(str(tmp_path / "gone")) == []
    with pytest.raises(FileNotFoundError):
        write_report(str(tmp_path / "gone" / "deeper"), "1.json", b"x")
