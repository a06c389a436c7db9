"""supervisord's flags in both: what one refuses the other refuses, with the same status."""

import io
import subprocess

import pytest

from procman.cli.procman import main
from tests.support.side_by_side import PROCMAN

options = pytest.importorskip("supervisor.options", reason="the oracle is not installed: pip install supervisor")

FILE = "[supervisord]\nlogfile=log\npidfile=pid\n"

# Said of the command line alone, in the same words.
BAD_USAGE = [
    ["-x"],
    ["--foo"],
    ["--log", "x"],  # the beginning of several
    ["extra"],
    ["-c"],
    ["-e"],
    ["--minprocs"],
    ["--nodaemon=1"],
    ["-e", "info", "-e", "debug"],
    ["-e", "info", "--loglevel", "debug"],
    ["-c", "a.conf", "-c", "b.conf"],
]
# Said of a value, in each one's own words.
BAD_VALUES = [
    ["-c", "/nonexistent"],
    ["-u", "nosuchuser"],
    ["-u", "4000123"],
    ["-m", "9"],
    ["-m", "abc"],
    ["-d", "/nonexistent"],
    ["-l", "/nonexistent/log"],
    ["-y", "12q"],
    ["-z", "x"],
    ["-zx"],
    ["-e", "loud"],
    ["--logl", "loud"],
    ["-j", "/nonexistent/pid"],
    ["-q", "/nonexistent"],
    ["-a", "x"],
    ["--minfds=x"],
    ["--minprocs", "x"],
]


def ended(arguments, folder) -> tuple[int, str]:
    ran = subprocess.run([*PROCMAN, *arguments], cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert ran.stdout == ""
    return ran.returncode, ran.stderr


def refused(arguments, folder, monkeypatch) -> tuple[int, str]:
    """The refusal of supervisord's own reader, run in this process."""
    said = io.StringIO()
    theirs = options.ServerOptions()
    theirs.stderr = said
    monkeypatch.chdir(folder)
    with pytest.raises(SystemExit) as ending:
        theirs.realize(arguments, doc="", progname="procman")
    return ending.value.code, said.getvalue()


@pytest.mark.parametrize("arguments", BAD_USAGE, ids=" ".join)
def test_bad_usage_is_refused_in_the_same_words(arguments, tmp_path, monkeypatch, capsys):
    """Bad usage has exit status 2 and the same line from both."""
    (tmp_path / "supervisord.conf").write_text(FILE)
    monkeypatch.setattr("procman.daemon.bootstrap.run", lambda *_: pytest.fail("it was not refused"))
    status = main(arguments)
    assert (status, capsys.readouterr().err) == refused(arguments, tmp_path, monkeypatch)


@pytest.mark.parametrize("arguments", BAD_VALUES, ids=" ".join)
def test_a_bad_value_is_refused_with_the_same_status(arguments, tmp_path, monkeypatch):
    """A bad value has the same exit status, and procman names option and value."""
    file = tmp_path / "supervisord.conf"
    file.write_text(FILE)
    words = arguments if "-c" in arguments else ["-c", str(file), *arguments]
    status, said = ended(words, tmp_path)
    assert status == refused(words, tmp_path, monkeypatch)[0] == 2
    value = arguments[-1].removeprefix("-z").removeprefix("--minfds=")
    assert value in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("word", ["-h", "-?", "--help"])
def test_help_names_every_flag_of_supervisord(word, capsys):
    """--help lists every flag of supervisord except --profile_options, on stdout, with exit status 0."""
    theirs = options.ServerOptions()
    known = {f"-{name.rstrip(':')}" for name in theirs.short_options} - {"-?"}
    known |= {f"--{name.rstrip('=')}" for name in theirs.long_options} - {"--profile_options"}
    assert main([word]) == 0
    assert known <= set(capsys.readouterr().out.replace(",", " ").split())
