"""`procman` with words that it does not know."""

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
        (["stop", "web.conf"], ""),
        (["xyzzy"], ""),
    ],
)
def test_words_out_of_place_are_told_with_what_was_meant(words, meant, tmp_path, monkeypatch, capsys):
    """A command misspelt, a file without its flag; nothing is guessed where nothing is like it."""
    (tmp_path / "web.conf").touch()
    monkeypatch.chdir(tmp_path)
    assert main(words) == 2
    error = capsys.readouterr().err.splitlines()[0]
    assert error.startswith("Error: positional arguments are not supported: [")
    assert error.partition("]")[2] == meant
