"""Flags are read as getopt reads them."""

from getopt import GetoptError, getopt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from procman.cli.flags import Flag, read
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
