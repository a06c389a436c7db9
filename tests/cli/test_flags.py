"""Flags are read as getopt reads them."""

from getopt import GetoptError, getopt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from procman.cli.durations import seconds_of
from procman.cli.flags import Flag, read, read_behind
from procman.errors import BadRequest

FLAGS = (
    Flag("file", "-c --configuration", "", metavar="FILE"),
    Flag("user", "-u --user", "", metavar="USER"),
    Flag("umask", "-m --umask", "", metavar="UMASK"),
    Flag("also", "-a --all", "", hidden="--also -?"),
    Flag("long", "--long", ""),
)
WORDS = ["-c", "-cx", "-ac", "-aa", "-u=", "-?", "-", "--", "--c", "--conf=x", "--configuration", "--al", "--u"]
WORDS += ["--um=", "-x", "--all", "--all=x", "--long", "--lon=", "--nothing", "--=x", "web", "", "--c=--a", "-m-c"]


def by_getopt(argv):
    """The flags by the first of their names, and the words; or the message."""
    try:
        options, words = getopt(argv, "c:u:m:a?", ["configuration=", "user=", "umask=", "all", "also", "long"])
    except GetoptError as error:
        return str(error)
    return options, words


def by_procman(argv):
    try:
        return read(FLAGS, argv)
    except BadRequest as error:
        return str(error)


@given(st.lists(st.sampled_from(WORDS), max_size=5))
def test_the_rules_and_the_messages_are_those_of_getopt(argv):
    """But one flag takes one value only, which getopt leaves to its caller."""
    expected = by_getopt(argv)
    found = by_procman(argv)
    if isinstance(found, str):
        assert found == expected or found.startswith("conflicting command line option")
        return
    given_flags, words = found
    keys = {name: flag for flag in FLAGS for name in (*flag.names, *flag.hidden)}
    options, rest = expected
    assert given_flags == {keys[name].key: value if keys[name].metavar else "true" for name, value in options}
    assert words == rest


def test_two_values_for_one_flag_are_refused():
    """It would be a guess which of them is meant."""
    with pytest.raises(BadRequest, match="conflicting command line option '--user'"):
        read(FLAGS, ["-u", "me", "--user", "you"])


def test_flags_may_stand_behind_a_word():
    """What -- makes a word stays one."""
    given_flags = {"user": "me", "words": "a\0--long\0b\0-c\0x\0--\0-d"}
    assert read_behind(FLAGS, given_flags) == ({"user": "me", "long": "true", "file": "x"}, ["a", "b", "-d"])


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30", 30), ("1.5m", 90), ("250MS", 0.25), (" 2h ", 7200), ("1d", 86400), ("0", 0)]
    + [(text, None) for text in ("", "m", "soon", "-1s", "1e5", "inf", "nan", "5mm", "1.2.3s", ".", "٣s", "1" * 16)],
)
def test_a_duration_is_a_number_with_a_unit(text, seconds):
    """Seconds need no unit; what only Python takes for a number is none."""
    assert seconds_of(text) == seconds
