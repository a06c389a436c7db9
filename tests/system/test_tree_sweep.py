"""Signals that reach all members of a tree, whatever they do meanwhile; and the tags that they are known by."""

import os
import signal
from pathlib import Path

import pytest

from procman.system import tree as trees
from procman.system.proc import Unseen
from procman.system.tree import TAG, Sweep, Tags, Tree, look
from tests.support.forked import in_fork
from tests.support.tree_fixtures import DAEMON, family, has_ended, in_subreaper, now, pids_of, running

NOBODY = 65534

# ---- signals


def sweep(tree: Tree, number: int, rounds: int = trees.ROUNDS) -> list[list[int]]:
    """The pids that got it, round by round, until all of the tree have it."""
    one = Sweep(tree.members, number)
    done = []
    for _ in range(rounds):
        last = one.round(now())
        if last.settled:
            return done
        done.append(pids_of(last.signalled))
    raise AssertionError(f"not settled: {done}")


def test_everyone_gets_the_signal_once():
    """However many rounds there are."""

    def counted() -> bool:
        code = """
            count = 0
            def counting(*_):
                global count
                count += 1
            def ending(*_):
                say("counted", count)
                os._exit(0)
            signal.signal(signal.SIGUSR1, counting)
            signal.signal(signal.SIGUSR2, ending)
            for _ in range(3):
                fork(lambda: (os.setsid(), stay("child")))
            stay("root")
        """
        member, tree = family(code)
        said = [member.line() for _ in range(4)]
        assert len(said) == 4
        signalled = [pid for pids in sweep(tree, signal.SIGUSR1) for pid in pids]
        assert len(signalled) == len(set(signalled)) == 4
        sweep(tree, signal.SIGUSR2)
        return [member.line() for _ in range(4)] == ["counted 1"] * 4

    assert in_subreaper(counted)


def test_who_is_forked_while_the_signal_goes_round_gets_it_too():
    """Its parent has started it instead of leaving, and left after that."""

    def swept() -> bool:
        code = """
            def late(*_):
                fork(lambda: (signal.signal(signal.SIGTERM, lambda *_: (say("late", "gone"), os._exit(0))),
                              os.setsid(), stay("late")))
                os.read(waiting, 1)
                os._exit(0)
            waiting, waker = os.pipe()
            say_before = say
            def say(*words):
                say_before(*words)
                if words[0] == "late":
                    os.write(waker, b"x")
            signal.signal(signal.SIGTERM, late)
            stay("root")
        """
        member, tree = family(code)
        member.pids("root")
        one = Sweep(tree.members, signal.SIGTERM)
        first = one.round(now())
        assert pids_of(first.signalled) == [member.pid]
        assert not first.settled
        (late,) = member.pids("late")
        member.wait()
        second = one.round(now())
        assert pids_of(second.signalled) == [late]
        assert member.line() == "late gone"
        os.waitpid(late, 0)
        return one.round(now()).settled

    assert in_subreaper(swept)


def test_a_tree_that_keeps_forking_is_killed():
    """Each of its processes starts another one as soon as it can, in a session of its own, and ends."""

    def killed() -> bool:
        code = """
            import time
            def hop():
                while True:
                    if os.fork():
                        os._exit(0)
                    os.setsid()
                    time.sleep(0.1)
            os.close(0)
            for _ in range(5):
                fork(hop)
            stay("root")
        """
        member, tree = family(code)
        member.pids("root")
        one = Sweep(tree.members, signal.SIGKILL)
        for _ in range(trees.ROUNDS):
            if one.round(now()).settled:
                break
        # All of them hold this pipe: it ends with the last.
        return member.stdout.read() == b""

    assert in_subreaper(killed)


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="needs somebody who may not signal somebody else")
def test_a_refusal_is_told_once():
    """With the signal, the process and the reason; then the sweep is settled all the same."""

    def refused() -> tuple:
        member, tree = family("stay('root')")
        member.pids("root")
        name = Path(f"/proc/{member.pid}/comm").read_text().strip()

        def as_nobody() -> tuple:
            os.setuid(NOBODY)
            one = Sweep(tree.members, signal.SIGTERM)
            first, second = one.round(now()), one.round(now())
            text = f"cannot send SIGTERM to pid {member.pid}: Operation not permitted ({name})"
            return first.refused == (text,), first.settled, second.refused, second.settled

        return in_fork(as_nobody)

    assert in_subreaper(refused) == (True, False, (), True)


def test_a_round_has_a_bound(monkeypatch):
    """A huge tree does not hold up the loop: the rest is for the next round."""
    monkeypatch.setattr(trees, "SIGNALS_AT_ONCE", 2)

    def swept() -> list[int]:
        member, tree = family("for _ in range(4): fork(lambda: stay('child'))\nstay('root')")
        for _ in range(5):
            member.line()
        return [len(pids) for pids in sweep(tree, signal.SIGUSR1)]

    assert in_subreaper(swept) == [2, 2, 1]


def test_somebody_in_the_middle_of_an_exec_keeps_a_sweep_open(monkeypatch):
    """Its environment is not there for a moment, so it cannot be known whose it is: one more look will tell."""

    def swept() -> list[bool]:
        with running():
            one = Sweep(lambda _: (), signal.SIGTERM)
            settled = [one.round(now()).settled]
            with monkeypatch.context() as patch:
                patch.setattr(trees, "environ", lambda pid: Unseen.NOT_YET)
                settled.append(one.round(now()).settled)
            return settled

    assert in_subreaper(swept) == [True, False]


# ---- tags


def test_a_tag_tells_nothing_of_another_one(monkeypatch):
    """A program sees its own, and the names of others; their tags it must not be able to bear."""
    monkeypatch.setattr("procman.system.tree.time.clock_gettime_ns", lambda _: 1)
    assert Tags("supervisor").new("web") != Tags("supervisor").new("web")


def test_no_two_masters_give_the_same_tag():
    """Not even with the same identifier, from the same process."""
    first, second = Tags("supervisor"), Tags("supervisor")
    given = [first.new("web:web_0"), first.new("web:web_0"), second.new("web:web_0"), second.new("web:web_0")]
    assert len(set(given)) == 4
    assert all(tag.startswith("supervisor/web:web_0/") for tag in given)


def test_a_tag_is_bytes_to_the_system():
    """Names are whatever people write."""
    tag = Tags("ü").new("wéb\udcff")
    with running(env={TAG: tag}) as process:
        assert process.pid in pids_of(look().tagged(tag))


def test_the_tests_leave_nobody_behind():
    """A family ends with all its members."""

    def started() -> list[int]:
        member, _ = family(DAEMON + 'stay("root")')
        return member.pids("root", "daemon")

    assert all(has_ended(pid) for pid in in_subreaper(started))
