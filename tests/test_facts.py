"""A fact is what a frozen dataclass is to those who use it."""

from dataclasses import dataclass, field, replace

import pytest

from procman.facts import fact, mutable


@fact
class Fact:
    """One."""

    name: str
    number: int = 0
    origin: str = field(default="", compare=False)
    options: dict = field(default_factory=dict, hash=False)


@fact
class Other:
    """With the same fields."""

    name: str
    number: int = 0


@fact
class Nothing:
    """Without any."""


@dataclass(frozen=True, slots=True)
class Usual:
    name: str
    number: int = 0
    origin: str = field(default="", compare=False)
    options: dict = field(default_factory=dict, hash=False)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (("a",), ("a",)),
        (("a",), ("b",)),
        (("a", 1), ("a", 2)),
        (("a", 1, "here"), ("a", 1, "there")),
        (("a", 1, "", {"x": 1}), ("a", 1, "", {"x": 2})),
    ],
)
def test_facts_are_equal_where_a_dataclass_would_be(left, right):
    """By their fields, but for those that are not compared; and equal ones have one hash."""
    assert (Fact(*left) == Fact(*right)) == (Usual(*left) == Usual(*right))
    assert (hash(Fact(*left)) == hash(Fact(*right))) == (hash(Usual(*left)) == hash(Usual(*right)))


def test_facts_of_two_kinds_are_never_equal():
    """A stop that was asked for is no start, though both have a name."""
    assert Fact("a") != Other("a")
    assert Nothing() == Nothing()
    assert Nothing() != Other("a")


def test_a_fact_shows_itself_as_a_dataclass_does():
    """Fields by name."""
    assert repr(Fact("a", 1)) == repr(Usual("a", 1)).replace("Usual", "Fact")


def test_a_fact_can_be_replaced_and_matched():
    """As dataclasses.replace and the match statement have it."""
    match replace(Fact("a", 1), number=2):
        case Fact(name, 2):
            assert name == "a"
        case other:
            pytest.fail(repr(other))


def test_a_fact_has_no_other_attributes():
    """A misspelt one is an error."""
    with pytest.raises(AttributeError):
        Fact("a").nubmer = 1


def test_keywords_only_where_it_says_so():
    """So that a call reads well."""

    @fact(kw_only=True)
    class Named:
        """By names."""

        name: str

    assert Named(name="a").name == "a"
    with pytest.raises(TypeError):
        Named("a")


@mutable
class Changing:
    """As dataclass(slots=True)."""

    name: str
    names: list = field(default_factory=list)


def test_what_changes_is_equal_by_its_fields_and_has_no_hash():
    """It could be found no more where it was put."""
    one = Changing("a")
    one.name = "b"
    assert one == Changing("b")
    with pytest.raises(TypeError):
        hash(one)


@mutable
class Derived:
    """With a field that nobody gives it."""

    name: str
    shout: str = field(init=False)

    def __post_init__(self) -> None:
        self.shout = self.name.upper()


def test_what_is_not_given_it_sets_itself():
    """As dataclass has it: after all others, and what it is counts as much as they do."""
    one, other = Derived("a"), Derived("a")
    assert one.shout == "A"
    other.shout = "B"
    assert one != other
    with pytest.raises(TypeError):
        Derived("a", "A")


def test_each_has_a_default_of_its_own():
    """What one appends no other has; and what is given is taken, though it be empty."""
    one, names = Changing("a"), []
    one.names.append(1)
    assert Changing("a").names == []
    assert Changing("a", names).names is names


def test_fields_by_name_have_their_defaults_too():
    """And those that have none must be given."""

    @fact(kw_only=True)
    class Named:
        name: str
        number: int = 3

    assert Named(name="a") == Named(number=3, name="a")
    with pytest.raises(TypeError):
        Named("a")
    with pytest.raises(TypeError):
        Named(number=1)
