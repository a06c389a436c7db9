"""The options of crash reports."""

import pytest

from procman.config.load import load, read
from procman.config.problems import ConfigError


def write(folder, options: str) -> str:
    path = folder / "procman.toml"
    path.write_text(f'[procman]\n{options}\n[program.web]\ncommand = "/bin/cat"\n')
    return str(path)


def test_fifty_reports_are_kept_in_memory_by_default(tmp_path):
    """No folder is written."""
    master = load(write(tmp_path, "")).master
    assert (master.reports, master.reports_dir) == (50, None)


@pytest.mark.parametrize("number", ["-1", "1001", '"many"'])
def test_their_number_is_bounded(tmp_path, number):
    """The error says what is expected."""
    with pytest.raises(ConfigError) as error:
        load(write(tmp_path, f"reports = {number}"))
    assert "expected a whole number from 0 to 1000" in str(error.value)


def test_the_folder_is_made_by_the_master(tmp_path, monkeypatch):
    """A relative path begins where the master was started."""
    monkeypatch.chdir(tmp_path)
    assert load(write(tmp_path, 'reports_dir = "reports"')).master.reports_dir == str(tmp_path / "reports")
    with pytest.raises(ConfigError) as error:
        load(write(tmp_path, 'reports_dir = ""'))
    assert "it is empty: name a directory, or leave it out" in str(error.value)


def test_a_place_that_is_not_there_is_told_by_check_and_does_not_prevent_the_start(tmp_path):
    """Programs are more important than their reports."""
    path = write(tmp_path, f'reports_dir = "{tmp_path}/no/reports"')
    assert load(path).master.reports_dir == f"{tmp_path}/no/reports"
    (problem,) = [one for one in read(path, places=True).problems if one.option == "reports_dir"]
    assert problem.severity == "warning"
    assert problem.message == (
        f"the directory '{tmp_path}/no' does not exist, so crash reports would be kept in memory only: make it, or "
        "name another"
    )
    (tmp_path / "no" / "reports").mkdir(parents=True)
    assert not [one for one in read(path, places=True).problems if one.option == "reports_dir"]
