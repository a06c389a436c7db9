"""The guesses of `procman` about words that it does not know."""

import pytest

from procman.cli.procman import main


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["chek"], "; did you mean check?"),
        (["exprot", "kubernetes"], "; did you mean export kubernetes?"),
        (["export", "kubernets"], "; did you mean kubernetes?"),
        (["web.conf"], "; did you mean -c web.conf?"),
        (["check", "web.conf"], "; did you mean -c web.conf?"),
        (["nowhere.toml"], "; a configuration is named with -c, and there is no file nowhere.toml"),
        (["start"], "; procman without a command starts the master, and procmanctl start NAME a program of it"),
        (["up"], "; procman without a command starts the master, and procmanctl start NAME a program of it"),
        (["start", "web"], "; did you mean procmanctl start web?"),
        (["restart", "a b"], "; did you mean procmanctl restart 'a b'?"),
        (["logs", "web"], "; did you mean procmanctl logs web?"),
        (["ps"], "; did you mean procmanctl status?"),
        (["shutdwn"], "; did you mean procmanctl shutdown?"),
        (["stop", "web"], "; did you mean procmanctl stop web?"),
        (["status", "all"], "; did you mean procmanctl status all?"),
        (["help"], "; did you mean -h?"),
        (["version"], "; did you mean --version?"),
        (["sleep", "100"], "; did you mean run -- sleep 100?"),
        (["check", "xyzzy"], ""),
        (["export", "nomad"], "; expected one of kubernetes, compose, systemd"),
        (["xyzzy"], ""),
    ],
)
def test_words_out_of_place_are_told_with_what_was_meant(words, meant, tmp_path, monkeypatch, capsys):
    """Misspelt commands and files without a flag are guessed; words that resemble nothing are not."""
    (tmp_path / "web.conf").touch()
    monkeypatch.chdir(tmp_path)
    assert main(words) == 2
    error = capsys.readouterr().err.splitlines()[0]
    assert error.startswith("Error: positional arguments are not supported: [")
    assert error.partition("]")[2] == meant


@pytest.mark.parametrize(
    "words", [["explain", "stopsignal"], ["completion", "bash"], ["import", "compose", "none.yaml"]]
)
def test_help_may_stand_behind_words(words, capsys):
    """So does everybody write it; it is no name, and no file."""
    assert main([*words, "--help"]) == 0
    assert f"Usage: procman {words[0]} " in capsys.readouterr().out
