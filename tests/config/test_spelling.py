"""The matcher of misspelt names."""

import pytest

from procman.config.spelling import closest, did_you_mean


@pytest.mark.parametrize(
    ("word", "known", "meant"),
    [
        ("stratsecs", ["startsecs", "startretries"], "startsecs"),
        ("COMMAND", ["command"], "command"),
        ("comand", ["command", "comment"], "command"),
        ("nope", ["open"], None),
        ("ab", ["xy"], None),
    ],
)
def test_the_name_with_the_fewest_typing_errors_is_meant(word, known, meant):
    """One error is allowed for every three letters; upper and lower case are alike."""
    assert closest(word, known) == meant
    assert did_you_mean(word, known) == (f"; did you mean {meant}?" if meant else "")


def test_a_prefix_means_the_only_name_that_begins_with_it():
    """An ambiguous prefix, and one that was not asked for, mean nothing."""
    assert closest("shut", ["shutdown", "status"], prefixes=True) == "shutdown"
    assert closest("s", ["shutdown"], prefixes=True) is None
    assert closest("sta", ["status", "standby"], prefixes=True) is None
    assert closest("shut", ["shutdown", "status"]) is None


def test_a_number_is_no_slip():
    """worker_9 is not a misspelt worker_0."""
    assert closest("worker_9", ["worker_0", "worker_1"]) is None
    assert closest("woker_1", ["worker_0", "worker_1"]) == "worker_1"


def test_no_command_is_taken_for_another_of_nothing_in_common():
    """One letter, an empty word and a very long one are not guessed."""
    for word in ("", "x", "y" * 10000):
        assert closest(word, ["status", "x-ray"], prefixes=True) is None
