"""The options of log rotation: both forms, defaults that depend on each other, and what cannot be."""

import sys

import pytest

from procman.config.load import read
from procman.config.resolve import log_rotation
from procman.config.schema import kinds

HEADS = {
    "conf": "[supervisord]\n[program:web]\ncommand=/bin/cat\nstdout_logfile=/tmp/web.log\n",
    "toml": '[procman]\n[program.web]\ncommand = "/bin/cat"\nstdout_logfile = "/tmp/web.log"\n',
}


def loaded(tmp_path, text: str, form: str = "conf"):
    path = tmp_path / f"p.{form}"
    path.write_text(HEADS[form] + text)
    return read(str(path))


def program_of(found):
    return found.config.groups[0].programs[0]


@pytest.mark.parametrize(
    ("form", "text"),
    [
        (
            "conf",
            (
                "stdout_logfile_rotate=daily@02:30\nstdout_logfile_compress=gzip\nstdout_logfile_max_age=30d\n"
                "stdout_logfile_max_total=1GB\nstdout_logfile_name=dated\n"
            ),
        ),
        (
            "toml",
            (
                'stdout_logfile_rotate = "daily@02:30"\nstdout_logfile_compress = "gzip"\n'
                'stdout_logfile_max_age = "30d"\n'
                'stdout_logfile_max_total = "1GB"\nstdout_logfile_name = "dated"\n'
            ),
        ),
    ],
)
def test_both_forms_say_the_same(tmp_path, form, text):
    """With an age or a total, these say how many files are kept, unless the file does."""
    program = program_of(loaded(tmp_path, text, form))
    assert program.stdout_logfile_rotate == ("daily", 150)
    assert (program.stdout_logfile_compress, program.stdout_logfile_name) == ("gzip", "dated")
    assert (program.stdout_logfile_max_age, program.stdout_logfile_max_total) == (30 * 86400, 1 << 30)
    assert program.stdout_logfile_backups == log_rotation.BACKUPS
    more = "stdout_logfile_backups=7\n" if form == "conf" else "stdout_logfile_backups = 7\n"
    assert program_of(loaded(tmp_path, text + more, form)).stdout_logfile_backups == 7


def test_a_file_without_them_is_as_it_was(tmp_path):
    """Rotated by its size, into numbers, ten of them."""
    program = program_of(loaded(tmp_path, ""))
    assert program.stdout_logfile_rotate == ("size", 0)
    assert (program.stdout_logfile_compress, program.stdout_logfile_name) == ("none", "numbered")
    assert (program.stdout_logfile_backups, program.stdout_logfile_max_age) == (10, None)


@pytest.mark.parametrize(
    ("kind", "text", "words"),
    [
        (kinds.ROTATE, "weekly", "did you mean daily?"),
        (kinds.ROTATE, "midnight", "did you mean daily@00:00?"),
        (kinds.ROTATE, "daily@24:00", "daily at a time such as daily@02:30"),
        (kinds.ROTATE, "hourly@00:30", "expected size, hourly, daily"),
        (kinds.COMPRESS, "gzp", "did you mean gzip?"),
        (kinds.AGE, "a week", "an age such as 36h, 30d or 8w, or none"),
        (kinds.AGE, "0", "an age such as"),
        (kinds.TOTAL, "0", "a size above 0"),
        (kinds.ROTATED_NAME, "date", "did you mean dated?"),
    ],
)
def test_what_cannot_be_read_is_told_with_what_can(kind, text, words):
    """Each mistake has its way out."""
    with pytest.raises(ValueError, match=r".") as error:
        kind.parse(text)
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (kinds.ROTATE, "daily@02:30"),
        (kinds.ROTATE, "hourly"),
        (kinds.AGE, "30d"),
        (kinds.AGE, "90m"),
        (kinds.AGE, "none"),
        (kinds.TOTAL, "500MB"),
        (kinds.TOTAL, "none"),
    ],
)
def test_a_value_is_shown_as_it_may_be_written(kind, text):
    """As `procmanctl config` shows it."""
    assert kind.show(kind.parse(text)) == text


@pytest.mark.parametrize(
    ("lines", "option", "words"),
    [
        (
            "stderr_logfile=NONE\nstderr_logfile_rotate=daily",
            "stderr_logfile_rotate",
            "nothing is rotated: take it out",
        ),
        ("redirect_stderr=true\nstderr_logfile_name=dated", "stderr_logfile_name", "is no file"),
        ("stdout_logfile_rotate=daily\nstdout_logfile_backups=0", "stdout_logfile_rotate", "nothing is kept: raise it"),
        ("stdout_logfile_max_total=60MB", "stdout_logfile_max_total", "raise it to 100MB at least"),
    ],
)
def test_what_has_no_effect_is_said(tmp_path, lines, option, words):
    """With the way out; the file is used all the same."""
    warned = [problem for problem in loaded(tmp_path, lines + "\n").config.warnings if problem.option == option]
    assert [words in problem.message for problem in warned] == [True]


def test_zstd_needs_its_library(tmp_path, monkeypatch):
    """Before anything is started, and with the command that installs it."""
    monkeypatch.setattr(log_rotation, "find_spec", lambda _: None)
    found = loaded(tmp_path, "stdout_logfile_compress=zstd\n")
    if sys.version_info < (3, 14):
        assert found.config is None
        (problem,) = [one for one in found.problems if one.option == "stdout_logfile_compress"]
        assert "pip install 'procman[zstd]', or write gzip" in problem.message
        assert problem.line == 5
