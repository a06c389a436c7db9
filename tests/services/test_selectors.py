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
