"""The judgement: who may do what with which program."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from procman.access.rights import Rights, Verdict
from procman.access.roles import (
    ADMIN_FLEET,
    ANYONE,
    CONFIGURE_FLEET,
    LOGS,
    LOGS_FLEET,
    METRICS,
    OPERATE,
    READ,
    READ_FLEET,
    ROLES,
    Needs,
    Scope,
    reaches,
)
from procman.access.rules import Door, Grant, Identity, Rules, Section
from procman.services.selectors import names_it

OWNERS = {"web": 1000, "db": 70, "pool:one": 1000}
NAMES = ["web", "db", "pool:one", "pool:two", "absent"]


def rules(*sections: Section) -> Rules:
    made = Rules(names_it, OWNERS.get, lambda uid: uid in OWNERS.values())
    made.replace(sections)
    return made


def section(role="operate", programs=("*",), *, logs=None, name="x", **whom) -> Section:
    shows = reaches(role, "operate") if logs is None else logs
    grant = Grant(source=f"[access:{name}]", role=role, programs=programs, logs=shows)
    return Section(grant=grant, **{key: frozenset(value) for key, value in whom.items()})


def rights(identity: Identity, *sections: Section, **door: str) -> Rights:
    return Rights(identity, rules(*sections), Door(**door))


DEPLOY = Identity(uid=1001, gids=frozenset({1001, 50}))


@pytest.mark.parametrize(
    ("whom", "identity"),
    [
        ({"uids": {1001}}, DEPLOY),
        ({"gids": {50}}, DEPLOY),
        ({"digests": {"ab"}}, Identity(digest="ab")),
        ({"digests": {"ab"}}, Identity(uid=7, digest="ab")),
    ],
)
def test_a_section_is_about_users_groups_and_tokens(whom, identity):
    """Each of them makes a client have the role of the section."""
    assert rights(identity, section(**whom)).role == "operate"
    others = Identity(uid=9, gids=frozenset({9}), digest="cd")
    assert rights(others, section(**whom)).role == "none"
    assert rights(Identity(), section(**whom)).role == "none"


def test_rights_of_several_sections_add_up():
    """A client has the highest role that a section gives it for a program, and logs if one of them shows them."""
    sections = (
        section("read", uids={1001}),
        section("operate", ("web",), uids={1001}, logs=False),
        section("read", ("pool:*",), gids={50}, logs=True),
    )
    mine = rights(DEPLOY, *sections)
    assert {name: mine.role_for(name) for name in NAMES} == {
        "web": ("operate", False),
        "db": ("read", False),
        "pool:one": ("read", True),
        "pool:two": ("read", True),
        "absent": ("read", False),
    }
    assert mine.role == "operate"
    assert mine.reads_all
    assert not mine.is_full


def test_there_are_three_verdicts():
    """What is seen and may not be used is denied; what is not seen is hidden, whether or not it exists."""
    mine = rights(DEPLOY, section("operate", ("web",), uids={1001}), section("read", ("db",), uids={1001}))
    assert mine.judge(OPERATE, "web") is Verdict.ALLOWED
    assert mine.judge(OPERATE, "db") is Verdict.DENIED
    assert mine.judge(LOGS, "db") is Verdict.DENIED
    assert mine.judge(OPERATE, "pool:one") is mine.judge(OPERATE, "absent") is Verdict.HIDDEN


def test_the_role_metrics_sees_no_program():
    """It may ask for metrics of its programs, and for nothing else."""
    mine = rights(DEPLOY, section("metrics", ("web",), uids={1001}))
    assert mine.refusal(METRICS) is None
    assert mine.permits(METRICS, "web")
    assert not mine.permits(METRICS, "db")
    assert mine.refusal(READ)
    assert mine.judge(READ, "web") is Verdict.HIDDEN
    assert not mine.sees("web")


def test_logs_of_a_section_without_the_role_read_count_for_nothing():
    """The right to logs does not pass to another section of the same client."""
    mine = rights(DEPLOY, section("metrics", uids={1001}, logs=True), section("read", uids={1001}))
    assert mine.permits(READ, "web")
    assert not mine.permits(LOGS, "web")


def test_what_is_about_the_master_takes_the_role_for_all_programs():
    """A role for some programs is none for the master."""
    some = rights(DEPLOY, section("admin", ("web",), uids={1001}))
    every = rights(DEPLOY, section("admin", ("*",), uids={1001}))
    for needs in (READ_FLEET, LOGS_FLEET, CONFIGURE_FLEET, ADMIN_FLEET):
        assert some.refusal(needs)
        assert every.refusal(needs) is None
    assert not some.is_full
    assert every.is_full


def test_the_default_role_is_of_local_users_that_no_section_names():
    """It is not for clients over TCP, nor for those that a section gives less."""
    named = section("none", uids={1001})
    assert rights(Identity(uid=7), named, default_role="read").role == "read"
    assert rights(DEPLOY, named, default_role="read").role == "none"
    assert rights(Identity(), named, default_role="read").role == "none"


def test_the_user_of_a_program_owns_it():
    """With owner_role, a program's user has that role for it, and does not see the others."""
    mine = rights(Identity(uid=1000), owner_role="operate")
    assert [name for name in NAMES if mine.permits(OPERATE, name)] == ["web", "pool:one"]
    assert mine.judge(READ, "db") is Verdict.HIDDEN
    assert mine.refusal(OPERATE) is None
    assert mine.refusal(LOGS) is None
    assert mine.refusal(CONFIGURE_FLEET)
    assert rights(Identity(uid=5), owner_role="operate").refusal(READ)


