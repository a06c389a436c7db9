"""The dialect of env files: that of python-dotenv, which is here beside, and of a shell where the two agree."""

import io
import itertools
import logging
import os
import subprocess

import dotenv
import pytest

from procman.system.env_file import BadEnvFile, Variables, read_env_file

# What a shell that sources the file reads in the same way.
AGREED = [
    *(
        "",
        "abc",
        "123",
        "a.b.c",
        "/usr/bin:/bin",
        "a=b",
        "user@host:5432/db?x=1",
        "a,b",
        "a-b",
        "%41",
        "[x]",
        "a^b",
        "a+b",
    ),
    *(
        "a#b",
        "a:~b",
        "{a}",
        "é",
        '"a b"',
        '"a\'b"',
        '"a#b"',
        '""',
        r'"a\"b"',
        r'"a\\b"',
        '"é"',
        "'a b'",
        "'a\"b'",
        "'a$b'",
    ),
    *("'a#b'", "''", r"'a\b'", "'a`b'", '"two\nlines"', "'two\nlines'", "'$HOME'", '"a;b|c&d"', '"tab\there"'),
]
# What only such files mean so: no $, no `, no \ outside of quotes, and blanks are part of a value.
OWN = [
    *(
        "a b",
        " abc",
        "a$HOME",
        '"$HOME"',
        r"'it\'s'",
        r"'a\\b'",
        "`date`",
        r"a\ b",
        "a;b",
        "a|b",
        "(a)",
        "~",
        "a'b",
        'a"b',
    ),
    *(
        r'"a\nb"',
        r'"a\tb"',
        r'"a\$b"',
        "$(date)",
        "#",
        "#abc",
        "a  #",
        "<a",
        "a&b",
        "*",
        '"a" # "b"',
        "a # b # c",
        "\ta",
    ),
]
BROKEN = ['"open', "'open", '"a" b', "'a' b", '"a"b', r'"a\"']
HEADS = ["K=", "export K=", "  K="]
LINES = [
    *(head + value + tail for head, value, tail in itertools.product(HEADS, AGREED, ("", " # note", "\r"))),
    *(head + value for head, value in itertools.product((*HEADS, "K = ", "'K'=", "export\tK="), (*OWN, *BROKEN))),
    *("# a comment", "", "   ", "K", "export K", "=value", "K L=1", "export", "export =1", "K#=1", "\ufeffK=1"),
]


def theirs(text):
    """What python-dotenv makes of it, None where it says that it cannot read something."""
    said = []
    handler = logging.Handler()
    handler.emit = said.append
    logger = logging.getLogger("dotenv.main")
    logger.addHandler(handler)
    try:
        found = dotenv.dotenv_values(stream=io.StringIO(text, newline=""), interpolate=False)
    finally:
        logger.removeHandler(handler)
    return None if said else {name: value for name, value in found.items() if value is not None}


def ours(text):
    try:
        return read_env_file(text.encode(), raw=False).values
    except BadEnvFile:
        return None


def test_two_hundred_lines_mean_what_they_mean_to_python_dotenv():
    """All forms of values, names, comments and line ends; and what one cannot read, the other cannot."""
    assert len(set(LINES)) > 200
    different = {line: (ours(line), theirs(line)) for line in LINES if ours(line) != theirs(line)}
    # Names with blanks in them no system could pass on as they look: dotenv takes what is before the blank, or fails.
    assert different == {}


def test_what_shells_read_too_means_the_same_to_them(tmp_path):
    """A file that is sourced with `set -a` elsewhere sets the same variables here."""
    lines = [head + value + tail for head, value, tail in itertools.product(HEADS, AGREED, ("", " # note"))]
    for number, line in enumerate(lines):
        (tmp_path / str(number)).write_text(f"{line}\n")
    script = 'for f in $(seq 0 "$1"); do (set -a; . "./$f"; printf "%s\\0" "$K"); done'
    found = subprocess.run(
        ["/bin/sh", "-c", script, "sh", str(len(lines) - 1)],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "HOME": "/h"},
        capture_output=True,
        check=True,
    )
    sh = found.stdout.decode().split("\0")[:-1]
    assert dict(zip(lines, sh, strict=True)) == {line: (ours(line) or {}).get("K") for line in lines}


def test_all_behind_the_first_equals_sign_is_a_raw_value():
    """Quotes, # and $ included, as docker's --env-file reads it."""
    content = b"\xef\xbb\xbfA='x' # y\r\n# note\n\n B = \"\nC=a=b\n"
    assert read_env_file(content, raw=True).values == {"A": "'x' # y", "B": ' "', "C": "a=b"}


@pytest.mark.parametrize(
    ("content", "raw", "line", "text"),
    [
        (b"A=1\n\n\nB='open\nC=2\n", False, 4, "expected NAME=VALUE, with a quote at the end"),
        (b'A=1\r\nB="x" secret\r\n', False, 2, "expected NAME=VALUE"),
        (b"A=1\nB=\0\n", False, 2, "NUL"),
        (b"A=1\nsecret\n", True, 2, "expected NAME=VALUE"),
        (b"=secret\n", True, 1, "the name before the = is empty"),
        (b"A B=secret\n", True, 1, "or has a blank in it"),
    ],
)
def test_what_cannot_be_read_is_told_by_its_line_alone(content, raw, line, text):
    """The line is not repeated: it may be a password."""
    with pytest.raises(BadEnvFile) as error:
        read_env_file(content, raw=raw)
    assert error.value.line == line
    assert text in str(error.value)
    assert "secret" not in str(error.value)


def test_the_last_of_equal_names_counts_and_is_told():
    """A name without a value is not set, as with python-dotenv, and is told, too."""
    found = read_env_file(b"A=1\nB=2\nexport C\n\nA=3\n", raw=False)
    assert found.values == {"A": "3", "B": "2"}
    assert [line for line, _ in found.doubts] == [3, 5]
    assert found.doubts[1][1] == "A stands in line 1, too; the last one counts"


def test_bytes_that_are_no_utf_8_stay_as_they_are():
    """A variable is bytes for the system."""
    found = read_env_file(b"A=\xff\xe9\n", raw=False)
    assert found == Variables({"A": "\udcff\udce9"})
    assert found.values["A"].encode("utf-8", "surrogateescape") == b"\xff\xe9"
