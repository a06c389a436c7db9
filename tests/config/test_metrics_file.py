"""The option metrics_file, in both forms."""

import os

import pytest

from procman.config.load import read


def problems(tmp_path, value, *, toml=False, places=False):
    """The configuration, and each complaint about the option."""
    if toml:
        path, text = tmp_path / "p.toml", f'[procman]\nmetrics_file = "{value}"\n[program.web]\ncommand = "sleep 1"\n'
    else:
        path, text = tmp_path / "p.conf", f"[supervisord]\nmetrics_file={value}\n[program:web]\ncommand=sleep 1\n"
    path.write_text(text)
    found = read(str(path), places=places)
    return found.config, [
        (problem.severity, problem.line, problem.message)
        for problem in found.problems
        if problem.option == "metrics_file"
    ]


@pytest.mark.parametrize("toml", [False, True])
def test_it_is_a_path_in_both_forms(tmp_path, toml):
    config, found = problems(tmp_path, f"{tmp_path}/out//x.prom", toml=toml)
    assert (config.master.metrics_file, found) == (f"{tmp_path}/out/x.prom", [])
    config, found = problems(tmp_path, "~/x.prom", toml=toml)
    assert config.master.metrics_file == os.path.expanduser("~/x.prom")


def test_there_is_none_by_default(tmp_path):
    path = tmp_path / "p.toml"
    path.write_text('[program.web]\ncommand = "sleep 1"\n')
    assert read(str(path)).config.master.metrics_file is None


def test_a_missing_directory_is_told_by_check_and_does_not_prevent_the_start(tmp_path):
    """Programs are more important than their metrics."""
    config, found = problems(tmp_path, f"{tmp_path}/no/x.prom", places=True)
    assert config is not None
    said = (
        f"the directory '{tmp_path}/no' does not exist, so the metrics would not be written: make it, or name another"
    )
    assert found == [("warning", 2, said)]
    assert problems(tmp_path, f"{tmp_path}/no/x.prom")[1] == []


def test_a_directory_in_its_place_is_told(tmp_path):
    _, found = problems(tmp_path, tmp_path, places=True)
    assert found == [
        ("warning", 2, f"{tmp_path} is a directory, so the metrics would not be written: name a file in it")
    ]


@pytest.mark.parametrize("toml", [False, True])
def test_an_empty_one_is_refused(tmp_path, toml):
    config, found = problems(tmp_path, "", toml=toml)
    assert config is None
    assert found == [("error", 2, "it is empty: name a file, or leave it out")]