def test_a_change_of_the_sections_counts_at_once():
    """The same rights are judged by the sections as they are now, and say that these have changed."""
    made = rules(section("operate", ("web",), uids={1001}))
    mine = Rights(DEPLOY, made, Door())
    assert mine.permits(OPERATE, "web")
    mine.remember(OPERATE, ["web"])
    assert mine.still_allowed()
    assert not mine.has_changed
    made.replace(())
    assert mine.has_changed
    assert not mine.still_allowed()
    assert mine.role == "none"
    mine.settle()
    assert not mine.has_changed


def test_a_refusal_names_what_it_takes_and_what_there_is():
    """The words for a refusal have the role that is needed, and that of the client."""
    mine = rights(DEPLOY, section("read", ("web",), uids={1001}))
    assert mine.refusal(ADMIN_FLEET).startswith("it takes the role admin of all programs, and yours is read: ")
    assert mine.deny(OPERATE, "web").startswith("it takes the role operate of web, and yours is read")
    assert mine.deny(LOGS, "web").startswith("it needs the right to read the logs of web, which you do not have")
    assert mine.refusal(READ_FLEET).startswith(
        "it takes the role read of all programs, and yours is for other programs"
    )


sections = st.builds(
    section,
    st.sampled_from(ROLES),
    st.lists(st.sampled_from(["*", "web", "pool:*", "p*", "db"]), min_size=1, max_size=2).map(tuple),
    logs=st.sampled_from([None, False, True]),
    uids=st.sets(st.sampled_from([1000, 1001])),
    gids=st.sets(st.sampled_from([50, 51])),
    digests=st.sets(st.sampled_from(["ab", "cd"])),
)
identities = st.builds(
    Identity,
    uid=st.sampled_from([None, 1000, 1001, 7]),
    gids=st.frozensets(st.sampled_from([50, 7])),
    digest=st.sampled_from(["", "ab"]),
)
doors = st.builds(Door, default_role=st.just("none"), owner_role=st.sampled_from(ROLES))
needed = st.builds(Needs, st.sampled_from(ROLES), st.sampled_from(Scope), st.booleans())


questions = st.tuples(needed, st.sampled_from(NAMES))


@given(st.lists(sections, max_size=4), sections, identities, doors, questions)
def test_one_more_section_takes_nothing_away(there, more, identity, door, question):
    """Sections only give."""
    needs, name = question
    before = Rights(identity, rules(*there), door)
    after = Rights(identity, rules(*there, more), door)
    assert after.permits(needs, name) >= before.permits(needs, name)
    assert (after.refusal(needs) is None) >= (before.refusal(needs) is None)


@given(st.lists(sections, max_size=4), identities, doors, needed, st.sampled_from(NAMES))
def test_what_is_allowed_is_allowed_by_the_door(there, identity, door, needs, name):
    """Whoever may do something with one program gets past the router; and who is refused there may do it with none."""
    mine = Rights(identity, rules(*there), door)
    some = needs._replace(scope=Scope.SOME)
    if mine.permits(some, name) and needs.role != "none" and name != "absent":
        assert mine.refusal(some) is None
    if mine.is_for_all(needs):
        assert mine.permits(needs, name)
    if mine.judge(needs, name) is Verdict.DENIED:
        assert mine.sees(name)
    assert mine.refusal(ANYONE) is None
