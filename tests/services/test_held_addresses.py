"""What a holder of an address is to the programs of a master."""

import os

import pytest

from procman.core.events import Spawned, StartRequested
from procman.core.fleet import Fleet
from procman.runtime.process_trees import Trees
from procman.services.held_addresses import HeldAddresses, Relation
from procman.system.address_holders import Holder, Holders, TcpPort, UnixPath
from procman.system.proc import identify
from tests.support.programs import group

PORT = TcpPort(8080)
PID = 2**22 + 7  # of no process


class Story:
    """A fleet with one process, `web`, whose run has a tag."""

    def __init__(self) -> None:
        self.fleet = Fleet((group("web", autostart=False), group("app", autostart=False)))
        self.trees = Trees("supervisor", adopts=False)
        self.fleet.handle(StartRequested("web"), 0)
        self.fleet.handle(Spawned("web", PID), 0)
        self.tag = self.trees.tag("web", 4)
        self.trees.started("web", identify(os.getpid()), self.tag, whole=False)
        self.held = HeldAddresses(self.fleet, self.trees)

    def says(self, asking: str = "app", pid: int = 9, tag: str | None = None, ancestors: tuple[int, ...] = (), **more):
        """Of one holder."""
        holder = Holder(pid, "python app.py", 1000, tag, ancestors, more.get("others", 0))
        return self.held.say(Holders(PORT, (holder,)), asking)


@pytest.fixture
def story():
    return Story()


def test_another_program_of_the_same_master_is_named(story):
    """By its pid, by an ancestor of the holder, or by the tag of its present run."""
    for found in (story.says(pid=PID), story.says(ancestors=(5, PID)), story.says(tag=story.tag)):
        assert (found.by[0].relation, found.by[0].name) == (Relation.PROGRAM, "web")
        assert "of the program web: give one of the two another address" in found.sentence


def test_a_leftover_of_an_earlier_run_is_named_with_its_number(story):
    """By its tag; the run before the present one, say."""
    found = story.says(asking="web", tag=story.trees.tag("web", 3))
    assert (found.by[0].relation, found.by[0].name, found.by[0].run) == (Relation.LEFTOVER, "web", 3)
    assert found.sentence == (
        "port 8080 is held by pid 9 (python app.py), of user 1000, a leftover of run 3 of web: "
        "kill 9, and set leftovers=stop for web"
    )


def test_a_leftover_of_another_master_has_no_number(story):
    """That of a master that was killed, or of one before runs were in the tags."""
    for tag in ("supervisor/web/77777777.1f.3.00ff00ff00ff00ff.2", "supervisor/web/1.1f.3.00ff00ff00ff00ff"):
        found = story.says(tag=tag)
        assert (found.by[0].relation, found.by[0].run) == (Relation.LEFTOVER, None)
        assert "a leftover of an earlier run of web" in found.sentence


def test_its_own_run_and_the_master_itself_are_told_from_others(story):
    """A program that listens twice, and a port that procman's own server has."""
    assert story.says(asking="web", pid=PID).by[0].relation is Relation.OWN
    itself = story.says(pid=os.getpid())
    assert itself.by[0].relation is Relation.ITSELF
    assert itself.sentence.startswith("port 8080 is held by procman itself")


@pytest.mark.parametrize("tag", [None, "other/web/1.2.3", "supervisor//1.2.3.4", "nonsense"])
def test_a_process_of_no_program_is_foreign(story, tag):
    """Without a tag, or with that of another master."""
    found = story.says(tag=tag, others=3)
    assert found.by[0].relation is Relation.FOREIGN
    assert found.sentence.startswith("port 8080 is held by pid 9 and 3 more (python app.py), of user 1000, which is no")


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (Holders(PORT, (), (33,)), "port 8080 is held by a process of user 33 that cannot be seen from here"),
        (Holders(PORT, (), closing=1234), "but 1,234 connections of an earlier one are not over yet (TIME_WAIT)"),
        (
            Holders(UnixPath("/run/a"), (), stale_file=True),
            "no process listens on socket /run/a: the file is left over",
        ),
        (Holders(PORT, ()), ""),
    ],
)
def test_an_address_without_a_process_is_explained(story, found, words):
    """As far as anything is known of it."""
    assert words in story.held.say(found).sentence


def test_a_secret_in_the_command_of_a_holder_is_hidden(story):
    """It may be a process of another user, and anyone who may look at the status reads the sentence."""
    holder = Holder(9, "app --password hunter2 --port 8080", 1000, None, (), 0)
    sentence = story.held.say(Holders(PORT, (holder,))).sentence
    assert "(app --password ******** --port 8080)" in sentence
