"""How clients name processes."""

import pytest

from procman.core.fleet import Fleet
from procman.errors import UnknownProcess
from procman.services.selectors import Selectors, is_plain, split_namespec
from tests.support.programs import group, program

SELECTORS = Selectors(
    Fleet((group("web", priority=2), group("pool", program("a", "pool"), program("b", "pool"), priority=1)))
)


@pytest.mark.parametrize(
    ("namespec", "parts"),
    [
        ("web", ("web", "web")),
        ("pool:a", ("pool", "a")),
        ("pool:*", ("pool", None)),
        ("pool:", ("pool", None)),
    ],
)
def test_a_namespec_has_a_group_and_a_name(namespec, parts):
    assert split_namespec(namespec) == parts


@pytest.mark.parametrize(
    ("spec", "names"),
    [
        ("all", ["pool:a", "pool:b", "web"]),
        ("web", ["web"]),
        ("web:web", ["web"]),
        ("pool:*", ["pool:a", "pool:b"]),
        ("pool", []),
        ("*:a", ["pool:a"]),
        ("w?b", ["web"]),
        ("x*", []),
    ],
)
def test_a_spec_names_processes_in_the_order_in_which_they_start(spec, names):
    assert [process.name for process in SELECTORS.matching(spec)] == names


def test_only_a_plain_name_names_one():
    assert SELECTORS.one("pool:a").name == "pool:a"
    for spec in ("pool", "pool:*", "nobody"):
        with pytest.raises(UnknownProcess):
            SELECTORS.one(spec)


def test_globs_groups_and_all_are_not_plain():
    assert [spec for spec in ("web", "pool:a", "all", "pool:*", "w*") if is_plain(spec)] == ["web", "pool:a"]


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("pool", "no such process: pool is a group, and pool:* names what is in it"),
        ("nobody", "no such process or group: nobody"),
        ("pool:c", "no such process or group: pool:c"),
    ],
)
def test_a_group_without_its_star_is_said_to_be_one(spec, words):
    """It exists, so it would be untrue that there is no such group."""
    assert str(SELECTORS.unknown(spec)) == words


def test_a_group_that_may_not_be_seen_is_not_given_away():
    """Who may use none of its processes is told the same as if there were none."""
    assert str(SELECTORS.among(lambda name: name == "web").unknown("pool")) == "no such process or group: pool"
