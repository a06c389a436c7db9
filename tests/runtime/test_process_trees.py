"""What comes of the processes of programs, looked at in one snapshot: real families, in a process apart."""

import os
import signal

from procman.core.actions import Kill
from procman.core.spec import Scope
from procman.runtime.process_trees import Trees
from procman.system.proc import identify
from procman.system.reaper import decode
from procman.system.tree import TAG
from tests.support.tree_fixtures import DAEMON, Member, has_ended, in_subreaper

CHILD = 'fork(lambda: stay("child"))\nstay("root")'


class Family:
    """One process that the trees know as `web`, and its members by name."""

    def __init__(self, code, *names, trees=None, name="web"):
        self.trees = trees or Trees(f"test{os.getpid()}", adopts=True)
        self.name = name
        tag = self.trees.tag(name)
        self.member = Member(code, environment={TAG: tag})
        self.pids = dict(zip(names, self.member.pids(*names), strict=True))
        self.trees.started(name, identify(self.member.pid), tag, whole=False)

    def end(self, *, minded):
        """Kill the root alone; who is left of it, if that is minded."""
        os.kill(self.member.pid, signal.SIGKILL)
        os.waitpid(self.member.pid, 0)
        return self.trees.process_ended([self.name], [self.name] if minded else [])


def term(name, pid):
    return Kill(name, pid, signal.SIGTERM, Scope.TREE)


def reap(pid):
    return decode(*os.waitpid(pid, 0))


def test_descendants_that_are_minded_are_waited_for():
    """Until the last of them has ended."""

    def steps():
        family = Family(CHILD, "root", "child")
        child = family.pids["child"]
        assert family.end(minded=True) == {"web": (child,)}
        assert family.trees.waits
        assert family.trees.emptied() == []
        os.kill(child, signal.SIGKILL)
        reap(child)
        assert family.trees.emptied() == ["web"]
        assert not family.trees.waits

    in_subreaper(steps)


def test_descendants_that_are_not_minded_are_reported_once():
    """Descendants that are not minded are reported, and not waited for."""

    def steps():
        family = Family(CHILD, "root", "child")
        assert family.end(minded=False) == {}
        assert not family.trees.waits
        assert family.trees.take_leftovers() == {"web": (family.pids["child"],)}
        assert family.trees.take_leftovers() == {}

    in_subreaper(steps)


def test_a_signal_reaches_the_members_and_not_the_process_itself():
    """It has had the signal by its pid; a daemon that left its session is a member."""

    def steps():
        family = Family(DAEMON + 'stay("root")', "root", "daemon")
        daemon = family.pids["daemon"]
        family.trees.observe("web")
        outcome = family.trees.signal([term("web", family.member.pid)])
        assert (outcome.refused, outcome.gone) == ({}, [])
        ended = family.trees.ends.reaped(reap(daemon))
        assert (ended.name, ended.pid, ended.how.signal) == ("web", daemon, signal.SIGTERM)
        assert not has_ended(family.member.pid)

    in_subreaper(steps)


def test_a_signal_to_what_is_left_reaches_it_where_it_was_kept_for_that():
    """`keep` says so; and it is not reported as left behind then."""

    def steps():
        family = Family(CHILD, "root", "child")
        family.end(minded=True)
        family.trees.keep("web", stop_later=True)
        assert not family.trees.left_is_gone("web")
        family.trees.signal([term("web", 0)])
        assert reap(family.pids["child"]).signal == signal.SIGTERM
        assert family.trees.take_leftovers() == {}
        assert family.trees.emptied() == ["web"]

    in_subreaper(steps)


def test_what_was_kept_may_end_by_itself():
    """Then nothing of it is left to be stopped."""

    def steps():
        family = Family(CHILD, "root", "child")
        family.end(minded=True)
        family.trees.keep("web", stop_later=True)
        os.kill(family.pids["child"], signal.SIGKILL)
        reap(family.pids["child"])
        assert family.trees.left_is_gone("web")
        assert not family.trees.left_is_gone("nothing")

    in_subreaper(steps)


def test_the_next_process_of_that_name_is_stopped_with_what_the_first_has_left():
    """It takes it over."""

    def steps():
        first = Family(CHILD, "root", "child")
        first.end(minded=True)
        first.trees.keep("web", stop_later=True)
        second = Family('stay("root")', "root", trees=first.trees)
        first.trees.signal([term("web", second.member.pid)])
        assert reap(first.pids["child"]).signal == signal.SIGTERM
        assert not has_ended(second.member.pid)

    in_subreaper(steps)


def test_an_order_to_nothing_says_that_it_has_gone():
    """So the process that is waited for can settle."""

    def steps():
        trees = Trees("test", adopts=True)
        assert trees.signal([term("web", 0)]).gone == ["web"]

    in_subreaper(steps)


def test_another_image_knows_them_again():
    """By plain data."""

    def steps():
        family = Family(CHILD, "root", "child")
        data = family.trees.snapshot()
        after = Trees(f"test{os.getpid()}", adopts=True)
        after.restore(data)
        assert after.snapshot() == data
        family.trees = after
        assert family.end(minded=True) == {"web": (family.pids["child"],)}

    in_subreaper(steps)


def test_what_remains_at_the_end_is_named_by_its_program():
    """By the tag that it carries, or an ancestor of it."""

    def steps():
        family = Family(DAEMON + 'stay("root")', "root", "daemon")
        remaining = {one.process.pid: one.of for one in family.trees.remaining()}
        assert remaining == {family.member.pid: "web", family.pids["daemon"]: "web"}

    in_subreaper(steps)
